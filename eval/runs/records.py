"""What a run leaves behind: how it was made, every answer, every check, every value. All JSON-able.

A run is a folder: ``manifest.json`` (Manifest), ``answers.jsonl`` (a CaseAnswer a line, appended as cases end, so that
an interrupted run goes on), ``scores.json`` (RunScores), ``report.html``, ``junit.xml``.
"""

from typing import Any, Literal

from pydantic import Field

from assistant.records import Reply
from tools.records import Record


class TurnAnswer(Record):
    """The answer to one turn, whoever gave it."""

    ranking: list[str] = Field([], description="item ids, best first, shown ones and the candidates after them")
    provisional: list[str] = Field([], description="the fused ranking before a model ordered it")
    shown: list[str] = Field([], description="item ids that the user saw, best first")
    reply: Reply | None = Field(None, description="the whole reply; None for baselines that only rank")
    stages: dict[str, float] = Field({}, description="seconds by step, as the turn's events told")
    seconds: float = 0.0
    first_event_seconds: float | None = None
    error: str | None = Field(None, description="why there is no answer, in one sentence")
    model_failures: int = Field(
        0, ge=0, description="model calls that failed in this turn: the server was gone, too slow or refused them"
    )


class CaseAnswer(Record):
    """One conversation, answered."""

    case: str
    key: str = Field(description="sha256 of everything that the answer depends on: the cache's key")
    cached: bool = False
    turns: list[TurnAnswer]


class Check(Record):
    """One thing held against one turn's answer."""

    turn: int = Field(ge=0)
    kind: str = Field(description="intent, tools, constraints, must, never, exists, violation, claims, injection, ...")
    ok: bool
    expected: Any = None
    got: Any = None
    detail: str = Field("", description="one sentence when it is not ok")


class CaseScore(Record):
    """One case held to what was expected; ``values`` hold only what applies to the case."""

    case: str
    tags: list[str]
    passed: bool
    checks: list[Check]
    values: dict[str, float] = Field({}, description="measure -> value of this case (mean over its turns)")


class RunScores(Record):
    """All cases of a run. ``whole`` holds measures that exist only over all cases: coverage, WER over all words."""

    run: str
    suite: str
    k: int
    cases: list[CaseScore]
    whole: dict[str, float] = {}


class EvalVariant(Record):
    """What is evaluated: an answerer and the settings that differ from the configuration at hand."""

    name: str
    answerer: Literal[
        "assistant", "random", "popular", "bm25", "dense", "picture", "fusion", "unfused", "stock-agent"
    ] = "assistant"
    settings: dict[str, Any] = Field({}, description="dotted configuration key -> value")
    prompts: str | None = Field(None, description="folder with prompt files that stand in for the product's own")
    without: list[Literal["photo", "voice", "video", "text", "history", "llm_rank"]] = Field(
        [], description="signals that are taken away from every turn"
    )


class RunManifest(Record):
    """Everything that made a run."""

    run: str
    suite: str
    suite_file: str
    suite_sha256: str
    catalogue_sha256: str = Field(description="of the items as they were, in id order")
    cases: list[str] = Field(description="ids, in order")
    variant: EvalVariant
    seed: int
    configuration: dict[str, Any] = Field(description="all settings, secrets left out")
    prompts: dict[str, str] = Field(description="prompt file -> 'version sha256'")
    models: dict[str, str] = Field(description="role or file -> name and sha256")
    code: str = Field(description="sha256 of the product's own source, and the commit where there is one")
    packages: dict[str, str]
    machine: dict[str, Any]
    started: str = Field(description="ISO 8601, UTC")
    finished: str | None = None
