"""Stored records as JSON, for scripts: the API and the console's download write the same."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Any, Final

from sealwire.sensor.archive import RecordFlag
from sealwire.sensor.statistics import time_text

if TYPE_CHECKING:
    from sealwire.sensor.archive import StoredRecord

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
        "flags": [flag.name.lower() for flag in RecordFlag if flag in found.flags and flag.name],
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
        "message": found.raw[found.message_start :].decode("utf-8", "replace"),
        "raw": found.raw.decode("utf-8", "replace"),
    }
    if found.tls_version:
        document |= {"tls_version": found.tls_version, "cipher": found.cipher}
    if "\ufffd" in document["raw"]:
        document["raw_base64"] = b64encode(found.raw).decode("ascii")
    return document
