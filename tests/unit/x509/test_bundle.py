from __future__ import annotations

import io
import time
import zipfile
from base64 import encodebytes

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from hypothesis import given, settings
from hypothesis import strategies as st

from sealwire.x509 import bundle as bundles
from sealwire.x509.bundle import Bundle, read_bundle
from sealwire.x509.certificate import certificate_sha256
from sealwire.x509.csr import build_csr
from sealwire.x509.der import most_iterations
from sealwire.x509.keys import key_id
from sealwire.x509.pem import pem_blocks, pem_text
from sealwire.x509.subject import parse_dn
from tests import pki

FAMILY = pki.family()
LEAF, ISSUING, MIDDLE, ROOT = FAMILY.all
ALL_PEM = b"".join(one.pem for one in FAMILY.all)
CSR = build_csr(LEAF.key, parse_dn("CN=gw.example.com"), [])


def zipped(*files: tuple[str, bytes], deflate: bool = True) -> bytes:
    buffer = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


def p12(password: bytes | None = None, *, with_key: bool = True) -> bytes:
    lock: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        lock = serialization.BestAvailableEncryption(password)
    return pkcs12.serialize_key_and_certificates(
        b"gw",
        LEAF.key if with_key else None,
        LEAF.certificate,
        [ISSUING.certificate, MIDDLE.certificate, ROOT.certificate],
        lock,
    )


def names(bundle: Bundle) -> list[str]:
    return sorted(certificate_sha256(certificate) for certificate in bundle.certificates)


def codes(bundle: Bundle) -> list[str]:
    return [finding.code for finding in bundle.findings]


EVERYONE = sorted(certificate_sha256(one.certificate) for one in FAMILY.all)
PLAIN_P7 = pkcs7.serialize_certificates(FAMILY.certificates, serialization.Encoding.DER)
BAG = b"".join(
    b"Bag Attributes\n    localKeyID: 01 00\nsubject=/CN=gw\n\nissuer=/CN=x\n" + one.pem
    for one in FAMILY.all
)


@pytest.mark.parametrize(
    "blobs",
    [
        [ALL_PEM],
        [ALL_PEM.replace(b"\n", b"\r\n")],
        [b"\xef\xbb\xbf" + ALL_PEM],
        [ALL_PEM.decode().encode("utf-16")],
        [BAG],
        [ALL_PEM.replace(b"CERTIFICATE", b"X509 CERTIFICATE")],
        [ALL_PEM.replace(b"CERTIFICATE", b"TRUSTED CERTIFICATE")],
        [b"\n".join(b"\t" + line for line in ALL_PEM.splitlines())],
        [one.der for one in FAMILY.all],
        [encodebytes(one.der) for one in FAMILY.all],
        [PLAIN_P7],
        [pkcs7.serialize_certificates(FAMILY.certificates, serialization.Encoding.PEM)],
        [pem_text("CMS", PLAIN_P7)],
        [p12()],
        [zipped(("a/leaf.crt", LEAF.pem), ("b/chain.p7b", PLAIN_P7), ("leaf.der", LEAF.der))],
        [zipped(("inner.zip", zipped(("all.pem", ALL_PEM))))],
    ],
)
def test_every_wrapping_gives_the_same_certificates(blobs: list[bytes]) -> None:
    bundle = read_bundle([(f"file {i}", blob) for i, blob in enumerate(blobs)])
    assert sorted(set(names(bundle))) == EVERYONE
    assert [f for f in bundle.findings if f.severity != "info"] == []
    assert len(bundle.origins) == len(bundle.certificates)


def test_notes_behind_a_trusted_certificate_are_cut_off() -> None:
    notes = bytes.fromhex("300c300a06082b06010505070301")
    bundle = read_bundle([("t.pem", pem_text("TRUSTED CERTIFICATE", LEAF.der + notes))])
    assert names(bundle) == [certificate_sha256(LEAF.certificate)]


