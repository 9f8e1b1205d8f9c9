"""The tables as they were when versions began."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table if not exists visitors (
    owner text primary key, hash text not null unique, expires_at real not null, customer text
);
create table if not exists tickets (hash text primary key, owner text not null, expires_at real not null);
"""


def upgrade() -> None:
    """From files without a version."""
    for statement in TABLES.split(";\n")[:-1]:
        op.execute(statement)
