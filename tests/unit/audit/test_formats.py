import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.audit import events, node_events
from sealwire.audit.events import Event, EventName, Outcome
from sealwire.audit.formats import (
    MAX_VALUE_BYTES,
    AuditFormat,
    escape_value,
    read_value,
    word_event,
)

CERTIFICATE = bytes.fromhex("30820122")
APPROVED = events.request_approved("caadmin", 7, serial=7, certificate_der=CERTIFICATE)
REJECTED = events.request_rejected("caadmin", 7, "not ours")
REJECTED_SILENTLY = events.request_rejected("caadmin", 7, None)
CANCELED = events.request_canceled("caadmin", 7, "asked twice")
CANCELED_SILENTLY = events.request_canceled("caadmin", 7, "")
INVALID = events.request_invalid(7, "Subject Name Not Matched UID=testuser")
NOT_ISSUED = events.request_not_issued("caadmin", 7)

OLD, WIKI, NEW = AuditFormat.V10_4_4, AuditFormat.V10_4_5, AuditFormat.V11_4


@pytest.mark.parametrize(
    ("event", "audit_format", "line"),
    [
        (
            APPROVED,
            OLD,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Success][ReqID=7]"
                "[InfoName=certificate][InfoValue=MIIBIg==] certificate request processed"
            ),
        ),
        (
            APPROVED,
            WIKI,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Success][ReqID=7]"
                "[CertSerialNum=7] certificate request succeeded"
            ),
        ),
        (
            APPROVED,
            NEW,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Success][ReqID=0x7]"
                "[CertSerialNum=0x7] certificate request processed"
            ),
        ),
        (
            REJECTED,
            OLD,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Success][ReqID=7]"
                "[InfoName=rejectReason][InfoValue=not ours] certificate request processed"
            ),
        ),
        (
            REJECTED,
            WIKI,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure][ReqID=7]"
                "[InfoName=rejectReason][InfoValue=not ours] certificate request processed"
            ),
        ),
        (
            REJECTED_SILENTLY,
            OLD,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Success][ReqID=7]"
                "[InfoName=rejectReason][InfoValue=<null>] certificate request processed"
            ),
        ),
        (
            REJECTED_SILENTLY,
            WIKI,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure][ReqID=7]"
                "[InfoName=rejectReason][InfoValue=<null>] certificate request processed"
            ),
        ),
        (
            REJECTED_SILENTLY,
            NEW,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure][ReqID=0x7]"
                "[InfoName=rejectReason][InfoValue=<null>] certificate request processed"
            ),
        ),
        (
            CANCELED,
            OLD,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Success][ReqID=7]"
                "[InfoName=cancelReason][InfoValue=asked twice] certificate request processed"
            ),
        ),
        (
            CANCELED,
            WIKI,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure][ReqID=7]"
                "[InfoName=cancelReason][InfoValue=asked twice] certificate request processed"
            ),
        ),
        (
            CANCELED_SILENTLY,
            NEW,
            (
                "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure][ReqID=0x7]"
                "[InfoName=cancelReason][InfoValue=<null>] certificate request processed"
            ),
        ),
        *(
            (
                INVALID,
                audit_format,
                (
                    "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=$NonRoleUser$][Outcome=Failure]"
                    f"[ReqID={number}][InfoName=rejectReason][InfoValue=Request 7 Rejected - "
                    "Subject Name Not Matched UID=testuser] certificate request processed"
                ),
            )
            for audit_format, number in ((OLD, "7"), (WIKI, "7"), (NEW, "0x7"))
        ),
        *(
            (
                NOT_ISSUED,
                audit_format,
                (
                    "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=caadmin][Outcome=Failure]"
                    f"[ReqID={number}][InfoName=certificate][InfoValue=<null>]"
                    " certificate request processed"
                ),
            )
            for audit_format, number in ((OLD, "7"), (WIKI, "7"), (NEW, "0x7"))
        ),
    ],
)
def test_cert_request_processed_letter_for_letter(
    event: Event, audit_format: AuditFormat, line: str
) -> None:
    wording = word_event(event, audit_format)
    assert wording.text == line
    assert f"[Outcome={wording.outcome.value}]" in line


