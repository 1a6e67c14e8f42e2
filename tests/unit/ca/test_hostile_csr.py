"""A CSR can ask for anything. It is refused, or what comes out is what the profile says."""

import warnings
from collections.abc import Iterable, Iterator

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID, NameOID
from cryptography.x509.verification import PolicyBuilder, Store
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.ca.ports import RequestStatus
from sealwire.errors import RefusedError
from sealwire.x509.keys import KeyType
from tests.unit.ca.scene import Scene, csr_for, founded, initialised, subscriber_key

KEY = subscriber_key(KeyType.P256)
NAMES = (x509.DNSName("a.example.com"), x509.DNSName("b.example.com"))
SAN = x509.SubjectAlternativeName(NAMES)
PROFILE = "caAuditServerCert"
ISSUED_EXTENSIONS = {
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.KEY_USAGE,
    ExtensionOID.EXTENDED_KEY_USAGE,
    ExtensionOID.SUBJECT_ALTERNATIVE_NAME,
}
# 1.2.840.10045.4.3.2, ecdsa-with-SHA256.
ECDSA_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")


def name(*pairs: tuple[x509.ObjectIdentifier, str]) -> x509.Name:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.Name([x509.NameAttribute(oid, value, _validate=False) for oid, value in pairs])


def asking_for(
    *extensions: tuple[x509.ExtensionType, bool],
    subject: x509.Name | None = None,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey | None = None,
) -> bytes:
    key = key or KEY
    subject = subject or name((NameOID.COMMON_NAME, "a.example.com"))
    builder = x509.CertificateSigningRequestBuilder(subject)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(key, digest).public_bytes(serialization.Encoding.DER)


def der(tag: int, body: bytes) -> bytes:
    length = len(body)
    if length < 0x80:
        return bytes([tag, length]) + body
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + body


def signed_again(info: bytes) -> bytes:
    """A CSR around any CertificationRequestInfo, with a signature that fits."""
    signature = KEY.sign(info, ec.ECDSA(hashes.SHA256()))
    return der(0x30, info + ECDSA_SHA256 + der(0x03, b"\0" + signature))


def duplicate_extensions() -> bytes:
    first = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    second = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.5"), b"\x05\x00")
    csr = x509.load_der_x509_csr(asking_for((first, False), (second, False)))
    info = csr.tbs_certrequest_bytes.replace(b"\x06\x03\x2a\x03\x05", b"\x06\x03\x2a\x03\x04")
    return signed_again(info)


def issued(scene: Scene, csr: bytes, profile_id: str = PROFILE) -> x509.Certificate:
    request = scene.submit(csr, profile_id)
    assert request.status is RequestStatus.PENDING, request.error_message
    review = scene.ca.review(request.request_id)
    assert review.certificate_text.isascii()
    assert all(line.isprintable() for line in review.certificate_text.splitlines())
    assert all(line.isprintable() for line in review.differences)
    done = scene.ca.approve(request.request_id, actor="caadmin", tbs_sha256=review.tbs_sha256)
    return x509.load_der_x509_certificate(scene.ca.certificate(done.serial or 0).der)


def require_profile(certificate: x509.Certificate, scene: Scene) -> None:
    """Everything in the certificate is the profile's doing."""
    found = {extension.oid: extension for extension in certificate.extensions}
    assert set(found) <= ISSUED_EXTENSIONS
    usage = found[ExtensionOID.KEY_USAGE].value
    assert isinstance(usage, x509.KeyUsage)
    assert not usage.key_cert_sign
    assert not usage.crl_sign
    assert found[ExtensionOID.EXTENDED_KEY_USAGE].value == x509.ExtendedKeyUsage(
        [ExtendedKeyUsageOID.SERVER_AUTH]
    )
    assert certificate.version is x509.Version.v3
    roots = x509.load_pem_x509_certificates(scene.ca.roots_pem().encode())
    chain = x509.load_pem_x509_certificates(scene.ca.chain_pem().encode())
    PolicyBuilder().store(Store(roots)).time(scene.clock.now()).build_server_verifier(
        x509.DNSName("a.example.com")
    ).verify(certificate, chain)


def outcome_of(scene: Scene, csr: bytes) -> str:
    """``csr.invalid`` when it was not taken in, else the profile's reason."""
    trail = scene.texts()
    try:
        request = scene.submit(csr, PROFILE)
    except RefusedError as refused:
        [failed] = scene.texts()[len(trail) :]
        assert (
            "[AuditEvent=PROFILE_CERT_REQUEST][SubjectID=$NonRoleUser$][Outcome=Failure]" in failed
        )
        assert "[ReqID=<null>]" in failed
        assert "[CertSubject=<null>]" in failed
        return refused.code
    assert request.status is RequestStatus.REJECTED
    assert all("\n" not in text and text.isprintable() for text in scene.texts())
    return request.error_message or ""


