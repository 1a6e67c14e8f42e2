"""How a CA comes to be: its root, its issuing CA, its first agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.audit.events import SYSTEM
from sealwire.ca.birth import BACKDATE, random_serial
from sealwire.ca.review import stored_certificate
from sealwire.ca.setup import (
    Initialised,
    SetupPlan,
    authority_events,
    handed_over,
    make_agent,
    make_authorities,
    user_event,
)
from sealwire.errors import ConflictError

if TYPE_CHECKING:
    from cryptography import x509

    from sealwire.audit.ports import Store
    from sealwire.ca.enrollment import Enrollment
    from sealwire.ca.ports import CaTx, SigningKeys
    from sealwire.clock import Clock, RandomSource

AGENT_PROFILE: Final = "caUserCert"


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
        ``ca.initialised`` when there is a CA already, RefusedError for names that cannot be used.
        """
        plan = plan or SetupPlan()
        if self._store.read(lambda tx: tx.ca_certificates()) is not None:
            raise _already_initialised()
        authorities = make_authorities(
            plan,
            self._keys,
            not_before=self._clock.now() - BACKDATE,
            serial=lambda: random_serial(self._random),
        )
        agent = make_agent(plan.agent, self._random)
        submission = self._enrollment.submission(AGENT_PROFILE, agent.csr_pem)

        def found(tx: CaTx) -> x509.Certificate:
            if tx.ca_certificates() is not None:
                raise _already_initialised()
            tx.put_ca_certificates(authorities.rows())
            for event in authority_events(actor, authorities):
                self._enrollment.record(tx, event)
            certificate = stored_certificate(self._enrollment.enter_and_issue(tx, submission).der)
            user = agent.user_with(certificate)
            tx.put_user(user)
            self._enrollment.record(tx, user_event(actor, user))
            return certificate

        return handed_over(authorities, agent, self._store.run(found))


def _already_initialised() -> ConflictError:
    return ConflictError("ca.initialised", "There is a CA already.")
