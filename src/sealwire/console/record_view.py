"""One stored record as people read it: plain words for codes, a search for every value."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.query import Equals, Field, Named, Or
from sealwire.sensor.query_words import condition_of, text_of
from sealwire.sensor.statistics import time_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sealwire.sensor.archive import StoredRecord
    from sealwire.sensor.query import Subject

SEVERITIES: Final = (
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "informational",
    "debug",
)
"""RFC 5424 section 6.2.1, Table 2."""
FACILITIES: Final = (
    "kernel",
    "user",
    "mail",
    "system daemons",
    "security",
    "syslog",
    "printer",
    "network news",
    "UUCP",
    "clock daemon",
    "private security",
    "FTP",
    "NTP",
    "log audit",
    "log alert",
    "clock daemon (2)",
    *(f"local use {number}" for number in range(8)),
)
"""RFC 5424 section 6.2.1, Table 1."""
CLIPPED: Final = 240
"""Characters of a message in a list."""
HEX_BYTES: Final = 4096
"""Bytes that are shown in hexadecimal; all of them are in the download."""
_HEX_LINE: Final = 16
_WORST_ERROR: Final = 3
_WARNING: Final = 4

GRADES: Final = {
    "strict": "exactly as the RFC says",
    "variant": "in a known vendor's way; every field is sure",
    "near_miss": "nearly as an RFC says; taken apart by a rule for that",
    "raw": "no header was recognised: the whole is the text",
}
FLAGS: Final = {
    RecordFlag.TRUNCATED: "Too long: its end was cut off.",
    RecordFlag.UNTERMINATED: "The last line of its connection, which ended orderly without the"
    " line's end.",
    RecordFlag.REDELIVERED: "Sent a second time, because the sender did not see our answer (RELP)."
    " Searches leave it out unless asked.",
    RecordFlag.HOST_NOT_ALLOWED: "This source may not claim this HOSTNAME.",
    RecordFlag.TIME_GUESSED: "The sender's time has no year or no zone; it was taken from the time"
    " of receipt, or UTC was assumed.",
    RecordFlag.NO_TIME: "The message carries no time that can be read.",
    RecordFlag.CLOCK_OFF: "The sender's time is more than a day from the time of receipt.",
}
_OF_TIME: Final = RecordFlag.TIME_GUESSED | RecordFlag.NO_TIME
FRAMINGS: Final = {
    "octets": "octet counting",
    "lines": "a line, ended by LF, CR LF or NUL",
    "truncated": "the beginning of a message that was too long",
    "unterminated": "a last line without its end",
    "relp": "RELP",
    "datagram": "one datagram",
}
RULES: Final = {
    "rfc5424": "a header as RFC 5424 has it",
    "rfc3164": "a header as RFC 3164 has it",
    "rfc5424_loose": "nearly the header of RFC 5424",
    "rfc5424_loose_data": "the header of RFC 5424; its structured data is not quite right",
    "rfc5424_no_data": "the header of RFC 5424 without structured data",
    "rfc5424_no_version": "the header of RFC 5424 without its version",
    "bsd": "nearly the header of RFC 3164",
    "bsd_year": "the header of RFC 3164 with a year",
    "iso": "the header of RFC 3164 with the time of RFC 3339",
    "dated": "a date of another form, then as in RFC 3164",
    "forwarded": "the header of RFC 3164 with the words that a relay puts before a message",
    "relayed": "the header of RFC 3164 around another one",
    "model_as_host": "the header of RFC 3164 with a model's name for the host",
    "no_host": "a time and a tag, no host",
    "no_time": "a host or a tag, no time",
    "no_pri": "a header without PRI",
    "no_header": "a PRI, then text at once",
    "impossible_time": "a time that is none",
    "pairs": "a text of name=value pairs",
    "dated_pairs": "a text of name=value pairs, date and time among them",
    "panw_csv": "comma-separated values as Palo Alto firewalls send them",
    "json": "JSON, no header",
    "xml": "XML, no header",
    "pri": "a PRI, and nothing else that was recognised",
    "raw": "nothing was recognised",
    "unparsed": "the parser failed on it: it is kept as it is",
}
_UNREADABLE: Final = re.compile(r"[^\n\t -~\u00a0-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Value:
    """One line of a description. ``words``: the search for it; None when there is none."""

    name: str
    text: str
    words: str | None = None
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A record in a list."""

    record: StoredRecord
    received: str
    severity: str
    tag: str
    text: str
    clipped: bool

    @property
    def marks(self) -> list[str]:
        """Its flags in short, but for those that say only how its time was read."""
        return [str(flag.name).lower().replace("_", " ") for flag in self.record.flags & ~_OF_TIME]


def row(record: StoredRecord) -> Row:
    """``record`` in a list."""
    text = message_text(record)
    return Row(
        record,
        # To the millisecond: the record's page has the rest.
        received=moment_words(record.received_ns)[:-3],
        severity=severity_word(record.severity),
        tag=severity_tag(record.severity),
        text=text[:CLIPPED],
        clipped=len(text) > CLIPPED,
    )


def message_text(record: StoredRecord) -> str:
    """The message without its header; bytes that are no UTF-8 in hexadecimal."""
    return record.text.decode("utf-8", "backslashreplace")


