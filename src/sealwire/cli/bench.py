"""``sealwire bench``: how fast this machine is with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealwire.cli.ca_init import KeyTypeOption
from sealwire.cli.output import JsonOption, show_fields, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

bench_app = typer.Typer(no_args_is_help=True, help="How fast it is on this machine.")


@bench_app.callback()
def _bench() -> None:
    """How fast it is on this machine."""


@bench_app.command("ingest")
def ingest(
    messages: Annotated[
        int, typer.Option(min=1, max=50_000_000, help="So many messages.")
    ] = 200_000,
    connections: Annotated[int, typer.Option(min=1, max=64, help="From so many senders.")] = 4,
    size: Annotated[int, typer.Option(min=180, max=8192, help="Bytes of each message.")] = 256,
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Messages in each TLS record.")] = 1,
    json: JsonOption = False,
) -> None:
    """Send to a sensor of its own over TLS; messages a second, CPU, and that each is found once."""
    from sealwire.bootstrap.bench import Load, bench_ingest

    load = Load(messages, connections, size, batch)
    note = "a sensor of its own is started, asked and removed again"
    _tell(note, lambda: bench_ingest(load), _show_ingest, json=json)


@bench_app.command("issue")
def issue(
    certificates: Annotated[int, typer.Option(min=1, max=100_000, help="So many.")] = 500,
    connections: Annotated[int, typer.Option(min=1, max=64, help="Of the agent.")] = 16,
    key_type: KeyTypeOption = "p256",
    bulk: Annotated[int, typer.Option(min=1, max=1000, help="Approvals in each call.")] = 1,
    json: JsonOption = False,
) -> None:
    """Have the agent of a CA of its own approve over HTTPS; certificates a second, CPU, the books.

    The requests are submitted before. Measured is from the first approval to the last answer:
    certificate and audit record are durable by then.
    """
    from sealwire.bootstrap.bench_issue import Issuance, bench_issue

    asked = Issuance(certificates, connections, key_type, bulk)
    note = "a CA of its own is made, asked and removed again"
    _tell(note, lambda: bench_issue(asked), _show_issue, json=json)


def _tell(
    note: str,
    measure: Callable[[], Mapping[str, Any]],
    show: Callable[[Mapping[str, Any]], None],
    *,
    json: bool,
) -> None:
    if json:
        show_json(measure())
    else:
        typer.echo(note, err=True)
        show(measure())


def _show_issue(measured: Mapping[str, Any]) -> None:
    show_fields(
        {
            "Approved": f"{measured['certificates']} requests over"
            f" {measured['connections']} connections of an agent,"
            f" {measured['approvals_in_each_call']} in each call",
            "Issued": f"every one, recorded once; by a CA with {measured['ca_key_type']} keys",
            "Certificates a second": measured["certificates_per_second"],
            "CPU, ms for each": measured["cpu_milliseconds_per_certificate"],
            "Processors": f"{measured['processors']}, shared with the agent",
        }
    )


def _show_ingest(measured: Mapping[str, Any]) -> None:
    cpu = measured["cpu_seconds_per_million"]
    behind = measured["seconds_until_all_was_found"]
    show_fields(
        {
            "Sent": f"{measured['messages']} messages of {measured['bytes_per_message']} bytes,"
            f" {measured['connections']} connections,"
            f" {measured['messages_per_tls_record']} in each TLS record",
            "Received": "every one, counted when it was on the disk",
            "Messages a second": measured["messages_per_second"],
            "Found by search": f"every one, once; the last {behind:g} s after it was received",
            "CPU, s for a million": ", ".join(f"{role} {value:g}" for role, value in cpu.items()),
            "Processors": f"{measured['processors']}, shared with the senders",
        }
    )
