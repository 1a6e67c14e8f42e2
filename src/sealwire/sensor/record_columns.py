"""Records as columns: envelopes, flags and retention beside what the parser found.

Everything works on whole batches; a Python object is made for each run and each source, never for
each message. Needs pyarrow and numpy: nothing light may import this.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sealwire.sensor.archive import RecordFlag
from sealwire.syslog.kinds import Kind
from sealwire.syslog.message import Grade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from sealwire.sensor.batches import MessageRun
    from sealwire.sensor.journal import Connection
    from sealwire.sensor.judgement import PolicyJudge


class Parse(Protocol):
    """Takes messages apart: the columns of ``syslog.columns``, row by row."""

    def __call__(self, raw: pa.Array, received_us: NDArray[np.int64], /) -> pa.RecordBatch:
        """Of ``raw``, received at ``received_us``. It should not raise, whatever the bytes are."""
        ...


UNPARSED: Final = "unparsed"
"""Rule of a message that the parser failed on; the message is whole and is searched as raw."""

_DAY_US: Final = 86_400_000_000
_NO_HOST: Final = -1
_ENVELOPE: Final = (
    ("transport", pa.string(), "transport"),
    ("peer_address", pa.string(), "address"),
    ("certificate_sha256", pa.string(), "certificate_sha256"),
    ("certificate_subject", pa.string(), "certificate_subject"),
    ("tls_version", pa.string(), "tls_version"),
    ("cipher", pa.string(), "cipher"),
)
PARSED: Final = (
    "grade",
    "rule",
    "facility",
    "severity",
    "ts",
    "host",
    "app",
    "procid",
    "msgid",
    "message_start",
)
"""Columns that a segment has from the parser; ``TIME_FLAGS`` are from it too."""

TIME_FLAGS: Final = RecordFlag.TIME_GUESSED | RecordFlag.NO_TIME | RecordFlag.CLOCK_OFF

_KIND_FLAGS: Final = {
    Kind.TRUNCATED: RecordFlag.TRUNCATED,
    Kind.UNTERMINATED: RecordFlag.UNTERMINATED,
}


@dataclass(frozen=True, slots=True)
class Envelopes:
    """Of each message of a batch: who sent it, when it came, how it was framed.

    ``source``: index into ``connections``.
    """

    raw: pa.Array
    received_ns: NDArray[np.int64]
    source: NDArray[np.int32]
    framing: NDArray[np.uint8]
    connections: tuple[Connection, ...]


def envelopes(runs: Sequence[MessageRun]) -> Envelopes:
    """Of the messages in ``runs``, in their order."""
    numbers: dict[int, int] = {}
    connections: list[Connection] = []
    sources: list[int] = []
    messages: list[bytes] = []
    for run in runs:
        number = numbers.get(id(run.connection))
        if number is None:
            number = numbers[id(run.connection)] = len(connections)
            connections.append(run.connection)
        sources.append(number)
        messages += run.messages
    counts = np.fromiter((len(run.messages) for run in runs), np.int64, len(runs))
    received = np.fromiter((run.received_ns for run in runs), np.int64, len(runs))
    kinds = np.fromiter((run.kind for run in runs), np.uint8, len(runs))
    return Envelopes(
        raw=pa.array(messages, pa.binary()),
        received_ns=np.repeat(received, counts),
        source=np.repeat(np.array(sources, np.int32), counts),
        framing=np.repeat(kinds, counts),
        connections=tuple(connections),
    )


def parsed_surely(parse: Parse, raw: pa.Array, received_us: NDArray[np.int64]) -> pa.RecordBatch:
    """What ``parse`` says; a message that it fails on becomes one of grade RAW, rule ``unparsed``.

    The failing ones are found by halving, so that a poisonous message costs its neighbours nothing.
    """
    try:
        return parse(raw, received_us)
    except Exception:  # noqa: BLE001 - whatever it is, the message must be kept
        if len(raw) == 1:
            return unparsed(raw)
    middle = len(raw) // 2
    halves = [
        parsed_surely(parse, raw[:middle], received_us[:middle]),
        parsed_surely(parse, raw[middle:], received_us[middle:]),
    ]
    whole = pa.Table.from_batches(_alike(halves)).combine_chunks()
    batch: pa.RecordBatch = whole.to_batches()[0]
    return batch


def coded(column: pa.Array) -> pa.DictionaryArray:
    """A column as indices into its distinct values, if it is not that already."""
    return column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)


def unparsed(raw: pa.Array) -> pa.RecordBatch:
    """The columns of messages that are not taken apart at all."""
    count = len(raw)
    return pa.record_batch(
        {
            "grade": pa.array(np.full(count, Grade.RAW, np.uint8)),
            "rule": pa.array([UNPARSED] * count, pa.string()),
            "facility": pa.nulls(count, pa.uint8()),
            "severity": pa.nulls(count, pa.uint8()),
            "ts": pa.nulls(count, pa.timestamp("us", "UTC")),
            "time_guessed": pa.array(np.zeros(count, np.bool_)),
            "host": pa.nulls(count, pa.string()),
            "app": pa.nulls(count, pa.string()),
            "procid": pa.nulls(count, pa.string()),
            "msgid": pa.nulls(count, pa.string()),
            "message_start": pa.array(np.zeros(count, np.uint32)),
            "fields": pa.array([[]] * count, pa.map_(pa.string(), pa.string())),
        }
    )


def record_columns(
    envelope: Envelopes,
    parsed: pa.RecordBatch,
    judge: PolicyJudge,
    redelivered: NDArray[np.bool_] | None = None,
) -> dict[str, pa.Array]:
    """Every column of the records but ``seq`` and ``fields``, by the names of segments' columns."""
    retention, allowed = _judged(envelope, parsed.column("host"), judge)
    flags = _flags(envelope, parsed, allowed, redelivered)
    columns = {
        "received": pa.array(envelope.received_ns).cast(pa.timestamp("ns", "UTC")),
        "listener": _ports(envelope, [each.listener_port for each in envelope.connections]),
        "peer_port": _ports(envelope, [each.port for each in envelope.connections]),
        "framing": pa.array(envelope.framing),
        "flags": pa.array(flags),
        "retention": retention,
        "raw": envelope.raw,
    }
    for name, kind, attribute in _ENVELOPE:
        values = [getattr(each, attribute) for each in envelope.connections]
        columns[name] = _spread(envelope.source, values, kind)
    return columns | {name: parsed.column(name) for name in PARSED}


