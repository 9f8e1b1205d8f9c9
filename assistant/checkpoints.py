"""The checkpoints of sessions: LangGraph's SQLite checkpointer, with each turn's reply in the same commit."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from assistant.errors import StoreError
from assistant.sessions import LOCK_SECONDS, NO_SYNC_EACH_TIME, keeping, serializer

BY_HAND = "update"
"""LangGraph's name for the source of a checkpoint that no turn has made: `Assistant.branch` makes some."""


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
        if "reply" not in new_versions and metadata.get("source") != BY_HAND:
            return config
        async with self._transaction():
            if "reply" in new_versions:
                statements, values = keeping(
                    checkpoint["channel_values"]["request"], checkpoint["channel_values"]["reply"]
                )
                async with self.lock:
                    await asyncio.gather(*(self.conn.execute(statement, values) for statement in statements))
            return await super().aput(config, checkpoint, metadata, new_versions)

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
async def open_saver(path: Path) -> AsyncIterator[SessionSaver]:
    """The checkpointer over a sessions file, which `SessionLog` has made."""
    async with aiosqlite.connect(path, timeout=LOCK_SECONDS) as connection:
        await connection.execute(f"pragma {NO_SYNC_EACH_TIME}")
        saver = SessionSaver(connection)
        await saver.setup()
        yield saver
