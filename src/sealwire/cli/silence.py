"""``sealwire sensor silence``: when a source that sends nothing is an alarm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealwire.cli.output import JsonOption, printable, show_json
from sealwire.cli.session import HomeOption, api, segment

if TYPE_CHECKING:
    from collections.abc import Mapping

silence_app = typer.Typer(
    no_args_is_help=True, help="Alarms for sources that used to send and have fallen silent."
)

_API = "/api/v1/sensor/silence"


@silence_app.command("list")
def silence_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the hours of silence that are borne."""
    with api(home) as client:
        answer = client.call("GET", _API)
    if json:
        show_json(answer)
    else:
        _show(answer)


@silence_app.command("set")
def silence_set(
    hours: Annotated[float, typer.Option(min=0, help="Hours of silence; 0: never an alarm.")],
    source: Annotated[str | None, typer.Option(help="For this address only.")] = None,
    home: HomeOption = None,
) -> None:
    """Choose after how many hours of silence there is an alarm."""
    with api(home) as client:
        _show(client.call("PUT", _API, json={"hours": hours, "address": source}))


@silence_app.command("remove")
def silence_remove(
    source: Annotated[str, typer.Argument(help="An address that has hours of its own.")],
    home: HomeOption = None,
) -> None:
    """Let the general hours count for a source again."""
    with api(home) as client:
        _show(client.call("DELETE", f"{_API}/{segment(source)}"))


def _show(answer: Mapping[str, Any]) -> None:
    typer.echo(f"every source: {_hours(answer['hours'])}")
    for one in answer["sources"]:
        typer.echo(f"{printable(one['address'])}: {_hours(one['hours'])}")


def _hours(hours: float) -> str:
    return f"{hours:g} hours" if hours else "never an alarm"
