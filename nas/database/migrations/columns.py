"""Steps that survive being killed halfway: not every database takes schema changes back."""

import sqlalchemy as sa
from alembic import op


def add_column(table: str, column: sa.Column[object]) -> None:
    """Add it, unless a process was killed between adding it and noting the version."""
    if column.name not in {present["name"] for present in sa.inspect(op.get_bind()).get_columns(table)}:
        op.add_column(table, column)
