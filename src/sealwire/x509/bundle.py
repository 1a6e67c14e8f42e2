"""The bag of files that a CA's shop hands out: certificates, keys and requests in any wrapping."""

from __future__ import annotations

import io
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from sealwire.errors import RefusedError
from sealwire.x509.certificate import certificate_der
from sealwire.x509.csr import CSR_LABELS
from sealwire.x509.der import SEQUENCE, UNDECODABLE, elements, first_element
from sealwire.x509.findings import Code, info, warning
from sealwire.x509.keys import load_private_key, private_key_pem
from sealwire.x509.pem import PemBlock, decode_base64, pem_blocks, plain_text
from sealwire.x509.subject import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.errors import Finding
    from sealwire.x509.keys import PrivateKey

MAX_BLOB_BYTES: Final = 32 * 1024 * 1024
MAX_TOTAL_BYTES: Final = 64 * 1024 * 1024
MAX_CERTIFICATES: Final = 5_000
MAX_ZIP_ENTRIES: Final = 2_000
MAX_ZIP_DEPTH: Final = 2

_CERTIFICATE_LABELS = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}
_KEY_LABELS = {"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY"}
_PKCS7_LABELS = {"PKCS7", "PKCS #7 SIGNED DATA", "CMS"}
_OID_SIGNED_DATA = bytes.fromhex("06092a864886f70d010702")
_OID_DATA = bytes.fromhex("06092a864886f70d010701")
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_CONTEXT_0 = 0xA0


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
        self._bytes_left = MAX_TOTAL_BYTES
        self.certificates: list[x509.Certificate] = []
        self.origins: list[str] = []
        self.keys: list[PrivateKey] = []
        self.csrs: list[bytes] = []
        self.findings: list[Finding] = []

    def read(self, name: str, data: bytes, *, depth: int) -> None:
        """Read one file."""
        self._bytes_left -= len(data)
        if len(data) > MAX_BLOB_BYTES or self._bytes_left < 0:
            self._refuse(Code.LIMIT, f"{name} is too large and was not read.")
            return
        before = self._count()
        if data.startswith(_ZIP_MAGIC):
            self._read_zip(name, data, depth)
        elif data[:1] == b"\x30":
            self._read_der(name, data)
        else:
            self._read_text(name, data)
        if self._count() == before:
            text = f"{name} holds no certificate, key or request."
            self.findings.append(info(Code.NOTHING_FOUND, text, name))

    def _count(self) -> int:
        return len(self.certificates) + len(self.keys) + len(self.csrs) + len(self.findings)

    def _refuse(self, code: Code, message: str) -> None:
        self.findings.append(warning(code, message))

    def _read_zip(self, name: str, data: bytes, depth: int) -> None:
        if depth >= MAX_ZIP_DEPTH:
            self._refuse(Code.LIMIT, f"{name}: archives inside archives, too deep; not read.")
            return
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                self._read_entries(name, archive, depth)
        except (zipfile.BadZipFile, ValueError, OSError):
            self._refuse(Code.UNREADABLE, f"{name} is a damaged zip archive.")

    def _read_entries(self, name: str, archive: zipfile.ZipFile, depth: int) -> None:
        entries = [entry for entry in archive.infolist() if not _is_ballast(entry)]
        if len(entries) > MAX_ZIP_ENTRIES:
            text = f"{name} has {len(entries)} files; only {MAX_ZIP_ENTRIES} are read."
            self._refuse(Code.LIMIT, text)
        for entry in entries[:MAX_ZIP_ENTRIES]:
            label = f"{name}/{printable(entry.filename)}"
            content = self._extract(label, archive, entry)
            if content is not None:
                self.read(label, content, depth=depth + 1)

    def _extract(
        self, label: str, archive: zipfile.ZipFile, entry: zipfile.ZipInfo
    ) -> bytes | None:
        limit = min(MAX_BLOB_BYTES, max(self._bytes_left, 0))
        try:
            # The size an archive claims is only a claim: read up to the limit, not up to it.
            with archive.open(entry) as file:
                content = file.read(limit + 1)
        except RuntimeError:
            self._refuse(Code.PASSWORD_NEEDED, f"{label} is encrypted; unpack the archive first.")
            return None
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError):
            self._refuse(Code.UNREADABLE, f"{label} cannot be unpacked.")
            return None
        if len(content) > limit:
            self._refuse(Code.LIMIT, f"{label} is too large and was not read.")
            return None
        return content

    def _read_text(self, name: str, data: bytes) -> None:
        number = 0
        for number, block in enumerate(pem_blocks(data), start=1):
            self._read_block(f"{name} block {number}" if number > 1 else name, block)
        if number == 0:
            der = decode_base64(plain_text(data))
            if der is not None and der[:1] == b"\x30":
                self._read_der(name, der)

    def _read_block(self, name: str, block: PemBlock) -> None:
        if block.label in _KEY_LABELS:
            self._read_key(name, block.pem)
            return
        known = block.label in {*_CERTIFICATE_LABELS, *_PKCS7_LABELS, *CSR_LABELS, "PKCS12"}
        if not known:
            return
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
        if len(self.certificates) >= MAX_CERTIFICATES:
            if not any(finding.code == Code.LIMIT for finding in self.findings):
                text = f"There are more than {MAX_CERTIFICATES} certificates; the rest is not read."
                self._refuse(Code.LIMIT, text)
            return
        try:
            # OpenSSL's TRUSTED form puts its own notes behind the certificate.
            plain = first_element(der).whole if trusted else der
            certificate = _usable_certificate(plain)
        except UNDECODABLE as fault:
            why = printable(str(fault)).splitlines()[:1] or ["damaged"]
            text = f"{name}: the certificate cannot be read ({why[0][:120]})."
            self._refuse(Code.UNREADABLE, text)
            return
        self.certificates.append(certificate)
        self.origins.append(name)

    def _read_key(self, name: str, data: bytes) -> None:
        try:
            self.keys.append(load_private_key(data, self._password))
        except RefusedError as fault:
            code = fault.findings[0].code if fault.findings else Code.KEY_UNREADABLE
            self._refuse(Code(code), f"{name}: {fault.message}")

    def _read_der(self, name: str, data: bytes) -> None:
        if _OID_SIGNED_DATA in data[:32]:
            self._read_pkcs7(name, data)
            return
        if _is_pkcs12(data):
            self._read_pkcs12(name, data)
            return
        kind = _der_kind(data)
        if kind == "certificate":
            self._read_certificate(name, data)
        elif kind == "request":
            self.csrs.append(data)
        elif kind == "key":
            self._read_key(name, data)
        else:
            self._refuse(Code.UNREADABLE, f"{name} is damaged or of a kind not known here.")

    def _read_pkcs7(self, name: str, der: bytes) -> None:
        try:
            whole = pkcs7.load_der_pkcs7_certificates(der)
            encoded = [certificate_der(certificate) for certificate in whole]
        except UNDECODABLE:
            # One bad certificate spoils the library's reading of all: take them one by one.
            try:
                encoded = list(_pkcs7_certificates(der))
            except ValueError:
                self._refuse(Code.UNREADABLE, f"{name}: the PKCS#7 file is damaged.")
                return
        for number, one in enumerate(encoded, start=1):
            self._read_certificate(f"{name} certificate {number}", one)

    def _read_pkcs12(self, name: str, der: bytes) -> None:
        contents = _open_pkcs12(der, self._password)
        if contents is None:
            text = f"{name}: the PKCS#12 file is damaged or its password is another."
            self._refuse(Code.PASSWORD_NEEDED, text)
            return
        certificates = [contents.cert, *contents.additional_certs]
        for number, one in enumerate((c for c in certificates if c is not None), start=1):
            self._read_certificate(f"{name} certificate {number}", certificate_der(one.certificate))
        if contents.key is not None:
            self._read_key(name, private_key_pem(cast("PrivateKey", contents.key)))


