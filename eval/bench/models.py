"""Which model should the cpu profile take? The development suite without a model and with each, asked anew."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from assistant.llm import server
from assistant.settings import Settings
from eval.bench.report import Result, Table, percent
from eval.bench.stage import Stage, own_server
from eval.measures.scoring import MEASURES, summarise
from eval.runs.records import EvalVariant
from eval.runs.run import run_suite
from eval.runs.scoring import score_folder
from eval.suite.load import load_suite, suite_file
from eval.suite.records import Suite

SUITE = "shop-dev"
MODELS = (None, "qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct")
"""None: the fused ranking with no model, which is what a turn ends with when the server is away."""

REPORTED_MEASURES = (
    "passed", "hit_rate", "ndcg", "mrr", "tool_precision", "tool_recall", "constraint_accuracy", "violations",
    "template_share", "seconds",
)  # fmt: skip


def measure(stage: Stage) -> Result:
    """Every model on a server of its own; ``stage.cases`` takes the first cases only."""
    suite = load_suite(SUITE)
    cases = [case.id for case in suite.cases][: stage.cases]
    by_model = {model or "no model": _measures(stage, suite, cases, model) for model in MODELS}
    result = Result("models", [_table(by_model)])
    result.numbers = dict(by_model)
    return result


def _measures(stage: Stage, suite: Suite, cases: list[str], model: str | None) -> dict[str, float]:
    variant = EvalVariant(name="assistant" if model else "fusion", answerer="assistant" if model else "fusion")
    with tempfile.TemporaryDirectory() as folder:
        settings = own_server(stage.settings, Path(folder), model=model)
        name = f"bench-{Path(folder).name.lower().replace('_', '-')}"
        with _serving(stage, settings, model):
            run = run_suite(
                suite, variant, settings, suite_file=str(suite_file(SUITE)), name=name, only=cases, fresh=True
            )
        return summarise(score_folder(run, suite, settings)[0])


@contextmanager
def _serving(stage: Stage, settings: Settings, model: str | None) -> Iterator[None]:
    if model is None:
        yield
        return
    stage.say(f"starting {model}")
    server.up(settings)
    try:
        yield
    finally:
        server.down(settings)


def _table(by_model: dict[str, dict[str, float]]) -> Table:
    table = Table(f"Quality and time by model ({SUITE})", ["", *by_model])
    table.add("cases", *(round(measures["cases"]) for measures in by_model.values()))
    for name in REPORTED_MEASURES:
        values = [measures.get(name) for measures in by_model.values()]
        shares = MEASURES[name].unit == "share"
        table.add(MEASURES[name].description, *(percent(value) if shares else value for value in values))
    return table
