"""The checkpoints of sessions on a PostgreSQL server, which several machines share; the rules of `checkpoints`."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import psycopg
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata, CheckpointTuple
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from assistant.checkpoint_tables import too_old, values_of_none
from assistant.checkpoints import Statements, is_lasting, kept_with, thinned
from assistant.errors import StoreError
from assistant.sessions import serializer
from tools.database import CONNECTIONS, compiled, conninfo, server_sentence
from tools.place import StateServer

WAIT_SECONDS: Final = 5.0
"""How long a turn waits for a connection, also where the server is down."""
_SETTING_UP: Final = 7_263_401
"""The number of the lock for making LangGraph's tables, which is one for all processes."""

Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


class ServerSaver(AsyncPostgresSaver):
    """`SessionSaver` on a server: what a session remembers and the reply are kept in one transaction, or neither."""

    def __init__(self, pool: Pool, server: StateServer) -> None:
        super().__init__(pool, serde=serializer())
        self._pool, self._server = pool, server

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As `SessionSaver.aput`.

        Raises:
            StoreError: it cannot be written; the session is as before.
        """
        if not is_lasting(metadata, new_versions):
            return config
        return await self.keep(config, checkpoint, metadata, kept_with(checkpoint, new_versions, "postgresql"))

    async def keep(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, replies: Statements = ()
    ) -> RunnableConfig:
        """As `SessionSaver.keep`; errors as of `aput`."""
        thin = thinned(checkpoint)
        async with self._errors(), self._pool.connection() as db, db.transaction():
            for statement, values in replies:
                await db.execute(statement.encode(), values)
            await _thin(db, config)
            # every version: LangGraph names those since its last checkpoint, and that may not have been kept
            return await AsyncPostgresSaver(db, serde=self.serde).aput(config, thin, metadata, thin["channel_versions"])

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Keep nothing of what the steps of an unfinished turn wrote."""

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The latest checkpoint, or the one that is named; errors as of `aput`."""
        async with self._errors():
            return await super().aget_tuple(config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """The checkpoints, latest first; errors as of `aput`."""
        async with self._errors():
            async for one in super().alist(config, filter=filter, before=before, limit=limit):
                yield one

    @contextlib.asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        try:
            yield
        except (psycopg.Error, PoolTimeout) as exc:
            raise StoreError(server_sentence(self._server, "sessions", exc)) from exc


async def _thin(db: psycopg.AsyncConnection[DictRow], config: RunnableConfig) -> None:
    """Delete the checkpoints that one more leaves no place for, and their values."""
    at = config["configurable"]
    statement, values = compiled(too_old(at["thread_id"], at.get("checkpoint_ns", "")), "postgresql")
    if (await db.execute(statement.encode(), values)).rowcount:
        statement, values = compiled(values_of_none([at["thread_id"]]), "postgresql")
        await db.execute(statement.encode(), values)


@contextlib.asynccontextmanager
async def open_server_saver(server: StateServer) -> AsyncIterator[ServerSaver]:
    """The checkpointer over a server; it makes LangGraph's tables.

    Raises:
        StoreError: the server cannot be reached.
    """
    pool = Pool(
        conninfo(server),
        kwargs={"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row},
        min_size=1,
        max_size=CONNECTIONS,
        timeout=WAIT_SECONDS,
        check=AsyncConnectionPool.check_connection,
        open=False,
    )
    saver = ServerSaver(pool, server)
    async with saver._errors(), pool:
        async with pool.connection() as db:
            await db.execute("select pg_advisory_lock(%s)", (_SETTING_UP,))
            try:
                await AsyncPostgresSaver(db).setup()
            finally:
                await db.execute("select pg_advisory_unlock(%s)", (_SETTING_UP,))
        yield saver
