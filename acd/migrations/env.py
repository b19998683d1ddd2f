"""Run by Alembic: migrates over the connection that `acd.store.database` hands in.

The whole way up is one transaction, that of the connection, on SQLite too: a process killed in
the middle leaves the database as it was.
"""

from alembic import context

from acd.store.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
)
with context.begin_transaction():
    context.run_migrations()
