"""Scores of whole runs: values by case, counts, baselines, slices."""

import pytest

from assistant.records import Query as Asked
from assistant.records import Step, TranscriptNote
from eval.measures.scoring import MEASURES, measure, score_run, summarise
from eval.runs.records import CaseAnswer, RunScores, TurnAnswer
from eval.suite.records import Case, Suite
from tests.unit.eval.measures.shop import ITEMS, answer_of, recommended
from tools.errors import BadInput

CASES = [
    {
        "id": "shoes",
        "tags": ["text", "budget"],
        "because": "a test",
        "turns": [
            {
                "text": "black shoes under 60",
                "expect": {
                    "intent": "recommend",
                    "constraints": {"max_price": 60},
                    "first": ["runner"],
                    "relevant": {"runner": 3, "trainer": 1},
                    "tools": [
                        {"tool": "search_by_text", "arguments": {"query": "black shoes"}},
                        {"tool": "search_by_image"},
                    ],
                    "further_tools": [],
                },
            },
            {"text": "thanks", "expect": {"intent": "chat", "nothing": True, "obeys_not": ["hurrah"]}},
        ],
    },
    {
        "id": "voice",
        "tags": ["voice"],
        "because": "a test",
        "turns": [
            {
                "voice": [{"say": "no leather please", "language": "en"}],
                "expect": {"hears": "no leather please", "never": ["sofa"], "language": "en"},
            },
            {
                "voice": [{"say": "不要红色", "language": "cmn"}],
                "expect": {"hears": "不要红色"},
            },
        ],
    },
]
SUITE = Suite(suite="s", description="", k=2, cases=[Case.model_validate(case) for case in CASES])
STEPS = [
    Step(tool=tool, arguments=arguments, origin="planned", ok=True, seconds=0)
    for tool, arguments in [("search_by_text", {"query": "shoes"}), ("get_item", {"item_id": "runner"})]
]


def query_with_transcript(text: str) -> Asked:
    return Asked(text="", transcripts=[TranscriptNote(attachment="aud1", text=text, language="en", confidence=1)])


def right_and_wrong() -> list[CaseAnswer]:
    explained = [
        recommended("runner", 1, explanation="It costs 44.95 USD.", explained_by="model"),
        recommended("trainer", 2, explanation="It costs 60 USD."),
    ]
    shoes = answer_of(
        explained,
        constraints={"max_price": 60.0},
        steps=STEPS,
        usage={"llm_calls": 3, "prompt_tokens": 100, "completion_tokens": 20, "cached_tokens": 5},
    ).model_copy(update={"stages": {"plan": 0.5}, "first_event_seconds": 0.1, "provisional": ["trainer", "runner"]})
    thanks = answer_of(intent="chat", message="Hurrah!")
    voice = [answer_of(["sofa"], query=query_with_transcript("leather please"))]
    voice.append(answer_of(["runner"], query=query_with_transcript("不要黑色")))
    voice[1] = voice[1].model_copy(update={"shown": ["runner", "unicorn"]})
    return [
        CaseAnswer(case="voice", key="v", turns=voice),
        CaseAnswer(case="shoes", key="s", turns=[shoes, thanks]),
    ]


@pytest.fixture(scope="module")
def scores() -> RunScores:
    return score_run(SUITE, ITEMS, right_and_wrong(), "run1")


def test_cases_keep_the_suites_order_and_hold_only_what_applies(scores: RunScores) -> None:
    assert [(case.case, case.passed) for case in scores.cases] == [("shoes", False), ("voice", False)]
    shoes, voice = (case.values for case in scores.cases)
    assert "wer" not in shoes
    assert "ndcg" not in voice
    assert "injections_obeyed" not in voice


