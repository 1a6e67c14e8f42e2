"""Lines as devices send them: every field as written down from the line, over every framing."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from sealwire.syslog.columns import parse_batch
from sealwire.syslog.field_names import FIELD_NAMES
from sealwire.syslog.framing import FrameDecoder, encode_octet_frame, messages_of
from sealwire.syslog.message import Grade
from sealwire.syslog.parser import parse
from sealwire.syslog.relp import RelpServer
from sealwire.syslog.relp_frames import encode_relp_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sealwire.syslog.message import ParsedMessage

FOLDER = Path(__file__).parent / "syslog"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RECEIVED = (datetime(2026, 11, 22, 12, 0, tzinfo=UTC) - EPOCH) // MICROSECOND
# What parser and sender tests together must hold at least.
FEWEST = 500
TEXT_FIELDS = ("host", "app", "procid", "msgid")
KEYS = {"raw", "source", "says", "pri", "facility", "severity", "time", "text", "fields"} | {
    *TEXT_FIELDS
}


@cache
def rows() -> list[dict[str, Any]]:
    return [
        row
        for path in sorted(FOLDER.glob("*.toml"))
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["message"]
    ]


def octets(row: dict[str, Any]) -> bytes:
    raw: str = row["raw"]
    return raw.encode()


def expected(row: dict[str, Any]) -> dict[str, Any]:
    grade, rule = row["says"].split()
    pri = row.get("pri")
    time = row.get("time")
    moment = datetime.fromisoformat(time.rstrip("~")) if time else None
    text = row["text"].encode()
    raw = octets(row)
    assert text == b"" or raw.count(text) == 1, "the text must say one place"
    return {
        "grade": Grade[grade.upper()],
        "rule": rule,
        "facility": pri >> 3 if pri is not None else row.get("facility"),
        "severity": pri & 7 if pri is not None else row.get("severity"),
        "timestamp_us": (moment - EPOCH) // MICROSECOND if moment else None,
        "timestamp_guessed": bool(time) and time.endswith("~"),
        **{name: row.get(name) for name in TEXT_FIELDS},
        "message_start": raw.index(text) if text else len(raw),
        "fields": tuple((name, value) for name, value in row.get("fields", [])),
    }


def test_there_are_enough_of_them_and_each_is_well_formed() -> None:
    assert len(rows()) >= FEWEST
    assert len({row["raw"] for row in rows()}) == len(rows())
    for row in rows():
        assert set(row) <= KEYS, row
        assert row["source"]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["raw"][:60])
def test_every_field_is_as_the_line_says(row: dict[str, Any]) -> None:
    assert parse(octets(row), RECEIVED)._asdict() == expected(row)


def test_read_together_they_say_the_same() -> None:
    raw = [octets(row) for row in rows()]
    batch = parse_batch(pa.array(raw, pa.binary()), np.full(len(raw), RECEIVED))
    for message, found in zip(raw, batch.to_pylist(), strict=True):
        one = parse(message, RECEIVED)
        text_fields = {name: getattr(one, name) for name in TEXT_FIELDS}
        assert {name: found[name] for name in TEXT_FIELDS} == text_fields
        assert (found["grade"], found["rule"]) == (one.grade, one.rule)
        assert (found["facility"], found["severity"]) == (one.facility, one.severity)
        moment = None if found["ts"] is None else (found["ts"] - EPOCH) // MICROSECOND
        assert (moment, found["time_guessed"]) == (one.timestamp_us, one.timestamp_guessed)
        assert (found["message_start"], tuple(found["fields"])) == (one.message_start, one.fields)


def received(stream: bytes, size: int) -> Iterator[ParsedMessage]:
    """What a connection brings whose bytes come ``size`` at a time."""
    decoder = FrameDecoder()
    tail = b""
    for at in range(0, len(stream), size):
        data = tail + stream[at : at + size]
        used, segments = decoder.decode(data)
        tail = data[used:]
        for kind, start, end, _ in segments:
            for message in messages_of(kind, data[start:end]):
                yield parse(bytes(message), RECEIVED)
    assert tail == b""


FRAMINGS = {
    "octets": encode_octet_frame,
    "lf": lambda raw: raw + b"\n",
    "crlf": lambda raw: raw + b"\r\n",
    "nul": lambda raw: raw + b"\0",
}


@pytest.mark.parametrize("framing", FRAMINGS)
@pytest.mark.parametrize("size", [1, 7, 1 << 16])
def test_framing_and_chunks_change_nothing(framing: str, size: int) -> None:
    # Octet counting is told by what follows the count; a delimiter cannot stand in a message.
    octet = framing == "octets"
    lines = [
        raw for raw in map(octets, rows()) if (raw[:1] in b"<{" if octet else b"\n" not in raw)
    ]
    frames = [FRAMINGS[framing](raw) for raw in lines]
    wanted = [parse(raw, RECEIVED) for raw in lines]
    assert list(received(b"".join(frames), size)) == wanted
    # And each as the first of its connection, which decides how that is read.
    assert [list(received(frame, size)) for frame in frames] == [[one] for one in wanted]


@pytest.mark.parametrize("size", [1, 13, 1 << 16])
def test_relp_and_its_chunks_change_nothing(size: int) -> None:
    lines = [octets(row) for row in rows()]
    frames = [encode_relp_frame(n + 2, b"syslog", raw) for n, raw in enumerate(lines)]
    opening = encode_relp_frame(1, b"open", b"relp_version=0\ncommands=syslog")
    stream = opening + b"".join(frames)
    server = RelpServer()
    found: list[ParsedMessage] = []
    tail = b""
    for at in range(0, len(stream), size):
        data = tail + stream[at : at + size]
        used, segments, _ = server.decode(data)
        tail = data[used:]
        for kind, start, end, _ in segments:
            messages = messages_of(kind, data[start:end])
            found += [parse(bytes(message), RECEIVED) for message in messages]
    assert tail == b""
    assert found == [parse(raw, RECEIVED) for raw in lines]


def test_names_that_the_parser_itself_gives_are_known_to_those_who_help_to_ask() -> None:
    # Events, extensions and structured data have their senders' names: those have no end.
    own = {"audit", "cisco", "device", "relay", "header", "panw"}
    given = {name for row in rows() for name, _ in row.get("fields", ())}
    named = {name for name in given if name.partition(".")[0] in own}
    assert len(named) >= 15
    assert named <= set(FIELD_NAMES)
    assert {one.partition(".")[0] for one in FIELD_NAMES if one in given} >= {"dogtag", "cef"}
