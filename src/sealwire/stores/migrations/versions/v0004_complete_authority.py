"""Types of requests, evidence of approvals, profiles, revocation, CRLs; searchable subjects."""

from __future__ import annotations

import hashlib
from typing import Final

import sqlalchemy as sa
from alembic import op
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

revision: Final = "0004"
down_revision: Final = "0003"

NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Add the columns and make the tables; certificates that are there become searchable."""
    _add_columns()
    _make_evidence()
    _make_profiles()
    _make_crls()
    _make_revocation_sources()
    _index_certificates()


def _add_columns() -> None:
    op.add_column(
        "requests",
        sa.Column("request_type", sa.Text(), nullable=False, server_default="enrollment"),
    )
    op.add_column(
        "requests",
        sa.Column("profile_version", sa.BigInteger(), nullable=False, server_default="0"),
    )
    op.add_column(
        "requests", sa.Column("issuer_digest", sa.Text(), nullable=False, server_default="")
    )
    op.add_column("requests", sa.Column("lint", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("requests", sa.Column("owner", sa.Text(), nullable=True))
    op.add_column("certificates", sa.Column("key_id", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "certificates", sa.Column("issuer_key_id", sa.Text(), nullable=False, server_default="")
    )
    op.add_column("certificates", sa.Column("revoked", sa.BigInteger(), nullable=True))
    op.add_column("certificates", sa.Column("revoked_by", sa.Text(), nullable=True))
    op.add_column("certificates", sa.Column("revocation_reason", sa.BigInteger(), nullable=True))
    op.add_column("certificates", sa.Column("invalidity", sa.BigInteger(), nullable=True))
    op.add_column("certificates", sa.Column("sha256", sa.Text(), nullable=False, server_default=""))
    op.add_column("identities", sa.Column("root_pem", sa.Text(), nullable=False, server_default=""))
    op.create_index(op.f("ix_certificates_sha256"), "certificates", ["sha256"])
    op.create_index(op.f("ix_certificates_key_id"), "certificates", ["key_id"])
    op.create_index(op.f("ix_certificates_subject"), "certificates", ["subject"])
    op.create_index(
        op.f("ix_certificates_issuer_key_id_certificates_revoked"),
        "certificates",
        ["issuer_key_id", "revoked"],
    )
    op.add_column(
        "ca_certificates",
        sa.Column("intermediates_pem", sa.Text(), nullable=False, server_default=""),
    )


def _make_evidence() -> None:
    op.create_table(
        "approvals",
        sa.Column("request_id", sa.BigInteger(), nullable=False),
        sa.Column("approver", NAME, nullable=False),
        sa.Column("tbs_sha256", NAME, nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("credential", sa.Text(), nullable=False),
        sa.Column("csr_sha256", sa.Text(), nullable=False),
        sa.Column("profile_version", sa.BigInteger(), nullable=False),
        sa.Column("profile_digest", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"], ["requests.request_id"], name=op.f("fk_approvals_request_id")
        ),
        sa.PrimaryKeyConstraint("request_id", "approver", "tbs_sha256", name="pk_approvals"),
    )


def _make_profiles() -> None:
    op.create_table(
        "profile_versions",
        sa.Column("profile_id", NAME, nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", "version", name="pk_profile_versions"),
    )
    op.create_table(
        "profile_states",
        sa.Column("profile_id", NAME, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("changed", sa.BigInteger(), nullable=False),
        sa.Column("changed_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("profile_id", name="pk_profile_states"),
    )


def _make_crls() -> None:
    op.create_table(
        "crls",
        sa.Column("issuer_key_id", NAME, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("this_update", sa.BigInteger(), nullable=False),
        sa.Column("next_update", sa.BigInteger(), nullable=False),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("issuer_key_id", "number", name="pk_crls"),
    )
    op.create_table(
        "subject_attributes",
        sa.Column("serial", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("attribute", NAME, nullable=False),
        sa.Column("value", NAME, nullable=False),
        sa.ForeignKeyConstraint(
            ["serial"], ["certificates.serial"], name=op.f("fk_subject_attributes_serial")
        ),
        sa.PrimaryKeyConstraint("serial", "position", name="pk_subject_attributes"),
    )
    op.create_index(
        op.f("ix_subject_attributes_attribute_subject_attributes_value"),
        "subject_attributes",
        ["attribute", "value"],
    )


def _make_revocation_sources() -> None:
    """Other CAs' lists, by which peers are judged."""
    op.create_table(
        "revocation_sources",
        sa.Column("side", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("stale_policy", sa.Text(), nullable=False),
        sa.Column("refresh_seconds", sa.BigInteger(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("this_update", sa.BigInteger(), nullable=True),
        sa.Column("next_update", sa.BigInteger(), nullable=True),
        sa.Column("entries", sa.BigInteger(), nullable=False),
        sa.Column("checked", sa.BigInteger(), nullable=True),
        sa.Column("loaded", sa.BigInteger(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("side", "name", name="pk_revocation_sources"),
    )


def _index_certificates() -> None:
    """What was issued before gets what a search and a CRL look for, from its own bytes."""
    connection = op.get_bind()
    rows = connection.execute(sa.text("SELECT serial, der FROM certificates")).all()
    issuer = connection.execute(sa.text("SELECT issuing_key_id FROM ca_certificates")).scalar()
    for serial, der in rows:
        certificate = x509.load_der_x509_certificate(bytes(der))
        spki = certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        )
        connection.execute(
            sa.text(
                "UPDATE certificates SET key_id = :key, issuer_key_id = :issuer, sha256 = :sha256"
                " WHERE serial = :serial"
            ),
            {
                "key": hashlib.sha256(spki).hexdigest(),
                "issuer": issuer or "",
                "sha256": hashlib.sha256(bytes(der)).hexdigest(),
                "serial": serial,
            },
        )
        for position, attribute in enumerate(certificate.subject):
            word = attribute.rfc4514_attribute_name.upper()
            connection.execute(
                sa.text(
                    "INSERT INTO subject_attributes VALUES (:serial, :position, :word, :value)"
                ),
                {
                    "serial": serial,
                    "position": position,
                    "word": {"1.2.840.113549.1.9.1": "E", "2.5.4.5": "SERIALNUMBER"}.get(
                        word, word
                    ),
                    "value": str(attribute.value).casefold(),
                },
            )
