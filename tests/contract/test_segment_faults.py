"""Segments when the disk is full, or the process dies: at every single call to the system."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import UnavailableError
from sealwire.sensor.journal import Position
from sealwire.sensor.policy import ArchivePolicy, LegalHold, RetentionClass
from sealwire.stores.segments.damage import DamageKind
from sealwire.stores.segments.files import SystemFileCalls
from sealwire.stores.segments.ledger import RESERVE, Pace
from sealwire.stores.segments.reading import read_catalogue
from sealwire.stores.segments.store import SegmentStore
from sealwire.stores.segments.verification import verify_segments
from tests.contract.records import DAY, MIDNIGHT, SetClock, records, stored

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SENSOR = "sensor-1"
ROOT = Path(__file__).resolve().parents[2]


class DiedError(BaseException):
    """The process is gone: nothing runs after it, not even what would tidy up."""


class FaultyCalls(SystemFileCalls):
    """Counts the calls; at call number ``at`` something happens."""

    def __init__(self, at: int = -1, fault: str = "") -> None:
        self.at = at
        self.fault = fault
        self.count = 0
        self.dead = False

    def _call(self, run: Callable[[], object], half: Callable[[], object] | None = None) -> object:
        if self.dead:
            raise DiedError
        self.count += 1
        if self.count != self.at:
            return run()
        if self.fault == "full":
            if half is not None:
                half()
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.dead = True
        if half is not None:
            half()
        raise DiedError

    def create(self, path: Path) -> int:
        found = self._call(lambda: super(FaultyCalls, self).create(path))
        assert isinstance(found, int)
        return found

    def write(self, fd: int, data: Sequence[bytes]) -> None:
        whole = b"".join(data)
        write = super().write
        self._call(lambda: write(fd, [whole]), lambda: write(fd, [whole[: len(whole) // 2]]))

    def sync(self, fd: int) -> None:
        self._call(lambda: super(FaultyCalls, self).sync(fd))

    def truncate(self, fd: int, length: int) -> None:
        self._call(lambda: super(FaultyCalls, self).truncate(fd, length))

    def rename(self, source: Path, target: Path) -> None:
        self._call(lambda: super(FaultyCalls, self).rename(source, target))

    def remove(self, path: Path) -> None:
        self._call(lambda: super(FaultyCalls, self).remove(path))

    def make_folder(self, path: Path) -> None:
        self._call(lambda: super(FaultyCalls, self).make_folder(path))

    def sync_folder(self, path: Path) -> None:
        self._call(lambda: super(FaultyCalls, self).sync_folder(path))


# --- a small life: seals, a merging, a hold, a deletion ------------------------------------------

BATCHES = [
    records([b"0a", b"0b"], [MIDNIGHT - 1, MIDNIGHT], "x"),
    records([b"1a", b"1b", b"1c"], MIDNIGHT + 1, ["x", "x", "y"]),
]
POLICY = ArchivePolicy(
    classes=(RetentionClass("x", 1), RetentionClass("y", 1)),
    holds=(LegalHold("case", date(2026, 11, 19), date(2026, 11, 19)),),
)
GONE = {b"0a"}
ALL = {raw for batch in BATCHES for raw in batch["raw"].to_pylist()}


def live(store: SegmentStore, again: Callable[[Callable[[], object]], None]) -> None:
    """All of it, from where the store is."""
    done = store.look(lambda one: dict(one.positions)).get(0, Position()).offset
    for number, batch in list(enumerate(BATCHES))[done:]:
        again(lambda number=number, batch=batch: store.seal(batch, {0: Position(0, number + 1)}))  # type: ignore[misc]
    again(lambda: store.compact(10**6))
    again(lambda: store.retire(POLICY))


def once(step: Callable[[], object]) -> None:
    step()


def opened(folder: Path, calls: FaultyCalls | None = None) -> SegmentStore:
    pace = Pace(rotate_at=600, snapshot_every=2)
    return SegmentStore(folder, SENSOR, SetClock(MIDNIGHT + DAY), calls=calls, pace=pace)


def calls_of_a_life(folder: Path) -> int:
    calls = FaultyCalls()
    store = opened(folder, calls)
    store.recover()
    live(store, once)
    check_end(store, folder)
    store.close()
    return calls.count


def check_end(store: SegmentStore, folder: Path) -> None:
    assert set(stored(store).values()) == ALL - GONE
    check_whole(store, folder)
    kinds = [one.rows for one in store.segments() if one.hour.endswith("2026/11/19/00")]
    assert sorted(kinds) == [1, 3]


def check_whole(store: SegmentStore, folder: Path) -> None:
    """What the chain says, what memory says and what lies there are the same."""
    verified = verify_segments(folder, SENSOR)
    assert verified.damages == ()
    assert read_catalogue(folder, SENSOR).segments == {one.path: one for one in store.segments()}
    assert set(store.folder.segment_files()) == {one.path for one in store.segments()}


def test_a_death_at_any_call_leaves_all_of_a_change_or_nothing(tmp_path: Path) -> None:
    count = calls_of_a_life(tmp_path / "whole")
    assert count > 50
    for at in range(1, count + 1):
        folder = tmp_path / str(at)
        sealed = 0
        store = opened(folder, FaultyCalls(at, "death"))

        def note(step: Callable[[], object]) -> None:
            nonlocal sealed
            step()
            sealed += 1

        def life(store: SegmentStore = store, note: Callable[..., None] = note) -> None:
            store.recover()
            live(store, note)

        with pytest.raises(DiedError):
            life()
        store.close()
        store = opened(folder)
        recovered = store.recover()
        found = recovered.positions.get(0, Position()).offset
        assert min(sealed, 2) <= found <= min(sealed + 1, 2)
        expected = {raw for batch in BATCHES[:found] for raw in batch["raw"].to_pylist()}
        assert expected - GONE <= set(stored(store).values()) <= expected
        live(store, once)
        kinds = {one.kind for one in recovered.damages}
        if sealed:
            assert kinds <= {DamageKind.TORN, DamageKind.STRAY}
            assert (DamageKind.STRAY in kinds) <= (DamageKind.TORN in kinds)
        check_end(store, folder)
        assert set(stored(store).values()) == ALL - GONE
        store.close()


def test_a_full_disk_at_any_call_changes_nothing_and_the_next_try_goes_on(tmp_path: Path) -> None:
    count = calls_of_a_life(tmp_path / "whole")
    for at in range(1, count + 1):
        folder = tmp_path / str(at)
        store = opened(folder, FaultyCalls(at, "full"))
        refused = 0

        def again(step: Callable[[], object], store: SegmentStore = store) -> None:
            nonlocal refused
            before = store.segments(), store.look(lambda one: dict(one.positions))
            try:
                step()
            except UnavailableError:
                refused += 1
                assert before == (store.segments(), store.look(lambda one: dict(one.positions)))
                step()

        again(store.recover)
        live(store, again)
        assert refused <= 1
        assert set(stored(store).values()) == ALL - GONE
        store.seal(records([]), {0: Position(1, 0)})
        check_end(store, folder)
        store.close()


def test_a_disk_that_stays_full_loses_nothing(tmp_path: Path) -> None:
    calls = FaultyCalls()
    store = opened(tmp_path, calls)
    store.recover()
    store.seal(BATCHES[0], {0: Position(0, 1)})
    before = stored(store)
    for _ in range(5):
        calls.at, calls.fault = calls.count + 3, "full"
        with pytest.raises(UnavailableError) as refused:
            store.seal(BATCHES[1], {0: Position(0, 2)})
        assert refused.value.code == "segments.disk"
        assert "No space left" in refused.value.message
    assert stored(store) == before
    seal = store.seal(BATCHES[1], {0: Position(0, 2)})
    assert seal.first_seq == 3
    check_whole(store, tmp_path)
    store.close()


class FullCalls(SystemFileCalls):
    """A disk with so many bytes of room; what is removed or cut off gives its bytes back."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, fd: int, data: Sequence[bytes]) -> None:
        length = sum(map(len, data))
        if length > self.room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.room -= length
        super().write(fd, data)

    def truncate(self, fd: int, length: int) -> None:
        self.room += os.fstat(fd).st_size - length
        super().truncate(fd, length)

    def remove(self, path: Path) -> None:
        self.room += path.stat().st_size if path.exists() else 0
        super().remove(path)


