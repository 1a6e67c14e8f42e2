"""A corpus of certificate requests that nobody should send, under every profile that is shipped.

Each is refused, or rejected by the profile, or what comes out is what the profile says. Whatever
becomes of it, no line of the trail is broken or forged, and nothing that people are shown moves a
cursor.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed448, ed25519, padding, rsa
from cryptography.x509.oid import ExtensionOID

from sealwire.ca.ports import RequestStatus
from sealwire.ca.profiles import shipped_profiles
from sealwire.ca.requests import Requestor
from sealwire.errors import RefusedError
from sealwire.x509.keys import KeyType
from sealwire.x509.lint import lint_certificate
from tests.unit.ca.scene import ANYBODY, Scene, founded, subscriber_key
from tests.unit.ca.test_hostile_csr import der, duplicate_extensions

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.ca.ports import Request

Signer = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey

SHA256_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
SHA1_RSA = bytes.fromhex("300d06092a864886f70d0101050500")
SHA256_EC = bytes.fromhex("300a06082a8648ce3d040302")

CN = bytes.fromhex("0603550403")
O = bytes.fromhex("060355040a")  # noqa: E741 - the attribute's own name
C = bytes.fromhex("0603550406")
UID = bytes.fromhex("060a0992268993f22c640101")
UTF8, PRINTABLE, T61, IA5, UNIVERSAL, BMP = 0x0C, 0x13, 0x14, 0x16, 0x1C, 0x1E


def oid(dotted: str) -> bytes:
    first, second, *rest = (int(part) for part in dotted.split("."))
    body = b""
    for number in (40 * first + second, *rest):
        octets = [number & 0x7F]
        while number := number >> 7:
            octets.insert(0, 0x80 | number & 0x7F)
        body += bytes(octets)
    return der(0x06, body)


def attribute(kind: bytes, value: bytes, tag: int = UTF8) -> bytes:
    return der(0x30, kind + der(tag, value))


def subject(*attributes: bytes) -> bytes:
    return der(0x30, b"".join(der(0x31, each) for each in attributes))


HOST = attribute(CN, b"a.example.com")
USER = attribute(UID, b"ada")


def spki(key: object) -> bytes:
    return key.public_bytes(  # type: ignore[attr-defined,no-any-return] # any public key
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def extensions(*each: bytes) -> bytes:
    """The attribute that asks for extensions (RFC 2985, 5.4.2)."""
    return der(0x30, oid("1.2.840.113549.1.9.14") + der(0x31, der(0x30, b"".join(each))))


def extension(kind: str, value: bytes, *, critical: bool = False) -> bytes:
    flag = b"\x01\x01\xff" if critical else b""
    return der(0x30, oid(kind) + flag + der(0x04, value))


def san(*names: bytes) -> bytes:
    return extensions(extension("2.5.29.17", der(0x30, b"".join(names))))


def dns(value: bytes) -> bytes:
    return der(0x82, value)


@cache
def key() -> rsa.RSAPrivateKey:
    made = subscriber_key(KeyType.RSA2048)
    assert isinstance(made, rsa.RSAPrivateKey)
    return made


def request(
    name: bytes | None = None,
    attributes: bytes = b"",
    *,
    version: bytes = b"\0",
    public: bytes | None = None,
    algorithm: bytes = SHA256_RSA,
) -> bytes:
    """A request around anything, its signature sound for our RSA key."""
    info = der(
        0x30,
        der(0x02, version)
        + (subject(USER, HOST) if name is None else name)
        + (spki(key().public_key()) if public is None else public)
        + der(0xA0, attributes),
    )
    digest = hashes.SHA1() if algorithm == SHA1_RSA else hashes.SHA256()  # noqa: S303 - to be refused
    signature = key().sign(info, padding.PKCS1v15(), digest)
    return der(0x30, info + algorithm + der(0x03, b"\0" + signature))


def with_key(made: object) -> bytes:
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name.from_rfc4514_string("CN=a.example.com,UID=ada")
    )
    bare = isinstance(made, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    signed = builder.sign(made, None if bare else hashes.SHA256())  # type: ignore[arg-type] # any key
    return signed.public_bytes(serialization.Encoding.DER)


def rsa_public(modulus: int, exponent: int) -> bytes:
    def integer(number: int) -> bytes:
        return der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))

    numbers = der(0x30, integer(modulus) + integer(exponent))
    return der(0x30, bytes.fromhex("300d06092a864886f70d0101010500") + der(0x03, b"\0" + numbers))


def big(bits: int) -> int:
    seed = b"".join(hashlib.sha512(bytes([i])).digest() for i in range(bits // 512 + 1))
    return int.from_bytes(seed, "big") >> (len(seed) * 8 - bits) | 1 << (bits - 1) | 1


def flipped(data: bytes, at: int) -> bytes:
    changed = bytearray(data)
    changed[at] ^= 1
    return bytes(changed)


def _subject_of(value: bytes, tag: int = UTF8, kind: bytes = CN) -> Callable[[], bytes]:
    return lambda: request(subject(USER, attribute(kind, value, tag)))


def _organization(value: bytes, tag: int = UTF8) -> Callable[[], bytes]:
    return lambda: request(subject(USER, HOST, attribute(O, value, tag)))


CORPUS: dict[str, Callable[[], bytes]] = {
    # Names
    "NUL in the common name": _subject_of(b"a.example.com\0.evil.example.net"),
    "line ends": _subject_of(b"a.example.com\r\n[AuditEvent=AUTH]"),
    "a bracket": _organization(b"x] [AuditEvent=CERT_REQUEST_PROCESSED][Outcome=Success]"),
    "a path": _subject_of(b"../../../etc/passwd"),
    "markup": _organization(b"<script>alert(1)</script>"),
    "an escape sequence": _organization(b"\x1b]0;owned\x07"),
    "right to left": _organization("abc\u202ecba".encode()),
    "zero width": _subject_of("a.exa\u200bmple.com".encode()),
    "a homoglyph": _subject_of("\u0430.example.com".encode()),
    "a spreadsheet formula": _organization(b"=cmd|'/C calc'!A0"),
    "a percent sign": _organization(b"%0d%0a%s%n"),
    "overlong UTF-8": _organization(b"\xc0\xae\xc0\xae\xc0\xaf"),
    "half a UTF-8 character": _organization(b"\xe2\x82"),
    "a surrogate in UTF-8": _organization(b"\xed\xa0\x80"),
    "BMPString with controls": _organization("a\nb\x1b".encode("utf-16-be"), BMP),
    "BMPString cut short": _organization(b"\0a\0", BMP),
    "UniversalString": _organization("a\n".encode("utf-32-be"), UNIVERSAL),
    "T61String with controls": _organization(b"a\x1b\x9bb\n", T61),
    "IA5String beyond ASCII": _organization(b"\xff\xfe", IA5),
    "PrintableString with an at sign": _organization(b"a@b*&", PRINTABLE),
    "an OCTET STRING as a name": _organization(b"abc", 0x04),
    "a wildcard": _subject_of(b"*.example.com"),
    "a wildcard of everything": _subject_of(b"*"),
    "a wildcard inside": _subject_of(b"a.*.example.com"),
    "a trailing dot": _subject_of(b"a.example.com."),
    "an empty common name": _subject_of(b""),
    "a blank common name": _subject_of(b"  "),
    "a long common name": _subject_of(b"a" * 65 + b".example.com"),
    "a huge common name": _subject_of(b"a." * 40_000 + b"com"),
    "two common names": lambda: request(subject(USER, HOST, attribute(CN, b"evil.example.com"))),
    "both in one RDN": lambda: request(der(0x30, der(0x31, USER + HOST + attribute(O, b"x")))),
    "a thousand organizations": lambda: request(subject(USER, HOST, *[attribute(O, b"x")] * 1000)),
    "an attribute nobody knows": lambda: request(
        subject(USER, HOST, attribute(oid("1.3.6.1.4.1.99999.1"), b"x\n"))
    ),
    "a dotted attribute that is known": lambda: request(
        subject(USER, HOST, attribute(oid("2.5.4.17"), b"12345"))
    ),
    "a country of three letters": lambda: request(subject(USER, HOST, attribute(C, b"USA"))),
    "no subject": lambda: request(subject()),
    "no subject, but a SAN": lambda: request(subject(), san(dns(b"a.example.com"))),
    "an empty RDN": lambda: request(der(0x30, der(0x31, b""))),
    # Alternative names
    "NUL in a SAN": lambda: request(None, san(dns(b"a.example.com\0.evil"))),
    "a line end in a SAN": lambda: request(None, san(dns(b"a.example.com\n[x]"))),
    "ten thousand SANs": lambda: request(
        None, san(*(dns(b"h%d.example.com" % i) for i in range(10_000)))
    ),
    "an address of five octets": lambda: request(None, san(der(0x87, b"\x7f\0\0\1\1"))),
    "a SAN of Latin-1": lambda: request(None, san(dns(b"\xff.example.com"))),
    "a directory name in the SAN": lambda: request(
        None, san(der(0xA4, subject(attribute(O, b"a\r\nb"))))
    ),
    "an other name": lambda: request(
        None, san(der(0xA0, oid("1.3.6.1.4.1.311.20.2.3") + der(0xA0, der(UTF8, b"root\n"))))
    ),
    "a URI to the inside": lambda: request(None, san(der(0x86, b"http://169.254.169.254/"))),
    "a mail address with a line end": lambda: request(None, san(der(0x81, b"a@b.example\n."))),
    "an empty SAN": lambda: request(None, san()),
    # What only a CA may have
    "to be a CA": lambda: request(
        None, extensions(extension("2.5.29.19", der(0x30, b"\x01\x01\xff"), critical=True))
    ),
    "keyCertSign alone": lambda: request(
        None, extensions(extension("2.5.29.15", b"\x03\x02\x01\x06", critical=True))
    ),
    "any purpose": lambda: request(
        None, extensions(extension("2.5.29.37", der(0x30, oid("2.5.29.37.0"))))
    ),
    "OCSP signing": lambda: request(
        None, extensions(extension("2.5.29.37", der(0x30, oid("1.3.6.1.5.5.7.3.9"))))
    ),
    "a poison": lambda: request(
        None, extensions(extension("1.3.6.1.4.1.11129.2.4.3", b"\x05\0", critical=True))
    ),
    "unknown and critical": lambda: request(
        None, extensions(extension("1.2.3.4.5", b"x", critical=True))
    ),
    "an extension that is no DER": lambda: request(
        None, extensions(extension("2.5.29.19", b"\xff\xff"))
    ),
    "duplicate extensions": duplicate_extensions,
    "another serial's key identifier": lambda: request(
        None, extensions(extension("2.5.29.14", der(0x04, bytes(20))))
    ),
    # Attributes
    "a challenge password": lambda: request(
        None, der(0x30, oid("1.2.840.113549.1.9.7") + der(0x31, der(UTF8, b"secret\n")))
    ),
    "an unstructured name": lambda: request(
        None, der(0x30, oid("1.2.840.113549.1.9.2") + der(0x31, der(IA5, b"x\x1b")))
    ),
    "attributes of nothing": lambda: request(None, der(0x30, b"")),
    # Keys
    "RSA of 1024 bits": lambda: with_key(rsa.generate_private_key(65537, 1024)),
    "RSA of 16,392 bits": lambda: request(public=rsa_public(big(16_392), 65537)),
    "RSA of 2,049 bits": lambda: request(public=rsa_public(big(2049), 65537)),
    "RSA with exponent 1": lambda: request(public=rsa_public(big(2048), 1)),
    "RSA with an even exponent": lambda: request(public=rsa_public(big(2048), 65536)),
    "RSA with an even modulus": lambda: request(public=rsa_public(big(2048) ^ 1, 65537)),
    "P-192": lambda: with_key(ec.generate_private_key(ec.SECP192R1())),
    "P-521": lambda: with_key(ec.generate_private_key(ec.SECP521R1())),
    "secp256k1": lambda: with_key(ec.generate_private_key(ec.SECP256K1())),
    "Brainpool": lambda: with_key(ec.generate_private_key(ec.BrainpoolP256R1())),
    "DSA": lambda: with_key(dsa.generate_private_key(1024)),
    "Ed25519": lambda: with_key(ed25519.Ed25519PrivateKey.generate()),
    "Ed448": lambda: with_key(ed448.Ed448PrivateKey.generate()),
    "a key of nothing": lambda: request(public=der(0x30, b"")),
    # The request itself
    "version 2": lambda: request(version=b"\1"),
    "version 3": lambda: request(version=b"\2"),
    "a version of nine octets": lambda: request(version=b"\1" * 9),
    "a wrong signature": lambda: flipped(request(), -1),
    "another's key": lambda: request(public=spki(_other().public_key())),
    "signed with SHA-1": lambda: request(algorithm=SHA1_RSA),
    "an algorithm that is not the signature's": lambda: request(algorithm=SHA256_EC),
    "a trailing octet": lambda: request() + b"\0",
    "an octet less": lambda: request()[:-1],
    "two requests": lambda: request() + request(),
    "an empty sequence": lambda: der(0x30, b""),
    "an indefinite length": lambda: b"\x30\x80" + request()[4:] + b"\0\0",
    "a length of four gigabytes": lambda: b"\x30\x84\xff\xff\xff\xff",
    "two megabytes": lambda: request(None, extensions(extension("1.2.3.4", bytes(2 << 20)))),
    "nested ten thousand deep": lambda: b"\x30\x80" * 10_000,
}


@cache
def _other() -> Signer:
    return ec.generate_private_key(ec.SECP256R1())


PROFILES = [profile.profile_id for profile in shipped_profiles().all()]
SCENE = founded()
# These take long to read, whatever the profile.
LARGE = {"ten thousand SANs", "two megabytes", "a huge common name", "a thousand organizations"}


@cache
def hostile(what: str) -> bytes:
    return CORPUS[what]()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("what", list(CORPUS))
def test_refused_or_issued_by_the_profile_alone(what: str) -> None:
    before = len(SCENE.trail())
    for profile_id in PROFILES[-2:] if what in LARGE else PROFILES:
        request = taken_in(profile_id, hostile(what))
        if request is None:
            continue
        assert request.subject.isprintable()
        assert (request.error_message or "").isprintable()
        assert len(request.error_message or "") < 20_000
        if request.status is RequestStatus.PENDING:
            require_the_profiles_doing(SCENE, request.request_id, profile_id)
    for record in SCENE.trail()[before:]:
        require_one_line(record.text, record.message)


def taken_in(profile_id: str, csr: bytes) -> Request | None:
    """The request, or None when it was not taken in at all."""
    who = Requestor(email="ada@example.com")
    try:
        return SCENE.ca.submit(profile_id, csr, who, actor=ANYBODY, remote_address="192.0.2.9")
    except RefusedError as refusal:
        if refusal.code != "csr.invalid" or not refusal.message.isprintable():
            raise
        return None


def require_the_profiles_doing(scene: Scene, request_id: int, profile_id: str) -> None:
    review = scene.ca.review(request_id)
    shown = [*review.certificate_text.splitlines(), *review.differences]
    assert all(line.isprintable() for line in shown)
    done = scene.ca.approve(request_id, actor="bob", tbs_sha256=review.tbs_sha256)
    certificate = x509.load_der_x509_certificate(scene.ca.certificate(done.serial or 0).der)
    found = {each.oid: each.value for each in certificate.extensions}
    rules = shipped_profiles().get(profile_id)
    # Only the profile for CAs makes one, with no other below it, whatever the CSR asks for.
    makes_a_ca = rules.defaults.basic_constraints is not None
    constraints = x509.BasicConstraints(ca=True, path_length=0) if makes_a_ca else None
    assert found.get(ExtensionOID.BASIC_CONSTRAINTS) == constraints
    usage = found[ExtensionOID.KEY_USAGE]
    assert isinstance(usage, x509.KeyUsage)
    assert usage.key_cert_sign is makes_a_ca
    assert usage.crl_sign is makes_a_ca
    purposes = rules.defaults.extended_key_usage
    assert (ExtensionOID.EXTENDED_KEY_USAGE in found) is (purposes is not None)
    assert re.fullmatch(rules.constraints.subject.pattern, request_subject(certificate))
    assert [
        each
        for each in lint_certificate(scene.ca.certificate(done.serial or 0).der)
        if each.severity == "error" and each.code not in rules.lint.waivers
    ] == []


def request_subject(certificate: x509.Certificate) -> str:
    return SCENE.ca.certificate(certificate.serial_number).subject


def require_one_line(text: str, message: bytes) -> None:
    """One event, its attributes closed by their own brackets, and nothing a log reader acts on."""
    assert text.isprintable()
    assert b"\n" not in message
    assert b"\r" not in message
    assert text.count("[AuditEvent=") == 1
    assert text.startswith("[AuditEvent=")


def test_the_corpus_is_not_refused_for_its_frame() -> None:
    """The same frame with nothing hostile in it is issued."""
    made = SCENE.ca.submit("caServerCert", request(), actor=ANYBODY, remote_address="")
    assert made.status is RequestStatus.PENDING, made.error_message
