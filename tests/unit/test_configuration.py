"""The settings and their page in the docs say the same."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel, SecretStr
from pydantic_core import PydanticUndefined

from assistant.errors import ConfigError
from assistant.settings import RETIRED, Settings, load_settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"


def settings_in_code(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from settings_in_code(field.annotation, f"{prefix}{name}.")
        else:
            default = field.default
            yield prefix + name, default.get_secret_value() if isinstance(default, SecretStr) else default


def settings_in_docs() -> dict[str, str]:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (.+?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(rows) == len(dict(rows)), "a key stands twice in the docs"
    return dict(rows)


def test_every_setting_is_documented_and_every_documented_one_exists() -> None:
    assert set(settings_in_docs()) == {key for key, _ in settings_in_code()}


@pytest.mark.parametrize(("key", "default"), sorted(settings_in_code(), key=str))
def test_documented_defaults(key: str, default: object) -> None:
    documented = settings_in_docs()[key].strip("`")
    if default is None or default is PydanticUndefined:
        assert documented  # said in words
    else:
        assert json.loads(documented) == default


def test_flags_come_before_environment_before_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.toml").write_text('[llm]\nport = 1001\nseed = 1\nmodel = "m"\n')
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path))
    monkeypatch.setenv("ASSISTANT_LLM__PORT", "1002")
    monkeypatch.setenv("ASSISTANT_LLM__SEED", "2")
    llm = load_settings(llm={"seed": 3}).llm
    assert (llm.seed, llm.port, llm.model) == (3, 1002, "m")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("[llm]\nport = 0\n", r"llm\.port"),
        ("[llm]\nprot = 1\n", r"llm\.prot"),
        ('[llm]\nprofile = "tpu"\n', r"llm\.profile"),
        ("[llm\n", "cannot be read"),
    ],
)
def test_wrong_settings_are_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, says: str
) -> None:
    (tmp_path / "config.toml").write_text(content)
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path))
    with pytest.raises(ConfigError, match=says) as caught:
        load_settings()
    assert "\n" not in str(caught.value)


def test_a_setting_that_became_a_constant_is_told_of_and_ignored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "config.toml").write_text("[llm]\ntemperature = 0.5\nport = 1001\n[service]\nping_seconds = 3\n")
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path))
    settings = load_settings()
    assert (settings.llm.port, settings.service.bounds.ping_seconds) == (1001, 15)
    assert caplog.messages == [
        "The setting llm.temperature is gone and does nothing: llm.extra_body takes temperature.",
        "The setting service.ping_seconds is gone and does nothing.",
    ]
    assert not {key for key, _ in settings_in_code()} & set(RETIRED)


def test_fusion_by_rank_is_told_of_and_another_method_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    load_settings(turn={"fusion": "rrf"})
    assert caplog.messages == [
        "The setting turn.fusion is gone and does nothing: signals are always fused by rank.",
    ]
    with pytest.raises(ConfigError, match=r"^The setting turn is wrong: .*assistant eval research fusion\.$"):
        load_settings(turn={"fusion": "learned"})


def test_an_installed_product_keeps_its_data_in_the_users_own_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.settings.project_folder", lambda: tmp_path)  # no checkout
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert load_settings().home == tmp_path / "share" / "recommendation-assistant"
    (tmp_path / ".assistant").mkdir()  # as earlier versions made it
    assert load_settings().home == tmp_path / ".assistant"
    (tmp_path / ".assistant").rmdir()
    (tmp_path / "pyproject.toml").touch()
    assert load_settings().home == tmp_path / ".assistant"


def test_folders_follow_home(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path)
    assert settings.data_folder == tmp_path / "data"
    assert settings.run_folder == tmp_path / "run"
    assert settings.models_folder == tmp_path / "models"
    assert load_settings(home=tmp_path, run=tmp_path / "r", data=tmp_path / "d").run_folder == tmp_path / "r"
