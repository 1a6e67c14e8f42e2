"""Reading what a CA's REST answers: numbers in their forms, and answers of no known shape."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sealwire.cli.pki_output import parse_number
from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path


@contextmanager
def understood(what: str) -> Iterator[None]:
    """Raises UnavailableError ``http.unexpected`` for an answer that is not ``what``."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, UsageError, OverflowError) as error:
        from sealwire.bootstrap.dogtag import unexpected

        raise unexpected(f"not {what}") from error


def json_object(content: bytes, file: Path, what: str, *, hint: str = "") -> dict[str, Any]:
    """The JSON object in ``content``. Raises UsageError ``pki.file`` that names the file."""
    import json

    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UsageError("pki.file", f"{file} holds no {what} in JSON", hint=hint)
    return document


def number_of(value: object) -> int:
    """A number that JSON gives as such, or as decimal or ``0x`` text. Raises UsageError."""
    return value if isinstance(value, int) else parse_number(str(value))


def identifier(document: Mapping[str, Any], names: Sequence[str], url: str) -> int | None:
    """The first id there is under ``names``, else the last part of the URL; None without any.

    Servers before 11.2 give the id of a request only in its URL.
    """
    for name in names:
        if document.get(name) is not None:
            return number_of(document[name])
    address = document.get(url)
    return None if address is None else number_of(str(address).rpartition("/")[2])


def total_of(document: Mapping[str, Any]) -> int | None:
    """How many there are in all, if the server says so."""
    total = document.get("total")
    return None if total is None else int(total)
