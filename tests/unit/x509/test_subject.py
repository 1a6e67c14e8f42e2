from __future__ import annotations

from contextlib import suppress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from sealwire.errors import RefusedError
from sealwire.x509.subject import SubjectFields, dn_text, parse_dn, printable, subject_name


def _codes(fields: SubjectFields, *, host: bool = True) -> list[str]:
    with pytest.raises(RefusedError) as refused:
        subject_name(fields, host=host)
    assert refused.value.code == "subject.invalid"
    return [finding.code for finding in refused.value.findings]


def test_six_fields_in_the_order_of_the_form() -> None:
    name = subject_name(SubjectFields("us", "TX", "Austin", "Example", "Ops", "gw.example.com"))
    assert dn_text(name) == "CN=gw.example.com,OU=Ops,O=Example,L=Austin,ST=TX,C=US"


def test_absent_fields_leave_nothing() -> None:
    assert dn_text(subject_name(SubjectFields(common_name="gw.example.com"))) == "CN=gw.example.com"


def test_all_faults_at_once() -> None:
    fields = SubjectFields("USA", ".", "x" * 129, "y" * 65, "a\x1b[31m", "a b")
    assert sorted(_codes(fields)) == sorted(
        [
            "country",
            "field_placeholder",
            "field_too_long",
            "field_too_long",
            "field_control",
            "name_syntax",
        ]
    )


@pytest.mark.parametrize("country", ["USA", "U", "1A", "U ", "ÄÖ", "U\n", "U.S"])
def test_a_country_is_two_letters(country: str) -> None:
    assert _codes(SubjectFields(country=country, common_name="gw.example.com")) == ["country"]


def test_a_country_that_nobody_has_is_refused_with_the_right_one() -> None:
    with pytest.raises(RefusedError, match="GB"):
        subject_name(SubjectFields(country="UK", common_name="gw.example.com"))


@pytest.mark.parametrize("country", ["gb", "XX", "ZZ", "QM", "AA"])
def test_assigned_and_private_codes_pass(country: str) -> None:
    subject_name(SubjectFields(country=country, common_name="gw.example.com"))


@pytest.mark.parametrize(
    "host",
    [
        "-a.example.com",
        "a..example.com",
        "a.*.example.com",
        "*",
        "*x.example.com",
        "a_b.example.com",
        "1.2.3",
        "999.1.1.1",
        "a" * 64 + ".example.com",
        "../../etc/passwd",
        "gw.example.com/x",
    ],
)
def test_names_that_are_no_hosts(host: str) -> None:
    assert "name_syntax" in _codes(SubjectFields(common_name=host))


@pytest.mark.parametrize(
    "host", ["gw", "*.example.com", "10.0.0.1", "2001:db8::1", "a.b.c.example"]
)
def test_names_that_are_hosts(host: str) -> None:
    subject_name(SubjectFields(common_name=host), host=True)


def test_a_name_too_long_in_octets_is_a_finding_not_a_crash() -> None:
    assert _codes(SubjectFields(organization="Ж" * 40, common_name="gw")) == ["field_too_long"]


def test_a_person_may_be_named_where_no_host_is_wanted() -> None:
    assert dn_text(subject_name(SubjectFields(common_name="CA Signing Certificate")))


def test_international_names_become_a_labels() -> None:
    name = subject_name(SubjectFields(common_name="bücher.example"), host=True)
    assert dn_text(name) == "CN=xn--bcher-kva.example"


@pytest.mark.parametrize(
    "text",
    [
        "UID=testuser",
        "UID=testuser,O=x",
        "E=a@example.com,CN=x",
        "CN=a\\, b+OU=c",
        "O=a\\,b=c",
        "CN=x,1.2.3.4=y",
    ],
)
def test_names_are_read_and_written_alike(text: str) -> None:
    assert dn_text(parse_dn(text)) == text


def test_words_in_lower_case_and_blanks_are_understood() -> None:
    assert dn_text(parse_dn("cn=gw.example.com, o=Example")) == "CN=gw.example.com,O=Example"


@pytest.mark.parametrize("text", ["", "nonsense", "CN=", "=x", "FOO=bar", ",", "CN=a,,O=b"])
def test_unreadable_names_are_refused(text: str) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_dn(text)
    assert refused.value.code == "subject.unreadable"


@given(st.text(max_size=80))
def test_reading_a_name_never_crashes(text: str) -> None:
    with suppress(RefusedError):
        dn_text(parse_dn(text))


@given(st.text(min_size=1, max_size=60))
def test_what_is_printed_cannot_act_on_a_terminal_and_reads_back(text: str) -> None:
    value = text.encode("utf-8", "replace").decode()
    name = x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, value)])
    shown = dn_text(name)
    assert all(character.isprintable() or character.isspace() for character in shown)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in shown)
    assert parse_dn(shown) == name


def test_printable_spells_out_what_acts() -> None:
    assert printable("a\x1b[31m\u202eb\n") == "a\\x1b[31m\\u202eb\\n"
