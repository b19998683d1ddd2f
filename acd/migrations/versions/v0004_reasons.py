"""What a decision was made from, the wait expected at queueing, and callbacks."""

import sqlalchemy as sa
from alembic import op

revision = "v0004"
down_revision = "v0003"


def upgrade() -> None:
    """Decisions on record so far keep the names of those refused; they are counted when read."""
    op.add_column("calls", sa.Column("estimated_wait_ms", sa.BigInteger()))
    op.add_column(
        "decisions",
        sa.Column("candidate_count", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("decisions", sa.Column("inputs", sa.Text()))
    op.create_table(
        "callbacks",
        sa.Column("contact", sa.Text(), primary_key=True),
        sa.Column("call", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("queue", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("queued_at", sa.BigInteger(), nullable=False),
        sa.Column("priority_ms", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("not_before", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.Text()),
        sa.Column("closed", sa.Text()),
        sa.Column("closed_at", sa.BigInteger()),
    )
    op.create_index("callbacks_by_acceptance", "callbacks", ["accepted_at"])
    op.create_index(
        "callbacks_open",
        "callbacks",
        ["accepted_at"],
        sqlite_where=sa.text("closed IS NULL"),
        postgresql_where=sa.text("closed IS NULL"),
    )
