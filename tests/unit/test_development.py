"""The answers of docs/development.md are true. A tool: tests/unit/agent/test_registering.py; the vector store:
tests/unit/store/test_vector_index.py."""

import re
from pathlib import Path
from typing import get_args

import pytest

from assistant.agent.first_searches import Names, planning_rules
from assistant.claims import Explanation, checking, unsupported
from assistant.records import Evidence
from assistant.settings import Settings, TurnSettings, VisionSettings
from prompts import languages, sentence_keys
from tools.rank_fusion import JOINT_WEIGHTS, WEIGHTS
from tools.records import SignalSource, Vocabulary

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "development.md").read_text("utf-8")


def test_every_file_that_is_named_is_there() -> None:
    named = {name for name in re.findall(r"`([\w/.]+/[\w.]*)`", TEXT) if "NAME" not in name and "CODE" not in name}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md"], ids=lambda p: p.name)
def test_modules_and_tests_that_documents_name_are_there(document: Path) -> None:
    form = r"`((?:assistant|tools|eval|prompts|tests|unit|integration|e2e)/[\w/.]+\.(?:py|yaml|jsonl|json|md))`"
    named = {name for name in re.findall(form, document.read_text("utf-8")) if not re.search("NAME|CODE", name)}
    assert [name for name in sorted(named) if not any((ROOT / part / name).exists() for part in ("", "tests"))] == []


def test_a_signal_is_a_name_and_a_weight() -> None:
    placed = {"pinned"}  # put first by the shop, without a weight
    assert set(get_args(SignalSource)) - placed == set(WEIGHTS)
    assert Settings().turn.weights == Settings().signal_weights == WEIGHTS


def test_a_joint_space_of_its_own_has_weights_of_its_own_unless_they_are_set() -> None:
    clip = Settings(vision=VisionSettings(encoder="open_clip"))
    assert clip.signal_weights == {**WEIGHTS, **JOINT_WEIGHTS}
    own = {**WEIGHTS, "text_picture": 0.0}
    chosen = clip.model_copy(update={"turn": TurnSettings(weights=own)})
    assert chosen.signal_weights == {**own, "picture_text": JOINT_WEIGHTS["picture_text"]}
    few = clip.model_copy(update={"turn": TurnSettings(weights={"dense": 1.0})})
    assert few.signal_weights == {"dense": 1.0}


@pytest.mark.parametrize("language", languages())
def test_a_language_is_a_file_of_sentences(language: str) -> None:
    assert {path.stem for path in (ROOT / "prompts" / "messages").iterdir()} == set(languages())
    assert sentence_keys(language) == sentence_keys("en")


def test_what_the_model_is_asked_to_plan_is_the_prompt(tmp_path: Path) -> None:
    header = (ROOT / "prompts" / "plan.md").read_text("utf-8").split("## ")[0]
    (tmp_path / "plan.md").write_text(f"{header}## system\nSing of {{{{ categories }}}}, {{{{ brands }}}}.\n", "utf-8")
    [rules] = planning_rules(Names(categories=["Lamps"]), tmp_path)
    assert rules.content == "Sing of Lamps, none."


def test_a_claim_check_is_a_function_in_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    facts = {"name": "material", "value": "oak"}
    evidence = [
        Evidence(
            id="e1", item_id="x", source="attribute", detail="material: oak", key="evidence_attribute", facts=facts
        )
    ]
    said = Explanation("It is made of oak.", "Chair", evidence, "en")
    assert unsupported(said, Vocabulary()) == []
    refusing = [*checking.CHECKS, lambda sentence, spans, numbers: sentence.refuse("anything")]
    monkeypatch.setattr(checking, "CHECKS", refusing)
    assert unsupported(said, Vocabulary()) == ["anything"]
