"""RELP from the server's side: answers in order, and any cut of a stream gives the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.syslog.framing import TAIL_MARGIN, messages_of
from sealwire.syslog.kinds import Kind
from sealwire.syslog.relp import SERVERCLOSE, RelpServer, RelpState, is_relp
from sealwire.syslog.relp_frames import encode_relp_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LIMIT = 300
OFFERS = b"relp_version=0\nrelp_software=librelp,1.11.0,http://librelp.adiscon.com\ncommands=syslog"
OPEN = encode_relp_frame(1, b"open", OFFERS)
OPENED = encode_relp_frame(
    1, b"rsp", b"200 OK\nrelp_version=0\nrelp_software=Sealwire\ncommands=syslog"
)


def syslog(txnr: int, message: bytes = b"<14>1 - h a - - - hello") -> bytes:
    return encode_relp_frame(txnr, b"syslog", message)


def ok(txnr: int) -> bytes:
    return b"%d rsp 6 200 OK\n" % txnr


class Reading:
    """What a server made of a stream."""

    def __init__(self) -> None:
        self.server = RelpServer(LIMIT)
        self.messages: list[bytes] = []
        self.kept: dict[str, bytes] = {}
        self.skipped = 0
        self.answers = b""
        self.tail = b""

    def take(self, chunks: Iterable[bytes]) -> Reading:
        for chunk in chunks:
            data = self.tail + chunk
            used, segments, answers = self.server.decode(data)
            self._note(data, segments)
            self.answers += answers
            self.tail = data[used:]
            assert len(self.tail) <= LIMIT + TAIL_MARGIN
        return self

    def end(self) -> Reading:
        self._note(self.tail, self.server.close(self.tail))
        return self

    def _note(self, data: bytes, segments: Sequence[tuple[Kind, int, int, int]]) -> None:
        last = 0
        for kind, start, end, frames in segments:
            assert last <= start < end
            last = end
            found = list(messages_of(kind, data[start:end]))
            assert len(found) == frames
            self.messages += found
            if kind is Kind.SKIPPED:
                self.skipped += end - start
            else:
                self.kept[kind.name] = self.kept.get(kind.name, b"") + data[start:end]

    def outcome(self) -> tuple[object, ...]:
        server = self.server
        told = self.messages, self.kept, self.skipped, self.answers
        return (*told, server.state, server.objection)


def read(stream: bytes) -> Reading:
    return Reading().take([stream]).end()


PIECES = st.sampled_from(
    [
        OPEN,
        syslog(2),
        syslog(3, b"x"),
        syslog(999_999_999, b"<14>lf\n2 syslog 1 x\n"),
        syslog(4, b""),
        syslog(5, b"y" * LIMIT),
        syslog(6, b"z" * (LIMIT + 1)),
        syslog(7, b"w" * 1000),
        syslog(0, b"hint"),
        b"007 syslog 3 abc\n",
        b"8 syslog 3 abcd",
        b"8 syslog 3abc\n",
        b"8 syslog 0 \n",
        b"9 eventlog 4 data\n",
        b"10 rsp 6 200 OK\n",
        b"0 abort 0\n",
        b"11 close 0\n",
        b"12 close 3 bye\n",
        b"1234567890 syslog 1 x\n",
        b"13  syslog 1 x\n",
        b"14 " + b"a" * 33 + b" 0\n",
        b"15 open 5000 " + b"o" * 40,
        b"16 open 12 relp_version\n",
        b"12",
        b" ",
        b"\n",
        b"<14>line\n",
    ]
)


@given(
    st.booleans(),
    st.lists(PIECES, max_size=10).map(b"".join),
    st.lists(st.integers(0, 3000), max_size=12),
)
def test_any_cut_of_a_stream_gives_the_same(
    opened: bool,
    stream: bytes,
    places: list[int],
) -> None:
    stream = OPEN * opened + stream
    ends = sorted({min(place, len(stream)) for place in places} | {len(stream)})
    cut = [stream[a:b] for a, b in zip([0, *ends], ends, strict=False)]
    whole = read(stream).outcome()
    assert Reading().take(cut).end().outcome() == whole
    assert Reading().take(stream[i : i + 1] for i in range(len(stream))).end().outcome() == whole


def test_a_session_from_open_to_close() -> None:
    found = read(OPEN + syslog(2, b"<14>a") + syslog(3, b"<14>b") + b"4 close 0\n")
    assert found.messages == [b"<14>a", b"<14>b"]
    assert found.answers == OPENED + ok(2) + ok(3) + ok(4)
    assert found.server.state is RelpState.CLOSED
    assert found.kept == {"RELP": syslog(2, b"<14>a") + syslog(3, b"<14>b") + b"4 close 0\n"}


def test_a_cut_at_every_byte_gives_no_partial_record() -> None:
    stream = OPEN + syslog(2, b"<14>first") + syslog(3, b"<14>second\n")
    whole = len(OPEN) + len(syslog(2, b"<14>first"))
    for end in range(whole, len(stream)):
        found = read(stream[:end])
        assert found.messages == [b"<14>first"]
        assert found.answers == OPENED + ok(2)
        assert found.kept.get("INCOMPLETE", b"") == stream[whole:end]


def test_an_over_long_message_keeps_its_beginning_and_is_answered_at_its_end() -> None:
    long = b"<14>" + b"x" * 4000
    reading = Reading().take([OPEN, syslog(2, long)[:-1]])
    assert reading.answers == OPENED
    reading.take([b"\n", syslog(3, b"<14>next")]).end()
    assert reading.messages == [long[:LIMIT], b"<14>next"]
    assert reading.skipped == len(long) - LIMIT
    assert reading.answers == OPENED + ok(2) + ok(3)


def test_an_unknown_command_is_refused_and_the_session_goes_on() -> None:
    found = read(OPEN + b"2 eventlog 4 data\n" + syslog(3))
    assert found.answers == OPENED + b"2 rsp 19 500 unknown command\n" + ok(3)
    assert found.server.objection is None


def test_hints_are_not_answered() -> None:
    found = read(OPEN + b"0 whatever 2 no\n" + syslog(0, b"<14>kept") + syslog(2))
    assert found.answers == OPENED + ok(2)
    assert found.messages[0] == b"<14>kept"


def test_nothing_is_taken_after_close() -> None:
    found = read(OPEN + b"2 close 0\n" + syslog(3))
    assert found.messages == []
    assert found.answers == OPENED + ok(2)


@pytest.mark.parametrize(
    ("stream", "txnr", "words", "quarantined"),
    [
        (b"2 close 0\n", 2, "must begin with open", b"2 close 0\n"),
        (OPEN + b"2 syslog x", 2, "bad frame header", b"2 syslog x"),
        (OPEN + b"<14>line\n", 0, "bad frame header", b"<"),
        (OPEN + b"2 syslog 3 abcX3 syslog", 2, "does not end with LF", b"2 syslog 3 abcX"),
        (OPEN + b"2 syslog 3\nabc\n", 2, "must follow DATALEN", b"2 syslog 3\n"),
        (OPEN + b"1" * 1000, 0, "bad frame header", b"1" * 10),
        (b"5 open 99999 ", 5, "too many offers", b"5 open 99999 "),
        (encode_relp_frame(1, b"open", b"commands=syslog"), 1, "without relp_version", None),
        (encode_relp_frame(1, b"open", b"relp_version=x\ncommands=syslog"), 1, "relp_vers", None),
        (encode_relp_frame(1, b"open", b"relp_version=1\ncommands=other"), 1, "required", None),
        (encode_relp_frame(1, b"open", b"relp_version=1"), 1, "required command", None),
        (encode_relp_frame(1, b"open", b"x" * 33 + b"=1"), 1, "malformed offer", None),
        (encode_relp_frame(1, b"open", b"x=" + b"1" * 256), 1, "malformed offer", None),
    ],
)
def test_what_breaks_the_protocol_ends_the_session(
    stream: bytes, txnr: int, words: str, quarantined: bytes | None
) -> None:
    found = read(stream + syslog(9))
    assert found.server.state is RelpState.BROKEN
    assert found.server.objection is not None
    assert words in found.server.objection
    assert found.messages == []
    answers = found.answers.removeprefix(OPENED)
    assert answers.endswith(SERVERCLOSE)
    assert (b"%d rsp " % txnr in answers) == bool(txnr)
    assert found.kept["BAD_COUNT"] == (quarantined or stream)


def test_offers_nobody_knows_are_left_out_and_versions_agreed_on() -> None:
    offers = b"\nrelp_version=7\nfuture=a,b\ncommands=eventlog,syslog\n"
    found = read(encode_relp_frame(1, b"open", offers))
    assert b"\nrelp_version=1\n" in found.answers
    assert b"future" not in found.answers
    assert found.answers.endswith(b"commands=syslog\n")


@pytest.mark.parametrize("data", [b"1 open ", b"999999999 open 5 x"])
def test_relp_is_known_by_its_open(data: bytes) -> None:
    assert is_relp(data) is True


@pytest.mark.parametrize("data", [b"", b"1", b"1 ", b"1 o", b"123 ope", b"1 open"])
def test_an_undecided_beginning_waits(data: bytes) -> None:
    assert is_relp(data) is None


@pytest.mark.parametrize(
    "data",
    [b"1 <", b"1 opener", b"<14>", b"\n1 open ", b" 1 open ", b"1234567890", b"2 syslog 1 x"],
)
def test_other_beginnings_are_not_relp(data: bytes) -> None:
    assert is_relp(data) is False
