"""What an answer is made with, by hash: the product's code, prompts, model files, libraries, and the catalogue."""

import hashlib
import inspect
import json
import shutil
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Final

import httpx
from packaging.requirements import Requirement

import eval.runs
from assistant.agent import fusion
from assistant.agent.steps import steps_in_force
from assistant.llm.adapters import prompts_in_force
from assistant.llm.profiles import endpoint
from assistant.models.names import model_name
from assistant.models.registry import load_registry
from assistant.models.store import MANIFEST, file_record, folder_of, read_manifest
from assistant.settings import Settings, project_folder
from prompts import load_prompt, prompt_names
from tools.store import Catalogue
from tools.store.pages import Page

DISTRIBUTION: Final = "recommendation-assistant"
PRODUCT: Final = ("assistant", "tools", "prompts")
NO_PART_OF_AN_ANSWER: Final = {"service", "web", "cli", "__pycache__"}
SERVER_SECONDS: Final = 5.0
"""How long the language model's server is waited for when it is asked what it is."""

CODE: Final = {".py", ".yaml", ".json", ".safetensors", ".txt"}
ANSWERERS: Final = ("assistant_answerer.py", "without.py", "baselines", "../stock_agent.py", "../data/stock_agent.md")
"""What stands between a suite and an answer, in this package."""


def sha256_of(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """The hash of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def code_hash() -> str:
    """Of the source files that answers come from, in this checkout or installation, and of the method of fusion."""
    root = Path(eval.runs.__file__).resolve().parents[2]
    own = Path(eval.runs.__file__).resolve().parent
    files = [file for name in PRODUCT for file in _files(root / name) if file.suffix in CODE]
    files += [file for name in ANSWERERS for file in _files((own / name).resolve())]
    method = fusion.fusion_method  # a study's own one comes with the files beside it
    files += _files(Path(inspect.getfile(inspect.unwrap(method))).resolve().parent)
    hashes = {file.relative_to(root).as_posix(): file_record(file).sha256 for file in files}
    return sha256_of({**hashes, "fusion": method.__qualname__})


def commit() -> str:
    """The checkout's commit, marked where files differ from it; empty where there is no checkout or no git."""
    git, folder = shutil.which("git"), project_folder()
    if git is None or not (folder / ".git").exists():
        return ""

    def output_of(*arguments: str) -> str:
        process = subprocess.run([git, *arguments], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603
        return process.stdout.strip() if process.returncode == 0 else ""

    head = output_of("rev-parse", "HEAD")
    return f"{head} with changes" if head and output_of("status", "--porcelain", "--untracked-files=no") else head


def prompt_hashes(settings: Settings) -> dict[str, str]:
    """Prompt -> 'version sha256', as the settings' folder of prompts has them."""
    prompts = {name: load_prompt(name, prompts_in_force(settings)) for name in prompt_names()}
    return {name: f"{prompt.version} {prompt.sha256}" for name, prompt in prompts.items()}


def model_hashes(settings: Settings, *, with_llm: bool = True) -> dict[str, str]:
    """Role -> name and sha256 of its files; a server's or hub's model has a name only.

    With a language model, also which steps of a turn it does: ``auto`` takes them from what is kept of it.
    """
    vision = settings.vision
    picture = vision.classifier if vision.encoder == "conse" else vision.clip_checkpoint
    names = {"speech": settings.speech.model, "text": settings.text.model, "picture": picture}
    if with_llm:
        names["llm"] = model_name(settings)
    hashes = {role: f"{name} {_files_hash(settings, name)}".strip() for role, name in sorted(names.items())}
    if with_llm:
        steps = steps_in_force(settings).model_dump(exclude={"probe"})
        hashes["llm steps"] = ", ".join(f"{step} {who}" for step, who in steps.items())
    return hashes


def package_versions() -> dict[str, str]:
    """The versions of the libraries that the product declares."""
    try:
        needed = [Requirement(text) for text in requires(DISTRIBUTION) or []]
    except PackageNotFoundError:
        return {}
    names = sorted(
        requirement.name
        for requirement in needed
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    )
    return {name: version for name in names if (version := _version(name))}


def server_version(settings: Settings) -> dict[str, str]:
    """The version of vLLM that hosts the language model; nothing where the server does not tell one."""
    try:
        reply = httpx.get(endpoint(settings).base_url.removesuffix("/v1") + "/version", timeout=SERVER_SECONDS).json()
    except (httpx.HTTPError, ValueError):
        return {}
    version = reply.get("version") if isinstance(reply, dict) else None
    return {"vllm": version} if isinstance(version, str) else {}


def catalogue_hash(catalogue: Catalogue, pages: Iterable[Page] = ()) -> str:
    """Of the items and the bytes of their pictures, in the order of their ids, and of the shop's pages; where the
    pictures lie is left out.
    """
    digest = hashlib.sha256()
    for item in sorted(catalogue.items(), key=lambda item: item.id):
        pictures = [picture.hash.hex() for picture in catalogue.pictures(item.id) if picture.hash]
        content = item.model_dump(mode="json", exclude={"images", "audio", "video"}) | {"pictures": pictures}
        digest.update(sha256_of(content).encode())
    for page in pages:
        digest.update(page.digest.encode())
    return digest.hexdigest()


def _files(path: Path) -> Iterable[Path]:
    """The path itself, or all files of the folder that are part of an answer."""
    if path.is_file():
        return [path]
    paths = (file for file in sorted(path.rglob("*")) if file.is_file())
    return [file for file in paths if not NO_PART_OF_AN_ANSWER.intersection(file.relative_to(path).parts[:-1])]


def _files_hash(settings: Settings, name: str) -> str:
    """Of a registered model's finished files or of a folder or file of the user's own; empty for a mere name."""
    if name in load_registry(settings).models:
        manifest = read_manifest(folder_of(settings, name))
        return sha256_of({path: record.sha256 for path, record in manifest.files.items()}) if manifest else ""
    path = Path(name).expanduser()
    if "/" not in name or not path.exists():
        return ""
    return sha256_of({file.name: file_record(file).sha256 for file in _files(path) if file.name != MANIFEST})


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
