"""Reads OCSP requests and builds responses (RFC 6960), byte for byte. Pure: the key is handed in.

The library's own reader and builder know one certificate for each message; here it may be several.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Final

from cryptography import x509
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.x509.oid import OCSPExtensionOID, SignatureAlgorithmOID

from sealwire.ca.ports import RevocationReason
from sealwire.errors import RefusedError
from sealwire.x509.certificate import certificate_der
from sealwire.x509.der import SEQUENCE, anatomy, elements, first_element
from sealwire.x509.keys import signature_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.ca.signing import IssuerKey
    from sealwire.x509.der import Element

LARGEST_REQUEST: Final = 16 * 1024
MOST_QUESTIONS: Final = 64
"""In one request."""

LONGEST_NONCE: Final = 128
"""Octets, RFC 9654 section 2.1 (which raised the 32 of RFC 8954)."""

MALFORMED: Final = "ocsp.malformed"

_OCTET_STRING, _OBJECT_IDENTIFIER = 0x04, 0x06
_NULL = b"\x05\x00"
_VERSION, _REQUESTOR, _EXTENSIONS = 0xA0, 0xA1, 0xA2
_SINGLE_EXTENSIONS = 0xA0
_V1 = b"\x02\x01\x00"
_GOOD, _UNKNOWN, _REVOKED = b"\x80\x00", b"\x82\x00", b"\xa1"

_HASHES: Final[Mapping[bytes, str]] = {
    bytes.fromhex("06052b0e03021a"): "sha1",
    bytes.fromhex("0609608648016503040201"): "sha256",
    bytes.fromhex("0609608648016503040202"): "sha384",
    bytes.fromhex("0609608648016503040203"): "sha512",
}
"""By the DER of the hash algorithm's object identifier."""


class ResponseStatus(IntEnum):
    """RFC 6960, 4.2.1; 4 is not used."""

    SUCCESSFUL = 0
    MALFORMED_REQUEST = 1
    INTERNAL_ERROR = 2
    TRY_LATER = 3
    SIG_REQUIRED = 5
    UNAUTHORIZED = 6


@dataclass(frozen=True, slots=True)
class Question:
    """Which certificate is asked about. ``cert_id`` is the CertID's DER, for the answer.

    ``hash_name`` is None for a hash that is not known here; then nothing can be compared.
    """

    cert_id: bytes
    hash_name: str | None
    name_hash: bytes
    key_hash: bytes
    serial: int


@dataclass(frozen=True, slots=True)
class Inquiry:
    """A request. ``nonce`` is the extension's value as it came, to be sent back."""

    questions: Sequence[Question]
    nonce: bytes | None


@dataclass(frozen=True, slots=True)
class Good:
    """Issued here, and not revoked."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not issued here."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """Revoked, perhaps only on hold."""

    time: datetime
    reason: RevocationReason


Status = Good | Unknown | Revoked


@dataclass(frozen=True, slots=True)
class Signer:
    """Who answers: a delegated responder's certificate and key (RFC 6960, 4.2.2.2)."""

    certificate: x509.Certificate
    key: IssuerKey


@dataclass(frozen=True, slots=True)
class Times:
    """When a response was made, and until when it may be believed; cut to the second."""

    produced: datetime
    until: datetime


@asn1.sequence
class _Extension:
    oid: x509.ObjectIdentifier
    critical: Annotated[bool, asn1.Default(value=False)]
    value: bytes


@asn1.sequence
class _RevokedInfo:
    time: asn1.GeneralizedTime


@asn1.sequence
class _RevokedFor:
    time: asn1.GeneralizedTime
    reason: Annotated[asn1.TLV, asn1.Explicit(0)]


@asn1.sequence
class _SingleResponse:
    cert_id: asn1.TLV
    status: asn1.TLV
    this_update: asn1.GeneralizedTime
    next_update: Annotated[asn1.GeneralizedTime | None, asn1.Explicit(0)]


@asn1.sequence
class _ResponseData:
    responder_key: Annotated[bytes, asn1.Explicit(2)]
    produced: asn1.GeneralizedTime
    responses: list[_SingleResponse]
    extensions: Annotated[list[_Extension] | None, asn1.Explicit(1)]


