"""Sessions at the console, and log-in attempts that count against who makes them."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables."""
    op.create_table(
        "attempts",
        sa.Column("subject", NAME, nullable=False),
        sa.Column("user", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("succeeded", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("subject", name="pk_attempts"),
    )
    op.create_index("ix_attempts_last", "attempts", ["last"], unique=False)
    op.create_index("ix_attempts_user", "attempts", ["user"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("token_sha256", NAME, nullable=False),
        sa.Column("user_name", NAME, nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("form_token", sa.Text(), nullable=False),
        sa.Column("authenticated_by", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["user_name"], ["users.name"], name="fk_sessions_user_name", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_sessions"),
    )
    op.create_index("ix_sessions_user_name", "sessions", ["user_name"], unique=False)
