"""The store process's answers as ``sensor.archive.RecordArchive``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from sealwire.sensor.archive import Evidence
from sealwire.sensor.archive_documents import (
    bucket_from,
    page_from,
    record_from,
    search_document,
    status_from,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sealwire.sensor.archive import ArchiveStatus, Bucket, Page, StoredRecord
    from sealwire.sensor.query import Search


class Asked(Protocol):
    """Who passes questions on: ``net.store_link.StoreLink``."""

    def status(self) -> ArchiveStatus:
        """What it said last. Raises UnavailableError before it has said anything."""
        ...

    def observations(self) -> Sequence[Mapping[str, Any]]:
        """What it saw of each source's messages, as it said last."""
        ...

    def away_s(self) -> float:
        """For how many seconds it has not been there."""
        ...

    def ask(self, what: str, words: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """One question, one answer. Raises what the answer says, and UnavailableError."""
        ...

    def ask_parts(self, what: str, words: Mapping[str, Any]) -> Iterator[Any]:
        """A question whose answer comes in parts."""
        ...


class RemoteArchive:
    """Fills ``RecordArchive`` by asking the store process."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked

    def search(self, search: Search) -> Page:
        """Records that were indexed."""
        return page_from(self._asked.ask("search", search_document(search)))

    def count(self, search: Search) -> int:
        """How many there are."""
        return int(self._asked.ask("count", search_document(search)))

    def chart(self, search: Search, step_s: int) -> Sequence[Bucket]:
        """How many were received in each ``step_s`` seconds."""
        words = {"search": search_document(search), "step_s": step_s}
        return [bucket_from(document) for document in self._asked.ask("chart", words)]

    def record(self, seq: int) -> tuple[StoredRecord, Evidence]:
        """One record and where its evidence lies."""
        answer = self._asked.ask("record", {"seq": seq})
        return record_from(answer["record"]), Evidence(**answer["evidence"])

    def status(self) -> ArchiveStatus:
        """How far it is, as it said last: at most about a second ago while something happens."""
        return self._asked.status()

    def observations(self) -> Sequence[Mapping[str, Any]]:
        """What it saw of each source's messages, as it said last: at most about a second ago."""
        return self._asked.observations()

    def away_s(self) -> float:
        """For how many seconds the store process has not been there."""
        return self._asked.away_s()

    def reindex(self) -> Iterator[ArchiveStatus]:
        """Build the index again."""
        return (status_from(part) for part in self._asked.ask_parts("reindex", {}))
