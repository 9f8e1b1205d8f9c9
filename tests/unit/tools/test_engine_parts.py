"""What the engines share: made once and on first use, known by their weights, content with the cores they have."""

import ctypes
import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import tools
from tools.cores import usable_cores
from tools.engines.languages import language_code
from tools.engines.lazy import Lazy, loading
from tools.engines.parts import Engines
from tools.engines.weights import RowCache, weights_sha256
from tools.errors import BadInput, MediaError, ServiceMissing


def test_a_lazy_value_is_made_once_by_many_threads() -> None:
    calls = []

    def make() -> object:
        time.sleep(0.01)
        calls.append(1)
        return object()

    lazy, ids = Lazy(make), set()
    threads = [threading.Thread(target=lambda: ids.add(id(lazy()))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(calls), len(ids), lazy.is_made) == (1, 1, True)


def test_a_lazy_value_that_failed_is_tried_again() -> None:
    answers = iter([ServiceMissing("not yet"), "here"])

    def make() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    lazy = Lazy(make)
    with pytest.raises(ServiceMissing):
        lazy()
    assert not lazy.is_made
    assert lazy() == "here"


def test_engines_make_only_what_is_read() -> None:
    names = []

    def part(name: str) -> Lazy[str]:
        return Lazy(lambda: names.append(name) or name)  # type: ignore[func-returns-value]

    engines = Engines(part("catalogue"), part("text"), part("pictures"), "ready")  # type: ignore[arg-type]
    assert names == []
    assert (engines.text, engines.text, engines.speech) == ("text", "text", "ready")
    assert names == ["text"]
    assert dataclasses.replace(engines, text="other").text == "other"  # type: ignore[arg-type]


def test_loading_translates_what_libraries_raise() -> None:
    with pytest.raises(ServiceMissing, match="The model m cannot be loaded: bad magic") as caught, loading("m"):
        raise RuntimeError("bad\nmagic")
    assert isinstance(caught.value.__cause__, RuntimeError)
    with pytest.raises(ServiceMissing, match="The Python package nonesuch is missing"), loading("m"):
        import nonesuch  # type: ignore[import-not-found]  # noqa: F401
    with pytest.raises(MediaError), loading("m"):
        raise MediaError("kept as it is")


# Weights -------------------------------------------------------------------------------------------------------------

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_weights_are_known_by_their_hash(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"abc")
    (tmp_path / "old.bin").write_bytes(b"ignored: safetensors come first")
    assert weights_sha256(tmp_path) == weights_sha256(tmp_path / "model.safetensors") == ABC
    (tmp_path / "model.safetensors").write_bytes(b"abcd")
    assert weights_sha256(tmp_path) != ABC


def test_a_manifest_saves_hashing(tmp_path: Path) -> None:
    (tmp_path / "ct2").mkdir()
    (tmp_path / "ct2" / "model.bin").write_bytes(b"abc")
    manifest = {"files": {"ct2/model.bin": {"sha256": "f" * 64, "bytes": 3}}}
    (tmp_path / "MANIFEST.json").write_text(json.dumps(manifest))
    assert weights_sha256(tmp_path / "ct2") == "f" * 64
    (tmp_path / "MANIFEST.json").write_text("{broken")
    assert weights_sha256(tmp_path / "ct2") == ABC


def test_the_hub_cache_names_files_by_their_hash(tmp_path: Path) -> None:
    blob = tmp_path / ("e" * 64)
    blob.write_bytes(b"abc")
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "model.safetensors").symlink_to(blob)
    assert weights_sha256(tmp_path / "snapshot") == "e" * 64


def test_sharded_weights_have_one_hash(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.safetensors").write_bytes(name.encode())
    digest = weights_sha256(tmp_path)
    (tmp_path / "b.safetensors").write_bytes(b"c")
    assert weights_sha256(tmp_path) != digest


def test_rows_are_kept_and_damage_is_made_good(tmp_path: Path) -> None:
    cache, rows = RowCache(tmp_path / "cache"), np.ones((2, 3), np.float32)
    assert cache.get("k", (2, 3)) is None
    cache.put("k", rows)
    cached = cache.get("k", (2, 3))
    assert cached is not None
    assert (cached == rows).all()
    assert cache.get("k", (2, 4)) is None
    assert cache.get("other", (2, 3)) is None
    next((tmp_path / "cache").iterdir()).write_bytes(b"\x93NUMPY cut")
    assert cache.get("k", (2, 3)) is None
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".npy"]


