"""Vectors made by Ray Data, on several cores, cards or machines; the rest of ingestion stays in this process.

Plans go through a queue into a dataset of one partition, so they keep their order. An actor pool encodes them with
`encoding.encode`, as this process would, and this process writes. Ray takes only a few plans ahead of what is written.
"""

import logging
import os
import pickle
import secrets
import shutil
import socket
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager, nullcontext, redirect_stdout, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import psutil

from assistant.errors import BadInput, ProductError, ServiceMissing
from assistant.ingest.encoding import Encoded, Encoders, encode
from assistant.ingest.pictures import MediaLoader, SoundFile
from assistant.ingest.planning import BatchPlan
from tools.cores import usable_cores
from tools.media import MediaLimits
from tools.records import EncoderIdentity
from tools.store import Space

FROM_OUTSIDE: Final = (
    "Ray Data works from a machine of the cluster, and ray:// connects from outside: join it here with: ray start "
    "--address=HOST:6379 --num-cpus=0, then give --address auto."
)
INSTALL: Final = "Ingestion with Ray needs the extra ray: pip install 'recommendation-assistant[ray]'"
AHEAD_OF_WORKER: Final = 2
"""Plans in the queue for each worker; Ray Data holds a few more."""
OBJECT_STORE_BYTES: Final = 512 * 2**20
"""Of a cluster that is started here; plans hold texts and paths alone then."""
CONNECT_SECONDS: Final = 5.0
FOLDER: Final = "assistant-ray-"
TOKEN: Final = Path("~/.ray/auth_token")
"""Where Ray keeps the token of clusters that this user started."""
# Read by Ray when it is imported and by the processes that it starts.
_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}
# Of a cluster that is started here: on Linux, too, it listens on the loopback address alone, and asks for a token.
_ALONE: Final = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_AUTH_MODE": "token"}


@dataclass(frozen=True)
class RayOptions:
    """Where to make vectors.

    Attributes:
        address: a cluster that this machine is part of (``auto``, ``HOST:PORT``); None: one of this run.
        workers: how many actors; default: as many as there is room for.
        cores: of each worker.
        cards: whether the encoders use a card where there is one; each worker then has its own.
    """

    address: str | None = None
    workers: int | None = None
    cores: int = 1
    cards: bool = False


@dataclass(frozen=True)
class Job:
    """What a plan lacks, for another process; ``contents`` has the files that cannot be read there."""

    number: int
    texts: dict[bytes, str]
    joint_texts: dict[bytes, str]
    pictures: dict[bytes, Path]
    sounds: dict[bytes, SoundFile]
    contents: Mapping[Path, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: BatchPlan, number: int, *, with_contents: bool) -> "Job":
        """The job of a plan. A file that cannot be read is left out, and then is missing there."""
        pictures = {waiting.hash: waiting.path for waiting in plan.waiting}
        contents: dict[Path, bytes] = {}
        for path in {*pictures.values(), *(sound.path for sound in plan.sounds.values())} if with_contents else ():
            with suppress(OSError):
                contents[path] = path.read_bytes()
        return cls(number, plan.texts, plan.joint_texts, pictures, plan.sounds, contents)

    def plan(self, loader: MediaLoader, folder: Path) -> BatchPlan:
        """The plan for `encode`; files that came along are put into the folder."""
        here: dict[Path, Path] = {}
        for number, (path, content) in enumerate(self.contents.items()):
            (folder / str(number)).mkdir()
            here[path] = folder / str(number) / path.name  # errors name the file
            here[path].write_bytes(content)
        return BatchPlan(
            texts=self.texts,
            joint_texts=self.joint_texts,
            waiting=[loader.picture(here.get(path, path), digest) for digest, path in self.pictures.items()],
            sounds={one: replace(sound, path=here.get(sound.path, sound.path)) for one, sound in self.sounds.items()},
        )


@dataclass(frozen=True)
class Answer:
    """The vectors of a job, or why there are none."""

    number: int
    encoded: Encoded | None
    problem: str = ""


