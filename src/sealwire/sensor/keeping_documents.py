"""Retention and what it means for what is stored, as people and scripts are shown it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sealwire.sensor.keeping_rules import rule_words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sealwire.sensor.keeping import Keeping
    from sealwire.sensor.outlook import DayOutlook
    from sealwire.sensor.policy import RetentionClass


def keeping_document(keeping: Keeping) -> dict[str, Any]:
    """All of it; a class that is stored and not named any more is listed with ``named`` false."""
    policy, view = keeping.policy, keeping.outlook
    return {
        "classes": [_class(each, view.days) for each in policy.classes]
        + [_forgotten(name, view.days) for name in _unnamed(view.days)],
        "rules": [
            {"number": number, "retention": each.retention, **rule_words(each)}
            for number, each in enumerate(policy.rules, 1)
        ],
        "budget_bytes": policy.budget_bytes,
        "segment_bytes": keeping.segment_bytes,
        "index_bytes": keeping.index_bytes,
        "excess_bytes": view.excess_bytes,
        "days": [_day(each) for each in view.days],
        "next": [_going(each) for each in (*view.due, *view.next)],
        "protected": [_going(each) | {"held_by": list(each.held_by)} for each in view.protected],
    }


def _class(one: RetentionClass, days: Iterable[DayOutlook]) -> dict[str, Any]:
    return {"name": one.name, "days": one.days, "named": True, **_sums(one.name, days)}


def _forgotten(name: str, days: Iterable[DayOutlook]) -> dict[str, Any]:
    return {"name": name, "days": None, "named": False, **_sums(name, days)}


def _unnamed(days: Iterable[DayOutlook]) -> list[str]:
    return sorted({one.stored.retention for one in days if not one.named})


def _sums(name: str, days: Iterable[DayOutlook]) -> dict[str, int]:
    own = [one.stored for one in days if one.stored.retention == name]
    return {
        "stored_days": len(own),
        "records": sum(one.records for one in own),
        "bytes": sum(one.bytes for one in own),
    }


def _day(one: DayOutlook) -> dict[str, Any]:
    return {
        "day": one.stored.day.isoformat(),
        "retention": one.stored.retention,
        "segments": one.stored.segments,
        "records": one.stored.records,
        "bytes": one.stored.bytes,
        "goes_on": None if one.goes_on is None else one.goes_on.isoformat(),
        "held_by": list(one.held_by),
    }


def _going(one: DayOutlook) -> dict[str, Any]:
    """``reason`` null: not yet."""
    return {
        "day": one.stored.day.isoformat(),
        "retention": one.stored.retention,
        "records": one.stored.records,
        "bytes": one.stored.bytes,
        "goes_on": None if one.goes_on is None else one.goes_on.isoformat(),
        "reason": None if one.due is None else one.due.value,
    }
