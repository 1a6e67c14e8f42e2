"""Records as a sensor with 200 sources stores them, made fast: whole columns, never row by row.

35 % Dogtag audit events, 25 % firewall audit lines, 25 % sshd, 15 % sudo; numbers, names and
fingerprints in them are random, so that they compress as badly as real ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

DAY_S: Final = 86_400
SOURCES: Final = 200
USERS: Final = 1_000
SHARES: Final = (0.35, 0.25, 0.25, 0.15)
FIRST_DAY_NS: Final = 1_795_132_800 * 1_000_000_000
"""2026-11-20, 00:00 UTC."""

Column: TypeAlias = pa.Array


def made_table(
    rng: np.random.Generator, first_seq: int, rows: int, start_ns: int, end_ns: int
) -> pa.Table:
    """``rows`` records received between ``start_ns`` and ``end_ns``, numbered from ``first_seq``.

    Columns are those of segments, and ``fields``.
    """
    source = _zipf(rng, rows)
    kind = rng.choice(len(SHARES), rows, p=SHARES)
    parts = [KINDS[number](rng, int((kind == number).sum())) for number in range(len(KINDS))]
    order = np.argsort(np.argsort(kind, kind="stable"), kind="stable")
    merged = {
        name: pa.concat_arrays([part[name] for part in parts]).take(pa.array(order))
        for name in parts[0]
    }
    received = np.sort(rng.integers(start_ns, end_ns, rows))
    return _assembled(rng, merged, source, received, first_seq)


def _zipf(rng: np.random.Generator, rows: int) -> NDArray[np.int64]:
    weights = 1 / np.arange(1, SOURCES + 1)
    return rng.choice(SOURCES, rows, p=weights / weights.sum())


def _digits(rng: np.random.Generator, rows: int, least: int, most: int) -> Column:
    return pa.array(rng.integers(least, most, rows)).cast(pa.string())


def _joined(*parts: Column | str) -> Column:
    return pc.binary_join_element_wise(*parts, "")


def _user(rng: np.random.Generator, rows: int) -> Column:
    return _joined("user", pc.utf8_lpad(_digits(rng, rows, 0, USERS), 4, "0"))


def _fingerprint(rng: np.random.Generator, rows: int) -> Column:
    letters = np.frombuffer(
        b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "u1"
    )
    flat = letters[rng.integers(0, 64, (rows, 43))]
    return pa.array(np.ascontiguousarray(flat).view("S43").ravel().astype("U43"))


def _address(rng: np.random.Generator, rows: int) -> Column:
    return _joined("192.0.2.", _digits(rng, rows, 1, 255))


def _fields_of(names: tuple[str, ...], values: list[Column], rows: int) -> Column:
    keys = pa.array(list(names) * rows)
    table = pa.concat_arrays(values)
    places = np.arange(rows * len(names)).reshape(len(names), rows).T.ravel()
    offsets = pa.array(np.arange(rows + 1, dtype=np.int32) * len(names))
    return pa.MapArray.from_arrays(offsets, keys, table.take(pa.array(places)))


def _constant(value: str, rows: int) -> Column:
    return pa.array([value]).take(pa.array(np.zeros(rows, np.int32)))


def _same(value: str | int, kind: pa.DataType, rows: int) -> Column:
    return pa.array([value], kind).take(pa.array(np.zeros(rows, np.int32)))


def _columns(
    rng: np.random.Generator,
    rows: int,
    app: str,
    msgid: str | None,
    severity: tuple[int, ...],
    facility: int,
    message: Column,
    fields: Column,
) -> dict[str, Column]:
    return {
        "app": _constant(app, rows),
        "procid": _digits(rng, rows, 300, 60_000),
        "msgid": pa.nulls(rows, pa.string()) if msgid is None else _constant(msgid, rows),
        "severity": pa.array(rng.choice(severity, rows).astype(np.uint8)),
        "facility": pa.array(np.full(rows, facility, np.uint8)),
        "message": message,
        "fields": fields,
    }


def _dogtag(rng: np.random.Generator, rows: int) -> dict[str, Column]:
    who, request, serial = (
        _user(rng, rows),
        _digits(rng, rows, 1, 10**7),
        _digits(rng, rows, 1, 10**18),
    )
    outcome = pa.array(["Success", "Failure"]).take(
        pa.array((rng.random(rows) < 0.05).astype(np.int8))
    )
    message = _joined(
        "[AuditEvent=CERT_REQUEST_PROCESSED][SubjectID=",
        who,
        "][Outcome=",
        outcome,
        "][ReqID=",
        request,
        "][CertSerialNum=",
        serial,
        "] certificate request processed",
    )
    names = (
        "dogtag.AuditEvent",
        "dogtag.SubjectID",
        "dogtag.Outcome",
        "dogtag.ReqID",
        "dogtag.CertSerialNum",
    )
    fields = _fields_of(
        names, [_constant("CERT_REQUEST_PROCESSED", rows), who, outcome, request, serial], rows
    )
    return _columns(rng, rows, "pki-tomcatd", "AUDIT", (5, 5, 5, 4), 13, message, fields)


def _firewall(rng: np.random.Generator, rows: int) -> dict[str, Column]:
    who, where = _user(rng, rows), _address(rng, rows)
    action = pa.array(
        ["Login Success", "Save Policy", "Modify Rule", "Page View", "Login Failed"]
    ).take(pa.array(rng.integers(0, 5, rows)))
    page = pa.array(
        ["Overview", "Devices > Device Management", "Policies > Access Control", "System > Users"]
    ).take(pa.array(rng.integers(0, 4, rows)))
    message = _joined(
        "[FMC-AUDIT] sfdccsm: ",
        who,
        "@",
        where,
        ", ",
        page,
        ", ",
        action,
        ", session ",
        _digits(rng, rows, 10**11, 10**12),
    )
    names = ("audit.user", "audit.address", "audit.subsystem", "audit.action")
    fields = _fields_of(names, [who, where, page, action], rows)
    return _columns(rng, rows, "sfdccsm", None, (6, 6, 5, 4), 14, message, fields)


def _sshd(rng: np.random.Generator, rows: int) -> dict[str, Column]:
    word = pa.array(["Accepted publickey for ", "Failed publickey for "]).take(
        pa.array((rng.random(rows) < 0.2).astype(np.int8))
    )
    message = _joined(
        word,
        _user(rng, rows),
        " from ",
        _address(rng, rows),
        " port ",
        _digits(rng, rows, 1024, 65535),
        " ssh2: ED25519 SHA256:",
        _fingerprint(rng, rows),
    )
    fields = pa.MapArray.from_arrays(
        pa.array(np.zeros(rows + 1, np.int32)), pa.array([], pa.string()), pa.array([], pa.string())
    )
    return _columns(rng, rows, "sshd", None, (6, 6, 4), 4, message, fields)


def _sudo(rng: np.random.Generator, rows: int) -> dict[str, Column]:
    message = _joined(
        _user(rng, rows),
        " : TTY=pts/",
        _digits(rng, rows, 0, 30),
        " ; PWD=/home ; USER=root ; COMMAND=/usr/bin/systemctl restart unit-",
        _digits(rng, rows, 1, 10**6),
    )
    fields = pa.MapArray.from_arrays(
        pa.array(np.zeros(rows + 1, np.int32)), pa.array([], pa.string()), pa.array([], pa.string())
    )
    return _columns(rng, rows, "sudo", None, (5,), 10, message, fields)


KINDS: Final = (_dogtag, _firewall, _sshd, _sudo)


def _assembled(
    rng: np.random.Generator,
    merged: dict[str, Column],
    source: NDArray[np.int64],
    received: NDArray[np.int64],
    first_seq: int,
) -> pa.Table:
    rows = len(received)
    hosts = pa.array([f"host{number:03d}.example.com" for number in range(SOURCES)])
    addresses = pa.array([f"10.1.{number // 100}.{number % 100 + 1}" for number in range(SOURCES)])
    certificates = pa.array([f"{number:064x}" for number in range(SOURCES)])
    subjects = pa.array([f"CN=host{number:03d}.example.com,O=Example" for number in range(SOURCES)])
    at = pa.array(source)
    times = pa.array(received, pa.timestamp("ns", "UTC"))
    sent = pa.array(received // 1000 - rng.integers(0, 2000, rows), pa.timestamp("us", "UTC"))
    host = hosts.take(at)
    priority = pc.add(
        pc.multiply(merged["facility"].cast(pa.uint16()), 8), merged["severity"].cast(pa.uint16())
    )
    msgid = pc.fill_null(merged["msgid"], "-")
    head = _joined(
        "<",
        priority.cast(pa.string()),
        ">1 ",
        pc.strftime(sent, "%Y-%m-%dT%H:%M:%SZ"),
        " ",
        host,
        " ",
        merged["app"],
        " ",
        merged["procid"],
        " ",
        msgid,
        " - ",
    )
    raw = _joined(head, merged["message"])
    return pa.table(
        {
            "seq": pa.array(np.arange(first_seq, first_seq + rows, dtype=np.uint64)),
            "received": times,
            "listener": _same(6514, pa.uint16(), rows),
            "transport": _same("tls", pa.string(), rows),
            "peer_address": addresses.take(at),
            "peer_port": pa.array((40_000 + source).astype(np.uint16)),
            "certificate_sha256": certificates.take(at),
            "certificate_subject": subjects.take(at),
            "tls_version": _same("TLSv1.3", pa.string(), rows),
            "cipher": _same("TLS_AES_256_GCM_SHA384", pa.string(), rows),
            "framing": _same(1, pa.uint8(), rows),
            "flags": _same(0, pa.uint16(), rows),
            "retention": _same("default", pa.string(), rows),
            "grade": _same(1, pa.uint8(), rows),
            "rule": _same("rfc5424", pa.string(), rows),
            "facility": merged["facility"],
            "severity": merged["severity"],
            "ts": sent,
            "host": host,
            "app": merged["app"],
            "procid": merged["procid"],
            "msgid": merged["msgid"],
            "message_start": pc.binary_length(head).cast(pa.uint32()),
            "raw": raw.cast(pa.binary()),
            "fields": merged["fields"],
        }
    )
