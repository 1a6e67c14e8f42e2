"""Rows with every column filled in, to be varied."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sealwire.access.ports import User
from sealwire.appliance.ports import Destination, Input
from sealwire.audit.ports import TrailHead, TrailRecord
from sealwire.audit.trail import EMPTY_HEAD, append_leaf, leaf_hash
from sealwire.ca.ports import CaCertificates, IssuedCertificate, Request, RequestStatus
from sealwire.identity.ports import InstalledIdentity, PendingCsr

NOW = datetime(2026, 11, 22, 10, 20, 30, 123457, tzinfo=UTC)


def user(name: str = "caadmin", *certificates: str, roles: tuple[str, ...] = ("agent",)) -> User:
    return User(
        name=name,
        full_name="Ağa Çelik",
        roles=frozenset(roles),
        password_hash="$argon2id$",
        must_change_password=True,
        certificate_sha256=frozenset(certificates),
        enabled=True,
    )


def request(
    request_id: int = 1, status: RequestStatus = RequestStatus.PENDING, **columns: object
) -> Request:
    values = {
        "request_id": request_id,
        "status": status,
        "profile_id": "caServerCert",
        "profile_digest": "aa",
        "csr_der": b"0\x00\xff",
        "csr_sha256": "bb",
        "subject": "CN=www.example.com",
        "requestor_name": "Zoë",
        "requestor_email": "zoe@example.com",
        "requestor_phone": "",
        "submitted_by": "$NonRoleUser$",
        "remote_address": "2001:db8::1",
        "created": NOW,
        "modified": NOW + timedelta(microseconds=1),
        "tbs_der": b"0\x01",
        "tbs_sha256": "cc",
        "tbs_created": NOW,
        "serial": 2**159 - 1,
        "decided_by": None,
        "reason": None,
        "error_message": None,
    }
    return Request(**(values | columns))  # type: ignore[arg-type] # checked by the dataclass's users


def certificate(serial: int = 7, request_id: int = 1) -> IssuedCertificate:
    return IssuedCertificate(
        serial=serial,
        request_id=request_id,
        profile_id="caServerCert",
        subject="CN=www.example.com",
        issuer="CN=CA",
        not_before=NOW,
        not_after=datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
        der=b"0\x82",
        issued=NOW,
        issued_by="caadmin",
    )


CA_CERTIFICATES = CaCertificates("issuing", "root", "key-1", None)


def record(trail: str = "ca", idx: int = 0, **columns: object) -> TrailRecord:
    message = f"<110>1 - - - - - - {trail} {idx}".encode()
    values = {
        "trail": trail,
        "idx": idx,
        "time": NOW,
        "event": "AUTH",
        "subject_id": "caadmin",
        "outcome": "Success",
        "text": f"[AuditEvent=AUTH] é {idx}",
        "message": message + b"\x00\xff",
        "leaf": leaf_hash(message),
    }
    return TrailRecord(**(values | columns))  # type: ignore[arg-type] # checked by its users


def heads(count: int, trail: str = "ca") -> list[TrailHead]:
    """The head before each of the first ``count`` records, and the one after the last."""
    found = [EMPTY_HEAD]
    for idx in range(count):
        found.append(append_leaf(found[-1], record(trail, idx).leaf))
    return found


def pending(identity: str = "sensor:main", key_id: str = "k1", seconds: int = 0) -> PendingCsr:
    return PendingCsr(identity, key_id, "-----BEGIN...", NOW + timedelta(seconds=seconds))


def installed(identity: str = "sensor:main", generation: int = 1) -> InstalledIdentity:
    return InstalledIdentity(identity, generation, f"k{generation}", "chain", NOW, self_signed=True)


def destination(name: str = "siem", *, enabled: bool = True) -> Destination:
    return Destination(
        name=name,
        host="sensor.example.com",
        port=6514,
        transport="tls",
        server_name="",
        trust_pem="",
        mutual=True,
        enabled=enabled,
    )


def source(name: str = "messages", inode: int = 2**64 - 1, offset: int = 2**40) -> Input:
    return Input(name, "/var/log/messages", inode, offset)
