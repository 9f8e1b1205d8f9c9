"""Variants as the command line and files give them."""

from pathlib import Path

import pytest

from assistant.errors import BadInput, ProductError
from assistant.settings import load_settings
from eval.runs.variants import BUILT_IN, chosen_variants, parse_variant, read_variants, variant_settings


def test_every_answerer_and_every_signal_has_a_variant() -> None:
    assert set(BUILT_IN) == {
        "assistant", "no-photo", "no-voice", "no-video", "no-text", "no-history", "no-llm-rank",
        "random", "popular", "bm25", "dense", "picture", "fusion", "unfused", "stock-agent",
    }  # fmt: skip
    assert parse_variant("no-llm-rank").without == ["llm_rank"]


def test_a_variant_changes_the_keys_it_names_and_no_other() -> None:
    settings = load_settings(turn={"top_n": 5}, llm={"model": "one"})
    variant = parse_variant("quick:turn.rounds=4,llm.model=two,speech.languages=[en, zh],turn.weights.picture=3")
    changed = variant_settings(variant, settings)
    assert (changed.turn.rounds, changed.turn.top_n, changed.llm.model) == (4, 5, "two")
    assert changed.speech.languages == ["en", "zh"]
    assert changed.turn.weights == settings.turn.weights | {"picture": 3.0}
    assert changed.vision == settings.vision
    assert settings.turn.rounds == 2


def test_fields_of_the_variant_itself(tmp_path: Path) -> None:
    variant = parse_variant(f"mine:answerer=bm25,without=photo+llm-rank,prompts={tmp_path}")
    assert (variant.answerer, variant.without, variant.prompts) == ("bm25", ["photo", "llm_rank"], str(tmp_path))
    settings = variant_settings(variant, load_settings())
    assert settings.prompts == tmp_path
    assert settings.turn.ranking == "fused"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("nonsense", "There is no variant 'nonsense'; known: assistant"),
        ("Quick:turn.rounds=4", "no name of a variant"),
        ("bm25:turn.top_n=4", "built-in variant"),
        ("quick:turn.rounds", "not of the form key=value"),
        ("quick:", "not of the form key=value"),
        ("quick:turn.round=4", "no setting turn.round; did you mean turn.rounds?"),
        ("quick:turn=4", "no setting turn"),
        ("quick:turns.top_n=4", "did you mean turn.top_n?"),
        ("quick:turn.top_n.x=4", "turn.top_n is no table"),
        ("quick:turn.rounds=many", "turn.rounds is wrong"),
        ("quick:turn.rounds=400", "turn.rounds is wrong"),
        ("quick:turn.rounds=[4", "is no YAML"),
        ("quick:data=elsewhere", "cannot change it"),
        ("quick:service.port=4", "cannot change it"),
        ("quick:answerer=oracle", "wrong at answerer"),
        ("quick:without=photos", "wrong at without"),
    ],
)
def test_a_wrong_variant_is_refused_in_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(ProductError, match=reason) as caught:
        parse_variant(text)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_variants_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "variants.yaml"
    file.write_text("quick:\n  settings: {turn.rounds: 4}\nplan3:\n  prompts: plan3\nplain:\n", "utf-8")
    quick, plan3, plain = read_variants(file)
    assert quick.settings == {"turn.rounds": 4}
    assert plan3.prompts == str(tmp_path / "plan3")
    assert plain.answerer == "assistant"


@pytest.mark.parametrize("text", ["- quick\n", "quick: 4\n", "quick: {answerers: bm25}\n", "quick: [\n", "a b: {}\n"])
def test_a_wrong_file_is_refused_in_one_sentence(text: str, tmp_path: Path) -> None:
    file = tmp_path / "variants.yaml"
    file.write_text(text, "utf-8")
    with pytest.raises(BadInput) as caught:
        read_variants(file)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"nowhere\.yaml"):
        read_variants(tmp_path / "nowhere.yaml")


def test_the_assistant_is_what_runs_when_nothing_is_named() -> None:
    assert chosen_variants([], []) == [BUILT_IN["assistant"]]
    with pytest.raises(BadInput, match="two variants named 'bm25'"):
        chosen_variants(["bm25", "random", "bm25"], [])
