"""``sealwire sensor search``, ``record``, ``reindex``: the stored records."""

from __future__ import annotations

import json as json_format
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sealwire.cli.output import JsonOption, printable, show_fields, show_json
from sealwire.cli.session import HomeOption, api
from sealwire.errors import SealwireError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sealwire.bootstrap.client import ApiClient

KEPT = "What was kept"
"""Heading of these commands in the help."""

_API = "/api/v1/sensor"
_ENVELOPE = {
    "received": "Received",
    "listener": "Listener port",
    "transport": "Transport",
    "tls": "TLS",
    "address": "Sender",
    "port": "Sender's port",
    "certificate_subject": "Certificate",
    "certificate_sha256": "SHA-256",
    "framing": "Framing",
    "retention": "Retention class",
    "grade": "Grade",
    "rule": "Rule",
    "facility": "Facility",
    "severity": "Severity",
    "timestamp": "Sender's time",
    "host": "HOSTNAME",
    "app": "APP-NAME",
    "procid": "PROCID",
    "msgid": "MSGID",
    "flags": "Flags",
}

Words = Annotated[
    list[str] | None,
    typer.Argument(
        help="Words of the text, and FIELD=VALUE; quote for the shell, `--` before a dash."
    ),
]
Since = Annotated[
    str | None, typer.Option(help="Received since: 15m, 2h, 7d (ago), a date, or RFC 3339.")
]
Until = Annotated[str | None, typer.Option(help="Received before; as --since.")]


def add_record_commands(app: typer.Typer) -> None:
    """The commands of this module."""
    app.command("search", rich_help_panel=KEPT)(search)
    app.command("record", rich_help_panel=KEPT)(record)
    app.command("reindex", rich_help_panel=KEPT)(reindex)


def search(
    words: Words = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option("-n", "--limit", min=1, help="So many records.")] = 100,
    oldest_first: Annotated[
        bool, typer.Option("--oldest-first", help="Begin with the oldest.")
    ] = False,
    redelivered: Annotated[
        bool, typer.Option("--redelivered", help="Also what a sender sent a second time.")
    ] = False,
    count: Annotated[bool, typer.Option("--count", help="Say only how many there are.")] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Also the segment and row of each.")
    ] = False,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Find stored records by words, fields and time of receipt."""
    asked: dict[str, Any] = {
        "q": " ".join(words or ()),
        "since": since,
        "until": until,
        "order": "oldest" if oldest_first else "newest",
        "redelivered": redelivered,
    }
    asked = {name: value for name, value in asked.items() if value is not None}
    with api(home) as client, pointing_out(asked["q"]):
        if count:
            _show_count(client.call("GET", f"{_API}/search/count", params=asked), json=json)
        else:
            none = not json
            for found in _found(client, {**asked, "limit": limit}):
                detail = client.call("GET", f"{_API}/records/{found['seq']}") if evidence else found
                _show_line(detail, json=json)
                none = False
            if none:
                typer.echo("note: no record was found", err=True)
        told = what_waits(client.call("GET", f"{_API}/stats"))
        if told:
            typer.echo(f"note: {told}", err=True)


@contextmanager
def pointing_out(words: str) -> Iterator[None]:
    """When the words are refused, show them on stderr with a mark below each fault."""
    try:
        yield
    except SealwireError as error:
        marks = sorted({int(place[1]) for one in error.findings if (place := _place(one.subject))})
        shown = printable(words)
        if marks and shown == words and marks[-1] <= len(words) + 1:
            typer.echo(words, err=True)
            line = "".join("^" if at in marks else " " for at in range(1, marks[-1] + 1))
            typer.echo(line, err=True)
        raise


def _place(subject: str | None) -> re.Match[str] | None:
    return re.fullmatch(r"character ([0-9]{1,5})", subject or "")


def what_waits(stats: Mapping[str, Any]) -> str | None:
    """What has been received and cannot be found yet, in words; None when nothing is known of."""
    archive = stats.get("archive") or {}
    unsealed = archive.get("journal_bytes_waiting", 0)
    unindexed = archive.get("records_waiting", 0)
    waiting = [f"{unsealed} bytes of the journal"] * bool(unsealed)
    waiting += [f"{unindexed} sealed records"] * bool(unindexed)
    return f"not searched yet: {' and '.join(waiting)}; ask again shortly" if waiting else None


def record(
    seq: Annotated[int, typer.Argument(min=0, help="The record's number, as search shows it.")],
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Show one stored record, and where its evidence lies."""
    with api(home) as client:
        found = client.call("GET", f"{_API}/records/{seq}")
    if json:
        show_json(found)
        return
    show_fields(envelope(found))
    for field in found["fields"]:
        typer.echo(f"  {printable(field['name'])} = {printable(field['value'])}")
    typer.echo(printable(found["raw"].removesuffix("\n")))
    evidence = found["evidence"]
    show_fields(
        {
            "Evidence": f"{evidence['segment']}, row {evidence['row']}",
            "Segment's SHA-256": evidence["sha256"],
            "Manifest": evidence["manifest"],
        }
    )


def envelope(found: Mapping[str, Any]) -> dict[str, object]:
    """What is shown of a record's receipt and header; what is not there is empty."""
    from sealwire.sensor.query_names import FACILITIES, SEVERITIES

    named = {
        "facility": _named(found["facility"], FACILITIES),
        "severity": _named(found["severity"], SEVERITIES),
        "flags": ", ".join(found["flags"]),
        "tls": " ".join(filter(None, (found.get("tls_version"), found.get("cipher")))),
    }
    shown = {**found, **named}
    return {"Record": found["seq"]} | {told: shown[key] for key, told in _ENVELOPE.items()}


def _named(number: int | None, names: Mapping[str, int]) -> str | None:
    """``err (3)``: the word that a question takes, of several the first, and the number."""
    word = next((word for word, code in names.items() if code == number), None)
    return None if word is None else f"{word} ({number})"


def reindex(home: HomeOption = None, json: JsonOption = False) -> None:
    """Build the search index again from the sealed segments."""
    with api(home) as client, client.lines(f"{_API}/reindex", method="POST") as lines:
        for step in _documents(lines):
            if json:
                typer.echo(json_format.dumps(step))
            else:
                typer.echo(f"{step['indexed_records']} of {step['sealed_records']} records")


def _found(client: ApiClient, asked: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    with client.lines(f"{_API}/search/stream", params=asked) as lines:
        yield from _documents(lines)


def _documents(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The objects of a stream; what ended it early is raised."""
    for line in lines:
        document = json_format.loads(line)
        if document.keys() == {"error"}:
            error = document["error"]
            raise UnavailableError(error["code"], error["detail"], hint=error["hint"])
        yield document


def _show_count(answer: Mapping[str, Any], *, json: bool) -> None:
    if json:
        show_json(answer)
    else:
        typer.echo(answer["count"])


def _show_line(found: Mapping[str, Any], *, json: bool) -> None:
    if json:
        typer.echo(json_format.dumps(found))
        return
    text = printable(found["raw"].removesuffix("\n"))
    typer.echo(f"{found['seq']} {found['received']} {found['address']} {text}")
    if "evidence" in found:
        evidence = found["evidence"]
        typer.echo(f"    {evidence['segment']} row {evidence['row']} SHA-256 {evidence['sha256']}")