def _ports(envelope: Envelopes, ports: list[int]) -> pa.Array:
    return pa.array(np.array(ports, np.uint16)[envelope.source])


def _spread(codes: NDArray[np.int32], values: list[Any], kind: pa.DataType) -> pa.Array:
    """The value of each code, as a dictionary of distinct values."""
    distinct = list(dict.fromkeys(value for value in values if value is not None))
    index = {value: at for at, value in enumerate(distinct)}
    at = np.array([index.get(value, _NO_HOST) for value in values], np.int32)[codes]
    indices = pa.array(at, mask=at < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(distinct, kind))


def _judged(
    envelope: Envelopes, host: pa.Array, judge: PolicyJudge
) -> tuple[pa.Array, NDArray[np.bool_]]:
    """Retention class of each record, and whether its HOSTNAME is allowed."""
    if judge.indifferent:
        sources, inverse = np.zeros(1, np.int64), np.zeros(len(host), np.int64)
        names: list[str | None] = [None]
    else:
        hosts = coded(host)
        names = [*hosts.dictionary.to_pylist(), None]
        codes = pc.fill_null(hosts.indices, len(names) - 1).to_numpy(zero_copy_only=False)
        pairs = envelope.source.astype(np.int64) * len(names) + codes
        sources, inverse = np.unique(pairs, return_inverse=True)
    verdicts = [
        judge.verdict(envelope.connections[int(pair) // len(names)], names[int(pair) % len(names)])
        for pair in sources
    ]
    retention = _spread(
        inverse.astype(np.int32), [verdict.retention for verdict in verdicts], pa.string()
    )
    allowed = np.array([verdict.host_allowed for verdict in verdicts], np.bool_)[inverse]
    return retention, allowed


def _flags(
    envelope: Envelopes,
    parsed: pa.RecordBatch,
    allowed: NDArray[np.bool_],
    redelivered: NDArray[np.bool_] | None,
) -> NDArray[np.uint16]:
    flags = np.zeros(len(envelope.raw), np.uint16)
    for kind, flag in _KIND_FLAGS.items():
        flags[envelope.framing == kind] |= np.uint16(flag)
    flags[~allowed] |= np.uint16(RecordFlag.HOST_NOT_ALLOWED)
    if redelivered is not None:
        flags[redelivered] |= np.uint16(RecordFlag.REDELIVERED)
    return flags | time_flags(parsed, envelope.received_ns)


def time_flags(parsed: pa.RecordBatch, received_ns: NDArray[np.int64]) -> NDArray[np.uint16]:
    """Those of ``TIME_FLAGS`` that hold for each message."""
    flags = np.zeros(len(received_ns), np.uint16)
    flags[_plain(parsed.column("time_guessed"), fill=False)] |= np.uint16(RecordFlag.TIME_GUESSED)
    times = parsed.column("ts")
    missing = pc.is_null(times).to_numpy(zero_copy_only=False)
    flags[missing] |= np.uint16(RecordFlag.NO_TIME)
    sent = _plain(times.cast(pa.int64()), fill=0)
    off = np.abs(sent - received_ns // 1000) > _DAY_US
    flags[off & ~missing] |= np.uint16(RecordFlag.CLOCK_OFF)
    return flags


def _plain(column: pa.Array, *, fill: object) -> Any:  # noqa: ANN401 - an array of the column's kind
    return pc.fill_null(column, fill).to_numpy(zero_copy_only=False)


def _alike(batches: list[pa.RecordBatch]) -> list[pa.RecordBatch]:
    """Batches of one schema: a dictionary column becomes plain where another's is plain."""
    first = batches[0].schema
    if all(batch.schema.equals(first) for batch in batches):
        return batches
    plain = pa.schema(
        [
            (each.name, each.type.value_type if pa.types.is_dictionary(each.type) else each.type)
            for each in first
        ]
    )
    return [batch.cast(plain) for batch in batches]
