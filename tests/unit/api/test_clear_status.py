"""CRLs and OCSP without TLS: headers, caching, both methods, hostile input."""

from __future__ import annotations

import base64
from datetime import timedelta
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.x509 import ocsp

from sealwire.ca.ocsp import LARGEST_REQUEST
from sealwire.ca.ports import RevocationReason
from tests.unit.api.scene import ApiScene, ask, problem
from tests.unit.ca.asking import asked
from tests.unit.ca.publishing import AGENT, issued, own, revocations
from tests.unit.ca.scene import Scene

GOOD = ocsp.OCSPCertStatus.GOOD


@pytest.fixture
def scene() -> ApiScene:
    return ApiScene()


@pytest.mark.parametrize(("name", "signer"), [("ca", 0), ("root", 1)])
def test_a_crl(scene: ApiScene, name: str, signer: int) -> None:
    got = ask(scene.clear_app, "GET", f"/crl/{name}.crl")
    assert got.status_code == 200
    assert got.headers["content-type"] == "application/pkix-crl"
    crl = x509.load_der_x509_crl(got.content)
    assert crl.is_signature_valid(own(scene.base)[signer].public_key())  # type: ignore[arg-type] # EC
    assert got.headers["last-modified"] == "Sun, 22 Nov 2026 10:00:00 GMT"
    assert "max-age=300" in got.headers["cache-control"]
    head = ask(scene.clear_app, "HEAD", f"/crl/{name}.crl")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(got.content))


def test_a_crl_that_is_known_already_is_not_sent_again(scene: ApiScene) -> None:
    first = ask(scene.clear_app, "GET", "/crl/ca.crl")
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    for headers in (
        {"If-None-Match": tag},
        {"If-None-Match": f'"other", W/{tag}'},
        {"If-Modified-Since": modified},
    ):
        again = ask(scene.clear_app, "GET", "/crl/ca.crl", headers=headers)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    for headers in (
        {"If-None-Match": '"other"'},
        {"If-None-Match": '"other"', "If-Modified-Since": modified},
        {"If-Modified-Since": "Sun, 22 Nov 2026 09:59:59 GMT"},
        {"If-Modified-Since": "nonsense"},
    ):
        assert ask(scene.clear_app, "GET", "/crl/ca.crl", headers=headers).status_code == 200
    scene.base.clock.advance(timedelta(seconds=1))
    serial = issued(scene.base)
    revocations(scene.base).revoke(serial, RevocationReason.SUPERSEDED, actor=AGENT)
    publisher = scene.services.status_publisher
    assert publisher is not None
    publisher.tend()
    later = ask(scene.clear_app, "GET", "/crl/ca.crl", headers={"If-None-Match": tag})
    assert later.status_code == 200
    crl = x509.load_der_x509_crl(later.content)
    assert crl.get_revoked_certificate_by_serial_number(serial) is not None


@pytest.mark.parametrize(
    "path", ["/crl/other.crl", "/crl/ca.pem", "/crl/ca", "/crl/..%2fca.crl", "/crl/CA.crl"]
)
def test_other_crls(scene: ApiScene, path: str) -> None:
    answer = ask(scene.clear_app, "GET", path)
    assert answer.status_code == 404


def test_ocsp_by_post(scene: ApiScene) -> None:
    request = asked(issued(scene.base), own(scene.base)[0], octets=b"n" * 16)
    for headers in (
        {"Content-Type": "application/ocsp-request"},
        {"Content-Type": "application/json"},
        {},
    ):
        got = ask(scene.clear_app, "POST", "/ocsp", content=request, headers=headers)
        assert got.status_code == 200
        assert got.headers["content-type"] == "application/ocsp-response"
        assert got.headers["cache-control"] == "no-store"
        response = ocsp.load_der_ocsp_response(got.content)
        assert response.certificate_status is GOOD


def test_ocsp_by_get(scene: ApiScene) -> None:
    issuing, _ = own(scene.base)
    # Enough of them that every character of base64 comes up, slashes side by side too.
    for serial in (issued(scene.base), *(0xFFFFFF << n for n in range(8))):
        encoded = base64.b64encode(asked(serial, issuing)).decode()
        for path in (quote(encoded, safe=""), quote(encoded, safe="/+=")):
            got = ask(scene.clear_app, "GET", f"/ocsp/{path}")
            response = ocsp.load_der_ocsp_response(got.content)
            assert response.serial_number == serial
    assert got.headers["cache-control"].startswith("public, max-age=300")
    assert got.headers["expires"] == "Sun, 22 Nov 2026 11:00:00 GMT"
    assert got.headers["last-modified"] == "Sun, 22 Nov 2026 10:00:00 GMT"
    with_nonce = base64.b64encode(asked(5, issuing, octets=b"n" * 16)).decode()
    got = ask(scene.clear_app, "GET", f"/ocsp/{quote(with_nonce, safe='')}")
    assert got.headers["cache-control"] == "no-store"


def test_what_is_no_request_is_answered_as_such(scene: ApiScene) -> None:
    malformed = bytes.fromhex("30030a0101")
    for got in (
        ask(scene.clear_app, "POST", "/ocsp", content=b""),
        ask(scene.clear_app, "POST", "/ocsp", content=b"x" * (LARGEST_REQUEST + 1)),
        ask(scene.clear_app, "GET", "/ocsp/%00%01"),
        ask(scene.clear_app, "GET", "/ocsp/AAAA*"),
        ask(scene.clear_app, "GET", "/ocsp/" + "A" * 30_000),
        ask(scene.clear_app, "GET", "/ocsp/"),
    ):
        assert (got.status_code, got.content) == (200, malformed)
        assert got.headers["cache-control"] == "no-store"


def test_without_a_ca() -> None:
    absent = ApiScene(with_roles=False)
    for path in ("/crl/ca.crl", "/ocsp/AAAA"):
        problem(ask(absent.clear_app, "GET", path), 404, "role.absent")
    empty = ApiScene(Scene())
    problem(ask(empty.clear_app, "GET", "/crl/ca.crl"), 409, "ca.not_initialised")
