"""A condition as SQL with bound parameters: no value and no name from outside is in the text."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

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
from sealwire.sensor.query_rules import CODED, NUMBERS
from sealwire.stores.archive.schema import NO_NUMBER

if TYPE_CHECKING:
    from collections.abc import Callable

    from sealwire.sensor.query import Condition, Subject
    from sealwire.sensor.query_rules import Leaf
    from sealwire.stores.archive.engine import Parameter

COLUMNS: Final = {
    Field.SOURCE: "peer_address",
    Field.CERTIFICATE: "certificate_sha256",
    Field.SUBJECT: "certificate_subject",
    Field.HOST: "host",
    Field.APP: "app",
    Field.PROCID: "procid",
    Field.MSGID: "msgid",
    Field.FACILITY: "facility",
    Field.SEVERITY: "severity",
    Field.GRADE: "grade",
    Field.RULE: "rule",
    Field.TRANSPORT: "transport",
    Field.LISTENER: "listener",
    Field.RETENTION: "retention",
    Field.FRAMING: "framing",
    Field.FLAG: "flags",
    Field.MESSAGE: "msg",
    Field.RAW: "concat(head, msg)",
}

IN_MINUTES: Final = frozenset(
    {Field.SOURCE, Field.HOST, Field.SEVERITY, Field.RETENTION, Field.GRADE}
)
"""Fields that the counts of each minute are kept by."""

_OPERATORS: Final = {"<": "<", "<=": "<=", ">": ">", ">=": ">="}
_OF_LINES: Final = "(?m)"
"""Most senders end counted messages with LF: an expression that ends in ``$`` means what is before.

So does who asks for a whole message.
"""
_NO_PART: Final = re.compile(r"[\x00-/:-@\[-`{-\x7f]+")
_V4_IN_V6: Final = "::ffff:"


def words_of(text: str) -> list[str]:
    """What the word index makes of ``text``: parts between ASCII that is no letter or digit.

    In lower case, as far as ASCII has it: the index goes by bytes.
    """
    return [part.encode().lower().decode() for part in _NO_PART.split(text) if part]


def safe_pattern(pattern: str) -> str:
    """The engine takes a pattern's first NUL for its end."""
    return pattern.replace("\0", r"\x00")


class Written:
    """SQL for conditions, and the parameters it takes."""

    def __init__(self) -> None:
        self.parameters: dict[str, Parameter] = {}

    def bound(self, value: Parameter, kind: str) -> str:
        """A placeholder for ``value`` of ClickHouse type ``kind``."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f"{{{name}:{kind}}}"

    def condition(self, condition: Condition) -> str:
        """An expression that is 0 or 1 for every record, never NULL."""
        match condition:
            case And():
                return self._joined(" AND ", condition.parts, "1")
            case Or():
                return self._joined(" OR ", condition.parts, "0")
            case Not():
                return f"(NOT {self.condition(condition.part)})"
            case _:
                return self._leaf(condition)

    def _leaf(self, leaf: Leaf) -> str:
        match leaf:
            case InNetwork():
                return self._network(leaf)
            case HasWord():
                return self._word(leaf)
            case Compared():
                return self._compared(leaf)
            case _:
                return self._on(leaf.field, lambda value: self._text(leaf, value))

    def _joined(self, operator: str, parts: tuple[Condition, ...], nothing: str) -> str:
        return f"({operator.join(map(self.condition, parts)) or nothing})"

    def _on(self, subject: Subject, test: Callable[[str], str]) -> str:
        if isinstance(subject, Named):
            name = self.bound(subject.name, "String")
            pair = "mapKeys(fields), mapValues(fields)"
            return f"arrayExists((k, v) -> k = {name} AND {test('v')}, {pair})"
        return f"({test(COLUMNS[subject])})"

    def _text(self, leaf: Equals | HasPrefix | Contains | Matches, value: str) -> str:
        match leaf:
            case Equals():
                return self._equals(leaf, value)
            case HasPrefix():
                return f"startsWith({value}, {self.bound(leaf.prefix, 'String')})"
            case Contains():
                function = "positionCaseInsensitive" if leaf.ignore_case else "position"
                return f"{function}({value}, {self.bound(leaf.text, 'String')}) > 0"
            case Matches():
                pattern = safe_pattern(leaf.pattern)
                if leaf.field is Field.MESSAGE:
                    pattern = _OF_LINES + pattern
                return f"match({value}, {self.bound(pattern, 'String')})"

    def _equals(self, leaf: Equals, value: str) -> str:
        if isinstance(leaf.field, Field) and leaf.field in CODED:
            code = self.bound(int(CODED[leaf.field][leaf.value]), "UInt16")
            some = f"bitAnd({value}, {code}) != 0"
            return some if leaf.field is Field.FLAG else f"{value} = {code}"
        if leaf.field in NUMBERS:
            return f"{value} = {self.bound(int(leaf.value), 'UInt16')}"
        if leaf.field is Field.MESSAGE:
            ended = self.bound(f"{leaf.value}\n", "String")
            return f"{value} IN ({self.bound(leaf.value, 'String')}, {ended})"
        return f"{value} = {self.bound(leaf.value, 'String')}"

    def _compared(self, leaf: Compared) -> str:
        column = COLUMNS[leaf.field]
        value = self.bound(leaf.value, "Int64")
        given = "" if leaf.field is Field.LISTENER else f" AND {column} != {NO_NUMBER}"
        return f"({column} {_OPERATORS[leaf.comparison]} {value}{given})"

    def _network(self, leaf: InNetwork) -> str:
        mapped = _V4_IN_V6 if isinstance(leaf.network, IPv4Network) else ""
        low = self.bound(f"{mapped}{leaf.network.network_address}", "IPv6")
        high = self.bound(f"{mapped}{leaf.network.broadcast_address}", "IPv6")
        # A link-local address carries its interface after a percent sign.
        address = "toIPv6OrNull(splitByChar('%', toString(peer_address))[1])"
        return f"ifNull({address} >= {low} AND {address} <= {high}, 0)"

    def _word(self, leaf: HasWord) -> str:
        parts = ", ".join(self.bound(part, "String") for part in words_of(leaf.word))
        return f"hasAllTokens(lower(msg), [{parts}])" if parts else "1"
