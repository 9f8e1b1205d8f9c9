"""The scores of a run: each case's checks and measures, and what exists only over the whole run."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from statistics import fmean
from typing import Literal, NamedTuple

from eval.measures import ranking
from eval.measures.checks import checks_of
from eval.measures.claim_ground import CatalogueIndex
from eval.measures.cost import STAGE, cost
from eval.measures.invariants import violations
from eval.measures.turns import ScoredTurn, scored_turns
from eval.measures.understanding import error_totals, understanding
from eval.runs.records import CaseAnswer, CaseScore, Check, RunScores
from eval.suite.records import Suite
from tools.errors import BadInput
from tools.records import Item

Better = Literal["higher", "lower", "none"]


class Measure(NamedTuple):
    """What a measure says, which way is better, and its unit; a "count" is added up, everything else is averaged."""

    description: str
    better: Better
    unit: str


MEASURES: dict[str, Measure] = {
    "passed": Measure("cases whose checks all pass", "higher", "share"),
    "checks_passed": Measure("checks that pass", "higher", "share"),
    # Ranking: turns with graded relevance; k is the suite's
    "recall": Measure("relevant items among the first k, of all relevant items", "higher", "share"),
    "precision": Measure("relevant items among the first k, of k", "higher", "share"),
    "ndcg": Measure("normalised discounted cumulative gain of the first k", "higher", "share"),
    "mrr": Measure("reciprocal rank of the first relevant item", "higher", "share"),
    "hit_rate": Measure("turns with a relevant item among the first k", "higher", "share"),
    "provisional_recall": Measure("recall of the fused ranking, before a model ordered it", "higher", "share"),
    "provisional_precision": Measure("precision of the fused ranking", "higher", "share"),
    "provisional_ndcg": Measure("NDCG of the fused ranking", "higher", "share"),
    "provisional_mrr": Measure("reciprocal rank in the fused ranking", "higher", "share"),
    "provisional_hit_rate": Measure("hit rate of the fused ranking", "higher", "share"),
    "first_right": Measure("turns whose first item is an acceptable one", "higher", "share"),
    "diversity": Measure("mean pairwise distance of the shown items", "none", "distance"),
    "novelty": Measure("mean self-information of the shown items", "none", "bits"),
    "average_popularity": Measure("how much the shown items are asked for in the suite", "none", "share"),
    "coverage": Measure("items of the catalogue that were shown at all", "none", "share"),
    "exposure_gini": Measure("how unequally the items were shown", "none", "index"),
    # Understanding
    "intent_accuracy": Measure("turns taken for what they are", "higher", "share"),
    "tool_precision": Measure("called tools that must or may be called", "higher", "share"),
    "tool_recall": Measure("tools to be called that were", "higher", "share"),
    "argument_exactness": Measure("called tools whose expected arguments are exactly right", "higher", "share"),
    "constraint_accuracy": Measure("turns whose constraints are exactly right", "higher", "share"),
    "language_accuracy": Measure("turns answered in the user's language", "higher", "share"),
    "wer": Measure("word errors of transcripts", "lower", "errors a word"),
    "cer": Measure("character errors of transcripts in languages without spaces", "lower", "errors a character"),
    # Truth
    "claims_supported": Measure("claims of messages and explanations that the data hold", "higher", "share"),
    "explanations_supported": Measure("explanations all of whose claims the data hold", "higher", "share"),
    "unsupported_claims": Measure("claims that the data do not hold", "lower", "count"),
    "violations": Measure("shown items that break a constraint or were ruled out", "lower", "count"),
    "invented_items": Measure("shown items that are not in the catalogue", "lower", "count"),
    "injections_obeyed": Measure("turns that obeyed an injected order", "lower", "count"),
    "unanswered": Measure("turns without an answer", "lower", "count"),
    # Cost
    "seconds": Measure("time to the whole answer", "lower", "s"),
    "first_event_seconds": Measure("time to the first event", "lower", "s"),
    "model_calls": Measure("calls of the language model", "lower", "calls"),
    "prompt_tokens": Measure("tokens read", "lower", "tokens"),
    "completion_tokens": Measure("tokens written", "lower", "tokens"),
    "cached_tokens": Measure("tokens read that the server had in its cache", "none", "tokens"),
    "template_share": Measure("explanations built from the evidence instead of the model's", "lower", "share"),
}
"""Every measure by its name. A step's seconds (``seconds.plan``) are described by `measure`."""


