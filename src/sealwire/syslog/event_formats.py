"""What a message's text may hold in a form of its own: CEF, LEEF, Dogtag events, VMware's ids.

Looked for where the text begins, behind any header, and put into the fields; the text stays whole.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealwire.syslog.audit_text import read_dogtag_text, read_fmc_fields
from sealwire.syslog.structured_data import read_loose_data, text_of

if TYPE_CHECKING:
    from sealwire.syslog.message import ParsedMessage
    from sealwire.syslog.structured_data import Fields

_VMWARE_BEGINS: Final = rb"\[[A-Za-z.]{1,32}@6876[ \]]"
HOLDS_FIELDS: Final = re.compile(
    rb"CEF: ?[0-9]|LEEF: ?[0-9]|(?:<type=[A-Z_]{1,64}>:)?\[AuditEvent="
    rb"|\[[^\]\r\n]{0,255}\] [^\s:\[\]]{1,128}(?:\[[0-9]{1,10}\])?:"
    rb" [^\s,:=<>\"'()]{1,255}@[^,\r\n]{1,255}, "
    rb"|[0-9]{1,10}\.[^\r\n\[\]]{0,128}? - \["
    rb"|" + _VMWARE_BEGINS + rb"|[0-9]{1,3},[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:"
)
"""Matches where a text begins that this module takes apart; texts without a match hold nothing."""

_VMWARE = re.compile(_VMWARE_BEGINS)

# Header fields are divided by |, and a backslash stands before a | that is none. The extension is
# KEY=VALUE with spaces in values: a value ends where the next key begins.
_CEF = re.compile(
    rb"CEF: ?([0-9]{1,3}(?:\.[0-9]{1,3})?)" + rb"\|([^|\\]*+(?:\\.[^|\\]*+)*+)" * 6 + rb"(?:\||\Z)",
    re.DOTALL,
)
_CEF_NAMES: Final = (
    *("version", "vendor", "product", "device_version"),
    *("signature", "name", "severity"),
)
_CEF_KEY = re.compile(rb"(?:^|(?<=\s)|(?<=\|))([A-Za-z0-9_][A-Za-z0-9_.\[\]-]{0,62})=")
_CEF_ESCAPE = re.compile(r"\\([\\|=nr])")
_CEF_MEANING: Final = {"n": "\n", "r": "\r"}
_LEEF = re.compile(
    rb"LEEF: ?([0-9]{1,3}(?:\.[0-9]{1,3})?)" + rb"\|([^|\r\n]*+)" * 4 + rb"(?:\||\Z)"
)
_LEEF_NAMES: Final = ["version", "vendor", "product", "product_version", "event_id"]
_LEEF_DELIMITER = re.compile(rb"(?:0?x([0-9A-Fa-f]{1,4})|([^|\s]?))\|")
_PANW_NAMES: Final = ["received", "serial", "type", "subtype"]


def with_text_fields(raw: bytes, parsed: ParsedMessage) -> ParsedMessage:
    """``parsed`` with what its text holds, when it holds such."""
    start = parsed.message_start
    if not HOLDS_FIELDS.match(raw, start):
        return parsed
    fields = list(parsed.fields)
    read_text_fields(raw, start, fields)
    return parsed._replace(fields=tuple(fields))


def read_text_fields(raw: bytes, start: int, fields: Fields) -> None:
    """Append what the text at ``start`` holds."""
    match raw[start : start + 1]:
        case b"C":
            _read_cef(raw, start, fields)
        case b"L":
            _read_leef(raw, start, fields)
        case b"[":
            _read_bracketed(raw, start, fields)
        case b"<":
            read_dogtag_text(raw, raw.index(b"[", start), fields)
        case _ if raw[start : start + 12].partition(b",")[0].isdigit():
            _read_panw(raw, start, fields)
        case _:
            read_dogtag_text(raw, start, fields)


def _read_bracketed(raw: bytes, start: int, fields: Fields) -> None:
    if raw.startswith(b"[AuditEvent=", start):
        read_dogtag_text(raw, start, fields)
    elif _VMWARE.match(raw, start):
        _read_vmware(raw, start, fields)
    else:
        read_fmc_fields(raw, start, fields)


def _read_cef(raw: bytes, start: int, fields: Fields) -> None:
    head = _CEF.match(raw, start)
    if head is None:
        return
    values = (_unescape_cef(text_of(value)) for value in head.groups())
    fields += [(f"cef.{name}", value) for name, value in zip(_CEF_NAMES, values, strict=True)]
    keys = list(_CEF_KEY.finditer(raw, head.end()))
    ends = [*(key.start() for key in keys[1:]), len(raw)]
    for key, end in zip(keys, ends, strict=False):
        value = raw[key.end() : end].rstrip(b" \r\n\x00\t")
        fields.append((f"cef.{text_of(key[1])}", _unescape_cef(text_of(value))))


def _unescape_cef(value: str) -> str:
    if "\\" not in value:
        return value
    return _CEF_ESCAPE.sub(lambda found: _CEF_MEANING.get(found[1], found[1]), value)


def _read_leef(raw: bytes, start: int, fields: Fields) -> None:
    head = _LEEF.match(raw, start)
    if head is None:
        return
    names = zip(_LEEF_NAMES, head.groups(), strict=True)
    fields += [(f"leef.{name}", text_of(value)) for name, value in names]
    at, delimiter = head.end(), b"\t"
    if head[1].startswith(b"2") and (said := _LEEF_DELIMITER.match(raw, at)):
        at = said.end()
        delimiter = _leef_delimiter(said)
    for pair in raw[at:].split(delimiter):
        key, equals, value = pair.strip(b"\r\n").partition(b"=")
        if equals and key:
            fields.append((f"leef.{text_of(key.strip())}", text_of(value)))


def _leef_delimiter(said: re.Match[bytes]) -> bytes:
    code, character = said.groups()
    if code:
        return bytes([int(code, 16) & 0xFF])
    return character or b"\t"


def _read_vmware(raw: bytes, start: int, fields: Fields) -> None:
    found: Fields = []
    if read_loose_data(raw, start, found) > 0:
        fields += found


def _read_panw(raw: bytes, start: int, fields: Fields) -> None:
    values = raw[start : start + 256].split(b",", 5)[1:5]
    names = zip(_PANW_NAMES, values, strict=False)
    fields += [(f"panw.{name}", text_of(value)) for name, value in names]
