import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sealwire.access.roles import AuthenticatedBy, Role
from sealwire.access.users import authenticate_certificate, authenticate_password
from sealwire.ca.setup import SetupPlan
from sealwire.errors import (
    ConflictError,
    RefusedError,
    UnavailableError,
)
from sealwire.x509.certificate import certificate_sha256
from sealwire.x509.subject import parse_dn
from tests.unit.ca.scene import Scene, csr_for, founded, initialised

SERVER = "CN=www.example.com,O=Example"


def test_a_new_ca() -> None:
    scene = founded()
    made = initialised()
    root = x509.load_pem_x509_certificate(made.root_pem.encode())
    issuing = x509.load_pem_x509_certificate(made.issuing_pem.encode())
    root.verify_directly_issued_by(root)
    issuing.verify_directly_issued_by(root)
    for certificate, path_length in ((root, 2), (issuing, 1)):
        constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        assert constraints.critical
        assert constraints.value == x509.BasicConstraints(ca=True, path_length=path_length)
    assert made.root_subject == "CN=Example Root CA,O=Example"
    assert made.issuing_subject == "CN=Example Issuing CA,O=Example"
    assert scene.ca.chain_pem() == made.issuing_pem + made.root_pem
    assert scene.ca.roots_pem() == made.root_pem


def test_the_agent_can_log_in_both_ways() -> None:
    scene = founded()
    made = initialised()
    leaf, issuing = x509.load_pem_x509_certificates(made.agent_pem.encode())
    key = load_pem_private_key(made.agent_pem.encode(), None)
    assert key.public_key() == leaf.public_key()
    leaf.verify_directly_issued_by(issuing)
    digest = certificate_sha256(leaf)
    known = scene.store.read(lambda tx: authenticate_certificate(tx, digest))
    assert (known.name, known.authenticated_by) == ("caadmin", AuthenticatedBy.CERTIFICATE)
    assert known.roles == {Role.ADMINISTRATOR, Role.AGENT}
    password = made.one_time_password
    assert (
        scene.store.read(lambda tx: authenticate_password(tx, "caadmin", password)).name
        == "caadmin"
    )
    user = scene.store.read(lambda tx: tx.user("caadmin"))
    assert user is not None
    assert user.must_change_password
    assert password not in user.password_hash


def test_the_trail_of_a_new_ca() -> None:
    scene = founded()
    events = [record.event for record in scene.trail()]
    assert events == [
        "CONFIG_TRUSTED_PUBLIC_KEY",
        "CONFIG_TRUSTED_PUBLIC_KEY",
        "CERT_SIGNING_INFO",
        "PROFILE_CERT_REQUEST",
        "CERT_REQUEST_PROCESSED",
        "CONFIG_ROLE",
    ]
    assert initialised().one_time_password not in "".join(scene.texts())


def test_a_ca_is_made_once() -> None:
    with pytest.raises(ConflictError) as refused:
        founded().ca.initialise()
    assert refused.value.code == "ca.initialised"


def test_names_of_ones_own() -> None:
    scene = Scene()
    made = scene.ca.initialise(
        SetupPlan(
            root_name=parse_dn("CN=R,O=Example,C=DE"), issuing_name=parse_dn("CN=I,O=Example,C=DE")
        )
    )
    assert (made.root_subject, made.issuing_subject) == (
        "CN=R,O=Example,C=DE",
        "CN=I,O=Example,C=DE",
    )
    with pytest.raises(RefusedError) as refused:
        Scene().ca.initialise(SetupPlan(root_name=parse_dn("CN=R"), issuing_name=parse_dn("CN=R")))
    assert refused.value.code == "ca.names"


def test_a_failed_making_leaves_no_ca() -> None:
    scene = Scene()
    scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        scene.ca.initialise()
    assert not scene.ca.is_initialised()
    assert scene.trail() == []
    assert scene.store.read(lambda tx: tx.users()) == []
    assert scene.ca.initialise().agent == "caadmin"


def test_before_there_is_a_ca() -> None:
    scene = Scene()
    for call in (scene.ca.chain_pem, scene.ca.roots_pem, lambda: scene.submit(csr_for(SERVER))):
        with pytest.raises(ConflictError) as refused:
            call()
        assert refused.value.code == "ca.not_initialised"
    assert scene.trail() == []