def moment_words(ns: int) -> str:
    """``2026-11-22 10:00:00.123456``, UTC."""
    return time_text(ns).replace("T", " ").removesuffix("Z")


def severity_word(severity: int | None) -> str:
    """``error``; ``none`` without PRI."""
    return "none" if severity is None else SEVERITIES[severity]


def severity_tag(severity: int | None) -> str:
    """How it is coloured; the word stands there as well."""
    if severity is None or severity > _WARNING:
        return ""
    return "error" if severity <= _WORST_ERROR else "warning"


def words_for(subject: Subject, value: str) -> str:
    """The search for exactly this value."""
    return text_of(Equals(subject, value))


def narrowed(words: str, subject: Subject, value: str) -> str:
    """What ``words`` ask, which hold, and besides exactly this value."""
    wanted = words_for(subject, value)
    if not words:
        return wanted
    return f"({words}) {wanted}" if isinstance(condition_of(words), Or) else f"{words} {wanted}"


def parsed_values(record: StoredRecord) -> list[Value]:
    """What the parser took out of it, fields of the header first."""
    header = [
        _asked("HOSTNAME", Field.HOST, record.host),
        _asked("APP-NAME", Field.APP, record.app),
        _asked("PROCID", Field.PROCID, record.procid),
        _asked("MSGID", Field.MSGID, record.msgid),
        _numbered("Severity", Field.SEVERITY, record.severity, SEVERITIES),
        _numbered("Facility", Field.FACILITY, record.facility, FACILITIES),
    ]
    values = [value for value in header if value is not None]
    if record.timestamp_us is not None:
        values.insert(0, Value("Sender's time", f"{moment_words(record.timestamp_us * 1000)} UTC"))
    for name, text in record.fields:
        values.append(Value(name, text, words_for(Named(name), text) if "." in name else None))
    return values


def envelope_values(record: StoredRecord) -> list[Value]:
    """What is known of its receipt; the sender had no part in these words but the certificate."""
    port = str(record.listener_port)
    values = [
        Value(
            "Received", f"{moment_words(record.received_ns)} UTC", remark=f"{record.received_ns} ns"
        ),
        Value("Listener", f"port {port}", words_for(Field.LISTENER, port)),
        Value("Transport", record.transport.upper(), words_for(Field.TRANSPORT, record.transport)),
        *([Value("TLS", f"{record.tls_version} {record.cipher}")] if record.tls_version else []),
        Value(
            "Framing",
            FRAMINGS.get(record.framing, record.framing),
            words_for(Field.FRAMING, record.framing),
        ),
        Value(
            "Sender",
            record.peer_address,
            words_for(Field.SOURCE, record.peer_address),
            remark=f"port {record.peer_port}",
        ),
    ]
    if record.certificate_sha256 is None:
        values.append(Value("Certificate", "none shown"))
    else:
        subject = record.certificate_subject or ""
        values.append(Value("Certificate", subject, words_for(Field.SUBJECT, subject)))
        digest = record.certificate_sha256
        values.append(Value("Its SHA-256", digest, words_for(Field.CERTIFICATE, digest)))
    values.append(
        Value("Retention class", record.retention, words_for(Field.RETENTION, record.retention))
    )
    return values


def reading_values(record: StoredRecord) -> list[Value]:
    """How sure the parser is."""
    grade = record.grade.replace("_", " ")
    return [
        Value("Grade", grade, words_for(Field.GRADE, record.grade), GRADES.get(record.grade, "")),
        Value("Rule", record.rule, words_for(Field.RULE, record.rule), rule_words(record.rule)),
    ]


def flag_values(record: StoredRecord) -> list[Value]:
    """What is special about it."""
    return [
        Value("Flag", words, words_for(Field.FLAG, str(flag.name).lower()))
        for flag, words in FLAGS.items()
        if flag in record.flags
    ]


def rule_words(rule: str) -> str:
    """What a rule of the parser recognises; nothing for one that needs no words."""
    return RULES.get(rule, "")


def readable(raw: bytes) -> bool:
    """Whether the bytes are text that shows as it is."""
    try:
        return _UNREADABLE.search(raw.decode("utf-8")) is None
    except UnicodeDecodeError:
        return False


def hex_lines(raw: bytes) -> str:
    """Offset, bytes in hexadecimal, and what of them is ASCII; the first ``HEX_BYTES``."""
    return "\n".join(_hex_lines(raw[:HEX_BYTES]))


def _hex_lines(raw: bytes) -> Iterator[str]:
    for offset in range(0, len(raw), _HEX_LINE):
        part = raw[offset : offset + _HEX_LINE]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in part)  # noqa: PLR2004 - ASCII's printable characters
        yield f"{offset:08x}  {part.hex(' '):<47}  {text}"


def _asked(name: str, field: Field, text: str | None) -> Value | None:
    return None if text is None else Value(name, text, words_for(field, text))


def _numbered(name: str, field: Field, number: int | None, words: Sequence[str]) -> Value | None:
    if number is None:
        return None
    return Value(name, words[number], words_for(field, str(number)), remark=str(number))
