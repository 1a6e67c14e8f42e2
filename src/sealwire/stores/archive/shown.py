"""What records are shown by: few columns, from which all that is shown of them follows.

``origin`` is JSON of what a connection's records have in common, ``particulars`` a number with what
is each one's own. What a parser says follows from the bytes and the time of receipt.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sealwire.sensor.archive import RecordFlag, StoredRecord, said_by
from sealwire.sensor.record_columns import UNPARSED, coded
from sealwire.syslog.kinds import Kind
from sealwire.syslog.message import Grade, ParsedMessage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    ParseOne: TypeAlias = Callable[[bytes, int], ParsedMessage]

_FLAGS_AT: Final = 16
_NANOS_AT: Final = 32
_FRAMING_AT: Final = 42
_UNPARSED_AT: Final = 50
"""Bits where the parts of ``particulars`` begin; the port of the peer is first."""
_PORT: Final = (1 << 16) - 1
_FLAGS: Final = (1 << 16) - 1
_NANOS: Final = (1 << 10) - 1
_FRAMING: Final = (1 << 8) - 1

_FAILED: Final = ParsedMessage(Grade.RAW, UNPARSED)
"""Of what the parser failed on once, and is not given again."""


class Origin(NamedTuple):
    """Where records came from. ``SCHEMA_VERSION`` rises when this changes, or the bits above."""

    listener: int
    transport: str
    peer_address: str
    certificate_sha256: str | None
    certificate_subject: str | None
    retention: str


def origins(table: pa.Table) -> pa.DictionaryArray:
    """The origin of each record, of a segment's columns; each one is written once."""
    codes = np.zeros(table.num_rows, np.int64)
    for name in Origin._fields:
        values = _coded(table[name])
        places = pc.fill_null(values.indices, len(values.dictionary)).to_numpy()
        pairs = pa.array(codes * (len(values.dictionary) + 1) + places)
        codes = pairs.dictionary_encode().indices.to_numpy()
    first = np.zeros(int(codes.max()) + 1, np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    distinct = table.select(list(Origin._fields)).take(pa.array(first)).to_pylist()
    written = [json.dumps(Origin(**each), ensure_ascii=False) for each in distinct]
    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(written, pa.string()))


def particulars(table: pa.Table, nanos: NDArray[np.int64]) -> pa.Array:
    """What else is shown of each record; ``nanos``: of its time of receipt, below a microsecond."""
    rule = _coded(table["rule"])
    unparsed = rule.indices.to_numpy() == rule.dictionary.index(UNPARSED).as_py()
    return pa.array(
        _wide(table["peer_port"])
        | _wide(table["flags"]) << _FLAGS_AT
        | nanos.astype(np.uint64) << _NANOS_AT
        | _wide(table["framing"]) << _FRAMING_AT
        | unparsed.astype(np.uint64) << _UNPARSED_AT
    )


def shown_records(table: pa.Table, parse: ParseOne) -> Iterator[StoredRecord]:
    """The records of a table with the columns of ``questions.SHOWN``."""
    for row in table.to_pylist():
        yield _record(row, parse)


def _record(row: dict[str, Any], parse: ParseOne) -> StoredRecord:
    raw, packed, origin = row["head"] + row["msg"], row["particulars"], _origin(row["origin"])
    received_us = row["received_us"]
    parsed = _FAILED if packed >> _UNPARSED_AT else _said(raw, received_us, parse)
    return StoredRecord(
        seq=row["seq"],
        received_ns=received_us * 1000 + (packed >> _NANOS_AT & _NANOS),
        listener_port=origin.listener,
        transport=origin.transport,
        peer_address=origin.peer_address,
        peer_port=packed & _PORT,
        certificate_sha256=origin.certificate_sha256,
        certificate_subject=origin.certificate_subject,
        framing=Kind(packed >> _FRAMING_AT & _FRAMING).name.lower(),
        flags=RecordFlag(packed >> _FLAGS_AT & _FLAGS),
        retention=origin.retention,
        raw=raw,
        **(said_by(parsed) | {"message_start": len(row["head"])}),
    )


def _said(raw: bytes, received_us: int, parse: ParseOne) -> ParsedMessage:
    try:
        return parse(raw, received_us)
    except Exception:  # noqa: BLE001 - whatever it is, the page has other records
        return _FAILED


@lru_cache(maxsize=4096)
def _origin(text: bytes) -> Origin:
    return Origin(*json.loads(text))


def _coded(column: pa.ChunkedArray) -> pa.DictionaryArray:
    return coded(column.unify_dictionaries().combine_chunks())


def _wide(column: pa.ChunkedArray) -> NDArray[np.uint64]:
    wide: NDArray[np.uint64] = column.to_numpy().astype(np.uint64)
    return wide