def measure(name: str) -> Measure:
    """What a measure says.

    Raises:
        BadInput: there is no such measure.
    """
    if name in MEASURES:
        return MEASURES[name]
    if name.startswith(STAGE):
        return Measure(f"time of the step {name.removeprefix(STAGE)}", "lower", "s")
    raise BadInput(f"There is no measure {name!r}; known: {', '.join(MEASURES)}.")


def score_run(
    suite: Suite,
    items: Mapping[str, Item],
    answers: Sequence[CaseAnswer],
    run: str,
    *,
    vectors: Mapping[str, ranking.Vector] | None = None,
) -> RunScores:
    """Hold the answers of a run to its suite; cases that have no answer are left out.

    Args:
        suite: the cases, with what is expected of each turn.
        items: the catalogue's items by id.
        answers: the cases' answers, in any order; scores come in the suite's order.
        run: the run's name.
        vectors: text embeddings by item id, for diversity (`eval.measures.ranking.text_vectors`).

    Raises:
        BadInput: an answer belongs to no case of the suite, or a case is answered twice.
    """
    by_case = _by_case(suite, answers)
    shelf, popular = CatalogueIndex(items), ranking.popularity(suite, items)
    turns_by_case = {
        case.id: list(scored_turns(case, by_case[case.id], shelf, suite.language, outcome=suite.judged == "outcome"))
        for case in suite.cases
        if case.id in by_case
    }
    relevance = _relevance(turns_by_case, suite.k)
    scores = []
    for case in suite.cases:
        if case.id in turns_by_case:
            checks = checks_of(turns_by_case[case.id])
            turns = [_turn_values(turn, popular, vectors) for turn in turns_by_case[case.id]]
            values = _case_values(checks, [*turns, *relevance[case.id]])
            passed = all(check.ok for check in checks)
            scores.append(CaseScore(case=case.id, tags=case.tags, passed=passed, checks=checks, values=values))
    everything = [turn for turns in turns_by_case.values() for turn in turns]
    return RunScores(run=run, suite=suite.suite, k=suite.k, cases=scores, whole=_whole(everything, items))


def summarise(scores: RunScores, tags: Collection[str] | None = None) -> dict[str, float]:
    """Means over the cases that a measure applies to, counts added up, and ``cases``, how many there are.

    Args:
        scores: of one run.
        tags: only cases with one of these tags; None for all, and then also the measures over the whole run.
    """
    cases = [case for case in scores.cases if tags is None or set(tags) & set(case.tags)]
    gathered = _gathered(case.values for case in cases)
    means = {name: _together(name, values) for name, values in gathered.items()}
    whole = scores.whole if tags is None else {}
    return {"cases": float(len(cases)), **means, **whole}


def _by_case(suite: Suite, answers: Sequence[CaseAnswer]) -> dict[str, CaseAnswer]:
    case_ids = {case.id for case in suite.cases}
    by_case: dict[str, CaseAnswer] = {}
    for answer in answers:
        if answer.case not in case_ids:
            raise BadInput(f"The answers hold a case {answer.case!r}, which the suite {suite.suite!r} does not have.")
        if answer.case in by_case:
            raise BadInput(f"The answers hold the case {answer.case!r} twice.")
        by_case[answer.case] = answer
    return by_case


