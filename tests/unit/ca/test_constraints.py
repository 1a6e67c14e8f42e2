import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from sealwire.ca.constraints import Grant, host_or_address, judge
from sealwire.ca.profiles import SigningAlgorithm, parse_profile, shipped_profiles
from sealwire.errors import RefusedError
from sealwire.x509.keys import KeyType
from tests.unit.ca.scene import csr_for, subscriber_key

EC256 = SigningAlgorithm.SHA256_EC


def read(pem: bytes) -> x509.CertificateSigningRequest:
    return x509.load_pem_x509_csr(pem)


def granted(pem: bytes, profile_id: str = "caServerCert", email: str = "") -> Grant:
    profile = shipped_profiles().get(profile_id)
    return judge(profile, read(pem), requestor_email=email, algorithm=EC256)


def reasons(pem: bytes, profile_id: str = "caServerCert", email: str = "") -> list[str]:
    with pytest.raises(RefusedError) as refused:
        granted(pem, profile_id, email)
    assert refused.value.code == "request.rejected"
    texts = [finding.message for finding in refused.value.findings]
    assert refused.value.message == "; ".join(texts)
    return texts


def with_names(*names: x509.GeneralName, subject: str = "CN=www.example.com") -> bytes:
    key = subscriber_key()
    builder = x509.CertificateSigningRequestBuilder(x509.Name.from_rfc4514_string(subject))
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def test_dogtags_words_for_a_wrong_subject() -> None:
    assert reasons(csr_for("UID=testuser")) == ["Subject Name Not Matched UID=testuser"]
    assert reasons(csr_for("CN=www.example.com,O=Example"), "caUserCert") == [
        "Subject Name Not Matched CN=www.example.com,O=Example"
    ]


def test_the_pattern_must_match_the_whole_subject() -> None:
    # UID is not the most specific attribute: the text begins with CN.
    assert reasons(csr_for("CN=x,UID=testuser"), "caUserCert") == [
        "Subject Name Not Matched CN=x,UID=testuser"
    ]
    assert granted(csr_for("UID=testuser,O=Example"), "caUserCert").names == ()


def test_a_value_cannot_play_the_attribute() -> None:
    # The text matches .*CN=.* all the same.
    assert reasons(csr_for("O=CN=www.example.com")) == [
        "Subject Name Not Matched O=CN=www.example.com"
    ]


def test_an_empty_subject() -> None:
    pem = with_names(x509.DNSName("www.example.com"), subject="")
    assert reasons(pem) == ["Subject Name Not Found"]


@pytest.mark.parametrize(
    ("key_type", "profile_id", "expected"),
    [
        (KeyType.P256, "caServerCert", "Key Type RSA Not Matched"),
        (KeyType.P384, "caServerCert", "Key Type RSA Not Matched"),
    ],
)
def test_a_key_of_another_type(key_type: KeyType, profile_id: str, expected: str) -> None:
    assert reasons(csr_for("CN=www.example.com", key_type=key_type), profile_id) == [expected]


def test_a_curve_and_a_kind_of_key_that_no_profile_has() -> None:
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name.from_rfc4514_string("CN=www.example.com")
    )
    pem = builder.sign(ec.generate_private_key(ec.SECP521R1()), hashes.SHA256()).public_bytes(
        serialization.Encoding.PEM
    )
    assert reasons(pem, "caAuditClientCert") == [
        "Key Parameters 2048,3072,4096,nistp256,nistp384 Not Matched"
    ]


def test_a_key_size_that_the_profile_lacks() -> None:
    text = (
        b'profile_id = "p"\nname = "P"\ndescription = "P"\nvisible = true\npolicy_set = "s"\n'
        b'inputs = ["certReqInputImpl"]\n'
        b'[constraints]\nsubject = {pattern = ".*"}\nvalidity = {maximum_days = 9}\n'
        b'key = {rsa = [3072, 4096]}\nsigning = {algorithms = ["SHA256withRSA"]}\n'
        b"[defaults]\nvalidity = {days = 9}\nkey_usage = {critical = true, "
        b'rsa = ["digitalSignature"]}\n'
        b'extended_key_usage = {critical = false, purposes = ["serverAuth"]}\nnames = {}\n'
    )
    profile = parse_profile(text, source="p.toml")
    with pytest.raises(RefusedError) as refused:
        judge(profile, read(csr_for("CN=x")), requestor_email="", algorithm=EC256)
    assert [finding.message for finding in refused.value.findings] == [
        "Key Parameters 3072,4096 Not Matched",
        "Signing Algorithm Not Matched SHA256withEC",
    ]


