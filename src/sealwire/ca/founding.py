"""How a CA comes to be: its root, its issuing CA, its first agent.

The issuing CA's certificate comes from a root made here, or from outside: then its key is made and
a request handed out, and until the certificate is brought back there is a key but no CA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.audit.events import SYSTEM, cert_signing_info
from sealwire.audit.node_events import csr_generated
from sealwire.ca.authority_certificates import authority_csr, subject_identifier
from sealwire.ca.birth import random_serial
from sealwire.ca.outside import judge_outside
from sealwire.ca.register import issuing_certificate, own_certificates
from sealwire.ca.review import stored_certificate
from sealwire.ca.setup import (
    FIRST_AGENT,
    Initialised,
    SetupPlan,
    authority_events,
    handed_over,
    make_agent,
    make_authorities,
    user_event,
)
from sealwire.ca.waiting import WaitingKey, keep_waiting, waiting_keys
from sealwire.errors import ConflictError
from sealwire.x509.certificate import Purpose
from sealwire.x509.chain import build_chain
from sealwire.x509.keys import key_id
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cryptography import x509

    from sealwire.audit.ports import Store
    from sealwire.ca.enrollment import Enrollment
    from sealwire.ca.ports import CaCertificates, CaTx, SigningKeys
    from sealwire.ca.setup import NewAgent
    from sealwire.clock import Clock, RandomSource
    from sealwire.x509.bundle import Bundle

AGENT_PROFILE: Final = "caUserCert"
IDENTITY: Final = "ca"
"""What the trail calls the CA's own key among the keys that requests are made for."""


