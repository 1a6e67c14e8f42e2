from __future__ import annotations

import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.errors import RefusedError
from sealwire.x509.csr import build_csr, describe_csr, read_csr
from sealwire.x509.keys import KeyType, generate_key
from sealwire.x509.pem import pem_blocks
from sealwire.x509.subject import SubjectFields, dn_text, parse_dn, subject_name
from tests import pki

KEY = pki.key("csr")
NAME = subject_name(SubjectFields("US", "TX", "Austin", "Example", "Ops", "gw.example.com"))
PEM = build_csr(KEY, NAME, ["10.0.0.1"])
DER = next(iter(pem_blocks(PEM))).der or b""


def codes(data: bytes) -> list[str]:
    return [finding.code for finding in describe_csr(data).findings]


def signed(builder: x509.CertificateSigningRequestBuilder, key: object = KEY) -> bytes:
    request = builder.sign(key, hashes.SHA256())  # type: ignore[arg-type]
    return request.public_bytes(serialization.Encoding.DER)


def named(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.CertificateSigningRequestBuilder:
    with warnings.catch_warnings(action="ignore"):  # wrong lengths are what we want here
        attributes = [x509.NameAttribute(oid, value, _validate=False) for oid, value in pairs]
    return x509.CertificateSigningRequestBuilder().subject_name(x509.Name(attributes))


def test_the_common_name_comes_first_into_the_san() -> None:
    request = read_csr(PEM)
    assert request.names == ("gw.example.com", "10.0.0.1")
    assert dn_text(request.name) == "CN=gw.example.com,OU=Ops,O=Example,L=Austin,ST=TX,C=US"
    assert request.key_label == "EC P-256"
    assert request.der == DER
    assert request.findings == ()


def test_names_are_kept_once_whatever_their_case() -> None:
    pem = build_csr(KEY, NAME, ["GW.example.com", "b.example.com", "10.0.0.1", "10.0.0.1"])
    assert read_csr(pem).names == ("gw.example.com", "b.example.com", "10.0.0.1")


def test_a_person_as_common_name_stays_out_of_the_san() -> None:
    assert read_csr(build_csr(KEY, parse_dn("CN=Jane Doe"), ["a.example.com"])).names == (
        "a.example.com",
    )


def test_wildcards_and_international_names() -> None:
    pem = build_csr(KEY, parse_dn("CN=*.example.com"), ["bücher.example", "2001:db8::1"])
    assert read_csr(pem).names == ("*.example.com", "xn--bcher-kva.example", "2001:db8::1")


def test_all_bad_names_are_said_at_once() -> None:
    with pytest.raises(RefusedError) as refused:
        build_csr(KEY, NAME, ["a b", "ok.example.com", "*.*.example.com"])
    assert [finding.code for finding in refused.value.findings] == ["name_syntax", "name_syntax"]


@pytest.mark.parametrize("kind", [KeyType.RSA2048, KeyType.P384])
def test_every_kind_of_key_signs(kind: KeyType) -> None:
    read_csr(build_csr(generate_key(kind), NAME, []))


@pytest.mark.parametrize(
    "wrapped",
    [
        DER,
        PEM,
        PEM.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + PEM,
        PEM.decode().encode("utf-16"),
        b"Dear sir,\nhere it is:\n\n" + PEM + b"\nregards",
        PEM.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"),
        b"\n".join(b"  " + line for line in PEM.splitlines()),
        b"".join(PEM.splitlines()[1:-1]),
    ],
)
def test_every_wrapping_is_read(wrapped: bytes) -> None:
    assert read_csr(wrapped).der == DER


def test_a_broken_signature_is_found() -> None:
    broken = DER[:-1] + bytes([DER[-1] ^ 1])
    assert codes(broken) == ["signature_broken"]
    with pytest.raises(RefusedError) as refused:
        read_csr(broken)
    assert refused.value.code == "csr.invalid"


def test_a_changed_name_breaks_the_signature() -> None:
    assert "signature_broken" in codes(DER.replace(b"Austin", b"Boston"))


def test_all_faults_at_once() -> None:
    builder = named(
        (NameOID.COUNTRY_NAME, "USA"),
        (NameOID.ORGANIZATION_NAME, "x" * 65),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "a\x1b[2J"),
        (NameOID.COMMON_NAME, "gw.example.com"),
    ).add_extension(x509.SubjectAlternativeName([x509.DNSName("a b")]), critical=False)
    data = signed(builder, pki.key("weak", "rsa1024"))
    data = data[:-1] + bytes([data[-1] ^ 1])
    assert sorted(codes(data)) == sorted(
        [
            "country",
            "field_too_long",
            "field_control",
            "weak_key",
            "signature_broken",
            "name_syntax",
        ]
    )


def test_hostile_values_are_printed_harmless() -> None:
    builder = named((NameOID.COMMON_NAME, "a\x1b[31m\n[x]"))
    description = describe_csr(signed(builder))
    assert "\x1b" not in repr(description)
    everything = description.subject + "".join(f.message for f in description.findings)
    assert not any(ord(character) < 32 for character in everything)


def test_weak_keys_and_odd_curves() -> None:
    assert codes(
        signed(
            named((NameOID.COMMON_NAME, "x.example.com")), ec.generate_private_key(ec.SECP256K1())
        )
    ) == ["weak_key"]


def test_a_request_without_san_is_remarked_not_refused() -> None:
    request = read_csr(signed(named((NameOID.COMMON_NAME, "gw.example.com"))))
    assert [finding.code for finding in request.findings] == ["san_missing"]


def test_the_same_extension_twice_does_not_crash() -> None:
    # One SAN extension of 18 bytes, twice in the attribute: built by hand, signed for real.
    san = x509.SubjectAlternativeName([x509.DNSName("a.example.com")])
    ski = x509.SubjectKeyIdentifier(b"12345678")
    der = signed(
        named((NameOID.COMMON_NAME, "a.example.com"))
        .add_extension(san, critical=False)
        .add_extension(ski, critical=False)
    )
    # OID of subjectKeyIdentifier (2.5.29.14) becomes that of SAN (2.5.29.17).
    twice = der.replace(bytes.fromhex("0603551d0e"), bytes.fromhex("0603551d11"))
    assert twice != der
    assert "duplicate_extension" in codes(twice)


def test_an_extension_of_rubbish_does_not_crash() -> None:
    san = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.5.29.17"), b"\xff\xff\xff")
    builder = named((NameOID.COMMON_NAME, "a.example.com")).add_extension(san, critical=True)
    assert "extension_unreadable" in codes(signed(builder))


def test_a_version_that_no_request_has() -> None:
    at = DER.index(b"\x02\x01\x00")
    assert codes(DER[:at] + b"\x02\x01\x01" + DER[at + 3 :]) == ["csr_unreadable"]


@pytest.mark.parametrize("data", [b"", b"x", b"\x30", PEM[:200], DER[:-5], b"\x30\x80" + DER])
def test_what_is_no_request(data: bytes) -> None:
    assert codes(data) == ["csr_unreadable"]


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(DER) - 1), st.integers(0, 255))
def test_no_changed_byte_passes_or_crashes(at: int, value: int) -> None:
    changed = DER[:at] + bytes([value]) + DER[at + 1 :]
    description = describe_csr(changed)
    assert description.ok == (changed == DER)


@given(st.binary(max_size=300))
def test_rubbish_never_crashes(data: bytes) -> None:
    assert not describe_csr(data).ok
