"""Where a certificate says that its status is, and that it says nothing without a public URL."""

from __future__ import annotations

import pytest
from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID

from sealwire.ca.addresses import Addresses
from sealwire.ca.service import CertificateAuthority
from sealwire.ca.software_keys import SoftwareKeys
from sealwire.errors import ConflictError
from tests.unit.ca.publishing import AGENT, recorder
from tests.unit.ca.scene import ANYBODY, Scene, csr_for, founded

CSR = csr_for("CN=www.example.com,O=Example")


def authority(scene: Scene, public_url: str) -> CertificateAuthority:
    return CertificateAuthority(
        scene.store,
        SoftwareKeys(scene.keys),
        recorder(scene),
        profiles=scene.profiles,
        clock=scene.clock,
        random=scene.random,
        addresses=Addresses(public_url),
    )


def submitted(ca: CertificateAuthority) -> int:
    made = ca.submit("caServerCert", CSR, actor=ANYBODY, remote_address="192.0.2.9")
    return made.request_id


def issued(ca: CertificateAuthority, request_id: int) -> x509.Certificate:
    serial = ca.approve(request_id, actor=AGENT).serial
    assert serial is not None
    return x509.load_der_x509_certificate(ca.certificate(serial).der)


@pytest.mark.parametrize("public_url", ["http://pki.example.com", "http://pki.example.com/"])
def test_with_a_public_url(public_url: str) -> None:
    ca = authority(founded(), public_url)
    extensions = issued(ca, submitted(ca)).extensions
    access = extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    points = extensions.get_extension_for_class(x509.CRLDistributionPoints)
    assert not access.critical
    assert not points.critical
    assert [(each.access_method, each.access_location.value) for each in access.value] == [
        (AuthorityInformationAccessOID.OCSP, "http://pki.example.com/ocsp"),
        (AuthorityInformationAccessOID.CA_ISSUERS, "http://pki.example.com/ca.crt"),
    ]
    (point,) = points.value
    assert point.full_name is not None
    assert [name.value for name in point.full_name] == ["http://pki.example.com/crl/ca.crl"]
    assert (point.reasons, point.crl_issuer, point.relative_name) == (None, None, None)


def test_without_one_there_are_no_addresses() -> None:
    ca = authority(founded(), "")
    for kind in (x509.AuthorityInformationAccess, x509.CRLDistributionPoints):
        with pytest.raises(x509.ExtensionNotFound):
            issued(ca, submitted(ca)).extensions.get_extension_for_class(kind)
    assert (Addresses().ocsp, Addresses().crl(), Addresses().extensions()) == ("", "", ())


@pytest.mark.parametrize(("before", "after"), [("", "http://b.test"), ("http://a.test", "")])
def test_another_public_url_needs_a_new_look_and_is_no_tampering(before: str, after: str) -> None:
    scene = founded()
    number = submitted(authority(scene, before))
    ca = authority(scene, after)
    with pytest.raises(ConflictError) as stale:
        ca.approve(number, actor=AGENT)
    assert stale.value.code == "request.stale"
    ca.review(number)
    found = issued(ca, number).extensions
    assert [each.oid for each in found if each.oid == x509.CRLDistributionPoints.oid] == (
        [x509.CRLDistributionPoints.oid] if after else []
    )
