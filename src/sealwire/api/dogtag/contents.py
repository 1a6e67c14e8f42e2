"""What a certificate would hold, as the values of Dogtag's policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from sealwire.api.dogtag.policies import KEY_USAGE_PARAMETERS
from sealwire.ca.profiles import KeyUsageBit
from sealwire.x509.subject import dn_text
from sealwire.x509.unsigned import unsigned_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sealwire.ca.ports import Request

RSA_OID: Final = "1.2.840.113549.1.1.1"
EC_OID: Final = "1.2.840.10045.2.1"
_TIME: Final = "%Y-%m-%d %H:%M:%S"

_FIELDS: Final[Mapping[KeyUsageBit, str]] = {
    KeyUsageBit.DIGITAL_SIGNATURE: "digital_signature",
    KeyUsageBit.NON_REPUDIATION: "content_commitment",
    KeyUsageBit.KEY_ENCIPHERMENT: "key_encipherment",
    KeyUsageBit.DATA_ENCIPHERMENT: "data_encipherment",
    KeyUsageBit.KEY_AGREEMENT: "key_agreement",
    KeyUsageBit.KEY_CERT_SIGN: "key_cert_sign",
    KeyUsageBit.CRL_SIGN: "crl_sign",
}


def policy_values(request: Request) -> dict[str, str]:
    """Value by name, of the bytes that approval would sign; empty when there are none."""
    if request.tbs_der is None:
        return {}
    certificate = unsigned_certificate(request.tbs_der)
    return dict(_values(certificate))


def _values(certificate: x509.Certificate) -> Iterator[tuple[str, str]]:
    yield "name", dn_text(certificate.subject)
    yield "notBefore", certificate.not_valid_before_utc.strftime(_TIME)
    yield "notAfter", certificate.not_valid_after_utc.strftime(_TIME)
    yield from _key(certificate)
    yield "signingAlg", _algorithm(certificate)
    for extension in certificate.extensions:
        critical = "true" if extension.critical else "false"
        match extension.value:
            case x509.AuthorityKeyIdentifier(key_identifier=identifier):
                yield "critical", critical
                yield "keyid", (identifier or b"").hex(":").upper()
            case x509.BasicConstraints(ca=is_ca, path_length=length):
                yield "basicConstraintsCritical", critical
                yield "basicConstraintsIsCA", "true" if is_ca else "false"
                yield "basicConstraintsPathLen", str(-1 if length is None else length)
            case x509.KeyUsage() as usage:
                yield "keyUsageCritical", critical
                yield from _key_usage(usage)
            case x509.ExtendedKeyUsage() as purposes:
                yield "exKeyUsageCritical", critical
                yield "exKeyUsageOIDs", ",".join(each.dotted_string for each in purposes)


def _key(certificate: x509.Certificate) -> Iterator[tuple[str, str]]:
    key = certificate.public_key()
    oid, length = key_algorithm(certificate)
    word = {RSA_OID: "RSA", EC_OID: "EC"}.get(oid, "")
    yield "TYPE", f"{word} - {oid}".strip(" -")
    yield "LEN", str(length or "")
    yield "KEY", key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex().upper()


def key_algorithm(certificate: x509.Certificate) -> tuple[str, int | None]:
    """OID of the key's algorithm and its length in bits, None where that says nothing."""
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return RSA_OID, key.key_size
    if isinstance(key, ec.EllipticCurvePublicKey):
        return EC_OID, key.key_size
    return certificate.public_key_algorithm_oid.dotted_string, None


def _algorithm(certificate: x509.Certificate) -> str:
    # Dogtag writes SHA256withRSA where the library's name is sha256WithRSAEncryption.
    kind = "EC" if "ecdsa" in certificate.signature_algorithm_oid._name else "RSA"  # noqa: SLF001 - no public spelling exists
    used = certificate.signature_hash_algorithm
    return f"{used.name.upper()}with{kind}" if used else kind


def _key_usage(usage: x509.KeyUsage) -> Iterator[tuple[str, str]]:
    for name, bit in KEY_USAGE_PARAMETERS.items():
        yield name, "true" if bit is not None and getattr(usage, _FIELDS[bit]) else "false"
