"""Reading vLLM's log."""

from pathlib import Path

import pytest

from assistant.llm import log

STARTING = """\
Triton is installed, but doesn't include CPU backend. Disabling Triton.
(APIServer pid=1) INFO 11-22 05:42:41 [api_utils.py:286] non-default args: {'port': 8899}
(EngineCore pid=2) INFO 11-22 05:43:06 [cpu_model_runner.py:68] Starting to load model /home/x/models/m...
(Worker pid=8261) WARNING 11-22 05:43:06 [cpu_worker.py:114] libtcmalloc is not found in LD_PRELOAD. For best
Loading safetensors checkpoint shards:   0% Completed | 0/1 [00:00<?, ?it/s]
"""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (STARTING, "Starting to load model /home/x/models/m..."),
        ("INFO 11-22 05:42:41 [a.py:1] " + "x" * 200, "x" * 99 + "…"),
        ("\x1b[32mINFO\x1b[0m 11-22 05:42:41 [a.py:1] Ready", "Ready"),
        ("garbage only\n", ""),
        ("", ""),
    ],
)
def test_the_last_meaningful_line(tmp_path: Path, text: str, shown: str) -> None:
    path = tmp_path / "vllm.log"
    path.write_text(text)
    assert log.last_meaningful(path) == shown


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (
            "(EngineCore pid=2) ERROR 11-22 05:54:12 [core.py:1] torch.OutOfMemoryError: CUDA out of memory.\n"
            "(APIServer pid=1) RuntimeError: Engine core initialization failed. See root cause above.\n",
            "OutOfMemoryError: CUDA out of memory.",
        ),
        ("api_server.py: error: unrecognized arguments: --nonsense\n", "unrecognized arguments: --nonsense"),
        ("OSError: [Errno 98] Address already in use\n", "OSError: [Errno 98] Address already in use"),
        ("RuntimeError: Engine core initialization failed. See root cause above.\n",
         "RuntimeError: Engine core initialization failed. See root cause above."),
        ("pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n"
         "  Value error, Invalid repository ID or local directory specified: '/x'. [type=value_error]\n",
         "Invalid repository ID or local directory specified: '/x'."),
        ("INFO 11-22 05:42:41 [a.py:1] all is well\n", ""),
    ],
)  # fmt: skip
def test_the_cause_of_a_failure(tmp_path: Path, text: str, cause: str) -> None:
    path = tmp_path / "vllm.log"
    path.write_text(text)
    assert log.failure_cause(path) == cause


def test_no_log(tmp_path: Path) -> None:
    assert log.tail_lines(tmp_path / "none") == []
    assert log.failure_cause(tmp_path / "none") == log.last_meaningful(tmp_path / "none") == ""


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "vllm.log"
    path.write_text("x\n" * 10_000_000)
    assert len(log.tail_lines(path, limit=100)) <= 52
