"""Records as JSON, for scripts: search, tail, export and the console's download name all alike."""

from __future__ import annotations

from base64 import b64encode
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.statistics import time_text

if TYPE_CHECKING:
    from sealwire.sensor.archive import StoredRecord
    from sealwire.sensor.journal import ReceivedMessage

_NS: Final = 1000


def record_json(found: StoredRecord) -> dict[str, Any]:
    """A record; ``raw_base64`` only where its bytes are no UTF-8, TLS only where it is known."""
    document: dict[str, Any] = {
        "seq": found.seq,
        "received": time_text(found.received_ns),
        "listener": found.listener_port,
        "transport": found.transport,
        "address": found.peer_address,
        "port": found.peer_port,
        "certificate_sha256": found.certificate_sha256,
        "certificate_subject": found.certificate_subject,
        "framing": found.framing,
        "flags": list(flag_names(found.flags)),
        "retention": found.retention,
        "grade": found.grade,
        "rule": found.rule,
        "facility": found.facility,
        "severity": found.severity,
        "timestamp": None if found.timestamp_us is None else time_text(found.timestamp_us * _NS),
        "host": found.host,
        "app": found.app,
        "procid": found.procid,
        "msgid": found.msgid,
        "fields": [{"name": name, "value": value} for name, value in found.fields],
        "message": found.text.decode("utf-8", "replace"),
        **_bytes_json(found.raw),
    }
    return document | _tls_json(found.tls_version, found.cipher)


def received_json(received: ReceivedMessage) -> dict[str, Any]:
    """A message as it is in the journal, not taken apart yet: the same keys, as far as known."""
    connection = received.connection
    return {
        "received": time_text(received.received_ns),
        "listener": connection.listener_port,
        "transport": connection.transport,
        "address": connection.address,
        "port": connection.port,
        "certificate_sha256": connection.certificate_sha256,
        "certificate_subject": connection.certificate_subject,
        "framing": received.kind.name.lower(),
        **_bytes_json(received.message),
        **_tls_json(connection.tls_version, connection.cipher),
    }


@lru_cache(maxsize=1 << len(RecordFlag))
def flag_names(flags: RecordFlag) -> tuple[str, ...]:
    """Words for what is special about a record."""
    return tuple(flag.name.lower() for flag in flags if flag.name)


def _bytes_json(raw: bytes) -> dict[str, str]:
    """Bytes that are no UTF-8 are shown as U+FFFD; then all of them follow in base64."""
    text = raw.decode("utf-8", "replace")
    if "\ufffd" not in text:
        return {"raw": text}
    return {"raw": text, "raw_base64": b64encode(raw).decode("ascii")}


def _tls_json(version: str, cipher: str) -> dict[str, str]:
    return {"tls_version": version, "cipher": cipher} if version else {}
