"""The index's promises over a list: slow, strict, and by other means than the engine's."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from sealwire.errors import ConflictError, NotFoundError
from sealwire.sensor.archive import Bucket, Page
from sealwire.sensor.query import Cursor
from sealwire.sensor.query_rules import check_search
from tests.contract.query_match import is_found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import date

    from sealwire.sensor.archive import StoredRecord
    from sealwire.sensor.query import Search


class MemoryIndex:
    """Takes the records themselves where the real one takes tables."""

    def __init__(self) -> None:
        self._seals: dict[str, list[StoredRecord]] = {}
        self._upto = 0

    def indexed_upto(self) -> int:
        return self._upto

    def insert(self, token: str, records: Sequence[StoredRecord]) -> None:
        if token in self._seals:
            return
        assert all(before.seq < after.seq for before, after in pairwise(records))
        if records and records[0].seq <= self._upto:
            raise ConflictError("index.overlap", "These are in.")
        self._seals[token] = list(records)
        self._upto = records[-1].seq

    def rebuild(self, seals: Iterable[tuple[str, Sequence[StoredRecord]]]) -> Iterator[int]:
        self._seals, self._upto = {}, 0
        for token, records in seals:
            self.insert(token, records)
            yield self._upto

    def drop(self, retention: str, day: date) -> None:
        start = (day.toordinal() - 719_163) * 86_400_000_000_000
        for records in self._seals.values():
            records[:] = [
                at
                for at in records
                if at.retention != retention
                or not start <= at.received_ns < start + 86_400_000_000_000
            ]

    def search(self, search: Search) -> Page:
        check_search(search)
        found = sorted(self._found(search), key=_place, reverse=not search.oldest_first)
        if search.after is not None:
            behind = (search.after.received_us, search.after.seq)
            found = [
                at
                for at in found
                if (_place(at) > behind if search.oldest_first else _place(at) < behind)
            ]
        shown = found[: search.limit]
        return Page(tuple(shown), Cursor(*_place(shown[-1])) if len(found) > len(shown) else None)

    def count(self, search: Search) -> int:
        check_search(search)
        return len(list(self._found(search)))

    def chart(self, search: Search, step_s: int) -> list[Bucket]:
        check_search(search)
        bars: dict[int, dict[int | None, int]] = {}
        for at in self._found(search):
            start = at.received_ns // (step_s * 1_000_000_000) * step_s * 1_000_000
            counts = bars.setdefault(start, {})
            counts[at.severity] = counts.get(at.severity, 0) + 1
        return [Bucket(start, bars[start]) for start in sorted(bars)]

    def record(self, seq: int) -> StoredRecord:
        for records in self._seals.values():
            for at in records:
                if at.seq == seq:
                    return at
        raise NotFoundError("record.unknown", "There is none.")

    def _found(self, search: Search) -> Iterator[StoredRecord]:
        for records in self._seals.values():
            yield from (at for at in records if is_found(search, at))


def numbered(records: Sequence[StoredRecord], first: int = 1) -> list[StoredRecord]:
    """With ``seq`` from ``first`` on; the same bytes at the same moment say the same."""
    said = {(at.raw, at.received_ns // 1000): at for at in records}
    return [replace(at, seq=first + number) for number, at in enumerate(said.values())]


def _place(at: StoredRecord) -> tuple[int, int]:
    return at.received_ns // 1000, at.seq
