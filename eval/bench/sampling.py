"""Sampling the memory of this process's tree and of the model server's, stage by stage."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

EVERY = 0.5
"""Seconds between two looks, unless a watch has others."""


@dataclass
class Peak:
    """The most that a stage took, in bytes. Pages that processes share count in part: proportional set size (PSS)."""

    name: str
    assistant: int = 0
    assistant_rss: int = 0
    model_server: int = 0
    system: int = 0


@dataclass
class Watch:
    """Peaks of stages, in the order of the stages; ``server_pid`` gives the model server's leader once it is there."""

    server_pid: Callable[[], int | None] = lambda: None
    peaks: list[Peak] = field(default_factory=list)
    every: float = EVERY
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def stage(self, name: str) -> Peak:
        """What is sampled from now on belongs to this stage."""
        with self._lock:
            self.peaks.append(Peak(name))
        self.sample()
        return self.peaks[-1]

    def sample(self) -> None:
        """Look once. The server's processes may be children of this one and are counted apart."""
        of_server = _tree(self.server_pid())
        own_processes = [process for process in _tree(psutil.Process().pid) if process not in of_server]
        assistant, rss, model_server = _pss(own_processes), _rss(own_processes), _pss(of_server)
        with self._lock:
            peak = self.peaks[-1]
            peak.assistant = max(peak.assistant, assistant)
            peak.assistant_rss = max(peak.assistant_rss, rss)
            peak.model_server = max(peak.model_server, model_server)
            peak.system = max(peak.system, assistant + model_server)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Sample until the block ends."""
        ended = threading.Event()

        def loop() -> None:
            while not ended.wait(self.every):
                self.sample()

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


def _tree(pid: int | None) -> list[psutil.Process]:
    if pid is None:
        return []
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _pss(processes: Sequence[psutil.Process]) -> int:
    total = 0
    for process in processes:
        with suppress(psutil.Error, OSError):  # a process may end while it is looked at
            total += process.memory_full_info().pss
    return total


def _rss(processes: Sequence[psutil.Process]) -> int:
    total = 0
    for process in processes:
        with suppress(psutil.Error, OSError):
            total += process.memory_info().rss
    return total
