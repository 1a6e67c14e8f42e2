"""Questions in words, as people type them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sealwire.sensor.query import And, HasWord

if TYPE_CHECKING:
    from sealwire.sensor.query import Condition


def condition_of(words: str) -> Condition | None:
    """The condition that all of ``words`` are in the text; None when there are none."""
    parts = tuple(HasWord(word) for word in words.split())
    return And(parts) if parts else None
