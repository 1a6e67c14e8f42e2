"""A form's content, read whole and within bounds before anything looks at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from sealwire.errors import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import Message, Receive

LARGEST_BODY: Final = 8 * 1024 * 1024
MOST_FIELDS: Final = 100
MOST_FILES: Final = 50


@dataclass(frozen=True, slots=True)
class Form:
    """Texts and files by field name, in the order they came."""

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: Mapping[str, tuple[tuple[str, bytes], ...]] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The first text of that name; empty when there is none."""
        return next(iter(self.texts.get(name, ())), "")

    def all(self, name: str) -> tuple[str, ...]:
        """Every text of that name."""
        return self.texts.get(name, ())

    def uploads(self, name: str) -> tuple[tuple[str, bytes], ...]:
        """Name and bytes of the files that hold something."""
        return tuple((file, data) for file, data in self.files.get(name, ()) if data)


async def read_form(request: Request) -> Form:
    """The form of a request.

    Raises RefusedError ``form.too_large``, and Starlette's HTTPException (400) for what is no
    form.
    """
    bounded = Request(request.scope, _bounded(request.receive))
    texts: dict[str, tuple[str, ...]] = {}
    files: dict[str, tuple[tuple[str, bytes], ...]] = {}
    async with bounded.form(
        max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=LARGEST_BODY
    ) as parts:
        for name, part in parts.multi_items():
            if isinstance(part, UploadFile):
                upload = (part.filename or "file", await part.read())
                files[name] = (*files.get(name, ()), upload)
            else:
                texts[name] = (*texts.get(name, ()), part)
    return Form(texts, files)


def _bounded(receive: Receive) -> Receive:
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > LARGEST_BODY:
            raise RefusedError(
                "form.too_large", f"A form may have {LARGEST_BODY // 1024 // 1024} MiB at most."
            )
        return message

    return bounded