def test_large_numbers_are_printed_whole() -> None:
    event = events.request_approved("caadmin", 20, serial=2**158 + 1, certificate_der=CERTIFICATE)
    assert f"[ReqID=20][CertSerialNum={2**158 + 1}]" in word_event(event, WIKI).text
    assert f"[ReqID=0x14][CertSerialNum={2**158 + 1:#x}]" in word_event(event, NEW).text


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (
            events.profile_cert_request("$NonRoleUser$", 6, "caServerCert", "CN=IPA RA,O=IPA.TEST"),
            (
                "[AuditEvent=PROFILE_CERT_REQUEST][SubjectID=$NonRoleUser$][Outcome=Success][ReqID=6]"
                "[ProfileID=caServerCert][CertSubject=CN=IPA RA,O=IPA.TEST]"
                " certificate request made with certificate profiles"
            ),
        ),
        (
            events.auth_success("admin", "certUserDBAuthMgr"),
            (
                "[AuditEvent=AUTH][SubjectID=admin][Outcome=Success][AuthMgr=certUserDBAuthMgr]"
                " authentication success"
            ),
        ),
        (
            events.auth_failure("eve", "passwdUserDBAuthMgr"),
            (
                "[AuditEvent=AUTH][SubjectID=$Unidentified$][Outcome=Failure]"
                "[AuthMgr=passwdUserDBAuthMgr][AttemptedCred=eve] authentication failure"
            ),
        ),
        (
            events.authz("caadmin", Outcome.SUCCESS, "certServer.ca.account", "login"),
            (
                "[AuditEvent=AUTHZ][SubjectID=caadmin][Outcome=Success]"
                "[aclResource=certServer.ca.account][Op=login] authorization success"
            ),
        ),
        (
            events.authz(
                "bob",
                Outcome.FAILURE,
                "certServer.ca.certrequests",
                "execute",
                info="CertRequestService.approveRequest",
            ),
            (
                "[AuditEvent=AUTHZ][SubjectID=bob][Outcome=Failure]"
                "[aclResource=certServer.ca.certrequests][Op=execute]"
                "[Info=CertRequestService.approveRequest] authorization failure"
            ),
        ),
        (
            events.role_assume("caadmin", Outcome.SUCCESS, "Certificate Manager Agents"),
            (
                "[AuditEvent=ROLE_ASSUME][SubjectID=caadmin][Outcome=Success]"
                "[Role=Certificate Manager Agents] assume privileged role"
            ),
        ),
        (
            events.audit_log_startup(),
            (
                "[AuditEvent=AUDIT_LOG_STARTUP][SubjectID=$System$][Outcome=Success]"
                " audit function startup"
            ),
        ),
        (
            events.audit_log_shutdown(),
            (
                "[AuditEvent=AUDIT_LOG_SHUTDOWN][SubjectID=$System$][Outcome=Success]"
                " audit function shutdown"
            ),
        ),
        (
            events.cert_signing_info("2B:1D"),
            (
                "[AuditEvent=CERT_SIGNING_INFO][SubjectID=$System$][Outcome=Success][SKI=2B:1D]"
                " certificate signing info"
            ),
        ),
        (
            events.access_session_establish(
                "192.0.2.1", "192.0.2.2", "CN=x", Outcome.FAILURE, info="bad certificate"
            ),
            (
                "[AuditEvent=ACCESS_SESSION_ESTABLISH][ClientIP=192.0.2.1][ServerIP=192.0.2.2]"
                "[SubjectID=CN=x][Outcome=Failure][Info=bad certificate]"
                " access session establish failure"
            ),
        ),
        (
            events.access_session_terminated(
                "192.0.2.1", "192.0.2.2", "CN=x", info="serverAlertReceived: CLOSE_NOTIFY"
            ),
            (
                "[AuditEvent=ACCESS_SESSION_TERMINATED][ClientIP=192.0.2.1][ServerIP=192.0.2.2]"
                "[SubjectID=CN=x][Outcome=Success][Info=serverAlertReceived: CLOSE_NOTIFY]"
                " access session terminated"
            ),
        ),
        (
            events.config_change(
                EventName.CONFIG_ROLE,
                "caadmin",
                Outcome.SUCCESS,
                {
                    "Scope": "users",
                    "Operation": "OP_ADD",
                    "Resource": "bob",
                    "password": "hunter2",
                    "email": "",
                    "phone": None,
                },
            ),
            (
                "[AuditEvent=CONFIG_ROLE][SubjectID=caadmin][Outcome=Success][ParamNameValPairs="
                "Scope;;users+Operation;;OP_ADD+Resource;;bob+password;;********+email;;<null>"
                "+phone;;<null>] role configuration parameter(s) change"
            ),
        ),
        (
            node_events.delivery_failed(
                "siem", "sensor.example.com", 6514, info="connection refused", count=3
            ),
            (
                "[AuditEvent=DELIVERY_FAILED][SubjectID=$System$][Outcome=Failure][Destination=siem]"
                "[ServerHost=sensor.example.com][ServerPort=6514][Count=3][Info=connection refused]"
                " delivery failed"
            ),
        ),
        (
            node_events.csr_generated(
                "admin", identity="appliance:unit-1", key_id="ab", subject="CN=fmc.example.com"
            ),
            (
                "[AuditEvent=CSR_GENERATED][SubjectID=admin][Outcome=Success]"
                "[Identity=appliance:unit-1][KeyID=ab][CertSubject=CN=fmc.example.com]"
                " certificate signing request generated"
            ),
        ),
    ],
)
def test_other_events_letter_for_letter(event: Event, line: str) -> None:
    assert word_event(event, WIKI).text == line


