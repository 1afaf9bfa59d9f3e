"""Feedback knows its turn, and that it was taken back."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("turn_id", sa.String(length=128), nullable=True))
    op.add_column("events", sa.Column("undone_version", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("events") as events:
        events.drop_column("undone_version")
        events.drop_column("turn_id")
