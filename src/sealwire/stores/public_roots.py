"""Public roots from a PEM file of the system: who may have signed a bought certificate."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography import x509

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
    roots = []
    for block in data.split(end)[:-1]:
        try:
            roots.append(x509.load_pem_x509_certificate(block + end + b"\n"))
        except ValueError:
            continue
    return roots