def test_keys_and_requests_are_found_beside_certificates() -> None:
    renamed = CSR.replace(b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST")
    bundle = read_bundle([("all", LEAF.key_pem + CSR + renamed + ALL_PEM)])
    assert [key_id(key.public_key()) for key in bundle.keys] == [key_id(LEAF.key.public_key())]
    assert len(bundle.csrs) == 2
    assert bundle.csrs[0] == bundle.csrs[1]
    assert names(bundle) == EVERYONE


def test_der_keys_and_requests_are_told_apart() -> None:
    key_der = LEAF.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    locked = LEAF.key.private_bytes(
        serialization.Encoding.DER,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"sesame"),
    )
    request = next(iter(pem_blocks(CSR))).der or b""
    bundle = read_bundle([("k", key_der), ("l", locked), ("r", request)], b"sesame")
    assert len(bundle.keys) == 2
    assert bundle.csrs == (request,)


def test_pkcs12_with_a_password() -> None:
    bundle = read_bundle([("gw.p12", p12(b"sesame"))], b"sesame")
    assert names(bundle) == EVERYONE
    assert len(bundle.keys) == 1
    locked = read_bundle([("gw.p12", p12(b"sesame"))])
    assert codes(locked) == ["password_needed"]
    assert codes(read_bundle([("gw.p12", p12(b"sesame"))], b"wrong")) == ["password_needed"]


def test_a_locked_key_is_a_finding() -> None:
    locked = LEAF.key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.BestAvailableEncryption(b"sesame"),
    )
    bundle = read_bundle([("k.pem", locked + LEAF.pem)])
    assert codes(bundle) == ["password_needed"]
    assert len(bundle.certificates) == 1
    assert len(read_bundle([("k.pem", locked)], b"sesame").keys) == 1


def test_one_unreadable_certificate_among_many_is_a_finding() -> None:
    damaged = pem_text("CERTIFICATE", LEAF.der[:100])
    garbled = LEAF.pem[:80] + b"!!!" + LEAF.pem[83:]
    cut = LEAF.pem[:300]
    bundle = read_bundle([("bag.pem", damaged + ALL_PEM + garbled + cut)])
    assert names(bundle) == EVERYONE
    assert codes(bundle) == ["unreadable"] * 3


def test_one_unreadable_certificate_in_a_pkcs7_does_not_spoil_the_others() -> None:
    # The issuer's version number becomes nonsense; its length stays.
    at = PLAIN_P7.index(ISSUING.der[4:20])
    spoilt = bytearray(PLAIN_P7)
    spoilt[at + 8] ^= 0x55
    bundle = read_bundle([("chain.p7b", bytes(spoilt))])
    assert len(bundle.certificates) == 3
    assert codes(bundle) == ["unreadable"]


def test_files_without_anything_are_said() -> None:
    bundle = read_bundle([("README.txt", b"Thank you for your order"), ("all", ALL_PEM)])
    assert codes(bundle) == ["nothing_found"]
    assert codes(read_bundle([("x.der", b"\x30\x03\x02\x01\x05")])) == ["unreadable"]


def test_file_names_are_harmless() -> None:
    bundle = read_bundle([("a\x1b[31m", b"nothing")])
    assert "\x1b" not in bundle.findings[0].message


def test_limits_of_archives() -> None:
    deep = zipped(("c.zip", zipped(("b.zip", zipped(("a.pem", ALL_PEM))))))
    assert codes(read_bundle([("deep.zip", deep)])) == ["limit"]
    bomb = zipped(("big.pem", b"\0" * (bundles.MAX_BLOB_BYTES + 1)))
    assert codes(read_bundle([("bomb.zip", bomb)])) == ["limit"]
    assert codes(read_bundle([("cut.zip", zipped(("a", ALL_PEM))[:-30])])) == ["unreadable"]
    named = zipped(("named.pem", ALL_PEM))
    nameless = read_bundle([("nameless.zip", named.replace(b"named.pem", b"\0amed.pem"))])
    assert LEAF.certificate in nameless.certificates


def test_too_many_certificates_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_CERTIFICATES", 3)
    bundle = read_bundle([("many.pem", ALL_PEM + ALL_PEM)])
    assert len(bundle.certificates) == 3
    assert codes(bundle) == ["limit"]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_damage_never_crashes_the_reader(data: st.DataObject) -> None:
    source = data.draw(
        st.sampled_from([ALL_PEM, PLAIN_P7, LEAF.der, zipped(("a", ALL_PEM)), p12()])
    )
    at = data.draw(st.integers(0, len(source) - 1))
    span = data.draw(st.integers(0, 8))
    patch = data.draw(st.binary(max_size=8))
    read_bundle([("x", source[:at] + patch + source[at + span :])])


