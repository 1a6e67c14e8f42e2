"""One contract for every place that a CA's keys can live in: memory, files, a hardware module."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

import pkcs11
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.x509 import ocsp

from sealwire.ca.key_places import KeyPlaces
from sealwire.ca.signing import guarded
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.clock import SystemClock
from sealwire.errors import NotFoundError, RefusedError, UnavailableError
from sealwire.stores.key_encryption import KeyEncryption
from sealwire.stores.keyfiles import KeyFiles
from sealwire.stores.pkcs11 import Pkcs11Keys
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, key_id, signature_hash
from sealwire.x509.subject import parse_dn
from tests.hsm import LABEL, PIN, SoftToken
from tests.unit.ca.scene import KeyShelf

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sealwire.ca.ports import SigningKeys
    from sealwire.ca.signing import IssuerKey
    from sealwire.x509.keys import PublicKey

    Open = Callable[[], SigningKeys]

PLACES = ("memory", "files", "encrypted files", "token")
SECRET = b"0123456789abcdef0123456789abcdef"
NAME = parse_dn("CN=Example CA")
NOBODY = "0123456789abcdef" * 4


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftToken]:
    made = SoftToken(tmp_path_factory.mktemp("hsm") / "token")
    made.make()
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = made.environment["SOFTHSM2_CONF"]
    library = pkcs11.lib(str(made.module))
    library.reinitialize()
    yield made
    library.finalize()
    os.environ.pop("SOFTHSM2_CONF")
    if before is not None:
        os.environ["SOFTHSM2_CONF"] = before


def on_token(token: SoftToken, pin: str = PIN, label: str = LABEL) -> Pkcs11Keys:
    return Pkcs11Keys(str(token.module), label, lambda: pin)


@pytest.fixture(params=PLACES)
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same keys again and again."""
    if request.param == "token":
        token: SoftToken = request.getfixturevalue("token")
        return lambda: on_token(token)
    if request.param == "memory":
        shelf = KeyShelf()
        return lambda: SoftwareKeys(shelf)
    encryption = KeyEncryption(SECRET) if request.param == "encrypted files" else None
    return lambda: SoftwareKeys(KeyFiles(tmp_path / "keys", encryption))


def signed_by(signer: IssuerKey) -> x509.Certificate:
    now = SystemClock().now().replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(signer.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now.replace(year=now.year + 1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(signer, signature_hash(signer))
    )


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384, KeyType.RSA2048])
def test_what_a_key_signs_holds(opened: Open, key_type: KeyType) -> None:
    public = opened().make_key(key_type)
    signer = opened().signer(key_id(public))
    assert signer.public_key() == public
    assert signer.key_size == public.key_size
    certificate = signed_by(signer)
    certificate.verify_directly_issued_by(certificate)
    csr = x509.load_pem_x509_csr(build_csr(signer, NAME, ()))
    assert csr.is_signature_valid


