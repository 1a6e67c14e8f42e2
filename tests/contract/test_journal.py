"""The journal on real files: durable in order, torn tails cut, damage reported, disks that fail."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.clock import SystemClock
from sealwire.errors import ConflictError
from sealwire.sensor.journal import Connection, Position
from sealwire.sensor.statistics import Statistics
from sealwire.stores.files import SystemFileCalls
from sealwire.stores.journal.reader import JournalReadings
from sealwire.stores.journal.recovery import recover_slot
from sealwire.stores.journal.writer import JournalWriter
from sealwire.syslog.framing import encode_octet_frame
from sealwire.syslog.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SENDER = Connection(1, "192.0.2.1", 40000, 6514, "TLSv1.3", "x", "ab" * 32, "CN=a")
OTHER = Connection(2, "192.0.2.2", 40001, 6514, "TLSv1.2", "y")
SOAK = int(os.environ.get("SEALWIRE_SOAK", "5"))


class FailingCalls(SystemFileCalls):
    """A disk that fails when told to, and may have written half."""

    def __init__(self) -> None:
        self.write_error = 0
        self.sync_error = 0
        self.synced = 0

    def write(self, fd: int, data: Sequence[bytes]) -> None:
        if self.write_error:
            super().write(fd, [data[0][: len(data[0]) // 2]])
            raise OSError(self.write_error, os.strerror(self.write_error))
        super().write(fd, data)

    def sync(self, fd: int) -> None:
        if self.sync_error:
            raise OSError(self.sync_error, os.strerror(self.sync_error))
        self.synced += 1
        super().sync(fd)


class Slot:
    """One slot with its writer, driven as a receiver drives it."""

    def __init__(self, folder: Path, calls: FailingCalls | None = None, **named: int) -> None:
        self.folder = folder
        self.recovery = recover_slot(folder, 0)
        self.writer = JournalWriter(
            folder,
            0,
            sensor="test",
            clock=SystemClock(),
            calls=calls,
            retry_after=0.01,
            **named,
        )
        self.clock = 0

    def put(self, *messages: bytes, connection: Connection = SENDER) -> None:
        self.clock += 1
        data = b"".join(map(encode_octet_frame, messages))
        self.writer.append(connection, Kind.OCTETS, len(messages), self.clock, data)

    def commit(self) -> Position:
        self.writer.seal()
        self.until(lambda: self.writer.undurable == 0)
        return self.writer.durable

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10  # noqa: TID251 - a test's patience
        while not holds():
            assert time.monotonic() < deadline, "nothing became durable"  # noqa: TID251 - same
            select.select([self.writer.wake_fd], [], [], 0.01)

    def messages(self, start: Position | None = None) -> list[bytes]:
        found = JournalReadings(self.folder).messages(0, start or Position(), self.writer.durable)
        return [one.message for one in found]

    def close(self) -> None:
        self.writer.close()


@pytest.fixture
def slot(tmp_path: Path) -> Iterator[Slot]:
    opened = Slot(tmp_path)
    yield opened
    opened.close()


def newest_file(folder: Path) -> Path:
    return max((folder / "0").glob("*.swj"))


def test_what_was_written_is_read_with_its_envelope(slot: Slot) -> None:
    slot.put(b"<1>a", b"<2>b")
    slot.put(b"<3>c", connection=OTHER)
    end = slot.commit()
    found = list(JournalReadings(slot.folder).messages(0, Position(), end))
    assert [one.message for one in found] == [b"<1>a", b"<2>b", b"<3>c"]
    assert [one.connection for one in found] == [SENDER, SENDER, OTHER]
    assert [one.received_ns for one in found] == [1, 1, 2]


def test_nothing_is_durable_before_it_is_sealed(slot: Slot) -> None:
    slot.put(b"<1>a")
    assert slot.writer.gathered == slot.writer.undurable == 6
    assert slot.messages() == []
    slot.commit()
    assert slot.writer.gathered == slot.writer.undurable == 0
    assert slot.messages() == [b"<1>a"]


def test_reading_goes_on_from_a_position(slot: Slot) -> None:
    slot.put(b"<1>a")
    first = slot.commit()
    slot.put(b"<2>b")
    slot.put(b"<3>c", connection=OTHER)
    slot.commit()
    assert slot.messages(first) == [b"<2>b", b"<3>c"]


def test_the_newest_are_found_from_the_end(slot: Slot) -> None:
    for number in range(50):
        slot.put(b"<1>%d" % number)
        slot.commit()
    reader = JournalReadings(slot.folder)
    for count in (0, 1, 7, 50, 80):
        newest = [one.message for one in reader.newest(0, slot.writer.durable, count)]
        assert newest == [b"<1>%d" % number for number in range(50)][50 - min(count, 50) :]


def test_each_file_names_its_connections(tmp_path: Path) -> None:
    slot = Slot(tmp_path, rotate_at=300)
    for number in range(20):
        slot.put(b"<1>%d" % number, connection=SENDER if number % 2 else OTHER)
        slot.commit()
    files = sorted((tmp_path / "0").glob("*.swj"))
    assert len(files) > 5
    slot.close()
    files[0].unlink()
    found = list(JournalReadings(tmp_path).messages(0, Position(), Position(99, 0)))
    assert found[-1].message == b"<1>19"
    assert {one.connection for one in found} == {SENDER, OTHER}
    newest = JournalReadings(tmp_path).newest(0, slot.writer.durable, 10)
    assert [one.message for one in newest] == [b"<1>%d" % number for number in range(10, 20)]


def test_a_number_used_again_means_the_later_connection(slot: Slot) -> None:
    again = Connection(1, "192.0.2.9", 5, 6514, "TLSv1.3", "x")
    slot.put(b"<1>first")
    middle = slot.commit()
    slot.put(b"<1>second", connection=again)
    end = slot.commit()
    reader = JournalReadings(slot.folder)
    for _ in range(2):
        found = list(reader.messages(0, Position(), end))
        assert [one.connection.address for one in found] == ["192.0.2.1", "192.0.2.9"]
        assert [one.connection.address for one in reader.newest(0, middle, 1)] == ["192.0.2.1"]


def test_counting_reads_totals_and_rare_runs(slot: Slot) -> None:
    slot.put(b"<1>a", b"<2>b")
    slot.put(b"<3>c")
    slot.writer.append(SENDER, Kind.TRUNCATED, 1, 9, b"<1>long")
    slot.writer.append(SENDER, Kind.SKIPPED, 0, 9, b"x" * 1000)
    slot.writer.append(OTHER, Kind.BAD_COUNT, 0, 9, b"bad\n")
    slot.commit()
    statistics = Statistics()
    for block in JournalReadings(slot.folder).summaries(0, Position(), slot.writer.durable):
        statistics.apply(0, block)
    document = statistics.document()
    assert document["packets_received"] == 4
    assert (document["overlong"], document["truncated_bytes"]) == (1, 1000)
    assert (document["bad_count"], document["quarantined_bytes"]) == (1, 4)
    assert newest_file(slot.folder).stat().st_size < 700, "skipped bytes are not kept"


def test_a_slot_has_one_writer(slot: Slot) -> None:
    with pytest.raises(ConflictError):
        recover_slot(slot.folder, 0)
    with pytest.raises(ConflictError):
        JournalWriter(slot.folder, 0, sensor="x", clock=SystemClock())


def test_a_torn_tail_is_cut_kept_and_reported_wherever_it_is_torn(tmp_path: Path) -> None:
    slot = Slot(tmp_path)
    slot.put(b"<1>whole")
    whole = slot.commit()
    slot.put(b"<2>torn")
    slot.commit()
    slot.close()
    path = newest_file(tmp_path)
    content = path.read_bytes()
    for length in range(whole.offset, len(content)):
        path.write_bytes(content[:length])
        recovery = recover_slot(tmp_path, 0)
        assert recovery.end == whole
        assert path.read_bytes() == content[: whole.offset]
        assert len(recovery.damages) == int(length > whole.offset)
        for damage in recovery.damages:
            assert (damage.torn, damage.offset) == (True, whole.offset)
            kept = path.parent / damage.kept_in
            assert kept.read_bytes() == content[whole.offset : length]


def test_a_file_torn_in_its_header_is_emptied_and_passed_by(tmp_path: Path) -> None:
    slot = Slot(tmp_path)
    slot.put(b"<1>a")
    slot.commit()
    slot.close()
    (tmp_path / "0" / "000000000002.swj").write_bytes(b"SWJF")
    recovery = recover_slot(tmp_path, 0)
    assert [damage.torn for damage in recovery.damages] == [True]
    later = Slot(tmp_path)
    later.put(b"<2>b")
    later.commit()
    assert later.messages() == [b"<1>a", b"<2>b"]
    later.close()


def test_damage_in_the_middle_stays_and_is_reported_once(tmp_path: Path) -> None:
    slot = Slot(tmp_path)
    ends = []
    for message in (b"<1>a", b"<2>b", b"<3>c"):
        slot.put(message)
        ends.append(slot.commit().offset)
    slot.close()
    path = newest_file(tmp_path)
    content = bytearray(path.read_bytes())
    content[ends[0] + 40] ^= 1
    path.write_bytes(bytes(content))
    (damage,) = recover_slot(tmp_path, 0).damages
    assert (damage.torn, damage.offset, damage.length) == (False, ends[0], ends[1] - ends[0])
    assert path.read_bytes() == bytes(content)
    assert (path.parent / damage.kept_in).read_bytes() == bytes(content[ends[0] : ends[1]])
    assert slot.messages() == [b"<1>a", b"<3>c"]
    assert recover_slot(tmp_path, 0).damages == ()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_what_cannot_be_written_waits_and_is_written_later(tmp_path: Path, error: int) -> None:
    calls = FailingCalls()
    slot = Slot(tmp_path, calls)
    slot.put(b"<1>a")
    before = slot.commit()
    calls.write_error = error
    slot.put(b"<2>b")
    slot.writer.seal()
    slot.until(lambda: slot.writer.trouble is not None)
    assert slot.writer.trouble == os.strerror(error)
    assert slot.writer.durable == before
    assert slot.writer.undurable == 6
    slot.put(b"<3>c")
    slot.writer.seal()
    calls.write_error = 0
    slot.until(lambda: slot.writer.undurable == 0)
    assert slot.writer.trouble is None
    assert slot.messages() == [b"<1>a", b"<2>b", b"<3>c"]
    slot.close()
    assert recover_slot(tmp_path, 0).damages == ()


def test_a_ticket_tells_when_what_was_appended_is_durable(tmp_path: Path) -> None:
    calls = FailingCalls()
    slot = Slot(tmp_path, calls)
    assert slot.writer.ticket == slot.writer.durable_ticket == 0
    slot.put(b"<1>a")
    slot.put(b"<2>b")
    first = slot.writer.ticket
    assert first == 1
    assert slot.writer.durable_ticket < first
    slot.commit()
    assert slot.writer.ticket == slot.writer.durable_ticket == first
    calls.sync_error = errno.EIO
    for message in (b"<3>c", b"<4>d"):
        slot.put(message)
        slot.writer.seal()
    slot.until(lambda: slot.writer.trouble is not None)
    slot.put(b"<5>e")
    assert slot.writer.ticket == first + 3
    assert slot.writer.durable_ticket == first
    calls.sync_error = 0
    slot.commit()
    assert slot.writer.durable_ticket == first + 3
    assert len(slot.messages()) == 5
    slot.close()


def test_relp_frames_are_counted_and_read(slot: Slot) -> None:
    data = b"2 syslog 4 <1>a\n3 syslog 4 <2>b\n"
    slot.writer.append(SENDER, Kind.RELP, 2, 1, data)
    slot.writer.append(SENDER, Kind.RELP, 0, 2, b"4 close 0\n")
    slot.commit()
    assert slot.messages() == [b"<1>a", b"<2>b"]
    (block,) = JournalReadings(slot.folder).summaries(0, Position(), slot.writer.durable)
    assert list(block.totals) == [(SENDER, 2, len(data) + 10, 2)]
    assert not block.rare
    newest = JournalReadings(slot.folder).newest(0, slot.writer.durable, 1)
    assert [one.message for one in newest] == [b"<2>b"]


def test_after_a_failed_sync_everything_since_is_written_anew(tmp_path: Path) -> None:
    calls = FailingCalls()
    slot = Slot(tmp_path, calls)
    slot.put(b"<1>a")
    before = slot.commit()
    calls.sync_error = errno.EIO
    slot.put(b"<2>b")
    slot.writer.seal()
    slot.until(lambda: slot.writer.trouble is not None)
    assert slot.writer.durable == before
    calls.sync_error = 0
    slot.until(lambda: slot.writer.undurable == 0)
    assert slot.writer.durable.file == before.file + 1
    assert slot.messages() == [b"<1>a", b"<2>b"]
    slot.close()
    assert recover_slot(tmp_path, 0).damages == ()


def test_closing_gives_up_on_a_disk_that_stays_full(tmp_path: Path) -> None:
    calls = FailingCalls()
    slot = Slot(tmp_path, calls)
    slot.put(b"<1>a")
    before = slot.commit()
    calls.write_error = errno.ENOSPC
    slot.put(b"<2>b")
    slot.close()
    assert slot.writer.durable == before
    assert recover_slot(tmp_path, 0).end == before


WRITER = """
import itertools, os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.contract.test_journal import Slot
slot = Slot(Path(sys.argv[1]))
for number in itertools.count():
    slot.put(b"<1>%d %b" % (number, b"x" * (number % 3000)))
    if number % 7 == 0:
        slot.writer.seal()
        print(*slot.writer.durable, flush=True)
"""


@pytest.mark.soak
@pytest.mark.parametrize("attempt", range(SOAK))
def test_killed_while_writing_what_was_durable_is_there(tmp_path: Path, attempt: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path), str(Path(__file__).parents[2])],
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        durable = Position()
        for _ in range(20 + 37 * attempt % 300):
            file, offset = process.stdout.readline().split()
            durable = Position(int(file), int(offset))
        process.send_signal(signal.SIGKILL)
        process.stdout.read()
    recovery = recover_slot(tmp_path, 0)
    assert recovery.end >= durable
    assert all(damage.torn for damage in recovery.damages)
    found = list(JournalReadings(tmp_path).messages(0, Position(), recovery.end))
    numbers = [int(one.message[3:].split(b" ")[0]) for one in found]
    assert numbers == list(range(len(numbers)))
    assert recover_slot(tmp_path, 0).damages == ()
