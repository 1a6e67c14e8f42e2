"""One received message taken apart, whatever its format: never refused, never dropped.

Strict RFC 5424 and RFC 3164 are tried first, then what nearly follows them, then vendors' own
ways; what is left is a PRI and text, or text.
"""

from __future__ import annotations

import re

from sealwire.syslog.message import Grade, ParsedMessage
from sealwire.syslog.rfc5424 import MAX_PRIORITY
from sealwire.syslog.strict import parse_3164, parse_5424

_PRI = re.compile(rb"<([0-9]{1,3})>")


def parse(raw: bytes, received_us: int) -> ParsedMessage:
    """Take ``raw`` (one message without its framing) apart; ``received_us`` since 1970 UTC.

    Raises nothing. The time it takes grows with the length of ``raw`` and with nothing else.
    """
    return parse_5424(raw) or parse_3164(raw, received_us) or _parse_rest(raw)


def _parse_rest(raw: bytes) -> ParsedMessage:
    pri = _PRI.match(raw)
    if pri is None or int(pri[1]) > MAX_PRIORITY:
        return ParsedMessage(Grade.RAW, "raw")
    priority = int(pri[1])
    return ParsedMessage(Grade.RAW, "pri", priority >> 3, priority & 7, message_start=pri.end())
