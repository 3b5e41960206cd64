"""Run by alembic. The connection is handed in; logging is left as it is."""

from alembic import context

from nas.database.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table="nas_alembic_version",  # "alembic_version" is Optuna's, in the same database
    include_name=lambda name, kind, _: kind != "table" or name in Base.metadata.tables,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