def test_pairs_can_be_told_apart() -> None:
    event = events.config_change(
        EventName.TRUST_CHANGE, "admin", Outcome.SUCCESS, {"a+b": "c;;d+e", "f": "x]\ny"}
    )
    assert "[ParamNameValPairs=a%2Bb;;c%3B%3Bd%2Be+f;;x%5D%0Ay]" in word_event(event, WIKI).text


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("CN=www.example.com,O=Example\\, Inc.", "CN=www.example.com,O=Example\\, Inc."),
        ("Grüße, 日本 100 % 50%", "Grüße, 日本 100 % 50%"),
        ("a]b[c", "a%5Db%5Bc"),
        ("a\r\nb", "a%0D%0Ab"),
        ("50%25", "50%2525"),
        ("%0a", "%250a"),
        ("\x1b[2J", "%1B%5B2J"),
        ("\x00\x7f\x85", "%00%7F%C2%85"),
        ("user\u202etxt", "user%E2%80%AEtxt"),
        ("a\u2028b\u2029c", "a%E2%80%A8b%E2%80%A9c"),
        ("\u200b\ufeff", "%E2%80%8B%EF%BB%BF"),
        ("\ud800", "%ED%A0%80"),
        ("<null>", "%3Cnull>"),
        ("", ""),
    ],
)
def test_values_are_made_safe(text: str, printed: str) -> None:
    assert escape_value(text) == printed
    assert read_value(printed) == text


@given(st.text(), st.sampled_from(["", "+;"]))
def test_escaping_can_be_undone_and_leaves_one_line(text: str, also: str) -> None:
    printed = escape_value(text, also)
    assert read_value(printed) == text
    assert len(printed.splitlines()) <= 1
    assert not set(printed) & set("[]" + also)


@given(st.text(alphabet=["%", "0", "A", "f", "]", "\n", "é", "\u202e", "x"], max_size=12))
def test_escaping_can_be_undone_around_percent_signs(text: str) -> None:
    assert read_value(escape_value(text)) == text


@given(st.text(), st.text(), st.sampled_from(AuditFormat))
def test_no_value_forges_an_attribute_or_a_line(
    reason: str, subject_id: str, audit_format: AuditFormat
) -> None:
    event = events.request_rejected(subject_id, 7, reason)
    text = word_event(event, audit_format).text
    assert len(text.splitlines()) == 1
    assert text.count("[") == text.count("]") == 6
    assert text.endswith("] certificate request processed")


def test_a_long_value_is_cut_and_says_so_but_a_certificate_is_whole() -> None:
    event = events.request_rejected("caadmin", 7, "\u202e" * 20_000)
    text = word_event(event, WIKI).text
    assert text.endswith("...(cut, 180000 bytes)] certificate request processed")
    assert len(text.encode()) < MAX_VALUE_BYTES + 300
    assert "%E2%80...(cut" in text or "%AE...(cut" in text
    approved = events.request_approved("a", 7, serial=7, certificate_der=bytes(30_000))
    assert "A" * 40_000 + "]" in word_event(approved, OLD).text


def test_formats_are_named_after_releases() -> None:
    assert [member.value for member in AuditFormat] == ["10.4.4", "10.4.5", "11.4"]
    with pytest.raises(ValueError, match="12"):
        AuditFormat("12")


def test_no_value_can_be_taken_for_a_signature() -> None:
    event = events.authz("AUDIT_LOG_SIGNING", Outcome.SUCCESS, "AUDIT%5FLOG_SIGNING", "x")
    text = word_event(event, WIKI).text
    assert "AUDIT_LOG_SIGNING" not in text
    assert (
        "[SubjectID=AUDIT%5FLOG_SIGNING][Outcome=Success][aclResource=AUDIT%255FLOG_SIGNING]"
        in text
    )
    assert read_value("AUDIT%5FLOG_SIGNING") == "AUDIT_LOG_SIGNING"
    assert read_value("AUDIT%255FLOG_SIGNING") == "AUDIT%5FLOG_SIGNING"
