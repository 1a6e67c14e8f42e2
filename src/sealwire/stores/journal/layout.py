"""How a journal file looks, byte by byte. Pure: bytes in, bytes out. All numbers little-endian.

::

    file    = file-header block*
    file-header = "SWJFILE1" length:u32 crc:u32 json          json: version, sensor, slot, file,
                                                              created_ns
    block   = head payload length:u32                         length: of the whole block
    head    = "SWJBLOK1" head-crc:u32 head-length:u32 payload-length:u32 payload-crc:u32
              definitions-length:u32 totals:u32 runs:u32 flags:u32
              definitions total* run*
    total   = connection:u32 frames:u32 bytes:u64 last-received-ns:u64
    run     = received-ns:u64 connection:u32 frames:u32 bytes:u32 kind:u8 0:u24

``head-crc`` covers all of the head behind itself, and so the payload's CRC too: a block whose head
holds can be counted without reading its payload. CRCs are CRC-32 as zlib's. ``definitions`` is a
JSON array of connections that the file did not name before. The runs' bytes stand in the payload
in the runs' order. The length at the end lets a reader go backwards.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from isal.isal_zlib import crc32

from sealwire.sensor.journal import Connection
from sealwire.syslog.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

VERSION: Final = 1
FILE_MAGIC: Final = b"SWJFILE1"
BLOCK_MAGIC: Final = b"SWJBLOK1"
LONGEST_BLOCK: Final = 64 * 1024 * 1024
HOLDS_RARE: Final = 1

_FILE_HEAD: Final = struct.Struct("<8sII")
_LONGEST_FILE_HEADER: Final = 4096
_HEAD: Final = struct.Struct("<8sIIIIIIII")
_CRC_END: Final = 12
_TOTAL: Final = struct.Struct("<IIQQ")
_RUN_FORMAT: Final = "QIIIB3x"
_RUN: Final = struct.Struct("<" + _RUN_FORMAT)
_LENGTH: Final = struct.Struct("<I")
# Where in a connection's definition the names of its certificate stand.
_NAMES: Final = 9

FlatTotal = tuple[int, int, int, int]
"""Connection number, frames, bytes, last received ns."""
FlatRun = tuple[int, int, int, int, int]
"""Received ns, connection number, frames, bytes, kind."""


@dataclass(frozen=True, slots=True)
class FileHeader:
    """What a file says of itself."""

    sensor: str
    slot: int
    file: int
    created_ns: int
    version: int = VERSION


class Head(NamedTuple):
    """A block's head, checked. Offsets are in the buffer that was read."""

    start: int
    payload: int
    payload_length: int
    payload_crc: int
    definitions_length: int
    totals: int
    runs: int
    flags: int

    @property
    def end(self) -> int:
        """Where the block ends."""
        return self.payload + self.payload_length + _LENGTH.size


def encode_file_header(header: FileHeader) -> bytes:
    """The first bytes of a file."""
    document = json.dumps(asdict(header), separators=(",", ":")).encode()
    return _FILE_HEAD.pack(FILE_MAGIC, len(document), crc32(document)) + document


def read_file_header(data: bytes | memoryview) -> tuple[FileHeader, int] | None:
    """The header at the beginning of ``data`` and where it ends; None when it does not hold."""
    if len(data) < _FILE_HEAD.size:
        return None
    magic, length, crc = _FILE_HEAD.unpack_from(data)
    end = _FILE_HEAD.size + length
    if magic != FILE_MAGIC or length > _LONGEST_FILE_HEADER or len(data) < end:
        return None
    document = bytes(data[_FILE_HEAD.size : end])
    if crc32(document) != crc:
        return None
    fields = json.loads(document)
    if fields["version"] != VERSION:
        return None
    return FileHeader(**fields), end