class EncodingWorker:
    """What an actor runs; opens its encoders with the first job."""

    def __init__(
        self, open_encoders: Callable[[], Encoders], spaces: dict[Space, EncoderIdentity], limits: MediaLimits
    ) -> None:
        self._open = open_encoders
        self._spaces = spaces
        self._loader = MediaLoader(limits)
        self._encoders: Encoders | None = None

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Jobs to answers, both pickled."""
        return {"answer": [pickle.dumps(self.answer(pickle.loads(job))) for job in batch["job"]]}  # noqa: S301 - ours

    def answer(self, job: Job) -> Answer:
        """The vectors, or the sentence of an error that can be expected."""
        try:
            encoders = self._opened()
            with tempfile.TemporaryDirectory(prefix="assistant-encode-") if job.contents else nullcontext("") as folder:
                return Answer(job.number, encode(job.plan(self._loader, Path(folder)), encoders, self._loader))
        except ProductError as exc:
            return Answer(job.number, None, str(exc))

    def _opened(self) -> Encoders:
        if self._encoders is None:
            encoders = self._open()
            if encoders.spaces() != self._spaces:
                raise ServiceMissing(
                    f"The worker on {socket.gethostname()} has other encoders than this machine; install the same "
                    "version and models there."
                )
            self._encoders = encoders
        return self._encoders


class RayEmbedding:
    """An `encoding.Embedding`: plans are encoded by a pool of workers on a Ray cluster."""

    def __init__(
        self, open_encoders: Callable[[], Encoders], encoders: Encoders, options: RayOptions | None = None
    ) -> None:
        """``open_encoders`` is called in each worker and must give encoders like ``encoders``.

        Raises:
            BadInput: the address is one of Ray's client.
            ServiceMissing: Ray is not installed.
        """
        self._open = open_encoders
        self._encoders = encoders
        self._options = options or RayOptions()
        if (self._options.address or "").startswith("ray://"):
            raise BadInput(FROM_OUTSIDE)
        if "ray" not in sys.modules:  # later it would take a part of them only
            for name, value in {**_QUIET, **_access(self._options.address)}.items():
                os.environ.setdefault(name, value)
        try:
            import ray.data
        except ImportError as exc:
            raise ServiceMissing(INSTALL) from exc
        logging.getLogger("ray").setLevel(logging.CRITICAL)
        logging.getLogger("ray.data").setLevel(logging.CRITICAL)
        self._ray: Any = ray

    def __call__(
        self, plans: Iterator[BatchPlan], limits: MediaLimits, told: Callable[[int], None]
    ) -> Generator[tuple[BatchPlan, Encoded], None, None]:
        """Each plan with its vectors, in order.

        Raises:
            ServiceMissing: no cluster answers, it has too little room, a worker failed or was lost.
        """
        with connected(self._ray, self._options), self._translated():
            workers = self._room()
            feed = _Feed(plans, workers * AHEAD_OF_WORKER, with_contents=self._options.address is not None)
            with closing(feed), closing(self._answers(feed, workers, limits)) as answers:
                for answer in answers:
                    plan = feed.sent.popleft()
                    if answer.encoded is None:
                        raise ServiceMissing(answer.problem)
                    told(answer.encoded.texts + answer.encoded.pictures + answer.encoded.sounds)
                    yield plan, answer.encoded
                feed.check()

    def _room(self) -> int:
        """How many workers there are to be.

        Raises:
            ServiceMissing: the cluster is too small.
        """
        resources, options = self._ray.cluster_resources(), self._options
        room = int(resources.get("CPU", 0) // options.cores)
        if options.cards and resources.get("GPU"):
            room = min(room, int(resources["GPU"]))
        if room < (options.workers or 1):
            raise ServiceMissing(f"The Ray cluster has room for {room} workers, and {options.workers or 1} are wanted.")
        return options.workers or room

    def _answers(self, feed: "_Feed", workers: int, limits: MediaLimits) -> Generator[Answer, None, None]:
        data = self._ray.data
        context = data.DataContext.get_current()
        context.execution_options.preserve_order = True
        context.enable_progress_bars = False
        context.target_max_block_size = 1  # every plan is a block, so that it is not held back for others
        context.max_errored_blocks = 0
        cards = int(self._options.cards and self._ray.cluster_resources().get("GPU", 0) > 0)
        jobs = data.read_datasource(feed.source(), override_num_blocks=1, num_cpus=0)
        answers = jobs.map_batches(
            EncodingWorker,
            fn_constructor_args=(self._open, self._encoders.spaces(), limits),
            batch_size=1,
            compute=data.ActorPoolStrategy(size=workers, max_tasks_in_flight_per_actor=AHEAD_OF_WORKER),
            num_cpus=self._options.cores,
            num_gpus=cards,
        )
        for expected, batch in enumerate(answers.iter_batches(batch_size=1, prefetch_batches=1)):
            answer: Answer = pickle.loads(batch["answer"][0])  # noqa: S301 - of our own workers
            if answer.number != expected:
                raise ServiceMissing("Ray lost a batch, perhaps with a machine; give the same command again.")
            yield answer

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Ray's errors in one sentence."""
        try:
            yield
        except self._ray.exceptions.RayError as exc:
            raise ServiceMissing(f"Ray could not go on: {_last_line(exc)}; give the same command again.") from exc


