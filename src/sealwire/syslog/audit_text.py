"""Audit records taken apart: Cisco's management centre lines, and Dogtag's event texts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealwire.syslog.message import Grade
from sealwire.syslog.structured_data import text_of
from sealwire.syslog.time_forms import read_time

if TYPE_CHECKING:
    from sealwire.syslog.draft import Draft
    from sealwire.syslog.message import ParsedMessage
    from sealwire.syslog.structured_data import Fields

# ``[Tag] Sender: User@Address, Subsystem, Action``. Without a tag only a user with an address and
# no space before the @ is sure to be one.
_TAGGED = re.compile(
    rb"\[([^\]\r\n]{0,255})\] (?P<sender>[^\s:\[\]]{1,128})(?:\[([0-9]{1,10})\])?:"
    rb" (?P<who>[^,\r\n]{0,511}), (?P<subsystem>[^,\r\n]{0,1023})(?:, |\Z)"
)
_UNTAGGED = re.compile(
    rb"()(?P<sender>[^\s:\[\]]{1,128}): "
    rb"(?P<who>[^\s,:=<>\"'()@]{1,255}@(?:[^,:=<>\"'()]{1,255}|[0-9A-Fa-f:.]{2,45}(?:%\w{1,32})?)),"
    rb" (?P<subsystem>[^,=:\r\n]{1,1023}), (?=[^\s])"
)
_HOST = re.compile(rb"([^\s:\[\],]{1,255}|[0-9A-Fa-f:]{2,45})(?: ?:)? {1,2}(?=\S)")

_EVENT = re.compile(rb"\[AuditEvent=")
_PREFIX = re.compile(
    rb"([0-9]{1,10})\.([^\r\n\[\]]{0,128}?) - \[([^\]\r\n]{8,64})\]"
    rb" \[([0-9]{1,5})\] \[([0-9]{1,5})\] "
)
_PREFIX_NAMES: Final = ("dogtag.thread", "dogtag.source", "dogtag.level")
_ATTRIBUTE = re.compile(rb"\[([A-Za-z][\w.-]{0,63})=")
_VALUE_END = re.compile(rb"\](?=\[[A-Za-z][\w.-]{0,63}=| |\Z)")


def read_fmc_line(draft: Draft) -> ParsedMessage | None:
    """``Host: [Tag] Sender: ...`` or ``Host [Tag] Sender: ...`` where ``draft.at`` is at the host.

    The sender becomes ``app``; the text begins with the user.
    """
    if b", " not in draft.raw:
        return None
    host = _HOST.match(draft.raw, draft.at)
    if host is None or not read_fmc_text(draft, host.end()):
        return None
    draft.name(host[1])
    return draft.done(Grade.VARIANT, "fmc_audit")


def read_fmc_text(draft: Draft, at: int) -> bool:
    """Whether an audit text stands at ``at``; it is taken apart then."""
    found = _TAGGED.match(draft.raw, at) or _UNTAGGED.match(draft.raw, at)
    if found is None:
        return False
    draft.tag(found[2], found[3] if found.re is _TAGGED else None)
    _take_audit(draft.raw, found, draft.fields)
    draft.at = found.start("who")
    return True


def read_fmc_fields(raw: bytes, start: int, fields: Fields) -> None:
    """Append the parts of the audit text at ``start``, when it is one with a tag."""
    if found := _TAGGED.match(raw, start):
        _take_audit(raw, found, fields)


def _take_audit(raw: bytes, found: re.Match[bytes], fields: Fields) -> None:
    parts = found.groupdict()
    who = parts["who"]
    user, _, address = who.rpartition(b"@") if b"@" in who else (who, b"", b"")
    # An unknown user leaves neither a name nor an address, a wrong password no address.
    values = {
        "tag": found[1],
        "sender": parts["sender"],
        "user": user,
        "address": address,
    }
    fields += [(f"audit.{name}", text_of(value)) for name, value in values.items() if value]
    fields.append(("audit.subsystem", text_of(parts["subsystem"])))
    fields.append(("audit.action", text_of(raw[found.end() :])))


def read_dogtag_line(draft: Draft) -> ParsedMessage | None:
    """``PID.THREAD - [TIME] [SOURCE] [LEVEL] [AuditEvent=...]...``, as Dogtag's own file has it."""
    prefix = _PREFIX.match(draft.raw, draft.at)
    if prefix is None:
        return None
    draft.moment = read_time(prefix[3], 0, draft.received_us)
    draft.procid = text_of(prefix[1])
    draft.fields += _prefix_fields(prefix)
    draft.at = prefix.end()
    is_event = _EVENT.match(draft.raw, draft.at)
    return draft.done(Grade.VARIANT if is_event else Grade.NEAR_MISS, "dogtag")


def read_event_prefix(text: bytes) -> tuple[int, Fields] | None:
    """Where the event begins that stands behind a prefix, and the prefix's fields; None: no such.

    Only where all of the prefix is ASCII, as Dogtag writes it.
    """
    prefix = _PREFIX.match(text)
    if prefix is None or not prefix[0].isascii() or not _EVENT.match(text, prefix.end()):
        return None
    return prefix.end(), _prefix_fields(prefix)


def _prefix_fields(prefix: re.Match[bytes]) -> Fields:
    _, thread, _, source, level = prefix.groups()
    values = zip(_PREFIX_NAMES, (thread, source, level), strict=True)
    return [(name, text_of(value)) for name, value in values]


def read_dogtag_text(raw: bytes, start: int, fields: Fields) -> None:
    """Append the attributes of the event at ``start``, which may be behind a prefix.

    Dogtag escapes nothing in a value: one ends at the first ``]`` before another attribute, a
    space or the end. What is behind a value that holds such itself is text.
    """
    at = start
    if prefix := _PREFIX.match(raw, at):
        fields += _prefix_fields(prefix)
        at = prefix.end()
    while attribute := _ATTRIBUTE.match(raw, at):
        end = _VALUE_END.search(raw, attribute.end())
        if end is None:
            break
        value = raw[attribute.end() : end.start()]
        fields.append(("dogtag." + text_of(attribute[1]), text_of(value)))
        at = end.end()
