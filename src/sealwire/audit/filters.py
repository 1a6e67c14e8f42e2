r"""Filters over audit events, in Dogtag's language: LDAP search filters over an event's attributes.

``(Outcome=Failure)``, ``(&(SubjectID=ca*)(!(Outcome=Success)))``: equality, presence (``=*``),
substrings, ``&``, ``|`` and ``!`` of RFC 4515. Names and values are compared without regard to
letter case, values as they are printed. ``\2a`` and the like stand for a character by its two hex
digits. What an event lacks matches nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_FILTER: Final = 1024
DEEPEST_FILTER: Final = 16

_ITEM: Final = re.compile(r"([A-Za-z][A-Za-z0-9]*)=([^()]*)\Z")
_ESCAPED: Final = re.compile(r"\\([0-9A-Fa-f]{2})")


class EventFilter(Protocol):
    """A filter, ready to use. It has no state."""

    def matches(self, attributes: Mapping[str, str]) -> bool:
        """Whether an event with these attributes passes; names in lower case."""
        ...


@dataclass(frozen=True, slots=True)
class _Value:
    """``pattern`` must match the whole lower-case value."""

    name: str
    pattern: re.Pattern[str]

    def matches(self, attributes: Mapping[str, str]) -> bool:
        value = attributes.get(self.name)
        return value is not None and self.pattern.fullmatch(value.lower()) is not None


@dataclass(frozen=True, slots=True)
class _Every:
    parts: tuple[EventFilter, ...]

    def matches(self, attributes: Mapping[str, str]) -> bool:
        return all(part.matches(attributes) for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Some:
    parts: tuple[EventFilter, ...]

    def matches(self, attributes: Mapping[str, str]) -> bool:
        return any(part.matches(attributes) for part in self.parts)


@dataclass(frozen=True, slots=True)
class _Not:
    part: EventFilter

    def matches(self, attributes: Mapping[str, str]) -> bool:
        return not self.part.matches(attributes)


def read_filter(text: str) -> EventFilter:
    """The filter that ``text`` spells.

    Raises RefusedError ``audit.filter`` when it spells none, is longer than 1,024 characters or
    nested more than 16 deep.
    """
    if len(text) > LONGEST_FILTER:
        raise _wrong(text[:40], f"it has more than {LONGEST_FILTER} characters")
    reading = _Reading(text)
    found = reading.one(depth=1)
    if reading.rest():
        raise _wrong(text, "something follows its last bracket")
    return found


class _Reading:
    """A place in the text, which moves on."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def rest(self) -> str:
        return self._text[self._place :]

    def one(self, depth: int) -> EventFilter:
        if depth > DEEPEST_FILTER:
            raise _wrong(self._text, f"it is nested more than {DEEPEST_FILTER} deep")
        self._take("(")
        match self.rest()[:1]:
            case "&":
                found: EventFilter = _Every(self._several(depth))
            case "|":
                found = _Some(self._several(depth))
            case "!":
                self._place += 1
                found = _Not(self.one(depth + 1))
            case _:
                found = self._item()
        self._take(")")
        return found

    def _several(self, depth: int) -> tuple[EventFilter, ...]:
        self._place += 1
        parts = [self.one(depth + 1)]
        while self.rest().startswith("("):
            parts.append(self.one(depth + 1))
        return tuple(parts)

    def _item(self) -> EventFilter:
        end = self._text.find(")", self._place)
        item = _ITEM.match(self._text[self._place : end if end >= 0 else None])
        if item is None:
            raise _wrong(self._text, "a comparison is Name=value, Name=part* or Name=*")
        self._place += len(item[0])
        return _Value(item[1].lower(), _pattern(item[2], self._text))

    def _take(self, sign: str) -> None:
        if not self.rest().startswith(sign):
            raise _wrong(self._text, f"there is no {sign!r} at character {self._place + 1}")
        self._place += 1


def _pattern(value: str, whole: str) -> re.Pattern[str]:
    if "\\" in _ESCAPED.sub("", value):
        raise _wrong(whole, "a backslash takes two hex digits after it")
    literal = (re.escape(_unescaped(part).lower()) for part in re.split(r"\*+", value))
    return re.compile(".*".join(literal), re.DOTALL)


def _unescaped(part: str) -> str:
    return _ESCAPED.sub(lambda pair: chr(int(pair[1], 16)), part)


def _wrong(text: str, fault: str) -> RefusedError:
    return RefusedError(
        "audit.filter",
        f"{text!r} is no filter: {fault}.",
        hint="For example (Outcome=Failure) or (&(Outcome=Failure)(!(SubjectID=caadmin)))",
    )
