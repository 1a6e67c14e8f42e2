"""Audit events: what can be recorded, one constructor each.

An event outside the catalogue, a missing attribute or one the catalogue does not know is refused
when the event is made. How an event is printed, which differs
between versions, is ``sealwire.audit.formats``'s business.

Attribute values: text, None (printed ``<null>``), an int (a request or serial number, printed as
the format prints numbers) or ``Parameters`` (configuration pairs).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sealwire.audit.catalogue import CATALOGUE, ELSEWHERE, EventName, Outcome
from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MASK",
    "NON_ROLE_USER",
    "SYSTEM",
    "UNIDENTIFIED",
    "AttributeValue",
    "Decision",
    "Event",
    "EventName",
    "Outcome",
    "Parameters",
    "Resolution",
    "access_session_establish",
    "access_session_terminated",
    "audit_log_shutdown",
    "audit_log_startup",
    "auth_failure",
    "auth_success",
    "authz",
    "cert_signing_info",
    "check_event_name",
    "config_change",
    "profile_cert_request",
    "request_approved",
    "request_canceled",
    "request_invalid",
    "request_not_issued",
    "request_rejected",
    "role_assume",
]

SYSTEM: Final = "$System$"
UNIDENTIFIED: Final = "$Unidentified$"
NON_ROLE_USER: Final = "$NonRoleUser$"
MASK: Final = "********"
_SECRET_WORDS: Final = ("password", "passwd", "passphrase", "secret", "token", "private")


@dataclass(frozen=True, slots=True)
class Parameters:
    """Configuration pairs in order; an empty or absent value is printed ``<null>``."""

    pairs: tuple[tuple[str, str | None], ...]


AttributeValue = str | int | Parameters | None


class Resolution(StrEnum):
    """What became of a certificate request."""

    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELED = "canceled"
    INVALID = "invalid"
    NOT_ISSUED = "not issued"


@dataclass(frozen=True, slots=True)
class Decision:
    """The matter of CERT_REQUEST_PROCESSED; formats choose what of it they print.

    ``reason`` is the agent's words, or for ``INVALID`` the whole text for InfoValue.
    """

    resolution: Resolution
    reason: str | None = None
    serial: int | None = None
    certificate_der: bytes | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the catalogue.

    ``attributes`` are those beside SubjectID and Outcome, by name. ``decision`` belongs to
    CERT_REQUEST_PROCESSED and to nothing else. Raises RefusedError ``audit.event_unknown`` or
    ``audit.event_attributes`` when the catalogue does not know it so.
    """

    name: EventName
    subject_id: str
    outcome: Outcome
    attributes: tuple[tuple[str, AttributeValue], ...] = ()
    decision: Decision | None = None

    def __post_init__(self) -> None:
        check_event_name(self.name)
        if not isinstance(self.outcome, Outcome):
            raise RefusedError("audit.event_attributes", "An outcome is Success or Failure.")
        if self.name in ELSEWHERE:
            raise RefusedError("audit.event_unknown", f"{self.name} is no event of a trail.")
        if (self.decision is not None) != (self.name is EventName.CERT_REQUEST_PROCESSED):
            raise RefusedError(
                "audit.event_attributes", "Only CERT_REQUEST_PROCESSED carries a decision."
            )
        self._check_attributes()

    def _check_attributes(self) -> None:
        known = CATALOGUE[self.name].attributes
        given = {"SubjectID", "Outcome", *(name for name, _ in self.attributes)}
        required = {name for name in known if not name.endswith("?")}
        allowed = {name.removesuffix("?") for name in known}
        if len(given) != len(self.attributes) + 2 or not required <= given <= allowed:
            raise RefusedError(
                "audit.event_attributes", f"{self.name} does not have these attributes."
            )


def check_event_name(name: str) -> EventName:
    """The catalogue's member of that name. Raises RefusedError ``audit.event_unknown``."""
    try:
        return EventName(name)
    except ValueError:
        raise RefusedError(
            "audit.event_unknown", "The catalogue of audit events does not know this one."
        ) from None


def _event(
    name: EventName, subject_id: str, outcome: Outcome, **attributes: AttributeValue
) -> Event:
    return Event(name, subject_id, outcome, tuple(attributes.items()))


def _given(**attributes: AttributeValue) -> dict[str, AttributeValue]:
    return {name: value for name, value in attributes.items() if value is not None}


def audit_log_startup() -> Event:
    """Recording begins."""
    return _event(EventName.AUDIT_LOG_STARTUP, SYSTEM, Outcome.SUCCESS)


def audit_log_shutdown() -> Event:
    """Recording ends."""
    return _event(EventName.AUDIT_LOG_SHUTDOWN, SYSTEM, Outcome.SUCCESS)


def access_session_establish(
    client_ip: str, server_ip: str, subject_id: str, outcome: Outcome, *, info: str | None = None
) -> Event:
    """A TLS connection was accepted, or failed (then ``info`` says why)."""
    return _event(
        EventName.ACCESS_SESSION_ESTABLISH,
        subject_id,
        outcome,
        ClientIP=client_ip,
        ServerIP=server_ip,
        **_given(Info=info),
    )


