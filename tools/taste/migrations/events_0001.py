"""The tables as they were when versions began."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table if not exists users (key integer primary key autoincrement, name text not null unique);
create table if not exists items (key integer primary key autoincrement, name text not null unique);
create table if not exists events (
    user integer not null, at real not null, item integer not null, kind integer not null, value real,
    primary key (user, at, item, kind)
) without rowid;
create index if not exists events_of_item on events (item, user, at, kind, value);
create table if not exists item_versions (item integer primary key, version integer not null);
create table if not exists preferences (
    user integer not null, attribute text not null, value text not null, weight real not null,
    primary key (user, attribute, value)
) without rowid;
create table if not exists imported (
    user integer not null, catalogue text not null, latest real not null, at real not null, record text not null,
    primary key (user, catalogue)
);
create table if not exists meta (name text primary key, value integer not null) without rowid;
insert or ignore into meta values ('version', 0), ('forgotten', 0);
"""


def upgrade() -> None:
    """From files without a version."""
    for statement in TABLES.split(";\n")[:-1]:
        op.execute(statement)
