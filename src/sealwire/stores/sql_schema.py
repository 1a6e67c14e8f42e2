"""The tables. What a column holds and how it is kept, the same on every engine.

Times are integer microseconds since 1970 UTC. Serial numbers, which have up to 20 octets, are 40
hex digits, so that they compare like numbers. Names sort by code point everywhere.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator

from sealwire.audit.trail import HASH_BYTES
from sealwire.ca.ports import RequestStatus, RequestType, RevocationReason

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy.engine import Dialect

ValueT = TypeVar("ValueT")

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class _Kept(TypeDecorator[ValueT]):
    """A value kept as something simpler: ``keep`` makes it so, ``read`` brings it back."""

    def __init__(self, keep: Callable[[ValueT], Any], read: Callable[[Any], ValueT]) -> None:
        super().__init__()
        self.keep = keep
        self.read = read

    def process_bind_param(self, value: ValueT | None, dialect: Dialect) -> Any:  # noqa: ANN401, ARG002 - the library's signature
        """To the engine."""
        return None if value is None else self.keep(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> ValueT | None:  # noqa: ANN401, ARG002 - the library's signature
        """From the engine."""
        return None if value is None else self.read(value)


class _KeptAsNumber(_Kept[ValueT]):
    impl = BigInteger
    cache_ok = True


class _KeptAsText(_Kept[ValueT]):
    impl = Text
    cache_ok = True


class _KeptAsBytes(_Kept[ValueT]):
    impl = LargeBinary
    cache_ok = True


def _hashes(data: bytes) -> tuple[bytes, ...]:
    return tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES))


UtcTime: Final = _KeptAsNumber[datetime](
    lambda time: (time - _EPOCH) // _MICROSECOND, lambda number: _EPOCH + number * _MICROSECOND
)
SerialNumber: Final = _KeptAsText[int](lambda serial: f"{serial:040x}", lambda text: int(text, 16))
# An inode number may not fit into the engines' signed 64 bits.
Unsigned64: Final = _KeptAsText[int](str, int)
Words: Final = _KeptAsText[frozenset[str]](
    lambda words: json.dumps(sorted(words)), lambda text: frozenset(json.loads(text))
)
Frontier: Final = _KeptAsBytes[tuple[bytes, ...]](b"".join, _hashes)
# An unknown state is refused both ways (ValueError).
Status: Final = _KeptAsText[RequestStatus](
    lambda status: RequestStatus(status).value, RequestStatus
)
Kind: Final = _KeptAsText[RequestType](lambda kind: RequestType(kind).value, RequestType)
Reason: Final = _KeptAsNumber[RevocationReason](
    lambda reason: int(RevocationReason(reason)), RevocationReason
)
Name: Final = Text().with_variant(Text(collation="C"), "postgresql")

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _needed(name: str, kind: Any) -> Column[Any]:  # noqa: ANN401 - any column type
    return Column(name, kind, nullable=False)


counters: Final = Table(
    "counters",
    metadata,
    Column("name", Name, primary_key=True),
    _needed("value", BigInteger),
)

users: Final = Table(
    "users",
    metadata,
    Column("name", Name, primary_key=True),
    _needed("full_name", Text),
    _needed("roles", Words),
    _needed("password_hash", Text),
    _needed("must_change_password", Boolean),
    _needed("enabled", Boolean),
)

user_certificates: Final = Table(
    "user_certificates",
    metadata,
    Column("sha256", Text, primary_key=True),
    Column(
        "user_name", Name, ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True
    ),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("token_sha256", Name, primary_key=True),
    Column(
        "user_name", Name, ForeignKey("users.name", ondelete="CASCADE"), nullable=False, index=True
    ),
    _needed("created", UtcTime),
    _needed("last_seen", UtcTime),
    _needed("form_token", Text),
    _needed("authenticated_by", Text),
    _needed("address", Text),
)

attempts: Final = Table(
    "attempts",
    metadata,
    Column("subject", Name, primary_key=True),
    Column("user", Text, nullable=False, index=True),
    _needed("count", BigInteger),
    Column("last", UtcTime, nullable=False, index=True),
    Column("succeeded", UtcTime),
)

requests: Final = Table(
    "requests",
    metadata,
    Column("request_id", BigInteger, primary_key=True, autoincrement=False),
    _needed("status", Status),
    _needed("profile_id", Text),
    _needed("profile_digest", Text),
    _needed("csr_der", LargeBinary),
    _needed("csr_sha256", Text),
    _needed("subject", Text),
    _needed("requestor_name", Text),
    _needed("requestor_email", Text),
    _needed("requestor_phone", Text),
    _needed("submitted_by", Text),
    _needed("remote_address", Text),
    _needed("created", UtcTime),
    _needed("modified", UtcTime),
    Column("tbs_der", LargeBinary),
    Column("tbs_sha256", Text),
    Column("tbs_created", UtcTime),
    Column("serial", SerialNumber),
    Column("decided_by", Text),
    Column("reason", Text),
    Column("error_message", Text),
    Column("request_type", Kind, nullable=False, server_default="enrollment"),
    # What was stored before there were versions has the number 0.
    Column("profile_version", BigInteger, nullable=False, server_default="0"),
    Column("issuer_digest", Text, nullable=False, server_default=""),
    Column("lint", Text, nullable=False, server_default="[]"),
    Column("owner", Text),
    CheckConstraint("status IN ('pending', 'complete', 'rejected', 'canceled')", name="status"),
    Index(None, "status", "request_id"),
)

certificates: Final = Table(
    "certificates",
    metadata,
    Column("serial", SerialNumber, primary_key=True),
    Column(
        "request_id", BigInteger, ForeignKey("requests.request_id"), nullable=False, unique=True
    ),
    Column("position", BigInteger, nullable=False, unique=True),
    _needed("profile_id", Text),
    _needed("subject", Text),
    _needed("issuer", Text),
    _needed("not_before", UtcTime),
    _needed("not_after", UtcTime),
    _needed("der", LargeBinary),
    _needed("issued", UtcTime),
    _needed("issued_by", Text),
    Column("key_id", Text, nullable=False, server_default="", index=True),
    Column("issuer_key_id", Text, nullable=False, server_default=""),
    Column("revoked", UtcTime),
    Column("revoked_by", Text),
    Column("revocation_reason", Reason),
    Column("invalidity", UtcTime),
    # Of the bytes in ``der``, so that a log-in finds the row of the certificate that is shown.
    Column("sha256", Text, nullable=False, server_default="", index=True),
    Index(None, "subject"),
    Index(None, "issuer_key_id", "revoked"),
)

approvals: Final = Table(
    "approvals",
    metadata,
    Column("request_id", BigInteger, ForeignKey("requests.request_id"), primary_key=True),
    Column("approver", Name, primary_key=True),
    Column("tbs_sha256", Name, primary_key=True),
    _needed("time", UtcTime),
    _needed("credential", Text),
    _needed("csr_sha256", Text),
    _needed("profile_version", BigInteger),
    _needed("profile_digest", Text),
)

profile_versions: Final = Table(
    "profile_versions",
    metadata,
    Column("profile_id", Name, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    _needed("document", Text),
    _needed("digest", Text),
    _needed("created", UtcTime),
    _needed("created_by", Text),
)

profile_states: Final = Table(
    "profile_states",
    metadata,
    Column("profile_id", Name, primary_key=True),
    _needed("version", BigInteger),
    _needed("enabled", Boolean),
    _needed("changed", UtcTime),
    _needed("changed_by", Text),
)

subject_attributes: Final = Table(
    "subject_attributes",
    metadata,
    Column("serial", SerialNumber, ForeignKey("certificates.serial"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    _needed("attribute", Name),
    _needed("value", Name),
    Index(None, "attribute", "value"),
)

crls: Final = Table(
    "crls",
    metadata,
    Column("issuer_key_id", Name, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    _needed("this_update", UtcTime),
    _needed("next_update", UtcTime),
    _needed("entries", BigInteger),
    _needed("der", LargeBinary),
)

ca_certificates: Final = Table(
    "ca_certificates",
    metadata,
    Column("row", Integer, primary_key=True, autoincrement=False),
    _needed("issuing_pem", Text),
    _needed("root_pem", Text),
    _needed("issuing_key_id", Text),
    Column("root_key_id", Text),
    Column("intermediates_pem", Text, nullable=False, server_default=""),
    CheckConstraint("row = 1", name="one_row"),
)

trails: Final = Table(
    "trails",
    metadata,
    Column("name", Name, primary_key=True),
    _needed("size", BigInteger),
    _needed("frontier", Frontier),
    Column("log", Text, nullable=False, server_default=""),
)

trail_records: Final = Table(
    "trail_records",
    metadata,
    Column("trail", Name, ForeignKey("trails.name"), primary_key=True),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    _needed("time", UtcTime),
    _needed("event", Text),
    _needed("subject_id", Text),
    _needed("outcome", Text),
    _needed("text", Text),
    _needed("message", LargeBinary),
    _needed("leaf", LargeBinary),
)

pending_csrs: Final = Table(
    "pending_csrs",
    metadata,
    Column("identity", Name, primary_key=True),
    Column("key_id", Name, primary_key=True),
    _needed("csr_pem", Text),
    _needed("created", UtcTime),
)

identities: Final = Table(
    "identities",
    metadata,
    Column("identity", Name, primary_key=True),
    Column("generation", Integer, primary_key=True, autoincrement=False),
    _needed("key_id", Text),
    _needed("chain_pem", Text),
    _needed("installed", UtcTime),
    _needed("self_signed", Boolean),
    Column("root_pem", Text, nullable=False, server_default=""),
)

settings: Final = Table(
    "settings",
    metadata,
    Column("name", Name, primary_key=True),
    _needed("document", Text),
)

units: Final = Table(
    "units",
    metadata,
    Column("name", Name, primary_key=True),
    _needed("host_name", Text),
    _needed("console_url", Text),
    _needed("beats", BigInteger),
)

lease: Final = Table(
    "lease",
    metadata,
    Column("row", Integer, primary_key=True, autoincrement=False),
    _needed("holder", Text),
    _needed("term", BigInteger),
    CheckConstraint("row = 1", name="one_row"),
)

destinations: Final = Table(
    "destinations",
    metadata,
    Column("name", Name, primary_key=True),
    _needed("host", Text),
    _needed("port", Integer),
    _needed("transport", Text),
    _needed("server_name", Text),
    _needed("trust_pem", Text),
    _needed("mutual", Boolean),
    _needed("enabled", Boolean),
)

cursors: Final = Table(
    "cursors",
    metadata,
    Column(
        "destination", Name, ForeignKey("destinations.name", ondelete="CASCADE"), primary_key=True
    ),
    Column("trail", Name, primary_key=True),
    _needed("next_idx", BigInteger),
)

inputs: Final = Table(
    "inputs",
    metadata,
    Column("name", Name, primary_key=True),
    _needed("path", Text),
    _needed("inode", Unsigned64),
    _needed("offset", BigInteger),
)
