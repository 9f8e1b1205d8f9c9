"""What alembic runs for `tools.database`, in the transaction and for the store that it was given."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table=context.config.attributes["version_table"]
)
context.run_migrations()
