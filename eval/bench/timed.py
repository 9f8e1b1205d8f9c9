"""Engines that note when they compute, so that a turn's time can be told apart from the models' time."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from eval.bench.wire import Span
from tools.toolbox import Engines

COMPUTING = frozenset({"encode", "encode_once", "encode_text", "token_states", "labels", "transcribe"})


class Timed:
    """Stands in for an engine and notes the spans of its computing methods."""

    def __init__(self, engine: object, spans: list[Span]) -> None:
        self._engine = engine
        self._spans = spans

    @property  # type: ignore[misc]  # as unittest.mock does
    def __class__(self) -> type:
        """The engine's: without its text encoder, told by its type, a turn would read messages another way."""
        return type(self._engine)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the engine has
        attribute = getattr(self._engine, name)
        return self._noting(attribute) if name in COMPUTING else attribute

    def _noting(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: object, **kwargs: object) -> Any:  # noqa: ANN401 - whatever the method gives
            began = time.perf_counter()
            try:
                return method(*args, **kwargs)
            finally:
                self._spans.append((began, time.perf_counter()))

        return call


def timed(engines: Engines) -> tuple[Engines, list[Span]]:
    """The same engines, and the growing list of spans in which one of them computes."""
    spans: list[Span] = []
    parts: dict[str, Any] = {name: Timed(getattr(engines, name), spans) for name in ("text", "pictures", "speech")}
    return replace(engines, **parts), spans
