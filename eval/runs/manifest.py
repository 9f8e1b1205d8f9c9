"""A run's manifest, and the key of an answer: what must be equal for an answer to be the same."""

import hashlib
import os
import platform
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import psutil

from assistant.settings import Settings
from eval.runs.answering import ReadyTurn
from eval.runs.needs import needs_model
from eval.runs.records import EvalVariant, RunManifest
from eval.runs.sources import (
    code_hash,
    commit,
    model_hashes,
    package_versions,
    prompt_hashes,
    sha256_of,
)
from eval.suite.records import Suite

NOT_IN_KEYS: Final = {"home", "data", "run", "chroma_url", "threads", "prompts", "models", "service"}
"""Sections that say where things lie, how fast they go or how they are served."""

NOT_IN_KEYS_OF_LLM: Final = {"port", "python", "start_seconds", "seed"}
"""Likewise of the language model's section; the seed is a part of its own."""

_USER_OF_URL: Final = re.compile(r"(?<=://)[^/@\s]+@")
_LEFT_OUT: Final = "(left out)"


def make_manifest(
    suite: Suite,
    variant: EvalVariant,
    settings: Settings,
    *,
    suite_file: str,
    cases: Sequence[str],
    catalogue_sha256: str,
    server: Mapping[str, str] | None = None,
) -> RunManifest:
    """Everything that makes a run, before it begins; it has no name yet.

    Args:
        settings: those of the run: the variant's changes made, the seed and the suite's catalogue in them.
        cases: ids of the cases that are asked, in order.
        server: the version of what hosts the language model, by name.
    """
    return RunManifest(
        run="",
        suite=suite.suite,
        suite_file=suite_file,
        suite_sha256=suite.sha256,
        catalogue_sha256=catalogue_sha256,
        cases=list(cases),
        variant=variant,
        seed=settings.llm.seed,
        configuration=without_secrets(settings),
        prompts=prompt_hashes(settings),
        models=model_hashes(settings, with_llm=needs_model(variant)),
        code=f"{code_hash()} {commit()}".strip(),
        packages=package_versions() | dict(server or {}),
        machine=machine(),
        started=now(),
    )


def answer_key(manifest: RunManifest, turns: Sequence[ReadyTurn | None]) -> str:
    """The key of one conversation's answer: sha256 over what is said and over all that answers it.

    What is expected of the answer is no part of it, nor are paths, ports and the like. A turn that is None has nothing
    left to say. A signal that is taken away changes the key only where it changes what is said: a case without a photo
    is the same with and without photos.
    """
    apart = "history" in manifest.variant.without and len(turns) > 1
    return sha256_of({"said": [_message_content(turn) for turn in turns], "by": _answers_by(manifest), "apart": apart})


def identity(manifest: RunManifest) -> str:
    """The hash of all that makes a run the same run: neither its name and times nor the machine, paths and ports."""
    without = sorted(manifest.variant.without)
    return sha256_of([_answers_by(manifest), without, manifest.suite_sha256, manifest.cases, manifest.variant.name])


def run_name(manifest: RunManifest, keys: Sequence[str]) -> str:
    """A name that the same command over the same things gives again; ``keys``: of the answers, in order."""
    return f"{manifest.suite}-{manifest.variant.name}-{sha256_of([identity(manifest), *keys])[:8]}"


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def without_secrets(settings: Settings) -> dict[str, Any]:
    """All settings as JSON; keys, and users in addresses, are left out."""
    values: dict[str, Any] = settings.model_dump(mode="json")
    values["llm"]["api_key"] = _LEFT_OUT
    arguments = values["llm"]["extra_args"]
    values["llm"]["extra_args"] = [
        _LEFT_OUT if before == "--api-key" else re.sub(r"^--api-key=.*", f"--api-key={_LEFT_OUT}", argument)
        for before, argument in zip(["", *arguments], arguments, strict=False)
    ]
    cleaned: dict[str, Any] = _without_users(values)
    return cleaned


def machine() -> dict[str, Any]:
    """The machine that ran it, as far as speed depends on it."""
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
    }


def _answers_by(manifest: RunManifest) -> dict[str, Any]:
    """What every answer of a run depends on."""
    settings = {key: value for key, value in manifest.configuration.items() if key not in NOT_IN_KEYS}
    llm = settings.pop("llm")
    by = {
        "answerer": manifest.variant.answerer,
        "settings": settings,
        "catalogue": manifest.catalogue_sha256,
        "models": manifest.models,
        "code": manifest.code.partition(" ")[0],
        "packages": manifest.packages,
        "seed": manifest.seed,
    }
    if not needs_model(manifest.variant):
        return by
    llm_settings = {key: value for key, value in llm.items() if key not in NOT_IN_KEYS_OF_LLM}
    return by | {"llm": llm_settings, "prompts": manifest.prompts}


def _message_content(turn: ReadyTurn | None) -> dict[str, Any] | None:
    if turn is None:
        return None
    return {
        "text": turn.text,
        "images": [_bytes_of(path) for path in turn.images],
        "audio": [_bytes_of(path) for path in turn.audio],
        "video": [_bytes_of(path) for path in turn.video],
    }


def _bytes_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _without_users(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case dict():
            return {key: _without_users(inner) for key, inner in value.items()}
        case list():
            return [_without_users(inner) for inner in value]
        case str():
            return _USER_OF_URL.sub("", value)
    return value


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor()
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.processor()
