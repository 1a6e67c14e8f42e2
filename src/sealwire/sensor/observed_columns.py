"""What is seen of a batch, from its columns. Needs pyarrow and numpy: nothing light may import it.

Counting costs a few milliseconds for 50,000 messages: a Python object is made for each source and
word, and for each message only where it carries a number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.observations import Numbered, Seen, SeenBatch
from sealwire.sensor.record_columns import coded
from sealwire.sensor.sequences import LAST
from sealwire.syslog.kinds import Kind
from sealwire.syslog.message import Grade

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from sealwire.sensor.observations import SourceKey
    from sealwire.sensor.record_columns import Envelopes

SEQUENCE_FIELD: Final = "meta.sequenceId"
LOG_FIELD: Final = "tlog@32473.log"
_MOST_CELLS: Final = 1_000_000
_LONGEST: Final = 10
_GRADES: Final = {int(grade): grade.name.lower() for grade in Grade}
_KINDS: Final = {int(kind): kind.name.lower() for kind in Kind}
_FLAGS: Final = {
    "host_not_allowed": RecordFlag.HOST_NOT_ALLOWED,
    "redelivered": RecordFlag.REDELIVERED,
    "clock_off": RecordFlag.CLOCK_OFF,
}


def seen_in(envelope: Envelopes, parsed: pa.RecordBatch, flags: NDArray[np.uint16]) -> SeenBatch:
    """What is seen of the messages of ``envelope``, of which ``parsed`` and ``flags`` tell."""
    keys, codes = _sources(envelope)
    rules = coded(parsed.column("rule"))
    grade = parsed.column("grade").to_numpy(zero_copy_only=False)
    seen = [
        *_counted(keys, codes, grade, "grades", _GRADES),
        *_counted(keys, codes, _codes(rules), "formats", dict(enumerate(_words(rules)))),
        *_counted(keys, codes, envelope.framing, "framing", _KINDS),
    ]
    for name, flag in _FLAGS.items():
        raised = codes[(flags & flag) != 0]
        seen += _counted(keys, raised, np.zeros(len(raised), np.uint8), name, {0: name})
    first_time = (flags & RecordFlag.REDELIVERED) == 0
    numbered = _numbered(keys, codes, parsed, first_time)
    return SeenBatch(seen, list(numbered))


def _sources(envelope: Envelopes) -> tuple[list[SourceKey], NDArray[np.int64]]:
    """The sources, and of each message which one sent it."""
    numbers: dict[SourceKey, int] = {}
    of_connection = [
        numbers.setdefault((one.address, one.certificate_sha256), len(numbers))
        for one in envelope.connections
    ]
    return list(numbers), np.array(of_connection, np.int64)[envelope.source]


def _counted(
    keys: Sequence[SourceKey],
    codes: NDArray[np.int64],
    values: NDArray[Any],
    what: str,
    names: dict[int, str],
) -> Iterator[Seen]:
    """How often each source has each value."""
    width = max(names, default=0) + 1
    cells = codes * width + values
    if len(keys) * width <= _MOST_CELLS:
        counts = np.bincount(cells, minlength=1)
        found = np.flatnonzero(counts)
        counts = counts[found]
    else:
        found, counts = np.unique(cells, return_counts=True)
    for cell, count in zip(found.tolist(), counts.tolist(), strict=True):
        yield Seen(keys[cell // width], what, names[cell % width], count)


def _numbered(
    keys: Sequence[SourceKey],
    codes: NDArray[np.int64],
    parsed: pa.RecordBatch,
    first_time: NDArray[np.bool_],
) -> Iterator[Numbered]:
    rows, numbers = _numbers(parsed.column("fields"))
    wanted = first_time[rows]
    rows, numbers = rows[wanted], numbers[wanted]
    if not len(rows):
        return
    hosts, host = _senders(parsed, rows)
    pairs = codes[rows] * len(hosts) + host
    order = np.argsort(pairs, kind="stable")
    sorted_pairs = pairs[order]
    cuts = np.flatnonzero(np.diff(sorted_pairs)) + 1
    for part in np.split(order, cuts):
        pair = int(pairs[part[0]])
        source, name = keys[pair // len(hosts)], hosts[pair % len(hosts)]
        yield Numbered(source, name, numbers[part].tolist())


def _senders(
    parsed: pa.RecordBatch, rows: NDArray[np.int64]
) -> tuple[list[str | None], NDArray[np.int64]]:
    """Whose numbers they are: names, and for each row which one.

    The HOSTNAME, and where a message is of a trail (``LOG_FIELD``) that trail behind it: each
    trail of a machine has its own numbers.
    """
    claimed = coded(parsed.column("host"))
    hosts: list[str | None] = [*_words(claimed), None]
    host = pc.fill_null(claimed.indices, len(hosts) - 1).to_numpy(zero_copy_only=False)[rows]
    of_log, logs = _texts(parsed.column("fields"), LOG_FIELD)
    if not len(of_log):
        return hosts, host
    log = np.zeros(parsed.num_rows, np.int64)
    log[of_log] = _codes(logs) + 1
    trails = ["", *(f" {name}" for name in _words(logs))]
    used, code = np.unique(host * len(trails) + log[rows], return_inverse=True)
    names = [
        f"{hosts[pair // len(trails)] or ''}{trails[pair % len(trails)]}".strip() or None
        for pair in used.tolist()
    ]
    return names, code


def _texts(fields: pa.MapArray, name: str) -> tuple[NDArray[np.int64], pa.DictionaryArray]:
    """Rows that carry the field, and its text; the first one where several."""
    hits = np.flatnonzero(pc.equal(fields.keys, name).to_numpy(zero_copy_only=False))
    offsets = fields.offsets.to_numpy()
    hits = hits[(hits >= offsets[0]) & (hits < offsets[-1])]
    rows, first = np.unique(np.searchsorted(offsets, hits, side="right") - 1, return_index=True)
    return rows, coded(fields.items.take(pa.array(hits[first])))


def _numbers(fields: pa.MapArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that carry a number from 1 to ``LAST``, and the number; the first one where several."""
    rows, values = _texts(fields, SEQUENCE_FIELD)
    texts = values.dictionary_decode()
    short = pc.less_equal(pc.binary_length(texts), _LONGEST)
    digits = pc.and_(pc.string_is_ascii(texts), pc.utf8_is_digit(texts))
    sound = pc.fill_null(pc.and_(short, digits), fill_value=False)
    numbers = texts.filter(sound).cast(pa.int64()).to_numpy(zero_copy_only=False)
    rows = rows[sound.to_numpy(zero_copy_only=False)]
    fits = (numbers >= 1) & (numbers <= LAST)
    return rows[fits], numbers[fits]


def _codes(values: pa.DictionaryArray) -> NDArray[np.int64]:
    codes: NDArray[np.int64] = values.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _words(values: pa.DictionaryArray) -> list[str]:
    words: list[str] = values.dictionary.to_pylist()
    return words
