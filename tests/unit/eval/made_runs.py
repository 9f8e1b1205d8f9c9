"""Runs made by hand: what a run folder holds, without anybody having answered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant.records import CitedEvidence, Query, Recommendation, Reply, Step, Timings, TranscriptNote, UsageNote
from eval.runs.reading import Run, read_run, write_cases
from eval.runs.records import CaseAnswer, CaseScore, Check, EvalVariant, RunManifest, RunScores, TurnAnswer
from eval.suite.records import Case, Expectation, PictureAttachment, ToolExpectation, Turn, VoiceAttachment


@dataclass(frozen=True)
class Kind:
    """What is known of a measure."""

    description: str
    better: Any = "higher"
    unit: str = "share"


KINDS = {
    "ndcg@5": Kind("how well the ranking fits"),
    "seconds": Kind("time to the last event", "lower", "s"),
    "tool_calls": Kind("calls a turn", "none", "calls"),
}


@dataclass(frozen=True)
class Made:
    """One case of a made run; ``text`` is what its user says."""

    id: str
    passed: bool = True
    tags: tuple[str, ...] = ("text",)
    values: Mapping[str, float] = field(default_factory=dict)
    text: str = "black shoes, please"
    title: str = "RunX Running Shoe"


def make_run(
    folder: Path,
    cases: Sequence[Made],
    *,
    suite_sha256: str = "s1",
    keep_cases: bool = True,
    whole: Mapping[str, float] | None = None,
    **manifest: Any,  # noqa: ANN401 - fields of the manifest
) -> Run:
    """Write a run folder and read it back."""
    folder.mkdir(parents=True)
    record = manifest_of(folder.name, [case.id for case in cases], suite_sha256=suite_sha256, **manifest)
    (folder / "manifest.json").write_text(record.model_dump_json(), encoding="utf-8")
    lines = [answer_of(case).model_dump_json() + "\n" for case in cases]
    (folder / "answers.jsonl").write_text("".join(lines), encoding="utf-8")
    scores = RunScores(run=folder.name, suite="made", k=5, cases=[score_of(case) for case in cases], whole=whole or {})
    (folder / "scores.json").write_text(scores.model_dump_json(), encoding="utf-8")
    if keep_cases:
        write_cases(folder, [case_of(case) for case in cases])
    return read_run(folder)


def manifest_of(run: str, cases: list[str], **changes: Any) -> RunManifest:  # noqa: ANN401 - fields of the manifest
    """How a run was made."""
    fields: dict[str, Any] = {
        "suite": "made", "suite_file": "made.yaml", "suite_sha256": "s1", "catalogue_sha256": "c1",
        "variant": EvalVariant(name=run), "seed": 7,
        "configuration": {"turn": {"top_n": 3}}, "prompts": {"plan": "3 abc"},
        "models": {"llm": "small 0.5B"}, "code": "abc", "packages": {"scipy": "1"},
        "machine": {"cores": 2, "load_before": 0.5}, "started": "2026-11-22T10:00:00Z",
        "finished": "2026-11-22T10:05:00Z",
    }  # fmt: skip
    return RunManifest(run=run, cases=cases, **{**fields, **changes})


def case_of(case: Made) -> Case:
    """What is asked: a photo, a voice note and words."""
    turn = Turn(
        text=case.text,
        pictures=[PictureAttachment(of="runx-running-shoe", mirror=True, hue=90)],
        voice=[VoiceAttachment(say="nothing over fifty dollars", noise_db=10)],
        expect=Expectation(must=["runx-running-shoe"], tools=[ToolExpectation(tool="search_by_text")]),
    )
    return Case(id=case.id, tags=list(case.tags), because="its colour is black", turns=[turn])


def score_of(case: Made) -> CaseScore:
    """The case's score; a failed one has a failed check with a reason."""
    checks = [
        Check(turn=0, kind="intent", ok=True, expected="recommend", got="recommend"),
        Check(
            turn=0,
            kind="must",
            ok=case.passed,
            expected=["runx-running-shoe"],
            got=["runx-running-shoe"] if case.passed else ["tent"],
            detail="" if case.passed else "runx-running-shoe is not among the first 3.",
        ),
    ]
    return CaseScore(
        case=case.id,
        tags=list(case.tags),
        passed=case.passed,
        checks=checks,
        values={**case.values, "passed": float(case.passed)},
    )


def answer_of(case: Made) -> CaseAnswer:
    """The answer: one recommendation with its evidence, one search."""
    turn = TurnAnswer(
        ranking=["runx-running-shoe", "tent"],
        shown=["runx-running-shoe"],
        reply=reply_of(case),
        stages={"plan": 0.5, "search_by_text": 0.1},
        seconds=1.5,
        first_event_seconds=0.2,
    )
    return CaseAnswer(case=case.id, key=f"key-{case.id}", turns=[turn])


def reply_of(case: Made) -> Reply:
    """The whole reply."""
    evidence = CitedEvidence(id="e1", source="attribute", detail="color: black", score=None)
    item = Recommendation(
        rank=1,
        item_id="runx-running-shoe",
        title=case.title,
        price=44.95,
        currency="USD",
        score=0.8,
        explanation="It is black.",
        evidence=[evidence],
    )
    transcript = TranscriptNote(attachment="aud1", text="nothing over fifty dollars", language="en", confidence=0.9)
    return Reply(
        session_id="s",
        query=Query(text=case.text, transcripts=[transcript]),
        intent="recommend",
        language="en",
        constraints={"max_price": 50},
        relaxed=[],
        recommendations=[item],
        steps=[
            Step(tool="search_by_text", arguments={"query": "black shoes"}, origin="planned", ok=True, seconds=0.1),
            Step(tool="search_by_image", arguments={}, origin="anticipated", ok=False, error="no photo", seconds=0.0),
        ],
        message="Here is 1 that fits.",
        degraded=[],
        models={},
        timings=Timings(total=1.5, llm=1.0, tools=0.2, other=0.3),
        usage=UsageNote(llm_calls=3, prompt_tokens=900, completion_tokens=80),
    )
