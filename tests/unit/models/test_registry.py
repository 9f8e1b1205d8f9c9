"""The registry: what ships is complete, and what is malformed is refused with its place."""

import json
from copy import deepcopy
from pathlib import Path

import pytest

from assistant.errors import BadInput, ConfigError
from assistant.models.registry import REGISTRY_FILE, ContainerSource, HubSource, Registry, load_registry, read_registry
from assistant.settings import ModelFileSettings, Settings

from ...fakes.toy_model import Shelf

EXPECTED = {
    "qwen2.5-coder-0.5b-instruct": "llm",
    "qwen2.5-coder-1.5b-instruct": "llm",
    "smollm2-135m-instruct": "llm",
    "whisper-base": "asr",
    "embeddinggemma-300m": "text-embedding",
    "multilingual-e5-small": "text-embedding",
    "all-minilm-l6-v2": "text-embedding",
    "efficientnet-lite0": "image-classifier",
    "efficientnet-lite2": "image-classifier",
}


def test_shipped_registry_names_every_model_with_its_role() -> None:
    models = read_registry(REGISTRY_FILE).models
    assert {name: model.role for name, model in models.items()} == EXPECTED


def test_every_model_has_containers_first_and_hub_next_where_there_is_one() -> None:
    for model in read_registry(REGISTRY_FILE).models.values():
        assert isinstance(model.sources[0], ContainerSource)
        assert all(isinstance(source, HubSource) for source in model.sources[1:])
        assert model.licence in ("Apache-2.0", "MIT") or model.notice


def test_weights_are_never_pinned_by_revision_alone() -> None:
    for model in read_registry(REGISTRY_FILE).models.values():
        for source in model.sources:
            if isinstance(source, HubSource):
                assert model.weights.path not in source.by_revision


def test_unknown_name_lists_the_known() -> None:
    with pytest.raises(BadInput, match=r"'nope'.*known: .*whisper-base"):
        read_registry(REGISTRY_FILE).get("nope")


@pytest.mark.parametrize("target", ["../weights.bin", "/weights.bin", "a/../../weights.bin", "C:/weights.bin", ""])
def test_targets_stay_inside_their_folder(shelf: Shelf, target: str) -> None:
    entry = deepcopy(shelf.entry)
    entry["files"][0]["path"] = target
    with pytest.raises(ValueError):
        Registry.model_validate({"version": 1, "models": {"toy": entry}})


@pytest.mark.parametrize("name", ["../toy", "Toy", ".toy", "a/b", ""])
def test_names_are_folder_names(shelf: Shelf, name: str) -> None:
    with pytest.raises(ValueError):
        Registry.model_validate({"version": 1, "models": {name: shelf.entry}})


def test_source_that_lacks_a_file_is_refused(shelf: Shelf) -> None:
    entry = deepcopy(shelf.entry)
    entry["files"].append({"path": "more.bin", "bytes": 1, "sha256": "0" * 64})
    with pytest.raises(ValueError, match="does not deliver"):
        Registry.model_validate({"version": 1, "models": {"toy": entry}})


def test_user_registry_adds_to_the_shipped_one(shelf: Shelf, tmp_path: Path) -> None:
    path = shelf.write_registry(tmp_path / "more.json")
    models = load_registry(Settings(home=tmp_path, models=ModelFileSettings(registry=path))).models
    assert {"toy", "whisper-base"} <= set(models)


def test_broken_user_registry_is_a_sentence_with_its_place(shelf: Shelf, tmp_path: Path) -> None:
    shelf.entry["files"][0]["sha256"] = "abc"
    path = tmp_path / "more.json"
    path.write_text(json.dumps({"version": 1, "models": {"toy": shelf.entry}}))
    with pytest.raises(ConfigError, match=r"models\.toy\.files\.0\.sha256"):
        load_registry(Settings(home=tmp_path, models=ModelFileSettings(registry=path)))
    with pytest.raises(ConfigError, match="cannot be read"):
        load_registry(Settings(home=tmp_path, models=ModelFileSettings(registry=tmp_path / "absent.json")))
