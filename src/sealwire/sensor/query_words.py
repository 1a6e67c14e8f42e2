"""Questions as people type them, and back: ``host=web1 severity<=err (login OR "log in") -sshd``.

A word alone is a whole word of the message, ``"in quotes"`` any text in it, ``/in slashes/`` a
regular expression. ``field=value``, ``field!=value``, ``field=begin*``, ``field=*`` (has one),
``field:part`` (any case), ``field::part`` (case counts), ``field~/expression/``, ``severity<=3``,
``source=10.0.0.0/8``. A field with a dot in its name is one of the parser's further fields. What
stands side by side must all hold; AND, OR, NOT are in capitals, ``-`` is NOT.
"""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import TYPE_CHECKING, Final

from sealwire.sensor.query import (
    And,
    Compared,
    Comparison,
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
from sealwire.sensor.query_names import FACILITIES, SEVERITIES, meant_fields
from sealwire.sensor.query_rules import CODED, DEEPEST, NUMBERS, condition_faults
from sealwire.sensor.query_terms import Form, Piece, Shape, Value, fault, pieces, refused

if TYPE_CHECKING:
    from sealwire.errors import Finding
    from sealwire.sensor.query import Condition, Subject
    from sealwire.sensor.query_rules import Leaf

WORD: Final = "word"
"""Stands before ``=`` where a word cannot stand alone."""

_FIELDS: Final = {field.value: field for field in Field}
_NAMES: Final = {Field.SEVERITY: SEVERITIES, Field.FACILITY: FACILITIES}
_WHOLE_WORD: Final = re.compile(r"(?:[A-Za-z0-9]|[^\x00-\x7f])+")
_SOME_PART: Final = re.compile(r"[A-Za-z0-9]|[^\x00-\x7f]")


def condition_of(text: str) -> Condition | None:
    """The condition that ``text`` means; None when there is nothing but space.

    Raises UsageError ``search.words``: every fault of every term, each with its place, or the
    first fault of how they are put together.
    """
    return _Reader(text).whole()


class _Reader:
    """Recursive descent: or < and < not < term."""

    def __init__(self, text: str) -> None:
        self._pieces = list(pieces(text))
        self._at = 0
        self._depth = 0
        self._faults: list[Finding] = []

    def whole(self) -> Condition | None:
        if len(self._pieces) == 1:
            return None
        condition = self._either()
        if self._now.shape is not Shape.END:
            raise refused([fault(self._now.position, "this parenthesis was never opened.")])
        if self._faults:
            raise refused(self._faults)
        wrong = condition_faults(condition)
        if wrong:
            raise refused(wrong)
        return condition

    @property
    def _now(self) -> Piece:
        return self._pieces[self._at]

    def _next(self) -> Piece:
        piece = self._now
        self._at += 1
        return piece

    def _either(self) -> Condition:
        parts = [self._all()]
        while self._now.shape is Shape.OR:
            self._next()
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _all(self) -> Condition:
        parts = [self._not()]
        while self._now.shape not in {Shape.OR, Shape.CLOSE, Shape.END}:
            if self._now.shape is Shape.AND:
                self._next()
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _not(self) -> Condition:
        piece = self._next()
        if self._depth > 2 * DEEPEST:
            raise refused([fault(piece.position, "parentheses are nested too deep.")])
        self._depth += 1
        try:
            return self._one(piece)
        finally:
            self._depth -= 1

    def _one(self, piece: Piece) -> Condition:
        if piece.shape is Shape.NOT:
            return Not(self._not())
        if piece.shape is Shape.OPEN:
            inner = self._either()
            if self._next().shape is not Shape.CLOSE:
                raise refused([fault(piece.position, "this parenthesis is never closed.")])
            return inner
        if piece.shape is Shape.TERM:
            return self._term(piece)
        wanted = "a word or a field is missing before the end."
        if piece.shape is not Shape.END:
            wanted = "a word or a field is missing here."
        raise refused([fault(piece.position, wanted)])

    def _term(self, piece: Piece) -> Condition:
        try:
            condition = _term(piece)
        except ValueError as error:
            self._faults.append(fault(piece.position, str(error)))
            return And(())
        for wrong in condition_faults(condition):
            self._faults.append(fault(piece.position, wrong.message))
        return condition


def _term(piece: Piece) -> Condition:
    """What one term means. Raises ValueError with plain words."""
    value = piece.value
    if value is None:
        raise ValueError("a value is missing.")
    if piece.name is None or piece.operator is None:
        return _alone(value)
    if piece.name == WORD and piece.operator == "=":
        return HasWord(value.text)
    return _compare(_subject(piece.name), piece.operator, value)


def _compare(subject: Subject, operator: str, value: Value) -> Condition:
    match operator:
        case "=":
            return _equal(subject, value)
        case "!=":
            return Not(_equal(subject, value))
        case ":" | "::":
            return Contains(subject, _starred(value), ignore_case=operator == ":")
        case "~":
            return Matches(subject, _starred(value))
        case comparison:
            return _compared(subject, Comparison(comparison), value)


def _alone(value: Value) -> Condition:
    if value.form is Form.PATTERN:
        return Matches(Field.MESSAGE, value.text)
    if value.form is Form.QUOTED:
        return Contains(Field.MESSAGE, _starred(value), ignore_case=True)
    if value.prefix or not _SOME_PART.search(value.text):
        return Contains(Field.MESSAGE, value.text, ignore_case=True)
    if _WHOLE_WORD.fullmatch(value.text):
        return HasWord(value.text)
    # The words find it quickly, the text says that they stand in this order.
    return And((HasWord(value.text), Contains(Field.MESSAGE, value.text, ignore_case=True)))


def _subject(name: str) -> Subject:
    if name in _FIELDS:
        return _FIELDS[name]
    if "." in name:
        return Named(name)
    if meant := meant_fields(name, _FIELDS):
        raise ValueError(f"there is no field {name}; did you mean {' or '.join(meant)}?")
    raise ValueError(
        f"there is no field {name}; there are {', '.join(_FIELDS)}, and names with a dot."
    )


def _given(subject: Subject) -> Condition:
    if isinstance(subject, Field) and subject in NUMBERS:
        return Compared(subject, Comparison.AT_LEAST, 0)
    if isinstance(subject, Field) and subject in CODED:
        return Or(tuple(Equals(subject, name) for name in CODED[subject]))
    return Matches(subject, "(?s).")


def _equal(subject: Subject, value: Value) -> Condition:
    if value.form is Form.BARE and value.text == "*":
        return _given(subject)
    if value.form is Form.PATTERN:
        return Matches(subject, value.text)
    if value.prefix:
        return HasPrefix(subject, value.text)
    if subject is Field.SOURCE and value.form is Form.BARE and "/" in value.text:
        try:
            return InNetwork(ip_network(value.text))
        except ValueError:
            raise ValueError(f"{value.text} is no network such as 10.0.0.0/8.") from None
    if isinstance(subject, Field) and subject in _NAMES:
        return Equals(subject, str(_NAMES[subject].get(value.text, value.text)))
    return Equals(subject, value.text)


def _starred(value: Value) -> str:
    return value.text + "*" * value.prefix


def _compared(subject: Subject, comparison: Comparison, value: Value) -> Condition:
    if not isinstance(subject, Field) or subject not in NUMBERS:
        name = subject.name if isinstance(subject, Named) else subject.value
        raise ValueError(f"{name} is no number and has no order.")
    known = _NAMES.get(subject, {}).get(value.text)
    if known is not None:
        return Compared(subject, comparison, known)
    if not re.fullmatch(r"[0-9]{1,6}", value.text):
        names = ", ".join(_NAMES.get(subject, ()))
        raise ValueError(f"{value.text} is no number{names and f', and none of {names}'}.")
    return Compared(subject, comparison, int(value.text))


# --- back to text ---------------------------------------------------------------------------------


def text_of(condition: Condition) -> str:
    """Text that means ``condition``. Raises ValueError for AND or OR of nothing or one."""
    match condition:
        case And():
            return _joined(" ", condition.parts)
        case Or():
            return _joined(" OR ", condition.parts)
        case Not():
            return f"NOT {_inner(condition.part)}"
        case _:
            return _leaf_text(condition)


def _leaf_text(leaf: Leaf) -> str:
    match leaf:
        case InNetwork():
            return f"source={leaf.network}"
        case HasWord():
            # NEL (U+0085) is among what a word may be made of, and among what parts words.
            unparted = leaf.word.split() == [leaf.word]
            plain = unparted and _WHOLE_WORD.fullmatch(leaf.word) and leaf.word not in _KEYWORDS
            return leaf.word if plain else f"{WORD}={_quoted(leaf.word)}"
        case Compared():
            return f"{leaf.field.value}{leaf.comparison.value}{leaf.value}"
        case _:
            return _on_field(leaf)


_KEYWORDS: Final = frozenset({"AND", "OR", "NOT"})


def _joined(operator: str, parts: tuple[Condition, ...]) -> str:
    if len(parts) < 2:  # noqa: PLR2004 - what one operator joins
        raise ValueError("there are not two parts to join")
    return operator.join(map(_inner, parts))


def _inner(condition: Condition) -> str:
    text = text_of(condition)
    return f"({text})" if isinstance(condition, And | Or) else text


def _on_field(leaf: Equals | HasPrefix | Contains | Matches) -> str:
    name = _name(leaf.field)
    match leaf:
        case Equals():
            return f"{name}={_quoted(leaf.value)}"
        case HasPrefix():
            return f"{name}={_quoted(leaf.prefix)}*"
        case Contains():
            if leaf.field is Field.MESSAGE and leaf.ignore_case:
                return _quoted(leaf.text)
            return f"{name}{':' if leaf.ignore_case else '::'}{_quoted(leaf.text)}"
        case Matches():
            return f"{name}~{_quoted(leaf.pattern)}"


def _name(subject: Subject) -> str:
    if isinstance(subject, Field):
        return subject.value
    plain = re.fullmatch(r"[A-Za-z][\w.@-]*", subject.name, re.ASCII)
    return subject.name if plain else _quoted(subject.name)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
