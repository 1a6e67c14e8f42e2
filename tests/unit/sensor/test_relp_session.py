"""A session decides once whether it speaks RELP, and answers nothing that is not durable."""

from __future__ import annotations

import pytest

from sealwire.sensor.journal import Connection
from sealwire.sensor.relp_session import MOST_UNANSWERED_BYTES, MOST_UNANSWERED_FRAMES
from sealwire.sensor.session import Session
from sealwire.syslog.kinds import Kind
from sealwire.syslog.relp import SERVERCLOSE
from sealwire.syslog.relp_frames import encode_relp_frame
from tests.unit.sensor.memory_journal import MemoryJournal

SENDER = Connection(1, "192.0.2.1", 40000, 6514, "TLSv1.3", "x")
OPEN = encode_relp_frame(1, b"open", b"relp_version=0\ncommands=syslog")
OPENED = b"1 rsp 60 200 OK\nrelp_version=0\nrelp_software=Sealwire\ncommands=syslog\n"


class Scene:
    def __init__(self) -> None:
        self.journal = MemoryJournal()
        self.session = Session(SENDER, self.journal, 65536)

    def receive(self, data: bytes) -> Scene:
        self.session.receive(self.session.tail + data, 1)
        return self

    def due(self) -> bytes:
        assert self.session.relp is not None
        return self.session.relp.due()

    def commit(self) -> bytes:
        self.journal.seal()
        self.journal.sync()
        return self.due()


def syslog(txnr: int, size: int = 10) -> bytes:
    return encode_relp_frame(txnr, b"syslog", b"x" * size)


def ok(*txnrs: int) -> bytes:
    return b"".join(b"%d rsp 6 200 OK\n" % txnr for txnr in txnrs)


def test_nothing_is_answered_before_it_is_durable() -> None:
    scene = Scene().receive(OPEN)
    assert scene.due() == OPENED
    scene.receive(syslog(2) + syslog(3))
    assert scene.due() == b""
    scene.journal.seal()
    assert scene.due() == b""
    scene.receive(syslog(4))
    scene.journal.sync()
    assert scene.due() == ok(2, 3)
    assert scene.commit() == ok(4)


def test_a_slow_disk_is_never_answered_for() -> None:
    scene = Scene().receive(OPEN)
    scene.due()
    for txnr in range(2, 200):
        scene.receive(syslog(txnr))
        scene.journal.seal()
        assert scene.due() == b""
    assert scene.session.relp is not None
    assert scene.session.relp.waits


def test_close_is_answered_behind_everything() -> None:
    scene = Scene().receive(OPEN + syslog(2) + b"3 close 0\n")
    relp = scene.session.relp
    assert relp is not None
    assert scene.due() == b""
    assert not relp.is_over
    assert scene.commit() == OPENED + ok(2, 3)
    assert relp.is_over


def test_close_without_messages_waits_for_its_own_trace() -> None:
    scene = Scene().receive(OPEN)
    scene.due()
    scene.receive(b"2 close 0\n")
    assert scene.due() == b""
    assert scene.commit() == ok(2)
    assert [(kind, frames) for _, kind, frames, _ in scene.journal.runs] == [(Kind.RELP, 0)]


def test_the_end_of_an_over_long_message_waits_for_its_beginning() -> None:
    scene = Scene().receive(OPEN)
    scene.due()
    whole = syslog(2, 65536 + 5)
    scene.receive(whole[:-1])
    scene.journal.seal()
    scene.receive(whole[-1:])
    assert scene.due() == b""
    scene.journal.sync()
    assert scene.due() == ok(2)
    kinds = [kind for _, kind, _, _ in scene.journal.runs]
    assert kinds == [Kind.TRUNCATED, Kind.SKIPPED]


def test_too_much_unanswered_fills_the_session_until_it_is_durable() -> None:
    scene = Scene().receive(OPEN)
    relp = scene.session.relp
    assert relp is not None
    for txnr in range(2, MOST_UNANSWERED_FRAMES + 2):
        scene.receive(syslog(txnr))
    assert not relp.full
    scene.receive(syslog(5000))
    assert relp.full
    scene.commit()
    assert not relp.full
    for txnr in range(2, MOST_UNANSWERED_BYTES // 60_000 + 4):
        scene.receive(syslog(txnr, 60_000))
    assert relp.full
    scene.commit()
    assert not relp.full


def test_leaving_says_so_behind_the_last_answer_and_takes_no_more() -> None:
    scene = Scene().receive(OPEN + syslog(2))
    relp = scene.session.relp
    assert relp is not None
    relp.leave()
    scene.receive(syslog(3))
    assert scene.due() == b""
    assert scene.commit() == OPENED + ok(2) + SERVERCLOSE
    assert relp.is_over
    assert len(scene.journal.messages()) == 1


def test_a_violation_is_answered_behind_what_came_before() -> None:
    scene = Scene().receive(OPEN + syslog(2) + b"3 syslog oops")
    relp = scene.session.relp
    assert relp is not None
    assert scene.due() == b""
    answers = scene.commit()
    assert answers == OPENED + ok(2) + b"3 rsp 20 500 bad frame header\n" + SERVERCLOSE
    assert relp.is_over
    assert relp.objection == "bad frame header"


def test_the_connection_is_journalled_as_relp() -> None:
    scene = Scene().receive(OPEN + syslog(2))
    assert scene.session.framing is Kind.RELP
    assert {one.transport for one, *_ in scene.journal.runs} == {"relp"}
    assert scene.session.connection.number == SENDER.number


def test_what_ends_with_a_connection_is_not_answered() -> None:
    scene = Scene().receive(OPEN + syslog(2) + syslog(3)[:-2])
    scene.session.end(2, orderly=True)
    assert scene.commit() == b""
    assert [kind for _, kind, _, _ in scene.journal.runs] == [Kind.RELP, Kind.INCOMPLETE]


@pytest.mark.parametrize(
    ("stream", "messages"),
    [
        (OPEN + syslog(2) + syslog(3), [b"x" * 10] * 2),
        (b"10 <14>hello!12 <14>1 - - - ", [b"<14>hello!", b"<14>1 - - - "]),
        (b"1 opening\n<14>line\n", [b"1 opening", b"<14>line"]),
        (b"1 open\n", [b"1 open"]),
        (b"\n1 open 3 abc\n", [b"1 open 3 abc"]),
    ],
)
def test_the_first_bytes_decide_however_they_come(stream: bytes, messages: list[bytes]) -> None:
    whole = Scene().receive(stream)
    cut = Scene()
    for at in range(len(stream)):
        cut.receive(stream[at : at + 1])
    assert whole.journal.messages() == cut.journal.messages() == messages
    assert whole.session.framing is cut.session.framing


def test_an_undecided_beginning_is_judged_as_a_line_at_the_end() -> None:
    scene = Scene().receive(b"1 ope")
    assert scene.session.framing is None
    scene.session.end(1, orderly=True)
    assert scene.journal.messages() == [b"1 ope"]
