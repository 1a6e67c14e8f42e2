"""A message while it is being taken apart: what was found so far, and where reading goes on."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sealwire.syslog.message import Grade, ParsedMessage
from sealwire.syslog.rfc5424 import MAX_PRIORITY
from sealwire.syslog.structured_data import text_of

if TYPE_CHECKING:
    from sealwire.syslog.structured_data import Fields
    from sealwire.syslog.time_forms import Moment

_PRI = re.compile(rb"(?:\xef\xbb\xbf|[ \t\r\n\x00]){0,8}+<([0-9]{1,3})>")

SEVERITY_WORDS: Final[dict[bytes, int]] = {
    b"emerg": 0, b"panic": 0, b"alert": 1, b"crit": 2, b"critical": 2, b"err": 3, b"error": 3,
    b"warning": 4, b"warn": 4, b"notice": 5, b"info": 6, b"informational": 6, b"debug": 7,
}  # fmt: skip
# As ESXi 8 writes them, with a number behind: ``In(166)``.
SEVERITY_LETTERS: Final[dict[bytes, int]] = {
    b"Em": 0, b"Al": 1, b"Cr": 2, b"Er": 3, b"Wa": 4, b"No": 5, b"In": 6, b"Db": 7,
}  # fmt: skip
FACILITY_WORDS: Final[dict[bytes, int]] = {
    **{
        word: number
        for number, word in enumerate(
            b"kern user mail daemon auth syslog lpr news uucp cron authpriv ftp".split()
        )
    },
    **{b"local%d" % number: 16 + number for number in range(8)},
}


@dataclass(slots=True)
class Draft:
    """Fields as ``ParsedMessage`` has them; ``at`` is where reading goes on."""

    raw: bytes
    received_us: int
    at: int = 0
    has_pri: bool = False
    facility: int | None = None
    severity: int | None = None
    moment: Moment | None = None
    host: str | None = None
    app: str | None = None
    procid: str | None = None
    msgid: str | None = None
    fields: Fields = field(default_factory=list)

    def name(self, host: bytes | None) -> None:
        """Take ``host`` for HOSTNAME."""
        self.host = text_of(host) if host else None

    def tag(self, app: bytes | None, procid: bytes | None = None) -> None:
        """Take ``app`` and ``procid`` for a BSD tag."""
        self.app = text_of(app) if app else None
        self.procid = text_of(procid) if procid else None

    def severe(self, severity: int) -> None:
        """Take a severity that the text says, unless a PRI said one."""
        if self.severity is None:
            self.severity = severity

    def done(self, grade: Grade, rule: str) -> ParsedMessage:
        """What was found, with the text beginning at ``at``."""
        moment = self.moment
        return ParsedMessage(
            grade,
            rule,
            self.facility,
            self.severity,
            moment.us if moment else None,
            timestamp_guessed=moment is not None and moment.guessed,
            host=self.host,
            app=self.app,
            procid=self.procid,
            msgid=self.msgid,
            message_start=self.at,
            fields=tuple(self.fields),
        )


def begin(raw: bytes, received_us: int) -> Draft:
    """A draft whose PRI is read. One above 191 says neither facility nor severity."""
    draft = Draft(raw, received_us)
    if found := _PRI.match(raw):
        draft.at = found.end()
        draft.has_pri = True
        priority = int(found[1])
        if priority <= MAX_PRIORITY:
            draft.facility, draft.severity = priority >> 3, priority & 7
    return draft
