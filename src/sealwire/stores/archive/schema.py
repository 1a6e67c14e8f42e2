"""Tables of the index. Retention drops whole partitions (class and day of receipt), no TTL does.

``log`` has a row for each record, ``minutes`` counts them for charts, ``seals`` says which seals
are in both, ``marks`` what the tables were made with.

A page's records lie far apart, and each column read of each costs as much as the next: records are
shown by ``origin``, ``particulars``, ``head`` and ``msg`` alone, of which the rest follows. The
columns beside these are there to be searched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.stores.archive.dialect import text_literal

if TYPE_CHECKING:
    from datetime import date

    from sealwire.stores.archive.dialect import Dialect

SCHEMA_VERSION: Final = 3
"""Rises whenever tables or their meaning change; the index is built again then."""

NO_NUMBER: Final = 255
"""Stands for a facility or severity that the message does not have. Missing text is empty."""

TABLES: Final = ("log", "minutes", "seals", "marks")

_LOG: Final = """
    sensor LowCardinality(String),
    seq UInt64 CODEC(Delta, ZSTD(1)),
    received DateTime64(6, 'UTC') CODEC(Delta, ZSTD(1)),
    listener UInt16,
    transport LowCardinality(String),
    peer_address LowCardinality(String),
    certificate_sha256 LowCardinality(String),
    certificate_subject LowCardinality(String),
    framing UInt8,
    flags UInt16,
    retention LowCardinality(String),
    grade UInt8,
    rule LowCardinality(String),
    facility UInt8,
    severity UInt8,
    host LowCardinality(String),
    app LowCardinality(String),
    procid String CODEC(ZSTD(1)),
    msgid LowCardinality(String),
    origin LowCardinality(String),
    particulars UInt64 CODEC(ZSTD(1)),
    head String CODEC(ZSTD(1)),
    msg String CODEC(ZSTD(1)),
    fields Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    INDEX numbers seq TYPE minmax GRANULARITY 16,
    INDEX hosts host TYPE set(100) GRANULARITY 16,
    INDEX words lower(msg) TYPE text(tokenizer = 'splitByNonAlpha')
"""

_APART: Final = "index_granularity = 512, min_compress_block_size = 32768"
"""A page's records lie apart: little is read and unpacked for the sake of each."""

_MERGING: Final = (
    "min_parts_to_merge_at_once = 8, max_bytes_to_merge_at_max_space_in_pool = 1073741824"
)
"""Merging is most of what indexing costs: join many parts at a time, and leave large ones be."""

_MINUTES: Final = """
    sensor LowCardinality(String),
    minute DateTime('UTC') CODEC(Delta, ZSTD(1)),
    peer_address LowCardinality(String),
    host LowCardinality(String),
    severity UInt8,
    retention LowCardinality(String),
    grade UInt8,
    redelivered UInt8,
    records UInt64
"""

_SEALS: Final = """
    sensor LowCardinality(String),
    token String,
    first_seq UInt64,
    last_seq UInt64,
    first_us Int64,
    last_us Int64
"""

_MARKS: Final = """
    sensor LowCardinality(String),
    name String,
    value Int64,
    version UInt64
"""


def create(dialect: Dialect) -> list[str]:
    """Statements that make every table that is not there."""
    hour = "toStartOfHour(received)"
    return [
        _table(
            dialect,
            "log",
            _LOG,
            "(sensor, retention, toDate(received))",
            f"({hour}, peer_address, received, seq)",
            settings=f"{_APART}, {_MERGING}",
        ),
        _table(
            dialect,
            "minutes",
            _MINUTES,
            "(sensor, retention, toDate(minute))",
            "(minute, peer_address, host, severity, retention, grade, redelivered, sensor)",
            summed="records",
        ),
        _table(dialect, "seals", _SEALS, "tuple()", "(sensor, token)"),
        _table(dialect, "marks", _MARKS, "tuple()", "(sensor, name, version)"),
    ]


def drop(dialect: Dialect) -> list[str]:
    """Statements that take every table away, with what it remembers of tokens.

    A dropped table's files stay for a while, those of an emptied one do not; chDB never comes back
    from ``DROP TABLE ... SYNC``.
    """
    words = ("TRUNCATE TABLE IF EXISTS", "DROP TABLE IF EXISTS")
    return [f"{word} {name}{dialect.on_cluster}" for word in words for name in TABLES]


def drop_day(dialect: Dialect, sensor: str, retention: str, day: date) -> list[str]:
    """Statements that take out the records of a retention class received on one day."""
    partition = ", ".join(text_literal(text) for text in (sensor, retention, day.isoformat()))
    return [
        f"ALTER TABLE {name}{dialect.on_cluster} DROP PARTITION ({partition})"
        for name in ("log", "minutes")
    ]


def _table(
    dialect: Dialect,
    name: str,
    columns: str,
    partition: str,
    order: str,
    *,
    summed: str = "",
    settings: str = "",
) -> str:
    engine = dialect.summing if summed else dialect.merge_tree
    clause = engine.replace("{table}", name).replace("{columns}", summed)
    return (
        f"CREATE TABLE IF NOT EXISTS {name}{dialect.on_cluster} ({columns}) ENGINE = {clause}"
        f" PARTITION BY {partition} ORDER BY {order}"
        f" SETTINGS {', '.join(filter(None, (dialect.table_settings, settings)))}"
    )
