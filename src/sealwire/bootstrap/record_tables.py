"""Tables of records: to be sealed, and to be indexed. Loads pyarrow and the parser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sealwire.sensor.observed_columns import seen_in
from sealwire.sensor.record_columns import (
    PARSED,
    TIME_FLAGS,
    UNPARSED,
    envelopes,
    parsed_surely,
    record_columns,
    time_flags,
    unparsed,
)
from sealwire.stores.segments.records import stored_records
from sealwire.syslog.columns import parse_batch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sealwire.sensor.archive import StoredRecord
    from sealwire.sensor.batches import Batch
    from sealwire.sensor.judgement import PolicyJudge
    from sealwire.sensor.observations import SeenBatch
    from sealwire.sensor.record_columns import Parse

FIELDS: Final = "fields"


@dataclass(frozen=True, slots=True)
class MadeTable:
    """Records of a batch: the columns to be sealed, and beside them what only the index keeps.

    ``failed``: how many messages the parser failed on. ``seen``: what is counted of them.
    """

    sealed: pa.Table
    fields: pa.Array
    failed: int
    seen: SeenBatch


def made_table(
    batch: Batch,
    judge: PolicyJudge,
    redelivered: Sequence[bool] | None,
    parse: Parse | None = parse_batch,
) -> MadeTable:
    """The records of a batch. Without ``parse`` they are kept as they are, all of grade RAW."""
    envelope = envelopes(batch.runs)
    if parse is None:
        parsed = unparsed(envelope.raw)
    else:
        parsed = parsed_surely(parse, envelope.raw, envelope.received_ns // 1000)
    repeated = None if redelivered is None else np.array(redelivered, np.bool_)
    columns = record_columns(envelope, parsed, judge, repeated)
    failed = pc.sum(pc.equal(_plain(parsed.column("rule")), UNPARSED)).as_py() or 0
    seen = seen_in(envelope, parsed, columns["flags"].to_numpy())
    return MadeTable(pa.table(columns), parsed.column(FIELDS), failed, seen)


def index_table(rows: pa.Table, parse: Parse = parse_batch) -> pa.Table:
    """A segment's rows as ``parse`` takes them apart, with the fields that the index has besides.

    A parser of before may have sealed them: the index says of all records what today's says.
    """
    sound = pc.not_equal(_plain(rows.column("rule").combine_chunks()), UNPARSED)
    if pc.all(sound).as_py():
        return _taken_apart(rows, parse)
    # What killed the parser once is not given to it again.
    taken, left = _taken_apart(rows.filter(sound), parse), rows.filter(pc.invert(sound))
    left = left.append_column(FIELDS, pa.array([[]] * left.num_rows, taken[FIELDS].type))
    both = pa.concat_tables([taken, left.cast(taken.schema)]).unify_dictionaries()
    return both.take(np.argsort(np.argsort(~sound.to_numpy(zero_copy_only=False), kind="stable")))


def _taken_apart(rows: pa.Table, parse: Parse) -> pa.Table:
    raw = rows.column("raw").combine_chunks()
    received_ns = rows.column("received").cast(pa.int64()).combine_chunks().to_numpy()
    parsed = parsed_surely(parse, raw, received_ns // 1000)
    flags = rows.column("flags").to_numpy() & ~np.uint16(TIME_FLAGS)
    columns = {name: rows.column(name) for name in rows.column_names}
    columns |= {name: parsed.column(name) for name in PARSED}
    columns |= {"flags": pa.array(flags | time_flags(parsed, received_ns))}
    return pa.table({**columns, FIELDS: parsed.column(FIELDS)})


def merged(tables: Sequence[pa.Table]) -> pa.Table:
    """Rows of segments in the order of their numbers."""
    if len(tables) == 1:
        return tables[0]
    return pa.concat_tables(tables).unify_dictionaries().sort_by("seq")


def numbered(made: MadeTable, first_seq: int) -> pa.Table:
    """The records of a batch that became one segment, as the index wants them."""
    seq = np.arange(first_seq, first_seq + made.sealed.num_rows, dtype=np.uint64)
    return made.sealed.add_column(0, "seq", pa.array(seq)).append_column(FIELDS, made.fields)


def stored_record(row: pa.Table) -> StoredRecord:
    """The record of a segment's one row, as the index has it."""
    table = index_table(row)
    fields = tuple(table.column(FIELDS)[0].as_py())
    (record,) = stored_records(table.drop_columns(FIELDS), lambda _raw, _received_us: fields)
    return record


def _plain(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
