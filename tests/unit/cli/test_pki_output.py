import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.audit.formats import AuditFormat, print_number
from sealwire.cli.pki_output import (
    REVIEW_PROMPT,
    InputBlock,
    RequestInfo,
    ReviewInfo,
    boxed,
    format_number,
    found,
    parse_number,
    retrieved,
    reviewed,
    shown,
    submitted,
    visible,
)
from sealwire.errors import UsageError

PENDING = RequestInfo(7, "pending")
COMPLETE = RequestInfo(7, "complete", certificate_id=9)
INVALID = RequestInfo(8, "rejected", reason="Subject Name Not Matched UID=testuser")


def test_submitted() -> None:
    assert submitted([PENDING], "11.4") == (
        "-----------------------------\n"
        "Submitted certificate request\n"
        "-----------------------------\n"
        "  Request ID: 0x7\n"
        "  Type: enrollment\n"
        "  Request Status: pending\n"
        "  Operation Result: success\n"
    )


def test_submitted_and_rejected_by_the_profile() -> None:
    assert submitted([INVALID], "10.4.5") == (
        "-----------------------------\n"
        "Submitted certificate request\n"
        "-----------------------------\n"
        "  Request ID: 8\n"
        "  Type: enrollment\n"
        "  Request Status: rejected\n"
        "  Operation Result: success\n"
        "  Reason: Subject Name Not Matched UID=testuser\n"
    )


def test_shown() -> None:
    assert shown(COMPLETE, "10.4.5") == (
        "-----------------------\n"
        'Certificate request "7"\n'
        "-----------------------\n"
        "  Request ID: 7\n"
        "  Type: enrollment\n"
        "  Request Status: complete\n"
        "  Operation Result: success\n"
        "  Certificate ID: 9\n"
    )
    assert shown(COMPLETE, "11.4") == (
        "-------------------------\n"
        'Certificate request "0x7"\n'
        "-------------------------\n"
        "  Request ID: 0x7\n"
        "  Type: enrollment\n"
        "  Request Status: complete\n"
        "  Operation Result: success\n"
        "  Certificate ID: 0x9\n"
    )


def test_found() -> None:
    assert found([COMPLETE, INVALID], 12, "10.4.5") == (
        "------------------\n"
        "12 entries matched\n"
        "------------------\n"
        "  Request ID: 7\n"
        "  Type: enrollment\n"
        "  Request Status: complete\n"
        "  Operation Result: success\n"
        "  Certificate ID: 9\n"
        "\n"
        "  Request ID: 8\n"
        "  Type: enrollment\n"
        "  Request Status: rejected\n"
        "  Operation Result: success\n"
        "  Reason: Subject Name Not Matched UID=testuser\n"
        "----------------------------\n"
        "Number of entries returned 2\n"
        "----------------------------\n"
    )


def test_found_nothing() -> None:
    assert found([], 0, "10.4.5") == ("-----------------\n0 entries matched\n-----------------\n")


def test_found_without_a_total() -> None:
    assert found([], None, "10.4.5") == boxed("Number of entries returned 0")


@pytest.mark.parametrize(
    ("action", "status", "head"),
    [
        (
            "approve",
            "complete",
            (
                "------------------------------\n"
                "Approved certificate request 7\n"
                "------------------------------\n"
            ),
        ),
        (
            "reject",
            "rejected",
            (
                "------------------------------\n"
                "Rejected certificate request 7\n"
                "------------------------------\n"
            ),
        ),
        (
            "cancel",
            "canceled",
            (
                "------------------------------\n"
                "Canceled certificate request 7\n"
                "------------------------------\n"
            ),
        ),
    ],
)
def test_reviewed_with_an_action(action: str, status: str, head: str) -> None:
    assert reviewed(RequestInfo(7, status), action, "10.4.5") == (
        head + "  Request ID: 7\n"
        "  Type: enrollment\n"
        f"  Request Status: {status}\n"
        "  Operation Result: success\n"
    )


def test_reviewed_with_a_word_that_is_none() -> None:
    with pytest.raises(UsageError, match="Invalid action: bless"):
        reviewed(PENDING, "bless", "10.4.5")


def test_retrieved() -> None:
    review = ReviewInfo(
        7,
        "Manual Server Certificate Enrollment",
        "pending",
        (
            InputBlock(
                "Certificate Request Input",
                (
                    ("cert_request_type", "pkcs10"),
                    ("cert_request", "-----BEGIN CERTIFICATE REQUEST-----\nMIIC\n-----END-----\n"),
                ),
            ),
            InputBlock("Requestor Information", (("requestor_name", ""), ("requestor_email", " "))),
        ),
    )
    assert retrieved(review, "11.4") == (
        "---------------------------------\n"
        "Retrieved certificate request 0x7\n"
        "---------------------------------\n"
        "  Request ID: 0x7\n"
        "  Profile: Manual Server Certificate Enrollment\n"
        "  Type: enrollment\n"
        "  Status: pending\n"
        "\n"
        "  Certificate Request Input:\n"
        "    cert_request_type: pkcs10\n"
        "    cert_request: -----BEGIN CERTIFICATE REQUEST-----\n"
        "MIIC\n"
        "-----END-----\n"
        "\n"
        "  Requestor Information:\n"
        "    none\n"
        "\n"
    )
    assert REVIEW_PROMPT == ("Action (approve/reject/cancel/update/validate/assign/unassign): ")


def test_what_comes_from_outside_cannot_move_the_cursor() -> None:
    info = RequestInfo(8, "rejected", reason="a\x1b[2J\r\n  Request Status: complete")
    text = submitted([info], "10.4.5")
    assert "\x1b" not in text
    assert text.count("\n") == 8
    assert "\\u001b" in text


@pytest.mark.parametrize(
    ("text", "number"), [("7", 7), ("0x7", 7), ("0X1f", 31), (" 10 ", 10), ("007", 7)]
)
def test_numbers_are_read_in_both_forms(text: str, number: int) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text", ["", "0x", "-7", "7.0", "7a", "1_000", "\u0667", "7" * 50, "0x" + "f" * 41]
)
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="Invalid certificate request ID"):
        parse_number(text)


@given(number=st.integers(0, (1 << 160) - 1), audit_format=st.sampled_from(list(AuditFormat)))
def test_numbers_come_back_and_agree_with_the_audit_log(
    number: int, audit_format: AuditFormat
) -> None:
    text = format_number(number, audit_format)
    assert text == print_number(number, audit_format)
    assert parse_number(text) == number


def test_a_format_that_nobody_knows() -> None:
    with pytest.raises(ValueError, match=r"9\.0"):
        format_number(7, "9.0")


@given(st.text())
def test_visible_text_is_one_printable_line(text: str) -> None:
    assert visible(text).isprintable()
