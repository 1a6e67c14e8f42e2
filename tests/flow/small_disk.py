"""A file system of a few megabytes, which no other process sees unless it is told to."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.flow.peers import PeerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MEGABYTES = 8
CHUNK = 1 << 16
PAGE = 4096


@dataclass
class SmallDisk:
    """A tmpfs at ``folder`` in a mount namespace of its own. A context manager.

    Nothing of the machine's own mounts is changed, and no rights are needed where users may make
    namespaces. What stands in ``folder`` is seen from outside through links: ``share`` makes one.
    """

    folder: Path
    megabytes: int
    _holder: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _kind: str = field(default="", init=False)

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        for program in ("unshare", "nsenter", "mount"):
            if shutil.which(program) is None:
                raise PeerError(f"{program} is missing (Debian: util-linux, mount)")
        said = [self._mounted(kind) for kind in ("-Urm", "-m")]
        if self._holder is None:
            raise PeerError(
                "no small file system can be mounted here, which a test of a full disk needs:"
                f" allow users their own namespaces, or run as root; unshare said {said}"
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self._holder is not None and self._holder.stdin is not None:
            self._holder.stdin.close()  # then cat ends, and the mount with it
            self._holder.wait(10)
            if self._holder.stdout is not None:
                self._holder.stdout.close()

    @property
    def within(self) -> Sequence[str]:
        """Words before a command that is to see it."""
        users = ["-U", "--preserve-credentials"] if "U" in self._kind else []
        return ["nsenter", "-t", str(self._pid), "-m", *users, "--"]

    @property
    def inside(self) -> Path:
        """The same folder as who is within sees it."""
        return Path(f"/proc/{self._pid}/root{self.folder}")

    def share(self, name: str) -> Path:
        """Where what is called ``name`` within can be found, here and within alike."""
        path = self.folder / name
        path.symlink_to(self.inside / name)
        return path

    def fill(self, spare: int = 0) -> None:
        """Leave not one byte, or ``spare`` of them in whole pages."""
        with (self.inside / "ballast").open("ab", buffering=0) as ballast:
            for size in (CHUNK, PAGE, 1):
                try:
                    while True:
                        ballast.write(bytes(size))
                except OSError:
                    continue
        if os.statvfs(self.inside).f_bavail:
            raise PeerError("the small disk is not full")
        if spare:
            ballast_path = self.inside / "ballast"
            os.truncate(ballast_path, ballast_path.stat().st_size - spare)

    def clear(self) -> None:
        """Give back what ``fill`` took."""
        (self.inside / "ballast").unlink()

    @property
    def _pid(self) -> int:
        if self._holder is None:
            raise PeerError("the small disk is not mounted")
        return self._holder.pid

    def _mounted(self, kind: str) -> str:
        if self._holder is not None:
            return ""
        # mount and cat instead of a shell's loop: what holds the mount ends with its input.
        script = 'mount -t tmpfs -o "size=$1" small "$2" && echo mounted && exec cat'
        words = ["unshare", kind, "sh", "-c", script, "sh", f"{self.megabytes}m", str(self.folder)]
        holder = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert holder.stdout is not None
        assert holder.stdin is not None
        said = holder.stdout.readline()
        if said == b"mounted\n":
            self._holder, self._kind = holder, kind
            return ""
        holder.stdin.close()
        holder.wait(10)
        holder.stdout.close()
        return said.decode(errors="replace").strip()


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    """One of ``MEGABYTES`` in a new folder, which goes with it."""
    # A short path: a unix socket's has at most 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="sealwire-small-"))
    try:
        with SmallDisk(folder / "disk", MEGABYTES) as mounted:
            yield mounted
    finally:
        shutil.rmtree(folder)