ASKED = {
    "CA:TRUE": (x509.BasicConstraints(ca=True, path_length=None), True),
    "keyCertSign without BasicConstraints": (
        x509.KeyUsage(
            digital_signature=False,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        ),
        True,
    ),
    "any purpose": (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]), False),
    "code signing": (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), True),
    "no name constraints": (
        x509.NameConstraints([x509.DNSName("example.org")], None),
        True,
    ),
    "an OCSP server of its own": (
        x509.AuthorityInformationAccess(
            [
                x509.AccessDescription(
                    x509.AuthorityInformationAccessOID.OCSP,
                    x509.UniformResourceIdentifier("http://evil.example.com/"),
                )
            ]
        ),
        False,
    ),
    "unknown and critical": (
        x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x04\x01x"),
        True,
    ),
    "no OCSP check": (x509.OCSPNoCheck(), False),
}


@pytest.mark.parametrize("asked", list(ASKED))
def test_what_a_csr_asks_for_is_never_copied(asked: str) -> None:
    scene = founded()
    csr = asking_for(ASKED[asked], (SAN, False))
    certificate = issued(scene, csr)
    require_profile(certificate, scene)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert tuple(names) == NAMES
    differences = scene.ca.review(scene.ca.find().entries[-1].request_id).differences
    assert len(differences) == 1


def test_the_reviewer_is_told_of_a_wish_to_be_a_ca() -> None:
    scene = founded()
    request = scene.submit(asking_for(ASKED["CA:TRUE"]), PROFILE)
    assert scene.ca.review(request.request_id).differences == (
        "The name DNS:a.example.com is added.",
        "The request asks for basicConstraints (CA:TRUE); it is left out.",
    )


@pytest.mark.parametrize(
    "common_name",
    [
        "a.example.com\x00.evil.example.net",
        "a.example.com\r\n[AuditEvent=X]",
        "\x1b[2Ja.example.com",
        "a.example.com\u202emoc.live",
    ],
)
def test_control_characters_in_a_name_are_not_taken_in(common_name: str) -> None:
    csr = asking_for(subject=name((NameOID.COMMON_NAME, common_name)))
    assert outcome_of(founded(), csr) == "csr.invalid"


@pytest.mark.parametrize(
    "common_name",
    ["../../etc/passwd", "<script>alert(1)</script>", "*", "*.example.com", "a b", "'; DROP x"],
)
def test_a_common_name_that_is_no_host_is_rejected(common_name: str) -> None:
    csr = asking_for(subject=name((NameOID.COMMON_NAME, common_name)))
    assert outcome_of(founded(), csr) == f"Subject Alternative Name Not Matched {common_name}"


def test_a_country_of_three_letters() -> None:
    csr = asking_for(
        subject=name((NameOID.COUNTRY_NAME, "USA"), (NameOID.COMMON_NAME, "a.example.com"))
    )
    with pytest.raises(RefusedError, match="two letters"):
        founded().submit(csr, PROFILE)


def test_weak_and_strange_keys() -> None:
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    with pytest.raises(RefusedError, match="1024 bits"):
        founded().submit(asking_for(key=weak), PROFILE)
    small_curve = ec.generate_private_key(ec.SECP192R1())
    assert outcome_of(founded(), asking_for(key=small_curve)) == "csr.invalid"
    edwards = asking_for(key=ed25519.Ed25519PrivateKey.generate())
    assert outcome_of(founded(), edwards) == "Key Type RSA,EC Not Matched"


def test_a_broken_signature() -> None:
    csr = bytearray(asking_for())
    csr[-1] ^= 0x01
    assert outcome_of(founded(), bytes(csr)) == "csr.invalid"


def test_a_request_signed_by_another_key() -> None:
    info = x509.load_der_x509_csr(asking_for(key=ec.generate_private_key(ec.SECP256R1())))
    assert outcome_of(founded(), signed_again(info.tbs_certrequest_bytes)) == "csr.invalid"


def test_trailing_bytes() -> None:
    assert outcome_of(founded(), asking_for() + b"\0") == "csr.invalid"
    assert outcome_of(founded(), asking_for()[:-1]) == "csr.invalid"


