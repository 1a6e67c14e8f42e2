"""The index of one sensor's records: fed seal by seal, asked, thinned by days, built again."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from sealwire.errors import ConflictError
from sealwire.stores.archive import frame, schema
from sealwire.stores.archive.ledger import REBUILDING, Ledger
from sealwire.stores.archive.mending import Mending
from sealwire.stores.archive.questions import FIRST_RECORDS, Span
from sealwire.stores.archive.searching import Searching
from sealwire.stores.archive.tables import Tables
from sealwire.syslog.message import PARSER_VERSION
from sealwire.syslog.parser import parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from sealwire.clock import Clock
    from sealwire.sensor.archive import Bucket, Page, StoredRecord
    from sealwire.sensor.query import Search
    from sealwire.stores.archive.engine import Engine
    from sealwire.stores.archive.shown import ParseOne


def seal_token(sensor: str, manifest: int, sha256: str) -> str:
    """What a seal is known by in the index; the same one by another parser is another seal."""
    return f"{sensor}:{manifest}:{sha256}:{PARSER_VERSION}"


class Index:
    """Records that can be searched.

    Durability: what ``insert`` took is there after a crash; what it did not finish is finished by
    calling it again, each record exactly once. Concurrency: questions from any thread at any
    time; ``insert``, ``drop``, ``rebuild`` and ``close`` from one thread.

    Raises what RecordArchive says, and UnavailableError ``index.unavailable`` when the engine
    fails, be it for want of room on the disk. ``parse``: what a record says besides its bytes, as
    in the columns that are inserted. ``at_once``: so many records a search may look through in its
    first step.
    """

    def __init__(
        self,
        engine: Engine,
        sensor: str,
        clock: Clock,
        parse: ParseOne = parse,
        at_once: int = FIRST_RECORDS,
    ) -> None:
        self._tables = Tables(engine)
        self._ledger = Ledger(self._tables, sensor)
        self._searching = Searching(self._tables, self._ledger, clock, parse, at_once)
        self._mending = Mending(self._tables, sensor)
        # Whether an insert may have been interrupted, by this process or the one before.
        self._in_doubt = True

    # --- what is in it ---------------------------------------------------------------------------

    @property
    def needs_rebuild(self) -> bool:
        """It was made by another version, or building it again was interrupted."""
        return self._ledger.rebuilding or not self._ledger.made_by_us

    def indexed_upto(self) -> int:
        """``seq`` of the last record in it; 0 when there is none."""
        return self._ledger.upto

    def size_bytes(self) -> int:
        """What it takes of the engine's disk."""
        names = ", ".join(f"'{name}'" for name in schema.TABLES)
        sql = (
            "SELECT sum(bytes_on_disk) AS bytes FROM system.parts"  # noqa: S608 - names of our own schema
            f" WHERE active AND database = currentDatabase() AND table IN ({names})"
        )
        return int(self._tables.ask(sql)["bytes"][0].as_py() or 0)

    def days(self) -> set[tuple[date, str]]:
        """Days of receipt, UTC, and retention classes that it has records of."""
        sql = (
            "SELECT DISTINCT retention, toString(toDate(minute)) AS day"  # noqa: S608 - values are bound
            f" FROM minutes{self._tables.dialect.read_suffix} WHERE sensor = {{sensor:String}}"
        )
        rows = self._tables.ask(sql, {"sensor": self._ledger.sensor}).to_pylist()
        return {
            (date.fromisoformat(row["day"].decode()), row["retention"].decode()) for row in rows
        }

    # --- feeding ---------------------------------------------------------------------------------

    def insert(self, token: str, table: pa.Table) -> None:
        """Take the records of one seal: a segment's columns and ``fields``, in order of ``seq``.

        Seals come in order. One that is in already changes nothing. Raises ConflictError
        ``index.overlap`` when records of these numbers came under another token: then it has to
        be built again.
        """
        if table.num_rows == 0 or self._ledger.has(token):
            return
        first, last = table["seq"][0].as_py(), table["seq"][-1].as_py()
        if first <= self._ledger.upto:
            raise ConflictError(
                "index.overlap",
                f"Records {first} to {last} are in the index under another seal.",
                hint="Build the index again: sealwire sensor reindex",
            )
        doubt, self._in_doubt = self._in_doubt, True
        spans = [
            self._take_slice(None if doubt else f"{token}:{number}", piece)
            for number, piece in enumerate(frame.slices(table))
        ]
        span = Span(min(at.since_us for at in spans), max(at.until_us for at in spans))
        self._ledger.enter(token, first, last, span)
        self._in_doubt = False

    def drop(self, retention: str, day: date) -> None:
        """Take out every record of a retention class received on ``day``, UTC."""
        for statement in schema.drop_day(self._tables.dialect, self._ledger.sensor, retention, day):
            self._tables.run(statement)

    def empty(self) -> None:
        """Take every record out; it has to be built again."""
        self._ledger.empty()

    def rebuild(self, seals: Iterable[tuple[str, pa.Table]]) -> Iterator[int]:
        """Empty it and take ``seals``, which are all there are; yields ``indexed_upto`` after each.

        When that was interrupted, doing it again goes on where it ended.
        """
        if not (self._ledger.rebuilding and self._ledger.made_by_us):
            self._ledger.empty()
        for token, table in seals:
            self.insert(token, table)
            yield self._ledger.upto
        self._ledger.mark({REBUILDING: 0})

    def close(self) -> None:
        """Let go of the engine."""
        self._tables.close()

    def _take_slice(self, token: str | None, table: pa.Table) -> Span:
        """``token`` None: an insert may have been interrupted in it, whatever tokens say."""
        rows = frame.log_rows(self._ledger.sensor, table)
        span = frame.span_of(rows)
        if token is None:
            self._mending.mend(rows, span)
        else:
            self._tables.insert("log", rows, token)
            self._tables.insert("minutes", frame.minute_rows(rows), token)
        return span

    # --- asking ----------------------------------------------------------------------------------

    def search(self, search: Search) -> Page:
        """See RecordArchive. A page may end early when its records are large or time runs out."""
        return self._searching.search(search)

    def count(self, search: Search) -> int:
        """See RecordArchive."""
        return self._searching.count(search)

    def chart(self, search: Search, step_s: int) -> Sequence[Bucket]:
        """See RecordArchive. Raises RefusedError ``search.step`` beyond 10,000 bars."""
        return self._searching.chart(search, step_s)

    def record(self, seq: int) -> StoredRecord:
        """One record. Raises NotFoundError ``record.unknown``."""
        return self._searching.record(seq)
