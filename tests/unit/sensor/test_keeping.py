"""Retention and holds: every fault at once, each change with its audit event or not at all."""

from __future__ import annotations

from datetime import date, timedelta
from ipaddress import ip_network
from typing import TYPE_CHECKING

import pytest

from sealwire.errors import (
    ConflictError,
    NotFoundError,
    RefusedError,
    SealwireError,
    UnavailableError,
    UsageError,
)
from sealwire.sensor.keeping_rules import checked_hold, checked_rule, size_of
from sealwire.sensor.policy import ClassRule, LegalHold, RetentionClass, SourcePattern
from sealwire.sensor.retention import Reason
from sealwire.sensor.shelf import DeletedDay, ExportRange, ShelvedDay
from tests.unit.sensor.scene import START, SensorScene

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.sensor.service import Sensor

TODAY = START.date()


@pytest.fixture
def scene() -> SensorScene:
    return SensorScene()


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def stored(*days: int, retention: str = "default") -> list[ShelvedDay]:
    return [ShelvedDay(ago(one), retention, 2, 10, 1024 * 1024) for one in days]


def held(scene: SensorScene, *, first: int = 9, last: int = 5, name: str = "case-7") -> None:
    scene.sensor.hold(
        "carol", name, first=str(ago(first)), last=str(ago(last)), reason="Smith v. Jones"
    )


def test_the_default_class_is_there_and_keeps_for_ever(scene: SensorScene) -> None:
    assert scene.sensor.keeping().policy.classes == (RetentionClass("default"),)
    with pytest.raises(RefusedError) as refused:
        scene.sensor.remove_class("admin", "default")
    assert refused.value.code == "retention.class_in_use"


def test_every_change_is_recorded_and_told_at_once(scene: SensorScene) -> None:
    sensor = scene.sensor
    sensor.archive_policy()
    sensor.set_class("admin", "firewall", 30)
    assert sensor.archive_policy().classes[-1] == RetentionClass("firewall", 30)
    sensor.set_class("admin", "firewall", 90)
    assert sensor.add_rule("admin", "firewall", network="192.0.2.0/24", san="FW.example.com") == 1
    assert sensor.add_rule("admin", "firewall", host="*.Example.com", position=1) == 1
    sensor.set_budget("admin", 5 * 1024**3)
    policy = sensor.archive_policy()
    assert policy.rules == (
        ClassRule(SourcePattern(host="*.example.com"), "firewall"),
        ClassRule(SourcePattern(ip_network("192.0.2.0/24"), san="fw.example.com"), "firewall"),
    )
    sensor.remove_rule("admin", 1)
    sensor.remove_rule("admin", 1)
    sensor.remove_class("admin", "firewall")
    assert sensor.archive_policy().budget_bytes == 5 * 1024**3
    assert scene.restart().archive_policy() == sensor.archive_policy()
    events = scene.audited()
    assert {event for event, _ in events} == {"RETENTION_CHANGE"}
    texts = [text.partition("Operation;;")[2].partition("]")[0] for _, text in events]
    assert texts == [
        "class-set+Resource;;sensor-1+class;;firewall+days;;30",
        "class-set+Resource;;sensor-1+class;;firewall+days;;90+before;;30",
        "rule-add+Resource;;sensor-1+rule;;1+class;;firewall+network;;192.0.2.0/24+san;;fw.example.com",
        "rule-add+Resource;;sensor-1+rule;;1+class;;firewall+host;;*.example.com",
        "budget+Resource;;sensor-1+bytes;;5368709120+before;;all",
        "rule-remove+Resource;;sensor-1+rule;;1+class;;firewall+host;;*.example.com",
        "rule-remove+Resource;;sensor-1+rule;;1+class;;firewall+network;;192.0.2.0/24+san;;fw.example.com",
        "class-remove+Resource;;sensor-1+class;;firewall",
    ]
    assert all("[SubjectID=admin][Outcome=Success]" in text for _, text in events)


