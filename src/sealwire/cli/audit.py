"""``sealwire audit``: the trails."""

from __future__ import annotations

from typing import Annotated

import typer

from sealwire.cli.audit_log import config_app, files_app, verify_log
from sealwire.cli.output import JsonOption, printable, show_json_lines
from sealwire.cli.session import HomeOption, api, segment

audit_app = typer.Typer(
    no_args_is_help=True, help="The audit trails of all roles, and the signed audit log."
)
_PAGE = 1000


audit_app.add_typer(config_app, name="config")
audit_app.add_typer(files_app, name="files")
audit_app.command("verify-log")(verify_log)


@audit_app.callback()
def _group() -> None:
    """The audit trails of all roles, and the signed audit log."""


@audit_app.command("list")
def list_records(
    trail: Annotated[str, typer.Option(help="Only this trail (default: every one).")] = "",
    start: Annotated[int, typer.Option(min=0, help="From this index on.")] = 0,
    limit: Annotated[int, typer.Option(min=0, help="At most so many of each trail; 0: all.")] = 0,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show audit records, oldest first in each trail."""
    with api(home) as client:
        names = [trail] if trail else [t["trail"] for t in client.call("GET", "/api/v1/audit")]
        for name in names:
            position, left = start, limit or None
            while left is None or left > 0:
                page = client.call(
                    "GET",
                    f"/api/v1/audit/{segment(name)}",
                    params={"start": position, "limit": min(_PAGE, left or _PAGE)},
                )
                if json:
                    show_json_lines(page)
                else:
                    for r in page:
                        typer.echo(f"{r['trail']} {r['idx']} {r['time']} {printable(r['message'])}")
                if len(page) < min(_PAGE, left or _PAGE):
                    break
                position += len(page)
                left = None if left is None else left - len(page)
