"""Making a CA: its names, its keys, the root's and the issuing CA's certificates, its agent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.access.roles import Role
from sealwire.access.users import new_user, one_time_password
from sealwire.audit.events import EventName, Outcome, cert_signing_info, config_change
from sealwire.ca.ports import CaCertificates
from sealwire.errors import RefusedError
from sealwire.x509.certificate import certificate_pem, certificate_sha256
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import (
    KeyType,
    PrivateKey,
    generate_key,
    key_id,
    private_key_pem,
    signature_hash,
)
from sealwire.x509.subject import SubjectFields, dn_text, subject_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cryptography.hazmat.primitives.asymmetric.types import CertificatePublicKeyTypes

    from sealwire.access.ports import User
    from sealwire.audit.events import Event
    from sealwire.ca.ports import SigningKeys
    from sealwire.ca.signing import IssuerKey
    from sealwire.clock import RandomSource

ROOT_LIFE: Final = timedelta(days=7305)
ISSUING_LIFE: Final = timedelta(days=3652)


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """What the new CA is to be. Names without a value are made from ``organization``."""

    key_type: KeyType = KeyType.P256
    organization: str = ""
    root_name: x509.Name | None = None
    issuing_name: x509.Name | None = None
    agent: str = "caadmin"

    def names(self) -> tuple[x509.Name, x509.Name]:
        """Subjects of root and issuing CA.

        Raises RefusedError ``subject.invalid``, or ``ca.names`` when the two are the same.
        """
        root = self.root_name or self._name("Root CA")
        issuing = self.issuing_name or self._name("Issuing CA")
        if root == issuing:
            raise RefusedError("ca.names", "Root and issuing CA need different names.")
        return root, issuing

    def _name(self, role: str) -> x509.Name:
        common_name = f"{self.organization or 'Sealwire'} {role}"
        return subject_name(
            SubjectFields(organization=self.organization, common_name=common_name[-64:])
        )


@dataclass(frozen=True, slots=True)
class Authorities:
    """A new CA, not yet kept anywhere."""

    root: x509.Certificate
    issuing: x509.Certificate

    def rows(self) -> CaCertificates:
        """What SQL keeps of it: no key."""
        return CaCertificates(
            issuing_pem=certificate_pem(self.issuing).decode(),
            root_pem=certificate_pem(self.root).decode(),
            issuing_key_id=key_id(self.issuing.public_key()),
            root_key_id=key_id(self.root.public_key()),
        )


@dataclass(frozen=True, slots=True)
class NewAgent:
    """The first agent: administrator and agent, with a password and a request for a certificate."""

    user: User
    one_time_password: str
    key: PrivateKey
    csr_pem: bytes

    def user_with(self, certificate: x509.Certificate) -> User:
        """The row to store, once the certificate is there."""
        return replace(self.user, certificate_sha256=frozenset({certificate_sha256(certificate)}))


@dataclass(frozen=True, slots=True)
class Initialised:
    """What ``initialise`` hands over, once: password and key are kept nowhere in this form.

    ``agent_pem`` holds the agent's certificate, the issuing CA's, and the agent's key, in PEM.
    """

    root_pem: str
    issuing_pem: str
    root_subject: str
    issuing_subject: str
    agent: str
    one_time_password: str
    agent_pem: str


def make_authorities(
    plan: SetupPlan, keys: SigningKeys, *, not_before: datetime, serial: Callable[[], int]
) -> Authorities:
    """Make keys and certificates of root and issuing CA (RFC 5280, 4.2.1.9).

    The keys are kept when this returns: keys without a CA do no harm, a CA without keys would.
    The issuing CA cannot have CAs below it; it does not outlive the root.
    """
    root_name, issuing_name = plan.names()
    root_key, issuing_key = keys.make_key(plan.key_type), keys.make_key(plan.key_type)
    root_signer = keys.signer(key_id(root_key))
    begin = not_before.replace(microsecond=0)
    root = _sign(
        _base(root_name, root_name, root_key, serial(), path_length=1)
        .not_valid_before(begin)
        .not_valid_after(begin + ROOT_LIFE),
        root_key,
        root_signer,
    )
    issuing = _sign(
        _base(issuing_name, root_name, issuing_key, serial(), path_length=0)
        .not_valid_before(begin)
        .not_valid_after(begin + ISSUING_LIFE),
        root_key,
        root_signer,
    )
    return Authorities(root, issuing)


def _base(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: CertificatePublicKeyTypes,
    serial: int,
    *,
    path_length: int,
) -> x509.CertificateBuilder:
    constraints = x509.BasicConstraints(ca=True, path_length=path_length)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(serial)
        .add_extension(constraints, critical=True)
        .add_extension(_CA_KEY_USAGE, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _sign(
    builder: x509.CertificateBuilder,
    issuer_key: CertificatePublicKeyTypes,
    key: IssuerKey,
) -> x509.Certificate:
    own = x509.SubjectKeyIdentifier.from_public_key(issuer_key)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)
    return builder.add_extension(identifier, critical=False).sign(key, signature_hash(key))


# No digitalSignature: a delegated signer answers for OCSP, and the CA's key signs nothing else.
_CA_KEY_USAGE: Final = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)


def make_agent(name: str, random: RandomSource) -> NewAgent:
    """Raises RefusedError ``user.name`` for a name that no user can have."""
    password = one_time_password(random)
    user = new_user(
        name,
        full_name="CA administrator",
        roles=(Role.ADMINISTRATOR, Role.AGENT),
        password=password,
        random=random,
    )
    key = generate_key(KeyType.RSA2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.USER_ID, name)])
    return NewAgent(user, password, key, build_csr(key, subject, ()))


def handed_over(
    authorities: Authorities, agent: NewAgent, certificate: x509.Certificate
) -> Initialised:
    """What is given out after the transaction that made all this."""
    rows = authorities.rows()
    bundle = certificate_pem(certificate).decode() + rows.issuing_pem
    return Initialised(
        root_pem=rows.root_pem,
        issuing_pem=rows.issuing_pem,
        root_subject=dn_text(authorities.root.subject),
        issuing_subject=dn_text(authorities.issuing.subject),
        agent=agent.user.name,
        one_time_password=agent.one_time_password,
        agent_pem=bundle + private_key_pem(agent.key).decode(),
    )


def authority_events(actor: str, authorities: Authorities) -> Iterator[Event]:
    """What the trail says of new CA certificates."""
    for certificate in (authorities.root, authorities.issuing):
        parameters = {
            "Scope": "caCertificates",
            "Operation": "OP_ADD",
            "Resource": dn_text(certificate.subject),
            "sha256": certificate_sha256(certificate),
        }
        name = EventName.CONFIG_TRUSTED_PUBLIC_KEY
        yield config_change(name, actor, Outcome.SUCCESS, parameters)
    public_key = authorities.issuing.public_key()
    own = x509.SubjectKeyIdentifier.from_public_key(public_key)
    yield cert_signing_info(own.digest.hex())


def user_event(actor: str, user: User) -> Event:
    """What the trail says of a new user."""
    parameters = {
        "Scope": "users",
        "Operation": "OP_ADD",
        "Resource": user.name,
        "roles": ",".join(sorted(user.roles)),
        "certificates": ",".join(sorted(user.certificate_sha256)),
    }
    return config_change(EventName.CONFIG_ROLE, actor, Outcome.SUCCESS, parameters)
