"""The vLLM server that we manage: start it once, say how it is, stop it and only it."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal

from filelock import FileLock, Timeout

from assistant.errors import LLMUnavailable
from assistant.llm import log, process, profiles
from assistant.llm.process import ServerRecord
from assistant.models.names import model_name
from assistant.settings import Settings

Progress = Callable[[float, str], None]
"""Called a few times a second while waiting, with the seconds so far and what the server is doing."""

State = Literal["stopped", "starting", "ready", "failed", "remote"]

POLL_SECONDS: Final = 0.25
LOCK_SECONDS: Final = 60.0
CHANGE_OVER: Final = "assistant llm down && assistant llm up"


@dataclass(frozen=True)
class ReplicaStatus:
    """Whether one of several servers offers the model; ``detail`` says why not."""

    base_url: str
    answers: bool
    detail: str = ""


@dataclass(frozen=True)
class ServerStatus:
    """What is known about the language model's server at one moment.

    ``remote`` means that nothing is managed here; ``answers`` then says whether the other server does, or one of the
    ``replicas``, which has an entry for each where there are several. ``detail`` is a sentence for people, or empty.
    """

    state: State
    profile: str
    model: str
    base_url: str
    answers: bool = False
    already_running: bool = False
    pid: int | None = None
    processes: int = 0
    uptime_seconds: float | None = None
    memory_bytes: int | None = None
    log: str | None = None
    detail: str = ""
    replicas: tuple[ReplicaStatus, ...] = ()

    @property
    def serves(self) -> bool:
        """Whether the settings' model can be asked; of several replicas one is enough."""
        return self.answers and (not self.detail or self.state == "remote")

    def as_json(self) -> dict[str, Any]:
        """All fields, for programs."""
        return asdict(self)


def log_path(settings: Settings) -> Path:
    """The server's log."""
    return settings.run_folder / "vllm.log"


def record_path(settings: Settings) -> Path:
    """Where the running server is remembered."""
    return settings.run_folder / "vllm.json"


def up(settings: Settings, progress: Progress | None = None) -> ServerStatus:
    """Start the server unless it runs already, and wait until it answers with the wanted model.

    Interrupting the wait stops what this call started. The remote profile starts nothing.

    Raises:
        LLMUnavailable: it cannot start, dies or is not ready in time; the port is taken; another model runs.
        ServiceMissing, ModelMissing, ConfigError: a part is not there.
    """
    if settings.llm.profile == "remote":
        return _remote_status(settings)
    with _lock(settings):
        record = _running(settings)
        started = record is None
        record = record or _start(settings)
    _refuse_other(settings, record)
    if not started and _answers(settings, record):
        return replace(_describe(settings, record, "ready"), already_running=True)
    try:
        _wait(settings, record, progress or (lambda _seconds, _text: None))
        if started:
            _warm_up(settings, record)
    except BaseException:
        if started:
            _stop_and_forget(settings, record)
        raise
    return replace(_describe(settings, record, "ready"), already_running=not started)


def down(settings: Settings) -> ServerStatus | None:
    """Stop what we started, with all its processes; says what that was, None when there was nothing.

    Raises:
        LLMUnavailable: a process does not end.
    """
    if settings.llm.profile == "remote":
        return None
    with _lock(settings):
        record = process.read_record(record_path(settings))
        if record is None:
            return None
        processes = process.members(record)
        before = _describe(settings, record, "stopped") if processes else None
        _stop_and_forget(settings, record)
        return before


def status(settings: Settings) -> ServerStatus:
    """What runs, and whether it answers. A server that is not there is a state, not an error.

    Raises:
        ConfigError: the settings contradict each other.
    """
    if settings.llm.profile == "remote":
        return _remote_status(settings)
    record = process.read_record(record_path(settings))
    if record is None:
        return _stopped(settings)
    if process.alive(record):
        return _describe(settings, record, "ready" if _answers(settings, record) else "starting")
    detail = log.failure_cause(log_path(settings)) or "it ended without saying why"
    return replace(_describe(settings, record, "failed"), detail=f"It has ended: {detail}")


# ------------------------------------------------------------------------------------------------------------ starting


