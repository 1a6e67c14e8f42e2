from __future__ import annotations

import pytest

from sealwire.errors import RefusedError
from sealwire.x509.keys import KeyType
from sealwire.x509.subject import SubjectFields
from sealwire.x509.wizard import CaKind, openssl_commands, subject_advice

FULL = SubjectFields("US", "Texas", "Austin", "Example", "Ops", "gw.example.com")
SHORT = SubjectFields("US", "TX", "Austin", "Example", "Ops", "gw.example.com")


def said(fields: SubjectFields, kind: CaKind) -> list[tuple[str, str | None]]:
    return [(finding.code, finding.subject) for finding in subject_advice(fields, kind)]


@pytest.mark.parametrize("kind", [CaKind.SEALWIRE, CaKind.PRIVATE])
@pytest.mark.parametrize("fields", [FULL, SHORT])
def test_private_cas_take_either_form(fields: SubjectFields, kind: CaKind) -> None:
    assert said(fields, kind) == []


def test_the_state_is_wanted_in_full_or_abbreviated() -> None:
    assert said(FULL, CaKind.CISCO) == [("state_form", "state")]
    assert "TX" in subject_advice(FULL, CaKind.CISCO)[0].message
    assert said(SHORT, CaKind.CISCO) == []
    (hint,) = [f for f in subject_advice(SHORT, CaKind.PUBLIC_OV) if f.code == "state_form"]
    assert "Texas" in hint.message
    assert "state_form" not in dict(said(FULL, CaKind.PUBLIC_OV))


def test_public_cas_leave_fields_out() -> None:
    assert ("field_unused", "unit") in said(FULL, CaKind.PUBLIC_OV)
    unused = {subject for code, subject in said(FULL, CaKind.PUBLIC_DV) if code == "field_unused"}
    assert unused == {"unit", "organization", "locality", "state"}


def test_fields_that_are_wanted_are_named() -> None:
    only_host = SubjectFields(common_name="gw.example.com")
    wanted = [subject for code, subject in said(only_host, CaKind.CISCO) if code == "field_wanted"]
    assert wanted == ["country", "state", "locality", "organization", "unit"]
    assert ("field_wanted", "locality") in said(only_host, CaKind.PUBLIC_OV)


def test_a_short_name_is_said_and_an_address_is_not() -> None:
    assert said(SubjectFields(common_name="gw"), CaKind.PRIVATE) == [
        ("name_not_full", "common_name")
    ]
    assert said(SubjectFields(common_name="10.0.0.1"), CaKind.PRIVATE) == []


def test_a_country_that_does_not_exist_is_said() -> None:
    assert said(SubjectFields("UK", common_name="gw.example.com"), CaKind.PRIVATE) == [
        ("country_unknown", None)
    ]


def test_nothing_that_is_no_host_gets_into_a_command() -> None:
    with pytest.raises(RefusedError):
        openssl_commands(SubjectFields(common_name="$(reboot).example.com"), [], KeyType.P256)
    with pytest.raises(RefusedError):
        openssl_commands(FULL, ["a';reboot;'"], KeyType.P256)
    script = openssl_commands(
        SubjectFields(organization="a'; reboot; '", common_name="gw.example.com"), [], KeyType.P256
    )
    assert "'\"'\"'; reboot; '\"'\"'" in script
