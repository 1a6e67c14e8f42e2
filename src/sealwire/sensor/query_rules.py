"""Which questions can be answered: faults that need no engine to be seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sealwire.errors import Finding, RefusedError, Severity
from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.query import (
    MOST_RESULTS,
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
from sealwire.syslog.kinds import RECORD_KINDS
from sealwire.syslog.message import Grade

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sealwire.sensor.query import Condition, Search, Subject

NUMBERS: Final = {Field.FACILITY: 23, Field.SEVERITY: 7, Field.LISTENER: 65_535}
"""Fields that are numbers, with their greatest value."""
GRADES: Final = {grade.name.lower(): grade for grade in Grade}
FRAMINGS: Final = {kind.name.lower(): kind for kind in sorted(RECORD_KINDS)}
FLAGS: Final = {str(flag.name).lower(): flag for flag in RecordFlag}
CODED: Final[Mapping[Field, Mapping[str, int]]] = {
    Field.GRADE: GRADES,
    Field.FRAMING: FRAMINGS,
    Field.FLAG: FLAGS,
}
"""Fields that are one of some names, with the number that each is kept as."""

MOST_PARTS: Final = 100
"""Comparisons in one question."""
DEEPEST: Final = 20
GREATEST_COMPARED: Final = 999_999
LATEST_US: Final = 1 << 53
"""Times beyond the year 2255 are nobody's."""
LONGEST_TEXT: Final = 1_000
"""Characters of one value."""

Leaf = Equals | HasPrefix | Compared | InNetwork | HasWord | Contains | Matches


def check_search(search: Search) -> None:
    """Raises RefusedError with code ``search.invalid`` and every fault of ``search``."""
    faults = list(_span_faults(search))
    if search.condition is not None:
        faults += condition_faults(search.condition)
    if faults:
        raise RefusedError(
            "search.invalid",
            " ".join(fault.message for fault in faults[:3]),
            findings=faults,
        )


def condition_faults(condition: Condition) -> list[Finding]:
    """Every fault of ``condition``, those of its size first."""
    if depth(condition) > DEEPEST:
        return [_fault("search.too_deep", f"Parentheses are nested more than {DEEPEST} deep.")]
    parts = list(leaves(condition))
    if len(parts) > MOST_PARTS:
        text = f"The question has {len(parts)} comparisons; {MOST_PARTS} are possible."
        return [_fault("search.too_long", text)]
    return [fault for part in parts for fault in _leaf_faults(part)]


def depth(condition: Condition) -> int:
    """How many levels ``condition`` has; never more than one above DEEPEST is told."""
    level: list[Condition] = [condition]
    count = 0
    while level and count <= DEEPEST:
        count += 1
        level = [inner for outer in level for inner in _inner(outer)]
    return count


def leaves(condition: Condition) -> Iterator[Leaf]:
    """The comparisons in ``condition``, from left to right."""
    if isinstance(condition, And | Or | Not):
        for part in _inner(condition):
            yield from leaves(part)
    else:
        yield condition


def _inner(condition: Condition) -> tuple[Condition, ...]:
    if isinstance(condition, And | Or):
        return condition.parts
    return (condition.part,) if isinstance(condition, Not) else ()


def _span_faults(search: Search) -> Iterator[Finding]:
    if search.until_us <= search.since_us:
        yield _fault("search.time", "The end of the time range is not after its beginning.")
    if not 1 <= search.limit <= MOST_RESULTS:
        yield _fault("search.limit", f"A page has 1 to {MOST_RESULTS} records.")
    after = search.after
    if after and not (0 <= after.received_us <= LATEST_US and 0 <= after.seq < 1 << 64):
        yield _fault("search.after", "There is no such place to go on from.")


def _leaf_faults(leaf: Leaf) -> Iterator[Finding]:
    if isinstance(leaf, InNetwork):
        return
    if isinstance(leaf, Compared):
        if leaf.field not in NUMBERS:
            yield _fault("search.field", f"{leaf.field.value} is no number and has no order.")
        if not 0 <= leaf.value <= GREATEST_COMPARED:
            yield _fault("search.value", f"A number is from 0 to {GREATEST_COMPARED}.")
        return
    text = _text(leaf)
    if len(text) > LONGEST_TEXT:
        yield _fault("search.value", f"A value is longer than {LONGEST_TEXT} characters.")
    if any("\ud800" <= char <= "\udfff" for char in text):
        yield _fault("search.value", "A value has characters that are no Unicode text.")
    if not isinstance(leaf, HasWord):
        yield from _subject_faults(leaf, leaf.field)


def _text(leaf: Equals | HasPrefix | HasWord | Contains | Matches) -> str:
    match leaf:
        case Equals():
            return leaf.value
        case HasPrefix():
            return leaf.prefix
        case HasWord():
            return leaf.word
        case Contains():
            return leaf.text
        case Matches():
            return leaf.pattern


def _subject_faults(
    leaf: Equals | HasPrefix | Contains | Matches, subject: Subject
) -> Iterator[Finding]:
    if isinstance(subject, Named):
        if not subject.name or len(subject.name) > LONGEST_TEXT:
            yield _fault("search.field", "The name of a field is empty or too long.")
        return
    if subject not in NUMBERS and subject not in CODED:
        return
    if not isinstance(leaf, Equals):
        yield _fault("search.field", f"{subject.value} is no text: ask for its whole value.")
    elif subject in CODED:
        if leaf.value not in CODED[subject]:
            text = f"{leaf.value!r} is no {subject.value}; there are {', '.join(CODED[subject])}."
            yield _fault("search.value", text)
    elif not _is_number(leaf.value, NUMBERS[subject]):
        most = NUMBERS[subject]
        yield _fault("search.value", f"{subject.value} is a number from 0 to {most}.")


def _is_number(text: str, most: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= len(str(most)) and int(text) <= most


def _fault(code: str, message: str) -> Finding:
    return Finding(code, Severity.ERROR, message)
