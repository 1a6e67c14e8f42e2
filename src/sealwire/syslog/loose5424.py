"""RFC 5424 with faults: other spaces, times, lengths, STRUCTURED-DATA missing or malformed.

The sender meant RFC 5424 when a version follows the PRI. Fields are taken as far as their places
are sure: up to STRUCTURED-DATA where there is one, else up to where the text plainly begins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealwire.syslog.bsd import read_after_time
from sealwire.syslog.event_formats import HOLDS_FIELDS
from sealwire.syslog.message import Grade
from sealwire.syslog.rfc5424 import BOM
from sealwire.syslog.structured_data import read_loose_data, read_structured_data, text_of
from sealwire.syslog.time_forms import Moment, read_time

if TYPE_CHECKING:
    from sealwire.syslog.draft import Draft
    from sealwire.syslog.message import ParsedMessage
    from sealwire.syslog.structured_data import Fields

_VERSION = re.compile(rb" {0,2}[1-9][0-9]{0,2} {1,4}(?=\S)")
_NIL_TIME = re.compile(rb"-(?= )")
_NO_TIME = re.compile(rb"(?=[^\s]{0,63}[{}0-9-])([^\s<>=\[\]\",]{1,64})(?= )")
_NAME = re.compile(rb" {1,4}(?!\{[^{]|\[|<\?)([^\s]{1,255})(?= |\Z)")
_SPACES = re.compile(rb" {1,4}")
_PLACE_OF_DATA = re.compile(rb" {1,4}(?:-(?= |\Z)|(?=\[))")
_NUMBER = re.compile(r"-|[0-9]{1,10}\Z")
_SET: Final = ("host", "app", "procid", "msgid")


def read_loose_5424(draft: Draft) -> ParsedMessage | None:
    """The message when a version stands behind the PRI and a time, a NILVALUE or such after it."""
    version = _VERSION.match(draft.raw, draft.at)
    if version is None:
        return None
    moment = read_time(draft.raw, version.end(), draft.received_us)
    if moment is None:
        other = _NIL_TIME.match(draft.raw, version.end()) or _NO_TIME.match(
            draft.raw, version.end()
        )
        if other is None:
            return None
        return _read_names(draft, other.end())
    if draft.raw[version.end() : version.end() + 1].isalpha() or _is_epoch(draft, version, moment):
        return None
    draft.moment = moment
    if found := _read_names(draft, moment.end):
        return found
    draft.at = moment.end
    return read_after_time(draft, "rfc5424_no_names")


def _is_epoch(draft: Draft, version: re.Match[bytes], moment: Moment) -> bool:
    return draft.raw[version.end() : moment.end].replace(b".", b"").isdigit()


def _read_names(draft: Draft, at: int) -> ParsedMessage | None:
    names: list[str] = []
    while len(names) < len(_SET) and not _text_begins(draft.raw, at):
        found = _NAME.match(draft.raw, at)
        if found is None:
            break
        names.append(text_of(found[1]))
        at = found.end()
    if any(name.endswith(":") for name in names[1:2]):
        return None
    rule = _read_data(draft, at)
    if rule is None and not _plausible(draft, names, at):
        return None
    for field, value in zip(_SET, names, strict=False):
        setattr(draft, field, None if value == "-" else value)
    if rule is None:
        rule = "rfc5424_no_data"
        draft.at = _behind_space(draft.raw, at)
    return draft.done(Grade.NEAR_MISS, _telling(draft, rule))


def _telling(draft: Draft, rule: str) -> str:
    if draft.moment and draft.moment.us is None:
        return "impossible_time"
    return rule


def _text_begins(raw: bytes, at: int) -> bool:
    space = _SPACES.match(raw, at)
    begin = space.end() if space else at
    return bool(HOLDS_FIELDS.match(raw, begin)) or raw.startswith(BOM, begin)


def _plausible(draft: Draft, names: list[str], at: int) -> bool:
    """Without STRUCTURED-DATA: whether the words that stand in the fields' places are fields."""
    if any(name.endswith(":") for name in names[1:]):
        return False
    if _text_begins(draft.raw, at):
        return True
    if len(names) < len(_SET):
        return bool(names) and draft.raw[at : at + 2] == b" {"
    return bool(_NUMBER.match(names[2])) or names[3] == "-"


def _behind_space(raw: bytes, at: int) -> int:
    """One space is the RFC's; more are the text's."""
    start = at + raw.startswith(b" ", at)
    return start + len(BOM) if raw.startswith(BOM, start) else start


def _read_data(draft: Draft, at: int) -> str | None:
    """Read STRUCTURED-DATA where it should be; the rule, or None when nothing like it is there."""
    place = _PLACE_OF_DATA.match(draft.raw, at)
    if place is None:
        return None
    end = place.end()
    rule = "rfc5424_loose"
    if draft.raw[end : end + 1] == b"[":
        fields: Fields = []
        end = read_structured_data(draft.raw, end, fields)
        if end < 0:
            rule = "rfc5424_loose_data"
            fields.clear()
            end = read_loose_data(draft.raw, place.end(), fields, b"checkpoint")
        if end < 0:
            draft.at = place.end()
            return "rfc5424_no_data"
        draft.fields += fields
    draft.at = _behind_space(draft.raw, end)
    return rule
