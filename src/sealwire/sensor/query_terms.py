"""Pieces of a question as people type it, with where each stands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from sealwire.errors import Finding, Severity, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST: Final = 10_000
"""Characters of one question."""


class Shape(Enum):
    """What a piece looks like."""

    OPEN = auto()
    CLOSE = auto()
    AND = auto()
    OR = auto()
    NOT = auto()
    TERM = auto()
    END = auto()


class Form(Enum):
    """How a value is written."""

    BARE = auto()
    QUOTED = auto()
    PATTERN = auto()


@dataclass(frozen=True, slots=True)
class Value:
    """A value: its text without quotes; ``prefix``: a star followed."""

    text: str
    form: Form
    prefix: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece. A term has a value, and a field and an operator unless it is a mere word."""

    shape: Shape
    position: int
    value: Value | None = None
    name: str | None = None
    operator: str | None = None


SINGLE: Final = {"(": Shape.OPEN, ")": Shape.CLOSE}
KEYWORDS: Final = {"AND": Shape.AND, "OR": Shape.OR, "NOT": Shape.NOT}
OPERATORS: Final = ("!=", "<=", ">=", "::", "=", "<", ">", ":", "~")

_SPACE: Final = re.compile(r"\s*")
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\["\\])*)"', re.DOTALL)
_PATTERN: Final = re.compile(r"/((?:[^/\\]|\\.)+)/(?=[\s()]|$)", re.DOTALL)
_BARE: Final = re.compile(r'[^\s()"]+')
_NAME: Final = re.compile(r"[A-Za-z][\w.@-]*(?=!=|[<>=:~])", re.ASCII)
_OPERATOR: Final = re.compile("|".join(map(re.escape, OPERATORS)))
_ESCAPED: Final = re.compile(r'\\(["\\])')


def pieces(text: str) -> Iterator[Piece]:
    """The pieces of ``text`` and an END. Raises UsageError ``search.words``."""
    if len(text) > LONGEST:
        raise refused([fault(0, f"The question is longer than {LONGEST} characters.")])
    position = _past_space(text, 0)
    while position < len(text):
        piece, position = _piece(text, position)
        yield piece
        position = _past_space(text, position)
    yield Piece(Shape.END, len(text))


def fault(position: int, message: str) -> Finding:
    """A fault at a place, counted from 1 for people; ``subject`` has it too."""
    place = f"character {position + 1}"
    return Finding("search.words", Severity.ERROR, f"At {place}: {message}", place)


def refused(faults: list[Finding]) -> UsageError:
    """All faults in one error."""
    return UsageError(
        "search.words",
        " ".join(one.message for one in faults[:3]),
        hint='Write words, "whole phrases", field=value, AND, OR, NOT and parentheses.',
        findings=faults,
    )


def _past_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _piece(text: str, position: int) -> tuple[Piece, int]:
    char = text[position]
    if char in SINGLE:
        return Piece(SINGLE[char], position), position + 1
    if char == "-" and position + 1 < len(text) and not text[position + 1].isspace():
        return Piece(Shape.NOT, position), position + 1
    name, after = _name(text, position)
    if name is not None:
        operator = _OPERATOR.match(text, after)
        if operator:
            value, end = _value(text, operator.end(), name)
            return Piece(Shape.TERM, position, value, name, operator[0]), end
    value, end = _value(text, position, "")
    if value.form is Form.BARE and value.text in KEYWORDS and not value.prefix:
        return Piece(KEYWORDS[value.text], position), end
    return Piece(Shape.TERM, position, value), end


def _name(text: str, position: int) -> tuple[str | None, int]:
    """A field's name before an operator, plain or in quotes."""
    found = _NAME.match(text, position)
    if found:
        return found[0], found.end()
    found = _QUOTED.match(text, position)
    if found and _OPERATOR.match(text, found.end()):
        return _ESCAPED.sub(r"\1", found[1]), found.end()
    return None, position


def _value(text: str, position: int, name: str) -> tuple[Value, int]:
    opening = text[position : position + 1]
    if opening == '"':
        found = _QUOTED.match(text, position)
        if not found:
            message = "the quotation mark is never closed, or a backslash stands before something"
            raise refused([fault(position, f'{message} other than " or a backslash.')])
        end = found.end()
        star = text[end : end + 1] == "*"
        return Value(_ESCAPED.sub(r"\1", found[1]), Form.QUOTED, star), end + star
    if opening == "/":
        pattern = _PATTERN.match(text, position)
        if pattern:
            return Value(pattern[1].replace(r"\/", "/"), Form.PATTERN), pattern.end()
    bare = _BARE.match(text, position)
    if not bare:
        raise refused([fault(position, f"{name} has no value.")])
    word = bare[0]
    star = len(word) > 1 and word.endswith("*")
    return Value(word.removesuffix("*") if star else word, Form.BARE, star), bare.end()
