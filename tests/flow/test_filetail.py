"""Following real files: nothing lost, nothing twice, whatever happens to the file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from sealwire.appliance.ports import Input
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.clock import SystemClock
from sealwire.errors import UnavailableError
from sealwire.net.filetail import FileTail
from sealwire.stores.memory import MemoryStore
from tests.flow.tls_receiver import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Later(SystemClock):
    """A clock that can be put forward."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class Scene:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "app.log"
        self.store = MemoryStore()
        self.clock = Later()
        self.tail = self.new_tail()
        self.add("app", self.path)

    def new_tail(self) -> FileTail:
        recorder = Recorder(self.clock, "unit.example.com", AuditFormat.V10_4_5, "1")
        return FileTail(self.store, recorder, self.clock)

    def add(self, name: str, path: Path) -> None:
        self.store.run(lambda tx: tx.put_input(Input(name, str(path), 0, 0)))

    def restart(self) -> None:
        self.tail.close()
        self.tail = self.new_tail()

    def append(self, data: bytes, path: Path | None = None) -> None:
        with (path or self.path).open("ab") as file:
            file.write(data)

    def poll(self) -> None:
        while self.tail.poll():
            pass

    def settle(self) -> None:
        """Poll until a rotation's grace is over, too."""
        for _ in range(3):
            self.poll()
            self.clock.ahead += 2
        self.poll()

    def lines(self) -> list[str]:
        records = self.store.read(lambda tx: tx.trail_records("inputs", start=0, limit=100_000))
        return [record.text for record in records]

    def offset(self) -> int:
        (source,) = self.store.read(lambda tx: tx.inputs())
        return source.offset


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path)
    yield scene
    scene.tail.close()


def test_complete_lines_are_recorded_and_the_rest_waits(scene: Scene) -> None:
    scene.append(b"one\ntwo\r\n\nthr")
    scene.poll()
    assert scene.lines() == ["one", "two"]
    assert scene.offset() == 10
    scene.append(b"ee\n")
    scene.poll()
    assert scene.lines() == ["one", "two", "three"]


def test_a_file_that_does_not_exist_yet_is_awaited(scene: Scene) -> None:
    scene.poll()
    scene.append(b"late\n")
    scene.poll()
    assert scene.lines() == ["late"]


def test_after_a_restart_it_goes_on_where_it_was(scene: Scene) -> None:
    scene.append(b"one\ntwo\nthr")
    scene.poll()
    scene.restart()
    scene.append(b"ee\n")
    scene.poll()
    assert scene.lines() == ["one", "two", "three"]


def test_a_rotated_file_is_read_to_its_end_before_its_successor(scene: Scene) -> None:
    scene.append(b"one\n")
    scene.poll()
    old = scene.path.with_suffix(".log.1")
    scene.append(b"two\n")
    scene.path.rename(old)
    scene.append(b"four\n")
    scene.poll()
    scene.append(b"three\nunterminated", old)
    scene.settle()
    assert scene.lines() == ["one", "two", "three", "unterminated", "four"]


def test_a_rotation_while_it_was_not_running_loses_nothing(scene: Scene) -> None:
    scene.append(b"one\n")
    scene.poll()
    scene.append(b"two\n")
    scene.path.rename(scene.path.with_suffix(".log.1"))
    scene.append(b"three\n")
    scene.restart()
    scene.settle()
    assert scene.lines() == ["one", "two", "three"]


def test_a_file_that_is_gone_gives_way_to_its_successor(scene: Scene) -> None:
    scene.append(b"one\n")
    scene.poll()
    scene.tail.close()
    keep = os.open(scene.path, os.O_RDONLY)  # So that the inode is not used again.
    scene.path.unlink()
    scene.append(b"two\n")
    scene.restart()
    scene.settle()
    os.close(keep)
    assert scene.lines() == ["one", "two"]


def test_a_truncated_file_is_read_from_its_beginning(scene: Scene) -> None:
    scene.append(b"one\ntwo\nthree\n")
    scene.poll()
    scene.path.write_bytes(b"four\n")
    scene.poll()
    assert scene.lines() == ["one", "two", "three", "four"]


def test_lines_and_position_are_stored_together_or_not_at_all(scene: Scene) -> None:
    scene.append(b"one\ntwo\n")
    scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        scene.poll()
    assert scene.lines() == []
    scene.poll()
    assert scene.lines() == ["one", "two"]
    scene.append(b"three\n")
    scene.store.fail_after_commit()
    with pytest.raises(UnavailableError):
        scene.poll()
    scene.poll()
    assert scene.lines() == ["one", "two", "three"]


def test_many_lines_and_several_files(scene: Scene, tmp_path: Path) -> None:
    second = tmp_path / "second.log"
    scene.add("second", second)
    scene.append(b"".join(b"a%d\n" % n for n in range(3000)))
    scene.append(b"".join(b"b%d\n" % n for n in range(3000)), second)
    scene.poll()
    lines = scene.lines()
    assert [line for line in lines if line[0] == "a"] == [f"a{n}" for n in range(3000)]
    assert [line for line in lines if line[0] == "b"] == [f"b{n}" for n in range(3000)]


def test_a_removed_input_is_let_go_and_one_added_again_begins_anew(scene: Scene) -> None:
    scene.append(b"one\n")
    scene.poll()
    scene.store.run(lambda tx: tx.remove_input("app"))
    scene.append(b"two\n")
    scene.poll()
    assert scene.lines() == ["one"]
    scene.add("app", scene.path)
    scene.poll()
    assert scene.lines() == ["one", "one", "two"]


def test_a_named_pipe_or_a_folder_is_no_input(scene: Scene) -> None:
    os.mkfifo(scene.path)
    scene.poll()
    assert scene.lines() == []


def test_the_thread_follows_by_itself(scene: Scene) -> None:
    scene.tail.start()
    scene.append(b"one\n")
    wait_until(lambda: scene.lines() == ["one"], "the line")
    scene.tail.stop()
