"""``ca-audit-*``: the audit configuration and the audit log's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import typer

from sealwire.cli.files import read_input, write_output
from sealwire.cli.output import JsonOption
from sealwire.cli.pki import showing as out
from sealwire.cli.pki.audit_output import audit_configuration, audit_files_found
from sealwire.cli.pki.connection import sessions_of
from sealwire.cli.pki.reading import json_object
from sealwire.cli.pki_output import boxed, visible
from sealwire.cli.session import segment
from sealwire.errors import UsageError

OutputOption = Annotated[Path | None, typer.Option("--output", help="Write it here, as JSON.")]


def show(context: typer.Context, output: OutputOption = None, json: JsonOption = False) -> None:
    """Show audit configuration."""
    with sessions_of(context).session() as ca:
        document = ca.get("audit")
    if output is None:
        head = boxed("Audit configuration")
        out.show(document, lambda: head + audit_configuration(document), json=json)
    else:
        out.save(document, output)
        out.tell("", box=f"Stored audit configuration into {visible(str(output))}")


def modify(
    context: typer.Context,
    action: Annotated[str, typer.Option(help="enable or disable.")] = "",
    file: Annotated[Path | None, typer.Option("--input", help="The configuration, JSON.")] = None,
    output: OutputOption = None,
) -> None:
    """Modify audit configuration."""
    if action and file is not None:
        raise UsageError("pki.options", "Action and input file are mutually exclusive.")
    if not action and file is None:
        raise UsageError("pki.options", "Missing action or input file.")
    wanted = {}
    if file is not None:
        wanted = json_object(read_input(file), file, "audit configuration")
    with sessions_of(context).session() as ca:
        document = ca.post("audit", action=action) if action else ca.patch("audit", wanted)
    shown = audit_configuration(document)
    if output is not None:
        out.save(document, output)
        shown = ""
    out.tell(shown, box="Modified audit configuration")


def file_find(context: typer.Context, json: JsonOption = False) -> None:
    """Find audit files."""
    with sessions_of(context).session() as ca:
        listed = ca.get("audit/files")
    out.show(listed, lambda: audit_files_found(listed), json=json)


def file_retrieve(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="FILENAME")],
    output: Annotated[Path | None, typer.Option("--output", help="Write it here.")] = None,
) -> None:
    """Retrieve audit file."""
    target = output or Path(name)
    if output is None and (target.name != name or name in {".", ".."}):
        raise UsageError(
            "pki.file_name", f"not a file's name: {visible(name)}", hint="say --output FILE"
        )
    with sessions_of(context).session() as ca:
        content = ca.content(f"audit/files/{segment(name)}")
    write_output(target, content, mode=0o600)


WORDS: Final[dict[str, Callable[..., None]]] = {
    "ca-audit-show": show,
    "ca-audit-mod": modify,
    "ca-audit-file-find": file_find,
    "ca-audit-file-retrieve": file_retrieve,
}
