"""The table of configured revocation lists, beside those of ``sql_schema``."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from sealwire.stores.sql_schema import Name, UtcTime, metadata

revocation_sources: Final = Table(
    "revocation_sources",
    metadata,
    Column("side", Name, primary_key=True),
    Column("name", Name, primary_key=True),
    Column("location", Text, nullable=False),
    Column("stale_policy", Text, nullable=False),
    Column("refresh_seconds", BigInteger, nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("issuer", Text, nullable=False),
    Column("this_update", UtcTime),
    Column("next_update", UtcTime),
    Column("entries", BigInteger, nullable=False),
    Column("checked", UtcTime),
    Column("loaded", UtcTime),
    Column("last_error", Text, nullable=False),
)
