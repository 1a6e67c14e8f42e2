"""What the comparisons of certificates, requests and audit records have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from sealwire.errors import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

RowT = TypeVar("RowT")

PAGE: Final = 1000
"""Rows read at a time."""


def paged(
    read: Callable[[int], Sequence[RowT]], following: Callable[[int, Sequence[RowT]], int]
) -> Iterator[Sequence[RowT]]:
    """Every page from 0 on; ``following`` says where the page after the given one begins."""
    start = 0
    while page := read(start):
        yield page
        start = following(start, page)


def fault(code: str, request_id: int, text: str) -> Finding:
    """What does not fit about one request."""
    return Finding(
        f"reconcile.{code}", Severity.ERROR, f"Request {request_id} {text}.", str(request_id)
    )
