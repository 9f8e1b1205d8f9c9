"""The tables as they were when versions began; files from before there were roles get the column."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table if not exists keys (
    id text primary key, name text not null unique, hash text not null unique, created_at real not null, expires_at real
);
create table if not exists logins (hash text primary key, key_id text not null, expires_at real not null);
"""


def upgrade() -> None:
    """From files without a version."""
    for statement in TABLES.split(";\n")[:-1]:
        op.execute(statement)
    if "role" not in [column["name"] for column in sa.inspect(op.get_bind()).get_columns("keys")]:
        op.execute("alter table keys add column role text not null default 'admin'")
