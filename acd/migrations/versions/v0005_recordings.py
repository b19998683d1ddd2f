"""Where the recording of a call is."""

import sqlalchemy as sa
from alembic import op

revision = "v0005"
down_revision = "v0004"


def upgrade() -> None:
    """Calls on record so far have none."""
    op.add_column("calls", sa.Column("recording", sa.Text()))
