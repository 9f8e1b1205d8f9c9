"""The tables as they were when versions began, also of files from before there was a table of sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

REPLIES = """
create table if not exists replies (
    session_id text not null, turn integer not null, said text not null, reply text not null, at real not null,
    primary key (session_id, turn)
)
"""
TABLES = """
create table if not exists sessions (
    session_id text primary key, owner text not null, title text not null, created_at real not null,
    updated_at real not null
);
create index if not exists sessions_of on sessions (owner, updated_at);
create table if not exists feedback (
    session_id text not null, item_id text not null, event text not null, at real not null
);
create index if not exists feedback_of on feedback (session_id);
create index if not exists replies_to on replies (message_id);
create table if not exists impressions (
    session_id text not null, turn integer not null, user text not null, at real not null, ranking text not null,
    primary key (session_id, turn)
);
create index if not exists impressions_of on impressions (user);
drop trigger if exists impressions_go_with_their_session;
"""
OLD_SESSIONS = """
insert or ignore into sessions select session_id, 'local', '', min(at), max(at) from replies group by session_id
"""


def upgrade() -> None:
    """From files without a version."""
    is_old = not sa.inspect(op.get_bind()).has_table("sessions")
    op.execute(REPLIES)
    columns = [column["name"] for column in sa.inspect(op.get_bind()).get_columns("replies")]
    for name, kind in (("message_id", "text"), ("events", "blob")):
        if name not in columns:
            op.execute(f"alter table replies add column {name} {kind}")
    for statement in TABLES.split(";\n")[:-1]:
        op.execute(statement)
    if is_old:
        op.execute(OLD_SESSIONS)
