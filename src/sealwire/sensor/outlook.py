"""What retention deletes next, and what a hold protects. Pure; nothing is deleted here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sealwire.sensor.retention import StoredDay, judge

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from sealwire.sensor.policy import ArchivePolicy
    from sealwire.sensor.retention import Reason
    from sealwire.sensor.shelf import ShelvedDay


@dataclass(frozen=True, slots=True)
class DayOutlook:
    """What becomes of one class's day.

    ``goes_on``: the first day on which its class lets it go; None: never. ``held_by``: names of
    holds that keep it even then. ``due``: why it goes now, if it does. ``named``: whether the
    policy names its class; one that it does not is kept for ever.
    """

    stored: ShelvedDay
    goes_on: date | None
    held_by: tuple[str, ...]
    due: Reason | None
    named: bool


@dataclass(frozen=True, slots=True)
class Outlook:
    """All days, by day and class, and by how much the budget is exceeded by what must stay."""

    days: tuple[DayOutlook, ...]
    excess_bytes: int

    @property
    def due(self) -> tuple[DayOutlook, ...]:
        """What goes now."""
        return tuple(one for one in self.days if one.due is not None)

    @property
    def next(self) -> tuple[DayOutlook, ...]:
        """What its class lets go next, on one day: not what goes now, and not what is held."""
        free = [one for one in self.days if not one.held_by and one.due is None]
        first = min((one.goes_on for one in free if one.goes_on is not None), default=None)
        return tuple(one for one in free if first is not None and one.goes_on == first)

    @property
    def protected(self) -> tuple[DayOutlook, ...]:
        """What a hold covers."""
        return tuple(one for one in self.days if one.held_by)


def outlook(
    days: Sequence[ShelvedDay], policy: ArchivePolicy, today: date, index_bytes: int
) -> Outlook:
    """What becomes of ``days`` by ``policy``; ``today`` is UTC."""
    stored = [StoredDay(one.day, one.retention, one.bytes) for one in days]
    verdict = judge(stored, policy, today, index_bytes)
    due = {(one.day, one.retention): one.reason for one in verdict.removals}
    kept = {one.name: one.days for one in policy.classes}

    def of(one: ShelvedDay) -> DayOutlook:
        length = kept.get(one.retention)
        return DayOutlook(
            one,
            None if length is None else one.day + timedelta(days=length + 1),
            tuple(
                hold.name
                for hold in policy.holds
                if hold.first <= one.day <= hold.last and hold.retention in {None, one.retention}
            ),
            due.get((one.day, one.retention)),
            one.retention in kept,
        )

    return Outlook(tuple(map(of, days)), verdict.excess_bytes)
