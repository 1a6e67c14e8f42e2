"""The first tables: the CA's, the trails', the identities', the appliance's and the users'."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

_APPEND_ONLY_SQLITE: Final = """
CREATE TRIGGER trail_records_no_{word} BEFORE {verb} ON trail_records
BEGIN SELECT RAISE(ABORT, 'trail records are append-only'); END
"""
_REFUSE_POSTGRESQL: Final = """
CREATE FUNCTION trail_records_refuse() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'trail records are append-only'
USING ERRCODE = 'integrity_constraint_violation'; END $$
"""
_APPEND_ONLY_POSTGRESQL: Final = """
CREATE TRIGGER trail_records_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON trail_records
FOR EACH STATEMENT EXECUTE FUNCTION trail_records_refuse()
"""


def upgrade() -> None:
    """Make the tables, and keep trail records from being changed or removed."""
    op.create_table(
        "ca_certificates",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("issuing_pem", sa.Text(), nullable=False),
        sa.Column("root_pem", sa.Text(), nullable=False),
        sa.Column("issuing_key_id", sa.Text(), nullable=False),
        sa.Column("root_key_id", sa.Text(), nullable=True),
        sa.CheckConstraint("row = 1", name=op.f("ck_ca_certificates_one_row")),
        sa.PrimaryKeyConstraint("row", name="pk_ca_certificates"),
    )
    op.create_table(
        "counters",
        sa.Column("name", NAME, nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_counters"),
    )
    op.create_table(
        "destinations",
        sa.Column("name", NAME, nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("transport", sa.Text(), nullable=False),
        sa.Column("server_name", sa.Text(), nullable=False),
        sa.Column("trust_pem", sa.Text(), nullable=False),
        sa.Column("mutual", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_destinations"),
    )
    op.create_table(
        "identities",
        sa.Column("identity", NAME, nullable=False),
        sa.Column("generation", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("chain_pem", sa.Text(), nullable=False),
        sa.Column("installed", sa.BigInteger(), nullable=False),
        sa.Column("self_signed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("identity", "generation", name="pk_identities"),
    )
    op.create_table(
        "inputs",
        sa.Column("name", NAME, nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("inode", sa.Text(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_inputs"),
    )
    op.create_table(
        "pending_csrs",
        sa.Column("identity", NAME, nullable=False),
        sa.Column("key_id", NAME, nullable=False),
        sa.Column("csr_pem", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("identity", "key_id", name="pk_pending_csrs"),
    )
    op.create_table(
        "requests",
        sa.Column("request_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("profile_id", sa.Text(), nullable=False),
        sa.Column("profile_digest", sa.Text(), nullable=False),
        sa.Column("csr_der", sa.LargeBinary(), nullable=False),
        sa.Column("csr_sha256", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("requestor_name", sa.Text(), nullable=False),
        sa.Column("requestor_email", sa.Text(), nullable=False),
        sa.Column("requestor_phone", sa.Text(), nullable=False),
        sa.Column("submitted_by", sa.Text(), nullable=False),
        sa.Column("remote_address", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.BigInteger(), nullable=False),
        sa.Column("tbs_der", sa.LargeBinary(), nullable=True),
        sa.Column("tbs_sha256", sa.Text(), nullable=True),
        sa.Column("tbs_created", sa.BigInteger(), nullable=True),
        sa.Column("serial", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "status IN ('pending', 'complete', 'rejected', 'canceled')",
            name=op.f("ck_requests_status"),
        ),
        sa.PrimaryKeyConstraint("request_id", name="pk_requests"),
    )
    op.create_index(
        "ix_requests_status_requests_request_id", "requests", ["status", "request_id"], unique=False
    )
    op.create_table(
        "settings",
        sa.Column("name", NAME, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_settings"),
    )
    op.create_table(
        "trails",
        sa.Column("name", NAME, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_trails"),
    )
    op.create_table(
        "users",
        sa.Column("name", NAME, nullable=False),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column("roles", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_users"),
    )
    op.create_table(
        "certificates",
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("profile_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("not_after", sa.BigInteger(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("issued", sa.BigInteger(), nullable=False),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.request_id"], name="fk_certificates_request_id"
        ),
        sa.PrimaryKeyConstraint("serial", name="pk_certificates"),
        sa.UniqueConstraint("position", name="uq_certificates_position"),
        sa.UniqueConstraint("request_id", name="uq_certificates_request_id"),
    )
    op.create_table(
        "cursors",
        sa.Column("destination", NAME, nullable=False),
        sa.Column("trail", NAME, nullable=False),
        sa.Column("next_idx", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["destination"],
            ["destinations.name"],
            name="fk_cursors_destination",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("destination", "trail", name="pk_cursors"),
    )
    op.create_table(
        "trail_records",
        sa.Column("trail", NAME, nullable=False),
        sa.Column("idx", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("message", sa.LargeBinary(), nullable=False),
        sa.Column("leaf", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["trail"], ["trails.name"], name="fk_trail_records_trail"),
        sa.PrimaryKeyConstraint("trail", "idx", name="pk_trail_records"),
    )
    op.create_table(
        "user_certificates",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("user_name", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["user_name"], ["users.name"], name="fk_user_certificates_user_name", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sha256", name="pk_user_certificates"),
    )
    op.create_index(
        "ix_user_certificates_user_name", "user_certificates", ["user_name"], unique=False
    )
    _guard_trail_records()


def _guard_trail_records() -> None:
    # A defence against mistakes, not a proof: the proof is the trail's tree.
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_REFUSE_POSTGRESQL)
        op.execute(_APPEND_ONLY_POSTGRESQL)
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(_APPEND_ONLY_SQLITE.format(word=verb.lower(), verb=verb))