@asn1.sequence
class _Algorithm:
    oid: x509.ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _BasicResponse:
    data: asn1.TLV
    algorithm: _Algorithm
    signature: asn1.BitString
    certificates: Annotated[list[x509.Certificate] | None, asn1.Explicit(0)]


@asn1.sequence
class _ResponseBytes:
    kind: x509.ObjectIdentifier
    response: bytes


@asn1.sequence
class _Response:
    status: asn1.TLV
    content: Annotated[_ResponseBytes | None, asn1.Explicit(0)]


_BASIC: Final = x509.ObjectIdentifier("1.3.6.1.5.5.7.48.1.1")


def read_inquiry(der: bytes) -> Inquiry:
    """What is asked. The request's own signature, which is optional, is not looked at.

    Raises RefusedError ``ocsp.malformed`` for everything that is no OCSP request in DER, for more
    than 64 certificates, for an unknown critical extension, and for a nonce of no or more than
    128 octets.
    """
    if len(der) > LARGEST_REQUEST:
        raise _malformed("it is too large")
    try:
        return _inquiry(der)
    except (ValueError, TypeError, IndexError, StopIteration) as fault:
        raise _malformed("it is no OCSP request in DER") from fault


def _malformed(why: str) -> RefusedError:
    return RefusedError(MALFORMED, f"The OCSP request cannot be read: {why}.")


def _whole(der: bytes, tag: int = SEQUENCE) -> bytes:
    """Content of the one element that ``der`` is. Raises ValueError."""
    element = first_element(der)
    if element.tag != tag or element.whole != der:
        raise ValueError("another element is expected")
    return element.content


def _inquiry(der: bytes) -> Inquiry:
    tbs, *signature = elements(_whole(der))
    if len(signature) > 1 or any(each.tag != _VERSION for each in signature):
        raise ValueError("something stands after the request")
    parts = list(elements(_whole(tbs.whole)))
    if parts[0].tag == _VERSION and parts.pop(0).content != _V1:
        raise ValueError("the version is not 1")
    if parts[0].tag == _REQUESTOR:
        parts.pop(0)
    listed, *rest = parts
    questions = tuple(_question(each) for each in _limited(elements(_whole(listed.whole))))
    nonce = None
    if rest:
        (extensions,) = rest
        nonce = _nonce(_whole(extensions.whole, _EXTENSIONS))
    if not questions:
        raise ValueError("nothing is asked")
    return Inquiry(questions, nonce)


def _limited(requests: Iterator[Element]) -> Iterator[Element]:
    for count, each in enumerate(requests, 1):
        if count > MOST_QUESTIONS:
            raise _malformed(f"it asks for more than {MOST_QUESTIONS} certificates")
        yield each


def _question(request: Element) -> Question:
    cert_id, *rest = elements(_whole(request.whole))
    if rest:
        (extensions,) = rest
        for _ in _extensions(_whole(extensions.whole, _SINGLE_EXTENSIONS)):
            pass
    algorithm, name_hash, key_hash, serial = elements(_whole(cert_id.whole))
    oid, *parameters = elements(_whole(algorithm.whole))
    # It goes back as it came, so nothing may stand in it that a client could not read.
    if oid.tag != _OBJECT_IDENTIFIER or [each.whole for each in parameters] not in ([], [_NULL]):
        raise ValueError("no hash algorithm")
    return Question(
        cert_id.whole,
        _HASHES.get(oid.whole),
        _whole(name_hash.whole, _OCTET_STRING),
        _whole(key_hash.whole, _OCTET_STRING),
        asn1.decode_der(int, serial.whole),
    )


def _extensions(content: bytes) -> Iterator[_Extension]:
    """Those that are known, and none that is critical and not known."""
    for each in elements(_whole(content)):
        extension = asn1.decode_der(_Extension, each.whole)
        if extension.oid == OCSPExtensionOID.NONCE:
            yield extension
        elif extension.critical:
            raise _malformed("it has a critical extension that is not known here")


def _nonce(content: bytes) -> bytes | None:
    found = [extension.value for extension in _extensions(content)]
    if not found:
        return None
    (value,) = found
    if not 1 <= len(_whole(value, _OCTET_STRING)) <= LONGEST_NONCE:
        raise _malformed(f"a nonce has 1 to {LONGEST_NONCE} octets")
    return value


