"""Fetching raw files from the Hugging Face hub, at a pinned revision.

The downloads run in another process, so that Ctrl-C ends them at once. huggingface_hub reads the user's own settings
(HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE, proxies).
"""

import json
import os
import sys
from pathlib import Path

from assistant.errors import PullError
from assistant.models.assemble import has_content
from assistant.models.processes import Job, run_jobs
from assistant.models.progress import Reporter
from assistant.models.registry import HubSource, Model

TIMEOUT_SECONDS = "10"


def fetch_hub(name: str, model: Model, source: HubSource, work: Path, *, reporter: Reporter) -> Path:
    """Download the model's raw files; returns the folder with them.

    Raises:
        PullError: offline, not reachable, repository or revision gone, wrong hash.
        OSError: as the file system says.
    """
    folder, raw = work / "hub", work / "raw"
    missing = [file for file in model.files if not has_content(raw / file.path, file)]
    names = [source.files[file.path] for file in missing]
    command = [sys.executable, "-m", "assistant.models.hub", source.repository, source.revision, str(folder), *names]
    job = Job(command, folder, work / "hub.log", {**_defaults(), **os.environ})

    def ended(job: Job, code: int) -> None:
        if code != 0:
            raise _explain(name, source, job.log.read_text(errors="replace"))

    with reporter.stage(f"{name}: downloading from the hub", sum(file.bytes for file in missing)) as done:
        run_jobs([job], parallel=1, ended=ended, tick=done)
    for file in missing:
        found = folder / source.files[file.path]
        if file.path not in source.by_revision and not has_content(found, file):
            found.unlink(missing_ok=True)
            raise PullError(f"{source.files[file.path]} of {source.repository} on the hub has the wrong hash; it was not used.")
        target = raw / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        found.replace(target)
    return raw


def _defaults() -> dict[str, str]:
    """Environment for the child, unless the user's own says otherwise."""
    return {
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_ETAG_TIMEOUT": TIMEOUT_SECONDS,
        "HF_HUB_DOWNLOAD_TIMEOUT": TIMEOUT_SECONDS,
    }


def _explain(name: str, source: HubSource, log: str) -> PullError | OSError:
    reports = [line for line in log.splitlines() if line.startswith('{"error"')]
    kind = json.loads(reports[-1])["error"] if reports else (log.strip().splitlines() or ["no output"])[-1]
    if kind == "full":
        return OSError(28, "No space left on device")
    return PullError(f"The Hugging Face hub did not give {source.repository}, which holds {name}: {kind}.")


def main(arguments: list[str]) -> int:
    """Child: download files of one repository into a folder. Prints one JSON object with the reason on failure."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, OfflineModeIsEnabled, RepositoryNotFoundError, RevisionNotFoundError

    repository, revision, folder, *names = arguments
    try:
        _check_reachable(repository, revision)
        for name in names:
            hf_hub_download(repository, name, revision=revision, local_dir=Path(folder))
    except OfflineModeIsEnabled:
        return _fail("HF_HUB_OFFLINE is set")
    except (RepositoryNotFoundError, RevisionNotFoundError):
        return _fail("the repository or the revision is not there")
    except EntryNotFoundError:
        return _fail("a file is not there, or the hub cannot be reached")
    except OSError as exc:
        return _fail("full" if exc.errno == 28 else "it cannot be reached")
    except Exception as exc:  # noqa: BLE001 - the border of the library, which raises its HTTP client's errors
        return _fail(f"it cannot be reached ({type(exc).__name__})")
    return 0


def _check_reachable(repository: str, revision: str) -> None:
    """One small request with a short time-out, before the library's own patient retries."""
    from huggingface_hub import HfApi

    HfApi().model_info(repository, revision=revision, timeout=float(TIMEOUT_SECONDS))


def _fail(reason: str) -> int:
    print(json.dumps({"error": reason}), flush=True)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
