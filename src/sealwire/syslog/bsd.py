"""What follows a time that is not to the letter of RFC 3164: host, tag and what stands between."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sealwire.syslog.audit_text import read_fmc_line
from sealwire.syslog.draft import FACILITY_WORDS, SEVERITY_LETTERS, SEVERITY_WORDS
from sealwire.syslog.event_formats import HOLDS_FIELDS
from sealwire.syslog.message import Grade
from sealwire.syslog.strict import HYPERVISOR_LEVEL, TAG
from sealwire.syslog.structured_data import read_structured_data, text_of
from sealwire.syslog.time_forms import read_bsd_time, read_time
from sealwire.syslog.timestamps import ANY_MONTH
from sealwire.syslog.vendors import read_dated_pairs

if TYPE_CHECKING:
    from sealwire.syslog.draft import Draft
    from sealwire.syslog.message import ParsedMessage

_GAP = re.compile(rb"[ \t]*+(?::(?=[ \t]|\Z)[ \t]*+)?")
_HOST = re.compile(
    rb"([0-9A-Za-z_\x80-\xff][^\s\[\]\"{}=<>,|()*;]{0,254}|::[0-9A-Fa-f:.]{0,40})[ \t]++"
)
# NetScaler's packet engine, which stands behind the host where there is one.
_ENGINE = re.compile(rb"[0-9]{1,3}-PPE-[0-9]{1,3} :")
_BRACKETED_HOST = re.compile(rb"\[([0-9A-Za-z][0-9A-Za-z._:-]{0,254})\] (?=[A-Za-z][\w.-]{0,63}: )")
_QUOTED_MODEL = re.compile(
    rb"\(?\"?([0-9A-Za-z-]{2,32}),([0-9a-f]{12}),v([0-9][0-9A-Za-z.+-]{0,32})\"?\)?:? "
)
_MODEL = re.compile(rb"([0-9a-f]{12}),([0-9A-Za-z-]{2,32}?)-([0-9][0-9A-Za-z.+-]{0,32}):? ")
_NO_MODEL = re.compile(rb"([0-9a-f]{12}),v([0-9][0-9A-Za-z.+-]{0,32}):? ")
# AIX has a colon there, and two names for one facility.
_LEVEL = re.compile(rb"(<)?(?:([a-z0-9]{2,8})(?:\|[a-z]{2,8})?[.:])?([A-Za-z]{3,13})(?(1)>):? ")
# Of programs that log to files, in the host's place.
_LEVEL_AS_HOST = re.compile(rb"(DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL) +")
_SERIAL = re.compile(rb"([0-9A-Z]{8,24}) \(([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8})\) (?=[A-Za-z])")
_LEVEL_LETTERS = re.compile(rb"(" + b"|".join(SEVERITY_LETTERS) + rb")\([0-9]{1,3}\)\+? ")
_IPV4 = re.compile(rb"((?:[0-9]{1,3}\.){3}[0-9]{1,3})[ \t]++(?=[^\s:])")
_HOST_AND_PAIRS = re.compile(rb"([0-9A-Za-z][0-9A-Za-z._-]{0,254}),(?=[A-Za-z_]\w{0,31}=)")
_HOST_AND_EVENT = re.compile(
    rb"([0-9A-Za-z][0-9A-Za-z._-]{0,254}): {1,2}(?=CEF: ?[0-9]|LEEF: ?[0-9])"
)
# NetApp's: the name once for the relay and once as a tag.
_HOST_TWICE = re.compile(rb"([0-9A-Za-z][0-9A-Za-z._-]{0,254}): (?=\1: )")
_EPOCH_EVENT = re.compile(
    rb"([^\s:=]{1,255}) (flows|urls|events|ids-alerts|security_event|airmarshal_events"
    rb"|ip_flow_start|ip_flow_end|(?:l7_|cellular_|vpn_|bridge_anyconnect_client_vpn_)?firewall) "
)
_RELAYED_EPOCH = re.compile(rb"(?:([^\s:=]{1,255}) )?1 (?=[0-9]{9,10}\.)")
_RELAY = re.compile(
    rb"([^\s\[\]\"{}=<>,|%()*;]{1,255})[ \t]++(?:(?:[0-9]{1,3}\.){3}[0-9]{1,3}[ \t]++)?"
    rb"(?=(?i:" + ANY_MONTH + rb"))"
)
_FORWARDED = re.compile(rb"Message forwarded from ([^\s:]{1,255}): ")
_BARE_TAG = re.compile(rb"([A-Za-z][0-9A-Za-z_-]{1,47})(?:\t| -: )")
_VERSIONLESS = re.compile(
    rb"(-|[A-Za-z][!-~]{0,47}+)(?<!:) (-|[0-9]{1,10}) ([!-~]{1,32}+) (?:-(?: |\Z)|(?=\[))"
)
_HYPERVISOR = re.compile(HYPERVISOR_LEVEL + rb"([0-9A-Za-z]{1,32})\] (?=\[)")

_CLOSE: Final = 2
_MAY_BE_5424: Final = frozenset({"iso", "dated", "no_pri", "epoch"})


def read_after_time(draft: Draft, rule: str, grade: Grade = Grade.NEAR_MISS) -> ParsedMessage:
    """``draft.at`` is behind the time; ``rule`` says how that was recognised.

    A finding here gives a more telling rule.
    """
    _skip_gap(draft)
    return (
        read_fmc_line(draft)
        or _read_relayed(draft)
        or _read_relayed_epoch(draft)
        or read_dated_pairs(draft, rule)
        or _read_host_and_tag(draft, rule, grade)
    )


def _skip_gap(draft: Draft) -> None:
    if gap := _GAP.match(draft.raw, draft.at):
        draft.at = gap.end()


def _read_relayed(draft: Draft) -> ParsedMessage | None:
    """A relay's header before the sender's own: the inner one counts."""
    host = _RELAY.match(draft.raw, draft.at)
    inner = read_bsd_time(draft.raw, host.end(), draft.received_us) if host else None
    if host is None or inner is None or draft.raw[inner.end : inner.end + 1] != b" ":
        return None
    draft.fields.append(("relay.host", text_of(host[1])))
    draft.moment, draft.at = inner, inner.end + 1
    return read_fmc_line(draft) or _read_host_and_tag(draft, "relayed", Grade.NEAR_MISS)


def read_epoch_event(draft: Draft, rule: str) -> ParsedMessage | None:
    """Meraki's way behind a time in seconds since 1970: a host, and what kind of event it is."""
    event = _EPOCH_EVENT.match(draft.raw, draft.at)
    if event is None:
        return None
    draft.name(event[1])
    draft.tag(event[2])
    draft.at = event.end()
    return draft.done(Grade.NEAR_MISS, rule)


