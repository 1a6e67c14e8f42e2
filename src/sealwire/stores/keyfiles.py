"""Private keys as files of one directory, named by key id."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path

from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnavailableError

_KEY_ID = re.compile(r"[0-9a-f]{64}\Z")
_DIRECTORY_MODE = 0o700


class KeyFiles:
    """A KeyStore over a directory (mode 0700) with one file (mode 0600) for each key.

    A key is durable when ``save_key`` returns: written beside its place, fsync, renamed, the
    directory fsynced. A crash leaves the whole key or none. Safe from any thread and process.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = Path(directory)
        try:
            self._directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
            # mkdir's mode passes through the umask and says nothing of a directory that was there.
            self._directory.chmod(_DIRECTORY_MODE)
        except OSError as fault:
            raise _unavailable("The key directory cannot be made", fault) from fault

    def save_key(self, key_id: str, pkcs8_pem: bytes) -> None:
        """Write once; the same key again is no error.

        Raises RefusedError ``key.id``, ConflictError ``key.exists`` for other content under the
        same id, UnavailableError ``key.store``.
        """
        path = self._path(key_id)
        try:
            if not path.exists():
                self._write(path, pkcs8_pem)
            elif path.read_bytes() != pkcs8_pem:
                raise ConflictError("key.exists", "Another key is stored under this key id.")
        except OSError as fault:
            raise _unavailable("The key cannot be written", fault) from fault

    def load_key(self, key_id: str) -> bytes:
        """PKCS#8 PEM. Raises NotFoundError ``key.unknown``, UnavailableError ``key.store``."""
        try:
            return self._path(key_id).read_bytes()
        except FileNotFoundError as fault:
            raise NotFoundError("key.unknown", f"There is no private key {key_id}.") from fault
        except OSError as fault:
            raise _unavailable("The key cannot be read", fault) from fault

    def _path(self, key_id: str) -> Path:
        if not _KEY_ID.match(key_id):
            raise RefusedError("key.id", "A key id is 64 lower-case hexadecimal digits.")
        return self._directory / f"{key_id}.pem"

    def _write(self, path: Path, content: bytes) -> None:
        # mkstemp opens with 0600 from the start: the key is never readable by others.
        descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=self._directory)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        directory = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def _unavailable(what: str, fault: OSError) -> UnavailableError:
    return UnavailableError("key.store", f"{what}: {fault.strerror or fault}.")
