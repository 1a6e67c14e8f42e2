"""``sealwire doctor``: look at a TLS server step by step, and name what is wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sealwire.cli.output import JsonOption
from sealwire.cli.session import HomeOption


def doctor(
    address: Annotated[str, typer.Argument(metavar="HOST:PORT", help="The server to look at.")],
    client_cert: Annotated[
        Path | None, typer.Option("--client-cert", help="Certificate and chain to show.")
    ] = None,
    client_key: Annotated[
        Path | None, typer.Option("--client-key", help="Its private key (may be in the same file).")
    ] = None,
    ca: Annotated[
        Path | None,
        typer.Option("--ca", help="Whom to trust (default: the system's roots, the home's CA)."),
    ] = None,
    crl: Annotated[
        list[Path] | None, typer.Option("--crl", help="Revocation list, PEM or DER; repeatable.")
    ] = None,
    server_name: Annotated[
        str, typer.Option(help="Name its certificate must carry (default: the host).")
    ] = "",
    timeout: Annotated[
        float, typer.Option("--timeout", min=0.1, max=60, help="Seconds for each wait.")
    ] = 5.0,
    message: Annotated[bool, typer.Option(help="Send one syslog message at the end.")] = True,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Look at a TLS server step by step, from DNS to a message; name each fault and its fix.

    Exit code 2 when a step failed, 3 when there is no connection.
    """
    from sealwire.cli import doctor_actions

    asked = doctor_actions.Question(
        address, client_cert, client_key, ca, tuple(crl or ()), server_name, timeout, message, home
    )
    doctor_actions.examine(asked, as_json=json)