def test_duplicate_extensions_are_not_taken_in() -> None:
    assert x509.load_der_x509_csr(duplicate_extensions()).is_signature_valid
    assert outcome_of(founded(), duplicate_extensions()) == "csr.invalid"


def test_a_thousand_names() -> None:
    san = x509.SubjectAlternativeName([x509.DNSName(f"h{i}.example.com") for i in range(1000)])
    assert outcome_of(founded(), asking_for((san, False))) == (
        "More Than 100 Subject Alternative Names"
    )


def test_a_thousand_bad_names_make_no_endless_message() -> None:
    san = x509.SubjectAlternativeName([x509.DNSName(f"h {i}") for i in range(1000)])
    assert len(outcome_of(founded(), asking_for((san, False)))) < 10_000


def test_a_request_of_a_megabyte() -> None:
    padding = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), bytes(1 << 20))
    assert outcome_of(founded(), asking_for((padding, False))) == "csr.invalid"


def test_an_empty_critical_san_and_other_empty_things() -> None:
    for info in (b"", der(0x30, b""), der(0x30, der(0x02, b"\0"))):
        assert outcome_of(founded(), signed_again(info)) == "csr.invalid"


@given(st.binary(max_size=300))
def test_any_bytes_are_refused(data: bytes) -> None:
    assert outcome_of(_SCENE, data) == "csr.invalid"


_SCENE = founded()
_SOUND = asking_for((SAN, False))


@settings(max_examples=150)
@given(position=st.integers(0, len(_SOUND) - 1), value=st.integers(1, 255))
def test_a_changed_octet_anywhere_is_refused_or_changes_nothing(position: int, value: int) -> None:
    changed = bytearray(_SOUND)
    changed[position] ^= value
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            request = _SCENE.submit(bytes(changed), PROFILE)
        except RefusedError:
            return
    # Only the signature's own encoding can differ and still verify.
    assert x509.load_der_x509_csr(request.csr_der).tbs_certrequest_bytes in _SOUND


def _wishes() -> Iterator[tuple[x509.ExtensionType, bool]]:
    yield from ASKED.values()


_hosts = st.from_regex(r"[a-z][a-z0-9-]{0,10}[a-z0-9]\.example\.(com|net)", fullmatch=True)
_other_names = st.sampled_from(
    [
        x509.RFC822Name("root@example.com"),
        x509.UniformResourceIdentifier("http://example.com/"),
        x509.RegisteredID(x509.ObjectIdentifier("1.2.3")),
        x509.DirectoryName(x509.Name.from_rfc4514_string("CN=evil")),
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    hosts=st.lists(_hosts, max_size=5),
    others=st.lists(_other_names, max_size=3),
    wishes=st.lists(st.sampled_from(list(_wishes())), max_size=4, unique_by=lambda w: w[0].oid),
)
def test_issued_names_are_the_approved_names(
    hosts: list[str],
    others: Iterable[x509.GeneralName],
    wishes: list[tuple[x509.ExtensionType, bool]],
) -> None:
    scene = founded()
    san = [*(x509.DNSName(host) for host in hosts), *others]
    extensions = [*wishes, *([(x509.SubjectAlternativeName(san), False)] if san else [])]
    certificate = issued(scene, asking_for(*extensions))
    require_profile(certificate, scene)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    wanted = dict.fromkeys(["a.example.com", *hosts])
    assert [entry.value for entry in names] == list(wanted)
    assert certificate.subject == name((NameOID.COMMON_NAME, "a.example.com"))
    assert certificate.public_key() == KEY.public_key()


@pytest.mark.parametrize("profile_id", ["caServerCert", "caAuditClientCert", "caAuditServerCert"])
def test_every_profile_issues_what_others_verify(profile_id: str) -> None:
    scene = founded()
    csr = csr_for("CN=a.example.com,O=Example", "192.0.2.1", key_type=KeyType.RSA2048)
    certificate = issued(scene, csr, profile_id)
    roots = Store(x509.load_pem_x509_certificates(initialised().root_pem.encode()))
    chain = x509.load_pem_x509_certificates(scene.ca.chain_pem().encode())
    policy = PolicyBuilder().store(roots).time(scene.clock.now())
    if profile_id != "caAuditServerCert":
        policy.build_client_verifier().verify(certificate, chain)
    if profile_id != "caAuditClientCert":
        policy.build_server_verifier(x509.DNSName("a.example.com")).verify(certificate, chain)


def test_a_certificate_is_for_its_purpose_only() -> None:
    scene = founded()
    csr = csr_for("CN=a.example.com", key_type=KeyType.P256)
    certificate = issued(scene, csr, "caAuditClientCert")
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
