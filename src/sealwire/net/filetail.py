"""Follows local files: each complete line becomes a record of the trail ``inputs``.

A file is known by its inode, and how far it was read stands in the ``Input`` row, which changes in
the same transaction that records the lines: a crash neither loses a line nor repeats one. A file
that was rotated away (renamed, a new one in its place) is read to its end first, also after a
restart as long as it lies in the same directory; a file that became shorter is read from its
beginning again.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import structlog

from sealwire.audit.recorder import MAX_LINE_BYTES
from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.appliance.ports import ApplianceTx, Input
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.clock import Clock

_log = structlog.get_logger(__name__)

TRAIL: Final = "inputs"
_POLL_S: Final = 0.2
_CHUNK: Final = 256 << 10
_LINES_PER_TRANSACTION: Final = 500
# A writer may still hold the file that was renamed under it.
_ROTATION_GRACE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Cut:
    """Complete lines of a chunk without their ends, and how many bytes they and the ends took."""

    lines: Sequence[bytes]
    size: int


def cut_lines(chunk: bytes, *, final: bool = False, limit: int = MAX_LINE_BYTES) -> Cut:
    """The first complete lines of ``chunk``; empty ones count in ``size`` only.

    A line longer than ``limit`` is cut into pieces of that length. ``final``: nothing will
    follow, so an unterminated rest is a line too.
    """
    lines: list[bytes] = []
    position = 0
    while position < len(chunk) and len(lines) < _LINES_PER_TRANSACTION:
        end = chunk.find(b"\n", position, position + limit + 1)
        if end < 0 and len(chunk) - position <= limit and not final:
            break
        after = end + 1 if end >= 0 else min(position + limit, len(chunk))
        line = chunk[position:after]
        if end >= 0:
            line = line.removesuffix(b"\n").removesuffix(b"\r")
        if line:
            lines.append(line)
        position = after
    return Cut(lines, position)


class _Follower:
    """One input's open file. ``OSError`` from any call means that the file cannot be read now.

    ``row`` is the input as the store has it; ``source`` may be ahead of it by what was found out
    and not recorded yet.
    """

    def __init__(self, row: Input) -> None:
        self.row = row
        self.source = row
        self._file: BinaryIO | None = None
        self._size = 0
        self._replaced_at: float | None = None

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def recorded(self, row: Input) -> None:
        self.row = self.source = row

    def next_cut(self, now: float) -> tuple[Input, Cut] | None:
        """The next lines and the position after them; None when there is nothing new."""
        if self._file is None:
            self._open()
        file = self._file
        if file is None:
            return None
        size = os.fstat(file.fileno()).st_size
        if size < self.source.offset:
            self.source = replace(self.source, offset=0)
        over = self._is_over(now, grown=size != self._size)
        self._size = size
        file.seek(self.source.offset)
        cut = cut_lines(file.read(_CHUNK), final=over)
        if cut.size:
            return replace(self.source, offset=self.source.offset + cut.size), cut
        return self._turn_to_successor() if over else None

    def _open(self) -> None:
        """The file that was being read, wherever it is called now; else the one at the path."""
        for path in self._candidates():
            file = _open_regular(path)
            inode = os.fstat(file.fileno()).st_ino
            if self.source.inode in {0, inode}:
                self.source = replace(self.source, inode=inode)
                self._file = file
                return
            file.close()
        self.source = replace(self.source, inode=0, offset=0)
        _log.warning("the file that was being read is gone", input=self.source.name)
        self._open_path()

    def _candidates(self) -> Sequence[str]:
        path, inode = Path(self.source.path), self.source.inode
        if inode == 0 or self._inode_at_path() == inode:
            return [self.source.path]
        with os.scandir(path.parent) as entries:
            return [entry.path for entry in entries if entry.inode() == inode]

    def _inode_at_path(self) -> int | None:
        try:
            return Path(self.source.path).stat().st_ino
        except FileNotFoundError:
            return None

    def _open_path(self) -> None:
        self._file = _open_regular(self.source.path)
        inode = os.fstat(self._file.fileno()).st_ino
        self.source = replace(self.source, inode=inode, offset=0)

    def _is_over(self, now: float, *, grown: bool) -> bool:
        """Whether this file was replaced, and has been still for long enough since."""
        if self._inode_at_path() in {None, self.source.inode}:
            self._replaced_at = None
            return False
        if self._replaced_at is None or grown:
            self._replaced_at = now
        return now - self._replaced_at >= _ROTATION_GRACE_S

    def _turn_to_successor(self) -> tuple[Input, Cut]:
        self.close()
        self._replaced_at = None
        self.source = replace(self.source, inode=0, offset=0)
        self._open_path()
        return self.source, Cut([], 0)


class FileTail:
    """Follows every ``Input`` of the store in one thread. ``start`` once, ``stop`` once.

    ``active`` says whether this unit does so: of several that share a store, only one may.
    """

    def __init__(
        self,
        store: Store[ApplianceTx],
        recorder: Recorder,
        clock: Clock,
        *,
        active: Callable[[ApplianceTx], bool] = lambda _: True,
    ) -> None:
        self._active = active
        self._store = store
        self._recorder = recorder
        self._clock = clock
        self._followers: dict[str, _Follower] = {}
        self._complaints: dict[str, str] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="file tail", daemon=True)

    def start(self) -> None:
        """Begin to follow."""
        self._thread.start()

    def stop(self) -> None:
        """End; returns when the transaction in hand is done."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.close()

    def close(self) -> None:
        """Let go of the files."""
        for follower in self._followers.values():
            follower.close()
        self._followers.clear()

    def poll(self) -> int:
        """One round over all inputs; how many lines were recorded. For the thread, and tests."""
        inputs = self._store.read(lambda tx: tx.inputs() if self._active(tx) else ())
        self._forget(inputs)
        return sum(self._follow(source) for source in inputs)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                found = self.poll()
            except SealwireError as error:
                _log.warning("inputs not read", error=error.message)
                found = 0
            if not found:
                self._stopped.wait(_POLL_S)

    def _forget(self, inputs: Sequence[Input]) -> None:
        names = {source.name for source in inputs}
        for name in self._followers.keys() - names:
            self._followers.pop(name).close()

    def _follow(self, source: Input) -> int:
        follower = self._followers.get(source.name)
        if follower is None or follower.row != source:
            if follower is not None:
                follower.close()
            follower = self._followers[source.name] = _Follower(source)
        try:
            found = follower.next_cut(self._clock.monotonic())
        except OSError as error:
            self._complain(source, error.strerror or str(error))
            follower.close()
            return 0
        self._complain(source, "")
        if found is None:
            return 0
        after, cut = found
        if self._record(source, after, cut):
            follower.recorded(after)
        else:
            self._followers.pop(source.name).close()
        return len(cut.lines)

    def _record(self, before: Input, after: Input, cut: Cut) -> bool:
        """Lines and position in one transaction; False when the input was changed meanwhile."""

        def use_case(tx: ApplianceTx) -> bool:
            if not self._active(tx) or before not in tx.inputs():
                return False
            for line in cut.lines:
                self._recorder.record_line(tx, TRAIL, line, before.name)
            tx.put_input(after)
            return True

        return self._store.run(use_case)

    def _complain(self, source: Input, words: str) -> None:
        """Log a fault once, not at every look."""
        if words and self._complaints.get(source.name) != words:
            _log.warning("input cannot be read", input=source.name, error=words)
        self._complaints[source.name] = words


def _open_regular(path: str) -> BinaryIO:
    # Non-blocking: a named pipe would keep the thread until somebody writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file")
    return os.fdopen(descriptor, "rb", buffering=0)
