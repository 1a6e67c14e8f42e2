"""Messages read together come out as messages read one by one."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sealwire.syslog.columns import SCHEMA, parse_batch
from sealwire.syslog.message import ParsedMessage
from sealwire.syslog.parser import parse
from sealwire.syslog.rfc5424 import build_message
from tests.unit.syslog.test_rfc5424 import MESSAGES

RECEIVED = int(datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()) * 1_000_000

# Each is RFC 5424 or RFC 3164, or nearly so; what is in braces is put in from VALUES.
FORMS = [
    "<{pri}>{version} {time} {name} {name} {name} {name} {data}{text}",
    "<{pri}>1 {time} host app 12 ID {data}{text}",
    '<{pri}>1 2026-03-01T14:45:24Z host app 12 ID [a b="{value}"][{name} {name}="{value}"]{text}',
    "<{pri}>{bsd} {name} {tag}{text}",
    "<13>{bsd} host sshd[12]: {text}",
    "<190>{bsd} {host}[{label}] {sender}: {who}, {item}{action}",
    "<190>{bsd} localhost: [FMC-AUDIT] {sender}: {who}, {item}{action}",
    "<190>Mar 01 14:45:24 {host}[FMC-AUDIT] Dev: admin@10.1.1.2, Operations > Monitoring{action}",
    "<13>1 - - - - - {data} [AuditEvent={value}][{attribute}={value}]{after}",
    "<13>{bsd} host pki[1]: [AuditEvent=A][{attribute}={value}]{after}",
    "<13>1 - - - - - {data} {prefix}[AuditEvent={value}][{attribute}={value}]{after}",
    "<13>{bsd} host pki[1]: {prefix}[AuditEvent=A][{attribute}={value}]{after}",
    "<13>{bsd} {host}{tag}{begins}",
    "<13>1 - - - - - - {begins}",
    "<13>{time} {host}{tag}{text}",
    "<13>2026-03-01T14:45:24.5+01:00 {host}app[7]: {begins}",
    "<13>Mar 01 14:45:24 {host}{tag}{begins}",
    "{bsd} {host}{tag}{begins}",
    "{time} {host}{tag}{begins}",
    "{bsd} {host}[{label}] {sender}: {who}, {item}{action}",
    "<{pri}>{lead}{clock}{zone}{device}{mnemonic}{text}",
    "<189>{lead}{clock}{zone}{device}%LINK-3-UPDOWN: {begins}",
    "<166>{time} {device}%ASA-6-302013: Built outbound{text}",
    "<166>2026-03-01T14:45:24.123Z esx1 Hostd: {level}{originator}{text}",
    "<166>{time} {host}Hostd[12]: {originator}{text}",
    "<189>date={day} time=14:45:24 {pairs}",
    "<14> {bsd} {host}{tag}{begins}",
    "<14> Mar  1 14:45:24 {host}[{label}] {sender}: {who}, {item}{action}",
    "<14>{bsd} host1 {begins} and more",
    "<14>Mar  1 14:45:24 host1 {text}",
    "{text}",
]
VALUES = {
    "day": ["2026-03-01", "2026-02-30", "0000-01-01", '"2026-03-01"', "2026-03-01,"],
    "pairs": [
        'devname="FGT60F" devid="F1" tz="+0200" type=event',
        "devname=fgt-1 tz=-0330 logid=1",
        'devid="F1" type=traffic',
        'tz="UTC-5:00" devname="a b"',
        'devname="F\u00dcT" tz="+0200"',
        "tz=CEST devname=x",
        "devname=",
        'devname="" x',
        "msg=%ASA-6-302013: text",
        'url="/a%20b" devname=y',
        "x=1,devname=z,tz=+1",
        "",
    ],
    "lead": [
        "",
        ": ",
        ":",
        "29: ",
        "0029: sw1: ",
        "sw1: ",
        "29: sw1: 000030: ",
        "1: 2: ",
        "*",
        "x ",
    ],
    "clock": [
        "Mar  1 14:45:24",
        "Mar 01 14:45:24.123",
        "*Mar  1 14:45:24.123",
        ".Mar 01 2026 14:45:24",
        "Mar 01 2026 14:45:24.1234567",
        "2026 Mar  1 14:45:24",
        "2026 Mar 01 14:45:24.001",
        "Feb 29 14:45:24",
        "Feb 29 2023 14:45:24",
        "Mar  2 23:59:60",
        "Mar 2 14:45:24",
        "Dec 31 23:59:59",
        "2026-03-01T14:45:24.5+01:00",
        "2026-03-01T14:45:24Z",
        "1w2d",
    ],
    "zone": ["", " UTC", " CET", " EST", " IST", " XYZ", " mdt", " UTC+1", " GMT-05:30"],
    "device": [" ", ": ", " : ", " sw1 ", " sw1 : ", " 10.0.0.1: ", " 2026 ", " ET: ", " sw1: x: "],
    "mnemonic": [
        "%ASA-6-302013: ",
        "%ASA-vpn-6-113012: ",
        "%SYS-5-CONFIG_I:",
        "%ETHPORT-5-IF_UP : ",
        "%FTD-1-430002 x",
        "%LINK-W-Down: ",
        "%A-8-B: ",
        "%A-5-B",
        "%% ",
        "%s %ASA-6-1: ",
    ],
    "level": [
        "info hostd[2100598] ",
        "warning vpxa[AB12] ",
        "info hostd[] ",
        "info x[a b] ",
        "info ",
    ],
    "originator": [
        "[Originator@6876 sub=Vimsvc.ha-eventmgr opID=5d0d-7d] ",
        "[Originator@6876 sub=Default] ",
        "[Originator@6876 sub=a=b:c;d] ",
        '[Originator@6876 sub="x y"] ',
        "[Originator@6876 sub=é] ",
        "[Originator@6876 sub= opID=x] ",
        "[Originator@6876  sub=a  b=c ] ",
        "[Originator@6876 ] ",
        "[Originator@6876] ",
        "[Originator@6876 sub=a][x@6876 b=c] ",
        "[Originator@6876 sub=a",
        "[Originator@6876 ;a=b c] ",
        "[Originator@6876 sub=x] Dev: admin@10.1.1.2, a, b",
        "[FMC] Dev: admin@10.1.1.2, a, b",
        "<type=X>:[AuditEvent=A][b=c] d",
    ],
    "pri": ["13", "0", "00", "191", "192", "012", "999", "1", "", "34", "1000", "x"],
    "version": ["1", "2", "", "10", "01"],
    "time": [
        "-",
        "2026-03-01T14:45:24Z",
        "2026-03-01T14:45:24.1Z",
        "2026-03-01T14:45:24.12Z",
        "2026-03-01T14:45:24.123+01:00",
        "2026-03-01T14:45:24.1234-09:30",
        "2026-03-01T14:45:24.12345+00:00",
        "2026-03-01T14:45:24.123456-00:00",
        "2026-03-01T14:45:24.1234567Z",
        "2026-03-01T14:45:24.Z",
        "2026-03-01T14:45:24,5Z",
        "2026-03-01T14:45:24",
        "2026-03-01T14:45:24+24:00",
        "2026-03-01T14:45:24+23:60",
        "2026-03-01t14:45:24z",
        "2026-02-29T14:45:24Z",
        "2024-02-29T23:59:59Z",
        "2000-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-02-30T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-12-31T23:59:60Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "1969-12-31T23:59:59.999999Z",
        "9999-12-31T23:59:59-23:59",
        "2026-3-1T14:45:24Z",
    ],
    "name": [
        "-",
        "h",
        "--",
        "a" * 31,
        "a" * 32,
        "a" * 33,
        "n" * 64,
        "n" * 255,
        "n" * 256,
        "",
        "a.b-c",
        "é",
        "a b",
        'x"y',
        "a=b",
        "a]b",
        "[a",
        "a\\b",
        "a:",
        "::1",
        "\x7f",
        "a\tb",
        "10.0.0.1",
    ],
    "data": [
        "-",
        "[a]",
        "[a ]",
        '[meta sequenceId="1"]',
        '[meta sequenceId="1"][origin ip="10.0.0.1" software="x y"]',
        '[a b="1"][a c="2"]',
        '[a b="1" b="2"]',
        '[a b="1"][c][d e=""]',
        '[a b="x\\"y"][c d="\\]"]',
        '[a b="x\\y"]',
        '[a b="]"]',
        '[a b="["]',
        '[a b="é\n\x00"]',
        '[a b="1"] [c d="2"]',
        '[a b="1"]x',
        '[a b="1"',
        '[a b="1]',
        '[a  b="1"]',
        '[a b = "1"]',
        '[ab="1"]',
        '["a" b="1"]',
        '[a "b"="1"]',
        '[a b="1"]["',
        '[a\\b c\\d="1"]',
        "[" + "i" * 32 + " " + "n" * 32 + '="v"]',
        "[" + "i" * 33 + ' n="v"]',
        "[i " + "n" * 33 + '="v"]',
        "".join(f'[e{number} a="1"]' for number in range(20)),
        "".join(f'[e{number % 19} a="1"]' for number in range(20)),
        "",
        "--",
    ],
    "value": ["", "v", "é", "\\", '"', "]", "[", "a\\\\", "\\]", "x" * 300, "\x00", "\n"],
    "text": [
        "",
        " ",
        " text",
        ' "t"] [x y="z"]',
        " \ufeff",
        " \ufefftéxt",
        "\ufeff",
        "x",
        " é\n",
        "-",
    ],
    "bsd": [
        "Mar  1 14:45:24",
        "Mar 01 14:45:24",
        "Mar 1 14:45:24",
        "Mar  2 12:00:00",
        "Mar  2 12:00:01",
        "Mar 31 00:00:00",
        "Apr 31 00:00:00",
        "Dec 31 23:59:59",
        "Dec 31 23:59:60",
        "Feb 28 00:00:00",
        "Feb 29 00:00:00",
        "Feb 30 00:00:00",
        "Jan  0 00:00:00",
        "Jan 32 00:00:00",
        "Jan 10 24:00:00",
        "Jan 10 00:60:00",
        "jan 10 00:00:00",
        "Sept 1 00:00:00",
        "Jbn 10 00:00:00",
        "Mar  1 14:45:24.5",
        "Mar  1  4:45:24",
        "Mar  1 14:45:24 2026",
    ],
    "tag": [
        "",
        "a",
        "a:",
        "a: ",
        "a:b",
        "a[1]",
        "a[1] ",
        "a[1]:",
        "a[1]: ",
        "a[1]x",
        "a[]: ",
        "a[é]: ",
        "é: ",
        "a[1 2]: ",
        "a[1",
        "a" * 47 + ": ",
        "a" * 48 + ": ",
        "a" * 128 + ": ",
        "a" * 129 + ": ",
        "a[" + "1" * 47 + "]: ",
        "a[" + "1" * 128 + "]: ",
        "a[" + "1" * 129 + "]: ",
        ": ",
        "[1]: ",
        "a/b.c(d): ",
        "a:\t",
        "a: \x0b",
        "a=b: ",
        "12: ",
        "CEF: ",
        "LEEF: ",
        "REEF[1]: ",
        "error: ",
        "local4.notice: ",
        "notice[1]: ",
        "Mar[1]: ",
        "10.0.0.1[1]: ",
        "0.0.0.0: x - [1] ",
    ],
    "host": [
        "fmc ",
        "fmc: ",
        "notice ",
        "info: ",
        "app[1]: ",
        "10.0.0.1 ",
        "2026 ",
        "2026: ",
        "UTC ",
        "UTC: ",
        "MET: ",
        "Z ",
        "z-1 ",
        "am-1 ",
        "PM ",
        "amber ",
        "Zulu: ",
        "a:b ",
        "2001:db8::1: ",
        "::1 ",
        "fmc  ",
        "fmc :",
        "a_b ",
        "",
        "é ",
        "h" * 63 + " ",
        "h" * 64 + ": ",
        "%x ",
    ],
    "label": ["FMC-AUDIT-LOG", "", "a]", "a b", "é", "\n", "l" * 63, "l" * 64, "l" * 256, "%A-5-B"],
    "sender": [
        "Dev",
        "",
        "a b",
        "mojo_server.pl",
        "é",
        "a:b",
        "[a",
        "s" * 63,
        "s" * 128,
        "s" * 129,
    ],
    "who": [
        "admin@10.1.1.2",
        "csm_processes@Default User IP",
        "a@b@c",
        "admin",
        "@a",
        "a@",
        "@",
        "",
        "é@x",
        "a\nb@c",
        "[AuditEvent=x]@c",
        "12@c",
        "CEF:0@c",
        "u" * 90 + "@b",
        "u" * 96 + "@b",
        "u" * 600 + "@b",
    ],
    "item": ["Operations > Monitoring", "", "/ui/ddd/", "a,b", "é", "a\nb", "i" * 191, "i" * 1024],
    "action": [", Page View", "", ",", ", ", ", a, b: c@d", ", é", ",x", ", %ASA-5-1: x", ", a\n"],
    "attribute": [
        "ReqID",
        "",
        "1a",
        "a b",
        "a=b",
        "é",
        "a.b-c_d",
        "n" * 47,
        "n" * 64,
        "n" * 65,
        "[",
    ],
    "after": [" text", "", "text", " [a=b]", "]", "] x", "[a=b]", "[a=b", "[]", "\n", " é"],
    "prefix": [
        "0.https-jsse-nio-8443-exec-2 - [01/Mar/2026:14:45:24 UTC] [14] [6] ",
        "4711. - [2026-03-01T14:45:24Z] [6] [2] ",
        "",
        "0.é - [01/Mar/2026:14:45:24 UTC] [14] [6] ",
        "0.main - [01/Mar/2026:14:45:24 é] [14] [6] ",
        "0.main - [01/Mar/2026:14:45:24 UTC] [14] [6]",
        "0.main - [01/Mar/2026:14:45:24 UTC] [14] [6] [a=b]",
        "0.main - [01/Mar/2026:14:45:24 UTC] [14] [6] x ",
        "0.main - [short] [14] [6] ",
        "0.a[b] - [01/Mar/2026:14:45:24 UTC] [14] [6] ",
        "12345678901.main - [01/Mar/2026:14:45:24 UTC] [14] [6] ",
    ],
    "begins": [
        "CEF:0|a|b|c|1|n|5|x=y",
        "CEF: 0|a|b",
        "CEFx",
        "LEEF:1.0|a|b|c|d|x=y",
        "1,2024/02/29 16:59:40,1,T,s",
        "12 monkeys",
        "0.main - [2026-03-01T14:45:24Z] [6] [2] [AuditEvent=x][a=b] c",
        "[vmw@6876 a=b] c",
        "[esx@6876]",
        "[other] x",
        "[AuditEvent=",
        "[AuditEvent",
        "[AuditEvent=x",
        "info hostd[12] [a@6876 b=c] d",
        "warning: a",
        "a@b: c",
        "%ASA-5-111010: x",
    ],
}


@st.composite
def filled_forms(draw: st.DrawFn) -> bytes:
    text = draw(st.sampled_from(FORMS))
    while (start := text.find("{")) >= 0:
        end = text.index("}", start)
        word = draw(st.sampled_from(VALUES[text[start + 1 : end]]))
        text = text[:start] + word + text[end + 1 :]
    return text.encode()


@st.composite
def damaged(draw: st.DrawFn, messages: st.SearchStrategy[bytes]) -> bytes:
    octets = bytearray(draw(messages))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(octets)))
        odd = draw(st.sampled_from(b' "[]\\=:-<>0Z\x00\n\x7f\xff\xc3') | st.integers(0, 255))
        octets[place : place + draw(st.integers(0, 2))] = bytes([odd])
    return bytes(octets[: draw(st.integers(0, len(octets)))] if draw(st.booleans()) else octets)


ROWS = damaged(filled_forms()) | damaged(MESSAGES.map(build_message)) | st.binary(max_size=40)
TIMES = st.integers(RECEIVED - 10**14, RECEIVED + 10**14) | st.integers(0, 253 * 10**15)


def messages_of(batch: pa.RecordBatch) -> list[ParsedMessage]:
    batch.validate(full=True)
    columns = batch.set_column(4, "ts", batch["ts"].cast(pa.int64())).to_pylist()
    return [
        ParsedMessage(
            row["grade"],
            row["rule"],
            row["facility"],
            row["severity"],
            row["ts"],
            row["time_guessed"],
            row["host"],
            row["app"],
            row["procid"],
            row["msgid"],
            row["message_start"],
            tuple(row["fields"]),
        )
        for row in columns
    ]


def together(rows: list[bytes], times: list[int]) -> list[ParsedMessage]:
    return messages_of(parse_batch(pa.array(rows, pa.binary()), np.array(times, np.int64)))


def one_by_one(rows: list[bytes], times: list[int]) -> list[ParsedMessage]:
    return [parse(row, time) for row, time in zip(rows, times, strict=True)]


@given(st.lists(st.tuples(ROWS, TIMES), max_size=30))
@example([(b"", 0)])
@example([(b"<13>1 - - - - - -", 0), (b"", 1), (b"[", 2)])
def test_rows_are_as_the_reader_of_one_message_reads_them(pairs: list[tuple[bytes, int]]) -> None:
    rows, times = [row for row, _ in pairs], [time for _, time in pairs]
    assert together(rows, times) == one_by_one(rows, times)


def every_form() -> list[bytes]:
    """Each value in each place, the others being the first of theirs."""
    rows = []
    for form in FORMS:
        for name, values in VALUES.items():
            for value in values if f"{{{name}}}" in form else ():
                plain = {other: choices[0] for other, choices in VALUES.items()}
                rows.append(form.format(**(plain | {name: value})).encode())
    return rows


def test_every_value_in_every_place() -> None:
    rows = every_form()
    times = [RECEIVED] * len(rows)
    expected = one_by_one(rows, times)
    for row, found, wanted in zip(rows, together(rows, times), expected, strict=True):
        assert found == wanted, row


def test_a_message_cut_anywhere() -> None:
    rows = [row + end for row in every_form()[::7] for end in (b"\n", b"\r\n\0", b"\0" * 9)]
    rows += [row[:end] for row in every_form()[::9] for end in range(0, min(len(row), 240), 5)]
    times = [RECEIVED] * len(rows)
    assert together(rows, times) == one_by_one(rows, times)


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary()])
def test_any_slices_give_the_same(kind: pa.DataType) -> None:
    rows = every_form()
    raw, times = pa.array(rows, kind), np.full(len(rows), RECEIVED)
    whole = messages_of(parse_batch(raw, times))
    edges = [0, 1, 1, 2, 5, 40, 41, 200, len(rows)]
    parts = [messages_of(parse_batch(raw[a:b], times[a:b])) for a, b in pairwise(edges)]
    assert [row for part in parts for row in part] == whole
    chunks = pa.chunked_array([raw[a:b] for a, b in pairwise(edges)])
    assert messages_of(parse_batch(chunks, times)) == whole


@pytest.mark.parametrize(("most_rows", "most_bytes"), [(1, 1000), (7, 10**9), (10**9, 3000)])
def test_any_number_of_goes_gives_the_same(most_rows: int, most_bytes: int) -> None:
    rows = every_form()[::3]
    raw, times = pa.array(rows, pa.binary()), np.full(len(rows), RECEIVED)
    batch = parse_batch(raw, times, most_rows=most_rows, most_bytes=most_bytes)
    assert batch.schema.equals(SCHEMA)
    assert messages_of(batch) == messages_of(parse_batch(raw, times))


def test_alone_as_among_others() -> None:
    rows = every_form()[::5]
    alone = [together([row], [RECEIVED])[0] for row in rows]
    assert alone == together(rows, [RECEIVED] * len(rows))


def test_the_columns_are_always_the_same() -> None:
    for rows in ([], [b"x"], [b"<13>1 - - - - - -"], every_form()):
        batch = parse_batch(pa.array(rows, pa.binary()), np.zeros(len(rows), np.int64))
        assert batch.schema.equals(SCHEMA)


def test_what_cannot_be_meant_is_refused() -> None:
    none = np.zeros(0, np.int64)
    with pytest.raises(TypeError):
        parse_batch(pa.array([], pa.string()), none)
    with pytest.raises(ValueError, match="time of receipt"):
        parse_batch(pa.array([b"x"], pa.binary()), none)
    with pytest.raises(ValueError, match="time of receipt"):
        parse_batch(pa.array([None], pa.binary()), np.zeros(1, np.int64))
