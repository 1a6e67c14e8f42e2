"""The audit log as a file in Dogtag's line format, signed and chained; pure.

A line is ``0.<trail>-<index> - [<dd/MMM/yyyy:HH:mm:ss> UTC] [14] [6] <text>``; where Dogtag names
a thread, the trail and the record's index stand, so that the file itself says how far it goes.

A signature line ends a block. Signed are the bytes of every line from the previous signature line
(with it) to the last line before the new one, each with its LF; so the signatures make a chain,
through files that follow each other too. Algorithms: SHA-256 with RSA PKCS #1 v1.5, or with ECDSA.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from sealwire.audit.catalogue import CATALOGUE, EventName, Outcome
from sealwire.audit.events import SYSTEM
from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from sealwire.audit.ports import TrailRecord

SIGNATURE_MARK: Final = b"AUDIT_LOG_SIGNING"
"""A line that holds this is a signature line, for AuditVerify and for us."""

_MARK: Final = SIGNATURE_MARK.decode("ascii")
_SOURCE: Final = "[14] [6]"
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_PLACE: Final = re.compile(rb"0\.([a-z]+)-(\d{1,19}) - \[")
_TIME: Final = re.compile(
    rb"0\.[^ ]+ - \[(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) UTC\] "
)
_SIGNATURE: Final = re.compile(rb"sig: ([A-Za-z0-9+/]+={0,2})\Z")
_SIGNING_TEXT: Final = (
    f"[AuditEvent={EventName.AUDIT_LOG_SIGNING}][SubjectID={SYSTEM}][Outcome={Outcome.SUCCESS}] "
    f"{CATALOGUE[EventName.AUDIT_LOG_SIGNING].success} "
)


def record_line(record: TrailRecord) -> bytes:
    """The line of a record, without its LF. The same record always gives the same bytes."""
    # Values cannot hold the mark; records of earlier versions might.
    text = record.text.replace(_MARK, _MARK.replace("_", "%5F", 1))
    return _line(f"{record.trail}-{record.idx}", record.time, text)


def signature_line(time: datetime, signature: bytes) -> bytes:
    """The line that ends a block, without its LF."""
    encoded = base64.b64encode(signature).decode("ascii")
    return _line("signing", time, f"{_SIGNING_TEXT}{encoded}")


def _line(thread: str, time: datetime, text: str) -> bytes:
    stamp = f"{time.day:02}/{_MONTHS[time.month - 1]}/{time.year:04}:{time:%H:%M:%S} UTC"
    return f"0.{thread} - [{stamp}] {_SOURCE} {text}".encode()


def place_of(line: bytes) -> tuple[str, int] | None:
    """Trail and index of the record whose line this is; None for any other line."""
    found = _PLACE.match(line)
    return None if found is None else (found[1].decode("ascii"), int(found[2]))


def second_of(line: bytes) -> tuple[int, int, int, int, int, int] | None:
    """Year to second (UTC) that a line of ours tells; None for any other line."""
    found = _TIME.match(line)
    if found is None or found[2].decode("ascii") not in _MONTHS:
        return None
    day, _, year, *clock = found.groups()
    month = _MONTHS.index(found[2].decode("ascii")) + 1
    hour, minute, second = (int(part) for part in clock)
    return int(year), month, int(day), hour, minute, second


def is_signature_line(line: bytes) -> bool:
    """Whether it ends a block, rightly or wrongly."""
    return SIGNATURE_MARK in line


class Block:
    """The lines since the last signature line, as a running SHA-256."""

    def __init__(self, first: bytes | None = None) -> None:
        self._hash = hashes.Hash(hashes.SHA256())
        if first is not None:
            self.add(first)

    def add(self, line: bytes) -> None:
        """One more line, without its LF, which is signed always."""
        self._hash.update(line)
        self._hash.update(b"\n")

    def digest(self) -> bytes:
        """SHA-256 so far."""
        return self._hash.copy().finalize()


class LogSigner:
    """Ends blocks. ``sign`` gives the signature over a SHA-256 digest.

    ``last`` is the last signature line of the file, or of the one before it, which the next block
    begins with; None when there is none yet.
    """

    def __init__(self, sign: Callable[[bytes], bytes], last: bytes | None) -> None:
        self._sign = sign
        self._last = last

    def signed(self, lines: Iterable[bytes], time: datetime) -> list[bytes]:
        """``lines`` and the signature line after them, to be written together."""
        block = Block(self._last)
        written = list(lines)
        for line in written:
            block.add(line)
        written.append(signature_line(time, self._sign(block.digest())))
        return written

    def written(self, line: bytes) -> None:
        """The signature line is durable: the next block begins with it."""
        self._last = line


LogKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey
LogPrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
_PREHASHED: Final = Prehashed(hashes.SHA256())


def sign_digest(key: LogPrivateKey, digest: bytes) -> bytes:
    """The signature over a SHA-256 digest, as AuditVerify wants it."""
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(digest, padding.PKCS1v15(), _PREHASHED)
    return key.sign(digest, ec.ECDSA(_PREHASHED))


def log_key(key: object) -> LogKey:
    """``key`` when it can have signed a log. Raises RefusedError ``audit.log_key``."""
    if isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        return key
    raise RefusedError("audit.log_key", "Audit logs are signed with RSA or elliptic curve keys.")


def _holds(key: LogKey, signature: bytes, digest: bytes) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, digest, padding.PKCS1v15(), _PREHASHED)
        else:
            key.verify(signature, digest, ec.ECDSA(_PREHASHED))
    except InvalidSignature:
        return False
    return True


# Verifying


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file to verify: its name, and its lines without LF, each read once and in order."""

    name: str
    lines: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class LogFault:
    """What is wrong, in AuditVerify's words; ``file`` is where it shows."""

    file: str
    message: str


