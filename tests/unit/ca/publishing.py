"""A CA of the CA tests with what tells of its certificates' status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509

from sealwire.audit.recorder import Recorder
from sealwire.ca.addresses import Addresses
from sealwire.ca.publication import StatusPublisher
from sealwire.ca.revocation import Revocations
from sealwire.ca.software_keys import SoftwareKeys
from tests.unit.ca.scene import csr_for

if TYPE_CHECKING:
    from tests.unit.ca.scene import Scene

AGENT = "caadmin"


def recorder(scene: Scene) -> Recorder:
    return Recorder(scene.clock, "ca.example.com", scene.audit_format, "0.1.0")


def revocations(scene: Scene) -> Revocations:
    return Revocations(scene.store, recorder(scene), clock=scene.clock)


def publisher(scene: Scene, public_url: str = "") -> StatusPublisher:
    """As a node has it after a start: nothing is remembered."""
    return StatusPublisher(
        scene.store,
        SoftwareKeys(scene.keys),
        recorder(scene),
        scene.ca,
        clock=scene.clock,
        addresses=Addresses(public_url),
    )


def issued(scene: Scene, name: str = "www.example.com") -> int:
    """Serial number of a certificate just issued."""
    request = scene.submit(csr_for(f"CN={name},O=Example"))
    serial = scene.ca.approve(request.request_id, actor=AGENT).serial
    assert serial is not None
    return serial


def own(scene: Scene) -> tuple[x509.Certificate, x509.Certificate]:
    """The CA's own certificates: issuing, root."""
    rows = scene.store.read(lambda tx: tx.ca_certificates())
    assert rows is not None
    issuing = x509.load_pem_x509_certificate(rows.issuing_pem.encode())
    return issuing, x509.load_pem_x509_certificate(rows.root_pem.encode())
