"""Looks at a TLS server as a sender would meet it, step by step, each timed.

The first connection is made exactly as the forwarder makes it. Only when that fails are others
made: one without verification, to see what the server sends, and one that offers everything
OpenSSL still can, to see what it would take. A message goes only over the first kind.
"""

from __future__ import annotations

import ssl
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.identity import contact
from sealwire.identity.checkup import (
    Ailment,
    CheckStep,
    Checkup,
    Judgement,
    Outcome,
    StepName,
    fault,
    note,
    skipped,
)
from sealwire.identity.served_chain import judge_served_chain
from sealwire.identity.served_leaf import (
    judge_name,
    judge_revocation,
    judge_strength,
    judge_validity,
)
from sealwire.net.client_tls import client_context, permissive_context, unverified_context
from sealwire.net.dial import connect_all, resolve
from sealwire.net.doctor_words import (
    HUNG_UP,
    about_message,
    gave_reason,
    handshake_remark,
    no_way,
    objection,
)
from sealwire.net.plain_probe import takes_plain_text
from sealwire.net.tls_faults import tls_fault
from sealwire.net.tls_trial import Quiet, Trial
from sealwire.syslog.framing import encode_octet_frame
from sealwire.syslog.rfc5424 import SyslogMessage, build_message
from sealwire.x509.certificate import certificate_pem
from sealwire.x509.subject import dn_text

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence

    from sealwire.clock import Clock
    from sealwire.identity.checkup import Remark
    from sealwire.identity.served_chain import ServedChain
    from sealwire.net.client_tls import ClientIdentity
    from sealwire.x509.revocation import RevocationList

    Resolve = Callable[[str, int], Sequence[tuple[int, tuple[str, int]]]]

_LOG_AUDIT: Final = 13
_INFORMATIONAL: Final = 6
_VERDICT_S: Final = 0.4
_GOODBYE_S: Final = 1.0
_AFTER_TCP: Final = tuple(name for name in StepName if name not in {StepName.DNS, StepName.TCP})
_PROOF: Final = (StepName.NAME, StepName.VALIDITY, StepName.REVOCATION, StepName.CLIENT)


@dataclass(frozen=True, slots=True)
class Patient:
    """Whom to look at, and how.

    ``anchors`` are trusted for the server's certificate. ``message`` is a whole frame, or None to
    send none, with ``why_no_message`` to say so. Seconds: ``timeout`` for each wait, ``listen`` for
    a late refusal.
    """

    host: str
    port: int
    server_name: str
    anchors: tuple[x509.Certificate, ...]
    identity: ClientIdentity | None = None
    lists: tuple[RevocationList, ...] = ()
    message: bytes | None = None
    why_no_message: str = "no message is wanted"
    timeout: float = 5.0
    listen: float = 1.0


def examine(patient: Patient, clock: Clock, find: Resolve = resolve) -> Checkup:
    """Every step; what could not be made is in the report as skipped. Raises no OSError.

    Raises RefusedError ``identity.unreadable`` when the patient's own identity cannot be used.
    """
    with ExitStack() as stack:
        examination = _Examination(patient, clock, stack)
        examination.reach(find)
        return Checkup(patient.host, patient.port, examination.report())


def trial_frame(clock: Clock, host_name: str, app_name: str = "sealwire-doctor") -> bytes:
    """One syslog message that says what it is (RFC 5424), octet-counted."""
    message = SyslogMessage(
        facility=_LOG_AUDIT,
        severity=_INFORMATIONAL,
        timestamp=clock.now(),
        hostname=host_name,
        app_name=app_name,
        process_id=None,
        message_id="DESTINATION_TEST",
        message=b"test message of the audit log destination",
    )
    return encode_octet_frame(build_message(message))