@contextlib.contextmanager
def _lock(settings: Settings) -> Iterator[None]:
    """One `up` or `down` at a time looks, starts or stops; waiting for health happens outside."""
    try:
        settings.run_folder.mkdir(parents=True, exist_ok=True)
        with FileLock(settings.run_folder / "vllm.lock", timeout=LOCK_SECONDS):
            yield
    except Timeout as exc:
        raise LLMUnavailable(
            "Another `assistant llm` command is at work on the server; try again when it is done."
        ) from exc
    except PermissionError as exc:
        raise LLMUnavailable(f"The run folder {settings.run_folder} cannot be written: {exc.strerror}.") from exc


def _running(settings: Settings) -> ServerRecord | None:
    record = process.read_record(record_path(settings))
    return record if record is not None and process.alive(record) else None


def _start(settings: Settings) -> ServerRecord:
    """Start and remember; the caller holds the lock."""
    launch = profiles.launch(settings)
    if leftover := process.read_record(record_path(settings)):
        _stop_and_forget(settings, leftover)  # its leader is dead, its engine processes may not be
    llm = settings.llm
    if obstacle := process.why_unusable(profiles.HOST, llm.port):
        raise LLMUnavailable(f"{obstacle}; free it, or choose another port with ASSISTANT_LLM__PORT.")
    model = model_name(settings)
    record = process.spawn(
        launch, log=log_path(settings), host=profiles.HOST, port=llm.port, profile=llm.profile, model=model
    )
    try:
        process.write_record(record_path(settings), record)
    except BaseException:
        process.stop(record)
        raise
    return record


def _refuse_other(settings: Settings, record: ServerRecord) -> None:
    if mismatch := _mismatch(settings, record):
        raise LLMUnavailable(f"{mismatch}; change over with: {CHANGE_OVER}")


def _mismatch(settings: Settings, record: ServerRecord) -> str:
    """How what runs differs from what the settings ask for; empty when it does not."""
    target = profiles.endpoint(settings)
    if (record.model, record.base_url) == (target.model, target.base_url):
        return ""
    return (
        f"vLLM runs {record.model} at {record.base_url}, but the settings ask for {target.model} at {target.base_url}"
    )


def _wait(settings: Settings, record: ServerRecord, progress: Progress) -> None:
    begun = time.monotonic()
    while not _answers(settings, record):
        seconds = time.monotonic() - begun
        doing = log.last_meaningful(log_path(settings)) or "starting Python and vLLM"
        if not process.alive(record):
            raise LLMUnavailable(_why_it_died(settings, record))
        if seconds > settings.llm.start_seconds:
            raise LLMUnavailable(
                f"vLLM was not ready after {seconds:.0f} s (llm.start_seconds), last at: {doing.rstrip('.')}. "
                f"Log: {log_path(settings)}"
            )
        progress(seconds, doing)
        time.sleep(POLL_SECONDS)


def _warm_up(settings: Settings, record: ServerRecord) -> None:
    """Have the engine set up its JSON grammars now (2 s) and not in the first turn; a failure shows itself there."""
    import httpx

    schema = {"type": "object", "properties": {"ready": {"enum": ["yes", "no"]}}, "required": ["ready"]}
    body = {
        "model": record.model,
        "messages": [{"role": "user", "content": "Are you ready?"}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "warm-up", "schema": schema}},
        "max_tokens": 8,
    }
    headers = {"Authorization": f"Bearer {settings.llm.api_key.get_secret_value()}"}
    with contextlib.suppress(httpx.HTTPError), httpx.Client(timeout=60, trust_env=False) as client:
        client.post(f"{record.base_url}/chat/completions", json=body, headers=headers)


def _why_it_died(settings: Settings, record: ServerRecord) -> str:
    code = process.exit_code(record)
    cause = log.failure_cause(log_path(settings))
    if not cause and code is not None and code < 0:
        name = signal.Signals(-code).name
        cause = f"it was ended by {name}" + (", perhaps for lack of memory" if name == "SIGKILL" else "")
    if not cause:
        cause = "it was stopped while starting" if code is None else f"it ended with exit code {code}"
    return f"vLLM did not start: {cause.rstrip('.…')}. Log: {log_path(settings)}"


