"""Messages and questions: readers of text that must agree with each other."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from sealwire.errors import RefusedError, SealwireError
from sealwire.sensor.query_words import condition_of, text_of
from sealwire.sensor.time_words import moment_us
from sealwire.stores.archive.conditions import Written
from sealwire.syslog.columns import parse_batch
from sealwire.syslog.parser import parse
from sealwire.syslog.rfc5424 import parse_message
from sealwire.syslog.strict import parse_5424
from tests.unit.syslog.test_columns import FORMS, VALUES, messages_of

if TYPE_CHECKING:
    from sealwire.syslog.message import ParsedMessage

_NOW_US: Final = 1_795_000_000_000_000
_VECTORS: Final = Path(__file__).parent.parent / "vectors" / "syslog"
_BETWEEN: Final = b"\x1e"
"""Between the messages of one batch."""


def received_us(data: bytes) -> int:
    """Some time, the same for the same bytes."""
    return len(data) * 10**12


def message(data: bytes) -> None:
    """Take apart as a syslog message; where it is RFC 5424, so say both strict readers."""
    parsed = parse(data, received_us(data))
    assert 0 <= parsed.message_start <= len(data)
    for value in (parsed.host, parsed.app, parsed.procid, parsed.msgid, *parsed.fields):
        "".join(value or ()).encode()
    assert (parse_5424(data) is not None) == _is_rfc5424(data)


def _is_rfc5424(data: bytes) -> bool:
    try:
        parse_message(data)
    except RefusedError:
        return False
    return True


def columns(data: bytes) -> None:
    """Many messages at once come out as each by itself."""
    rows = data.split(_BETWEEN)
    times = [received_us(row) for row in rows]
    batch = parse_batch(pa.array(rows, pa.binary()), np.array(times, np.int64))
    wanted = [parse(row, time) for row, time in zip(rows, times, strict=True)]
    found: list[ParsedMessage] = messages_of(batch)
    for row, one, other in zip(rows, found, wanted, strict=True):
        assert one == other, f"{row!r}: {one} but alone {other}"


def question(data: bytes) -> None:
    """Read as a question; its text again means the same, and no value gets into the SQL."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(SealwireError):
        moment_us(text, _NOW_US)
    try:
        condition = condition_of(text)
    except SealwireError as refused:
        assert refused.findings or refused.code, text  # noqa: PT017 - any refusal has words
        return
    if condition is None:
        return
    assert condition_of(text_of(condition)) == condition
    sql = Written().condition(condition)
    assert sql.isascii()


MESSAGES: Final = (
    b'<165>1 2003-10-11T22:14:15.003Z h.example.com app 1 ID47 [a@1 b="c\\"d"][e@2 f=""] text',
    b"<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed",
    b"<189>29: edge1: *Apr 22 02:22:31.115 CEST: %SYS-5-CONFIG_I: Configured from console",
    b"Mar 01 14:45:24 fmc: [AUDIT] sfdccsm: admin@192.0.2.4, System > Audit, Page View",
    b"<13>h CEF:0|V|P\\|Q|1|s|n|3|src=192.0.2.1 msg=a\\=b cs1=",
    b'<189>date=2020-03-29 time=16:41:30 devname="fw" tz="-0700"',
    b"0.main - [06/Aug/2019:08:56:37 UTC] [14] [6] [AuditEvent=A][SubjectID=$System$] text",
    b"<134>1 1563249630.774247467 MX84 urls src=192.0.2.186:63735",
)
QUESTIONS: Final = (
    'host=web1 severity<=err (login OR "log in") -sshd',
    "source=10.0.0.0/8 audit.user=/^adm(in)?$/ message::Failed",
    'grade=raw NOT (app=cron* OR word="a b") transport!=udp',
    'severity=* "cef.cs1 Label"=x facility=local7 listener=6514',
    "2026-11-22T10:00:00.5+02:00",
    "15m",
)


def message_seeds() -> list[bytes]:
    """Of every family that is told apart."""
    lines = [
        line.partition(b"=")[2].strip().strip(b"\"'")
        for file in sorted(_VECTORS.glob("*.toml"))
        for line in file.read_bytes().splitlines()
        if line.startswith(b"raw")
    ]
    return [*MESSAGES, *lines]


def batch_seeds() -> list[bytes]:
    """Batches of messages of every form and family."""
    plain = {name: values[0] for name, values in VALUES.items()}
    rows = [*message_seeds(), *(form.format(**plain).encode() for form in FORMS)]
    return [_BETWEEN.join(rows[at::40]) for at in range(40)] + [_BETWEEN.join(rows[:6])]


def question_seeds() -> list[bytes]:
    """Questions of every form."""
    return [text.encode() for text in QUESTIONS]
