"""What was found that is not as it was written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class DamageKind(StrEnum):
    """What is wrong."""

    TORN = "torn"
    """The end of the chain was no whole line and has been cut off; what it named is not sealed."""
    LINE = "line"
    """A line of the chain cannot be read; good ones follow. It was left where it is."""
    BREAK = "break"
    """A line of the chain does not follow the line before it."""
    SHORTENED = "shortened"
    """The chain does not have a line any more that it had when its snapshot was written."""
    MISSING = "missing"
    """A segment that the chain names is not there."""
    CHANGED = "changed"
    """A segment is not the file that the chain names."""
    STRAY = "stray"
    """A file that nothing names, beside a chain that is damaged; it was moved, not deleted."""


@dataclass(frozen=True, slots=True)
class Damage:
    """One fault. ``path``: below the segments' folder. ``kept_in``: where a copy is, or it is."""

    kind: DamageKind
    path: str
    detail: str
    kept_in: str | None = None