class _Examination:
    """One look: its connections, and its steps so far."""

    def __init__(self, patient: Patient, clock: Clock, stack: ExitStack) -> None:
        self._patient = patient
        self._clock = clock
        self._stack = stack
        self._steps: dict[StepName, CheckStep] = {}
        self._ended = False
        self._address: tuple[int, tuple[str, int]] = (0, ("", 0))
        self._objection: ssl.SSLCertVerificationError | None = None
        self._trust_pem = b"".join(map(certificate_pem, patient.anchors)).decode("ascii")

    def report(self) -> tuple[CheckStep, ...]:
        """All steps in their order."""
        missing = skipped("an earlier step failed")
        return tuple(self._steps.get(name) or CheckStep(name, missing) for name in StepName)

    def _step(self, name: StepName, work: Callable[[], Judgement]) -> Judgement:
        begun = self._clock.monotonic()
        judgement = work()
        took = (self._clock.monotonic() - begun) * 1000
        before = self._steps[name].milliseconds if name in self._steps else 0.0
        self._steps[name] = CheckStep(name, judgement, took + before)
        return judgement

    # The way there.

    def reach(self, find: Resolve) -> None:
        """DNS and TCP; and the rest, when there is a connection."""
        addresses: list[tuple[int, tuple[str, int]]] = []
        opened: list[socket.socket] = []
        self._step(StepName.DNS, lambda: self._look_up(find, addresses))
        if addresses:
            self._step(StepName.TCP, lambda: self._connect(addresses, opened))
        if opened:
            self._look(opened[0])

    def _look_up(self, find: Resolve, into: list[tuple[int, tuple[str, int]]]) -> Judgement:
        try:
            into.extend(find(self._patient.host, self._patient.port))
        except OSError as error:
            return Judgement("", (no_way(error),))
        return contact.judge_addresses(self._patient.host, [address[0] for _, address in into])

    def _connect(
        self, addresses: list[tuple[int, tuple[str, int]]], into: list[socket.socket]
    ) -> Judgement:
        taken, refusals = connect_all(addresses, self._patient.timeout, self._clock)
        for connection in taken.values():
            self._stack.callback(connection.close)
        if taken:
            chosen = next(each for each in addresses if each[1] in taken)
            self._address = chosen
            into.append(taken[chosen[1]])
            for address, connection in taken.items():
                if address != chosen[1]:
                    connection.close()
        host, port = self._address[1][:2]
        return contact.judge_connections(
            [address[0] for address in taken],
            {address[0]: no_way(error) for address, error in refusals.items()},
            f"{host} port {port}",
        )

    # TLS.

    def _look(self, connection: socket.socket) -> None:
        trial = self._shake_hands(connection)
        served = self._judge_server(trial)
        if self._steps[StepName.TLS].outcome is Outcome.FAILED:
            return
        trusted = trial.verified and bool(served.path)
        self._step(StepName.CLIENT, lambda: self._client(trial))
        proven = trusted and all(self._steps[name].outcome is not Outcome.FAILED for name in _PROOF)
        if trial.error is not None:
            return
        if self._steps[StepName.CLIENT].outcome is Outcome.FAILED:
            return
        self._step(StepName.MESSAGE, lambda: self._send(trial, proven=proven))
        if self._steps[StepName.MESSAGE].outcome is not Outcome.FAILED:
            self._step(StepName.CLOSE, lambda: _closed(trial.close(_GOODBYE_S)))

    def _shake_hands(self, connection: socket.socket) -> Trial:
        """The connection to go on with; its TLS step is made."""
        trial = self._trial(self._strict(), connection, verified=bool(self._trust_pem))
        made: list[Trial] = [trial]
        self._step(StepName.TLS, lambda: self._shaken(made))
        return made[-1]

    def _strict(self) -> ssl.SSLContext:
        if not self._trust_pem:
            return unverified_context(self._patient.identity)
        return client_context(self._trust_pem, self._patient.identity)

    def _trial(
        self, context: ssl.SSLContext, connection: socket.socket, *, verified: bool = False
    ) -> Trial:
        trial = Trial(
            connection,
            context,
            self._patient.server_name,
            self._clock,
            self._patient.timeout,
            verified=verified,
        )
        return self._stack.enter_context(trial)

    def _again(self, context: ssl.SSLContext) -> Trial | None:
        """Another connection to the same address, shaken hands on; None when TCP fails now."""
        taken, _ = connect_all([self._address], self._patient.timeout, self._clock)
        for connection in taken.values():
            trial = self._trial(context, connection)
            trial.handshake()
            return trial
        return None

    def _shaken(self, made: list[Trial]) -> Judgement:
        first = made[0]
        first.handshake()
        if isinstance(first.error, ssl.SSLCertVerificationError):
            self._objection = first.error
            first.abandon()
            second = self._again(unverified_context(self._patient.identity))
            if second is None:
                return Judgement("", (contact.CLOSED,))
            made.append(second)
        trial = made[-1]
        if trial.error is None or (trial.notes.certificate and trial.notes.asked is not False):
            return Judgement(" ".join(trial.agreed))
        remark = handshake_remark(trial, self._patient.timeout, self._patient.server_name)
        if remark.code in _MAYBE_PLAIN and self._is_plain():
            remark = contact.TOOK_PLAIN_TEXT
        # Once the server has agreed on version and cipher, another offer would not help.
        elif remark.code in _WORTH_ANOTHER_OFFER and not trial.notes.version:
            remark = self._offer_more(made) or remark
        return Judgement("", (remark,))

    def _offer_more(self, made: list[Trial]) -> Remark | None:
        """What the server would take, if it takes anything."""
        milder = self._again(permissive_context())
        if milder is None or not (milder.error is None or milder.notes.certificate):
            return None
        made.append(milder)
        version, cipher = milder.agreed
        if contact.is_old(version):
            return contact.too_old(version, cipher)
        return contact.no_common_cipher(version, cipher)

    def _is_plain(self) -> bool:
        """Whether syslog without TLS is taken; not tried when no message is wanted."""
        if self._patient.message is None:
            return False
        taken, _ = connect_all([self._address], self._patient.timeout, self._clock)
        for connection in taken.values():
            with connection:
                return takes_plain_text(connection)
        return False

    # The certificates.

    def _judge_server(self, trial: Trial) -> ServedChain:
        """The steps about the server's certificates, as far as it sent some."""
        sent = trial.certificates
        now = self._clock.now()
        served: list[ServedChain] = []

        def chain() -> Judgement:
            served.append(judge_served_chain(sent, self._patient.anchors, now))
            return served[0].judgement

        if trial.error is not None and not sent:
            return judge_served_chain((), (), now)
        self._step(StepName.CHAIN, chain)
        used, path = served[0].used, served[0].path
        if used:
            self._step(StepName.NAME, lambda: judge_name(used[0], self._patient.server_name))
            self._step(StepName.VALIDITY, lambda: judge_validity(used, now))
            self._step(StepName.STRENGTH, lambda: judge_strength(used))
            lists = self._patient.lists
            self._step(StepName.REVOCATION, lambda: judge_revocation(path, lists, now))
        self._heed_objection()
        return served[0]

    def _heed_objection(self) -> None:
        """What OpenSSL refused shall not pass because our own judgement found no fault."""
        judged = [step for name, step in self._steps.items() if name in _ABOUT_SERVER]
        if self._objection is None or any(step.outcome is Outcome.FAILED for step in judged):
            return
        said = tls_fault(self._objection, self._patient.server_name)
        remark = fault(Ailment.REFUSED, said.message, said.hint)
        before = self._steps[StepName.CHAIN]
        judgement = Judgement(before.judgement.detail, (*before.judgement.remarks, remark))
        self._steps[StepName.CHAIN] = CheckStep(before.name, judgement, before.milliseconds)

    # What we show, and say.

    def _client(self, trial: Trial) -> Judgement:
        heard = trial.error or trial.listen(min(_VERDICT_S, self._patient.listen))
        if heard is not Quiet.SILENCE and trial.notes.asked is False and not gave_reason(heard):
            # It did not ask for ours, so that this is no answer to it.
            self._ended = True
            return self._accepted(trial)
        if heard is Quiet.SILENCE:
            return self._accepted(trial)
        return self._objected(trial, heard)

    def _accepted(self, trial: Trial) -> Judgement:
        asked, authorities = trial.notes.asked, trial.notes.authorities
        own = self._own_chain()
        if not own:
            return contact.not_shown(asked=asked, authorities=authorities)
        leaf = own[0]
        detail = f"{dn_text(leaf.subject)}, valid until {leaf.not_valid_after_utc:%Y-%m-%d}"
        return contact.shown(detail, asked=asked, own=())

    def _objected(self, trial: Trial, heard: OSError | Quiet) -> Judgement:
        authorities = trial.notes.authorities
        own = self._own_chain()
        if not own and trial.notes.asked is not False:
            return contact.demanded(authorities)
        remarks = contact.judge_own(own, self._clock.now(), authorities) if own else []
        return contact.refused(objection(heard), remarks, authorities)

    def _own_chain(self) -> Sequence[x509.Certificate]:
        identity = self._patient.identity
        if identity is None:
            return ()
        return x509.load_pem_x509_certificates(identity.chain_pem.encode())

    def _send(self, trial: Trial, *, proven: bool) -> Judgement:
        frame = self._patient.message
        if self._ended:
            return Judgement("", (HUNG_UP,))
        if frame is None:
            return skipped(self._patient.why_no_message)
        if not proven:
            return skipped("not sent: the server has not proven who it is")
        broken = trial.send(frame)
        heard = trial.listen(self._patient.listen)
        if heard is Quiet.SILENCE and broken is None:
            waited = f"{self._patient.listen:g} s"
            return Judgement(f"{len(frame)} bytes sent, no objection within {waited}")
        if heard is Quiet.SILENCE:
            heard = broken or heard
        remark = objection(heard)
        if remark.code in _ABOUT_CLIENT:
            self._step(StepName.CLIENT, lambda: self._objected(trial, heard))
            return skipped("the server refused the client certificate")
        return Judgement("", (about_message(heard, remark),))