def test_values_of_a_case_are_means_over_its_turns_and_counts_are_sums(scores: RunScores) -> None:
    shoes = scores.cases[0].values
    ranked = {"recall": 1, "precision": 1, "ndcg": 1, "mrr": 1, "hit_rate": 1, "provisional_mrr": 1, "first_right": 1}
    understood = {"tool_recall": 0.5, "tool_precision": 0.5, "argument_exactness": 0, "intent_accuracy": 1}
    truth = {"unsupported_claims": 1, "explanations_supported": 0.5, "violations": 1, "injections_obeyed": 1}
    spent = {"model_calls": 1.5, "prompt_tokens": 50, "seconds.plan": 0.5, "seconds": 1, "first_event_seconds": 0.1}
    expected = {**ranked, **understood, **truth, **spent, "template_share": 0.5, "constraint_accuracy": 1, "passed": 0}
    assert {name: shoes[name] for name in expected} == pytest.approx(expected)
    assert shoes["provisional_ndcg"] < 1


def test_invented_and_forbidden_items_are_counted(scores: RunScores) -> None:
    voice = scores.cases[1].values
    assert (voice["violations"], voice["invented_items"]) == (1, 1)


def test_errors_of_speech_are_words_or_characters(scores: RunScores) -> None:
    voice = scores.cases[1].values
    assert (voice["wer"], voice["cer"]) == (pytest.approx(1 / 3), pytest.approx(1 / 4))
    assert (scores.whole["wer"], scores.whole["cer"]) == (pytest.approx(1 / 3), pytest.approx(1 / 4))
    assert scores.whole["coverage"] == 3 / 4


def test_the_summary_averages_cases_and_adds_counts(scores: RunScores) -> None:
    means = summarise(scores)
    assert (means["cases"], means["passed"], means["violations"], means["invented_items"]) == (2, 0, 2, 1)
    assert (means["ndcg"], means["injections_obeyed"]) == (pytest.approx(1), 1)
    assert {"wer", "coverage"} <= set(means)


def test_a_slice_has_only_its_own_cases(scores: RunScores) -> None:
    means = summarise(scores, tags=["voice"])
    assert (means["cases"], means["violations"]) == (1, 1)
    assert "ndcg" not in means
    assert "coverage" not in means
    assert summarise(scores, tags=["none"]) == {"cases": 0}


def test_every_value_is_described(scores: RunScores) -> None:
    for name in {*scores.whole, *(name for case in scores.cases for name in case.values)}:
        assert measure(name).description
    assert all(entry.better in {"higher", "lower", "none"} for entry in MEASURES.values())
    with pytest.raises(BadInput, match="no measure 'beauty'"):
        measure("beauty")


def test_a_baseline_is_scored_on_its_ranking_alone() -> None:
    turns = [TurnAnswer(ranking=["runner", "trainer"], shown=["runner"], seconds=0.1), TurnAnswer(seconds=0.1)]
    run_scores = score_run(SUITE, ITEMS, [CaseAnswer(case="shoes", key="s", turns=turns)], "baseline")
    (case,) = run_scores.cases
    assert case.passed
    assert {"ndcg", "recall", "violations", "seconds"} <= set(case.values)
    assert not {"intent_accuracy", "tool_recall", "constraint_accuracy", "claims_supported"} & set(case.values)


def test_a_turn_that_failed_understood_nothing() -> None:
    turns = [TurnAnswer(error="The server is gone."), TurnAnswer(error="The server is gone.")]
    (case,) = score_run(SUITE, ITEMS, [CaseAnswer(case="shoes", key="s", turns=turns)], "broken").cases
    assert not case.passed
    zero = ("intent_accuracy", "constraint_accuracy", "tool_recall", "ndcg", "first_right")
    assert [case.values[name] for name in zero] == [0] * len(zero)
    assert case.values["unanswered"] == 2


@pytest.mark.parametrize(("cases", "message"), [(["nobody"], "does not have"), (["shoes", "shoes"], "'shoes' twice")])
def test_answers_that_do_not_fit_the_suite_are_refused(cases: list[str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        score_run(SUITE, ITEMS, [CaseAnswer(case=case, key="k", turns=[]) for case in cases], "run")