def test_a_hold_and_its_release_tell_who_and_why(scene: SensorScene) -> None:
    held(scene)
    (standing,) = scene.sensor.holds()
    assert standing.hold == LegalHold("case-7", ago(9), ago(5))
    assert (standing.note.actor, standing.note.reason) == ("carol", "Smith v. Jones")
    assert not standing.in_force
    scene.shelf.in_force.add("case-7")
    assert scene.sensor.holds()[0].in_force
    with pytest.raises(ConflictError):
        held(scene)
    with pytest.raises(RefusedError, match="reason"):
        scene.sensor.release("dave", "case-7", " ")
    scene.sensor.release("dave", "case-7", "settled")
    assert list(scene.sensor.holds()) == []
    first, second = scene.audited()
    assert first[0] == second[0] == "LEGAL_HOLD_CHANGE"
    assert "[SubjectID=carol]" in first[1]
    assert (
        f"hold;;case-7+first;;{ago(9)}+last;;{ago(5)}+class;;all+reason;;Smith v. Jones"
        in (first[1])
    )
    assert "[SubjectID=dave]" in second[1]
    assert "reason;;settled" in second[1]


CHANGES: list[Callable[[Sensor], object]] = [
    lambda sensor: sensor.set_class("a", "x", 0),
    lambda sensor: sensor.set_class("a", "no name", 1),
    lambda sensor: sensor.remove_class("a", "absent"),
    lambda sensor: sensor.add_rule("a", "absent", host="x"),
    lambda sensor: sensor.add_rule("a", "default"),
    lambda sensor: sensor.add_rule("a", "default", host="x", position=3),
    lambda sensor: sensor.remove_rule("a", 1),
    lambda sensor: sensor.set_budget("a", 5),
    lambda sensor: sensor.hold("a", "h", first="x", last="y", reason=""),
    lambda sensor: sensor.release("a", "h", "because"),
    lambda sensor: sensor.export("a", "1h", "2h"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_refused_changes_and_records_nothing(
    scene: SensorScene, change: Callable[[Sensor], object]
) -> None:
    before = scene.sensor.keeping().policy
    with pytest.raises(SealwireError):
        change(scene.sensor)
    assert scene.sensor.keeping().policy == before
    assert scene.audited() == []


def test_without_the_audit_event_there_is_no_change(scene: SensorScene) -> None:
    scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        held(scene)
    assert list(scene.sensor.holds()) == []
    scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        scene.sensor.set_class("admin", "x", 1)
    assert len(scene.sensor.archive_policy().classes) == 1
    assert scene.audited() == []


def test_all_faults_are_named() -> None:
    with pytest.raises(RefusedError) as rule:
        checked_rule(
            "absent",
            classes=["default"],
            network="nowhere",
            certificate_sha256="ab",
            san="a b",
            host="a b",
        )
    assert [one.subject for one in rule.value.findings] == [
        *("class", "network", "certificate", "host", "san"),
    ]
    with pytest.raises(RefusedError) as hold:
        checked_hold("a b", "x", "2026-02-30", "", classes=["default"], retention="absent")
    assert [one.subject for one in hold.value.findings] == [
        *("name", "first", "last", "reason", "class"),
    ]
    with pytest.raises(RefusedError, match="before the first day"):
        checked_hold("a", "2026-02-02", "2026-02-01", "x", classes=[])


def test_a_class_that_is_in_use_stays(scene: SensorScene) -> None:
    sensor = scene.sensor
    sensor.set_class("admin", "a", 5)
    sensor.add_rule("admin", "a", certificate_sha256="AB:" * 31 + "CD")
    sensor.hold("carol", "h", first="2026-01-01", last="2026-01-01", reason="x", retention="a")
    with pytest.raises(RefusedError, match="rule 1 and by hold h"):
        sensor.remove_class("admin", "a")


def test_what_deletes_at_once_is_said_twice(scene: SensorScene) -> None:
    sensor = scene.sensor
    scene.shelf.stored = stored(9, 8, 7, 1, 0)
    held(scene, first=8, last=8)
    with pytest.raises(ConflictError, match="20 stored records") as refused:
        sensor.set_class("admin", "default", 3)
    assert refused.value.code == "retention.deletes"
    assert sensor.archive_policy().classes[0].days is None
    sensor.set_class("admin", "default", 3, sure=True)
    view = sensor.keeping().outlook
    assert [one.stored.day for one in view.due] == [ago(9), ago(7)]
    assert [(one.stored.day, one.held_by) for one in view.protected] == [(ago(8), ("case-7",))]
    assert [(one.stored.day, one.goes_on) for one in view.next] == [(ago(1), ago(-3))]
    with pytest.raises(ConflictError, match="10 stored records"):
        sensor.release("carol", "case-7", "settled")
    sensor.release("carol", "case-7", "settled", sure=True)
    scene.shelf.stored = stored(2, 1)
    with pytest.raises(ConflictError):
        sensor.set_budget("admin", 1024 * 1024)
    sensor.set_budget("admin", 1024 * 1024, sure=True)
    assert [one.due for one in sensor.keeping().outlook.days] == [Reason.BUDGET, None]


def test_a_class_that_nobody_names_any_more_is_kept(scene: SensorScene) -> None:
    scene.shelf.stored = stored(500, retention="old")
    (one,) = scene.sensor.keeping().outlook.days
    assert (one.named, one.goes_on, one.due) == (False, None, None)


def test_what_was_deleted_is_recorded_once(scene: SensorScene) -> None:
    gone = scene.shelf.gone
    gone.append(DeletedDay(7, "2026-11-22T10:00:00Z", ago(31), "firewall", "expired", 10, 2048))
    scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        scene.sensor.record_deletions()
    scene.sensor.record_deletions()
    scene.sensor.record_deletions()
    scene.restart().record_deletions()
    gone.append(DeletedDay(9, "2026-11-22T10:00:00Z", ago(30), "default", "budget", 1, 2))
    scene.sensor.record_deletions()
    texts = [text for event, text in scene.audited() if event == "RECORDS_DELETED"]
    who = "[SubjectID=$System$][Outcome=Success]"
    first = f"[Day={ago(31)}][RetentionClass=firewall][Reason=expired][Records=10][Bytes=2048]"
    second = f"[Day={ago(30)}][RetentionClass=default][Reason=budget][Records=1][Bytes=2]"
    assert [text.partition(who)[2] for text in texts] == [
        f"{first}[Manifest=7] stored records deleted",
        f"{second}[Manifest=9] stored records deleted",
    ]


def test_an_export_of_a_class_that_is_not_there_is_refused(scene: SensorScene) -> None:
    with pytest.raises(UsageError) as refused:
        scene.sensor.export("carol", None, None, "defualt")
    assert refused.value.code == "export.class"
    assert "default" in refused.value.hint
    scene.shelf.stored = stored(5, retention="old")
    assert b"".join(scene.sensor.export("carol", None, None, "old")) == b"tar"


def test_an_export_is_recorded_before_it_begins(scene: SensorScene) -> None:
    assert b"".join(scene.sensor.export("carol", "2026-11-20", "2026-11-21", "default")) == b"tar"
    day_us = 86_400 * 1_000_000
    midnight_us = int(START.timestamp()) // 86_400 * day_us
    assert scene.shelf.exported == [
        ExportRange(midnight_us - 2 * day_us, midnight_us - day_us, "default")
    ]
    ((event, text),) = scene.audited()
    assert event == "RECORDS_EXPORTED"
    assert "[SubjectID=carol]" in text
    assert "[Since=2026-11-20T00:00:00.000000Z][Until=2026-11-21T00:00:00.000000Z]" in text
    scene.store.fail_before_commit()
    with pytest.raises(UnavailableError):
        scene.sensor.export("carol", None, None)
    assert len(scene.shelf.exported) == 1


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("none", None),
        ("1000", 1000),
        ("50GiB", 50 * 1024**3),
        ("1.5 TB", 1_500_000_000_000),
        ("2g", 2 * 1000**3),
        ("0.5MiB", 512 * 1024),
    ],
)
def test_sizes_as_people_write_them(words: str, size: int | None) -> None:
    assert size_of(words) == size


@pytest.mark.parametrize("words", ["", "much", "-5GB", "5 XB", "1.GB", "5GiBs"])
def test_what_is_no_size(words: str) -> None:
    with pytest.raises(UsageError):
        size_of(words)


def test_an_unknown_hold_is_not_found(scene: SensorScene) -> None:
    with pytest.raises(NotFoundError):
        scene.sensor.release("carol", "none", "because", sure=True)
