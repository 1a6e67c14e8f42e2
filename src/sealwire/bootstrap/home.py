"""The home folder: what lies where in it, and the lock that lets one node use it."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.errors import UnavailableError
from sealwire.stores.files import open_locked

if TYPE_CHECKING:
    from pathlib import Path

_HELD: Final = b"held\n"


@dataclass(frozen=True, slots=True)
class Home:
    """Paths under one home folder. Nothing outside it is ever written."""

    root: Path

    @property
    def keys(self) -> Path:
        """Private keys, one file each."""
        return self.root / "keys"

    @property
    def journal(self) -> Path:
        """The sensor's journal, one folder for each worker slot."""
        return self.root / "journal"

    @property
    def segments(self) -> Path:
        """The sensor's sealed records: the evidence."""
        return self.root / "segments"

    @property
    def index(self) -> Path:
        """What search asks; it can be built again from the segments."""
        return self.root / "index"

    @property
    def store_notes(self) -> Path:
        """What the store process notes for its next start."""
        return self.root / "store"

    @property
    def audit(self) -> Path:
        """The signed audit log's files, when there are any."""
        return self.root / "audit"

    @property
    def credentials(self) -> Path:
        """Credentials handed to people: the agent's certificate and key, the CA's roots."""
        return self.root / "credentials"

    @property
    def config_file(self) -> Path:
        """The configuration of the last run, as JSON."""
        return self.root / "config.json"

    @property
    def run(self) -> Path:
        """What lives only as long as the node runs."""
        return self.root / "run"

    @property
    def socket(self) -> Path:
        """The owner's unix socket."""
        return self.run / "owner.sock"

    @property
    def state_file(self) -> Path:
        """Addresses of the running node, as JSON."""
        return self.run / "node.json"

    def create(self) -> None:
        """Make the folders; only the owner may look into them."""
        for folder in (self.root, self.keys, self.journal, self.credentials, self.run):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def state(self) -> dict[str, object]:
        """What the node wrote when it opened its listeners; empty when it never ran."""
        try:
            document = json.loads(self.state_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def write_private(self, path: Path, content: bytes) -> None:
        """Put a file in place whole or not at all, readable by its owner only."""
        draft = path.with_name(path.name + ".new")
        # A draft of before the last crash would keep its mode, and its readers.
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.rename(path)


class HomeLock:
    """Held by the one process that may write the home; given back when that process ends.

    ``left_behind``: the one before did not give it back but died; its children may still be ending.
    """

    def __init__(self, home: Home) -> None:
        self._path = home.root / "lock"
        self._descriptor: int | None = None
        self.left_behind = False

    def acquire(self) -> None:
        """Raises UnavailableError ``home.locked`` when another node has it."""
        refusal = UnavailableError(
            "home.locked",
            f"another node already uses {self._path.parent}",
            hint="stop that node first, or choose another folder with --home",
        )
        self._descriptor = open_locked(self._path, refusal)
        self.left_behind = bool(os.pread(self._descriptor, len(_HELD), 0))
        with suppress(OSError):  # a full disk hinders no start
            os.pwrite(self._descriptor, _HELD, 0)

    def release(self) -> None:
        """Let the next one have it."""
        if self._descriptor is not None:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = None
