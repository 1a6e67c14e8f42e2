"""What may be asked of the stored records, as values; no text of an engine's language in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ipaddress import IPv4Network, IPv6Network

MOST_RESULTS: Final = 10_000


class Field(StrEnum):
    """Fields of a record that can be named in a question."""

    SOURCE = "source"
    """The peer's address."""
    CERTIFICATE = "certificate"
    """SHA-256 of the peer's certificate, lower-case hex."""
    SUBJECT = "subject"
    """Subject of the peer's certificate."""
    HOST = "host"
    """HOSTNAME as the message claims it."""
    APP = "app"
    PROCID = "procid"
    MSGID = "msgid"
    FACILITY = "facility"
    SEVERITY = "severity"
    GRADE = "grade"
    """``strict``, ``variant``, ``near_miss``, ``raw``."""
    RULE = "rule"
    TRANSPORT = "transport"
    LISTENER = "listener"
    """Port of the listener."""
    RETENTION = "retention"
    """Name of the retention class."""
    FRAMING = "framing"
    """How the message was told from others: the name of a ``syslog.kinds.Kind``."""
    FLAG = "flag"
    """Name of a ``RecordFlag``; a record has any number of them."""
    MESSAGE = "message"
    """The message's text."""
    RAW = "raw"
    """The whole message, its header too."""


class Comparison(StrEnum):
    """How numbers compare."""

    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="


@dataclass(frozen=True, slots=True)
class Named:
    """One of the parser's further ``fields`` by its name, such as ``audit.user``."""

    name: str


Subject = Field | Named


@dataclass(frozen=True, slots=True)
class Equals:
    """The field is exactly ``value``; numbers are written in decimal."""

    field: Subject
    value: str


@dataclass(frozen=True, slots=True)
class HasPrefix:
    """The field begins with ``prefix``."""

    field: Subject
    prefix: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A number against another: ``severity <= 3``."""

    field: Field
    comparison: Comparison
    value: int


@dataclass(frozen=True, slots=True)
class InNetwork:
    """The peer's address lies in ``network``."""

    network: IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class HasWord:
    """The text has ``word`` between characters that are neither letters nor digits.

    A to Z are the same as a to z. A word of several such parts means all of them.
    """

    word: str


@dataclass(frozen=True, slots=True)
class Contains:
    """The field has ``text`` somewhere; ``ignore_case``: A to Z are the same as a to z."""

    field: Subject
    text: str
    ignore_case: bool = False


@dataclass(frozen=True, slots=True)
class Matches:
    """RE2 ``pattern`` is found in the field."""

    field: Subject
    pattern: str


@dataclass(frozen=True, slots=True)
class And:
    """All of them hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of them holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    part: Condition


Condition = (
    Equals | HasPrefix | Compared | InNetwork | HasWord | Contains | Matches | And | Or | Not
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the record after which the next page goes on."""

    received_us: int
    seq: int


@dataclass(frozen=True, slots=True)
class Search:
    """One question for records.

    ``since_us`` (inclusive) and ``until_us`` (exclusive): time of receipt, microseconds since
    1970 UTC. ``after``: go on behind this record, in the order asked for. Redelivered records are
    left out unless asked for.
    """

    since_us: int
    until_us: int
    condition: Condition | None = None
    limit: int = 100
    oldest_first: bool = False
    after: Cursor | None = None
    redelivered: bool = False
