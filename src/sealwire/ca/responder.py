"""Answers OCSP requests from what the store says at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.audit.ca_events import ocsp_generation
from sealwire.audit.events import NON_ROLE_USER, EventName, Outcome
from sealwire.audit.repeats import Repeats, more
from sealwire.audit.settings import SETTING, read_settings
from sealwire.ca.enrollment import TRAIL
from sealwire.ca.ocsp import (
    MALFORMED,
    Good,
    ResponseStatus,
    Revoked,
    Status,
    Times,
    Unknown,
    build_response,
    error_response,
    is_about,
    read_inquiry,
)
from sealwire.ca.ports import RevocationReason
from sealwire.errors import RefusedError, SealwireError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.audit.events import Event
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.ocsp import Question
    from sealwire.ca.ocsp_signer import Candidates, OcspSigners
    from sealwire.ca.ports import CaTx
    from sealwire.clock import Clock

LIFETIME: Final = timedelta(hours=1)
"""Until when an answer may be believed, and so how late a cache may learn of a revocation."""

_FAILURES_A_MINUTE: Final = 3
"""Of one kind, each with its own record; anybody can cause more, which share one."""

_LONGEST_SERIAL_BITS: Final = 159


@dataclass(frozen=True, slots=True)
class OcspAnswer:
    """A response's DER. ``times`` is None when it must not be kept: an error, or with a nonce."""

    der: bytes
    times: Times | None


class _ForeignIssuerError(Exception):
    """A question about another CA's certificate."""


@dataclass(frozen=True, slots=True)
class _State:
    """What one moment's state answers."""

    signers: Candidates
    statuses: Sequence[Status]
    records_success: bool


class OcspResponder:
    """Answers. Safe to call from any thread."""

    def __init__(
        self, store: Store[CaTx], recorder: Recorder, signers: OcspSigners, *, clock: Clock
    ) -> None:
        self._store = store
        self._recorder = recorder
        self._signers = signers
        self._clock = clock
        self._failures = Repeats(_FAILURES_A_MINUTE)

    def answer(self, request: bytes) -> OcspAnswer:
        """The response to ``request``, always: what cannot be answered is answered with why.

        A certificate that was not issued here is ``unknown``, never ``good``. Raises only
        UnavailableError ``store.unavailable`` when not even the failure can be recorded.
        """
        try:
            return self._answered(request)
        except _ForeignIssuerError:
            text = "It asks for a certificate of another CA."
            return self._failed(ResponseStatus.UNAUTHORIZED, text)
        except RefusedError as refusal:
            malformed = refusal.code == MALFORMED
            status = ResponseStatus.MALFORMED_REQUEST if malformed else ResponseStatus.TRY_LATER
            return self._failed(status, refusal.message)
        except SealwireError as fault:
            return self._failed(ResponseStatus.TRY_LATER, fault.message)

    def tend(self) -> None:
        """Record how often failures came in the minutes that are over."""
        self._record(self._failures.due(self._clock.now()))

    def _answered(self, request: bytes) -> OcspAnswer:
        inquiry = read_inquiry(request)
        state = self._store.read(lambda tx: self._state(tx, inquiry.questions))
        issuing = _parsed(state.signers.issuing_pem)
        if not all(is_about(question, issuing) for question in inquiry.questions):
            raise _ForeignIssuerError
        signer = self._signers.signer(state.signers)
        now = self._clock.now()
        times = Times(now, min(now + LIFETIME, signer.certificate.not_valid_after_utc))
        answers = list(zip(inquiry.questions, state.statuses, strict=True))
        der = build_response(signer, answers, times, inquiry.nonce)
        if state.records_success:
            self._record([ocsp_generation(Outcome.SUCCESS)])
        return OcspAnswer(der, times if inquiry.nonce is None else None)

    def _state(self, tx: CaTx, questions: Sequence[Question]) -> _State:
        signers = self._signers.candidates(tx)
        attributes = {"SubjectID": NON_ROLE_USER, "Outcome": Outcome.SUCCESS.value}
        return _State(
            signers,
            [_status(tx, question.serial, signers.issuing_key_id) for question in questions],
            read_settings(tx.setting(SETTING)).records(EventName.OCSP_GENERATION, attributes),
        )

    def _failed(self, status: ResponseStatus, why: str) -> OcspAnswer:
        text = f"{status.name}: {why}"

        def event(count: int) -> Event:
            return ocsp_generation(Outcome.FAILURE, failure=more(text, count))

        self._record(self._failures.note(text, self._clock.now(), event))
        return OcspAnswer(error_response(status), None)

    def _record(self, events: Sequence[Event]) -> None:
        def use_case(tx: CaTx) -> None:
            for event in events:
                self._recorder.record(tx, TRAIL, event)

        if events:
            self._store.run(use_case)


def _status(tx: CaTx, serial: int, issuing_key_id: str) -> Status:
    if not 0 < serial < 1 << _LONGEST_SERIAL_BITS:
        return Unknown()
    row = tx.certificate(serial)
    if row is None or row.issuer_key_id != issuing_key_id:
        return Unknown()
    if row.revoked is None:
        return Good()
    return Revoked(row.revoked, row.revocation_reason or RevocationReason.UNSPECIFIED)


@lru_cache(maxsize=2)
def _parsed(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())
