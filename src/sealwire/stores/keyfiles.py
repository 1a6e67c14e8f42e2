"""Private keys as files of one directory, named by key id."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from sealwire.errors import ConflictError, NotFoundError, RefusedError, UnavailableError
from sealwire.stores.files import sync_folder
from sealwire.stores.key_encryption import is_sealed

if TYPE_CHECKING:
    from sealwire.stores.key_encryption import KeyEncryption

_KEY_ID = re.compile(r"[0-9a-f]{64}\Z")
_DIRECTORY_MODE = 0o700


class KeyFiles:
    """A KeyStore over a directory (mode 0700) with one file (mode 0600) for each key.

    A key is durable when ``save_key`` returns: written beside its place, fsync, renamed, the
    directory fsynced. A crash leaves the whole key or none. Safe from any thread and process.
    With ``encryption`` keys are written encrypted; those written in clear before are read as well,
    until ``encrypt_all``.
    """

    def __init__(self, directory: Path, encryption: KeyEncryption | None = None) -> None:
        self._directory = Path(directory)
        self._encryption = encryption
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
                self._write(path, self._sealed(pkcs8_pem))
            elif self._opened(path.read_bytes(), key_id) != pkcs8_pem:
                raise ConflictError("key.exists", "Another key is stored under this key id.")
        except OSError as fault:
            raise _unavailable("The key cannot be written", fault) from fault

    def load_key(self, key_id: str) -> bytes:
        """PKCS#8 PEM, in clear.

        Raises NotFoundError ``key.unknown``, UnavailableError ``key.store``, RefusedError
        ``key_encryption.missing`` or ``key_encryption.wrong``.
        """
        try:
            return self._opened(self._path(key_id).read_bytes(), key_id)
        except FileNotFoundError as fault:
            raise NotFoundError("key.unknown", f"There is no private key {key_id}.") from fault
        except OSError as fault:
            raise _unavailable("The key cannot be read", fault) from fault

    def remove_key(self, key_id: str) -> None:
        """Forget one for good. Raises RefusedError ``key.id``, UnavailableError ``key.store``."""
        try:
            self._path(key_id).unlink(missing_ok=True)
            sync_folder(self._directory)
        except OSError as fault:
            raise _unavailable("The key cannot be removed", fault) from fault

    def encrypt_all(self) -> int:
        """Encrypt the keys that lie here in clear; how many. Without ``encryption`` none.

        Each file is replaced as a whole: a crash leaves it in clear or encrypted. A key that is
        encrypted already is opened first, so that a mistaken secret does not add a second one:
        RefusedError ``key_encryption.wrong``. Raises UnavailableError ``key.store``.
        """
        if self._encryption is None:
            return 0
        try:
            contents = {
                path: path.read_bytes()
                for path in sorted(self._directory.glob("*.pem"))
                if _KEY_ID.match(path.stem)
            }
            sealed = next((path for path in contents if is_sealed(contents[path])), None)
            if sealed is not None:
                self._encryption.open(contents[sealed], sealed.stem)
            clear = [path for path in contents if not is_sealed(contents[path])]
            for path in clear:
                self._write(path, self._encryption.seal(contents[path]))
        except OSError as fault:
            raise _unavailable("The keys cannot be encrypted", fault) from fault
        return len(clear)

    def _sealed(self, pkcs8_pem: bytes) -> bytes:
        return pkcs8_pem if self._encryption is None else self._encryption.seal(pkcs8_pem)

    def _opened(self, content: bytes, key_id: str) -> bytes:
        if not is_sealed(content):
            return content
        if self._encryption is None:
            raise RefusedError(
                "key_encryption.missing",
                f"The private key {key_id} is encrypted, and no key-encryption key was given.",
                hint="Say where it is: --key-encryption-key-file FILE, or the variable"
                " SEALWIRE_KEY_ENCRYPTION_KEY.",
            )
        return self._encryption.open(content, key_id)

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
        sync_folder(self._directory)


def _unavailable(what: str, fault: OSError) -> UnavailableError:
    return UnavailableError("key.store", f"{what}: {fault.strerror or fault}.")
