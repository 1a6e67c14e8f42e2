import pytest

from sealwire.audit import events
from sealwire.audit.catalogue import CATALOGUE, ELSEWHERE
from sealwire.audit.events import (
    Decision,
    Event,
    EventName,
    Outcome,
    Parameters,
    Resolution,
    check_event_name,
    config_change,
)
from sealwire.audit.formats import AuditFormat, word_event
from sealwire.errors import RefusedError


def some_event(name: EventName, *, optional: bool) -> Event:
    given = [
        (attribute.removesuffix("?"), "v")
        for attribute in CATALOGUE[name].attributes
        if attribute not in {"SubjectID", "Outcome"} and (optional or not attribute.endswith("?"))
    ]
    decision = None
    if name is EventName.CERT_REQUEST_PROCESSED:
        given, decision = [("ReqID", "7")], Decision(Resolution.REJECTED)
    return Event(name, "caadmin", Outcome.SUCCESS, tuple(given), decision)


PRINTED = [name for name in EventName if name not in ELSEWHERE]


def test_the_catalogue_holds_every_name_and_each_fits_a_msgid() -> None:
    assert set(CATALOGUE) == set(EventName)
    assert all(len(name.message_id) <= 32 and name.value == name.name for name in EventName)
    assert len({name.message_id for name in EventName}) == len(EventName)


@pytest.mark.parametrize("name", PRINTED)
@pytest.mark.parametrize("audit_format", AuditFormat)
@pytest.mark.parametrize("optional", [True, False])
def test_every_event_is_printed_in_every_format(
    *, name: EventName, audit_format: AuditFormat, optional: bool
) -> None:
    wording = word_event(some_event(name, optional=optional), audit_format)
    assert wording.text.startswith(f"[AuditEvent={name.value}][")
    assert "[SubjectID=caadmin]" in wording.text
    assert not wording.text.endswith((" ", "]"))


@pytest.mark.parametrize("name", ["", "auth", "AUTH ", "MADE_UP"])
def test_an_event_outside_the_catalogue_cannot_be_made(name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        Event(name, "x", Outcome.SUCCESS)  # type: ignore[arg-type]
    assert refused.value.code == "audit.event_unknown"
    with pytest.raises(RefusedError):
        check_event_name(name)


@pytest.mark.parametrize("name", sorted(ELSEWHERE))
def test_a_line_and_a_signature_are_no_events(name: EventName) -> None:
    with pytest.raises(RefusedError):
        Event(name, "x", Outcome.SUCCESS)


@pytest.mark.parametrize(
    "attributes",
    [
        (),
        (("Role", "a"), ("Role", "b")),
        (("Role", "a"), ("Other", "b")),
        (("SubjectID", "a"), ("Role", "b")),
        (("role", "a"),),
    ],
)
def test_attributes_are_those_of_the_catalogue(attributes: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(RefusedError) as refused:
        Event(EventName.ROLE_ASSUME, "x", Outcome.SUCCESS, attributes)
    assert refused.value.code == "audit.event_attributes"


def test_an_outcome_is_one_of_two() -> None:
    with pytest.raises(RefusedError):
        Event(EventName.AUDIT_LOG_STARTUP, "x", "Success")  # type: ignore[arg-type]


def test_only_one_event_carries_a_decision() -> None:
    with pytest.raises(RefusedError):
        Event(EventName.AUDIT_LOG_STARTUP, "x", Outcome.SUCCESS, (), Decision(Resolution.APPROVED))
    with pytest.raises(RefusedError):
        Event(EventName.CERT_REQUEST_PROCESSED, "x", Outcome.SUCCESS, (("ReqID", 7),))


def test_config_change_is_for_configuration_events() -> None:
    with pytest.raises(RefusedError):
        config_change(EventName.AUTH, "x", Outcome.SUCCESS, {"a": "b"})


@pytest.mark.parametrize(
    "name", ["password", "new_Password", "passphrase", "client_secret", "private_key", "apiToken"]
)
def test_secrets_are_masked_when_the_event_is_made(name: str) -> None:
    event = config_change(EventName.CONFIG_ROLE, "x", Outcome.SUCCESS, {name: "hunter2"})
    assert event.attributes == (("ParamNameValPairs", Parameters(((name, "********"),))),)


def test_empty_secrets_are_not_said_to_exist() -> None:
    event = config_change(EventName.CONFIG_ROLE, "x", Outcome.SUCCESS, {"password": ""})
    assert event.attributes == (("ParamNameValPairs", Parameters((("password", ""),))),)


def test_every_constructor_gives_an_event_of_the_catalogue() -> None:
    made = events.request_invalid(7, "x")
    assert (made.name, made.outcome) == (EventName.CERT_REQUEST_PROCESSED, Outcome.FAILURE)
