"""In what the SQL for one engine differs from that for another."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """In what the SQL for an engine differs: nothing else does.

    ``merge_tree`` and ``summing`` are engine clauses with ``{table}`` and ``{columns}`` to be
    filled in; ``on_cluster`` follows a table's name; ``table_settings`` are those of every table.
    ``read_suffix`` is the end of the name a table is read by. ``shared``: tables hold records of
    other sensors too.
    """

    merge_tree: str = "MergeTree"
    summing: str = "SummingMergeTree({columns})"
    on_cluster: str = ""
    table_settings: str = (
        "non_replicated_deduplication_window = 10000, fsync_after_insert = 1,"
        " fsync_part_directory = 1, min_rows_to_fsync_after_merge = 1, auto_statistics_types = '',"
        " string_serialization_version = 'single_stream'"
    )
    read_suffix: str = ""
    shared: bool = False


def text_literal(text: str) -> str:
    """``text`` in quotes, for statements that take no parameters."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
