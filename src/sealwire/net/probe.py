"""Tests a destination as the forwarder would use it, step by step, each timed.

The same look at a server as ``sealwire doctor`` takes, with the destination's own trust, name and
certificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.appliance.delivery import ProbeReport, ProbeStep
from sealwire.errors import SealwireError, Severity
from sealwire.identity.checkup import Ailment, Outcome, StepName
from sealwire.net.doctor import Patient, examine, trial_frame

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.appliance.ports import Destination
    from sealwire.clock import Clock
    from sealwire.identity.checkup import CheckStep
    from sealwire.net.client_tls import ClientIdentity
    from sealwire.x509.revocation import RevocationList

_NO_CERTIFICATE: Final = ProbeStep(
    StepName.CLIENT.value,
    ok=False,
    milliseconds=0.0,
    detail="no audit log client certificate is installed",
    fix="generate a CSR, have it signed and import the certificate",
)
# Streaming works in spite of these; the report says them all the same.
_NO_OBSTACLE: Final = frozenset({Ailment.ORDER_WRONG})


class DestinationProbe:
    """Fills ``appliance.delivery.Probe``.

    ``host_name`` gives the HOSTNAME of the test message, ``lists`` the revocation lists that the
    forwarder honours, ``listen`` is how many seconds a late refusal is waited for.
    """

    def __init__(
        self,
        clock: Clock,
        identity: Callable[[], ClientIdentity | None],
        *,
        host_name: Callable[[], str],
        lists: Callable[[], Sequence[RevocationList]] = tuple,
        timeout: float = 10.0,
        listen: float = 1.0,
    ) -> None:
        self._clock = clock
        self._identity = identity
        self._host_name = host_name
        self._lists = lists
        self._timeout = timeout
        self._listen = listen

    def probe(self, destination: Destination) -> ProbeReport:
        """Every step up to the first that fails."""
        try:
            steps = self._steps(destination)
        except SealwireError as error:
            step = ProbeStep(
                StepName.CLIENT.value, ok=False, milliseconds=0.0, detail=error.message,
                fix=error.hint,
            )  # fmt: skip
            steps = [step]
        return ProbeReport(destination.name, tuple(steps))

    def _steps(self, destination: Destination) -> list[ProbeStep]:
        identity = self._identity() if destination.mutual else None
        if destination.mutual and identity is None:
            return [_NO_CERTIFICATE]
        patient = Patient(
            host=destination.host,
            port=destination.port,
            server_name=destination.server_name,
            anchors=tuple(x509.load_pem_x509_certificates(destination.trust_pem.encode())),
            identity=identity,
            lists=tuple(self._lists()),
            message=trial_frame(self._clock, self._host_name(), "sealwire-appliance"),
            timeout=self._timeout,
            listen=self._listen,
        )
        made = [step for step in examine(patient, self._clock).steps if _was_made(step)]
        shown = []
        for step in made:
            shown.append(_probe_step(step))
            if not shown[-1].ok:
                break
        return shown


def _was_made(step: CheckStep) -> bool:
    return step.outcome is not Outcome.SKIPPED


def _probe_step(step: CheckStep) -> ProbeStep:
    remarks = step.judgement.remarks
    obstacles = [
        each
        for each in remarks
        if each.severity is Severity.ERROR and each.code not in _NO_OBSTACLE
    ]
    said = obstacles or list(remarks)
    words = [each.message for each in said]
    if not obstacles and step.judgement.detail:
        words.insert(0, step.judgement.detail)
    fixes = dict.fromkeys(each.fix for each in said if each.fix)
    return ProbeStep(
        step.name.value,
        ok=not obstacles,
        milliseconds=step.milliseconds,
        detail="; ".join(words),
        fix="; ".join(fixes),
    )
