"""Fetching raw files from the Hugging Face hub, at a pinned revision.

The downloads run in another process, so that Ctrl-C ends them at once. huggingface_hub reads the user's own settings
(HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, proxies).
"""

import errno
import json
import os
from pathlib import Path

from assistant.models.assemble import has_content
from assistant.models.disk import free_bytes
from assistant.models.failures import SourceFailure
from assistant.models.processes import FetchProcess, own_module, run_jobs
from assistant.models.progress import Reporter
from assistant.models.registry import HubSource, Model

# Environment of the child, unless the user's own says otherwise.
DEFAULTS = {
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_ETAG_TIMEOUT": "10",
    "HF_HUB_DOWNLOAD_TIMEOUT": "10",
}


def fetch_hub(name: str, model: Model, source: HubSource, work: Path, *, reporter: Reporter) -> Path:
    """Download the model's raw files; returns the folder with them.

    Raises:
        SourceFailure: offline, not reachable, repository or revision gone, wrong hash.
        OSError: as the file system says.
    """
    folder, raw = work / "hub", work / "raw"
    missing = [file for file in model.files if not has_content(raw / file.path, file)]
    names = [source.files[file.path] for file in missing]
    arguments = [source.repository, source.revision, str(folder), *names]
    command, environment = own_module("assistant.models.hub_child", *arguments)
    job = FetchProcess(command, folder, work / "hub.log", {**DEFAULTS, **environment})

    def ended(job: FetchProcess, code: int) -> None:
        if code != 0:
            raise _explain(source, job.log.read_text(errors="replace"), full=free_bytes(work) < model.weights.bytes)

    with reporter.stage(f"{name}: downloading (hub)", sum(file.bytes for file in missing)) as done:
        run_jobs([job], parallel=1, ended=ended, tick=done)
    for file in missing:
        source_path = folder / source.files[file.path]
        if file.path not in source.by_revision and not has_content(source_path, file):
            source_path.unlink(missing_ok=True)
            raise SourceFailure(f"{source.files[file.path]} of {source.repository} on the hub has the wrong hash")
        target = raw / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        source_path.replace(target)
    return raw


def _explain(source: HubSource, log: str, *, full: bool) -> SourceFailure | OSError:
    reports = [line for line in log.splitlines() if line.startswith('{"error"')]
    kind = json.loads(reports[-1])["error"] if reports else (log.strip().splitlines() or ["no output"])[-1]
    if kind == "full" or (full and not reports):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return SourceFailure(f"{source.repository} was not had from the Hugging Face hub ({kind})")