class Founding:
    """Makes a CA, once for each store."""

    def __init__(
        self,
        store: Store[CaTx],
        keys: SigningKeys,
        enrollment: Enrollment,
        *,
        clock: Clock,
        random: RandomSource,
    ) -> None:
        self._store = store
        self._keys = keys
        self._enrollment = enrollment
        self._clock = clock
        self._random = random

    def initialise(self, plan: SetupPlan | None = None, *, actor: str = SYSTEM) -> Initialised:
        """Make root, issuing CA, and the agent with password and client certificate.

        Keys go into the key store first; all the rest is one transaction. Raises ConflictError
        ``ca.initialised`` when there is a CA already, ``ca.waiting`` when its certificate is
        awaited from outside, RefusedError for names that cannot be used.
        """
        plan = plan or SetupPlan()
        self._store.read(_require_nothing_yet)
        authorities = make_authorities(
            plan,
            self._keys,
            now=self._clock.now(),
            serial=lambda: random_serial(self._random),
        )
        agent = make_agent(plan.agent, self._random)
        rows, both = authorities.rows(), (authorities.root, authorities.issuing)

        def found(tx: CaTx) -> x509.Certificate:
            _require_nothing_yet(tx)
            return self._establish(tx, rows, both, agent, actor)

        return handed_over(rows, agent, self._store.run(found))

    def request_certificate(
        self, plan: SetupPlan | None = None, *, actor: str = SYSTEM
    ) -> WaitingKey:
        """Make the issuing CA's key and the request that an outside CA is to sign.

        Asked again for the same kind of key and the same name, the same request comes back.
        Raises ConflictError ``ca.initialised``, RefusedError for a name that cannot be used.
        """
        plan = plan or SetupPlan()
        name = plan.issuing()
        asked = (plan.key_type.value, dn_text(name))
        for known in self._store.read(_waiting_before_a_ca):
            if (known.key_type, known.subject) == asked:
                return known
        public_key = self._keys.make_key(plan.key_type)
        identifier = key_id(public_key)
        csr = authority_csr(name, self._keys.signer(identifier))
        waiting = WaitingKey(identifier, *asked, csr_pem=csr, created=self._clock.now())

        def keep(tx: CaTx) -> None:
            keep_waiting(tx, [*_waiting_before_a_ca(tx), waiting])
            event = csr_generated(
                actor, identity=IDENTITY, key_id=identifier, subject=waiting.subject
            )
            self._enrollment.record(tx, event)

        self._store.run(keep)
        return waiting

    def accept_certificate(
        self,
        bundle: Bundle,
        roots: Sequence[x509.Certificate] = (),
        *,
        agent_name: str = FIRST_AGENT,
        actor: str = SYSTEM,
    ) -> Initialised:
        """Bring back what the outside CA signed: from here on there is a CA, with its agent.

        ``bundle`` holds our certificate and the CAs above it, in any order; ``roots``, when given,
        are the only ones that are trusted. Raises ConflictError ``ca.initialised`` or
        ``ca.not_requested``, RefusedError ``ca.certificate`` with all findings, ``chain.invalid``
        when the agent's certificate would not hold under this chain; then nothing is kept.
        """
        asked = {key.key_id: key.subject for key in self._store.read(_require_waiting)}
        chain = judge_outside(bundle, roots, asked=asked, at=self._clock.now())
        rows = chain.rows()
        agent = make_agent(agent_name, self._random)

        def found(tx: CaTx) -> x509.Certificate:
            _require_waiting(tx)
            keep_waiting(tx, ())
            certificate = self._establish(tx, rows, chain.certificates, agent, actor)
            # The verifier of every peer has to take what this CA issues.
            build_chain(
                [certificate, chain.issuing, *chain.intermediates],
                at=self._clock.now(),
                purpose=Purpose.CLIENT,
                leaf=certificate,
                roots=[chain.root],
            )
            return certificate

        return handed_over(rows, agent, self._store.run(found), chain.findings)

    def waiting(self) -> tuple[WaitingKey, ...]:
        """Requests of the CA's own that no certificate came back for."""
        return self._store.read(waiting_keys)

    def announce(self) -> None:
        """Record that the CA's key is ready, at the start of a node; no CA, no record.

        Raises UnavailableError or NotFoundError when the key cannot be used, ConflictError
        ``ca.key`` when it is not the certificate's.
        """
        rows = self._store.read(lambda tx: tx.ca_certificates())
        if rows is None:
            return
        issuing = issuing_certificate(rows)
        if self._keys.signer(rows.issuing_key_id).public_key() != issuing.public_key():
            raise ConflictError("ca.key", "The issuing CA's key is not its certificate's.")
        event = cert_signing_info(subject_identifier(issuing).hex())
        self._store.run(lambda tx: self._enrollment.record(tx, event))

    def certificates(self) -> CaCertificates:
        """The CA's own. Raises ConflictError ``ca.not_initialised``."""
        return self._store.read(own_certificates)

    def _establish(
        self,
        tx: CaTx,
        rows: CaCertificates,
        certificates: Iterable[x509.Certificate],
        agent: NewAgent,
        actor: str,
    ) -> x509.Certificate:
        """All that makes a CA one; the agent's certificate."""
        tx.put_ca_certificates(rows)
        for event in authority_events(actor, certificates):
            self._enrollment.record(tx, event)
        submission = self._enrollment.submission(AGENT_PROFILE, agent.csr_pem)
        certificate = stored_certificate(self._enrollment.enter_and_issue(tx, submission).der)
        user = agent.user_with(certificate)
        tx.put_user(user)
        self._enrollment.record(tx, user_event(actor, user))
        return certificate


def _require_no_ca(tx: CaTx) -> None:
    if tx.ca_certificates() is not None:
        raise ConflictError("ca.initialised", "There is a CA already.")


def _require_nothing_yet(tx: CaTx) -> None:
    _require_no_ca(tx)
    if waiting_keys(tx):
        raise ConflictError(
            "ca.waiting",
            "The CA waits for its certificate from outside.",
            hint="Bring it: sealwire ca init --import FILE...",
        )


def _waiting_before_a_ca(tx: CaTx) -> tuple[WaitingKey, ...]:
    _require_no_ca(tx)
    return waiting_keys(tx)


def _require_waiting(tx: CaTx) -> tuple[WaitingKey, ...]:
    waiting = _waiting_before_a_ca(tx)
    if not waiting:
        raise ConflictError(
            "ca.not_requested",
            "No certificate was asked for.",
            hint="Make the request: sealwire ca init --csr-out FILE",
        )
    return waiting
