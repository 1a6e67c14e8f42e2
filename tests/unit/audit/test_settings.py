import pytest

from sealwire.audit import ca_events, events
from sealwire.audit.catalogue import EventName
from sealwire.audit.events import Outcome
from sealwire.audit.formats import AuditFormat
from sealwire.audit.recorder import Recorder
from sealwire.audit.settings import (
    OPTIONAL_EVENTS,
    SETTING,
    AuditSettings,
    EventRule,
    FileSettings,
    read_settings,
)
from sealwire.clock import SystemClock
from sealwire.errors import UnavailableError
from sealwire.stores.memory import MemoryStore


def recorder() -> Recorder:
    return Recorder(SystemClock(), "ca.example.com", AuditFormat.V10_4_5, "1")


def recorded(store: MemoryStore, event: events.Event) -> bool:
    return store.run(lambda tx: recorder().record(tx, "ca", event)) is not None


def with_rules(**rules: EventRule) -> MemoryStore:
    settings = AuditSettings(rules=tuple((EventName(name), rule) for name, rule in rules.items()))
    store = MemoryStore()
    store.run(lambda tx: tx.put_setting(SETTING, settings.document()))
    return store


def test_decisions_and_configuration_are_mandatory() -> None:
    mandatory = set(EventName) - OPTIONAL_EVENTS
    assert {
        EventName.CERT_REQUEST_PROCESSED,
        EventName.CERT_STATUS_CHANGE_REQUEST_PROCESSED,
        EventName.CERT_PROFILE_APPROVAL,
        EventName.AUDIT_LOG_STARTUP,
        EventName.AUDIT_LOG_SHUTDOWN,
        EventName.AUDIT_LOG_DELETE,
    } <= mandatory
    assert {name for name in EventName if name.startswith("CONFIG_")} <= mandatory
    assert {name for name in EventName if name.endswith("_CHANGE")} <= mandatory


def test_defaults_are_dogtags() -> None:
    store = MemoryStore()
    assert recorded(store, events.auth_success("caadmin", "x"))
    assert not recorded(store, ca_events.crl_generation("x", Outcome.SUCCESS, number=1))
    assert recorded(store, ca_events.crl_generation("x", Outcome.FAILURE, failure="y"))
    assert not recorded(store, ca_events.ocsp_generation(Outcome.SUCCESS))
    assert recorded(store, ca_events.ocsp_generation(Outcome.FAILURE))
    assert not recorded(store, ca_events.crl_publishing("x", Outcome.FAILURE))
    assert FileSettings() == FileSettings(
        enabled=False,
        buffer_size=512,
        flush_interval=5,
        max_size_kb=2000,
        rollover=2_592_000,
        expiration=0,
    )


def test_an_optional_event_can_be_disabled_and_enabled_and_filtered() -> None:
    store = with_rules(
        AUTH=EventRule(enabled=False),
        FULL_CRL_GENERATION=EventRule(),
        AUTHZ=EventRule(filter="(&(Outcome=Success)(Op=execute))"),
    )
    assert not recorded(store, events.auth_success("caadmin", "x"))
    assert not recorded(store, events.auth_failure("caadmin", "x"))
    assert recorded(store, ca_events.crl_generation("x", Outcome.SUCCESS, number=1))
    assert recorded(store, events.authz("bob", Outcome.SUCCESS, "r", "execute"))
    assert not recorded(store, events.authz("bob", Outcome.FAILURE, "r", "execute"))
    assert store.read(lambda tx: tx.trail_head("ca")).size == 2


def test_a_mandatory_event_is_recorded_whatever_the_document_says() -> None:
    store = with_rules(CERT_REQUEST_PROCESSED=EventRule(enabled=False))
    assert recorded(store, events.request_rejected("caadmin", 7, "no"))


@pytest.mark.parametrize(
    "settings",
    [
        AuditSettings(),
        AuditSettings(FileSettings(enabled=True, buffer_size=1, expiration=9)),
        AuditSettings(
            rules=(
                (EventName.AUTH, EventRule(enabled=False)),
                (EventName.AUTHZ, EventRule(filter="(Outcome=Failure)")),
            )
        ),
    ],
)
def test_a_document_says_what_was_put_into_it(settings: AuditSettings) -> None:
    assert read_settings(settings.document()) == settings
    assert read_settings(None) == AuditSettings()


def test_a_closed_gate_refuses_the_whole_transaction() -> None:
    store = MemoryStore()

    def gate(trail: str, name: EventName) -> None:
        if (trail, name) == ("ca", EventName.CERT_REQUEST_PROCESSED):
            raise UnavailableError("audit.file_failed", "full")

    gated = Recorder(SystemClock(), "ca.example.com", AuditFormat.V10_4_5, "1", gate=gate)

    def use_case(tx: object) -> None:
        tx.put_setting("x", "y")  # type: ignore[attr-defined]
        gated.record(tx, "ca", events.request_rejected("caadmin", 7, "no"))  # type: ignore[arg-type]

    with pytest.raises(UnavailableError):
        store.run(use_case)
    assert store.read(lambda tx: tx.setting("x")) is None
    gated_auth = events.auth_success("caadmin", "x")
    assert store.run(lambda tx: gated.record(tx, "ca", gated_auth)) is not None
