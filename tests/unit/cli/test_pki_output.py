import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealwire.audit.formats import AuditFormat, print_number
from sealwire.cli.pki_output import (
    boxed,
    format_number,
    listing,
    parse_number,
    said,
    visible,
    visible_lines,
)
from sealwire.errors import UsageError


def test_a_page_of_a_listing() -> None:
    assert listing(["a\n", "b\nc\n"], 12) == (
        "------------------\n"
        "12 entries matched\n"
        "------------------\n"
        "a\n"
        "\n"
        "b\n"
        "c\n"
        "----------------------------\n"
        "Number of entries returned 2\n"
        "----------------------------\n"
    )
    assert listing([], 0, word="found") == "---------------\n0 entries found\n---------------\n"
    assert listing([], None) == boxed("Number of entries returned 0")


def test_values_as_java_prints_them() -> None:
    assert [said(value) for value in (None, True, False, 7, "x\x1b")] == [
        "null",
        "true",
        "false",
        "7",
        "x\\u001b",
    ]


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


@given(st.text())
def test_visible_lines_are_lines(text: str) -> None:
    shown = visible_lines(text)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert shown == "" or shown.endswith("\n")
