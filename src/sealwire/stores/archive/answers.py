"""Rows of the index as places and numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.sensor.query import Cursor
from sealwire.stores.archive.questions import Place
from sealwire.stores.archive.schema import NO_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa


def places(table: pa.Table) -> Iterator[Place]:
    """Where records are: a table with the columns of ``Question.keys``."""
    for row in table.to_pylist():
        yield Place(Cursor(row["received_us"], row["seq"]), _text(row["part"]), row["row"])


def number(value: int) -> int | None:
    """Facility or severity as stored."""
    return None if value == NO_NUMBER else value


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
