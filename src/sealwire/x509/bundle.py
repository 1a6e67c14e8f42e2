"""The bag of files that a CA's shop hands out: certificates, keys and requests in any wrapping."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from cryptography import x509

from sealwire.errors import RefusedError
from sealwire.x509.archive import Allowance, zip_entries
from sealwire.x509.certificate import certificate_der
from sealwire.x509.csr import CSR_LABELS
from sealwire.x509.der import SEQUENCE, UNDECODABLE, first_element, parts_in_a_row
from sealwire.x509.findings import Code, info, warning
from sealwire.x509.keys import load_private_key, private_key_pem
from sealwire.x509.kinds import der_kind
from sealwire.x509.pem import PemBlock, decode_base64, is_pem, pem_blocks, plain_text
from sealwire.x509.pkcs import open_pkcs12, pkcs7_certificates, pkcs12_objection
from sealwire.x509.subject import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.errors import Finding
    from sealwire.x509.keys import PrivateKey

MAX_BLOB_BYTES: Final = 32 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 64 * 1024 * 1024
MAX_CERTIFICATES: Final = 5_000
MAX_KEYS: Final = 100
MAX_ZIP_DEPTH: Final = 2
MAX_BLOCKS: Final = 20_000
MAX_FINDINGS: Final = 1_000
# Opening one costs up to a second of hashing.
MAX_ENCRYPTED: Final = 20

_CERTIFICATE_LABELS = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}
_KEY_LABELS = {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"}
_OTHER_KEY_LABELS = {"OPENSSH PRIVATE KEY", "DSA PRIVATE KEY", "SSH2 ENCRYPTED PRIVATE KEY"}
_PKCS7_LABELS = {"PKCS7", "PKCS #7 SIGNED DATA", "CMS"}
_PLACES = {
    "validity": "dates",
    "serial": "serial number",
    "subject": "subject",
    "issuer": "issuer",
    "spki": "public key",
    "raw_extensions": "extensions",
    "signature_alg": "signature algorithm",
    "signature": "signature",
}
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_STRANGE_MAGIC = {
    b"\xfe\xed\xfe\xed": "a Java keystore; turn it into PKCS#12 first: keytool -importkeystore"
    " -deststoretype pkcs12",
    b"\x1f\x8b": "a gzip archive; unpack it first",
    b"Rar!": "a rar archive; unpack it first",
    b"7z\xbc\xaf": "a 7z archive; unpack it first",
}


@dataclass(frozen=True, slots=True)
class Bundle:
    """What was found, in the order of finding; the same certificate twice appears twice.

    ``origins`` says for each certificate the file (and place in it) that it came from. Every
    certificate's extensions and public key can be read. ``csrs`` are DER.
    """

    certificates: tuple[x509.Certificate, ...]
    origins: tuple[str, ...]
    keys: tuple[PrivateKey, ...]
    csrs: tuple[bytes, ...]
    findings: tuple[Finding, ...]


def read_bundle(blobs: Sequence[tuple[str, bytes]], password: bytes | None = None) -> Bundle:
    """Read files given as (name, content).

    PEM with several blocks and text around, DER, PKCS#7, PKCS#12, zip, private keys. What cannot
    be read is a finding; nothing is fatal, nothing prompts, names are never used as paths.
    """
    reader = _Reader(password)
    with warnings.catch_warnings():
        # The library's advice on odd certificates would come out as noise on stderr.
        warnings.simplefilter("ignore")
        for name, data in blobs:
            reader.read(printable(name), data, depth=0)
    return Bundle(
        tuple(reader.certificates),
        tuple(reader.origins),
        tuple(reader.keys),
        tuple(reader.csrs),
        tuple(reader.findings),
    )


class _Reader:
    """Collects; each ``_read_*`` takes one wrapping off."""

    def __init__(self, password: bytes | None) -> None:
        self._password = password
        self._allowance = Allowance(MAX_TOTAL_BYTES, MAX_BLOB_BYTES)
        self._limits_met: set[str] = set()
        self._blocks = 0
        self._encrypted = 0
        self.certificates: list[x509.Certificate] = []
        self.origins: list[str] = []
        self.keys: list[PrivateKey] = []
        self.csrs: list[bytes] = []
        self.findings: list[Finding] = []

    def read(self, name: str, data: bytes, *, depth: int) -> None:
        """Read one file."""
        if not self._allowance.take(len(data)):
            self._refuse(Code.LIMIT, f"{name} is too large and was not read.")
            return
        before = self._count()
        strange = next((why for magic, why in _STRANGE_MAGIC.items() if data.startswith(magic)), "")
        if strange:
            self._refuse(Code.UNREADABLE, f"{name} is {strange}.")
        elif data.startswith(_ZIP_MAGIC):
            self._read_zip(name, data, depth)
        elif data[:1] == b"\x30" and not is_pem(data):
            self._read_der(name, data)
        else:
            self._read_text(name, data)
        if self._count() == before:
            text = f"{name} holds no certificate, key or request."
            self._say(info(Code.NOTHING_FOUND, text, name))

    def _count(self) -> int:
        # Limits met speak once: a file that is left out for one of them is not empty.
        found = len(self.certificates) + len(self.keys) + len(self.csrs)
        return found + len(self.findings) + self._blocks

    def _refuse(self, code: Code, message: str) -> None:
        self._say(warning(code, message))

    def _say(self, finding: Finding) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)
        elif len(self.findings) == MAX_FINDINGS:
            text = f"There is more to say than these {MAX_FINDINGS} findings."
            self.findings.append(warning(Code.LIMIT, text))

    def _spent(self, limit: str, used: int, most: int) -> bool:
        """Whether ``most`` of something is reached; says so the first time."""
        if used < most:
            return False
        if limit not in self._limits_met:
            self._limits_met.add(limit)
            self._refuse(Code.LIMIT, f"There are more than {most} {limit}; the rest is not read.")
        return True

    def _read_zip(self, name: str, data: bytes, depth: int) -> None:
        if depth >= MAX_ZIP_DEPTH:
            self._refuse(Code.LIMIT, f"{name}: archives inside archives, too deep; not read.")
            return
        for label, content in zip_entries(name, data, self._allowance, self._refuse):
            self.read(label, content, depth=depth + 1)

    def _read_text(self, name: str, data: bytes) -> None:
        number = 0
        for number, block in enumerate(pem_blocks(data), start=1):
            if self._spent("blocks", self._blocks, MAX_BLOCKS):
                return
            self._read_block(f"{name} block {number}" if number > 1 else name, block)
        if number == 0:
            der = decode_base64(plain_text(data))
            if der is not None and der[:1] == b"\x30":
                self._read_der(name, der)

    def _read_block(self, name: str, block: PemBlock) -> None:
        if block.label in _KEY_LABELS:
            self._read_key(name, block.pem)
        elif block.label in _OTHER_KEY_LABELS:
            text = f"{name}: a key of the kind {block.label} is not used for TLS here."
            self._refuse(Code.KEY_UNREADABLE, text)
        elif block.label in {*_CERTIFICATE_LABELS, *_PKCS7_LABELS, *CSR_LABELS, "PKCS12"}:
            self._blocks += 1
            self._read_known(name, block)

    def _read_known(self, name: str, block: PemBlock) -> None:
        if block.der is None:
            self._refuse(Code.UNREADABLE, f"{name}: the {block.label} block is damaged.")
        elif block.label in _CERTIFICATE_LABELS:
            self._read_certificate(name, block.der, trusted=block.label.startswith("TRUSTED"))
        elif block.label in _PKCS7_LABELS:
            self._read_pkcs7(name, block.der)
        elif block.label in CSR_LABELS:
            self.csrs.append(block.der)
        else:
            self._read_pkcs12(name, block.der)

    def _read_certificate(self, name: str, der: bytes, *, trusted: bool = False) -> None:
        if self._spent("certificates", len(self.certificates), MAX_CERTIFICATES):
            return
        try:
            # OpenSSL's TRUSTED form puts its own notes behind the certificate.
            plain = first_element(der).whole if trusted else der
            certificate = _usable_certificate(plain)
        except UNDECODABLE as fault:
            text = f"{name}: the certificate cannot be read ({_plain_fault(fault)})."
            self._refuse(Code.UNREADABLE, text)
            return
        self.certificates.append(certificate)
        self.origins.append(name)

    def _read_key(self, name: str, data: bytes) -> None:
        self._blocks += 1
        if self._spent("private keys", len(self.keys), MAX_KEYS):
            return
        try:
            self.keys.append(load_private_key(data, self._password_for(data)))
        except RefusedError as fault:
            code = fault.findings[0].code if fault.findings else Code.KEY_UNREADABLE
            self._refuse(Code(code), f"{name}: {fault.message}")

    def _password_for(self, key: bytes) -> bytes | None:
        if self._password is None or not _is_encrypted(key):
            return None
        self._encrypted += 1
        limit = self._spent("encrypted files", self._encrypted, MAX_ENCRYPTED)
        return None if limit else self._password

    def _read_der(self, name: str, data: bytes) -> None:
        for number, part in enumerate(parts_in_a_row(data), start=1):
            if self._spent("blocks", self._blocks, MAX_BLOCKS):
                return
            self._blocks += 1
            self._read_element(name if number == 1 else f"{name} part {number}", part)

    def _read_element(self, name: str, data: bytes) -> None:
        kind = der_kind(data)
        if kind == "pkcs7":
            self._read_pkcs7(name, data)
        elif kind == "pkcs12":
            self._read_pkcs12(name, data)
        elif kind == "certificate":
            self._read_certificate(name, data)
        elif kind == "request":
            self.csrs.append(data)
        elif kind == "key":
            self._read_key(name, data)
        else:
            self._refuse(Code.UNREADABLE, f"{name} is damaged or of a kind not known here.")

    def _read_pkcs7(self, name: str, der: bytes) -> None:
        try:
            encoded = pkcs7_certificates(der)
        except ValueError:
            self._refuse(Code.UNREADABLE, f"{name}: the PKCS#7 file is damaged.")
            return
        for number, one in enumerate(encoded, start=1):
            self._read_certificate(f"{name} certificate {number}", one)

    def _read_pkcs12(self, name: str, der: bytes) -> None:
        self._encrypted += 1
        if self._spent("encrypted files", self._encrypted, MAX_ENCRYPTED):
            return
        objection = pkcs12_objection(der)
        if objection:
            self._refuse(Code.LIMIT, f"{name}: the PKCS#12 file is not opened: {objection}.")
            return
        contents = open_pkcs12(der, self._password)
        if contents is None:
            why = "needs its password" if self._password is None else "has another password"
            self._refuse(Code.PASSWORD_NEEDED, f"{name}: the PKCS#12 file {why}, or is damaged.")
            return
        certificates = [contents.cert, *contents.additional_certs]
        for number, one in enumerate((c for c in certificates if c is not None), start=1):
            self._read_certificate(f"{name} certificate {number}", certificate_der(one.certificate))
        if contents.key is not None:
            self._take_key(name, contents.key)

    def _take_key(self, name: str, key: object) -> None:
        try:
            pem = private_key_pem(cast("PrivateKey", key))
        except UNDECODABLE:
            self._refuse(Code.KEY_UNREADABLE, f"{name}: its private key is of an unknown kind.")
            return
        self._read_key(name, pem)


def _plain_fault(fault: Exception) -> str:
    """Why a certificate cannot be read; the library names the place in its own types."""
    words = printable(str(fault)).partition("\n")[0]
    if "ParseError" not in words:
        return words[:120] or "damaged"
    place = next((plain for part, plain in _PLACES.items() if f"::{part}" in words), "")
    return f"damaged in its {place}" if place else "damaged"


def _is_encrypted(key: bytes) -> bool:
    if is_pem(key):
        return b"ENCRYPTED" in key
    # EncryptedPrivateKeyInfo begins with its algorithm, every other form with a version number.
    try:
        return first_element(key).content[:1] == bytes([SEQUENCE])
    except ValueError:
        return False


def _usable_certificate(der: bytes) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(der)
    # The library decodes late; whatever is going to fail shall fail here. It keeps what it
    # decoded, so that its advice on odd names is not heard again later.
    certificate.extensions  # noqa: B018 - read for its effect
    certificate.public_key()
    certificate.subject, certificate.issuer  # noqa: B018 - read for its effect
    return certificate
