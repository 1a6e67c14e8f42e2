"""What ``sealwire cert expiring`` does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from sealwire.cli.files import read_inputs
from sealwire.cli.output import show_json, show_table
from sealwire.cli.session import api
from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from pathlib import Path

_COLUMNS = (
    ("days_left", "DAYS LEFT"),
    ("not_after", "ENDS"),
    ("where", "WHERE"),
    ("place", "PLACE"),
    ("subject", "SUBJECT"),
)


def show_expiring(files: list[Path], within: int, home: Path | None, *, as_json: bool) -> None:
    """List those with at most ``within`` days left. RefusedError when one has ended."""
    found = [one for one in _lifetimes(files, home) if one["days_left"] <= within]
    if as_json:
        show_json({"entries": found})
    elif found:
        show_table(_COLUMNS, found)
    else:
        typer.echo(f"No certificate ends within {within} days.")
    ended = sum(one["days_left"] < 0 for one in found)
    if ended:
        raise RefusedError("certificate.expired", f"Certificates that have ended: {ended}.")


def _lifetimes(files: list[Path], home: Path | None) -> list[dict[str, Any]]:
    if not files:
        with api(home) as client:
            return list(client.call("GET", "/api/v1/expiry")["entries"])
    from sealwire.clock import SystemClock
    from sealwire.identity.expiry import Watched, lifetime_document, lifetimes
    from sealwire.x509.bundle import read_bundle

    watched = []
    for name, content in read_inputs(files):
        certificates = read_bundle([(name, content)]).certificates
        if not certificates:
            raise RefusedError("bundle.empty", f"There is no certificate in {name}.")
        watched.append(Watched(name, certificates))
    return [lifetime_document(one) for one in lifetimes(watched, SystemClock().now())]