def access_session_terminated(
    client_ip: str, server_ip: str, subject_id: str, *, info: str | None = None
) -> Event:
    """A TLS connection ended; ``info`` is the alert, for example."""
    return _event(
        EventName.ACCESS_SESSION_TERMINATED,
        subject_id,
        Outcome.SUCCESS,
        ClientIP=client_ip,
        ServerIP=server_ip,
        **_given(Info=info),
    )


def auth_success(subject_id: str, auth_manager: str) -> Event:
    """Somebody logged in; ``auth_manager`` names the way (``certUserDBAuthMgr``, ...)."""
    return _event(EventName.AUTH, subject_id, Outcome.SUCCESS, AuthMgr=auth_manager)


def auth_failure(
    attempted: str,
    auth_manager: str,
    *,
    subject_id: str = UNIDENTIFIED,
    info: str | None = None,
) -> Event:
    """A log-in failed; ``attempted`` is the user as typed, never the password."""
    return _event(
        EventName.AUTH,
        subject_id,
        Outcome.FAILURE,
        AuthMgr=auth_manager,
        AttemptedCred=attempted,
        **_given(Info=info),
    )


def authz(
    subject_id: str, outcome: Outcome, resource: str, operation: str, *, info: str | None = None
) -> Event:
    """An authorisation was judged."""
    return _event(
        EventName.AUTHZ,
        subject_id,
        outcome,
        aclResource=resource,
        Op=operation,
        **_given(Info=info),
    )


def role_assume(subject_id: str, outcome: Outcome, role: str) -> Event:
    """Somebody acts in a role."""
    return _event(EventName.ROLE_ASSUME, subject_id, outcome, Role=role)


def profile_cert_request(
    subject_id: str,
    request_id: int | None,
    profile_id: str,
    subject: str | None,
    *,
    outcome: Outcome = Outcome.SUCCESS,
    info: str | None = None,
) -> Event:
    """A request came in; Dogtag records it before the profile's constraints are applied.

    One that could not be read has no number and no subject; ``info`` says why.
    """
    return _event(
        EventName.PROFILE_CERT_REQUEST,
        subject_id,
        outcome,
        ReqID=request_id,
        ProfileID=profile_id,
        CertSubject=subject,
        **_given(Info=info),
    )


def _processed(subject_id: str, request_id: int, outcome: Outcome, decision: Decision) -> Event:
    return Event(
        EventName.CERT_REQUEST_PROCESSED,
        subject_id,
        outcome,
        (("ReqID", request_id),),
        decision,
    )


def request_approved(
    subject_id: str, request_id: int, *, serial: int, certificate_der: bytes
) -> Event:
    """CERT_REQUEST_PROCESSED: the certificate was issued."""
    decision = Decision(Resolution.APPROVED, serial=serial, certificate_der=certificate_der)
    return _processed(subject_id, request_id, Outcome.SUCCESS, decision)


def request_rejected(subject_id: str, request_id: int, reason: str | None) -> Event:
    """CERT_REQUEST_PROCESSED: an agent rejected it; an empty reason counts as none."""
    decision = Decision(Resolution.REJECTED, reason or None)
    return _processed(subject_id, request_id, Outcome.FAILURE, decision)


def request_canceled(subject_id: str, request_id: int, reason: str | None) -> Event:
    """CERT_REQUEST_PROCESSED: an agent canceled it; an empty reason counts as none."""
    decision = Decision(Resolution.CANCELED, reason or None)
    return _processed(subject_id, request_id, Outcome.FAILURE, decision)


def request_invalid(request_id: int, fault: str, *, subject_id: str = NON_ROLE_USER) -> Event:
    """CERT_REQUEST_PROCESSED: the profile refused it at submit.

    ``fault`` is the profile's words, such as ``Subject Name Not Matched UID=testuser``. The
    number inside the text is decimal in every format, as Dogtag's is.
    """
    decision = Decision(Resolution.INVALID, f"Request {request_id} Rejected - {fault}")
    return _processed(subject_id, request_id, Outcome.FAILURE, decision)


def request_not_issued(subject_id: str, request_id: int) -> Event:
    """CERT_REQUEST_PROCESSED: it was approved, but issuing failed."""
    return _processed(subject_id, request_id, Outcome.FAILURE, Decision(Resolution.NOT_ISSUED))


def cert_signing_info(subject_key_id: str, *, authority_id: str | None = None) -> Event:
    """The CA's signing key is ready; ``subject_key_id`` as Dogtag prints SKI."""
    return _event(
        EventName.CERT_SIGNING_INFO,
        SYSTEM,
        Outcome.SUCCESS,
        SKI=subject_key_id,
        **_given(AuthorityID=authority_id),
    )


def config_change(
    name: EventName, subject_id: str, outcome: Outcome, parameters: Mapping[str, str | None]
) -> Event:
    """A configuration event: one of CONFIG_* or of Sealwire's *_CHANGE.

    ``parameters`` keep their order (``Scope``, ``Operation``, ``Resource`` first, as Dogtag does).
    The value of a name that speaks of a password, secret, token or private key is masked here, so
    that it never gets further. Raises RefusedError when ``name`` is no configuration event.
    """
    pairs = tuple((key, _masked(key, value)) for key, value in parameters.items())
    return _event(name, subject_id, outcome, ParamNameValPairs=Parameters(pairs))


def _masked(name: str, value: str | None) -> str | None:
    secret = any(word in name.lower() for word in _SECRET_WORDS)
    return MASK if value and secret else value
