"""One received message taken apart, whatever its format: never refused, never dropped.

Strict RFC 5424 and RFC 3164 are tried first, then what nearly follows them and vendors' own ways;
what is left is a PRI and text, or text. What the text holds in a form of its own joins the fields.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sealwire.syslog.event_formats import with_text_fields
from sealwire.syslog.message import ENDS, Grade
from sealwire.syslog.near_misses import read_near_miss
from sealwire.syslog.strict import may_be_other, parse_3164, parse_5424, parse_iso

if TYPE_CHECKING:
    from sealwire.syslog.message import ParsedMessage

_OCTET_COUNT = re.compile(rb"[1-9][0-9]{0,6} (?=<[0-9]{1,3}>)")


def parse(raw: bytes, received_us: int) -> ParsedMessage:
    """Take ``raw`` (one message without its framing) apart; ``received_us`` since 1970 UTC.

    Raises nothing. The time it takes grows with the length of ``raw`` and with nothing else.
    """
    raw = raw.rstrip(ENDS)
    return with_text_fields(raw, _parse_header(raw, received_us) or _parse_other(raw, received_us))


def _parse_header(raw: bytes, received_us: int) -> ParsedMessage | None:
    return parse_5424(raw) or _parse_3164(raw, received_us) or parse_iso(raw)


def _parse_3164(raw: bytes, received_us: int) -> ParsedMessage | None:
    strict = parse_3164(raw, received_us)
    if strict is None or not may_be_other(raw, strict):
        return strict
    other = read_near_miss(raw, received_us)
    # The header is the RFC's; a tag may have been found that only a vendor ends so.
    return other._replace(grade=Grade.STRICT, rule="rfc3164") if other.rule == "bsd" else other


def _parse_other(raw: bytes, received_us: int) -> ParsedMessage:
    count = _OCTET_COUNT.match(raw)
    if count is None:
        return read_near_miss(raw, received_us)
    # A count that was no framing, on a connection whose frames end with a delimiter.
    size = count.end()
    inner = raw[size:]
    parsed = _parse_header(inner, received_us) or read_near_miss(inner, received_us)
    return parsed._replace(
        grade=max(parsed.grade, Grade.NEAR_MISS), message_start=parsed.message_start + size
    )