def test_all_violations_at_once() -> None:
    builder = x509.CertificateSigningRequestBuilder(
        x509.Name.from_rfc4514_string("UID=x,2.5.4.17=12345,1.2.3.4=odd")
    )
    builder = builder.add_extension(
        x509.SubjectAlternativeName([x509.DNSName("not a name")]), critical=False
    )
    pem = builder.sign(subscriber_key(KeyType.P256), hashes.SHA256()).public_bytes(
        serialization.Encoding.PEM
    )
    found = reasons(pem)
    assert found[0].startswith("Subject Name Not Matched UID=x,")
    assert found[1:] == [
        "Subject Name Attribute Not Allowed 1.2.3.4",
        "Key Type RSA Not Matched",
        "Subject Alternative Name Not Matched not a name",
    ]


def test_the_common_name_becomes_the_first_name_and_names_are_not_repeated() -> None:
    pem = with_names(
        x509.DNSName("b.example.com"),
        x509.DNSName("WWW.example.com"),
        subject="CN=www.Example.com",
    )
    assert granted(pem).names == (
        x509.DNSName("www.example.com"),
        x509.DNSName("b.example.com"),
    )


def test_only_the_kinds_the_profile_names_are_let_through() -> None:
    pem = with_names(
        x509.RFC822Name("root@example.com"),
        x509.UniformResourceIdentifier("https://evil.example.com/"),
        x509.OtherName(x509.ObjectIdentifier("1.3.6.1.4.1.311.20.2.3"), b"\x0c\x01x"),
        x509.DNSName("b.example.com"),
    )
    assert granted(pem).names == (
        x509.DNSName("www.example.com"),
        x509.DNSName("b.example.com"),
    )


def test_an_address_as_common_name() -> None:
    names = granted(csr_for("CN=2001:db8::1")).names
    assert [str(name.value) for name in names] == ["2001:db8::1"]
    assert isinstance(names[0], x509.IPAddress)


def test_wildcards_only_where_the_profile_says_so() -> None:
    assert granted(csr_for("CN=*.example.com")).names == (x509.DNSName("*.example.com"),)
    assert reasons(csr_for("CN=*.example.com"), "caAuditClientCert") == [
        "Subject Alternative Name Not Matched *.example.com"
    ]
    assert reasons(csr_for("CN=*.com")) == ["Subject Alternative Name Not Matched *.com"]


def test_a_hundred_and_one_names() -> None:
    names = [x509.DNSName(f"h{i}.example.com") for i in range(101)]
    assert reasons(with_names(*names)) == ["More Than 100 Subject Alternative Names"]


def test_two_common_names() -> None:
    assert reasons(csr_for("CN=a.example.com,CN=b.example.com")) == [
        "Subject Name With More Than One Common Name"
    ]


@pytest.mark.parametrize("email", ["alice@example.com", "a.b+c@mail.example.com"])
def test_a_users_mail_address_comes_from_the_requestor(email: str) -> None:
    grant = granted(csr_for("UID=alice"), "caUserCert", email)
    assert grant.names == (x509.RFC822Name(email),)


@pytest.mark.parametrize(
    "email", ["alice", "@example.com", "a b@example.com", "a@b@", "ä@example.com", "a@1.2.3.4"]
)
def test_a_mail_address_that_is_none(email: str) -> None:
    assert reasons(csr_for("UID=alice"), "caUserCert", email) == [
        f"Requestor Email Not Matched {email}"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "a..b",
        "-a.example.com",
        "a_b.example.com",
        "example.com.",
        "a b.example.com",
        "../etc/passwd",
        "<script>.example.com",
        "a.example.com\x00.evil.com",
        "a.example.com\r\nX: y",
        "foo.*.example.com",
        "*",
        "*.*.example.com",
        "f*.example.com",
        "1.2.3.400",
        "a" * 64 + ".example.com",
        ".".join(["a" * 60] * 5),
        "https://example.com",
    ],
)
def test_texts_that_are_no_names(text: str) -> None:
    assert host_or_address(text, wildcards=True) is None


@given(st.text(max_size=80))
def test_whatever_passes_as_a_name_is_plain(text: str) -> None:
    name = host_or_address(text, wildcards=False)
    if isinstance(name, x509.DNSName):
        assert set(name.value) <= set("abcdefghijklmnopqrstuvwxyz0123456789-.")
