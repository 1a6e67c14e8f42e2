"""``sealwire sensor``: what receives."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealwire.cli import identity_files as files
from sealwire.cli.crl import crl_commands
from sealwire.cli.files import read_input
from sealwire.cli.identity_commands import End, add_identity_commands
from sealwire.cli.output import JsonOption, printable, show_fields, show_json, show_table
from sealwire.cli.senders import senders_app
from sealwire.cli.sensor_export import add_export_command
from sealwire.cli.sensor_figures import show_what_is_spoken, show_what_is_stored
from sealwire.cli.sensor_records import KEPT, add_record_commands
from sealwire.cli.sensor_retention import hold_app, retention_app
from sealwire.cli.session import HomeOption, api, segment
from sealwire.cli.silence import silence_app
from sealwire.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_NOW = "What comes in"
_RECEIVING = "Who may send, and how"

sensor_app = typer.Typer(
    no_args_is_help=True, help="The sensor: receives syslog, keeps it and finds it again."
)
identity_app = typer.Typer(no_args_is_help=True, help="The sensor's own key and certificate.")
listener_app = typer.Typer(
    no_args_is_help=True, help="Its ports, and whether senders must show a certificate."
)
trust_app = typer.Typer(no_args_is_help=True, help="CAs that may sign senders' certificates.")
sensor_app.add_typer(identity_app, name="identity", rich_help_panel=_RECEIVING)
sensor_app.add_typer(listener_app, name="listener", rich_help_panel=_RECEIVING)
sensor_app.add_typer(trust_app, name="trust", rich_help_panel=_RECEIVING)
sensor_app.add_typer(senders_app, name="admit", rich_help_panel=_RECEIVING)
sensor_app.add_typer(silence_app, name="silence", rich_help_panel=_NOW)
sensor_app.add_typer(retention_app, name="retention", rich_help_panel=KEPT)
sensor_app.add_typer(hold_app, name="hold", rich_help_panel=KEPT)
sensor_app.add_typer(crl_commands("sensor"), name="crl", rich_help_panel=_RECEIVING)

_API = "/api/v1/sensor"
_FAULTS = {
    "incomplete": "Frames cut in the middle",
    "bad_count": "Frames with a wrong length",
    "overlong": "Messages too long, cut",
    "truncated_bytes": "Bytes cut from them",
    "unterminated": "Last lines without an end",
    "quarantined_bytes": "Bytes put aside",
}


@identity_app.command("show")
def identity_show(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show the certificate in use, its chain, and the CSRs that wait."""
    with api(home) as client:
        answer = client.call("GET", f"{_API}/identity")
    if json:
        show_json(answer)
    else:
        files.show_identity(answer["identity"], answer["pending"])


add_identity_commands(
    identity_app,
    End(
        certificate=f"{_API}/identity",
        csr=f"{_API}/identity/csr",
        key_type="rsa2048",
        profile="caAuditServerCert",
        csr_help="Make a key on the sensor and a CSR for it.",
        import_help="Install a certificate with its chain, in any order; new connections use it"
        " at once.",
    ),
)


@listener_app.command("list")
def listener_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the listeners."""
    with api(home) as client:
        listing = client.call("GET", f"{_API}/listeners")
    if json:
        show_json(listing)
        return
    show_table(
        [
            ("port", "PORT"),
            ("transport", "TRANSPORT"),
            ("client_certificate", "CLIENT CERTIFICATE"),
            ("legacy_cbc", "LEGACY CBC"),
            ("open", "OPEN"),
        ],
        listing,
    )


@listener_app.command("set")
def listener_set(
    client_certificate: Annotated[
        str, typer.Option(help="off, wanted (absent allowed, invalid refused) or required.")
    ],
    home: HomeOption = None,
) -> None:
    """Say whether senders must show a certificate."""
    with api(home) as client:
        answer = client.call("PUT", f"{_API}/client-certificate", json={"mode": client_certificate})
    typer.echo(f"client certificate: {answer['mode']}, for connections from now on")


@trust_app.command("list")
def trust_list(home: HomeOption = None, json: JsonOption = False) -> None:
    """List the anchors for senders' certificates."""
    with api(home) as client:
        listing = client.call("GET", f"{_API}/trust")
    if json:
        show_json(listing)
    else:
        columns = [("subject", "SUBJECT"), ("not_after", "NOT AFTER"), ("sha256", "SHA-256")]
        show_table(columns, listing)