@dataclass(slots=True)
class LogVerification:
    """The verdict. ``good`` and ``bad`` count signatures; ``bad`` counts an unsigned end too.

    ``covered`` counts the lines that a good signature vouches for, ``first`` and ``last`` are the
    records (trail and index) at their ends. The first signature of the series is not counted,
    since what it signs was not all seen; records of ours before it are a fault. The last line's
    own prefix is not signed yet. That whole blocks are missing at the end shows only in ``last``.
    """

    good: int = 0
    bad: int = 0
    covered: int = 0
    first: tuple[str, int] | None = None
    last: tuple[str, int] | None = None

    @property
    def verified(self) -> bool:
        """At least one signature held, and nothing failed."""
        return self.good > 0 and self.bad == 0


def verify_log(
    files: Sequence[LogFile], keys: Sequence[LogKey], verdict: LogVerification
) -> Iterator[LogFault]:
    """Check the files in the order given, which is that of their age; faults as they are met.

    ``verdict`` holds the counts when the faults are exhausted. A signature holds when one of
    ``keys`` made it. Memory stays the same however long the files are. Lines are taken as they
    are: a removed, added, moved or changed one breaks the block it was in or came to.
    """
    reading = _Series(keys, verdict)
    for file in files:
        yield from reading.read(file)
    yield from reading.end()


class _Series:
    def __init__(self, keys: Sequence[LogKey], verdict: LogVerification) -> None:
        self._keys = keys
        self._verdict = verdict
        # None until the first signature line has been seen: nothing before it can be judged.
        self._block: Block | None = None
        self._begin = ("", 0)
        self._before = self._place = ("", 0)
        self._unsigned = 0
        self._records: list[tuple[str, int]] = []

    def read(self, file: LogFile) -> Iterator[LogFault]:
        for number, line in enumerate(file.lines, start=1):
            self._before, self._place = self._place, (file.name, number)
            if is_signature_line(line):
                yield from self._signature(line)
            else:
                self._unsigned += 1
                self._note(place_of(line))
                if self._block is not None:
                    self._block.add(line)

    def _signature(self, line: bytes) -> Iterator[LogFault]:
        file, number = self._place
        signature = _signature_of(line)
        if self._block is None and self._records:
            # Our own files begin with a signature line: somebody took it away.
            self._verdict.bad += 1
            yield LogFault(file, f"ERROR: log entries before {file}:{number} are UNSIGNED")
        elif self._block is not None:
            digest = self._block.digest()
            if signature is None:
                self._verdict.bad += 1
                yield LogFault(file, f"Line {number}: INVALID SIGNATURE")
            elif any(_holds(key, signature, digest) for key in self._keys):
                self._good()
            else:
                self._verdict.bad += 1
                yield LogFault(file, f"Line {number}: VERIFICATION FAILED: {self._range()}")
        self._block, self._begin, self._unsigned = Block(line), self._place, 0
        self._records.clear()

    def _note(self, record: tuple[str, int] | None) -> None:
        """Keep the first and the last record of the block."""
        if record is not None:
            del self._records[1:]
            self._records.append(record)

    def _good(self) -> None:
        verdict = self._verdict
        verdict.good += 1
        verdict.covered += self._unsigned
        if self._records:
            verdict.first = verdict.first or self._records[0]
            verdict.last = self._records[-1]

    def _range(self) -> str:
        (begin, first), (file, number) = self._begin, self._before
        return f"signature of {begin}:{first} to {file}:{number}"

    def end(self) -> Iterator[LogFault]:
        if self._unsigned:
            self._verdict.bad += 1
            file, line = self._begin
            file = file or self._place[0]
            yield LogFault(file, f"ERROR: log entries after {file}:{line} are UNSIGNED")


def _signature_of(line: bytes) -> bytes | None:
    found = _SIGNATURE.search(line)
    if found is None:
        return None
    try:
        return base64.b64decode(found[1], validate=True)
    except (binascii.Error, ValueError):
        return None
