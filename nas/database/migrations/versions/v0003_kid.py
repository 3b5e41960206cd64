"""Rungs may note a KID beside their FID."""

import sqlalchemy as sa
from alembic import op

from nas.database.migrations.columns import add_column

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE, COLUMN = "nas_rungs", "kid"


def upgrade() -> None:
    """Add the column."""
    add_column(TABLE, sa.Column(COLUMN, sa.Double, nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column(TABLE, COLUMN)
