"""Scores of the probe are kept by what the model is, and a damaged file costs nothing but a new probe."""

from datetime import date
from pathlib import Path

from assistant.agent.scores import PARTS, Score, Scores, identity, keep, kept_scores
from assistant.settings import Settings, load_settings


def scores(right: int = 3) -> Scores:
    parts = {part: Score(right=right, tasks=4) for part in PARTS}
    return Scores(model="mine", tasks="abc", day=date(2026, 1, 2), parts=parts, seconds=1.5)


def at(home: Path, model: str, **llm: str) -> Settings:
    return load_settings(home=home, llm={"model": model, **llm})


def test_what_is_kept_is_found_again_beside_others(tmp_path: Path) -> None:
    first, second = at(tmp_path, "one", profile="gpu"), at(tmp_path, "two", profile="gpu")
    assert kept_scores(first) is None
    keep(first, scores(1))
    keep(second, scores(2))
    keep(first, scores(4))
    assert kept_scores(first) == scores(4)
    assert kept_scores(second) == scores(2)


def test_a_damaged_file_is_as_if_nothing_were_kept(tmp_path: Path) -> None:
    settings = at(tmp_path, "one", profile="gpu")
    for damaged in ("", "{", "[]", '{"one": {"model": 3}}', "\ud83d"):
        (tmp_path / "probed.json").write_bytes(damaged.encode("utf-8", "surrogatepass"))
        assert kept_scores(settings) is None
        keep(settings, scores())
        assert kept_scores(settings) == scores()


def test_other_weights_in_the_same_folder_are_another_model(tmp_path: Path) -> None:
    folder = tmp_path / "tuned"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"first")
    before = identity(at(tmp_path, str(folder)))
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert identity(at(tmp_path, str(folder))) != before


def test_a_remote_model_is_known_with_its_address(tmp_path: Path) -> None:
    settings = at(tmp_path, "m", profile="remote", base_url="http://a/v1")
    other = at(tmp_path, "m", profile="remote", base_url="http://b/v1")
    assert identity(settings) != identity(other)


def test_the_models_that_setup_fetches_are_probed_already(tmp_path: Path) -> None:
    for model in ("qwen2.5-coder-0.5b-instruct", "qwen2.5-coder-1.5b-instruct"):
        assert kept_scores(at(tmp_path, model)) is not None
