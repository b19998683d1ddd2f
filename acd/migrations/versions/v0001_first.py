"""Calls, their timelines and decisions, and what operators did."""

import sqlalchemy as sa
from alembic import op

revision = "v0001"
down_revision = None


def upgrade() -> None:
    """From an empty database."""
    _calls()
    _timelines()
    _operators()


def _calls() -> None:
    op.create_table(
        "calls",
        sa.Column("id", sa.Text(), primary_key=True),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("arrived_at", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.Column("topic", sa.Text()),
        sa.Column("queue", sa.Text()),
        sa.Column("queued_at", sa.BigInteger()),
        sa.Column("connected_at", sa.BigInteger()),
        sa.Column("talk_ended_at", sa.BigInteger()),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("outcome", sa.Text()),
        sa.Column("wait_ms", sa.BigInteger()),
        sa.Column("operator", sa.Text()),
        sa.Column("skill_level", sa.Integer()),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("handle_ms", sa.BigInteger()),
        sa.Column("priority_ms", sa.BigInteger(), nullable=False),
        sa.Column("menu", sa.Text()),
        sa.Column("menu_version", sa.Text()),
    )
    op.create_index("calls_by_arrival", "calls", ["arrived_at"])
    op.create_index("calls_by_queueing", "calls", ["queued_at"])
    op.create_index("calls_by_queue", "calls", ["queue", "queued_at"])
    op.create_index(
        "calls_open",
        "calls",
        ["arrived_at"],
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _timelines() -> None:
    op.create_table(
        "call_events",
        sa.Column("call", sa.Text(), primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
    )
    op.create_table(
        "decisions",
        sa.Column("call", sa.Text(), primary_key=True),
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("taken", sa.Text()),
        sa.Column("candidates", sa.Text(), nullable=False),
        sa.Column("refused", sa.Text(), nullable=False),
        sa.Column("waited_ms", sa.BigInteger(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("estimated_wait_ms", sa.BigInteger()),
    )


def _operators() -> None:
    op.create_table(
        "operator_intervals",
        sa.Column("operator", sa.Text(), primary_key=True),
        sa.Column("began_at", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("ended_at", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("state", sa.Text(), primary_key=True),
        sa.Column("reason", sa.Text()),
        sa.Column("call", sa.Text()),
    )
    op.create_index("intervals_by_beginning", "operator_intervals", ["began_at"])
    op.create_index("intervals_by_end", "operator_intervals", ["ended_at"])
    op.create_table(
        "operator_now",
        sa.Column("operator", sa.Text(), primary_key=True),
        sa.Column("logged_in", sa.Boolean(), nullable=False),
        sa.Column("pause", sa.Text()),
        sa.Column("since", sa.BigInteger(), nullable=False),
    )