@given(st.binary(max_size=200))
def test_rubbish_never_crashes_the_reader(data: bytes) -> None:
    assert read_bundle([("x", data)]).certificates == ()


def test_text_may_begin_with_the_octet_of_der() -> None:
    shown = b" 0 s:CN = gw.example.com\n   i:CN = Test Issuing CA\n".lstrip() + ALL_PEM
    assert shown[:1] == b"\x30"
    assert names(read_bundle([("s_client.txt", shown)])) == EVERYONE


@pytest.mark.parametrize("coding", ["utf-16-le", "utf-16-be"])
def test_wide_text_without_its_mark_is_read(coding: str) -> None:
    wide = ALL_PEM.decode().encode(coding)
    assert names(read_bundle([("export.cer", wide)])) == EVERYONE


@pytest.mark.parametrize(
    "magic", [b"\xfe\xed\xfe\xed", b"\x1f\x8b\x08", b"Rar!\x1a", b"7z\xbc\xaf"]
)
def test_other_archives_are_named(magic: bytes) -> None:
    bundle = read_bundle([("store", magic + b"\0" * 50)])
    assert codes(bundle) == ["unreadable"]
    assert "first" in bundle.findings[0].message


def test_keys_of_other_kinds_are_findings() -> None:
    ssh = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    assert codes(read_bundle([("id", ssh)])) == ["key_unreadable"]


def test_a_lying_archive_is_read_up_to_the_limit_only() -> None:
    honest = zipped(("a.pem", b"\0" * 40_000_000))
    size = (40_000_000).to_bytes(4, "little")
    lying = honest.replace(size, (1000).to_bytes(4, "little"))
    assert codes(read_bundle([("liar.zip", lying)])) != []


