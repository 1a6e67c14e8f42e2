"""Everything that reads what strangers send, as functions of bytes, and what to begin with.

A target may return or raise a ``SealwireError``; anything else that it raises is a fault, and so is
taking longer than a second.
"""

from __future__ import annotations

import io
import time
import zipfile
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from hypothesis import strategies as st

from sealwire.errors import SealwireError
from sealwire.syslog.parser import parse
from sealwire.x509.bundle import read_bundle
from sealwire.x509.chain import build_chain
from sealwire.x509.csr import build_csr, describe_csr
from sealwire.x509.der import most_iterations
from sealwire.x509.keys import load_private_key
from sealwire.x509.pem import pem_blocks
from sealwire.x509.remarks import certificate_remarks
from sealwire.x509.served import check_chain
from sealwire.x509.subject import parse_dn
from tests import pki

if TYPE_CHECKING:
    from collections.abc import Callable

SLOWEST: Final = 1.0
PASSWORD: Final = b"sesame"


def bundle(data: bytes) -> None:
    """Read as a file, with and without a password; then build, check and remark."""
    for password in (None, PASSWORD):
        found = read_bundle([("fuzz", data)], password)
    for certificate in found.certificates:
        certificate_remarks(certificate, pki.NOW)
    for judge in (build_chain, check_chain):
        for strict in (False, True):
            with suppress(SealwireError):
                judge(found.certificates, at=pki.NOW, host="gw.example.com", strict=strict)


def request(data: bytes) -> None:
    """Read as a certificate request."""
    describe_csr(data)


def key(data: bytes) -> None:
    """Read as a private key, with and without a password."""
    for password in (None, PASSWORD):
        with suppress(SealwireError):
            load_private_key(data, password)


def text(data: bytes) -> None:
    """Cut into blocks, look for iteration counts, read as a distinguished name."""
    list(pem_blocks(data))
    most_iterations(data)
    with suppress(SealwireError):
        parse_dn(data.decode("utf-8", "replace"))


def message(data: bytes) -> None:
    """Take apart as a syslog message, received at some time."""
    parsed = parse(data, len(data) * 10**12)
    assert 0 <= parsed.message_start <= len(data)
    for value in (parsed.host, parsed.app, parsed.procid, parsed.msgid, *parsed.fields):
        "".join(value or ()).encode()


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "bundle": bundle,
    "request": request,
    "key": key,
    "text": text,
    "message": message,
}


def run(target: Callable[[bytes], None], data: bytes) -> None:
    """Run a target and see that it takes no longer than it may."""
    started = time.process_time()
    target(data)
    taken = time.process_time() - started
    assert taken < SLOWEST, f"{taken:.2f} s for {data!r}"


def seeds() -> list[bytes]:
    """Good input of every kind, to be spoilt."""
    tree = pki.family()
    certificates = tree.certificates
    lock = serialization.BestAvailableEncryption(PASSWORD)
    plain = serialization.NoEncryption()
    pem = b"".join(one.pem for one in tree.all)
    signed = build_csr(tree.leaf.key, parse_dn("CN=gw.example.com,O=Example,C=US"), ["10.0.0.1"])
    identity = (b"gw", tree.leaf.key, tree.leaf.certificate, certificates[1:])
    forms = [
        (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock),
        (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, lock),
        (serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain),
        (serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, lock),
        (serialization.Encoding.DER, serialization.PrivateFormat.TraditionalOpenSSL, plain),
    ]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("chain.pem", pem)
        file.writestr("leaf.der", tree.leaf.der)
    rsa = pki.key("fuzz", "rsa2048")
    return [
        pem,
        pem.replace(b"\n", b"\r\n"),
        pem.decode().encode("utf-16"),
        tree.leaf.der,
        tree.issuing.der,
        pkcs7.serialize_certificates(certificates, serialization.Encoding.DER),
        pkcs7.serialize_certificates(certificates, serialization.Encoding.PEM),
        pkcs12.serialize_key_and_certificates(*identity, lock),
        pkcs12.serialize_key_and_certificates(*identity, plain),
        archive.getvalue(),
        signed,
        next(block.der for block in pem_blocks(signed) if block.der),
        *(tree.leaf.key.private_bytes(*form) for form in forms),
        rsa.private_bytes(*forms[2]),
        rsa.private_bytes(*forms[4]),
        b"CN=gw.example.com,O=Example\\, Inc.,C=US",
        *MESSAGES,
    ]


MESSAGES: Final = (
    b'<165>1 2003-10-11T22:14:15.003Z h.example.com app 1 ID47 [a@1 b="c\\"d"][e@2 f=""] text',
    b"<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed",
    b"<189>29: edge1: *Apr 22 02:22:31.115 CEST: %SYS-5-CONFIG_I: Configured from console",
    b"Mar 01 14:45:24 fmc: [AUDIT] sfdccsm: admin@192.0.2.4, System > Audit, Page View",
    b"<13>h CEF:0|V|P\\|Q|1|s|n|3|src=192.0.2.1 msg=a\\=b cs1=",
    b'<189>date=2020-03-29 time=16:41:30 devname="fw" tz="-0700"',
    b"0.main - [06/Aug/2019:08:56:37 UTC] [14] [6] [AuditEvent=A][SubjectID=$System$] text",
    b"<134>1 1563249630.774247467 MX84 urls src=192.0.2.186:63735",
)


# Octets that lengths, tags and text trip over.
_SPITEFUL: Final = st.sampled_from(
    [
        *(b"\x00", b"\xff", b"\x7f", b"\x80", b"\x30\x80", b"\x30\x84\xff\xff\xff\xff"),
        *(b"\x02\x00", b"\x04\x08", b"\x02\x04\x7f\xff\xff\xff", b"\xa0\x03", b"="),
        *(b"\r", b"\n\n", b"\xef\xbb\xbf", b"PK\x03\x04", b"\x1b[31m", b"-----END "),
        *(b"-----BEGIN ", b"Proc-Type: 4,ENCRYPTED\n"),
    ]
)


@st.composite
def spoilt(draw: st.DrawFn, good: list[bytes]) -> bytes:
    """A seed with a few places overwritten, cut out, put in, doubled, or a second seed behind."""
    data = draw(st.sampled_from(good))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(data)))
        until = min(len(data), at + draw(st.sampled_from([0, 1, 1, 2, 4, 16, 200])))
        patch = draw(st.one_of(st.binary(max_size=6), _SPITEFUL, st.just(data[at:until] * 2)))
        data = data[:at] + patch + data[until:]
    if draw(st.booleans()):
        data += draw(st.sampled_from(good))
    return data
