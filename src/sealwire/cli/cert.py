"""``sealwire cert``: explain certificates in any wrapping."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealwire.cli.output import JsonOption

cert_app = typer.Typer(no_args_is_help=True, help="Certificates: show what files hold.")


@cert_app.callback()
def _group() -> None:
    """Certificates: show what files hold."""


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
