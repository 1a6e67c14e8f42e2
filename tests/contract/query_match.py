"""Whether one record answers a condition: for the index over a list.

Says what the index says, but for regular expressions: those are Python's here and RE2's there,
which differ in rare constructs.
"""

from __future__ import annotations

import operator
import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Final

from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.query import (
    And,
    Compared,
    Contains,
    Equals,
    Field,
    HasPrefix,
    HasWord,
    InNetwork,
    Matches,
    Named,
    Not,
    Or,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.sensor.archive import StoredRecord
    from sealwire.sensor.query import Condition, Search, Subject
    from sealwire.sensor.query_rules import Leaf

_COMPARE: Final[dict[str, Callable[[int, int], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_NO_PART: Final = re.compile(rb"[\x00-/:-@\[-`{-\x7f]+")

_VALUES: Final[dict[Field, Callable[[StoredRecord], str | int | None]]] = {
    Field.SOURCE: lambda record: record.peer_address,
    Field.CERTIFICATE: lambda record: record.certificate_sha256,
    Field.SUBJECT: lambda record: record.certificate_subject,
    Field.HOST: lambda record: record.host,
    Field.APP: lambda record: record.app,
    Field.PROCID: lambda record: record.procid,
    Field.MSGID: lambda record: record.msgid,
    Field.FACILITY: lambda record: record.facility,
    Field.SEVERITY: lambda record: record.severity,
    Field.GRADE: lambda record: record.grade,
    Field.RULE: lambda record: record.rule,
    Field.TRANSPORT: lambda record: record.transport,
    Field.LISTENER: lambda record: record.listener_port,
    Field.RETENTION: lambda record: record.retention,
    Field.FRAMING: lambda record: record.framing,
}
_NUMBERS: Final = frozenset({Field.FACILITY, Field.SEVERITY, Field.LISTENER})


def is_found(search: Search, record: StoredRecord) -> bool:
    """``record`` is in the time range and answers the condition; ``after`` is not looked at."""
    if record.flags & RecordFlag.REDELIVERED and not search.redelivered:
        return False
    if not search.since_us <= record.received_ns // 1000 < search.until_us:
        return False
    return search.condition is None or holds(search.condition, record)


def holds(condition: Condition, record: StoredRecord) -> bool:
    """``condition`` holds for ``record``. Raises re.error for a pattern that is none."""
    match condition:
        case And():
            return all(holds(part, record) for part in condition.parts)
        case Or():
            return any(holds(part, record) for part in condition.parts)
        case Not():
            return not holds(condition.part, record)
        case _:
            return _answers(condition, record)


def _answers(leaf: Leaf, record: StoredRecord) -> bool:
    match leaf:
        case InNetwork():
            return _in_network(leaf, record.peer_address)
        case HasWord():
            text = record.raw[record.message_start :].lower()
            return _words(leaf.word.encode().lower()) <= _words(text)
        case Compared():
            value = _VALUES[leaf.field](record)
            return isinstance(value, int) and _COMPARE[leaf.comparison](value, leaf.value)
        case _:
            return any(_fits(leaf, value) for value in _values(leaf.field, record))


def _values(subject: Subject, record: StoredRecord) -> list[bytes]:
    if isinstance(subject, Named):
        return [value.encode() for name, value in record.fields if name == subject.name]
    if subject is Field.MESSAGE:
        return [record.raw[record.message_start :]]
    if subject is Field.RAW:
        return [record.raw]
    if subject is Field.FLAG:
        return [str(flag.name).lower().encode() for flag in RecordFlag if flag & record.flags]
    value = _VALUES[subject](record)
    if value is None and subject in _NUMBERS:
        return []
    return [str(value if value is not None else "").encode()]


def _fits(leaf: Equals | HasPrefix | Contains | Matches, value: bytes) -> bool:
    match leaf:
        case Equals():
            number = leaf.field in _NUMBERS
            if leaf.field is Field.MESSAGE and value == leaf.value.encode() + b"\n":
                return True
            return int(value) == int(leaf.value) if number else value == leaf.value.encode()
        case HasPrefix():
            return value.startswith(leaf.prefix.encode())
        case Contains():
            text = leaf.text.encode()
            return text.lower() in value.lower() if leaf.ignore_case else text in value
        case Matches():
            lines = re.MULTILINE if leaf.field is Field.MESSAGE else re.DOTALL
            return re.search(leaf.pattern.encode(), value, re.DOTALL | lines) is not None


def _words(text: bytes) -> set[bytes]:
    return {part for part in _NO_PART.split(text) if part}


def _in_network(leaf: InNetwork, address: str) -> bool:
    try:
        found = _as_v6(ip_address(address))
    except ValueError:
        return False
    network = leaf.network
    low, high = _as_v6(network.network_address), _as_v6(network.broadcast_address)
    return low <= found <= high


def _as_v6(address: IPv4Address | IPv6Address) -> int:
    if isinstance(address, IPv6Address):
        return int(address)
    return 0xFFFF_0000_0000 | int(address)
