"""Finished folders: what counts as one, and what a check finds."""

import json
from pathlib import Path

import pytest

from assistant.errors import BadInput, ModelMissing
from assistant.models import ensure_present, needed, pull
from assistant.models.store import check
from assistant.settings import LLMSettings, Settings, SpeechSettings, TextSettings, VisionSettings

from ...fakes.toy_model import SettingsFor, Shelf


@pytest.fixture
def finished(shelf: Shelf, settings_for: SettingsFor) -> Settings:
    """Settings whose home holds the toy."""
    settings = settings_for(shelf)
    pull(settings, ["toy"], path=shelf.folder)
    return settings


def change_manifest(settings: Settings, **fields: object) -> None:
    path = settings.models_folder / "toy" / "MANIFEST.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_missing_or_resized_file_is_noticed_without_reading(finished: Settings) -> None:
    weights = finished.models_folder / "toy" / "weights.bin"
    weights.write_bytes(b"short")
    with pytest.raises(ModelMissing, match=r"weights\.bin has 5 bytes instead of 300000.*mend it with"):
        ensure_present(finished, "toy")
    weights.unlink()
    with pytest.raises(ModelMissing, match=r"weights\.bin is missing"):
        ensure_present(finished, "toy")


def test_changed_byte_is_found_by_check_and_mended_by_pull(finished: Settings, shelf: Shelf) -> None:
    weights = finished.models_folder / "toy" / "weights.bin"
    weights.write_bytes(b"x" * len(shelf.content))
    ensure_present(finished, "toy")
    model = shelf.registry().get("toy")
    assert check(finished, "toy", model) == "weights.bin is not what the manifest says"
    with pytest.raises(ModelMissing, match="damaged"):
        ensure_present(finished, "toy")
    pull(finished, ["toy"], path=shelf.folder)
    assert check(finished, "toy", model) is None
    assert weights.read_bytes() == shelf.content


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"name": "other"}, "the manifest is of other"),
        ({"converter_version": 0}, "older converter"),
        ({"weights_sha256": "0" * 64}, "other files than the registry names"),
        ({"files": {"../../etc/passwd": {"bytes": 1, "sha256": ""}}}, "no readable MANIFEST"),
    ],
)
def test_manifest_that_does_not_fit_does_not_count(finished: Settings, fields: dict[str, object], reason: str) -> None:
    change_manifest(finished, **fields)
    with pytest.raises(ModelMissing, match=reason):
        ensure_present(finished, "toy")


def test_folder_without_readable_manifest_does_not_count_and_is_replaced(finished: Settings, shelf: Shelf) -> None:
    (finished.models_folder / "toy" / "MANIFEST.json").write_text("{")
    with pytest.raises(ModelMissing, match="no readable MANIFEST"):
        ensure_present(finished, "toy")
    pull(finished, ["toy"], path=shelf.folder)
    ensure_present(finished, "toy")


def test_left_over_half_built_folder_is_ignored(finished: Settings, shelf: Shelf) -> None:
    change_manifest(finished, converter_version=0)
    junk = finished.models_folder / ".toy.new"
    junk.mkdir()
    (junk / "junk").write_text("half")
    pull(finished, ["toy"], path=shelf.folder)
    assert sorted(path.name for path in finished.models_folder.iterdir()) == ["toy"]
    assert not (finished.models_folder / "toy" / "junk").exists()


def test_path_of_a_folder_stands_for_itself_and_other_names_are_refused(finished: Settings, tmp_path: Path) -> None:
    assert ensure_present(finished, str(tmp_path)) == tmp_path
    with pytest.raises(BadInput, match="no model named"):
        ensure_present(finished, "nope")


def test_needed_follows_the_settings(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert needed(settings) == [
        "qwen2.5-coder-0.5b-instruct",
        "whisper-base",
        "embeddinggemma-300m",
        "efficientnet-lite2",
    ]
    other = Settings(
        home=tmp_path,
        llm=LLMSettings(profile="cpu", model="smollm2-135m-instruct"),
        vision=VisionSettings(encoder="open_clip"),
        speech=SpeechSettings(model=str(tmp_path)),
        text=TextSettings(model=str(tmp_path)),
    )
    assert needed(other) == ["smollm2-135m-instruct"]
    remote = other.model_copy(update={"llm": LLMSettings(profile="remote", base_url="http://127.0.0.1/v1", model="x")})
    assert needed(remote) == []
