"""The sdist and the wheel hold everything the program needs, the web page included, and an installed wheel runs."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
import zipfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("assistant", "tools", "prompts", "eval")
ELSEWHERE = ("assistant/web", "eval/research")
"""What wheels leave out: the page's sources, studies."""
CODE_AND_CACHE = ("__pycache__", "node_modules", "results")

pytestmark = pytest.mark.skipif(
    not (find_spec("build") and find_spec("setuptools")),
    reason="the packages build and setuptools are not in this environment, and nothing is fetched for a test",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what packages are built from, so that the checkout stays as it is; with a page in any case."""
    source = tmp_path_factory.mktemp("source")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns(*CODE_AND_CACHE))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    page = source / "assistant" / "web" / "dist"
    if not page.exists():  # not built here: a page of two files takes its place
        (page / "assets").mkdir(parents=True)
        (page / "index.html").write_text('<!doctype html><script src="/assets/page.js"></script>')
        (page / "assets" / "page.js").write_text("export {};\n")
    return source


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with both; the wheel is built from the sdist, so what the sdist lacks the wheel lacks, too."""
    target = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-P", "-m", "build", "--no-isolation", "--outdir", target, source]
    done = subprocess.run(command, capture_output=True, text=True, cwd=target)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    return target


@pytest.fixture(scope="module")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of commands that run the wheel, with the packages of this environment beside it."""
    folder = tmp_path_factory.mktemp("installed")
    (wheel,) = built.glob("*.whl")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target"]
    subprocess.run([*pip, folder, wheel], check=True)
    return {**os.environ, "PYTHONPATH": str(folder), "ASSISTANT_HOME": str(folder / "home")}


def wanted(source: Path) -> set[str]:
    files = [path.relative_to(source).as_posix() for name in PACKAGES for path in (source / name).rglob("*")]
    kept = {name for name in files if (source / name).is_file() and not name.startswith(ELSEWHERE)}
    page = {name for name in files if name.startswith("assistant/web/dist/") and (source / name).is_file()}
    return kept | {name for name in page if not Path(name).name.startswith(".")}


def test_both_hold_every_file(source: Path, built: Path) -> None:
    (wheel,), (sdist,) = built.glob("*.whl"), built.glob("*.tar.gz")
    names = wanted(source)
    assert {"assistant/web/dist/index.html", "prompts/plan.md", "assistant/models/registry.json"} <= names
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert in_wheel == names
    with tarfile.open(sdist) as tar:
        assert names <= {name.partition("/")[2] for name in tar.getnames()}


def test_the_wheel_says_its_version(installed: dict[str, str], tmp_path: Path) -> None:
    program = "import assistant, sys; print(assistant.__file__); from assistant.cli import main; main()"
    command = [sys.executable, "-P", "-c", program, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, env=installed, cwd=tmp_path, check=True)
    place, version = done.stdout.splitlines()
    assert place.startswith(installed["PYTHONPATH"])
    assert version.startswith("recommendation-assistant ")


@pytest.fixture
def service(installed: dict[str, str], tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "from assistant.cli import main; main()"
    command = [sys.executable, "-P", "-c", program, "serve", "--no-llm", "--port", str(port)]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=installed, cwd=tmp_path, stdout=log, stderr=log)
    try:
        end = time.monotonic() + 90
        while time.monotonic() < end and process.poll() is None:
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2)
                break
            except httpx.HTTPError:
                time.sleep(0.2)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_the_wheel_serves_the_page(service: str, source: Path) -> None:
    page = source / "assistant" / "web" / "dist"
    assert httpx.get(f"{service}/").content == (page / "index.html").read_bytes()
    script = next((page / "assets").glob("*.js"))
    assert httpx.get(f"{service}/assets/{script.name}").content == script.read_bytes()
    assert httpx.get(f"{service}/healthz").status_code == 200
