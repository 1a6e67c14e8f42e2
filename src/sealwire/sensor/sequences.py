"""Gaps in ``meta.sequenceId`` (RFC 5424 section 7.3.1), for each sender, HOSTNAME and trail.

A number starts at 1 when its sender starts, rises by one with each message, and 1 follows
2147483647. What is made of it:

* A number ahead of the highest: those between are missing. When one of them comes after all (other
  connections are read at another pace), it is late and no longer missing; ``RANGES`` stretches are
  remembered for that, of older ones the numbers stay missing.
* 1, unless it is missing or follows the highest, and any number more than ``WINDOW`` behind the
  highest: the sender has started again. That is no gap.
* Any other number that was there before: a duplicate. So is, until it has caught up, a sender that
  started again and whose message 1 never came.
* The first number of a sender says nothing: the sensor may have come later.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import asdict, astuple, dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

LAST: Final = 2_147_483_647
WINDOW: Final = 1_024
RANGES: Final = 16
MOST_HOSTS: Final = 4_000


@dataclass(slots=True)
class SequenceCounts:
    """``gaps``: stretches that are missing, ``missing``: messages in them; both as of now."""

    gaps: int = 0
    missing: int = 0
    late: int = 0
    duplicates: int = 0
    restarts: int = 0

    def add(self, other: SequenceCounts) -> None:
        """Sum up."""
        self.gaps += other.gaps
        self.missing += other.missing
        self.late += other.late
        self.duplicates += other.duplicates
        self.restarts += other.restarts


_WELL: Final = SequenceCounts()


@dataclass(slots=True)
class NumberLine:
    """One sender's numbers. ``missing``: stretches [first, last], the oldest first."""

    highest: int = 0
    missing: list[list[int]] = field(default_factory=list)

    def feed(self, numbers: Sequence[int]) -> SequenceCounts:
        """What ``numbers``, in the order of receipt, change."""
        changed = SequenceCounts()
        first = numbers[0]
        follows = first == self.highest % LAST + 1 or not self.highest
        if follows and list(numbers) == list(range(first, first + len(numbers))):
            self.highest = numbers[-1]
            return changed
        for number in numbers:
            self._take(number, changed)
        return changed

    def _take(self, number: int, changed: SequenceCounts) -> None:
        if not self.highest:
            self.highest = number
            return
        ahead = (number - self.highest) % LAST
        behind = (self.highest - number) % LAST
        wraps = number < self.highest
        if ahead and (ahead <= WINDOW if wraps else behind > WINDOW):
            self._advance(number, ahead - 1, changed)
        elif self._is_late(number):
            changed.late += 1
            changed.missing -= 1
            self._fill(number, changed)
        elif number == 1 or behind > WINDOW:
            changed.restarts += 1
            self.highest = number
            self.missing.clear()
        else:
            changed.duplicates += 1

    def _advance(self, number: int, skipped: int, changed: SequenceCounts) -> None:
        if skipped:
            changed.gaps += 1
            changed.missing += skipped
            if number > self.highest:
                # One that reaches over the end of the numbers is not remembered.
                self.missing.append([self.highest + 1, number - 1])
                del self.missing[:-RANGES]
        self.highest = number

    def _is_late(self, number: int) -> bool:
        return any(first <= number <= last for first, last in self.missing)

    def _fill(self, number: int, changed: SequenceCounts) -> None:
        at = next(i for i, (first, last) in enumerate(self.missing) if first <= number <= last)
        first, last = self.missing[at]
        left = [part for part in ([first, number - 1], [number + 1, last]) if part[0] <= part[1]]
        changed.gaps += len(left) - 1
        self.missing[at : at + 1] = left
        del self.missing[:-RANGES]


Key = tuple[str, str | None, str | None]
"""Address, certificate's SHA-256, HOSTNAME."""


class Sequences:
    """The numbers of every sender; beyond ``most`` the one that was silent longest is forgotten."""

    def __init__(self, most: int = MOST_HOSTS) -> None:
        self._most = most
        self._known: OrderedDict[Key, tuple[NumberLine, SequenceCounts]] = OrderedDict()

    def feed(self, key: Key, numbers: Sequence[int]) -> SequenceCounts:
        """What ``numbers`` (at least one, in the order of receipt) change for this sender."""
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = (NumberLine(), SequenceCounts())
            if len(self._known) > self._most:
                self._known.popitem(last=False)
        self._known.move_to_end(key)
        changed = known[0].feed(numbers)
        known[1].add(changed)
        return changed

    def rows(self) -> list[list[Any]]:
        """All of it in values that JSON has."""
        return [
            [*key, one.highest, one.missing, list(astuple(counts))]
            for key, (one, counts) in self._known.items()
        ]

    def take_rows(self, rows: Sequence[Sequence[Any]]) -> None:
        """What ``rows`` gave."""
        for address, certificate, host, highest, missing, counts in rows:
            state = NumberLine(highest, [list(one) for one in missing])
            self._known[address, certificate, host] = (state, SequenceCounts(*counts))

    def troubled(self) -> dict[tuple[str, str | None], list[dict[str, Any]]]:
        """By address and certificate the HOSTNAMEs whose numbers were not all well, worst first."""
        found: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
        for (address, certificate, host), (_, counts) in self._known.items():
            if counts != _WELL:
                document = {"host": host, **asdict(counts)}
                found.setdefault((address, certificate), []).append(document)
        for documents in found.values():
            documents.sort(key=lambda one: (-one["missing"], -one["duplicates"]))
        return found