def test_rows_that_were_long_unread_are_deleted(tmp_path: Path) -> None:
    cache, rows = RowCache(tmp_path), np.ones((2, 3), np.float32)
    for key in ("read", "unread"):
        cache.put(key, rows)
    for file in tmp_path.iterdir():
        os.utime(file, (0, 0))
    assert cache.get("read", (2, 3)) is not None
    cache.put("new", rows)
    assert [cache.get(key, (2, 3)) is not None for key in ("read", "unread", "new")] == [True, False, True]


def test_rows_are_done_without_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for cache in (RowCache(None), RowCache(tmp_path / "file" / "below")):
        cache.put("k", np.ones((1, 1), np.float32))
        assert cache.get("k", (1, 1)) is None


# Cores and languages -------------------------------------------------------------------------------------------------


def test_a_containers_quota_bounds_the_cores(tmp_path: Path) -> None:
    free = usable_cores(tmp_path)
    assert free >= 1
    (tmp_path / "cpu.max").write_text("max 100000\n")
    assert usable_cores(tmp_path) == free
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    assert usable_cores(tmp_path) == 1
    (tmp_path / "cpu.max").write_text("99000000 100000\n")
    assert usable_cores(tmp_path) == free


def test_the_older_form_of_quota_is_read(tmp_path: Path) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("-1")
    free = usable_cores(tmp_path)
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text("100000")
    assert usable_cores(tmp_path) == 1 <= free


POOLS = """
import ctypes, sys, threading
from tools.engines.threads import limit_arenas
limit_arenas()
libc, all_there = ctypes.CDLL(None), threading.Barrier(40)
def work():
    kept = bytearray(100_000)
    all_there.wait()
threads = [threading.Thread(target=work) for _ in range(40)]
[thread.start() for thread in threads], [thread.join() for thread in threads]
libc.malloc_info(0, ctypes.c_void_p.in_dll(libc, "stdout"))
libc.fflush(None)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_info"), reason="another C library than glibc")
@pytest.mark.parametrize(("asked", "most"), [(None, max(2, usable_cores())), ("5", 5)])
def test_threads_share_few_memory_pools_unless_another_number_is_asked_for(asked: str | None, most: int) -> None:
    others = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    environment = others | ({"MALLOC_ARENA_MAX": asked} if asked else {})
    command = [sys.executable, "-c", POOLS]
    out = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert out.count("<heap ") == most


@pytest.mark.parametrize(
    ("language", "code"),
    [("en", "en"), ("EN", "en"), ("zh-CN", "zh"), ("zh_Hans", "zh"), ("Chinese", "zh"), (" mandarin ", "zh"),
     ("pt-BR", "pt"), ("German", "de"), ("haitian creole", "ht"), ("haw", "haw"), ("cmn", "zh")],
)  # fmt: skip
def test_languages_by_code_tag_or_name(language: str, code: str) -> None:
    assert language_code(language) == code


@pytest.mark.parametrize("language", ["", "klingon", "xx", "e"])
def test_unknown_languages_are_refused(language: str) -> None:
    with pytest.raises(BadInput, match="use a code such as en, zh or de"):
        language_code(language)


# The front door ------------------------------------------------------------------------------------------------------


def test_every_name_of_the_front_door_is_there() -> None:
    for name in tools.__all__:
        assert getattr(tools, name) is not None
    assert set(tools.__all__) == set(tools._HOMES)
    with pytest.raises(AttributeError):
        _ = tools.nonesuch  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import tools", ["numpy", "pydantic", "torch"]),
        ("import tools.toolbox", ["torch", "transformers", "langchain_core", "chromadb", "av", "PIL"]),
        ("from assistant.engines import open_engines; from assistant.settings import load_settings;"
         "open_engines(load_settings())", ["torch", "transformers", "faster_whisper", "chromadb"]),
    ],
)  # fmt: skip
def test_imports_stay_light(code: str, absent: list[str]) -> None:
    check = f"{code}; import sys; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
