"""Secrets that come from outside the home: a file, the environment, a systemd credential."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sealwire.errors import UnavailableError

_MAX_BYTES: Final = 4096


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where one secret may come from, first found first: ``file``, ``variable``, ``credential``.

    ``variable`` is an environment variable that holds the secret itself; ``credential`` the name
    of a systemd credential (systemd.exec(5), ``LoadCredential=``).
    """

    what: str
    variable: str
    credential: str
    file: Path | None = None

    def read(self) -> bytes | None:
        """The secret without the line end after it; None when nobody gave one.

        Raises UnavailableError ``secret.unreadable`` for a file that cannot be read or is empty.
        """
        if self.file is not None:
            return self._content(self.file)
        given = os.environ.get(self.variable)
        if given:
            return os.fsencode(given)
        folder = os.environ.get("CREDENTIALS_DIRECTORY")
        path = Path(folder) / self.credential if folder else None
        return self._content(path) if path is not None and path.exists() else None

    def _content(self, path: Path) -> bytes:
        try:
            with path.open("rb") as file:
                content = file.read(_MAX_BYTES).rstrip(b"\r\n")
        except OSError as fault:
            raise UnavailableError(
                "secret.unreadable",
                f"{self.what} cannot be read from {path}: {fault.strerror or fault}.",
            ) from fault
        if not content:
            raise UnavailableError("secret.unreadable", f"{self.what}: {path} is empty.")
        return content


def key_encryption_source(file: Path | None) -> SecretSource:
    """The key-encryption key of a home."""
    return SecretSource(
        "The key-encryption key",
        "SEALWIRE_KEY_ENCRYPTION_KEY",
        "sealwire-key-encryption-key",
        file,
    )


def pkcs11_pin_source(file: Path | None) -> SecretSource:
    """The user's PIN of a PKCS#11 token."""
    return SecretSource("The token's PIN", "SEALWIRE_PKCS11_PIN", "sealwire-pkcs11-pin", file)