def is_about(question: Question, issuer: x509.Certificate) -> bool:
    """Whether the certificate asked about is said to be signed by ``issuer``."""
    if question.hash_name is None:
        return False
    return (question.name_hash, question.key_hash) == _hashes(issuer, question.hash_name)


@lru_cache(maxsize=32)
def _hashes(issuer: x509.Certificate, hash_name: str) -> tuple[bytes, bytes]:
    """Of an issuer's name and of its key."""
    parts = anatomy(certificate_der(issuer))
    *_, key = elements(first_element(parts.spki).content)
    # The key's octets without the count of unused bits that begins a BIT STRING.
    return _hash(hash_name, parts.subject), _hash(hash_name, key.content[1:])


@lru_cache(maxsize=8)
def _responder_key(certificate: x509.Certificate) -> bytes:
    return x509.SubjectKeyIdentifier.from_public_key(certificate.public_key()).digest


def _hash(name: str, data: bytes) -> bytes:
    return hashlib.new(name, data, usedforsecurity=False).digest()


def error_response(status: ResponseStatus) -> bytes:
    """A response that only says why there is none. Raises ValueError for SUCCESSFUL."""
    if status is ResponseStatus.SUCCESSFUL:
        raise ValueError("a successful response has content")
    return asn1.encode_der(_Response(status=_enumerated(status), content=None))


def build_response(
    signer: Signer, answers: Sequence[tuple[Question, Status]], times: Times, nonce: bytes | None
) -> bytes:
    """DER of a signed basic response; the responder is named by its key's hash."""
    data = asn1.encode_der(
        _ResponseData(
            responder_key=_responder_key(signer.certificate),
            produced=_time(times.produced),
            responses=[_single(question, status, times) for question, status in answers],
            extensions=None
            if nonce is None
            else [_Extension(oid=OCSPExtensionOID.NONCE, critical=False, value=nonce)],
        )
    )
    algorithm, signature = _signed(signer.key, data)
    basic = _BasicResponse(
        data=_tlv(data),
        algorithm=algorithm,
        signature=asn1.BitString(signature, 0),
        certificates=[signer.certificate],
    )
    content = _ResponseBytes(kind=_BASIC, response=asn1.encode_der(basic))
    status = _enumerated(ResponseStatus.SUCCESSFUL)
    return asn1.encode_der(_Response(status=status, content=content))


def _single(question: Question, status: Status, times: Times) -> _SingleResponse:
    return _SingleResponse(
        cert_id=_tlv(question.cert_id),
        status=_tlv(_status(status)),
        this_update=_time(times.produced),
        next_update=_time(times.until),
    )


def _status(status: Status) -> bytes:
    if isinstance(status, Good):
        return _GOOD
    if isinstance(status, Unknown):
        return _UNKNOWN
    time = _time(status.time)
    if status.reason is RevocationReason.UNSPECIFIED:
        info = asn1.encode_der(_RevokedInfo(time=time))
    else:
        info = asn1.encode_der(_RevokedFor(time=time, reason=_enumerated(status.reason)))
    # IMPLICIT [1]: the same content under another tag.
    return _REVOKED + info[1:]


def _signed(key: IssuerKey, data: bytes) -> tuple[_Algorithm, bytes]:
    digest = signature_hash(key)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        wide = digest.name == "sha384"
        oid = (
            SignatureAlgorithmOID.ECDSA_WITH_SHA384
            if wide
            else SignatureAlgorithmOID.ECDSA_WITH_SHA256
        )
        return _Algorithm(oid=oid, parameters=None), key.sign(data, ec.ECDSA(digest))
    algorithm = _Algorithm(oid=SignatureAlgorithmOID.RSA_WITH_SHA256, parameters=asn1.Null())
    return algorithm, key.sign(data, padding.PKCS1v15(), digest)


def _time(time: datetime) -> asn1.GeneralizedTime:
    return asn1.GeneralizedTime(time.astimezone(UTC).replace(microsecond=0))


def _enumerated(number: int) -> asn1.TLV:
    return _tlv(bytes((0x0A, 1, number)))


def _tlv(der: bytes) -> asn1.TLV:
    return asn1.decode_der(asn1.TLV, der)