def encode_block(
    definitions: Sequence[Connection],
    totals: Iterable[FlatTotal],
    flat_runs: Sequence[int],
    payload: Sequence[bytes | memoryview],
    *,
    rare: bool,
) -> tuple[bytes, bytes]:
    """Everything before the payload, and the trailer that goes after it.

    ``flat_runs``: the fields of every ``FlatRun``, one after another. ``payload``: its parts.
    """
    named = _encode_definitions(definitions)
    flat_totals = list(chain.from_iterable(totals))
    runs = len(flat_runs) // 5
    sections = b"".join(
        (
            named,
            struct.pack("<" + "IIQQ" * (len(flat_totals) // 4), *flat_totals),
            struct.pack("<" + _RUN_FORMAT * runs, *flat_runs),
        )
    )
    head_length = _HEAD.size + len(sections)
    length = sum(map(len, payload))
    payload_crc = 0
    for part in payload:
        payload_crc = crc32(part, payload_crc)
    fields = (head_length, length, payload_crc, len(named), len(flat_totals) // 4)
    unsigned = _HEAD.pack(BLOCK_MAGIC, 0, *fields, runs, HOLDS_RARE if rare else 0)
    crc = crc32(sections, crc32(unsigned[_CRC_END:]))
    head = BLOCK_MAGIC + _LENGTH.pack(crc) + unsigned[_CRC_END:] + sections
    return head, _LENGTH.pack(len(head) + length + _LENGTH.size)


def read_head(data: bytes | memoryview, start: int) -> Head | None:
    """The block that begins at ``start``, its head and length checked; None when it does not hold.

    The payload is not read: see ``payload_holds``.
    """
    if len(data) < start + _HEAD.size:
        return None
    magic, crc, head_length, *fields = _HEAD.unpack_from(data, start)
    if magic != BLOCK_MAGIC or head_length < _HEAD.size:
        return None
    head = Head(start, start + head_length, *fields)
    if head.end - start > LONGEST_BLOCK or head.end > len(data):
        return None
    if crc32(data[start + _CRC_END : head.payload]) != crc:
        return None
    (length,) = _LENGTH.unpack_from(data, head.end - _LENGTH.size)
    return head if length == head.end - start else None


def payload_holds(data: bytes | memoryview, head: Head) -> bool:
    """Whether the payload is what was written."""
    payload = data[head.payload : head.payload + head.payload_length]
    return crc32(payload) == head.payload_crc


def head_before(data: bytes | memoryview, end: int) -> Head | None:
    """The block that ends at ``end``; None when there is none that holds."""
    if end < _HEAD.size + _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(data, end - _LENGTH.size)
    head = read_head(data, end - length) if _HEAD.size < length <= end else None
    return head if head is not None and head.end == end else None


def read_definitions(data: bytes | memoryview, head: Head) -> list[Connection]:
    """Connections that this block is the first of its file to name."""
    if not head.definitions_length:
        return []
    start = head.start + _HEAD.size
    document = bytes(data[start : start + head.definitions_length])
    return [_connection(fields) for fields in json.loads(document)]


def read_totals(data: bytes | memoryview, head: Head) -> Iterator[FlatTotal]:
    """The block's totals."""
    start = head.start + _HEAD.size + head.definitions_length
    return _TOTAL.iter_unpack(data[start : start + head.totals * _TOTAL.size])


def read_runs(data: bytes | memoryview, head: Head) -> Iterator[FlatRun]:
    """The block's runs, in order."""
    start = head.start + _HEAD.size + head.definitions_length + head.totals * _TOTAL.size
    return _RUN.iter_unpack(data[start : start + head.runs * _RUN.size])


def kept_length(kind: int, length: int) -> int:
    """How many of a run's bytes stand in the payload."""
    return 0 if kind == Kind.SKIPPED else length


def _connection(fields: list[Any]) -> Connection:
    """Fields that came later are missing in files of before."""
    return Connection(*fields[:_NAMES], *map(tuple, fields[_NAMES:]))


def _encode_definitions(definitions: Sequence[Connection]) -> bytes:
    if not definitions:
        return b""
    rows = [
        (
            one.number,
            one.address,
            one.port,
            one.listener_port,
            one.tls_version,
            one.cipher,
            one.certificate_sha256,
            one.certificate_subject,
            one.transport,
            one.certificate_names,
        )
        for one in definitions
    ]
    return json.dumps(rows, separators=(",", ":")).encode()
