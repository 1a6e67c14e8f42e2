"""Requests and chains against the real ``openssl``: each side takes what the other writes."""

from __future__ import annotations

import io
import shutil
import subprocess
import zipfile
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sealwire.errors import RefusedError
from sealwire.x509.bundle import read_bundle
from sealwire.x509.chain import Order, Purpose, build_chain
from sealwire.x509.csr import build_csr, read_csr
from sealwire.x509.keys import KeyType, generate_key, load_private_key
from sealwire.x509.served import check_chain
from sealwire.x509.subject import SubjectFields, dn_text, subject_name
from tests import pki
from tests.pki import Family, Issued, issue, variant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

AT = str(int(pki.NOW.timestamp()))
SHUFFLES = 5


@pytest.fixture(scope="session")
def openssl() -> Callable[..., str]:
    """Runs openssl; its output. A run that fails, fails the test."""
    program = shutil.which("openssl")
    assert program is not None, "openssl is needed for these tests: apt-get install openssl"

    def run(*words: object, fails: bool = False) -> str:
        done = subprocess.run(
            [program, *(str(word) for word in words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        assert (done.returncode != 0) == fails, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize("kind", list(KeyType))
def test_openssl_verifies_our_requests(
    openssl: Callable[..., str], tmp_path: Path, kind: KeyType
) -> None:
    fields = SubjectFields("US", "TX", "Austin", "Example, Inc.", "Ops", "gw.example.com")
    file = tmp_path / "gw.csr"
    file.write_bytes(build_csr(generate_key(kind), subject_name(fields), ["10.0.0.1"]))
    said = openssl("req", "-verify", "-noout", "-text", "-in", file)
    assert "verify OK" in said
    assert "DNS:gw.example.com, IP Address:10.0.0.1" in said
    assert "C = US, ST = TX, L = Austin" in said


@pytest.mark.parametrize(
    ("key_words", "label"),
    [
        (("-newkey", "rsa:2048"), "RSA 2048"),
        (("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"), "EC P-384"),
    ],
)
@pytest.mark.parametrize("form", ["PEM", "DER"])
def test_we_read_what_openssl_asks_for(
    openssl: Callable[..., str],
    tmp_path: Path,
    key_words: tuple[str, ...],
    label: str,
    form: str,
) -> None:
    file, key = tmp_path / "x.csr", tmp_path / "x.key"
    openssl(
        *("req", "-new", *key_words, "-nodes", "-keyout", key, "-out", file, "-outform", form),
        *("-subj", "/C=US/ST=Texas/O=Example/CN=gw.example.com"),
        *("-addext", "subjectAltName=DNS:gw.example.com,IP:10.0.0.1"),
    )
    request = read_csr(file.read_bytes())
    assert request.key_label == label
    assert request.names == ("gw.example.com", "10.0.0.1")
    assert dn_text(request.name) == "CN=gw.example.com,O=Example,ST=Texas,C=US"
    load_private_key(key.read_bytes())


def test_a_weak_request_from_openssl_is_refused(
    openssl: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "x.csr"
    openssl(
        *("req", "-new", "-newkey", "rsa:1024", "-nodes", "-keyout", tmp_path / "x.key"),
        *("-out", file, "-subj", "/CN=gw.example.com"),
    )
    with pytest.raises(RefusedError) as refused:
        read_csr(file.read_bytes())
    assert [f.code for f in refused.value.findings if f.severity == "error"] == ["weak_key"]


@pytest.mark.parametrize("form", ["rsa", "ec", "encrypted"])
def test_we_read_the_keys_that_openssl_writes(
    openssl: Callable[..., str], tmp_path: Path, form: str
) -> None:
    file = tmp_path / "x.key"
    if form == "rsa":
        openssl("genrsa", "-traditional", "-out", file, "2048")
    elif form == "ec":
        openssl("ecparam", "-genkey", "-name", "prime256v1", "-out", file)
    else:
        openssl("genpkey", "-algorithm", "RSA", "-aes256", "-pass", "pass:sesame", "-out", file)
    bundle = read_bundle([("x.key", file.read_bytes())], b"sesame")
    assert len(bundle.keys) == 1
    assert bundle.findings == ()


@pytest.fixture
def plain_ca(openssl: Callable[..., str], tmp_path: Path) -> Path:
    """A CA as most people make theirs: openssl's defaults, no key usage anywhere."""
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30"),
        *("-keyout", tmp_path / "ca.key", "-out", tmp_path / "ca.crt", "-subj", "/CN=Plain CA"),
    )
    openssl(
        *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=gw.example.com"),
        *("-keyout", tmp_path / "gw.key", "-out", tmp_path / "gw.csr"),
    )
    openssl(
        *("x509", "-req", "-in", tmp_path / "gw.csr", "-CA", tmp_path / "ca.crt"),
        *("-CAkey", tmp_path / "ca.key", "-CAcreateserial", "-days", "20"),
        *("-out", tmp_path / "gw.crt"),
    )
    return tmp_path


def test_an_ordinary_private_ca_works_except_for_its_version_1_leaf(plain_ca: Path) -> None:
    blobs = [(name, (plain_ca / name).read_bytes()) for name in ("ca.crt", "gw.crt")]
    bundle = read_bundle(blobs)
    when = bundle.certificates[1].not_valid_before_utc + timedelta(days=1)
    with pytest.raises(RefusedError) as refused:
        build_chain(bundle.certificates, at=when)
    # Without an extension file, openssl 3.0 signs version 1 certificates.
    assert "version_1" in [finding.code for finding in refused.value.findings]


def test_an_ordinary_private_ca_works(openssl: Callable[..., str], plain_ca: Path) -> None:
    (plain_ca / "ext").write_text("subjectAltName=DNS:gw.example.com\n")
    openssl(
        *("x509", "-req", "-in", plain_ca / "gw.csr", "-CA", plain_ca / "ca.crt"),
        *("-CAkey", plain_ca / "ca.key", "-days", "20", "-extfile", plain_ca / "ext"),
        *("-out", plain_ca / "gw.crt"),
    )
    bundle = read_bundle([(n, (plain_ca / n).read_bytes()) for n in ("ca.crt", "gw.crt")])
    when = bundle.certificates[1].not_valid_before_utc + timedelta(days=1)
    chain = build_chain(bundle.certificates, at=when, host="gw.example.com")
    assert chain.ordered(Order.TLS) == (bundle.certificates[1],)


# -- the shapes that shops hand out ----------------------------------------------------------------


def reverse(family: Family) -> list[bytes]:
    return [family.leaf.pem, family.root.pem + family.middle.pem + family.issuing.pem]


def root_included(family: Family) -> list[bytes]:
    return [b"".join(one.pem for one in family.all)]


def duplicates(family: Family) -> list[bytes]:
    return [family.leaf.pem, *root_included(family), family.issuing.pem + family.issuing.pem]


def bag_attributes(family: Family) -> list[bytes]:
    attributes = b"Bag Attributes\r\n    localKeyID: 01\r\nsubject=CN = gw\r\n"
    return [attributes + one.pem for one in reversed(family.all)]


def windows_text(family: Family) -> list[bytes]:
    return [b"\xef\xbb\xbf" + one.pem.replace(b"\n", b"\r\n") for one in family.all]


def p7b(family: Family) -> list[bytes]:
    return [pkcs7.serialize_certificates(family.certificates, serialization.Encoding.DER)]


def p12(family: Family) -> list[bytes]:
    issuers = [family.root.certificate, family.issuing.certificate, family.middle.certificate]
    return [
        pkcs12.serialize_key_and_certificates(
            b"gw",
            family.leaf.key,
            family.leaf.certificate,
            issuers,
            serialization.BestAvailableEncryption(b"sesame"),
        )
    ]


def two_cross_signs(family: Family) -> list[bytes]:
    """Another root signs the middle CA; our root and the other one sign each other too."""
    other = issue(pki.Recipe("Other Root", ca=True), None, pki.key("other"))
    crossed = issue(pki.ROOT, other, family.root.key)
    back = issue(pki.Recipe("Other Root", ca=True), family.root, pki.key("other"))
    return [one.pem for one in (family.leaf, crossed, family.issuing, back, *family.all[2:])]


def wrong_generation(family: Family) -> list[bytes]:
    expired = variant(pki.ISSUING, starts=timedelta(-2000), lasts=timedelta(1000))
    third = issue(pki.ISSUING, family.middle, pki.key("third"))
    second = issue(expired, family.middle, family.issuing.key)
    return [one.pem for one in (third, family.leaf, second, *family.all[1:])]


def zipped(family: Family) -> list[bytes]:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, one in enumerate(reversed(family.all)):
            archive.writestr(f"shop/{number}.crt", one.der)
    return [buffer.getvalue()]


SHAPES = [
    reverse,
    root_included,
    duplicates,
    bag_attributes,
    windows_text,
    p7b,
    p12,
    two_cross_signs,
    wrong_generation,
    zipped,
]


@pytest.fixture(scope="module", params=["p256", "rsa2048"])
def house(request: pytest.FixtureRequest) -> Family:
    return pki.family(kind=request.param)


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_shape_in_any_order_gives_the_same_bytes(
    openssl: Callable[..., str],
    tmp_path: Path,
    house: Family,
    shape: Callable[[Family], list[bytes]],
) -> None:
    blobs = [(f"file {number}", blob) for number, blob in enumerate(shape(house))]
    wanted = b"".join(one.pem for one in house.all[:3])
    roots = [house.root.certificate]

    @settings(max_examples=SHUFFLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.permutations(blobs), st.randoms(use_true_random=False))
    def shuffled(order: list[tuple[str, bytes]], dice: object) -> None:
        bundle = read_bundle(order, b"sesame")
        mixed = list(bundle.certificates)
        dice.shuffle(mixed)  # type: ignore[attr-defined]
        assert build_chain(mixed, at=pki.NOW, roots=roots).pem() == wanted
        assert build_chain(mixed, at=pki.NOW, roots=roots, host="gw.example.com").pem() == wanted

    shuffled()
    check_chain(read_bundle([("chain", wanted)]).certificates, at=pki.NOW)
    files = {"root": house.root.pem, "chain": wanted, "leaf": house.leaf.pem}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    openssl(
        *("verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "gw.example.com"),
        *("-attime", AT, "-CAfile", tmp_path / "root", "-untrusted", tmp_path / "chain"),
        tmp_path / "leaf",
    )


@pytest.mark.parametrize("shape", [reverse, p7b, p12], ids=lambda shape: shape.__name__)
def test_a_missing_intermediate_is_named_in_every_shape(
    house: Family, shape: Callable[[Family], list[bytes]]
) -> None:
    bundle = read_bundle([("x", blob) for blob in shape(house)], b"sesame")
    rest = [one for one in bundle.certificates if one != house.middle.certificate]
    with pytest.raises(RefusedError) as refused:
        build_chain(rest, at=pki.NOW)
    (fault,) = [f for f in refused.value.findings if f.code == "issuer_missing"]
    assert fault.subject == "CN=Test Middle CA"


def test_what_openssl_refuses_we_refuse(openssl: Callable[..., str], tmp_path: Path) -> None:
    """The same broken chains, judged by both."""
    family = pki.family()
    barred = issue(variant(pki.ISSUING, ca=False, cert_sign=None), family.middle)
    narrow = issue(variant(pki.ISSUING, usages=(pki.CLIENT,)), family.middle)
    short = issue(variant(pki.MIDDLE, path_length=0), family.root)
    under_short = issue(pki.ISSUING, short)
    broken: list[tuple[Issued, list[Issued]]] = [
        (issue(variant(pki.LEAF, lasts=timedelta(days=1)), family.issuing), family.all[1:]),
        (issue(variant(pki.LEAF, usages=(pki.CLIENT,)), family.issuing), family.all[1:]),
        (issue(pki.LEAF, barred), [barred, family.middle]),
        (issue(pki.LEAF, narrow), [narrow, family.middle]),
        (issue(pki.LEAF, under_short), [under_short, short]),
        (family.leaf, [family.issuing]),
    ]
    (tmp_path / "root").write_bytes(family.root.pem)
    for leaf, issuers in broken:
        (tmp_path / "leaf").write_bytes(leaf.pem)
        (tmp_path / "rest").write_bytes(b"".join(one.pem for one in issuers))
        openssl(
            *("verify", "-purpose", "sslserver", "-attime", AT, "-CAfile", tmp_path / "root"),
            *("-untrusted", tmp_path / "rest", tmp_path / "leaf"),
            fails=True,
        )
        bag = [one.certificate for one in (leaf, *issuers)]
        with pytest.raises(RefusedError):
            build_chain(
                bag,
                at=pki.NOW,
                leaf=leaf.certificate,
                roots=[family.root.certificate],
                purpose=Purpose.SERVER,
                host="gw.example.com",
            )
