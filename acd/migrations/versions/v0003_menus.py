"""The steps of callers through the menus, and the languages that callers chose."""

import sqlalchemy as sa
from alembic import op

revision = "v0003"
down_revision = "v0002"


def upgrade() -> None:
    """Both begin empty: what earlier versions kept of a menu stands in the calls' timelines."""
    op.create_table(
        "menu_events",
        sa.Column("call", sa.Text(), primary_key=True),
        sa.Column("at", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("seq", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("menu", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("node", sa.Text(), nullable=False),
        sa.Column("visit", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("entered_at", sa.BigInteger()),
        sa.Column("first_key_ms", sa.BigInteger()),
        sa.Column("key", sa.Text()),
        sa.Column("via", sa.Text()),
        sa.Column("result", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("goes_to", sa.Text()),
        sa.Column("moved_to", sa.Text()),
    )
    op.create_index("menu_events_by_time", "menu_events", ["at"])
    op.create_table(
        "caller_languages",
        sa.Column("number", sa.Text(), primary_key=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_index("caller_languages_by_time", "caller_languages", ["at"])