class _Feed:
    """Sends plans into a queue, from a thread of its own; ``sent`` are those without an answer yet."""

    def __init__(self, plans: Iterator[BatchPlan], most: int, *, with_contents: bool) -> None:
        from ray.util.queue import Queue

        self.sent: deque[BatchPlan] = deque()
        self._plans = plans
        self._with_contents = with_contents
        self._queue = Queue(maxsize=most, actor_options={"num_cpus": 0})
        self._stopped = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._send_all, name="feed", daemon=True)
        self._thread.start()

    def _send_all(self) -> None:
        try:
            for number, plan in enumerate(self._plans):
                self.sent.append(plan)
                self._send(pickle.dumps(Job.of(plan, number, with_contents=self._with_contents)))
                if self._stopped.is_set():
                    return
        except BaseException as exc:  # comes up in the thread that reads the answers
            self._error = exc
        finally:
            self._send(None)

    def _send(self, job: bytes | None) -> None:
        from ray.exceptions import RayError
        from ray.util.queue import Full

        while not self._stopped.is_set():
            try:
                return self._queue.put(job, timeout=1)
            except Full:
                continue
            except RayError:
                return None  # the reader meets the same
        return None

    def source(self) -> Any:  # noqa: ANN401 - Ray is imported late
        """What Ray Data reads the jobs from."""
        from ray.data import Datasource, ReadTask
        from ray.data.block import BlockMetadata

        queue = self._queue

        def read() -> Iterator[Any]:
            import pyarrow as pa

            while (job := queue.get()) is not None:
                yield pa.table({"job": pa.array([job], pa.large_binary())})

        class JobSource(Datasource):
            def estimate_inmemory_data_size(self) -> None:
                return None

            def get_read_tasks(self, *_: object, **__: object) -> list[Any]:
                return [ReadTask(read, BlockMetadata(None, None, None, None))]

        source: Any = JobSource
        return source()

    def check(self) -> None:
        """Raise what ended the plans early."""
        if self._error:
            raise self._error

    def close(self) -> None:
        """Send no more, and wait for the thread."""
        self._stopped.set()
        self._thread.join()


# The cluster ---------------------------------------------------------------------------------------------------------


def _access(address: str | None) -> dict[str, str]:
    """Ray's settings: of a cluster of our own a new token, of another one the token that this user has, if any."""
    if address is None:
        return {**_ALONE, "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    has_token = {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & os.environ.keys() or TOKEN.expanduser().is_file()
    return {"RAY_AUTH_MODE": "token"} if has_token else {}


@contextmanager
def connected(ray: Any, options: RayOptions) -> Iterator[None]:  # noqa: ANN401 - Ray is imported late
    """Connect to the cluster, or start one on this machine and stop it at the end; one that is in use is used on.

    Raises:
        ServiceMissing: it does not answer.
    """
    if ray.is_initialized():
        yield
        return
    # Ray prints what its processes complain of, such as being stopped, on standard output.
    with _private_folder() as folder, Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
        try:
            if options.address:
                _check_reachable(options.address)
                arguments: dict[str, Any] = {"address": options.address}
            else:
                cores = (options.workers or max(1, usable_cores() // options.cores)) * options.cores
                arguments = {"num_cpus": cores, "object_store_memory": OBJECT_STORE_BYTES, "_temp_dir": str(folder)}
                arguments["include_dashboard"] = False
            with _silent():
                ray.init(**arguments, log_to_driver=False, logging_level=logging.CRITICAL)
        except (ConnectionError, RuntimeError, ValueError, OSError) as exc:
            raise ServiceMissing(_no_cluster(options.address, _last_line(exc))) from exc
        try:
            yield
        finally:
            ray.shutdown()


def _check_reachable(address: str) -> None:
    """Ask for a connection first: Ray would try for half a minute."""
    place = urlsplit(address if "://" in address else f"//{address}")
    if place.hostname and place.port:
        socket.create_connection((place.hostname, place.port), CONNECT_SECONDS).close()


def _no_cluster(address: str | None, reason: str) -> str:
    if address is None:
        return f"Ray could not be started on this machine: {reason}."
    return f"No Ray cluster answers at {address} ({reason}); start one with: ray start --head, or check its token."


def _last_line(exc: Exception) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return lines[-1][:200].rstrip(".") if lines else type(exc).__name__


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Ray's files and sockets, for this user alone; what killed processes left behind is removed.

    It is not in the data folder, whose path may be too long for a socket.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        pid = left.name.removeprefix(FOLDER).partition("-")[0]
        if pid.isdecimal() and not psutil.pid_exists(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f"{FOLDER}{os.getpid()}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "r"  # Ray opens its own folder to everybody


@contextmanager
def _silent() -> Iterator[None]:
    """Drop what is written to standard error; Ray's core writes there which level its log has."""
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
