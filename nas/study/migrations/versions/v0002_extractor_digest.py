"""Rungs note the weights of the extractor that their FID was measured with."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE, COLUMN = "nas_rungs", "fid_extractor_digest"


def upgrade() -> None:
    """Add the column, unless a process was killed between adding it and noting the version."""
    if COLUMN not in {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}:
        op.add_column(TABLE, sa.Column(COLUMN, sa.String(16), nullable=False, server_default=""))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column(TABLE, COLUMN)
