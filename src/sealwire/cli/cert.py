"""``sealwire cert``: explain certificates in any wrapping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealwire.cli.output import JsonOption
from sealwire.cli.session import HomeOption

cert_app = typer.Typer(
    no_args_is_help=True, help="Certificates: what files hold, and which end soon."
)


@cert_app.callback()
def _group() -> None:
    """Certificates: what files hold, and which end soon."""


@cert_app.command("show")
def show(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="PEM, DER, PKCS#7, PKCS#12 or zip.")
    ],
    as_json: JsonOption = False,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="File with the PKCS#12's password.")
    ] = None,
) -> None:
    """Show every certificate in the files; exit code 2 when there is none."""
    from sealwire.cli import chain_actions

    chain_actions.show_certificates(files, password_file, as_json=as_json)


@cert_app.command("expiring")
def expiring(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Certificates to look at instead of the node's."),
    ] = None,
    within: Annotated[
        int, typer.Option("--within", min=0, help="Days that are at most left.")
    ] = 90,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the certificates in use that end soon, whole chains; exit code 2 when one has ended."""
    from sealwire.cli import expiry_actions

    expiry_actions.show_expiring(files or [], within, home, as_json=as_json)
