"""Rungs note the weights of the extractor that their FID was measured with."""

import sqlalchemy as sa
from alembic import op

from nas.database.migrations.columns import add_column

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE, COLUMN = "nas_rungs", "fid_extractor_digest"


def upgrade() -> None:
    """Add the column."""
    add_column(TABLE, sa.Column(COLUMN, sa.String(16), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column(TABLE, COLUMN)
