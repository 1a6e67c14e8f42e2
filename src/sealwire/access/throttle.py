"""How long somebody has to wait before the next attempt to log in.

Attempts are counted for three subjects: the address, the user, and both together. Each count has
its own rule, data below; the longest wait decides. Nobody is locked out for ever: a wait has an
upper bound, and where somebody has succeeded before, only their own attempts there count, not
what others try at the same address or under the same name.

An attempt is counted before the password is looked at and given back when it was right, so that
many at once do not get in between.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping  # noqa: TC003 - evaluated in Final annotations
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from sealwire.access.ports import Attempts
from sealwire.errors import SealwireError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from sealwire.access.ports import SessionTx


class Counted(StrEnum):
    """Whose attempts are counted together."""

    ADDRESS = "address"
    USER = "user"
    USER_AT_ADDRESS = "user at address"


@dataclass(frozen=True, slots=True)
class Rule:
    """``free`` attempts cost nothing; then waits begin at a second and double up to ``longest``."""

    free: int
    longest: timedelta

    def wait(self, count: int) -> timedelta:
        """How long after the last attempt the next one may come."""
        beyond = count - self.free
        if beyond < 0:
            return timedelta(0)
        return min(timedelta(seconds=2.0 ** min(beyond, 32)), self.longest)


RULES: Final[Mapping[Counted, Rule]] = {
    # An address may stand for a whole company.
    Counted.ADDRESS: Rule(free=20, longest=timedelta(minutes=5)),
    Counted.USER: Rule(free=10, longest=timedelta(minutes=15)),
    Counted.USER_AT_ADDRESS: Rule(free=4, longest=timedelta(minutes=15)),
}

WHERE_KNOWN: Final = Rule(free=32, longest=timedelta(minutes=15))
"""For a user at an address where that user has succeeded; programs ask many things at once."""

FORGOTTEN_AFTER: Final = timedelta(hours=24)
"""After so long without an attempt a count is nothing any more."""

SKEW: Final = timedelta(minutes=5)
"""So far the clocks of nodes on one database may be apart."""

KNOWN_FOR: Final = timedelta(days=90)
"""For so long an address is known to be where a user comes from."""


class ThrottledError(SealwireError):
    """Too many attempts; ``wait_seconds`` from now on the next one may come."""

    exit_code = 3
    http_status = 429

    def __init__(self, wait: timedelta) -> None:
        self.wait_seconds = max(1, -(-wait // timedelta(seconds=1)))
        super().__init__(
            "login.throttled",
            f"Too many attempts to log in. Try again in {self.wait_seconds} s.",
            hint="An administrator can end the wait: sealwire user unlock NAME.",
        )


def subject_of(counted: Counted, user: str, address: str) -> str:
    """The digest under which attempts are counted; long and odd names cost no more than others."""
    parts = {
        Counted.ADDRESS: (address,),
        Counted.USER: (user,),
        Counted.USER_AT_ADDRESS: (user, address),
    }[counted]
    text = "\0".join((counted.value, *parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def count_attempt(tx: SessionTx, user: str, address: str, now: datetime) -> None:
    """Count an attempt that is about to be made. Raises ThrottledError when it comes too early."""
    rows = {kind: _current(tx, kind, user, address, now) for kind in Counted}
    wait = max(
        rows[kind].last + rule.wait(rows[kind].count) - now
        for kind, rule in _rules(rows[Counted.USER_AT_ADDRESS], now)
    )
    if wait > timedelta(0):
        raise ThrottledError(wait)
    tx.remove_attempts_before(now - KNOWN_FOR)
    for row in rows.values():
        tx.put_attempts(replace(row, count=row.count + 1, last=now))


def _rules(here: Attempts, now: datetime) -> Iterable[tuple[Counted, Rule]]:
    if here.succeeded is not None and now - here.succeeded <= KNOWN_FOR:
        return [(Counted.USER_AT_ADDRESS, WHERE_KNOWN)]
    return RULES.items()


def attempt_succeeded(tx: SessionTx, user: str, address: str, now: datetime) -> None:
    """The attempt that was counted was right.

    Counting begins anew for this user at this address. The other two counts get back this attempt
    only: one who succeeds does not win free attempts for others, nor at other people's names.
    """
    here = _current(tx, Counted.USER_AT_ADDRESS, user, address, now)
    tx.put_attempts(replace(here, count=0, last=now, succeeded=now))
    for kind in (Counted.USER, Counted.ADDRESS):
        row = _current(tx, kind, user, address, now)
        tx.put_attempts(replace(row, count=max(0, row.count - 1)))


def unlock(tx: SessionTx, user: str) -> None:
    """Count anew from 0 what is tried under this name, from wherever."""
    tx.reset_attempts(subject_of(Counted.USER, user, ""))


def _current(tx: SessionTx, kind: Counted, user: str, address: str, now: datetime) -> Attempts:
    subject = subject_of(kind, user, address)
    owner = "" if kind is Counted.ADDRESS else subject_of(Counted.USER, user, "")
    row = tx.attempts(subject) or Attempts(subject, owner, 0, now)
    # What lies ahead was counted by a clock that was set back since: nobody waits until then.
    forgotten = now - row.last > FORGOTTEN_AFTER or row.last - now > SKEW
    return replace(row, count=0, last=min(row.last, now)) if forgotten else row