def test_on_a_full_disk_days_can_still_be_deleted(tmp_path: Path) -> None:
    calls = FullCalls(RESERVE + 30_000)
    store = SegmentStore(tmp_path, SENSOR, SetClock(MIDNIGHT + DAY), calls=calls)
    store.recover()
    sealed = 0
    while True:
        try:
            times = MIDNIGHT - (DAY if sealed < 2 else 0)
            store.seal(records([b"%d" % sealed], times, "x"), {0: Position(0, sealed + 1)})
        except UnavailableError:
            break
        sealed += 1
    calls.room = 0
    assert sealed > 2
    held = LegalHold("case", date(2026, 11, 19), date(2026, 11, 19))
    (deletion,) = store.retire(ArchivePolicy((RetentionClass("x", 1),), holds=(held,))).deletions
    assert deletion.rows == 2
    store.seal(records([b"again"], MIDNIGHT, "x"), {0: Position(0, sealed + 1)})
    assert sorted(stored(store)) == list(range(3, sealed + 2))
    check_whole(store, tmp_path)
    store.close()


# --- kill -9 -------------------------------------------------------------------------------------


@pytest.mark.soak
def test_killed_while_sealing_nothing_is_lost_or_stored_twice(
    tmp_path: Path, soak_rounds: int
) -> None:
    said = 0
    for round_number in range(soak_rounds):
        program = [sys.executable, ROOT / "tests/contract/dying_sealer.py", tmp_path]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
        with subprocess.Popen(program, stdout=subprocess.PIPE, env=environment) as child:
            assert child.stdout is not None
            for _ in range(3 + round_number * 7 % 11):
                said = int(child.stdout.readline())
            child.send_signal(signal.SIGKILL)
            rest = child.stdout.read().split()
            said = int(rest[-1]) if rest else said
        store = opened(tmp_path)
        recovered = store.recover()
        # What it said it had sealed is there; one seal that it had no time to speak of may be.
        sealed = recovered.positions[0].offset
        assert said <= sealed <= said + 100
        assert sorted(int(raw) for raw in stored(store).values()) == list(range(sealed))
        assert [one.kind for one in recovered.damages] == []
        assert verify_segments(tmp_path, SENSOR).damages == ()
        store.close()
    assert said > 0
