"""Units of one appliance and which is active; the name that a trail keeps whoever writes to it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

NAME: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Make both tables; a trail that has no name yet gets one with its next record."""
    op.create_table(
        "units",
        sa.Column("name", NAME, nullable=False),
        sa.Column("host_name", sa.Text(), nullable=False),
        sa.Column("console_url", sa.Text(), nullable=False),
        sa.Column("beats", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_units"),
    )
    op.create_table(
        "lease",
        sa.Column("row", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("row = 1", name=op.f("ck_lease_one_row")),
        sa.PrimaryKeyConstraint("row", name="pk_lease"),
    )
    op.add_column("trails", sa.Column("log", sa.Text(), nullable=False, server_default=""))
