"""Making a CA: its names, its keys, the root's and the issuing CA's certificates, its agent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.access.roles import Role
from sealwire.access.users import new_user, one_time_password
from sealwire.audit.events import EventName, Outcome, cert_signing_info, config_change
from sealwire.ca.authority_certificates import (
    issuing_certificate_by,
    root_certificate,
    subject_identifier,
)
from sealwire.ca.ports import CaCertificates
from sealwire.errors import RefusedError
from sealwire.x509.certificate import certificate_pem, certificate_sha256
from sealwire.x509.csr import build_csr
from sealwire.x509.keys import KeyType, PrivateKey, generate_key, key_id, private_key_pem
from sealwire.x509.subject import SubjectFields, dn_text, subject_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from sealwire.access.ports import User
    from sealwire.audit.events import Event
    from sealwire.ca.ports import SigningKeys
    from sealwire.clock import RandomSource
    from sealwire.errors import Finding


FIRST_AGENT: Final = "caadmin"


@dataclass(frozen=True, slots=True)
class SetupPlan:
    """What the new CA is to be. Names without a value are made from ``organization``."""

    key_type: KeyType = KeyType.P256
    organization: str = ""
    root_name: x509.Name | None = None
    issuing_name: x509.Name | None = None
    agent: str = FIRST_AGENT

    def names(self) -> tuple[x509.Name, x509.Name]:
        """Subjects of root and issuing CA.

        Raises RefusedError ``subject.invalid``, or ``ca.names`` when the two are the same.
        """
        root, issuing = self.root_name or self._name("Root CA"), self.issuing()
        if root == issuing:
            raise RefusedError("ca.names", "Root and issuing CA need different names.")
        return root, issuing

    def issuing(self) -> x509.Name:
        """Subject of the issuing CA. Raises RefusedError ``subject.invalid``."""
        return self.issuing_name or self._name("Issuing CA")

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

    ``agent_pem`` holds the agent's certificate, those of the CAs below the root, and the agent's
    key, in PEM. ``findings``: remarks on a certificate that came from outside.
    """

    root_pem: str
    issuing_pem: str
    root_subject: str
    issuing_subject: str
    agent: str
    one_time_password: str
    agent_pem: str
    findings: tuple[Finding, ...] = ()


def make_authorities(
    plan: SetupPlan, keys: SigningKeys, *, now: datetime, serial: Callable[[], int]
) -> Authorities:
    """Make keys and certificates of root and issuing CA.

    The keys are kept when this returns: keys without a CA do no harm, a CA without keys would.
    """
    root_name, issuing_name = plan.names()
    root_key, issuing_key = keys.make_key(plan.key_type), keys.make_key(plan.key_type)
    root_signer = keys.signer(key_id(root_key))
    root = root_certificate(root_name, root_signer, now=now, serial=serial)
    issuing = issuing_certificate_by(
        root, root_signer, subject=issuing_name, public_key=issuing_key, now=now, serial=serial
    )
    return Authorities(root, issuing)


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
    rows: CaCertificates,
    agent: NewAgent,
    certificate: x509.Certificate,
    findings: tuple[Finding, ...] = (),
) -> Initialised:
    """What is given out after the transaction that made all this."""
    bundle = certificate_pem(certificate).decode() + rows.issuing_pem + rows.intermediates_pem
    return Initialised(
        root_pem=rows.root_pem,
        issuing_pem=rows.issuing_pem,
        root_subject=_subject(rows.root_pem),
        issuing_subject=_subject(rows.issuing_pem),
        agent=agent.user.name,
        one_time_password=agent.one_time_password,
        agent_pem=bundle + private_key_pem(agent.key).decode(),
        findings=findings,
    )


def _subject(pem: str) -> str:
    return dn_text(x509.load_pem_x509_certificate(pem.encode()).subject)


def authority_events(
    actor: str, certificates: Iterable[x509.Certificate], *, operation: str = "OP_ADD"
) -> Iterator[Event]:
    """What the trail says of new CA certificates, the last of which is the issuing CA's."""
    issuing = None
    for certificate in certificates:
        parameters = {
            "Scope": "caCertificates",
            "Operation": operation,
            "Resource": dn_text(certificate.subject),
            "sha256": certificate_sha256(certificate),
        }
        name = EventName.CONFIG_TRUSTED_PUBLIC_KEY
        yield config_change(name, actor, Outcome.SUCCESS, parameters)
        issuing = certificate
    if issuing is not None:
        yield cert_signing_info(subject_identifier(issuing).hex())


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