def _read_relayed_epoch(draft: Draft) -> ParsedMessage | None:
    relay = _RELAYED_EPOCH.match(draft.raw, draft.at)
    moment = read_time(draft.raw, relay.end(), draft.received_us) if relay else None
    if relay is None or moment is None:
        return None
    kept = draft.at
    draft.at = moment.end + 1
    found = read_epoch_event(draft, "relayed")
    if found is None:
        draft.at = kept
        return None
    fields = (("relay.host", text_of(relay[1])),) if relay[1] else ()
    return found._replace(timestamp_us=moment.us, timestamp_guessed=False, fields=fields)


def _read_host_and_tag(draft: Draft, rule: str, grade: Grade) -> ParsedMessage:
    rule = _read_level(draft) or rule
    if not draft.has_pri and (level := _LEVEL_AS_HOST.match(draft.raw, draft.at)):
        draft.severe(SEVERITY_WORDS[level[1].lower()])
        draft.at = level.end()
        return _read_tag(draft, rule, Grade.NEAR_MISS)
    if not _read_host(draft):
        return _read_without_host(draft, rule)
    found = _read_level(draft) or _read_address(draft) or _read_model(draft) or _read_serial(draft)
    if found:
        rule, grade = found, Grade.NEAR_MISS
    if rule in _MAY_BE_5424 and _read_versionless(draft):
        return draft.done(Grade.NEAR_MISS, "rfc5424_no_version")
    return _read_tag(draft, rule, grade)


def _read_without_host(draft: Draft, rule: str) -> ParsedMessage:
    if forwarded := _FORWARDED.match(draft.raw, draft.at):
        draft.name(forwarded[1])
        draft.at = forwarded.end()
        return _read_tag(draft, "forwarded", Grade.VARIANT)
    if draft.host is None and _read_model(draft):
        return _read_tag(draft, "model_as_host", Grade.VARIANT)
    return _read_tag(draft, "no_host" if rule in {"bsd", "iso"} else rule, Grade.NEAR_MISS)


