"""Training again while serving (``taste.train_every_minutes``), in a process of its own: no turn waits for it."""

import asyncio
import contextlib
import logging
import os
import sys
from typing import Final

from assistant.errors import ProductError
from assistant.settings import Settings
from tools.place import is_there

logger = logging.getLogger(__name__)

COMMAND: Final = (sys.executable, "-c", "from assistant.cli import main; main()", "train")
NICENESS: Final = 10


async def keep_training(settings: Settings) -> None:
    """Train every so many minutes if there are new events; returns at once where the setting is unset."""
    minutes = settings.taste.train_every_minutes
    while minutes is not None:
        await asyncio.sleep(minutes * 60)
        try:
            if await asyncio.to_thread(has_news, settings):
                await train_apart(settings)
        except (ProductError, OSError) as exc:
            logger.warning("the taste model was not trained: %s", exc)


def has_news(settings: Settings) -> bool:
    """Whether there are events that the current model did not see.

    Raises:
        StoreError: events or model cannot be read.
    """
    from tools.taste.events import DATABASE, EventStore  # only where training while serving is on
    from tools.taste.model import TasteModel  # only where training while serving is on

    if not is_there(settings.place(DATABASE)):
        return False
    model = TasteModel.load(settings.data_folder)
    with contextlib.closing(EventStore.open(settings.place())) as store:
        return model is None or model.card.events_version != store.version()


async def train_apart(settings: Settings) -> int:
    """Run `assistant train`, and log how it ended; its exit code. It is stopped when this is cancelled."""
    environment = os.environ | {"ASSISTANT_HOME": str(settings.home), "ASSISTANT_DATA": str(settings.data_folder)}
    process = await asyncio.create_subprocess_exec(
        *COMMAND, env=environment, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    try:
        _, stderr = await process.communicate()
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
    last = stderr.decode(errors="replace").strip().splitlines()[-1:]
    logger.info("assistant train ended with %d: %s", process.returncode, *last or [""])
    return process.returncode or 0
