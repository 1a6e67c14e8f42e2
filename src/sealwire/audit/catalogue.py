"""The closed catalogue of audit events, as data.

Names, attributes, their order and the closing words are Dogtag's where Dogtag has the event;
Sealwire's own follow its style.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Outcome(StrEnum):
    """How it went, spelled as Dogtag spells it."""

    SUCCESS = "Success"
    FAILURE = "Failure"


class EventName(StrEnum):
    """Every event there is."""

    AUDIT_LOG_STARTUP = "AUDIT_LOG_STARTUP"
    AUDIT_LOG_SHUTDOWN = "AUDIT_LOG_SHUTDOWN"
    AUDIT_LOG_SIGNING = "AUDIT_LOG_SIGNING"
    AUDIT_LOG_DELETE = "AUDIT_LOG_DELETE"
    ACCESS_SESSION_ESTABLISH = "ACCESS_SESSION_ESTABLISH"
    ACCESS_SESSION_TERMINATED = "ACCESS_SESSION_TERMINATED"
    AUTH = "AUTH"
    AUTHZ = "AUTHZ"
    ROLE_ASSUME = "ROLE_ASSUME"
    PROFILE_CERT_REQUEST = "PROFILE_CERT_REQUEST"
    CERT_REQUEST_PROCESSED = "CERT_REQUEST_PROCESSED"
    CERT_REQUEST_APPROVAL = "CERT_REQUEST_APPROVAL"
    CERT_STATUS_CHANGE_REQUEST = "CERT_STATUS_CHANGE_REQUEST"
    CERT_STATUS_CHANGE_REQUEST_PROCESSED = "CERT_STATUS_CHANGE_REQUEST_PROCESSED"
    CERT_PROFILE_APPROVAL = "CERT_PROFILE_APPROVAL"
    CERT_SIGNING_INFO = "CERT_SIGNING_INFO"
    CRL_SIGNING_INFO = "CRL_SIGNING_INFO"
    OCSP_SIGNING_INFO = "OCSP_SIGNING_INFO"
    FULL_CRL_GENERATION = "FULL_CRL_GENERATION"
    FULL_CRL_PUBLISHING = "FULL_CRL_PUBLISHING"
    SCHEDULE_CRL_GENERATION = "SCHEDULE_CRL_GENERATION"
    OCSP_GENERATION = "OCSP_GENERATION"
    CONFIG_ACL = "CONFIG_ACL"
    CONFIG_AUTH = "CONFIG_AUTH"
    CONFIG_CERT_PROFILE = "CONFIG_CERT_PROFILE"
    CONFIG_CRL_PROFILE = "CONFIG_CRL_PROFILE"
    CONFIG_OCSP_PROFILE = "CONFIG_OCSP_PROFILE"
    CONFIG_ENCRYPTION = "CONFIG_ENCRYPTION"
    CONFIG_ROLE = "CONFIG_ROLE"
    CONFIG_SIGNED_AUDIT = "CONFIG_SIGNED_AUDIT"
    CONFIG_TRUSTED_PUBLIC_KEY = "CONFIG_TRUSTED_PUBLIC_KEY"
    CONFIG_SERIAL_NUMBER = "CONFIG_SERIAL_NUMBER"
    CSR_GENERATED = "CSR_GENERATED"
    CSR_DISCARDED = "CSR_DISCARDED"
    IDENTITY_INSTALLED = "IDENTITY_INSTALLED"
    IDENTITY_ROLLED_BACK = "IDENTITY_ROLLED_BACK"
    CERTIFICATE_EXPIRING = "CERTIFICATE_EXPIRING"
    DESTINATION_CHANGE = "DESTINATION_CHANGE"
    STREAM_CHANGE = "STREAM_CHANGE"
    INPUT_CHANGE = "INPUT_CHANGE"
    LISTENER_CHANGE = "LISTENER_CHANGE"
    TRUST_CHANGE = "TRUST_CHANGE"
    UNIT_CHANGE = "UNIT_CHANGE"
    RETENTION_CHANGE = "RETENTION_CHANGE"
    LEGAL_HOLD_CHANGE = "LEGAL_HOLD_CHANGE"
    RECORDS_DELETED = "RECORDS_DELETED"
    RECORDS_EXPORTED = "RECORDS_EXPORTED"
    JOURNAL_RECOVERED = "JOURNAL_RECOVERED"
    WORKER_RESTARTED = "WORKER_RESTARTED"
    SOURCE_SILENT = "SOURCE_SILENT"
    SOURCE_HEARD = "SOURCE_HEARD"
    DELIVERY_CONNECTED = "DELIVERY_CONNECTED"
    DELIVERY_FAILED = "DELIVERY_FAILED"
    DELIVERY_CLOSED = "DELIVERY_CLOSED"
    INPUT_LINE = "INPUT_LINE"

    @property
    def message_id(self) -> str:
        """Its MSGID, of which RFC 5424 allows 32 characters: shortened where it is longer."""
        return _SHORTENED.get(self, self.value)


_SHORTENED: Final[Mapping[EventName, str]] = {
    EventName.CERT_STATUS_CHANGE_REQUEST_PROCESSED: "CERT_STATUS_CHANGE_PROCESSED",
}

ELSEWHERE: Final = frozenset({EventName.INPUT_LINE, EventName.AUDIT_LOG_SIGNING})
"""Not made as events: a line is recorded as it is, a signature stands in the signed file only."""


@dataclass(frozen=True, slots=True)
class EventKind:
    """What the catalogue says of an event: attributes in order, ``?`` after the optional ones."""

    attributes: tuple[str, ...]
    success: str
    failure: str

    def closing(self, outcome: Outcome) -> str:
        """The words after the attributes."""
        return self.success if outcome is Outcome.SUCCESS else self.failure


def _kind(attributes: str, success: str, failure: str | None = None) -> EventKind:
    return EventKind(tuple(attributes.split()), success, success if failure is None else failure)


def _config(subject: str) -> EventKind:
    return _kind("SubjectID Outcome ParamNameValPairs", subject)


_IDENTITY: Final = "SubjectID Outcome Identity Generation? CertSubject? CertSHA256? Info?"
_DELIVERY: Final = "SubjectID Outcome Destination ServerHost ServerPort Count? Info?"
_SOURCE: Final = "SubjectID Outcome ClientIP CertSubject? LastSeen Info?"
_CRL: Final = "SubjectID Outcome CRLnum? Info? FailureReason?"
_SESSION: Final = "ClientIP ServerIP SubjectID Outcome Info?"

CATALOGUE: Final[Mapping[EventName, EventKind]] = {
    EventName.AUDIT_LOG_STARTUP: _kind("SubjectID Outcome", "audit function startup"),
    EventName.AUDIT_LOG_SHUTDOWN: _kind("SubjectID Outcome", "audit function shutdown"),
    # The signature itself follows: see sealwire.audit.signed_log.
    EventName.AUDIT_LOG_SIGNING: _kind(
        "SubjectID Outcome", "signature of audit buffer just flushed: sig:"
    ),
    EventName.AUDIT_LOG_DELETE: _kind("SubjectID Outcome LogFile", "signedAudit log deletion"),
    EventName.ACCESS_SESSION_ESTABLISH: _kind(
        _SESSION, "access session establish success", "access session establish failure"
    ),
    EventName.ACCESS_SESSION_TERMINATED: _kind(_SESSION, "access session terminated"),
    EventName.AUTH: _kind(
        "SubjectID Outcome AuthMgr AttemptedCred? Info?",
        "authentication success",
        "authentication failure",
    ),
    EventName.AUTHZ: _kind(
        "SubjectID Outcome aclResource Op Info?", "authorization success", "authorization failure"
    ),
    EventName.ROLE_ASSUME: _kind("SubjectID Outcome Role", "assume privileged role"),
    EventName.PROFILE_CERT_REQUEST: _kind(
        "SubjectID Outcome ReqID ProfileID CertSubject Info?",
        "certificate request made with certificate profiles",
    ),
    # What is printed of this one differs by format and by decision: see formats.
    EventName.CERT_REQUEST_PROCESSED: _kind(
        "SubjectID Outcome ReqID InfoName? InfoValue? CertSerialNum?",
        "certificate request processed",
    ),
    # Sealwire's own: Dogtag knows neither several approvers nor a refused approval.
    EventName.CERT_REQUEST_APPROVAL: _kind(
        "SubjectID Outcome ReqID Info", "certificate request approval"
    ),
    EventName.CERT_STATUS_CHANGE_REQUEST: _kind(
        "SubjectID Outcome ReqID CertSerialNum RequestType",
        "certificate revocation/unrevocation request made",
    ),
    EventName.CERT_STATUS_CHANGE_REQUEST_PROCESSED: _kind(
        "SubjectID Outcome ReqID CertSerialNum RequestType RevokeReasonNum Approval Info?",
        "certificate status change request processed",
    ),
    EventName.CERT_PROFILE_APPROVAL: _kind(
        "SubjectID Outcome ProfileID Op", "certificate profile approval"
    ),
    EventName.CERT_SIGNING_INFO: _kind(
        "SubjectID Outcome SKI AuthorityID?", "certificate signing info"
    ),
    EventName.CRL_SIGNING_INFO: _kind("SubjectID Outcome SKI", "CRL signing info"),
    EventName.OCSP_SIGNING_INFO: _kind("SubjectID Outcome SKI AuthorityID?", "OCSP signing info"),
    EventName.FULL_CRL_GENERATION: _kind(_CRL, "Full CRL generation"),
    EventName.FULL_CRL_PUBLISHING: _kind(_CRL, "Full CRL publishing"),
    EventName.SCHEDULE_CRL_GENERATION: _kind(
        "SubjectID Outcome FailureReason?", "schedule for CRL generation"
    ),
    EventName.OCSP_GENERATION: _kind(
        "SubjectID Outcome FailureReason?", "OCSP response generation"
    ),
    EventName.CONFIG_ACL: _config("ACL configuration parameter(s) change"),
    EventName.CONFIG_AUTH: _config("authentication configuration parameter(s) change"),
    EventName.CONFIG_CERT_PROFILE: _config("certificate profile configuration parameter(s) change"),
    EventName.CONFIG_CRL_PROFILE: _config("CRL profile configuration parameter(s) change"),
    EventName.CONFIG_OCSP_PROFILE: _config("OCSP profile configuration parameter(s) change"),
    EventName.CONFIG_ENCRYPTION: _config("encryption configuration parameter(s) change"),
    EventName.CONFIG_ROLE: _config("role configuration parameter(s) change"),
    EventName.CONFIG_SIGNED_AUDIT: _config("signed audit configuration parameter(s) change"),
    EventName.CONFIG_TRUSTED_PUBLIC_KEY: _config("certificate database configuration"),
    EventName.CONFIG_SERIAL_NUMBER: _config("serial number range update"),
    EventName.CSR_GENERATED: _kind(
        "SubjectID Outcome Identity KeyID CertSubject Info?",
        "certificate signing request generated",
        "certificate signing request not generated",
    ),
    EventName.CSR_DISCARDED: _kind(
        "SubjectID Outcome Identity KeyID", "certificate signing request and its key discarded"
    ),
    EventName.IDENTITY_INSTALLED: _kind(_IDENTITY, "identity installed", "identity not installed"),
    EventName.IDENTITY_ROLLED_BACK: _kind(
        _IDENTITY, "identity rolled back", "identity not rolled back"
    ),
    EventName.CERTIFICATE_EXPIRING: _kind(
        "SubjectID Outcome Identity CertSubject CertSHA256 DaysLeft NotAfter",
        "certificate expires soon",
        "certificate has expired",
    ),
    EventName.DESTINATION_CHANGE: _config("audit log destination change"),
    EventName.STREAM_CHANGE: _config("audit log streaming change"),
    EventName.INPUT_CHANGE: _config("audit log input change"),
    EventName.LISTENER_CHANGE: _config("syslog listener change"),
    EventName.TRUST_CHANGE: _config("trusted certificates change"),
    EventName.UNIT_CHANGE: _config("high availability unit change"),
    EventName.RETENTION_CHANGE: _config("record retention change"),
    EventName.LEGAL_HOLD_CHANGE: _config("legal hold change"),
    EventName.RECORDS_DELETED: _kind(
        "SubjectID Outcome Day RetentionClass Reason Records Bytes Manifest",
        "stored records deleted",
    ),
    EventName.RECORDS_EXPORTED: _kind(
        "SubjectID Outcome Since Until RetentionClass?", "stored records exported"
    ),
    EventName.JOURNAL_RECOVERED: _kind(
        "SubjectID Outcome Journal CutBytes Info?", "journal recovered", "journal not recovered"
    ),
    EventName.WORKER_RESTARTED: _kind(
        "SubjectID Outcome Worker Info?", "receiver worker restarted", "receiver worker not started"
    ),
    EventName.SOURCE_SILENT: _kind(_SOURCE, "syslog source is silent"),
    EventName.SOURCE_HEARD: _kind(_SOURCE, "syslog source is no longer silent"),
    EventName.DELIVERY_CONNECTED: _kind(_DELIVERY, "delivery connection established"),
    EventName.DELIVERY_FAILED: _kind(_DELIVERY, "delivery failed"),
    EventName.DELIVERY_CLOSED: _kind(_DELIVERY, "delivery connection closed"),
    # A line read from a local file: the line itself is the text, see Recorder.record_line.
    EventName.INPUT_LINE: _kind("", ""),
}
