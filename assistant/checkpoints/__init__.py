"""The checkpoints of sessions: LangGraph's checkpointers, with each turn's reply in the same commit.

A checkpoint holds only what the session remembers after a turn: it goes on from the last one, and a branch begins at
one of the others, of which `assistant.checkpoint_tables` says which are kept. The message and the reply stand in the
session's replies, and nothing else is needed after the turn.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from assistant.checkpoint_tables import too_old
from assistant.errors import StoreError
from assistant.session_tables import LOCK_SECONDS, NO_SYNC_EACH_TIME
from assistant.sessions import keeping, serializer
from tools.database import compiled
from tools.place import Place, StateServer

if TYPE_CHECKING:
    from assistant.checkpoints.server import ServerSaver

BY_HAND: Final = "update"
"""LangGraph's name for the source of a checkpoint that no turn has made: `Assistant.branch` makes some."""
Statements = Sequence[tuple[str, dict[str, Any]]]
"""Statements of the driver's own, and their values by name."""
REMEMBERED: Final = "kept"
"""The channel of the turn's state that a session remembers."""


def is_lasting(metadata: CheckpointMetadata, new_versions: ChannelVersions) -> bool:
    """Whether a checkpoint is one that a finished turn leaves, or one that is made by hand."""
    return "reply" in new_versions or metadata.get("source") == BY_HAND


def thinned(checkpoint: Checkpoint) -> Checkpoint:
    """The checkpoint without what belongs to its turn alone."""
    values = {name: value for name, value in checkpoint["channel_values"].items() if name == REMEMBERED}
    return {**checkpoint, "channel_values": values}


def kept_with(
    checkpoint: Checkpoint, new_versions: ChannelVersions, dialect: Literal["sqlite", "postgresql"]
) -> Statements:
    """The statements that keep the turn's reply, and their values; none for a checkpoint that is made by hand."""
    if "reply" not in new_versions:
        return []
    values = checkpoint["channel_values"]
    return [compiled(statement, dialect) for statement in keeping(values["request"], values["reply"], dialect)]


class SessionSaver(AsyncSqliteSaver):
    """Keeps what a session remembers and the reply that made it remember so, both or neither.

    Nothing is kept of a turn that was stopped or failed. LangGraph would go on with it, but a new message begins anew.

    Everything goes through one connection, whose transactions belong to one writer at a time. What cannot be written
    is rolled back: a transaction left open would have later commits carry it out, or hold up every other writer.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        super().__init__(connection, serde=serializer())
        self._writer = asyncio.Lock()

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save the checkpoint that a finished turn leaves, with the turn's reply, or one that is made by hand.

        Raises:
            StoreError: it cannot be written; the session is as before.
        """
        if not is_lasting(metadata, new_versions):
            return config
        return await self.keep(config, checkpoint, metadata, kept_with(checkpoint, new_versions, "sqlite"))

    async def keep(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, replies: Statements = ()
    ) -> RunnableConfig:
        """Save a checkpoint, and what the statements keep with it, in place of the oldest; errors as of `aput`."""
        async with self._transaction():
            at = config["configurable"]
            thinning = compiled(too_old(at["thread_id"], at.get("checkpoint_ns", "")), "sqlite")
            async with self.lock:
                for statement, values in (*replies, thinning):
                    await self.conn.execute(statement, values)
            return await super().aput(config, thinned(checkpoint), metadata, {})

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep nothing of what the steps of an unfinished turn wrote."""

    @contextlib.asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        async with self._writer:
            try:
                yield
            except sqlite3.Error as exc:
                await self.conn.rollback()
                raise StoreError(f"The session cannot be written now ({exc}); it is as it was before.") from exc
            except BaseException:
                await self.conn.rollback()
                raise


@contextlib.asynccontextmanager
async def open_saver(place: Place) -> "AsyncIterator[SessionSaver | ServerSaver]":
    """The checkpointer over sessions whose tables `SessionLog` has made.

    Raises:
        StoreError: the server cannot be reached.
    """
    if isinstance(place, StateServer):
        from assistant.checkpoints.server import open_server_saver  # needs an optional library

        async with open_server_saver(place) as server_saver:
            yield server_saver
        return
    async with aiosqlite.connect(place, timeout=LOCK_SECONDS) as connection:
        await connection.execute(f"pragma {NO_SYNC_EACH_TIME}")
        saver = SessionSaver(connection)
        await saver.setup()
        yield saver
