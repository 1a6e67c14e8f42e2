"""Names of further fields that the parser takes out of messages, for whoever helps to ask for them.

Structured data, events and key-value texts bring names of their own: of these only such stand here
as many senders have.
"""

from __future__ import annotations

from typing import Final

_BY_KIND: Final = {
    "audit": ("user", "address", "subsystem", "action", "sender", "tag"),
    "dogtag": (
        *("AuditEvent", "SubjectID", "Outcome", "ReqID", "CertSerialNum", "CertSubject"),
        *("InfoName", "InfoValue", "Info", "ProfileID", "Role", "AuthMgr", "AttemptedCred"),
        *("ClientIP", "ServerIP", "ClientHost", "ServerHost", "ServerPort", "ParamNameValPairs"),
        *("Op", "Resource", "UID", "thread", "source", "level"),
    ),
    "cef": (
        *("vendor", "product", "device_version", "signature", "name", "severity", "version"),
        *("src", "dst", "spt", "dpt", "shost", "dhost", "suser", "duser", "act", "msg", "outcome"),
        *("app", "proto", "request", "fname", "rt", "dvc", "externalId"),
    ),
    "leef": (
        *("vendor", "product", "product_version", "event_id", "version"),
        *("src", "dst", "srcPort", "dstPort", "usrName", "sev", "cat", "proto"),
    ),
    "cisco": ("sequence", "node", "process", "word"),
    "panw": ("serial", "type", "subtype", "received"),
    "device": ("serial", "model", "address", "version", "time"),
    "relay": ("host", "sender"),
    "header": ("address",),
    "meta": ("sequenceId", "sysUpTime", "language"),
    "origin": ("ip", "software", "swVersion", "enterpriseId"),
    "timeQuality": ("tzKnown", "isSynced", "syncAccuracy"),
    "tlog@32473": ("log", "idx"),
}
FIELD_NAMES: Final = tuple(f"{kind}.{name}" for kind, names in _BY_KIND.items() for name in names)
