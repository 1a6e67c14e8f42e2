"""Bodies of requests: JSON of any shape, from anybody, read with a limit and never trusted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

from fastapi import Depends, Request

from sealwire.api.dogtag.shapes import Json, JsonObject
from sealwire.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_BODY: Final = 2 * 1024 * 1024
_DEEPEST: Final = 40
"""The deepest that a client of Dogtag sends has about twelve."""


class TooLargeError(RefusedError):
    """The body is larger than anything that may be asked for here."""

    http_status = 413


async def read_bytes(request: Request) -> bytes:
    """The whole body. Raises TooLargeError before it is all in memory."""
    announced = request.headers.get("content-length", "")
    size = int(announced) if announced.isdigit() else 0
    _check_size(size)
    parts: list[bytes] = []
    size = 0
    async for part in request.stream():
        size += len(part)
        _check_size(size)
        parts.append(part)
    return b"".join(parts)


def _check_size(size: int) -> None:
    if size > LARGEST_BODY:
        raise TooLargeError("input.too_large", f"A body may have {LARGEST_BODY} bytes at most")


async def read_object(request: Request) -> JsonObject:
    """The body, which must be one JSON object. Raises UsageError ``input.json``."""
    return json_object(await read_bytes(request))


Posted = Annotated[JsonObject, Depends(read_object)]
"""A body that is one JSON object."""

PostedBytes = Annotated[bytes, Depends(read_bytes)]
"""A body as it is."""


def json_object(data: bytes) -> JsonObject:
    """The one JSON object in ``data``. Raises UsageError ``input.json``."""
    if not data.strip():
        raise UsageError("input.json", "Missing input data")
    try:
        document: Json = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise UsageError("input.json", "The body is not JSON") from None
    if not isinstance(document, dict):
        raise UsageError("input.json", "The body is no JSON object")
    if _deeper_than(document, _DEEPEST):
        raise UsageError("input.json", "The body is nested too deeply")
    return document


def _no_number(_word: str) -> NoReturn:
    raise ValueError


def _deeper_than(document: Json, levels: int) -> bool:
    layer: list[Json] = [document]
    for _ in range(levels):
        layer = [inner for outer in layer for inner in _inside(outer)]
        if not layer:
            return False
    return True


def _inside(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def text(body: JsonObject, *names: str) -> str | None:
    """The first of ``names`` that is there, as text; numbers count as their digits.

    Raises UsageError ``input.shape``.
    """
    value = first(body, *names)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _shape(names[0], "text")


def flag(body: JsonObject, name: str) -> bool:
    """Whether a flag is set; ``"true"`` counts, absent is not set. Raises UsageError."""
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    if isinstance(value, str) and value.lower() in {"true", "false", ""}:
        return value.lower() == "true"
    raise _shape(name, "true or false")


def objects(body: JsonObject, *names: str) -> list[JsonObject]:
    """The first of ``names`` that is there: a list of objects, or one that stands alone.

    Raises UsageError ``input.shape``.
    """
    value = first(body, *names)
    if value is None:
        return []
    found = value if isinstance(value, list) else [value]
    members = [each for each in found if isinstance(each, dict)]
    if len(members) != len(found):
        raise _shape(names[0], "a list of objects")
    return members


def inner(body: JsonObject, *names: str) -> JsonObject:
    """The object under the first of ``names`` that is there; empty when none is."""
    value = first(body, *names)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _shape(names[0], "an object")
    return value


def first(body: JsonObject, *names: str) -> Json:
    """The value of the first of ``names`` that is there and not null."""
    return next((value for name in names if (value := body.get(name)) is not None), None)


def _shape(name: str, wanted: str) -> UsageError:
    return UsageError("input.shape", f"{name} must be {wanted}")
