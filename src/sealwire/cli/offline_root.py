"""A root whose key is kept away from every home: two files in a folder of the administrator's.

The root signs here, in the command's own process; the node only ever sees certificates.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from sealwire.ca.authority_certificates import issuing_certificate_by, root_certificate
from sealwire.ca.birth import random_serial
from sealwire.cli.files import make_folder, read_input, refuse_existing, write_output
from sealwire.cli.passwords import read_key
from sealwire.clock import SystemClock, SystemRandom
from sealwire.errors import RefusedError
from sealwire.x509.certificate import certificate_pem
from sealwire.x509.keys import generate_key, key_id

if TYPE_CHECKING:
    from pathlib import Path

    from sealwire.x509.keys import KeyType, PrivateKey

SHORTEST_PASSWORD = 12
KEY, CERTIFICATE = "root.key", "root.pem"


def prepare_folder(folder: Path) -> None:
    """Make it, its owner's alone. Raises ConflictError ``file.exists`` for a root in it."""
    refuse_existing([folder / KEY, folder / CERTIFICATE])
    make_folder(folder, mode=0o700)


def new_root(
    folder: Path, name: x509.Name, key_type: KeyType, password: bytes | None
) -> tuple[x509.Certificate, PrivateKey]:
    """Make a root and write it down: ``root.key`` (0600, encrypted with a password), ``root.pem``.

    Both are durable when this returns. Raises RefusedError ``root.password`` for a short password.
    """
    if password is not None and len(password) < SHORTEST_PASSWORD:
        raise RefusedError(
            "root.password", f"The root's password needs {SHORTEST_PASSWORD} characters or more."
        )
    key = generate_key(key_type)
    root = root_certificate(name, key, now=SystemClock().now(), serial=_serial)
    write_output(folder / KEY, _key_pem(key, password), mode=0o600)
    write_output(folder / CERTIFICATE, certificate_pem(root))
    return root, key


def read_root(folder: Path, password: bytes | None) -> tuple[x509.Certificate, PrivateKey]:
    """What ``new_root`` wrote. Raises RefusedError ``key.*``, ``root.files``; UsageError."""
    key = read_key(folder / KEY, password)
    try:
        root = x509.load_pem_x509_certificate(read_input(folder / CERTIFICATE))
    except ValueError as fault:
        raise RefusedError("root.files", f"{folder / CERTIFICATE} is no certificate.") from fault
    if key_id(root.public_key()) != key_id(key.public_key()):
        raise RefusedError("root.files", f"{folder / KEY} is not the key of {CERTIFICATE}.")
    return root, key


def sign_request(csr_pem: str, root: x509.Certificate, key: PrivateKey) -> x509.Certificate:
    """The issuing CA's certificate. Raises RefusedError ``csr.invalid``, ConflictError."""
    csr = x509.load_pem_x509_csr(csr_pem.encode("ascii"))
    if not csr.is_signature_valid:
        raise RefusedError("csr.invalid", "The request is not signed by the key it is for.")
    return issuing_certificate_by(
        root,
        key,
        subject=csr.subject,
        public_key=csr.public_key(),
        now=SystemClock().now(),
        serial=_serial,
    )


def _serial() -> int:
    return random_serial(SystemRandom())


def _key_pem(key: PrivateKey, password: bytes | None) -> bytes:
    protection: serialization.KeySerializationEncryption = (
        serialization.NoEncryption()
        if password is None
        else serialization.BestAvailableEncryption(password)
    )
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection
    )
