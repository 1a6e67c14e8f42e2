"""What a search page was asked, as its address says it, and addresses of its neighbours."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from sealwire.console.time_range import TimeRange, asked_range
from sealwire.sensor.query import Cursor
from sealwire.sensor.searching import Question, cursor_text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sealwire.errors import Finding
    from sealwire.sensor.archive import StoredRecord

PAGE: Final = "/sensors/search"
PAGE_SIZE: Final = 50
_PLACE: Final = re.compile(r"character ([0-9]{1,9})")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of the page. ``back``: the page before ``cursor``, not the one behind it."""

    words: str
    span: TimeRange
    oldest_first: bool = False
    redelivered: bool = False
    cursor: str = ""
    back: bool = False

    @property
    def question(self) -> Question:
        """As the use cases take it; a page back is read backwards."""
        return Question(
            words=self.words,
            since=f"{self.span.since}Z",
            until=f"{self.span.until}Z",
            limit=PAGE_SIZE,
            oldest_first=self.oldest_first != self.back,
            cursor=self.cursor or None,
            redelivered=self.redelivered,
        )

    @property
    def query(self) -> str:
        """What stands behind the question mark of its address, which is a saved search."""
        return urlencode(self._parameters(), errors="replace")

    @property
    def address(self) -> str:
        """Its page."""
        return f"{PAGE}?{self.query}"

    @property
    def first(self) -> Asked:
        """Its first page."""
        return replace(self, cursor="", back=False)

    def within(self, span: TimeRange) -> Asked:
        """The same in another time."""
        return replace(self.first, span=span)

    def asking(self, words: str) -> Asked:
        """Other words in the same time."""
        return replace(self.first, words=words)

    def behind(self, record: StoredRecord) -> Asked:
        """The page that goes on behind this record."""
        return replace(self, cursor=_cursor_at(record), back=False)

    def before(self, record: StoredRecord) -> Asked:
        """The page that ends before this record."""
        return replace(self, cursor=_cursor_at(record), back=True)

    def _parameters(self) -> dict[str, str]:
        parameters = {"q": self.words, **self.span.address}
        if self.oldest_first:
            parameters["order"] = "oldest"
        if self.redelivered:
            parameters["redelivered"] = "yes"
        if self.cursor:
            parameters["cursor"] = self.cursor
        if self.back:
            parameters["page"] = "back"
        return parameters


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault of the words: ``at`` is the character at fault, empty behind the last one."""

    before: str
    at: str
    after: str
    text: str


def asked_records(asked: Callable[[str], str], now_us: int, oldest_us: int | None) -> Asked:
    """What an address asks. Raises UsageError ``search.time``."""
    return Asked(
        words=asked("q").strip(),
        span=asked_range(asked, now_us, oldest_us),
        oldest_first=asked("order") == "oldest",
        redelivered=asked("redelivered") == "yes",
        cursor=asked("cursor"),
        back=asked("page") == "back",
    )


def faults_at(words: str, findings: Sequence[Finding]) -> list[Fault]:
    """Faults that name their place in ``words``, in the order of their places."""
    found = [
        (int(place[1]) - 1, finding.message)
        for finding in findings
        if (place := _PLACE.fullmatch(finding.subject or ""))
    ]
    return [
        Fault(words[:place], words[place : place + 1], words[place + 1 :], message)
        for place, message in sorted(found)
    ]


def _cursor_at(record: StoredRecord) -> str:
    return cursor_text(Cursor(record.received_ns // 1000, record.seq)) or ""
