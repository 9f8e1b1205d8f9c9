"""Embedding inside ingestion against a bare loop over the same encoder, and the text encoders side by side."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from assistant.engines import open_engines
from assistant.ingest import Encoders, IngestOptions, ingest
from eval.bench.encoders import compare
from eval.bench.generate import write_lines
from eval.bench.report import Result, Table
from eval.bench.stage import Stage
from eval.sample import sample_folder
from tools.toolbox import Engines

TEXT_LINES = 1_000
TARGET_RATIO = 0.9


@dataclass
class RecordingEncoder:
    """Stands in for an encoder: keeps what it was asked to encode, and how long that took."""

    encoder: Any
    batches: list[Any] = field(default_factory=list)
    arguments: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the encoder has
        return getattr(self.encoder, name)

    def encode(self, batch: Sequence[Any], **arguments: Any) -> Any:  # noqa: ANN401 - as the encoder
        """Encode, and remember."""
        began = time.perf_counter()
        try:
            return self.encoder.encode(batch, **arguments)
        finally:
            self.seconds += time.perf_counter() - began
            self.batches.append(list(batch))
            self.arguments.append(arguments)

    @property
    def count(self) -> int:
        """How many things were encoded."""
        return sum(len(batch) for batch in self.batches)

    def again(self) -> float:
        """The bare loop: the same batches once more; seconds."""
        began = time.perf_counter()
        for batch, arguments in zip(self.batches, self.arguments, strict=True):
            self.encoder.encode(batch, **arguments)
        return time.perf_counter() - began


def measure(stage: Stage) -> Result:
    """Texts of generated lines and pictures of the sample, each ingested, then encoded again in two bare loops."""
    result = Result("embedding")
    table = Table(
        "Embedding (items a second)",
        ["what", "items", "bare loop", "encoder inside ingestion", "ratio", "whole ingestion", "ratio"],
    )
    with stage.fresh_data() as settings:
        engines = open_engines(settings)
        lines = write_lines(settings.data_folder / "lines.jsonl", TEXT_LINES)
        stage.say("loading the encoders")
        engines.text.load()
        engines.pictures.load()
        result.numbers["texts"] = _compare(stage, engines, [lines], "texts", table)
        sample = [sample_folder(stage.settings) / "products.jsonl"]
        result.numbers["pictures"] = _compare(stage, engines, sample, "pictures", table)
        engines.catalogue.close()
    encoders, result.numbers["encoders"] = compare(stage)
    result.tables = [table, encoders]
    result.notes = [
        f"Target: at least {TARGET_RATIO} of the bare loop.",
        "Bare: ingestion's own batches, encoded again by the same encoder with nothing around it, mean of two loops.",
        "A query is timed with the vectors of its tokens, in one pass, as reading a message takes it.",
        "Whole ingestion also reads and checks lines, reads pictures, writes SQLite and Chroma.",
    ]
    return result


def _compare(stage: Stage, engines: Engines, files: list[Path], kind: str, table: Table) -> dict[str, float]:
    stage.say(f"ingesting {kind}")
    text, pictures = RecordingEncoder(engines.text), RecordingEncoder(engines.pictures)
    _warm(engines)
    began = time.perf_counter()
    ingest(engines.catalogue, files, Encoders(text, pictures), IngestOptions())  # type: ignore[arg-type]
    whole = time.perf_counter() - began
    watched = text if kind == "texts" else pictures
    stage.say(f"the same {kind} in a bare loop, twice")
    bare = (watched.again() + watched.again()) / 2
    count = watched.count
    others = pictures.seconds if kind == "texts" else text.seconds
    rates = count / bare, count / watched.seconds, count / (whole - others)
    table.add(kind, count, rates[0], rates[1], rates[1] / rates[0], rates[2], rates[2] / rates[0])
    return {"items": count, "bare": rates[0], "inside": rates[1], "whole": rates[2]}


def _warm(engines: Engines) -> None:
    """So that no encoder's first call is measured."""
    engines.text.encode(["a warm-up text of some length"] * 64)
    engines.pictures.encode([Image.new("RGB", (256, 256), "olive")] * 64)
