"""Public roots from a PEM file of the system: who may have signed a bought certificate."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.utils import CryptographyDeprecationWarning

if TYPE_CHECKING:
    from collections.abc import Sequence

SYSTEM_ROOTS: Final = Path("/etc/ssl/certs/ca-certificates.crt")


def public_roots(path: Path = SYSTEM_ROOTS) -> Sequence[x509.Certificate]:
    """The roots in ``path``; none when the file is absent, and without those nobody can read."""
    try:
        data = path.read_bytes()
    except OSError:
        return ()
    end = b"-----END CERTIFICATE-----"
    blocks = [block + end + b"\n" for block in data.split(end)[:-1]]
    return [root for block in blocks if (root := _readable(block)) is not None]


def _readable(pem: bytes) -> x509.Certificate | None:
    """The certificate; None for one that the library refuses, or warns that it soon will."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", CryptographyDeprecationWarning)
        try:
            return x509.load_pem_x509_certificate(pem)
        except (ValueError, CryptographyDeprecationWarning):
            return None
