"""A log-in certificate that is revoked lets nobody in from that moment on."""

from __future__ import annotations

import pytest
from argon2.profiles import CHEAPEST
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from sealwire.access.login import LogIn
from sealwire.ca.ports import RevocationReason
from sealwire.errors import UnauthorizedError
from tests.unit.ca.publishing import AGENT, recorder, revocations
from tests.unit.ca.scene import Scene, founded, initialised

HERE = "192.0.2.7"


@pytest.fixture
def scene() -> Scene:
    return founded()


@pytest.fixture
def log_in(scene: Scene) -> LogIn:
    return LogIn(scene.store, recorder(scene), "ca", scene.clock, scene.random, weight=CHEAPEST)


AGENTS = x509.load_pem_x509_certificate(initialised().agent_pem.encode())
DER = AGENTS.public_bytes(Encoding.DER)


def known(log_in: LogIn) -> str:
    return log_in.by_certificate(DER, address=HERE, announce=False).name


def test_on_hold_it_is_refused_and_released_it_is_not(scene: Scene, log_in: LogIn) -> None:
    assert known(log_in) == AGENT
    revocations(scene).hold(AGENTS.serial_number, actor=AGENT)
    with pytest.raises(UnauthorizedError) as refused:
        known(log_in)
    assert refused.value.code == "login.certificate_revoked"
    assert "[Outcome=Failure]" in scene.texts()[-1]
    assert f"from {HERE}: login.certificate_revoked" in scene.texts()[-1]
    revocations(scene).release(AGENTS.serial_number, actor=AGENT)
    assert known(log_in) == AGENT


def test_a_session_begun_with_it_ends_at_once(scene: Scene, log_in: LogIn) -> None:
    token = log_in.begin_with_certificate(DER, address=HERE).token
    assert log_in.resume(token, certificate=DER) is not None
    revocations(scene).revoke(AGENTS.serial_number, RevocationReason.SUPERSEDED, actor=AGENT)
    assert log_in.resume(token, certificate=DER) is None
    assert log_in.still_holds(token, certificate=DER) is None
    with pytest.raises(UnauthorizedError):
        log_in.begin_with_certificate(DER, address=HERE)
