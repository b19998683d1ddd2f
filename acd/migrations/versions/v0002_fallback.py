"""Calls that Asterisk served on its own, and how far the journals are in the database."""

import sqlalchemy as sa
from alembic import op

revision = "v0002"
down_revision = "v0001"


def upgrade() -> None:
    """No call on record so far was marked as one of the fallback."""
    op.add_column(
        "calls", sa.Column("fallback", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.create_table(
        "journals",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("position", sa.BigInteger(), nullable=False),
    )