def der(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    assert len(content) < 128
    return bytes([tag, len(content)]) + content


def locked_key(rounds: int) -> bytes:
    """An EncryptedPrivateKeyInfo that asks for so many rounds of PBKDF2; there is no key in it."""
    pbkdf2, pbes2 = bytes.fromhex("06092a864886f70d01050c"), bytes.fromhex("06092a864886f70d01050d")
    aes = der(0x30, bytes.fromhex("060960864801650304012a"), der(4, b"\0" * 16))
    counted = der(0x30, der(4, b"\0" * 8), der(2, rounds.to_bytes(5, "big")))
    scheme = der(0x30, pbes2, der(0x30, der(0x30, pbkdf2, counted), aes))
    return der(0x30, scheme, der(4, b"\0" * 16))


@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_an_encrypted_key_that_takes_hours_is_not_opened(form: str) -> None:
    made = locked_key(2**31 - 1)
    assert most_iterations(made) == 2**31 - 1
    blob = made if form == "DER" else pem_text("ENCRYPTED PRIVATE KEY", made)
    started = time.process_time()
    assert codes(read_bundle([("k", blob)], b"sesame")) == ["limit"]
    assert time.process_time() - started < 1
    modest = pem_text("ENCRYPTED PRIVATE KEY", locked_key(1000))
    assert codes(read_bundle([("k", modest)], b"sesame")) == ["key_unreadable"]


@pytest.mark.parametrize("password", [None, b"sesame"])
def test_a_key_block_that_is_no_base64_is_a_finding(password: bytes | None) -> None:
    block = pem_text("ENCRYPTED PRIVATE KEY", locked_key(1000))
    garbled = block.replace(b"KEY-----\n", b"KEY-----!", 1)
    assert codes(read_bundle([("k", garbled)], password)) == ["key_unreadable"]


def test_a_pkcs12_that_takes_hours_is_not_opened() -> None:
    builder = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(20_000)
    file = pkcs12.serialize_key_and_certificates(
        b"gw", LEAF.key, LEAF.certificate, None, builder.build(b"sesame")
    )
    assert most_iterations(file) == 20_000
    assert len(read_bundle([("a.p12", file)], b"sesame").certificates) == 1
    # The count gets longer by what the salt before it gets shorter: nothing else moves.
    rounds = file.index(b"\x02\x02" + (20_000).to_bytes(2, "big"))
    size = next(n for n in (8, 16, 20, 32) if file[rounds - n - 2 : rounds - n] == bytes([4, n]))
    salt = bytes([4, size - 2]) + file[rounds - size : rounds - 2]
    before, after = file[: rounds - size - 2], file[rounds + 4 :]
    endless = before + salt + b"\x02\x04\x7f\xff\xff\xff" + after
    assert len(endless) == len(file)
    started = time.process_time()
    assert codes(read_bundle([("a.p12", endless)], b"sesame")) == ["limit"]
    assert time.process_time() - started < 1


def test_findings_blocks_and_keys_have_limits() -> None:
    blocks = b"-----BEGIN CERTIFICATE-----\n" * (bundles.MAX_BLOCKS + 10)
    bundle = read_bundle([("noise.pem", blocks)])
    assert len(bundle.findings) == bundles.MAX_FINDINGS + 1
    many = read_bundle([("keys.pem", LEAF.key_pem * (bundles.MAX_KEYS + 20))])
    assert len(many.keys) == bundles.MAX_KEYS
    assert codes(many) == ["limit"]


def test_a_key_whose_numbers_do_not_fit_is_refused() -> None:
    numbers = pki.key("numbers", "rsa2048").private_numbers()
    assert isinstance(numbers, rsa.RSAPrivateNumbers)
    public = rsa.RSAPublicNumbers(numbers.public_numbers.e, numbers.public_numbers.n)
    odd = rsa.RSAPrivateNumbers(
        p=numbers.p,
        q=numbers.q,
        d=numbers.d + 2,
        dmp1=numbers.dmp1,
        dmq1=numbers.dmq1,
        iqmp=numbers.iqmp,
        public_numbers=public,
    )
    key = odd.private_key(unsafe_skip_rsa_key_validation=True)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    assert codes(read_bundle([("k.pem", pem)])) == ["key_unreadable"]


def test_der_files_put_together_are_read_one_after_the_other() -> None:
    row = b"".join(one.der for one in FAMILY.all)
    bundle = read_bundle([("all.der", row), ("line.der", LEAF.der + b"\r\n\0")])
    assert names(bundle) == sorted([*EVERYONE, certificate_sha256(LEAF.certificate)])
    assert bundle.origins[1] == "all.der part 2"
    assert bundle.findings == ()
    rest = read_bundle([("leaf.der", LEAF.der + b"trailing")])
    assert len(rest.certificates) == 1
    assert [f.message for f in rest.findings] == [
        "leaf.der part 2 is damaged or of a kind not known here."
    ]
    crowd = read_bundle([("crowd.der", b"\x30\x00" * 100_000)])
    assert codes(crowd)[-1] == "limit"


@pytest.mark.parametrize(
    "text",
    [
        b"".join(b"> > " + line + b"\n" for line in LEAF.pem.splitlines()),
        b'{"certificate": "' + LEAF.pem.replace(b"\n", b"\\n") + b'"}',
        b'"' + LEAF.pem.replace(b"\n", b"\\r\\n") + b'"',
    ],
    ids=["answered mail", "json", "json from windows"],
)
def test_pem_that_went_through_mail_or_json_is_read(text: bytes) -> None:
    bundle = read_bundle([("bag", text)])
    assert names(bundle) == [certificate_sha256(LEAF.certificate)]
    assert bundle.findings == ()


def test_what_is_unreadable_is_told_in_plain_words() -> None:
    at = LEAF.der.index(b"\x17\x0d")
    broken = LEAF.der[:at] + b"\x17\x0dXXXXXXXXXXXXX" + LEAF.der[at + 15 :]
    for der, words in ((broken, "(damaged in its dates)"), (LEAF.der[:60] + b"\x30", "")):
        (finding,) = read_bundle([("bag", pem_text("CERTIFICATE", der))]).findings
        assert words in finding.message
        assert "ParseError" not in finding.message
    (asked,) = read_bundle([("a.p12", p12(b"x"))]).findings
    (wrong,) = read_bundle([("a.p12", p12(b"x"))], b"y").findings
    assert "needs its password" in asked.message
    assert "has another password" in wrong.message
