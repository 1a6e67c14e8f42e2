"""Columns of a segment, and how a table of records is brought into their form.

Their names are the index's too. The further fields of a message and its text are not columns:
they follow from ``raw`` by parsing. What stands here is read for as long as segments are kept:
columns are added, never renamed or given another type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA_VERSION: Final = 1

_REPEATED: Final = pa.dictionary(pa.int32(), pa.string())

SCHEMA: Final = pa.schema(
    [
        pa.field("seq", pa.uint64(), nullable=False),
        pa.field("received", pa.timestamp("ns", "UTC"), nullable=False),
        pa.field("listener", pa.uint16(), nullable=False),
        pa.field("transport", _REPEATED, nullable=False),
        pa.field("peer_address", _REPEATED, nullable=False),
        pa.field("peer_port", pa.uint16(), nullable=False),
        pa.field("certificate_sha256", _REPEATED),
        pa.field("certificate_subject", _REPEATED),
        pa.field("tls_version", _REPEATED, nullable=False),
        pa.field("cipher", _REPEATED, nullable=False),
        pa.field("framing", pa.uint8(), nullable=False),
        pa.field("flags", pa.uint16(), nullable=False),
        pa.field("retention", _REPEATED, nullable=False),
        pa.field("grade", pa.uint8(), nullable=False),
        pa.field("rule", _REPEATED, nullable=False),
        pa.field("facility", pa.uint8()),
        pa.field("severity", pa.uint8()),
        pa.field("ts", pa.timestamp("us", "UTC")),
        pa.field("host", _REPEATED),
        pa.field("app", _REPEATED),
        pa.field("procid", pa.string()),
        pa.field("msgid", _REPEATED),
        pa.field("message_start", pa.uint32(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
    ]
)
"""Columns of a segment, in order."""

UNSEALED_SCHEMA: Final = pa.schema([field for field in SCHEMA if field.name != "seq"])
"""Columns of a table to be sealed: sealing numbers the records."""


def conform(table: pa.Table, schema: pa.Schema = UNSEALED_SCHEMA) -> pa.Table:
    """``table`` with exactly the columns, order and types of ``schema``.

    Text may come plain or as a dictionary, numbers in any width that loses nothing.

    Raises:
        ValueError: a column is missing or unknown, does not fit its type, or has nulls where
            none may be.
    """
    missing = set(schema.names) ^ set(table.column_names)
    if missing or table.num_columns != len(schema):
        raise ValueError(f"these columns are missing or unknown: {sorted(missing)}")
    columns = [_conform_column(table.column(field.name), field) for field in schema]
    return pa.table(columns, schema=schema)


def _conform_column(column: pa.ChunkedArray, field: pa.Field) -> pa.ChunkedArray:
    if column.null_count and not field.nullable:
        raise ValueError(f"column {field.name} has nulls")
    if column.type == field.type:
        return column
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    return column.cast(field.type)


def empty_table() -> pa.Table:
    """No records, with a segment's columns."""
    return SCHEMA.empty_table()


def concatenated(tables: Iterable[pa.Table]) -> pa.Table:
    """Tables with a segment's columns, one after another."""
    return pa.concat_tables([empty_table(), *tables])
