r"""STRUCTURED-DATA (RFC 5424 section 6.3) read strictly: ``[ID NAME="VALUE" ...][...]``.

Every reader here takes each octet once: no input makes it slow.
"""

from __future__ import annotations

import re
from typing import Final

_NAME: Final = rb"[!#-<>-\\^-~]{1,32}+"
_SD_ID = re.compile(rb"\[(" + _NAME + rb")")
_SD_PARAM = re.compile(rb" (" + _NAME + rb')="([^"\\\]]*+(?:\\.[^"\\\]]*+)*+)"', re.DOTALL)
_UNESCAPE = re.compile(r'\\(["\\\]])')

Fields = list[tuple[str, str]]


def read_structured_data(raw: bytes, start: int, fields: Fields) -> int:
    """Append every parameter at ``start`` to ``fields`` as ``ID.NAME``; the offset behind them.

    -1 when this is not exactly what the RFC allows: the caller then drops what was appended.
    """
    seen: set[bytes] = set()
    position = start
    while element := _SD_ID.match(raw, position):
        if element[1] in seen:
            return -1
        seen.add(element[1])
        position = _read_parameters(raw, element, fields)
        if position < 0:
            return -1
    return position if position > start else -1


def _read_parameters(raw: bytes, element: re.Match[bytes], fields: Fields) -> int:
    prefix = element[1].decode("ascii") + "."
    position = element.end()
    while parameter := _SD_PARAM.match(raw, position):
        try:
            value = parameter[2].decode("utf-8")
        except UnicodeDecodeError:
            return -1
        fields.append((prefix + parameter[1].decode("ascii"), unescape(value)))
        position = parameter.end()
    return position + 1 if raw[position : position + 1] == b"]" else -1


def unescape(value: str) -> str:
    r"""A parameter's value without the backslashes before ``"``, ``\`` and ``]``."""
    return _UNESCAPE.sub(r"\1", value) if "\\" in value else value


# What stands between brackets and is nearly STRUCTURED-DATA: an id, then pairs with = or :,
# quoted or not, spaces or semicolons between; anything else in it is passed over.
_LOOSE_ID = re.compile(rb"\[([^\s\[\]\"=:;]{1,128}+)(?=[ \]])")
_COLONS = re.compile(rb'\[(?=[A-Za-z_][\w.-]{0,63}:")')
_LOOSE_PARAM = re.compile(
    rb"[\s;,]*+(?:([^\s\[\]\"=:;]{1,128}+)(?:=|:(?=\"))"
    rb"(?:\"([^\"\\]*+(?:\\.[^\"\\]*+)*+)\"|([^\s\]]*+))|([^\s\]]++))",
    re.DOTALL,
)
_LOOSE_END = re.compile(rb"[\s;]*+\]")


def read_loose_data(raw: bytes, start: int, fields: Fields, name: bytes = b"") -> int:
    """Like ``read_structured_data``, for what is only nearly so; -1 when it is not even that.

    ``name`` is the id of elements that have none of their own (Check Point's).
    """
    position = start
    while True:
        element = _LOOSE_ID.match(raw, position)
        bare = None if element else _COLONS.match(raw, position)
        if element:
            end = _read_loose(raw, element.end(), text_of(element[1]) + ".", fields)
        elif bare and name:
            end = _read_loose(raw, bare.end(), text_of(name) + ".", fields)
        else:
            break
        if end < 0:
            return -1
        position = end
    return position if position > start else -1


def _read_loose(raw: bytes, position: int, prefix: str, fields: Fields) -> int:
    while not (end := _LOOSE_END.match(raw, position)):
        parameter = _LOOSE_PARAM.match(raw, position)
        if parameter is None:
            return -1
        name, quoted, plain, _ = parameter.groups()
        if name:
            value = unescape(text_of(quoted)) if quoted is not None else text_of(plain)
            fields.append((prefix + text_of(name), value))
        position = parameter.end()
    return end.end()


def text_of(octets: bytes) -> str:
    """As UTF-8, with U+FFFD for what is not."""
    return octets.decode("utf-8", "replace")