_ABOUT_SERVER: Final = frozenset(
    {StepName.CHAIN, StepName.NAME, StepName.VALIDITY, StepName.STRENGTH, StepName.REVOCATION}
)
_ABOUT_CLIENT: Final = frozenset(
    {
        Ailment.CLIENT_REQUIRED,
        Ailment.CLIENT_REFUSED,
        Ailment.CLIENT_UNKNOWN_CA,
        Ailment.CLIENT_EXPIRED,
        Ailment.CLIENT_PURPOSE,
        Ailment.CLIENT_REVOKED,
    }
)
_MAYBE_PLAIN: Final = frozenset({Ailment.SILENT, Ailment.CLOSED})
_WORTH_ANOTHER_OFFER: Final = frozenset(
    {Ailment.CLOSED, Ailment.OLD_VERSION, Ailment.HANDSHAKE_REFUSED, Ailment.TLS_FAILED}
)


def _closed(heard: OSError | Quiet) -> Judgement:
    if heard is Quiet.GOODBYE:
        return Judgement("close_notify sent and answered")
    if heard is Quiet.SILENCE:
        code, text = Ailment.CLOSE_UNANSWERED, f"was not answered within {_GOODBYE_S:g} s"
    else:
        code, text = Ailment.CLOSE_UNCLEAN, "was answered by the end of TCP alone"
    # Many servers are like this; it costs nothing where the sender is the one who ends.
    return Judgement("close_notify sent", (note(code, f"our close_notify {text}"),))
