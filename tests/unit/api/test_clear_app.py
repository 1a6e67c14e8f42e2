"""What is served without TLS."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.unit.api.routes import calls
from tests.unit.api.scene import OWNER, ApiScene, Caller, ask, problem
from tests.unit.ca.scene import Scene


@pytest.fixture(scope="module")
def scene() -> ApiScene:
    return ApiScene()


def test_the_issuing_certificate_in_der(scene: ApiScene) -> None:
    got = ask(scene.clear_app, "GET", "/ca.crt")
    assert got.headers["content-type"] == "application/pkix-cert"
    issuing = x509.load_pem_x509_certificate(scene.base.ca.chain_pem().encode())
    assert got.content == issuing.public_bytes(Encoding.DER)


def test_nothing_else(scene: ApiScene) -> None:
    owner = Caller(local_user=OWNER)
    for call in calls():
        problem(ask(scene.clear_app, call.method, call.path, owner), 404, "http.not_found")
    for path in ("/", "/ca.crt/", "/docs", "/openapi.json", "/%2e%2e/ca.crt"):
        problem(ask(scene.clear_app, "GET", path), 404, "http.not_found")
    problem(ask(scene.clear_app, "POST", "/ca.crt"), 405, "http.method_not_allowed")


def test_before_there_is_a_ca() -> None:
    empty = ApiScene(Scene())
    problem(ask(empty.clear_app, "GET", "/ca.crt"), 409, "ca.not_initialised")
    absent = ApiScene(with_roles=False)
    problem(ask(absent.clear_app, "GET", "/ca.crt"), 404, "role.absent")
