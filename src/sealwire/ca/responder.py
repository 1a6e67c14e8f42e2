"""Answers OCSP requests from what the store says at that moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography import x509

from sealwire.audit.ca_events import ocsp_generation
from sealwire.audit.events import NON_ROLE_USER, EventName, Outcome
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
    from datetime import datetime

    from sealwire.audit.events import Event
    from sealwire.audit.ports import Store
    from sealwire.audit.recorder import Recorder
    from sealwire.ca.ocsp import Question
    from sealwire.ca.ocsp_signer import Candidates, OcspSigners
    from sealwire.ca.ports import CaTx
    from sealwire.clock import Clock

LIFETIME: Final = timedelta(hours=1)
"""Until when an answer may be believed, and so how late a cache may learn of a revocation."""

FAILURE_EVERY: Final = timedelta(minutes=1)
"""The same failure is recorded once in this time, with how often it came: anybody can cause it."""

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
        self._failures = _Failures()

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
            self._record(ocsp_generation(Outcome.SUCCESS))
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
        text = self._failures.told(f"{status.name}: {why}", self._clock.now())
        if text is not None:
            self._record(ocsp_generation(Outcome.FAILURE, failure=text))
        return OcspAnswer(error_response(status), None)

    def _record(self, event: Event) -> None:
        self._store.run(lambda tx: self._recorder.record(tx, TRAIL, event))


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


class _Failures:
    """Counts failures by their text, of which there are few: none holds what was sent.

    Two threads at once may miscount by one; that costs a record, or a number in one.
    """

    def __init__(self) -> None:
        self._told: dict[str, datetime] = {}
        self._untold: dict[str, int] = {}

    def told(self, text: str, now: datetime) -> str | None:
        """What to record now, or None when this text was recorded a short time ago."""
        last = self._told.get(text)
        count = self._untold.get(text, 0) + 1
        if last is not None and timedelta() <= now - last < FAILURE_EVERY:
            self._untold[text] = count
            return None
        self._told[text], self._untold[text] = now, 0
        return text if count == 1 else f"{text} ({count} times)"
