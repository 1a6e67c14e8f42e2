"""PEM blocks as they are met in practice (RFC 7468 and what shops make of it)."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGIN = re.compile(rb"-----[ \t]*BEGIN[ \t]+([A-Z0-9][A-Z0-9 ]{0,62}?)[ \t]*-----")
_HEADER = re.compile(rb"^[A-Za-z][A-Za-z0-9-]{0,63}:", re.MULTILINE)
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]")
_BLANK = re.compile(rb"[ \t\r\n\f\v\x00]+")
_QUOTE_MARKS = re.compile(rb"^[ \t]*(?:[>|][ \t]*)+", re.MULTILINE)
_ESCAPED_END = re.compile(rb"\\[rn]")
_LINE = 64
# UTF-16 whose byte order mark got lost is told by its dashes, at an even place.
_WIDE_MARKS = {code: "-----BEGIN ".encode(code) for code in ("utf-16-le", "utf-16-be")}
_LOOKED_AT = 64 * 1024


@dataclass(frozen=True, slots=True)
class PemBlock:
    """One block. ``der`` is None when its body is no base64; ``pem`` is the block, tidied.

    A block with RFC 1421 headers (an encrypted key of the old kind) keeps them in ``pem``.
    """

    label: str
    der: bytes | None
    pem: bytes


def plain_text(data: bytes) -> bytes:
    """``data`` without a byte order mark; UTF-16 (Windows' "Unicode") becomes ASCII text."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace").encode("ascii", "replace")
    for coding, mark in _WIDE_MARKS.items():
        if data.find(mark, 0, _LOOKED_AT) % 2 == 0:
            return data.decode(coding, "replace").encode("ascii", "replace")
    return data.removeprefix(b"\xef\xbb\xbf")


def is_pem(data: bytes) -> bool:
    """Whether there is a block in it: text may begin with any character, even that of DER."""
    return _BEGIN.search(data) is not None


def pem_blocks(data: bytes) -> Iterator[PemBlock]:
    """Every block in ``data``, in order; text around, indentation and CRLF do not matter.

    A block without its END line yields a block whose ``der`` is None.
    """
    text = plain_text(data)
    begin = _BEGIN.search(text)
    while begin is not None:
        label = begin.group(1).decode("ascii")
        following = _BEGIN.search(text, begin.end())
        limit = following.start() if following else len(text)
        end = re.compile(rb"-----[ \t]*END[ \t]+" + re.escape(begin.group(1))).search(
            text, begin.end(), limit
        )
        if end is None:
            yield PemBlock(label, None, b"")
        else:
            yield _block(label, text[begin.end() : end.start()])
        begin = following


def _block(label: str, body: bytes) -> PemBlock:
    if _HEADER.search(body):
        lines = b"\n".join(line.strip() for line in body.strip().splitlines())
        mark = label.encode()
        pem = b"-----BEGIN %s-----\n%s\n-----END %s-----\n" % (mark, lines, mark)
        return PemBlock(label, None, pem)
    der = decode_base64(body) or decode_base64(_unquoted(body))
    return PemBlock(label, der, pem_text(label, der) if der is not None else b"")


def _unquoted(body: bytes) -> bytes:
    """Without the marks of a mail that is answered, and with the line ends of JSON as such."""
    return _QUOTE_MARKS.sub(b"", _ESCAPED_END.sub(b"\n", body))


def decode_base64(body: bytes) -> bytes | None:
    """The bytes that base64 text stands for, white space ignored; None when it is no base64."""
    packed = _BLANK.sub(b"", body)
    if not packed or _NOT_BASE64.search(packed):
        return None
    # Padding is lost in some mail programs; it carries nothing.
    packed = packed.rstrip(b"=")
    try:
        return base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except binascii.Error:
        return None


def pem_text(label: str, der: bytes) -> bytes:
    """PEM with lines of 64 characters."""
    body = base64.b64encode(der)
    lines = [body[i : i + _LINE] for i in range(0, len(body), _LINE)]
    mark = label.encode()
    return b"\n".join([b"-----BEGIN %s-----" % mark, *lines, b"-----END %s-----" % mark, b""])