def _stop_and_forget(settings: Settings, record: ServerRecord) -> None:
    process.stop(record)
    path = record_path(settings)
    if process.read_record(path) == record:
        path.unlink(missing_ok=True)


# -------------------------------------------------------------------------------------------------------------- looking


def _answers(settings: Settings, record: ServerRecord) -> bool:
    """Is it healthy, does it serve the model, and is it ours that listens?"""
    import httpx

    try:
        with httpx.Client(timeout=5, trust_env=False) as client:
            if client.get(record.base_url.removesuffix("/v1") + "/health").status_code != 200:
                return False
            return record.model in _served(client, settings, record.base_url) and _ours_listens(record)
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return False


def _served(client: Any, settings: Settings, base_url: str) -> list[str]:  # noqa: ANN401 - httpx is imported lazily
    """The names of the models that an OpenAI-compatible server offers."""
    key = settings.llm.api_key.get_secret_value()
    answer = client.get(f"{base_url}/models", headers={"Authorization": f"Bearer {key}"})
    answer.raise_for_status()
    return [str(model["id"]) for model in answer.json()["data"]]


def _ours_listens(record: ServerRecord) -> bool:
    owner = process.listener(record.port)
    return owner is None or owner.pid in {member.pid for member in process.members(record)}


def _describe(settings: Settings, record: ServerRecord, state: State) -> ServerStatus:
    import psutil

    memory = 0
    processes = process.members(record)
    for member in processes:
        with contextlib.suppress(psutil.Error):
            memory += member.memory_info().rss
    return ServerStatus(
        state=state,
        profile=record.profile,
        model=record.model,
        base_url=record.base_url,
        answers=state == "ready",
        pid=record.pid,
        processes=len(processes),
        uptime_seconds=round(time.time() - record.started_at, 1) if processes else None,
        memory_bytes=memory if processes else None,
        log=str(log_path(settings)),
        detail=_mismatch(settings, record) if processes else "",
    )


def _stopped(settings: Settings) -> ServerStatus:
    endpoint = profiles.endpoint(settings)
    obstacle = process.why_unusable(profiles.HOST, settings.llm.port)
    return ServerStatus("stopped", settings.llm.profile, endpoint.model, endpoint.base_url, detail=obstacle)


def _remote_status(settings: Settings) -> ServerStatus:
    """Asks the other servers, at once, which models they offer; no answer is said, not raised."""
    endpoints = profiles.endpoints(settings)
    with ThreadPoolExecutor(len(endpoints)) as threads:
        looks = list(threads.map(partial(_replica_status, settings), endpoints))
    answers, first = any(look.answers for look in looks), endpoints[0]
    urls = ", ".join(at.base_url for at in endpoints)
    if len(looks) == 1:
        return ServerStatus("remote", "remote", first.model, urls, answers=answers, detail=looks[0].detail)
    missing = [f"{look.base_url}: {look.detail}" for look in looks if not look.answers]
    detail = f"{len(missing)} of {len(looks)} servers do not answer as wanted: {'; '.join(missing)}" if missing else ""
    return ServerStatus("remote", "remote", first.model, urls, answers=answers, detail=detail, replicas=tuple(looks))


def _replica_status(settings: Settings, endpoint: profiles.Endpoint) -> ReplicaStatus:
    import httpx

    answers, detail = False, ""
    try:
        with httpx.Client(timeout=5) as client:
            served = _served(client, settings, endpoint.base_url)
        answers = endpoint.model in served
        detail = (
            "" if answers else f"It does not offer {endpoint.model}; it offers: {', '.join(served[:10]) or 'nothing'}"
        )
    except httpx.HTTPStatusError as exc:
        detail = f"It answers HTTP {exc.response.status_code} to the question for its models"
    except (httpx.HTTPError, ValueError, KeyError, TypeError) as exc:
        detail = f"It does not answer as an OpenAI-compatible server: {exc or type(exc).__name__}"
    return ReplicaStatus(endpoint.base_url, answers, detail)
