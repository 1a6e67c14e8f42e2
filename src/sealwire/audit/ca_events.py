"""Events of certificates' status, of profiles, of CRL and OCSP, as Dogtag words them."""

from __future__ import annotations

from typing import Literal

from sealwire.audit.events import NON_ROLE_USER, SYSTEM, AttributeValue, Event, EventName, Outcome

StatusChange = Literal["revoke", "on-hold", "off-hold"]
StatusApproval = Literal["complete", "rejected", "canceled"]
ProfileOperation = Literal["approve", "disapprove"]


def _event(
    name: EventName, subject_id: str, outcome: Outcome, **attributes: AttributeValue
) -> Event:
    return Event(name, subject_id, outcome, tuple(attributes.items()))


def _optional(**attributes: AttributeValue) -> dict[str, AttributeValue]:
    return {name: value for name, value in attributes.items() if value is not None}


def status_change_request(
    subject_id: str,
    request_id: int,
    serial: int,
    change: StatusChange,
    *,
    outcome: Outcome = Outcome.SUCCESS,
) -> Event:
    """Somebody asked to revoke a certificate, to put it on hold or to release it.

    The serial number is printed in hex in every format, the request number as the format does.
    """
    return _event(
        EventName.CERT_STATUS_CHANGE_REQUEST,
        subject_id,
        outcome,
        ReqID=request_id,
        CertSerialNum=f"{serial:#x}",
        RequestType=change,
    )


def status_change_processed(
    subject_id: str,
    request_id: int,
    serial: int,
    change: StatusChange,
    *,
    reason: int | None,
    approval: StatusApproval,
    outcome: Outcome = Outcome.SUCCESS,
    info: str | None = None,
) -> Event:
    """What became of such a request.

    ``reason`` is a CRLReason number (RFC 5280 section 5.3.1); None is printed ``<null>``.
    ``approval`` ``complete`` means approved; ``info`` says why it failed.
    """
    return _event(
        EventName.CERT_STATUS_CHANGE_REQUEST_PROCESSED,
        subject_id,
        outcome,
        ReqID=request_id,
        CertSerialNum=f"{serial:#x}",
        RequestType=change,
        RevokeReasonNum=None if reason is None else str(reason),
        Approval=approval,
        **_optional(Info=info),
    )


def request_approval(
    subject_id: str, request_id: int, info: str, *, outcome: Outcome = Outcome.SUCCESS
) -> Event:
    """An agent's yes that is not the last one needed, or one that was refused; ``info`` says why.

    The last one is CERT_REQUEST_PROCESSED.
    """
    return _event(EventName.CERT_REQUEST_APPROVAL, subject_id, outcome, ReqID=request_id, Info=info)


def profile_approval(
    subject_id: str,
    profile_id: str,
    operation: ProfileOperation,
    *,
    outcome: Outcome = Outcome.SUCCESS,
) -> Event:
    """A profile was enabled (``approve``) or disabled (``disapprove``)."""
    return _event(
        EventName.CERT_PROFILE_APPROVAL, subject_id, outcome, ProfileID=profile_id, Op=operation
    )


def crl_generation(
    subject_id: str,
    outcome: Outcome,
    *,
    number: int | None = None,
    failure: str | None = None,
    info: str | None = None,
) -> Event:
    """A full CRL was made; ``number`` is its CRL number, ``failure`` says why there is none."""
    return _event(
        EventName.FULL_CRL_GENERATION, subject_id, outcome, **_crl(number, failure, info=info)
    )


def crl_publishing(
    subject_id: str, outcome: Outcome, *, number: int | None = None, failure: str | None = None
) -> Event:
    """A full CRL was put where everybody can fetch it, or could not be."""
    return _event(EventName.FULL_CRL_PUBLISHING, subject_id, outcome, **_crl(number, failure))


def crl_schedule(subject_id: str, outcome: Outcome, *, failure: str | None = None) -> Event:
    """Somebody asked for a new CRL outside its turn."""
    return _event(
        EventName.SCHEDULE_CRL_GENERATION, subject_id, outcome, **_optional(FailureReason=failure)
    )


def _crl(
    number: int | None, failure: str | None, *, info: str | None = None
) -> dict[str, AttributeValue]:
    # A CRL number is no request or serial number: it is decimal in every format.
    printed = None if number is None else str(number)
    return _optional(CRLnum=printed, Info=info, FailureReason=failure)


def ocsp_generation(outcome: Outcome, *, failure: str | None = None) -> Event:
    """A question about a certificate was answered, or could not be (then ``failure`` says why)."""
    return _event(
        EventName.OCSP_GENERATION, NON_ROLE_USER, outcome, **_optional(FailureReason=failure)
    )


def ocsp_signing_info(subject_key_id: str) -> Event:
    """The key that signs OCSP answers is ready; ``subject_key_id`` as Dogtag prints SKI."""
    return _event(EventName.OCSP_SIGNING_INFO, SYSTEM, Outcome.SUCCESS, SKI=subject_key_id)


def crl_signing_info(subject_key_id: str) -> Event:
    """The key that signs CRLs is ready; ``subject_key_id`` as Dogtag prints SKI."""
    return _event(EventName.CRL_SIGNING_INFO, SYSTEM, Outcome.SUCCESS, SKI=subject_key_id)


def audit_log_delete(subject_id: str, outcome: Outcome, log_file: str) -> Event:
    """A file of the signed audit log was removed because its time was up."""
    return _event(EventName.AUDIT_LOG_DELETE, subject_id, outcome, LogFile=log_file)
