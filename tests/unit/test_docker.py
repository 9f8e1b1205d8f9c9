"""The container files: well-formed, and about things that exist. No engine runs them here."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from typer.main import get_command

from assistant.cli import app
from assistant.models.names import DEFAULT_MODELS
from assistant.settings import ServiceBounds
from tests.unit.test_configuration import settings_in_code
from tests.unit.test_locks import locked

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".docker"
SCHEMA = ROOT / "tests" / "data" / "compose-spec.json"
"""The Compose Specification's own schema (Apache-2.0), as the npm package dclint 3.1.0 carries it."""


@pytest.fixture(scope="module")
def dockerfile() -> str:
    return (FOLDER / "Dockerfile").read_text()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((FOLDER / "compose.yaml").read_text()))


def test_the_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, FOLDER / "Dockerfile"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_compose_file_fits_its_schema(compose: dict[str, Any]) -> None:
    validator = Draft7Validator(json.loads(SCHEMA.read_text()))
    assert [error.message for error in validator.iter_errors(compose)] == []
    broken = {**compose, "services": {"api": {"imagine": "x"}}}
    assert list(validator.iter_errors(broken))


def test_every_path_in_them_exists(dockerfile: str, compose: dict[str, Any]) -> None:
    scripts = re.findall(r"bash (\S+\.sh)", dockerfile)
    assert len(scripts) == 2
    for script in scripts:
        assert (ROOT / script).is_file(), script
    for service in ("api", "command"):
        build = compose["services"][service]["build"]
        assert (FOLDER / build["context"]).resolve() == ROOT
        assert (ROOT / build["dockerfile"]).is_file()
    assert (FOLDER / "Dockerfile.dockerignore").is_file()  # BuildKit looks for it under this name


def test_every_command_in_them_exists(dockerfile: str, compose: dict[str, Any]) -> None:
    known = set(get_command(app).commands)  # type: ignore[attr-defined] # a group
    entry, command = (json.loads(line) for line in re.findall(r"^(?:ENTRYPOINT|CMD) (.+)$", dockerfile, re.MULTILINE))
    assert entry == compose["services"]["command"]["entrypoint"] == ["assistant"]
    assert command[0] in known
    assert compose["services"]["command"]["command"][0] in known
    options = {option for one in get_command(app).commands["serve"].params for option in one.opts}  # type: ignore[attr-defined]
    assert set(command[1:]) <= options


def test_every_setting_in_them_exists(dockerfile: str, compose: dict[str, Any]) -> None:
    known = {f"ASSISTANT_{key.upper().replace('.', '__')}" for key, _ in settings_in_code()}
    named = set(re.findall(r"ASSISTANT_[A-Z_]+", dockerfile)) | {
        name for name in compose["services"]["api"]["environment"] if name.startswith("ASSISTANT_")
    }
    assert len(named) >= 6
    assert named <= known


def test_versions_are_those_of_the_locks(dockerfile: str, compose: dict[str, Any]) -> None:
    assert compose["services"]["chroma"]["image"] == f"chromadb/chroma:{locked('app')['chromadb']}"
    vllm = re.search(r"VLLM_GPU=(\S+)", (ROOT / ".scripts" / "setup.sh").read_text())
    assert vllm is not None
    assert compose["services"]["vllm"]["image"] == f"vllm/vllm-openai:v{vllm[1]}"
    assert set(re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)) == {"python:3.11-slim-bookworm"}
    assert DEFAULT_MODELS["gpu"] in compose["services"]["api"]["environment"]["ASSISTANT_LLM__MODEL"]


def test_they_hold_no_secret_and_the_image_s_user_is_not_root(dockerfile: str, compose: dict[str, Any]) -> None:
    users = re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE)
    assert users
    assert all(not user.startswith(("0", "root")) for user in users)
    for service in compose["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search(r"KEY|TOKEN|SECRET|PASSWORD", name):
                assert re.fullmatch(r"\$\{\w+:-(none)?\}", value), name
        assert not any(str(port).startswith(("0.0.0.0", "80")) for port in service.get("ports", []))


def test_the_stop_is_given_as_long_as_the_service_takes(compose: dict[str, Any]) -> None:
    seconds = int(compose["services"]["api"]["stop_grace_period"].removesuffix("s"))
    assert seconds > ServiceBounds().stop_seconds + 10
