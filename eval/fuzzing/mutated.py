"""Damaged and renamed files through the service: as uploads that a tool reads, and as attachments of messages."""

import base64
import ctypes
import gc
import io
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

import psutil

from eval.fuzzing.counting import HANG_SECONDS, Tally
from eval.fuzzing.files import CONTENT_TYPES, FIELDS, MutatedFile, mutated, originals
from eval.fuzzing.kinds import FuzzPlan, counted, judge, new_session
from eval.fuzzing.serving import FuzzAnswer, FuzzedService, serving
from tools.cores import usable_cores

GROWTH_BYTES = 100 * 2**20
"""How much larger the process may be after the mutated files than after the intact ones."""
FILES_A_SESSION = 50
LOOK_SECONDS = 0.2
SETTLE_SECONDS = 2.0
BOUNDARY = b"----------9f3a"
TOOLS = {
    "picture": ("describe_image", "image"),
    "audio": ("transcribe_audio", "audio"),
    "video": ("describe_video", "video"),
}
"""The tool that reads an upload of a kind, and its argument."""


@dataclass
class MemoryGrowth:
    """Bytes of resident memory: before and after the mutated files, and the peaks of the process and its children."""

    before: int = 0
    after: int = 0
    peak: int = 0
    peak_with_children: int = 0

    @property
    def growth(self) -> int:
        """Bytes that are not given back."""
        return self.after - self.before

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look every now and then while the block runs, and at its ends, when what is unused has been given back."""
        ended, self.before = threading.Event(), settled()

        def loop() -> None:
            while not ended.wait(LOOK_SECONDS):
                process = psutil.Process()
                own, children = process.memory_info().rss, 0
                for child in process.children(recursive=True):
                    with suppress(psutil.Error):  # it may end meanwhile
                        children += child.memory_info().rss
                self.peak = max(self.peak, own)
                self.peak_with_children = max(self.peak_with_children, own + children)

        thread = threading.Thread(target=loop, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.after = settled()


def patience() -> float:
    """Seconds after which a request counts as hanging: more where other programs hold the cores."""
    return HANG_SECONDS * max(1.0, os.getloadavg()[0] / usable_cores())


def settled() -> int:
    """Bytes of this process after what is unused has been given back to the system."""
    time.sleep(SETTLE_SECONDS)
    gc.collect()
    with suppress(OSError, AttributeError):  # glibc alone has it
        ctypes.CDLL(None).malloc_trim(0)
    return int(psutil.Process().memory_info().rss)


@dataclass
class CapturedOutput:
    """What this process, its C libraries included, writes to standard error; ``terminal`` is where that goes else."""

    file: io.FileIO
    terminal: TextIO
    _read: int = 0

    def take(self) -> str:
        """What came since the last call."""
        sys.stderr.flush()
        content = os.pread(self.file.fileno(), 2**20, self._read)
        self._read += len(content)
        return content.decode("utf-8", "replace")


@contextmanager
def standard_error() -> Iterator[CapturedOutput]:
    """Keep what is written to standard error, by Python or below it, in a file while the block runs."""
    sys.stderr.flush()
    before = os.dup(2)
    with tempfile.TemporaryFile("w+b", buffering=0) as file, os.fdopen(before, "w", encoding="utf-8") as terminal:
        os.dup2(file.fileno(), 2)
        try:
            with os.fdopen(os.dup(2), "w", encoding="utf-8") as writer, redirect_stderr(writer):
                yield CapturedOutput(file, terminal)
        finally:
            os.dup2(terminal.fileno(), 2)


@dataclass
class MutatedRun:
    """Sends files to the service and judges its answers."""

    plan: FuzzPlan
    served: FuzzedService
    output: CapturedOutput
    tally: Tally
    slowest_seconds: float = 0.0
    slowest: str = ""
    session: str = ""
    sent: int = 0
    patience: float = HANG_SECONDS
    memory: MemoryGrowth = field(default_factory=MemoryGrowth)

    def send_all(self) -> None:
        """The intact files by every way, then the mutated ones, while memory is watched."""
        files = originals()
        for end, content in files.items():
            places = [name for name, ends in FIELDS.items() if end in ends] or ["images"]
            intact = MutatedFile(f"file.{end}", CONTENT_TYPES[end], places[0], content, f"the intact {end} file")
            for way in range(len(self.WAYS)):
                self.send(intact, way)
        self.tally.notes.clear()
        self.tally.cases, self.tally.slowest_ms, self.slowest_seconds = 0, 0.0, 0.0
        with self.memory.watched():
            for n in range(self.plan.cases):
                self.send(mutated(n, self.plan.seed, files), n)
                self.plan.tick(self.tally)
        if self.memory.growth > GROWTH_BYTES:
            grown = f"the process grew by {self.memory.growth / 2**20:.0f} MiB"
            self.tally.fail("growth", grown, f"{self.plan.cases} files of seed {self.plan.seed}")

    def send(self, file: MutatedFile, way: int) -> None:
        """Send one file by one way, and note what is wrong with the answer."""
        if self.sent % FILES_A_SESSION == 0:
            if self.session:
                self._judged("DELETE session", self._request("DELETE", f"/api/sessions/{self.session}"), file)
            self.session = new_session(self.served)
        self.sent += 1
        self.patience, began = patience(), time.monotonic()
        with self.tally.timed(file.description, self.patience):
            self.WAYS[way % len(self.WAYS)](self, file)
        if time.monotonic() - began > self.slowest_seconds:
            self.slowest_seconds, self.slowest = time.monotonic() - began, file.description
        if written := self.output.take():
            self.tally.fail("output", written.strip()[:200], file.description)

    def _upload(self, file: MutatedFile) -> None:
        """As an upload; what is accepted is read by the tool of its kind."""
        answer = self._multipart("/api/uploads", "file", file)
        self._judged("upload", answer, file)
        if answer.status != 201:
            return
        upload = json.loads(answer.body)
        tool, argument = TOOLS[upload["kind"]]
        body = json.dumps({"arguments": {argument: upload["id"]}}).encode()
        self._judged(tool, self._request("POST", f"/api/tools/{tool}", body), file)
        self._judged("DELETE upload", self._request("DELETE", f"/api/uploads/{upload['id']}"), file)

    def _message(self, file: MutatedFile) -> None:
        """As the attachment of a multipart message."""
        self._judged("message", self._multipart(f"/api/sessions/{self.session}/messages", file.field, file), file)

    def _json_message(self, file: MutatedFile) -> None:
        """As the attachment of a JSON message with words."""
        attached = [{"name": file.name, "data": base64.b64encode(file.content).decode()}]
        body = json.dumps({"text": "black shoes like this", file.field: attached}).encode()
        self._judged("JSON message", self._request("POST", f"/api/sessions/{self.session}/messages", body), file)

    WAYS = (_upload, _message, _json_message)

    def _multipart(self, path: str, part: str, file: MutatedFile) -> FuzzAnswer:
        name = file.name.replace('"', "%22").encode()
        head = b'Content-Disposition: form-data; name="%s"; filename="%s"\r\n' % (part.encode(), name)
        body = b"--%s\r\n%sContent-Type: %s\r\n\r\n%s\r\n--%s--\r\n" % (
            BOUNDARY, head, file.content_type.encode(), file.content, BOUNDARY,
        )  # fmt: skip
        return self._request("POST", path, body, kind=f"multipart/form-data; boundary={BOUNDARY.decode()}")

    def _request(self, method: str, path: str, body: bytes = b"", kind: str = "application/json") -> FuzzAnswer:
        return self.served.request(method, path, body, kind=kind, seconds=self.patience)

    def _judged(self, what: str, answer: FuzzAnswer, file: MutatedFile) -> None:
        self.tally.notes[f"{what} {answer.status}"] += 1
        if answer.status is None:
            self.session = new_session(self.served)  # the other one is still at work
        judge(self.tally, self.served, answer, file.description)


def mutated_files(plan: FuzzPlan) -> MutatedRun:
    """So many mutated files through a service of its own in this process.

    What its tally holds against the service: answers of 500 and more, errors in the log, hangs, growth of memory, and
    output on standard error. Encoders are drawn (`eval.fuzzing.shop`); reading and decoding files is the product's.
    """
    with counted("mutated files") as tally, standard_error() as output:
        told = FuzzPlan(plan.cases, plan.seed, plan.folder, lambda text: print(text, file=output.terminal, flush=True))
        with serving(Path(plan.folder) / "service") as served:
            output.take()  # of the start
            run = MutatedRun(told, served, output, tally)
            run.send_all()
    return run