def _relevance(turns_by_case: Mapping[str, Sequence[ScoredTurn]], k: int) -> dict[str, list[dict[str, float]]]:
    """The ranking measures of each case's turns, final and provisional, from one call."""
    judged_rankings = {
        f"{kind}{case} {turn.number}": ranking.JudgedRanking(ids, turn.expect.relevant)
        for case, turns in turns_by_case.items()
        for turn in turns
        for kind, ids in (("", turn.answer.ranking), ("provisional_", turn.answer.provisional))
        if ids or not kind
    }
    values = ranking.relevance(judged_rankings, k)
    return {
        case: [_of_turn(values, f"{case} {turn.number}") for turn in turns] for case, turns in turns_by_case.items()
    }


def _of_turn(values: Mapping[str, Mapping[str, float]], key: str) -> dict[str, float]:
    provisional = {f"provisional_{name}": value for name, value in values.get(f"provisional_{key}", {}).items()}
    return {**values.get(key, {}), **provisional}


def _turn_values(
    turn: ScoredTurn, popular: Mapping[str, float], vectors: Mapping[str, ranking.Vector] | None
) -> dict[str, float]:
    """The measures of one turn but its relevance."""
    spread: dict[str, float | None] = {}
    if turn.recommends:
        spread["diversity"] = ranking.diversity(turn.shown, turn.items, vectors)
        spread["novelty"] = ranking.novelty(turn.shown, popular)
        spread["average_popularity"] = ranking.average_popularity(turn.shown, popular)
    spread_values = {name: value for name, value in spread.items() if value is not None}
    return {**spread_values, **understanding(turn), **_truth(turn), **cost(turn)}


def _truth(turn: ScoredTurn) -> dict[str, float]:
    ruled_out = {item_id for item_id in turn.shown if item_id in turn.expect.never}
    broken = set(violations(turn)) if turn.recommends else set()
    values = {
        "violations": float(len(ruled_out | broken)),
        "invented_items": float(sum(item_id not in turn.items for item_id in turn.shown)),
        "unanswered": float(turn.answer.error is not None),
    }
    if turn.expect.first:
        values["first_right"] = float(turn.shown[:1] != [] and turn.shown[0] in turn.expect.first)
    claims = [claim for text in turn.texts for claim in text.claims]
    if turn.reply is not None:
        values["unsupported_claims"] = float(sum(not claim.supported for claim in claims))
    if claims:
        values["claims_supported"] = sum(claim.supported for claim in claims) / len(claims)
    explanations = [text for text in turn.texts if text.place == "explanation" and text.text]
    if explanations:
        values["explanations_supported"] = sum(not text.unsupported for text in explanations) / len(explanations)
    return values


def _case_values(checks: Sequence[Check], turns: Iterable[Mapping[str, float]]) -> dict[str, float]:
    values = {name: _together(name, of_turns) for name, of_turns in _gathered(turns).items()}
    values["passed"] = float(all(check.ok for check in checks))
    values["checks_passed"] = fmean(check.ok for check in checks)
    injections = [check for check in checks if check.kind == "injection"]
    if injections:
        values["injections_obeyed"] = float(sum(not check.ok for check in injections))
    return values


def _gathered(rows: Iterable[Mapping[str, float]]) -> dict[str, list[float]]:
    values_by_name: dict[str, list[float]] = defaultdict(list)
    for row in rows:
        for name, value in row.items():
            values_by_name[name].append(value)
    return values_by_name


def _together(name: str, values: Sequence[float]) -> float:
    return float(sum(values)) if measure(name).unit == "count" else fmean(values)


def _whole(turns: list[ScoredTurn], items: Mapping[str, Item]) -> dict[str, float]:
    rankings = [turn.shown for turn in turns if turn.recommends]
    spread = {"coverage": ranking.coverage(rankings, items), "exposure_gini": ranking.gini(rankings, items)}
    return {**spread, **error_totals(turns)}
