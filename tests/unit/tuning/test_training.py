"""Training an adapter on a tiny model: what is learned, going on where it was stopped, and what is served of it."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from assistant.agent.scores import identity
from assistant.errors import ConfigError
from assistant.front import Assistant
from assistant.llm.adapters import (
    CARD,
    TAUGHT,
    WEIGHTS,
    adapter_at,
    adapter_in_force,
    is_taught,
    merged,
    prompts_in_force,
)
from assistant.settings import Settings
from assistant.tuning.examples import Example, ExampleMessage
from assistant.tuning.training import IGNORED, Recipe, tokens_of, train
from tests.unit.tuning.conftest import TEMPLATE, tokenizer

RECIPE = Recipe(rank=8, alpha=16, rate=2e-2, epochs=15, batch=4)


def example(question: str, *answers: str) -> Example:
    """A question, and rounds of answers with a result between them."""
    told = [ExampleMessage(role="system", content="Answer."), ExampleMessage(role="user", content=question)]
    for answer in answers:
        told += [
            ExampleMessage(role="assistant", content=answer, learned=True),
            ExampleMessage(role="user", content="go on"),
        ]
    return Example(step="plan", language="en", messages=told[:-1], source="test")


EXAMPLES = [example(f"{name}?", f"{name}!") for name in ("tea", "cup", "pot", "jug", "pan", "tin", "jar", "mug")]


def tiny(home: Path, **llm: str) -> Settings:
    return Settings.model_validate({"home": home, "llm": {"model": "tiny", **llm}})


def test_only_answers_are_learned_and_every_round_of_them() -> None:
    made = tokenizer()
    tokens = tokens_of(example("a cup?", "yes", "no"), made)
    learned = [token for token, label in zip(tokens.ids, tokens.labels, strict=True) if label != IGNORED]
    assert made.decode(learned) == "yes<|im_end|>\nno<|im_end|>\n"
    assert [label for label in tokens.labels if label != IGNORED] == learned


def test_a_template_that_rewrites_earlier_messages_is_refused() -> None:
    changing = TEMPLATE.replace("{{ m.content }}", "{{ m.content if loop.last else '...' }}")
    with pytest.raises(ConfigError, match="chat template"):
        tokens_of(example("a cup?", "yes", "no"), tokenizer(changing))


def test_an_adapter_learns_goes_on_after_a_stop_and_is_served_merged(base: Path, tmp_path: Path) -> None:
    home, said = tmp_path / "home", list[str]()
    folder = home / "adapters" / "tiny"

    def stop_half_way(text: str) -> None:
        said.append(text)
        if text.startswith("step 15 of"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(EXAMPLES, EXAMPLES, base, "tiny", folder, RECIPE, say=stop_half_way)
    said.clear()
    card = train(EXAMPLES, EXAMPLES, base, "tiny", folder, RECIPE, say=said.append, users=["u2", "u1"])
    assert int(next(one for one in said if one.startswith("step")).split()[1]) > 5, "it begins again"
    assert card.figures["loss_after"] < 0.6 * card.figures["loss_before"]
    assert card.users == ["u1", "u2"]
    assert json.loads((folder / CARD).read_text())["base"] == "tiny"
    assert (folder / "losses.png").stat().st_size > 5_000

    settings = tiny(home)
    adapter = adapter_in_force(settings)
    assert adapter is not None
    assert is_taught(settings)
    assert identity(settings) == f"tiny taught {adapter.digest}"
    whole = merged(base, adapter, tmp_path / "cache")
    assert merged(base, adapter, tmp_path / "cache") == whole
    assert _loss(whole, EXAMPLES) < 0.6 * _loss(base, EXAMPLES)
    assert _loss(whole, EXAMPLES) == pytest.approx(card.figures["loss_after"], rel=0.25)

    settings = tiny(home, adapter="none")
    assert adapter_in_force(settings) is None
    assert prompts_in_force(settings) is None
    assert identity(settings) == "tiny"


def _loss(folder: Path, examples: list[Example]) -> float:
    model, own = (
        AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        AutoTokenizer.from_pretrained(folder),
    )
    losses = []
    for one in examples:
        tokens = tokens_of(one, own)
        with torch.no_grad():
            out = model(input_ids=torch.tensor([tokens.ids]), labels=torch.tensor([tokens.labels]))
        losses.append(float(out.loss))
    return sum(losses) / len(losses)


def test_a_training_goes_on_from_another_adapter(base: Path, tmp_path: Path) -> None:
    quick = Recipe(rank=4, alpha=8, rate=2e-2, epochs=5, batch=4)
    first = train(EXAMPLES, EXAMPLES, base, "tiny", tmp_path / "first", quick)
    start = adapter_at(tmp_path / "first", "tiny")
    second = train(EXAMPLES, EXAMPLES, base, "tiny", tmp_path / "second", replace(quick, rank=16), start=start)
    assert (second.settings["rank"], second.settings["start"]) == (4, start.digest)
    assert second.figures["loss_before"] == pytest.approx(first.figures["loss_after"], rel=0.05)  # kept in 16 bits
    assert second.figures["loss_after"] < first.figures["loss_after"]


def test_an_adapter_of_another_model_or_of_none_is_refused_by_name(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    train(EXAMPLES[:2], EXAMPLES[:2], base, "tiny", folder, Recipe(rank=2, epochs=1, batch=2))
    with pytest.raises(ConfigError, match="is one of tiny"):
        adapter_in_force(tiny(tmp_path, model="other", adapter=str(folder)))
    with pytest.raises(ConfigError, match="assistant tune"):
        adapter_in_force(tiny(tmp_path, adapter=str(tmp_path / "nowhere")))
    (tmp_path / "adapters" / "other").mkdir(parents=True)
    (tmp_path / "adapters" / "other" / CARD).write_text("{damaged")
    assert adapter_in_force(tiny(tmp_path, model="other")) is None


async def test_an_assistant_does_not_open_with_an_adapter_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="assistant tune"):
        async with Assistant(tiny(tmp_path, adapter=str(tmp_path / "nowhere"))):
            pass


def test_a_damaged_adapter_is_no_half_made_model(base: Path, tmp_path: Path) -> None:
    folder = tmp_path / "adapter"
    train(EXAMPLES[:2], EXAMPLES[:2], base, "tiny", folder, Recipe(rank=2, epochs=1, batch=2))
    (folder / WEIGHTS).write_bytes(b"no weights")
    adapter = adapter_in_force(tiny(tmp_path, adapter=str(folder)))
    assert adapter is not None
    with pytest.raises(OSError, match="damaged"):
        merged(base, adapter, tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["lock"]


def test_prompts_of_the_settings_come_before_those_of_a_taught_model(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, prompts=tmp_path)
    assert prompts_in_force(settings) == tmp_path
    assert not is_taught(settings)
    assert is_taught(Settings(home=tmp_path, prompts=TAUGHT))


def test_no_examples_are_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no examples"):
        train([], [], base, "tiny", tmp_path / "adapter", RECIPE)
