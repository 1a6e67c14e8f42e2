"""What the audit trail needs of a store."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from sealwire.errors import SealwireError

ResultT = TypeVar("ResultT")
StoreTxT_co = TypeVar("StoreTxT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class TrailHead:
    """A trail's size and compact range: the peaks of its RFC 6962 tree, largest first.

    ``log`` is the name under which the trail is known outside; empty until it has a record. It is
    the trail's, whoever writes to it, and no part of what the tree proves.
    """

    size: int
    frontier: tuple[bytes, ...]
    log: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class TrailRecord:
    """One audit record.

    ``message`` is the finished RFC 5424 SYSLOG-MSG, ``leaf`` its RFC 6962 leaf hash.
    ``text`` is the part after the syslog header (``[AuditEvent=...] ...``), as Dogtag would log it.
    """

    trail: str
    idx: int
    time: datetime
    event: str
    subject_id: str
    outcome: str
    text: str
    message: bytes
    leaf: bytes


class TrailTx(Protocol):
    """Trails inside one transaction.

    Promise: ``append_record`` and everything else done in the same transaction become durable
    together or not at all. ``lock_trail`` keeps other writers of that trail out until the end of
    the transaction, so that indexes have no gaps and no repeats.
    """

    def lock_trail(self, trail: str) -> TrailHead:
        """The head for writing; size 0 and an empty frontier for a trail that has no record."""
        ...

    def append_record(self, record: TrailRecord, head: TrailHead) -> None:
        """Add ``record``, replace the head. ConflictError unless ``record.idx`` was the size."""
        ...

    def setting(self, name: str) -> str | None:
        """The document of that name, which says among others what is recorded."""
        ...

    def trail_head(self, trail: str) -> TrailHead:
        """The head for reading."""
        ...

    def trail_names(self) -> Sequence[str]:
        """Trails that have a record, sorted."""
        ...

    def trail_records(self, trail: str, *, start: int, limit: int) -> Sequence[TrailRecord]:
        """At most ``limit`` records from index ``start`` on, in order."""
        ...


class SettingsTx(Protocol):
    """Named JSON documents inside one transaction; whoever writes one owns its shape."""

    def setting(self, name: str) -> str | None:
        """The JSON text, or None."""
        ...

    def put_setting(self, name: str, document: str) -> None:
        """Insert or replace."""
        ...


class Store(Protocol[StoreTxT_co]):
    """Runs use cases, each in one transaction of one writer.

    ``run`` returns after the commit is durable (fsync); if the use case raises, or the commit
    fails, nothing of it is kept and the error is raised to the caller. Safe to call from any
    thread. ``read`` sees committed state only and never waits for the writer.
    Raises UnavailableError (``store.unavailable``) when the store cannot be written.
    """

    def run(self, use_case: Callable[[StoreTxT_co], ResultT]) -> ResultT:
        """Run ``use_case`` and commit."""
        ...

    def run_each(
        self, use_cases: Sequence[Callable[[StoreTxT_co], ResultT]]
    ) -> Sequence[ResultT | SealwireError]:
        """Run them in order, each as ``run`` would, but wait for all of them together.

        For each what it gave, or the error of our tree that it ended with; any other error is
        raised once all have run. Others' use cases may be run in between.
        """
        ...

    def read(self, query: Callable[[StoreTxT_co], ResultT]) -> ResultT:
        """Run ``query`` without changing anything."""
        ...
