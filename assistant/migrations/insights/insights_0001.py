"""The tables as they were when versions began."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = """
create table if not exists turns (
    id integer primary key autoincrement, at real not null, day text not null, session text not null,
    user text not null, door text not null, language text not null, intent text not null, said text not null,
    wish text not null, constraints text not null, results integer not null, found_nothing integer not null,
    relaxed integer not null, refused integer not null, degraded integer not null, items text not null
);
create index if not exists turns_at on turns (at);
create index if not exists turns_of_user on turns (user);
create index if not exists turns_of_session on turns (session);
"""


def upgrade() -> None:
    """From files without a version."""
    for statement in TABLES.split(";\n")[:-1]:
        op.execute(statement)
