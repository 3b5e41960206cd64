"""The tables of the first release: rungs and leases."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create both tables; one that is there already was left by a process that was killed right here."""
    op.create_table(
        "nas_rungs",
        sa.Column("study", sa.String(512), primary_key=True),
        sa.Column("trial", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("rung", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("images", sa.BigInteger, nullable=False),
        sa.Column("fid", sa.Double, nullable=False),
        sa.Column("fid_samples", sa.BigInteger, nullable=False),
        sa.Column("fid_extractor", sa.Text, nullable=False),
        sa.Column("fid_seed", sa.BigInteger, nullable=False),
        sa.Column("kd_weight", sa.Double, nullable=False),
        sa.Column("losses", sa.Text, nullable=False),
        sa.Column("seconds", sa.Double, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("checkpoint", sa.Text, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "nas_leases",
        sa.Column("study", sa.String(512), primary_key=True),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("pid_space", sa.Text, nullable=False),
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("heartbeat", sa.Double, nullable=False),
        if_not_exists=True,
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("nas_leases")
    op.drop_table("nas_rungs")