def test_crls_and_ocsp_answers_are_signed_as_well(opened: Open) -> None:
    keys = opened()
    signer = keys.signer(key_id(keys.make_key(KeyType.P256)))
    issuer, now = signed_by(signer), SystemClock().now()
    crl = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(NAME)
        .last_update(now)
        .next_update(now.replace(year=now.year + 1))
        .sign(signer, hashes.SHA256())
    )
    assert crl.is_signature_valid(signer.public_key())
    answer = (
        ocsp.OCSPResponseBuilder()
        .add_response(
            cert=issuer,
            issuer=issuer,
            algorithm=hashes.SHA256(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=now,
            next_update=None,
            revocation_time=None,
            revocation_reason=None,
        )
        .responder_id(ocsp.OCSPResponderEncoding.HASH, issuer)
        .sign(signer, hashes.SHA256())
    )
    verify(signer.public_key(), answer.signature, answer.tbs_response_bytes)


def verify(public: PublicKey, signature: bytes, data: bytes) -> None:
    if isinstance(public, rsa.RSAPublicKey):
        public.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
    else:
        public.verify(signature, data, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("key_type", [KeyType.RSA2048, KeyType.P256])
def test_data_of_any_length(opened: Open, key_type: KeyType) -> None:
    keys = opened()
    signer = keys.signer(key_id(keys.make_key(key_type)))
    for length in (0, 1, 16_384, 16_385, 300_000):
        data = bytes(length)
        signature = (
            signer.sign(data, padding.PKCS1v15(), hashes.SHA256())
            if isinstance(signer, rsa.RSAPrivateKey)
            else signer.sign(data, ec.ECDSA(hashes.SHA256()))
        )
        verify(signer.public_key(), signature, data)


@pytest.mark.parametrize("key_type", [KeyType.RSA2048, KeyType.P256])
def test_a_digest_made_before(opened: Open, key_type: KeyType) -> None:
    keys = opened()
    signer = keys.signer(key_id(keys.make_key(key_type)))
    public = signer.public_key()
    for algorithm in (hashes.SHA256(), hashes.SHA384(), hashes.SHA512()):
        hashed = hashes.Hash(algorithm)
        hashed.update(b"text")
        digest, before = hashed.finalize(), Prehashed(algorithm)
        if isinstance(signer, rsa.RSAPrivateKey) and isinstance(public, rsa.RSAPublicKey):
            signature = signer.sign(digest, padding.PKCS1v15(), before)
            public.verify(signature, b"text", padding.PKCS1v15(), algorithm)
        elif isinstance(signer, ec.EllipticCurvePrivateKey):
            signature = signer.sign(digest, ec.ECDSA(before))
            signer.public_key().verify(signature, b"text", ec.ECDSA(algorithm))


def test_a_guard_stands_before_every_key(opened: Open) -> None:
    keys = opened()
    signer = keys.signer(key_id(keys.make_key(KeyType.P256)))
    with pytest.raises(ValueError, match="not the approved bytes"):
        signed_by(guarded(signer, b"other bytes"))


def test_a_key_that_is_not_there(opened: Open) -> None:
    with pytest.raises(NotFoundError) as unknown:
        opened().signer(NOBODY)
    assert unknown.value.code == "key.unknown"


def test_many_threads_at_once(opened: Open) -> None:
    keys = opened()
    names = [key_id(keys.make_key(KeyType.P256)) for _ in range(3)]
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for _ in range(10):
                certificate = signed_by(keys.signer(name))
                certificate.verify_directly_issued_by(certificate)
        except BaseException as fault:  # noqa: BLE001 - told by the test's own thread
            faults.append(fault)

    threads = [threading.Thread(target=work, args=(names[n % 3],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []


# --- the token alone ------------------------------------------------------------------------------


@pytest.mark.parametrize("key_type", [KeyType.RSA3072, KeyType.RSA4096])
def test_long_keys_on_the_token(token: SoftToken, key_type: KeyType) -> None:
    public = on_token(token).make_key(key_type)
    assert public.key_size == int(key_type.removeprefix("rsa"))
    certificate = signed_by(on_token(token).signer(key_id(public)))
    certificate.verify_directly_issued_by(certificate)


@pytest.mark.parametrize("name", ["", NOBODY.upper(), NOBODY[:-1], "../" + NOBODY[3:]])
def test_what_is_no_key_id(token: SoftToken, name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        on_token(token).signer(name)
    assert refused.value.code == "key.id"


def test_a_key_on_the_token_stays_there(token: SoftToken) -> None:
    keys = on_token(token)
    name = key_id(keys.make_key(KeyType.P384))
    listed = token.objects()
    mine = [block for block in listed.split("Object; ") if name in block]
    assert len(mine) == 2
    assert any("sensitive, always sensitive, never extractable" in block for block in mine)
    assert sum("Usage:      sign\n" in block for block in mine) == 1
    for leak in ("private_numbers", "private_bytes", "__copy__"):
        with pytest.raises(TypeError):
            getattr(keys.signer(name), leak)()


def test_a_token_that_was_reset_is_logged_into_again(token: SoftToken) -> None:
    keys = on_token(token)
    signer = keys.signer(key_id(keys.make_key(KeyType.P256)))
    signed_by(signer)
    # Every session and every handle of the process is gone after this.
    pkcs11.lib(str(token.module)).reinitialize()
    certificate = signed_by(signer)
    certificate.verify_directly_issued_by(certificate)
    pkcs11.lib(str(token.module)).reinitialize()
    keys.make_key(KeyType.P256)


def test_two_users_of_one_token_in_one_process(token: SoftToken) -> None:
    first, second = on_token(token), on_token(token)
    name = key_id(first.make_key(KeyType.P256))
    signed_by(second.signer(name))
    second.close()
    first.close()
    signed_by(first.signer(name))
    signed_by(second.signer(name))


def test_a_wrong_pin_is_tried_once(token: SoftToken) -> None:
    pkcs11.lib(str(token.module)).reinitialize()
    pins = ["13572468"]
    keys = Pkcs11Keys(str(token.module), LABEL, lambda: pins[0])
    for _ in range(20):
        with pytest.raises(UnavailableError) as refused:
            keys.make_key(KeyType.P256)
        assert refused.value.code == "key.pin"
        assert "13572468" not in f"{refused.value.message}{refused.value.hint}{keys!r}"
    pins[0] = PIN
    keys.make_key(KeyType.P256)


def test_a_token_that_is_not_there(token: SoftToken) -> None:
    for keys in (
        on_token(token, label="another"),
        Pkcs11Keys("/nowhere/module.so", LABEL, lambda: PIN),
    ):
        with pytest.raises(UnavailableError) as missing:
            keys.make_key(KeyType.P256)
        assert missing.value.code == "key.store"


def test_only_what_a_ca_needs_is_signed(token: SoftToken) -> None:
    keys = on_token(token)
    signer = keys.signer(key_id(keys.make_key(KeyType.RSA2048)))
    assert isinstance(signer, rsa.RSAPrivateKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    with pytest.raises(ValueError, match="PKCS#1"):
        signer.sign(b"text", pss, hashes.SHA256())


def test_old_keys_in_files_serve_beside_new_ones_on_a_token(
    token: SoftToken, tmp_path: Path
) -> None:
    files = SoftwareKeys(KeyFiles(tmp_path / "keys"))
    old = key_id(files.make_key(KeyType.P256))
    both = KeyPlaces((("token", on_token(token)), ("file", files)))
    new = key_id(both.make_key(KeyType.P256))
    assert (both.place(old), both.place(new)) == ("file", "token")
    signed_by(both.signer(old))
    signed_by(both.signer(new))
    with pytest.raises(NotFoundError):
        both.signer(NOBODY)
