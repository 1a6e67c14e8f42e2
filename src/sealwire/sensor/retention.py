"""Which days of which retention class may be deleted. Pure rules; nothing is deleted here.

A day is a day of receipt, UTC, and goes as a whole. A record of a class that is kept N days is
kept for N whole days behind the day of its receipt. What is in doubt stays: a class that the
policy does not name, a day that has not ended by the clock, a clock that has just jumped ahead.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date

    from sealwire.sensor.policy import ArchivePolicy, LegalHold

JUMP_SETTLES_S: Final = 24 * 3600.0
"""A clock that jumped ahead by more than a day is believed after it has stood there this long."""

_DAY: Final = timedelta(days=1)


class Reason(StrEnum):
    """Why a day goes. The words stand in manifests."""

    EXPIRED = "expired"
    BUDGET = "budget"


@dataclass(frozen=True, slots=True)
class StoredDay:
    """What is stored of one class's day: bytes of its segments."""

    day: date
    retention: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Removal:
    """A class's day that goes."""

    day: date
    retention: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """What goes, in order. ``excess_bytes``: over budget even then, because the rest must stay."""

    removals: tuple[Removal, ...]
    excess_bytes: int


def is_held(day: date, retention: str, holds: Iterable[LegalHold]) -> bool:
    """Whether a hold covers a class's day; its first and last day belong to a hold."""
    return any(
        hold.first <= day <= hold.last and hold.retention in {None, retention} for hold in holds
    )


def judge(
    days: Sequence[StoredDay], policy: ArchivePolicy, today: date, other_bytes: int = 0
) -> Verdict:
    """Which days go, and by how much the budget is exceeded afterwards.

    Args:
        days: what is stored; each class's day once.
        policy: classes, holds and budget.
        today: UTC. Neither this day nor a later one goes.
        other_bytes: what the budget has to cover besides (the index); it is taken to shrink in
            proportion.
    """
    kept_days = {one.name: one.days for one in policy.classes}
    free = [
        one for one in days if one.day < today and not is_held(one.day, one.retention, policy.holds)
    ]
    expired = [one for one in free if _is_expired(one.day, kept_days.get(one.retention), today)]
    removals = [Removal(one.day, one.retention, Reason.EXPIRED) for one in _in_order(expired)]
    if policy.budget_bytes is None:
        return Verdict(tuple(removals), 0)
    stored = sum(one.bytes for one in days)
    if not stored:
        return Verdict(tuple(removals), max(0, other_bytes - policy.budget_bytes))
    left = stored - sum(one.bytes for one in expired)
    # In units of 1 / stored, so that the shares of the rest are exact.
    per_byte = stored + other_bytes
    allowed = policy.budget_bytes * stored
    for one in _in_order(set(free) - set(expired)):
        if left * per_byte <= allowed:
            break
        left -= one.bytes
        removals.append(Removal(one.day, one.retention, Reason.BUDGET))
    excess = -(-(left * per_byte - allowed) // stored)
    return Verdict(tuple(removals), max(0, excess))


def _is_expired(day: date, kept_days: int | None, today: date) -> bool:
    return kept_days is not None and (today - day).days > kept_days


def _in_order(days: Iterable[StoredDay]) -> list[StoredDay]:
    return sorted(days, key=lambda one: (one.day, one.retention))


@dataclass(frozen=True, slots=True)
class BelievedDay:
    """Today, as far as deleting may rely on it.

    A clock that goes back is believed at once, since that deletes less. One that jumps ahead by
    more than a day is believed when it has stood there for ``JUMP_SETTLES_S``: until then an
    operator can set it right.

    ``day``: the latest that is known to have come; None: the first that is shown. ``jumped_at``:
    when a later one was first shown; None: none is.
    """

    day: date | None = None
    jumped_at: float | None = None

    def after(self, shown: date, at: float) -> BelievedDay:
        """With the day that the clock showed ``at`` a moment, seconds.

        Of a node that runs these are its steady clock's. Over restarts only times remain at which
        something was written, by the clock that may have jumped: what went on being written for
        ``JUMP_SETTLES_S`` vouches for the new day.
        """
        if self.day is None or shown <= self.day + _DAY:
            return BelievedDay(shown)
        if self.jumped_at is None or at < self.jumped_at:
            return BelievedDay(self.day, at)
        return BelievedDay(shown) if at - self.jumped_at >= JUMP_SETTLES_S else self
