"""Cisco's own header: anything of sequence number, time, host and task, then ``%ASA-5-111010:``.

The devices put these in different order and number (IOS, IOS XR, NX-OS, ASA and its EMBLEM form,
wireless controllers, call managers), so that they are read piece by piece up to the mnemonic.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealwire.syslog.message import Grade
from sealwire.syslog.structured_data import text_of
from sealwire.syslog.time_forms import read_time

if TYPE_CHECKING:
    from sealwire.syslog.draft import Draft
    from sealwire.syslog.message import ParsedMessage

WITHIN: Final = 320
"""How far behind the PRI the mnemonic may begin."""
_LONGEST: Final = 320

MNEMONIC: Final = re.compile(
    rb"%[A-Za-z][A-Za-z0-9_]{0,31}+(?:-{1,2}[A-Za-z][A-Za-z0-9_]{0,31}+){0,4}+"
    rb"-{1,2}([0-7])-[A-Za-z0-9_][A-Za-z0-9_-]{0,63}+(?= ?:| |\Z)"
)
"""``%ASA-5-111010``; group 1 is its severity."""
# Of small-business switches, whose severity is a letter.
_LETTERED = re.compile(
    rb"%[A-Za-z][A-Za-z0-9_]{0,31}+-([ACEWNID])-[A-Za-z0-9_][A-Za-z0-9_-]{0,63}+(?=: )"
)
_LETTERS: Final = {b"A": 1, b"C": 2, b"E": 3, b"W": 4, b"N": 5, b"I": 6, b"D": 7}
_AFTER = re.compile(rb" ?:? ?")
_SKIP = re.compile(rb"[ \t:]*+")
_MARK = re.compile(rb"[*.!](?=[A-Z0-9])")
_SEQUENCE = re.compile(rb"([0-9]{1,10}):(?=[ \t])")
_TASK = re.compile(rb"\*([A-Za-z][^\s:*%]{0,63}):")
_NODE = re.compile(rb"([A-Z0-9]{1,8}/[0-9A-Z]{1,8}/[0-9A-Za-z]{1,8}(?:/[0-9A-Za-z]{1,8})?):")
_PROCESS = re.compile(rb"([A-Za-z_][^\s:\[\]%]{0,63})\[([0-9]{1,10})\](?=[ :])")
_ADDRESS = re.compile(rb"([0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}+)(?=[ \t]|: )")
_WORD = re.compile(rb"([0-9A-Za-z][^\s:%*\[\],=\"{}<>]{0,254})(?=:? |:\t|:\Z|:%)")
_ZONE = re.compile(rb" ?([A-Za-z]{2,6}(?:[+-][0-9]{1,4})?)(?=:)")
_NUMBERED = re.compile(rb":? ?[0-9]{1,10}: |: ")


def read_cisco(draft: Draft) -> ParsedMessage | None:
    """The message when a Cisco mnemonic is there, with a header of known pieces before it.

    The mnemonic becomes ``app``; its severity counts when there is no PRI.
    """
    end = draft.at + WITHIN
    mnemonic = MNEMONIC.search(draft.raw, draft.at, end + _LONGEST) or _LETTERED.search(
        draft.raw, draft.at, end + _LONGEST
    )
    if mnemonic is None or mnemonic.start() >= end or not _read_pieces(draft, mnemonic.start()):
        return None
    draft.severe(_LETTERS.get(mnemonic[1]) or int(mnemonic[1]))
    draft.app = text_of(mnemonic[0])
    after = _AFTER.match(draft.raw, mnemonic.end())
    draft.at = after.end() if after else mnemonic.end()
    return draft.done(Grade.VARIANT, "cisco")


def read_numbered(draft: Draft) -> ParsedMessage | None:
    """The same header without a mnemonic behind it: ``<191>27: sw1: Aug 18 07:15:04: text``.

    Debugging output and some subsystems are so; a PRI and a sequence number or its colon say that
    it is Cisco's.
    """
    if not draft.has_pri or not _NUMBERED.match(draft.raw, draft.at):
        return None
    words: list[bytes] = []
    at, end = draft.at, draft.at + WITHIN
    while draft.moment is None:
        following = _read_next(draft, at := _skip(draft.raw, at), end, words)
        if following == at or following > end:
            return None
        at = following
    if draft.raw[at : at + 2] != b": ":
        return None
    _name(draft, words)
    draft.at = at + 2
    return draft.done(Grade.NEAR_MISS, "cisco")


def _read_pieces(draft: Draft, end: int) -> bool:
    words: list[bytes] = []
    at = draft.at
    while (at := _skip(draft.raw, at)) < end:
        following = _read_next(draft, at, end, words)
        if following == at or following > end:
            return False
        at = following
    _name(draft, words)
    return True


def _read_next(draft: Draft, at: int, end: int, words: list[bytes]) -> int:
    """Where the piece at ``at`` ends; there when it is none."""
    return (
        _read_sequence(draft, at)
        or _read_time(draft, at, end, words)
        or _read_piece(draft, at, words)
    )


def _name(draft: Draft, words: list[bytes]) -> None:
    if words:
        draft.name(words[0])
        draft.fields += [("cisco.word", text_of(word)) for word in words[1:]]


def _skip(raw: bytes, at: int) -> int:
    found = _SKIP.match(raw, at)
    return found.end() if found else at


def _read_sequence(draft: Draft, at: int) -> int:
    """0 when no sequence number stands there."""
    found = _SEQUENCE.match(draft.raw, at)
    if found is None:
        return 0
    draft.fields.append(("cisco.sequence", text_of(found[1])))
    return found.end()


def _read_time(draft: Draft, at: int, end: int, words: list[bytes]) -> int:
    """0 when no time stands there. The first time counts: it is the sender's own or a relay's."""
    mark = _MARK.match(draft.raw, at)
    moment = read_time(draft.raw, mark.end() if mark else at, draft.received_us)
    if moment is None or moment.end > end:
        return 0
    if draft.moment is None:
        draft.moment = moment
    zone = _ZONE.match(draft.raw, moment.end)
    # Before a colon: a zone's name that says nothing to us, unless a host is still to come.
    is_zone = zone and (
        words
        or mark
        or draft.raw[moment.end - 4 : moment.end - 3] == b"."
        or draft.raw[draft.at : draft.at + 1] == b":"
    )
    if not zone or not is_zone:
        return moment.end
    if draft.moment is moment and zone[1].islower():
        # As an operator typed it.
        begin = mark.end() if mark else at
        shouted = draft.raw[begin : zone.end()].upper()
        draft.moment = read_time(shouted + b":", 0, draft.received_us) or moment
    return zone.end()


def _read_piece(draft: Draft, at: int, words: list[bytes]) -> int:
    raw = draft.raw
    if found := _TASK.match(raw, at):
        draft.procid = text_of(found[1])
    elif found := _NODE.match(raw, at):
        draft.fields.append(("cisco.node", text_of(found[1])))
    elif found := _PROCESS.match(raw, at):
        draft.fields.append(("cisco.process", text_of(found[1])))
        draft.procid = text_of(found[2])
    elif len(words) < 2 and (found := _ADDRESS.match(raw, at) or _WORD.match(raw, at)):  # noqa: PLR2004 - a host and one word
        # A colon may stand behind an address that ends with two.
        words.append(found[1][:-1] if found[1].endswith(b":::") else found[1])
    return found.end() if found else at