def _usable_certificate(der: bytes) -> x509.Certificate:
    certificate = x509.load_der_x509_certificate(der)
    # The library decodes late; whatever is going to fail shall fail here. It keeps what it
    # decoded, so that its advice on odd names is not heard again later.
    certificate.extensions  # noqa: B018 - read for its effect
    certificate.public_key()
    certificate.subject, certificate.issuer  # noqa: B018 - read for its effect
    return certificate


def _is_ballast(entry: zipfile.ZipInfo) -> bool:
    return entry.is_dir() or entry.filename.startswith("__MACOSX/")


def _is_pkcs12(data: bytes) -> bool:
    # PFX ::= SEQUENCE { version INTEGER (3), authSafe ContentInfo, ... } (RFC 7292 section 4)
    try:
        content = first_element(data).content
    except ValueError:
        content = data[2:]
    return content.startswith(b"\x02\x01\x03\x30") and _OID_DATA in content[:32]


def _der_kind(data: bytes) -> str:
    """Told by shape: SEQUENCE { SEQUENCE { ... } ... } is signed, an INTEGER first is a key."""
    try:
        inner = first_element(first_element(data).content)
        first = first_element(inner.content) if inner.tag == SEQUENCE else inner
    except ValueError:
        return "unknown"
    if inner.tag != SEQUENCE:
        return "key" if inner.whole in {b"\x02\x01\x00", b"\x02\x01\x01"} else "unknown"
    if inner.content.startswith(b"\x06"):
        return "key"  # EncryptedPrivateKeyInfo starts with its AlgorithmIdentifier
    if first.whole == b"\x02\x01\x00" and not _has_validity(inner.content):
        return "request"
    return "certificate"


def _has_validity(tbs: bytes) -> bool:
    # A v1 certificate with serial number 0 begins as a request does; its second element differs:
    # an AlgorithmIdentifier (SEQUENCE of an OID) in place of a Name (SEQUENCE of SETs).
    try:
        second = list(elements(tbs))[1]
    except (ValueError, IndexError):
        return False
    return second.content.startswith(b"\x06")


def _pkcs7_certificates(der: bytes) -> Iterator[bytes]:
    # ContentInfo { OID, [0] SignedData { version, digests, content, [0] certificates, ... } }
    wrapper = list(elements(first_element(der).content))
    if len(wrapper) < 2:  # noqa: PLR2004 - both fields of ContentInfo
        raise ValueError("no content")
    signed_data = first_element(wrapper[1].content)
    for element in elements(signed_data.content):
        if element.tag == _CONTEXT_0:
            for certificate in elements(element.content):
                yield certificate.whole


def _open_pkcs12(der: bytes, password: bytes | None) -> pkcs12.PKCS12KeyAndCertificates | None:
    for attempt in dict.fromkeys((password, None, b"")):
        try:
            return pkcs12.load_pkcs12(der, attempt)
        except UNDECODABLE:
            continue
    return None