def _read_host(draft: Draft) -> bool:
    raw, at = draft.raw, draft.at
    for form in (_BRACKETED_HOST, _HOST_AND_PAIRS, _HOST_AND_EVENT, _HOST_TWICE):
        if found := form.match(raw, at):
            draft.name(found[1])
            draft.at = found.end()
            return True
    if (
        HOLDS_FIELDS.match(raw, at)
        or TAG.match(raw, at)
        or _ENGINE.match(raw, at)
        or raw.startswith(b"Message forwarded", at)
    ):
        return False
    host = _HOST.match(raw, at)
    if host is None:
        return False
    draft.name(host[1].removesuffix(b":") if host[1].count(b":") < _CLOSE else host[1])
    draft.at = host.end()
    _skip_gap(draft)
    return True


def _read_level(draft: Draft) -> str | None:
    """F5's ``notice``, Cisco Meeting Server's ``local4.notice``, FreeBSD's ``<local4.info>``.

    A word alone counts only before a tag: it may begin the text as well.
    """
    if letters := _LEVEL_LETTERS.match(draft.raw, draft.at):
        draft.severe(SEVERITY_LETTERS[letters[1]])
        draft.at = letters.end()
        return "severity_word"
    level = _LEVEL.match(draft.raw, draft.at)
    if level is None or (severity := SEVERITY_WORDS.get(level[3].lower())) is None:
        return None
    facility = FACILITY_WORDS.get(level[2]) if level[2] else None
    if facility is None and (level[1] or level[2] or not TAG.match(draft.raw, level.end())):
        return None
    if not draft.has_pri:
        draft.facility = facility
    draft.severe(severity)
    draft.at = level.end()
    return "severity_word"


def _read_address(draft: Draft) -> str | None:
    address = _IPV4.match(draft.raw, draft.at)
    if address is None:
        return None
    draft.fields.append(("header.address", text_of(address[1])))
    draft.at = address.end()
    return "address_after_host"


def _read_model(draft: Draft) -> str | None:
    """UniFi's access points say model, hardware address and version where a tag is expected."""
    if found := _MODEL.match(draft.raw, draft.at):
        address, model, version = found.groups()
    elif found := _QUOTED_MODEL.match(draft.raw, draft.at):
        model, address, version = found.groups()
    elif found := _NO_MODEL.match(draft.raw, draft.at):
        model, (address, version) = b"", found.groups()
    else:
        return None
    values = zip(("model", "address", "version"), (model, address, version), strict=True)
    draft.fields += [(f"device.{name}", text_of(value)) for name, value in values if value]
    draft.at = found.end()
    return "model_after_host"


def _read_serial(draft: Draft) -> str | None:
    """WatchGuard's: a serial number and the device's own time stand before the tag."""
    found = _SERIAL.match(draft.raw, draft.at)
    if found is None:
        return None
    values = zip(("serial", "time"), found.groups(), strict=True)
    draft.fields += [(f"device.{name}", text_of(value)) for name, value in values]
    draft.at = found.end()
    return "serial_after_host"


def _read_versionless(draft: Draft) -> bool:
    """``APP PROCID MSGID SD MSG`` of RFC 5424, where a version is missing before it all."""
    found = _VERSIONLESS.match(draft.raw, draft.at)
    if found is None or TAG.match(draft.raw, draft.at):
        return False
    end = found.end()
    if draft.raw[end : end + 1] == b"[" and draft.raw[end - 1 : end] == b" ":
        data: list[tuple[str, str]] = []
        end = read_structured_data(draft.raw, end, data)
        if end < 0:
            return False
        draft.fields += data
        end += draft.raw[end : end + 1] == b" "
    names = [None if name == b"-" else text_of(name) for name in found.groups()]
    draft.app, draft.procid, draft.msgid = names
    draft.at = end
    return True


def _read_tag(draft: Draft, rule: str, grade: Grade) -> ParsedMessage:
    if tag := TAG.match(draft.raw, draft.at):
        draft.tag(*tag.groups())
        draft.at = tag.end()
        if level := _HYPERVISOR.match(draft.raw, draft.at):
            draft.procid = text_of(level[1])
            draft.at = level.end()
    elif tag := _BARE_TAG.match(draft.raw, draft.at):
        draft.tag(tag[1])
        draft.at = tag.end()
    return draft.done(grade, rule)
