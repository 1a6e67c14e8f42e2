"""``sealwire sensor admit``: senders that are named."""

from __future__ import annotations

from typing import Annotated

import typer

from sealwire.cli.output import JsonOption, printable, show_json, show_table
from sealwire.cli.session import HomeOption, api, segment

senders_app = typer.Typer(
    no_args_is_help=True,
    help="Named senders: who may come in, which HOSTNAME each may claim.",
)
_API = "/api/v1/sensor/senders"


@senders_app.command("list")
def senders_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the senders that are named."""
    with api(home) as client:
        listing = client.call("GET", _API)
    if json:
        show_json(listing)
        return
    rows = [{**each, "hosts": ", ".join(each["hosts"]) or "any"} for each in listing]
    show_table(
        [
            ("name", "NAME"),
            ("san", "SAN"),
            ("fingerprint", "FINGERPRINT"),
            ("network", "NETWORK"),
            ("hosts", "MAY CLAIM"),
            ("framing", "FRAMING"),
        ],
        rows,
    )


@senders_app.command("add")
def senders_add(
    name: Annotated[str, typer.Argument(help="What to call it.")],
    san: Annotated[str, typer.Option(help="DNS name or address in its certificate.")] = "",
    fingerprint: Annotated[
        str, typer.Option(help="SHA-256 (or SHA-1) fingerprint of its certificate.")
    ] = "",
    network: Annotated[
        str, typer.Option(help="Address or network it comes from. Admits nobody by itself.")
    ] = "",
    host: Annotated[
        list[str] | None, typer.Option(help="A HOSTNAME that it may claim. Default: any.")
    ] = None,
    framing: Annotated[
        str, typer.Option(help="auto, octets, lines or nul: how its messages are told apart.")
    ] = "auto",
    home: HomeOption = None,
) -> None:
    """Name a sender. Once one is named by its certificate, only named certificates come in."""
    body = {
        "name": name,
        "san": san or None,
        "fingerprint": fingerprint or None,
        "network": network or None,
        "hosts": host or [],
        "framing": framing,
    }
    with api(home) as client:
        made = client.call("POST", _API, json=body)
    typer.echo(f"named: {printable(made['name'])}, for connections from now on")


@senders_app.command("remove")
def senders_remove(
    name: Annotated[str, typer.Argument(help="Its name.")], home: HomeOption = None
) -> None:
    """Forget a named sender."""
    with api(home) as client:
        client.call("DELETE", f"{_API}/{segment(name)}")
    typer.echo(f"forgotten: {printable(name)}")
