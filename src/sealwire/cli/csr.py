"""``sealwire csr``: make a key with its request, explain a request.

The words stand here, what they do in ``csr_actions``: help stays quick without the libraries.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealwire.cli.output import JsonOption

csr_app = typer.Typer(no_args_is_help=True, help="Certificate requests: make one, explain one.")

_KEY_TYPES = "rsa2048, rsa3072, rsa4096, p256 or p384."


@csr_app.command("new")
def new(
    cn: Annotated[str, typer.Option("--cn", help="Common name: the host's full name.")],
    out_dir: Annotated[Path, typer.Option("--out-dir", help="Folder for NAME.key and NAME.csr.")],
    san: Annotated[
        list[str] | None, typer.Option("--san", help="Further host name or IP address; repeatable.")
    ] = None,
    country: Annotated[str, typer.Option("--c", help="Country, two letters.")] = "",
    state: Annotated[str, typer.Option("--st", help="State or province.")] = "",
    locality: Annotated[str, typer.Option("--l", help="Locality (city).")] = "",
    organization: Annotated[str, typer.Option("--o", help="Organization.")] = "",
    unit: Annotated[str, typer.Option("--ou", help="Organizational unit.")] = "",
    key_type: Annotated[str, typer.Option("--key-type", help=_KEY_TYPES)] = "rsa2048",
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
    openssl: Annotated[
        bool,
        typer.Option("--openssl", help="Make nothing; print the openssl commands for the same."),
    ] = False,
) -> None:
    """Write a new private key (NAME.key, mode 0600) and its request (NAME.csr)."""
    from sealwire.cli import csr_actions
    from sealwire.x509.subject import SubjectFields

    fields = SubjectFields(country, state, locality, organization, unit, cn)
    if openssl:
        typer.echo(csr_actions.openssl(fields, san or [], key_type), nl=False)
        return
    key_path, csr_path = csr_actions.new(fields, san or [], key_type, out_dir, force=force)
    typer.echo(f"Private key: {key_path}")
    typer.echo(f"Request:     {csr_path}")


@csr_app.command("show")
def show(
    file: Annotated[Path, typer.Argument(help="The request, PEM or DER.")],
    as_json: JsonOption = False,
) -> None:
    """Explain a request and list every fault; exit code 2 when something refuses it."""
    from sealwire.cli import csr_actions

    csr_actions.show(file, as_json=as_json)
