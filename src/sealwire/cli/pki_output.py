"""Dogtag's own words on stdout, letter for letter, for the ``pki`` commands.

Pure: values in, text out (every text ends with a line end, a prompt excepted). Numbers are decimal
in the audit formats up to 10.4.5 and ``0x`` hexadecimal in 11.4; both forms are read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sealwire.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

_DECIMAL_FORMATS: Final = frozenset({"10.4.4", "10.4.5"})
_HEXADECIMAL_FORMATS: Final = frozenset({"11.4"})
_NUMBER: Final = re.compile(r"0[xX](?P<hex>[0-9a-fA-F]{1,40})|(?P<decimal>[0-9]{1,49})")

REVIEW_ACTIONS: Final[Mapping[str, str]] = {
    "approve": "Approved",
    "reject": "Rejected",
    "cancel": "Canceled",
}
"""Words of ``--action`` and what the answer says was done."""

REVIEW_PROMPT: Final = "Action (approve/reject/cancel/update/validate/assign/unassign): "
"""What review without an action asks; Dogtag's list of words."""


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """One request as the commands show it. ``certificate_id`` is the serial number."""

    request_id: int
    status: str
    reason: str | None = None
    certificate_id: int | None = None
    request_type: str = "enrollment"
    operation_result: str = "success"


@dataclass(frozen=True, slots=True)
class InputBlock:
    """One input of the profile with what was submitted, e.g. ``Requestor Information``."""

    name: str
    attributes: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class ReviewInfo:
    """A request as an agent retrieves it; ``profile_name`` is the profile's name, not its id."""

    request_id: int
    profile_name: str
    status: str
    inputs: Sequence[InputBlock] = field(default_factory=tuple)
    request_type: str = "enrollment"


def parse_number(text: str, *, what: str = "certificate request ID") -> int:
    """A request or serial number, decimal or ``0x`` hexadecimal.

    Raises UsageError ``pki.number``.
    """
    found = _NUMBER.fullmatch(text.strip()) if text.isascii() else None
    if found is None:
        raise UsageError("pki.number", f"Invalid {what}: {visible(text)}")
    return int(found["hex"], 16) if found["hex"] else int(found["decimal"])


def format_number(number: int, audit_format: str) -> str:
    """``7`` or ``0x7``. Raises ValueError for a format that nobody knows."""
    if audit_format in _DECIMAL_FORMATS:
        return str(number)
    if audit_format in _HEXADECIMAL_FORMATS:
        return hex(number)
    message = f"unknown audit format {audit_format!r}"
    raise ValueError(message)


def visible(text: str) -> str:
    """``text`` with everything escaped that could move a terminal's cursor or forge a line."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def boxed(message: str) -> str:
    """The message between two lines of dashes of its own length."""
    rule = "-" * len(message)
    return f"{rule}\n{message}\n{rule}\n"


def info_block(info: RequestInfo, audit_format: str) -> str:
    """The lines every command shows of a request."""
    lines = [
        f"  Request ID: {format_number(info.request_id, audit_format)}",
        f"  Type: {visible(info.request_type)}",
        f"  Request Status: {visible(info.status)}",
        f"  Operation Result: {visible(info.operation_result)}",
    ]
    if info.reason is not None:
        lines.append(f"  Reason: {visible(info.reason)}")
    if info.certificate_id is not None:
        lines.append(f"  Certificate ID: {format_number(info.certificate_id, audit_format)}")
    return "\n".join(lines) + "\n"


def submitted(infos: Sequence[RequestInfo], audit_format: str) -> str:
    """Answer of ``client-cert-request`` and ``ca-cert-request-submit``."""
    return boxed("Submitted certificate request") + _blocks(infos, audit_format)


def found(infos: Sequence[RequestInfo], total: int | None, audit_format: str) -> str:
    """Answer of ``ca-cert-request-find``: one page of ``total`` matches (None: not known)."""
    head = "" if total is None else boxed(f"{total} entries matched")
    if total == 0:
        return head
    tail = boxed(f"Number of entries returned {len(infos)}")
    return head + _blocks(infos, audit_format) + tail


def shown(info: RequestInfo, audit_format: str) -> str:
    """Answer of ``ca-cert-request-show``."""
    number = format_number(info.request_id, audit_format)
    return boxed(f'Certificate request "{number}"') + info_block(info, audit_format)


def retrieved(review: ReviewInfo, audit_format: str) -> str:
    """Answer of ``ca-cert-request-review`` without an action; ``REVIEW_PROMPT`` comes next."""
    number = format_number(review.request_id, audit_format)
    lines = [
        f"  Request ID: {number}",
        f"  Profile: {visible(review.profile_name)}",
        f"  Type: {visible(review.request_type)}",
        f"  Status: {visible(review.status)}",
    ]
    for block in review.inputs:
        lines += ["", *_input_lines(block)]
    body = "\n".join(lines)
    return boxed(f"Retrieved certificate request {number}") + body + "\n\n"


def reviewed(info: RequestInfo, action: str, audit_format: str) -> str:
    """Answer of ``ca-cert-request-review --action``.

    Raises UsageError ``pki.action`` for a word that is none.
    """
    done = REVIEW_ACTIONS.get(action)
    if done is None:
        words = ", ".join(REVIEW_ACTIONS)
        raise UsageError("pki.action", f"Invalid action: {visible(action)}", hint=f"One of {words}")
    number = format_number(info.request_id, audit_format)
    return boxed(f"{done} certificate request {number}") + info_block(info, audit_format)


def _blocks(infos: Sequence[RequestInfo], audit_format: str) -> str:
    return "\n".join(info_block(info, audit_format) for info in infos)


def _input_lines(block: InputBlock) -> list[str]:
    lines = []
    for name, value in block.attributes:
        text = "\n".join(visible(line) for line in value.strip().splitlines())
        if text:
            lines.append(f"    {visible(name)}: {text}")
    return [f"  {visible(block.name)}:", *(lines or ["    none"])]
