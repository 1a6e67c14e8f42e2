"""The OCSP responder: every status, every kind of request, its own certificate."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, ExtensionOID

from sealwire.ca.ocsp import LONGEST_NONCE, MOST_QUESTIONS, ResponseStatus, error_response
from sealwire.ca.ports import RevocationReason
from sealwire.ca.responder import LIFETIME
from sealwire.x509.keys import KeyType
from tests.unit.ca import asking
from tests.unit.ca.publishing import AGENT, issued, own, publisher, revocations
from tests.unit.ca.scene import KeyShelf, Scene, founded

Answered = ocsp.OCSPResponse
SUCCESSFUL = ocsp.OCSPResponseStatus.SUCCESSFUL
ALGORITHMS = [
    hashes.SHA1(),  # noqa: S303 - what most clients name certificates by
    hashes.SHA256(),
    hashes.SHA384(),
    hashes.SHA512(),
]


def answer(scene: Scene, request: bytes) -> Answered:
    return ocsp.load_der_ocsp_response(publisher(scene).ocsp(request).der)


def status(scene: Scene, serial: int) -> ocsp.OCSPCertStatus:
    return answer(scene, asking.asked(serial, own(scene)[0])).certificate_status


def require_signed(scene: Scene, response: Answered) -> x509.Certificate:
    """By a responder that the issuing CA delegated; its certificate."""
    (signer,) = response.certificates
    issuing, _ = own(scene)
    signer.verify_directly_issued_by(issuing)
    key, data = signer.public_key(), response.tbs_response_bytes
    algorithm = response.signature_hash_algorithm
    assert algorithm is not None
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(response.signature, data, padding.PKCS1v15(), algorithm)
    else:
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(response.signature, data, ec.ECDSA(algorithm))
    assert response.responder_key_hash == x509.SubjectKeyIdentifier.from_public_key(key).digest
    return signer


@pytest.mark.parametrize("key_type", [KeyType.P256, KeyType.P384, KeyType.RSA2048])
def test_a_delegated_responder_answers(key_type: KeyType) -> None:
    scene = founded(key_type)
    serial, (issuing, _) = issued(scene), own(scene)
    response = answer(scene, asking.asked(serial, issuing))
    signer = require_signed(scene, response)
    assert response.response_status is SUCCESSFUL
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.serial_number == serial
    assert response.produced_at_utc == response.this_update_utc == scene.clock.now()
    assert response.next_update_utc == scene.clock.now() + LIFETIME
    usage = signer.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.OCSP_SIGNING]
    assert signer.extensions.get_extension_for_oid(ExtensionOID.OCSP_NO_CHECK)
    assert scene.ca.reconcile().holds


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=lambda each: each.name)
def test_every_hash_that_a_certificate_is_named_by(algorithm: hashes.HashAlgorithm) -> None:
    scene = founded()
    serial, (issuing, _) = issued(scene), own(scene)
    response = answer(scene, asking.asked(serial, issuing, algorithm))
    assert response.certificate_status is ocsp.OCSPCertStatus.GOOD
    assert response.hash_algorithm.name == algorithm.name


@pytest.mark.parametrize("reason", RevocationReason)
def test_revoked_for_every_reason_and_good_again_after_a_hold(reason: RevocationReason) -> None:
    scene = founded()
    serial = issued(scene)
    if reason is RevocationReason.REMOVE_FROM_CRL:
        revocations(scene).hold(serial, actor=AGENT)
        assert status(scene, serial) is ocsp.OCSPCertStatus.REVOKED
        revocations(scene).release(serial, actor=AGENT)
        assert status(scene, serial) is ocsp.OCSPCertStatus.GOOD
        return
    revocations(scene).revoke(serial, reason, actor=AGENT)
    response = answer(scene, asking.asked(serial, own(scene)[0]))
    assert response.certificate_status is ocsp.OCSPCertStatus.REVOKED
    assert response.revocation_time_utc == scene.clock.now()
    said = response.revocation_reason
    if reason is RevocationReason.UNSPECIFIED:
        assert said is None
    else:
        assert said is not None
        assert said.name == reason.name.lower()


@pytest.mark.parametrize("serial", [1, 2**159 - 1, 2**159, 2**300, 0, -1])
def test_what_was_never_issued_is_unknown(serial: int) -> None:
    scene = founded()
    request = asking.request([asking.cert_id(own(scene)[0], serial)])
    response = answer(scene, request)
    assert response.certificate_status is ocsp.OCSPCertStatus.UNKNOWN
    assert response.serial_number == serial
    require_signed(scene, response)


def test_the_roots_certificates_are_not_this_responders_business() -> None:
    scene = founded()
    issuing, root = own(scene)
    foreign = answer(scene, asking.asked(issuing.serial_number, root))
    assert foreign.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    mixed = asking.request(
        [asking.cert_id(issuing, issued(scene)), asking.cert_id(root, issuing.serial_number)]
    )
    assert answer(scene, mixed).response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED
    by_unknown_hash = asking.cert_id(issuing, 5, algorithm=asking.tagged(0x30, asking.OTHER))
    unknown = answer(scene, asking.request([by_unknown_hash]))
    assert unknown.response_status is ocsp.OCSPResponseStatus.UNAUTHORIZED


def test_several_at_once_in_their_order() -> None:
    scene = founded()
    issuing, _ = own(scene)
    good, revoked = issued(scene), issued(scene)
    revocations(scene).revoke(revoked, RevocationReason.SUPERSEDED, actor=AGENT)
    wanted = [good, revoked, 5, good]
    ids = [
        asking.cert_id(issuing, serial, algorithm=algorithm)
        for serial, algorithm in zip(
            wanted, (asking.SHA1, asking.SHA256, asking.SHA256, asking.SHA1), strict=True
        )
    ]
    response = answer(scene, asking.request(ids))
    singles = list(response.responses)
    assert [each.serial_number for each in singles] == wanted
    assert [each.certificate_status.name for each in singles] == [
        "GOOD",
        "REVOKED",
        "UNKNOWN",
        "GOOD",
    ]
    # A CertID comes back as it came, its algorithm's parameters too.
    der = publisher(scene).ocsp(asking.request(ids)).der
    assert all(each in der for each in ids)
    require_signed(scene, response)


@pytest.mark.parametrize("length", [1, 16, 32, LONGEST_NONCE])
def test_a_nonce_comes_back_and_such_an_answer_is_not_kept(length: int) -> None:
    scene = founded()
    octets = bytes(range(256))[:length]
    made = publisher(scene).ocsp(asking.asked(issued(scene), own(scene)[0], octets=octets))
    response = ocsp.load_der_ocsp_response(made.der)
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == octets
    assert made.times is None


def test_without_a_nonce_an_answer_may_be_kept_until_its_end() -> None:
    scene = founded()
    made = publisher(scene).ocsp(asking.asked(5, own(scene)[0]))
    assert made.times is not None
    assert made.times.until - made.times.produced == LIFETIME
    assert len(ocsp.load_der_ocsp_response(made.der).extensions) == 0


ID = asking.cert_id(own(founded())[0], 5)
MALFORMED = {
    "nothing": b"",
    "no DER": b"GET / HTTP/1.1\r\n",
    "cut": asking.request([ID])[:-1],
    "more after it": asking.request([ID]) + b"\0",
    "no question": asking.request([]),
    "too many questions": asking.request([ID] * (MOST_QUESTIONS + 1)),
    "too large": asking.request([ID], requestor=asking.tagged(0xA1, b"x" * 20_000)),
    "another version": asking.request([ID], version=asking.tagged(0xA0, asking.integer(1))),
    "an empty nonce": asking.request([ID], extensions=asking.nonce(b"")),
    "a long nonce": asking.request([ID], extensions=asking.nonce(b"x" * 129)),
    "a nonce that is none": asking.request(
        [ID], extensions=asking.extension(asking.NONCE, b"\x05\x00")
    ),
    "two nonces": asking.request([ID], extensions=asking.nonce(b"a") + asking.nonce(b"b")),
    "a critical extension": asking.request(
        [ID], extensions=asking.extension(asking.OTHER, b"x", critical=asking.TRUE)
    ),
    "a critical extension of one question": asking.request(
        [ID],
        single=asking.tagged(
            0xA0, asking.tagged(0x30, asking.extension(asking.OTHER, b"", critical=asking.TRUE))
        ),
    ),
    "a serial number with a superfluous octet": asking.request(
        [ID.replace(asking.integer(5), b"\x02\x02\x00\x05").replace(b"\x30\x39", b"\x30\x3a", 1)]
    ),
    "parameters of the hash": asking.request(
        [ID.replace(asking.SHA1, bytes.fromhex("300906052b0e03021a0400"))]
    ),
    "a hash with something behind it": asking.request(
        [ID.replace(asking.SHA1, bytes.fromhex("300906042b0e03021a0500"))]
    ),
    "two signatures": asking.request([ID], signature=asking.tagged(0xA0) * 2),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_cannot_be_read(name: str) -> None:
    response = answer(founded(), MALFORMED[name])
    assert response.response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


TOLERATED = {
    "the version said": {"version": asking.tagged(0xA0, asking.integer(0))},
    "a requestor": {"requestor": asking.tagged(0xA1, asking.tagged(0x82, b"a.example.com"))},
    "a signature": {"signature": asking.tagged(0xA0, asking.tagged(0x30))},
    "an extension that is not critical": {"extensions": asking.extension(asking.OTHER, b"x")},
    "an extension of one question": {
        "single": asking.tagged(0xA0, asking.tagged(0x30, asking.extension(asking.OTHER, b"")))
    },
}


@pytest.mark.parametrize("name", TOLERATED)
def test_what_is_passed_over(name: str) -> None:
    scene = founded()
    response = answer(scene, asking.request([ID], **TOLERATED[name]))
    assert response.certificate_status is ocsp.OCSPCertStatus.UNKNOWN


@pytest.mark.parametrize("length", range(len(asking.request([ID]))))
def test_every_beginning_of_a_request_is_malformed(length: int) -> None:
    cut = asking.request([ID])[:length]
    assert answer(founded(), cut).response_status is ocsp.OCSPResponseStatus.MALFORMED_REQUEST


def test_the_signers_certificate_is_made_once_and_renewed_at_two_thirds() -> None:
    scene = founded()
    request = asking.asked(5, own(scene)[0])
    first = require_signed(scene, answer(scene, request))
    assert require_signed(scene, answer(scene, request)) == first
    life = first.not_valid_after_utc - first.not_valid_before_utc
    use_cases = publisher(scene)
    scene.clock.time = first.not_valid_before_utc + life * 2 / 3 - timedelta(seconds=1)
    use_cases.tend()
    assert require_signed(scene, answer(scene, request)) == first
    scene.clock.advance(timedelta(seconds=1))
    use_cases.tend()
    issued_by_then = len(scene.ca.certificates())
    second = require_signed(scene, answer(scene, request))
    assert second != first
    assert len(scene.ca.certificates()) == issued_by_then
    assert sum("AuditEvent=OCSP_SIGNING_INFO]" in text for text in scene.texts()) == 2
    assert scene.ca.reconcile().holds


def test_nothing_is_made_before_somebody_asks() -> None:
    scene = founded()
    before = len(scene.ca.certificates())
    publisher(scene).tend()
    assert len(scene.ca.certificates()) == before


def test_a_signer_that_was_revoked_signs_no_more() -> None:
    scene = founded()
    request = asking.asked(5, own(scene)[0])
    first = require_signed(scene, answer(scene, request))
    revocations(scene).revoke(first.serial_number, RevocationReason.SUPERSEDED, actor=AGENT)
    assert require_signed(scene, answer(scene, request)) != first


def test_each_node_has_a_signer_of_its_own() -> None:
    scene = founded()
    rows = scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    issuing_key = scene.keys.keys[rows.issuing_key_id]
    request = asking.asked(5, own(scene)[0])
    first = require_signed(scene, answer(scene, request))
    here, scene.keys = scene.keys, KeyShelf({rows.issuing_key_id: issuing_key})
    other = require_signed(scene, answer(scene, request))
    assert other != first
    assert require_signed(scene, answer(scene, request)) == other
    scene.keys = here
    assert require_signed(scene, answer(scene, request)) == first


def test_without_the_cas_key_it_says_to_try_later() -> None:
    scene = founded()
    scene.keys = KeyShelf()
    response = answer(scene, asking.asked(5, own(scene)[0]))
    assert response.response_status is ocsp.OCSPResponseStatus.TRY_LATER
    assert "[AuditEvent=OCSP_GENERATION]" in scene.texts()[-1]
    assert "[Outcome=Failure][FailureReason=TRY_LATER: " in scene.texts()[-1]


def test_a_stranger_cannot_fill_the_trail_with_failures() -> None:
    scene = founded()
    use_cases = publisher(scene)
    for _ in range(50):
        use_cases.ocsp(b"nonsense")
    failures = [text for text in scene.texts() if "OCSP_GENERATION" in text]
    assert len(failures) == 3
    scene.clock.advance(timedelta(minutes=1))
    use_cases.tend()
    assert "47 more within a minute" in scene.texts()[-1]


def test_answers_are_not_recorded_unless_somebody_wants_that() -> None:
    scene = founded()
    use_cases = publisher(scene)
    request = asking.asked(5, own(scene)[0])
    use_cases.ocsp(request)
    before, commits = scene.texts(), scene.store.commits
    use_cases.ocsp(request)
    assert (scene.texts(), scene.store.commits) == (before, commits)


@pytest.mark.parametrize("code", [each for each in ResponseStatus if each != 0])
def test_error_responses(code: ResponseStatus) -> None:
    assert error_response(code) == bytes((0x30, 3, 0x0A, 1, code))
    with pytest.raises(ValueError, match="content"):
        error_response(ResponseStatus.SUCCESSFUL)