@trust_app.command("add")
def trust_add(
    path: Annotated[Path, typer.Argument(help="CA certificates, PEM.")], home: HomeOption = None
) -> None:
    """Accept senders' certificates that these CAs signed."""
    pem = read_input(path).decode("utf-8", "replace")
    with api(home) as client:
        added = client.call("POST", f"{_API}/trust", json={"pem": pem})
    for anchor in added:
        typer.echo(f"accepted: what {printable(anchor['subject'])} signs")
    if not added:
        typer.echo("accepted already")


@trust_app.command("remove")
def trust_remove(
    sha256: Annotated[str, typer.Argument(help="The anchor's SHA-256.")], home: HomeOption = None
) -> None:
    """No longer accept what this CA signed."""
    with api(home) as client:
        client.call("DELETE", f"{_API}/trust/{segment(sha256)}")
    typer.echo(f"no longer accepted: {printable(sha256)}")


@sensor_app.command("stats", rich_help_panel=_NOW)
def stats(home: HomeOption = None, json: JsonOption = False) -> None:
    """Show Packets Received, bytes, and who sent them."""
    with api(home) as client:
        answer = client.call("GET", f"{_API}/stats")
    if json:
        show_json(answer)
        return
    show_fields(
        {"Packets Received": answer["packets_received"], "Bytes received": answer["bytes_received"]}
    )
    show_what_is_spoken(answer)
    show_what_is_stored(answer["archive"])
    _show_sources(answer["sources"])
    show_fields({words: answer[fault] or "" for fault, words in _FAULTS.items()})
    for failure in answer["tls_failures"]:
        times = "once" if failure["count"] == 1 else f"{failure['count']} times"
        typer.echo(f"TLS failed: {printable(failure['address'])}, {times}: {_reason(failure)}")
    for trouble in answer["journal_trouble"]:
        typer.echo(f"Not receiving: {printable(trouble)}")
    for alarm in answer["alarms"]:
        kind = "Over" if alarm["over"] else "Alarm"
        typer.echo(f"{kind}: {printable(alarm['text'])}, last at {alarm['last_seen']}")


@sensor_app.command("sources", rich_help_panel=_NOW)
def sources(home: HomeOption = None, json: JsonOption = False) -> None:
    """List who sends: one line for each address and certificate."""
    with api(home) as client:
        listing = client.call("GET", f"{_API}/sources")
    if json:
        show_json(listing)
    else:
        _show_sources(listing)


@sensor_app.command("tail", rich_help_panel=_NOW)
def tail(
    count: Annotated[int, typer.Option("-n", min=0, max=100_000, help="So many messages.")] = 20,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on as they arrive.")] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show the newest messages as they are in the journal.

    With --follow also what arrives, until it is interrupted or the node stops (exit code 3).
    """
    parameters: dict[str, Any] = {"count": count, "follow": follow}
    with api(home) as client, client.lines(f"{_API}/tail", params=parameters) as lines:
        for line in lines:
            if json:
                typer.echo(line)
            else:
                message = json_format.loads(line)
                text = printable(message["raw"].removesuffix("\n"))
                typer.echo(f"{message['received']} {message['address']} {text}")
    if follow:
        raise UnavailableError(
            "node.stopped",
            "the node does not run: nothing more arrives",
            hint="follow again when it runs",
        )


def _reason(failure: Mapping[str, Any]) -> str:
    return printable(f"{failure['detail'] or 'no more is known'} ({failure['reason']})")


def _show_sources(listing: Sequence[Mapping[str, Any]]) -> None:
    show_table(
        [
            ("address", "ADDRESS"),
            ("packets_received", "PACKETS"),
            ("messages_per_second", "A SECOND"),
            ("bytes_received", "BYTES"),
            ("last_seen", "LAST SEEN"),
            ("spoken", "SPEAKS"),
            ("certificate_subject", "CERTIFICATE"),
        ],
        listing,
    )


add_record_commands(sensor_app)
add_export_command(sensor_app)
