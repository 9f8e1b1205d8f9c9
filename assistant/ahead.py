"""What a single message needs, loaded while the rest of the product is still being imported."""

import logging
import threading
from collections.abc import Callable
from functools import partial

from assistant.background import THREAD
from assistant.errors import ProductError
from tools.engines.parts import Engines

logger = logging.getLogger(__name__)


def load(engines: Engines, text: str, *, pictures: bool, speech: bool) -> None:
    """Have the models that the message needs loaded by threads, for which the end of the process does not wait."""
    _in_thread(lambda: engines.text.load([text]))
    if pictures:
        _in_thread(partial(engines.load, "pictures"))
    if speech:
        _in_thread(partial(engines.load, "speech"))


def _in_thread(work: Callable[[], None]) -> None:
    threading.Thread(target=_tried, args=(work,), name=THREAD, daemon=True).start()


def _tried(work: Callable[[], None]) -> None:
    try:
        work()
    except ProductError as exc:  # the turn that needs the model says so
        logger.info("not loaded: %s", exc)
