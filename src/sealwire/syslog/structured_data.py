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
