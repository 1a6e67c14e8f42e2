"""``sealwire sensor crl`` and ``sealwire appliance crl``: revocation lists that judge peers."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from sealwire.cli.files import read_input
from sealwire.cli.output import JsonOption, printable, show_json, show_table
from sealwire.cli.session import HomeOption, api, segment
from sealwire.clock import SystemClock
from sealwire.errors import RefusedError, UsageError

_API = "/api/v1/trust/crls"
_HELP = {
    "sensor": "Revocation lists by which senders' certificates are judged.",
    "appliance": "Revocation lists by which the servers streamed to are judged.",
}
_Name = Annotated[str, typer.Argument(help="The list's name.")]


def crl_commands(side: str) -> typer.Typer:
    """The commands for ``sensor`` or ``appliance``."""
    commands = typer.Typer(no_args_is_help=True, help=_HELP[side])
    address = f"{_API}/{side}"
    _listing(commands, address)
    _adding(commands, address)
    _removing(commands, address)
    _refreshing(commands, address)
    return commands


def _listing(commands: typer.Typer, address: str) -> None:
    @commands.command("list")
    def list_(home: HomeOption = None, json: JsonOption = False) -> None:
        """List them: issuer, when each is due, what went wrong last."""
        with api(home) as client:
            _show(client.call("GET", address), as_json=json)


def _adding(commands: typer.Typer, address: str) -> None:
    @commands.command("add")
    def add(
        location: Annotated[
            str,
            typer.Argument(metavar="URL|FILE", help="Where it is loaded from, again and again."),
        ],
        name: Annotated[str, typer.Option(help="Its name here (default: the file's).")] = "",
        hard: Annotated[
            bool, typer.Option("--hard", help="Refuse everybody of its issuer when it is stale.")
        ] = False,
        every: Annotated[
            int, typer.Option("--every", min=60, help="Seconds between two loads.")
        ] = 3600,
        once: Annotated[
            bool, typer.Option("--once", help="Hand the file in; it is not loaded again.")
        ] = False,
        home: HomeOption = None,
        json: JsonOption = False,
    ) -> None:
        """Add a list, DER or PEM; it is loaded at once."""
        body: dict[str, Any] = {
            "name": name or _name(location),
            "stale_policy": "hard" if hard else "soft",
            "refresh_seconds": every,
        }
        if once:
            body["content"] = b64encode(read_input(Path(location))).decode("ascii")
        else:
            body["location"] = _place(location)
        with api(home) as client:
            added = client.call("POST", address, json=body)
        _show([added], as_json=json)
        if added["last_error"]:
            text = f"It judges nobody until it is loaded; the next try is in {every} seconds."
            typer.echo(text, err=True)


def _removing(commands: typer.Typer, address: str) -> None:
    @commands.command("remove")
    def remove(name: _Name, home: HomeOption = None) -> None:
        """Remove a list; it no longer judges anybody."""
        with api(home) as client:
            client.call("DELETE", f"{address}/{segment(name)}")
        typer.echo(f"removed {printable(name)}")


def _refreshing(commands: typer.Typer, address: str) -> None:
    @commands.command("refresh")
    def refresh(
        name: Annotated[str, typer.Argument(help="Only this list.")] = "",
        home: HomeOption = None,
        json: JsonOption = False,
    ) -> None:
        """Load now what is loaded from somewhere; exit code 2 when that fails."""
        path = f"{address}/{segment(name)}/refresh" if name else f"{address}/refresh"
        with api(home) as client:
            refreshed = client.call("POST", path)
        _show(refreshed, as_json=json)
        failed = [each["name"] for each in refreshed if each["last_error"]]
        if failed:
            raise RefusedError("crl.refresh_failed", f"not loaded: {', '.join(failed)}")


def _place(location: str) -> str:
    """A URL as it is, a file by its whole path. Raises UsageError for what cannot be loaded."""
    scheme, mark, _ = location.partition("://")
    if not mark:
        return str(Path(location).absolute())
    if scheme.lower() not in {"http", "https"}:
        raise UsageError(
            "crl.location",
            f"A list is loaded by http, by https or from a file, not by {printable(scheme)}.",
            hint="fetch it by other means into a file, and give the file",
        )
    return location


def _name(location: str) -> str:
    """The last part of URL or path."""
    return location.split("?", 1)[0].rstrip("/").rpartition("/")[2]


def _show(listing: list[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        show_json(listing)
        return
    show_table(
        [
            ("name", "NAME"),
            ("issuer", "ISSUER"),
            ("entries", "ENTRIES"),
            ("this_update", "ISSUED"),
            ("next_update", "NEXT DUE"),
            ("state", "STATE"),
            ("stale_policy", "WHEN STALE"),
            ("loaded", "LOADED"),
            ("last_error", "LAST ERROR"),
        ],
        [{**each, "state": state_of(each)} for each in listing],
    )


def state_of(entry: dict[str, Any]) -> str:
    """Whether a list judges, and by fresh knowledge."""
    if entry["loaded"] is None:
        return "not loaded"
    due = entry["next_update"]
    overdue = due is not None and datetime.fromisoformat(due) < SystemClock().now()
    return "stale" if overdue else "current"
