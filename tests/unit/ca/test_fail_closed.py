from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from sealwire.audit.recorder import Recorder
from sealwire.ca.ports import RequestStatus
from sealwire.ca.service import CertificateAuthority
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.errors import (
    ConflictError,
    UnavailableError,
)
from tests.unit.ca.scene import Scene, csr_for, founded

SERVER = "CN=www.example.com,O=Example"


class _DeafRecorder(Recorder):
    def record(self, *_arguments: object) -> object:  # type: ignore[override] # it only fails
        raise UnavailableError("audit.unavailable", "The audit record cannot be written.")


def _decisions(ca: CertificateAuthority, request_id: int) -> list[Callable[[], object]]:
    return [
        lambda: ca.submit("caServerCert", csr_for(SERVER), actor="x", remote_address=""),
        lambda: ca.submit("caServerCert", csr_for("UID=x"), actor="x", remote_address=""),
        lambda: ca.approve(request_id, actor="x"),
        lambda: ca.reject(request_id, actor="x"),
        lambda: ca.cancel(request_id, actor="x"),
        lambda: ca.issue_for_node(csr_for(SERVER), profile_id="caServerCert"),
    ]


def _state(scene: Scene) -> tuple[object, ...]:
    return (
        scene.trail(),
        scene.store.read(lambda tx: tx.find_requests(status=None, start=0, limit=100)),
        scene.store.read(lambda tx: tx.find_certificates(start=0, limit=100)),
    )


@pytest.mark.parametrize("which", range(6))
def test_without_an_audit_record_nothing_happens(which: int) -> None:
    scene = founded()
    request_id = scene.submit(csr_for(SERVER)).request_id
    before = _state(scene)
    deaf = CertificateAuthority(
        scene.store,
        SoftwareKeys(scene.keys),
        _DeafRecorder(scene.clock, "ca.example.com", scene.audit_format, "0"),
        profiles=scene.profiles,
        clock=scene.clock,
        random=scene.random,
    )
    with pytest.raises(UnavailableError):
        _decisions(deaf, request_id)[which]()
    assert _state(scene) == before


@pytest.mark.parametrize("which", range(6))
def test_a_commit_that_fails_leaves_nothing(which: int) -> None:
    scene = founded()
    request_id = scene.submit(csr_for(SERVER)).request_id
    before = _state(scene)
    scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        _decisions(scene.ca, request_id)[which]()
    assert _state(scene) == before


def test_a_lost_answer_leaves_certificate_request_and_record_together() -> None:
    scene = founded()
    request_id = scene.submit(csr_for(SERVER)).request_id
    scene.store.fail_after_commit()
    with pytest.raises(UnavailableError):
        scene.ca.approve(request_id, actor="caadmin")
    done = scene.ca.request(request_id)
    assert done.status is RequestStatus.COMPLETE
    issued = scene.ca.certificate(done.serial or 0)
    assert f"[ReqID={request_id}][CertSerialNum={issued.serial}]" in scene.texts()[-1]
    # Who tries again learns that it is done, and gets no second certificate.
    with pytest.raises(ConflictError):
        scene.ca.approve(request_id, actor="caadmin")
    assert len(scene.ca.certificates()) == 2


def test_thirty_two_approvals_at_once_give_one_certificate() -> None:
    scene = founded()
    request_id = scene.submit(csr_for(SERVER)).request_id
    ca = scene.ca

    def approve(agent: int) -> str:
        try:
            ca.approve(request_id, actor=f"agent{agent}")
        except ConflictError as refusal:
            return refusal.code
        return "issued"

    with ThreadPoolExecutor(32) as pool:
        outcomes = sorted(pool.map(approve, range(32)))
    assert outcomes == ["issued"] + ["request.not_pending"] * 31
    assert len(scene.ca.certificates()) == 2
    assert sum(f"[ReqID={request_id}][CertSerialNum=" in text for text in scene.texts()) == 1
