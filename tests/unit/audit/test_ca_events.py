import pytest

from sealwire.audit import ca_events
from sealwire.audit.events import Event, Outcome
from sealwire.audit.formats import AuditFormat, word_event

LINES = [
    (
        ca_events.status_change_request("caadmin", 8, 0x9F, "revoke"),
        (
            "[AuditEvent=CERT_STATUS_CHANGE_REQUEST][SubjectID=caadmin][Outcome=Success][ReqID=8]"
            "[CertSerialNum=0x9f][RequestType=revoke]"
            " certificate revocation/unrevocation request made"
        ),
    ),
    (
        ca_events.status_change_request("bob", 8, 9, "off-hold", outcome=Outcome.FAILURE),
        (
            "[AuditEvent=CERT_STATUS_CHANGE_REQUEST][SubjectID=bob][Outcome=Failure][ReqID=8]"
            "[CertSerialNum=0x9][RequestType=off-hold]"
            " certificate revocation/unrevocation request made"
        ),
    ),
    (
        ca_events.status_change_processed(
            "caadmin", 8, 0x9F, "on-hold", reason=6, approval="complete"
        ),
        (
            "[AuditEvent=CERT_STATUS_CHANGE_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Success]"
            "[ReqID=8][CertSerialNum=0x9f][RequestType=on-hold][RevokeReasonNum=6][Approval=complete]"
            " certificate status change request processed"
        ),
    ),
    (
        ca_events.status_change_processed(
            "caadmin",
            8,
            9,
            "off-hold",
            reason=None,
            approval="rejected",
            outcome=Outcome.FAILURE,
            info="not on hold",
        ),
        (
            "[AuditEvent=CERT_STATUS_CHANGE_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure]"
            "[ReqID=8][CertSerialNum=0x9][RequestType=off-hold][RevokeReasonNum=<null>]"
            "[Approval=rejected][Info=not on hold] certificate status change request processed"
        ),
    ),
    (
        ca_events.profile_approval("caadmin", "caServerCert", "disapprove"),
        (
            "[AuditEvent=CERT_PROFILE_APPROVAL][SubjectID=caadmin][Outcome=Success]"
            "[ProfileID=caServerCert][Op=disapprove] certificate profile approval"
        ),
    ),
    (
        ca_events.crl_generation("$System$", Outcome.SUCCESS, number=16),
        (
            "[AuditEvent=FULL_CRL_GENERATION][SubjectID=$System$][Outcome=Success][CRLnum=16]"
            " Full CRL generation"
        ),
    ),
    (
        ca_events.crl_generation("$System$", Outcome.FAILURE, failure="disk full"),
        (
            "[AuditEvent=FULL_CRL_GENERATION][SubjectID=$System$][Outcome=Failure]"
            "[FailureReason=disk full] Full CRL generation"
        ),
    ),
    (
        ca_events.crl_generation("$System$", Outcome.SUCCESS, info="no change"),
        (
            "[AuditEvent=FULL_CRL_GENERATION][SubjectID=$System$][Outcome=Success][Info=no change]"
            " Full CRL generation"
        ),
    ),
    (
        ca_events.crl_publishing("$System$", Outcome.FAILURE, number=16, failure="x"),
        (
            "[AuditEvent=FULL_CRL_PUBLISHING][SubjectID=$System$][Outcome=Failure][CRLnum=16]"
            "[FailureReason=x] Full CRL publishing"
        ),
    ),
    (
        ca_events.crl_schedule("caadmin", Outcome.SUCCESS),
        (
            "[AuditEvent=SCHEDULE_CRL_GENERATION][SubjectID=caadmin][Outcome=Success]"
            " schedule for CRL generation"
        ),
    ),
    (
        ca_events.ocsp_generation(Outcome.FAILURE, failure="malformed"),
        (
            "[AuditEvent=OCSP_GENERATION][SubjectID=$NonRoleUser$][Outcome=Failure]"
            "[FailureReason=malformed] OCSP response generation"
        ),
    ),
    (
        ca_events.ocsp_signing_info("2B:1D"),
        (
            "[AuditEvent=OCSP_SIGNING_INFO][SubjectID=$System$][Outcome=Success][SKI=2B:1D]"
            " OCSP signing info"
        ),
    ),
    (
        ca_events.crl_signing_info("2B:1D"),
        (
            "[AuditEvent=CRL_SIGNING_INFO][SubjectID=$System$][Outcome=Success][SKI=2B:1D]"
            " CRL signing info"
        ),
    ),
    (
        ca_events.audit_log_delete("$System$", Outcome.SUCCESS, "ca_audit.20251119100000"),
        (
            "[AuditEvent=AUDIT_LOG_DELETE][SubjectID=$System$][Outcome=Success]"
            "[LogFile=ca_audit.20251119100000] signedAudit log deletion"
        ),
    ),
]


@pytest.mark.parametrize(("event", "line"), LINES)
@pytest.mark.parametrize("audit_format", [AuditFormat.V10_4_4, AuditFormat.V10_4_5])
def test_letter_for_letter(event: Event, line: str, audit_format: AuditFormat) -> None:
    assert word_event(event, audit_format).text == line


@pytest.mark.parametrize(("event", "line"), LINES)
def test_from_11_4_on_only_the_request_number_is_hex(event: Event, line: str) -> None:
    assert word_event(event, AuditFormat.V11_4).text == line.replace("[ReqID=8]", "[ReqID=0x8]")
