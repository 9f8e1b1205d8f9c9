"""What each profile starts and where its clients connect."""

import json
from pathlib import Path

import pytest

from assistant.errors import ConfigError, ServiceMissing
from assistant.llm import adapters, profiles
from assistant.settings import Settings, load_settings


def settings_with(tmp_path: Path, **llm: object) -> Settings:
    return load_settings(home=tmp_path, llm={"python": "/bin/sh", **llm})


def launched(tmp_path: Path, **llm: object) -> profiles.Launch:
    return profiles.launch(settings_with(tmp_path, **llm), model_folder=lambda _settings, name: tmp_path / name)


def value_of(command: list[str], flag: str) -> str:
    return command[command.index(flag) + 1]


def test_cpu_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("ASSISTANT_THREADS", "3")
    launch = launched(tmp_path, port=9000, extra_args=["--block-size", "64"])
    assert launch.command[:3] == ["/bin/sh", "-m", "vllm.entrypoints.openai.api_server"]
    assert value_of(launch.command, "--model") == str(tmp_path / "qwen2.5-coder-0.5b-instruct")
    assert value_of(launch.command, "--served-model-name") == "qwen2.5-coder-0.5b-instruct"
    assert value_of(launch.command, "--dtype") == profiles.best_cpu_dtype()
    assert value_of(launch.command, "--host") == "127.0.0.1"
    assert json.loads(value_of(launch.command, "--structured-outputs-config"))["disable_any_whitespace"] is True
    assert {"--enforce-eager", "--enable-prefix-caching"} <= set(launch.command)
    assert launch.command[-2:] == ["--block-size", "64"]
    environment = launch.environment
    assert environment["OMP_NUM_THREADS"] == "3"
    assert environment["VLLM_CPU_OMP_THREADS_BIND"] == "nobind"
    assert (environment["HF_HUB_OFFLINE"], environment["VLLM_NO_USAGE_STATS"]) == ("1", "1")
    assert "PYTHONPATH" not in environment


def an_adapter(folder: Path, base: str) -> Path:
    folder.mkdir()
    card = {
        "base": base, "base_weights": "", "data": "", "examples": {}, "settings": {"rank": 8}, "figures": {},
        "day": "2026-11-27",
    }  # fmt: skip
    (folder / adapters.CARD).write_text(json.dumps(card))
    (folder / adapters.CONFIG).write_text('{"r": 8, "lora_alpha": 16}')
    (folder / adapters.WEIGHTS).write_bytes(b"no weights")
    return folder


def test_a_card_serves_an_adapter_under_the_models_name(tmp_path: Path) -> None:
    adapter = an_adapter(tmp_path / "mine", "Qwen/Qwen3-4B-Instruct-2507")
    command = launched(tmp_path, profile="gpu", adapter=str(adapter)).command
    served = json.loads(value_of(command, "--lora-modules"))
    assert served == {"name": "Qwen/Qwen3-4B-Instruct-2507", "path": str(adapter)}
    assert value_of(command, "--served-model-name") != served["name"]
    assert value_of(command, "--max-lora-rank") == "8"
    assert "--lora-modules" not in launched(tmp_path, profile="gpu").command


def test_an_adapter_that_cannot_be_added_is_one_sentence(tmp_path: Path) -> None:
    adapter = an_adapter(tmp_path / "mine", "qwen2.5-coder-0.5b-instruct")
    (tmp_path / "qwen2.5-coder-0.5b-instruct").mkdir()
    with pytest.raises(ServiceMissing, match="ASSISTANT_LLM__ADAPTER=none"):
        launched(tmp_path, adapter=str(adapter))


def test_a_model_folder_by_path(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    launch = launched(tmp_path, model=str(tmp_path / "mine"))
    assert value_of(launch.command, "--model") == str(tmp_path / "mine")


def test_gpu_command(tmp_path: Path) -> None:
    launch = launched(tmp_path, profile="gpu", api_key="s3cret")
    assert value_of(launch.command, "--model") == value_of(launch.command, "--served-model-name")
    assert value_of(launch.command, "--model").startswith("Qwen/Qwen3")
    assert value_of(launch.command, "--gpu-memory-utilization") == "0.85"
    assert json.loads(value_of(launch.command, "--default-chat-template-kwargs")) == {"enable_thinking": False}
    assert "--enforce-eager" not in launch.command
    assert "HF_HUB_OFFLINE" not in launch.environment
    assert launch.environment["VLLM_API_KEY"] == "s3cret"
    assert "s3cret" not in " ".join(launch.command)


def test_endpoints(tmp_path: Path) -> None:
    assert profiles.endpoint(settings_with(tmp_path, port=9000)) == profiles.Endpoint(
        "http://127.0.0.1:9000/v1", "qwen2.5-coder-0.5b-instruct", "none"
    )
    remote = settings_with(tmp_path, profile="remote", base_url="https://host/v1/", model="m", api_key="k")
    assert profiles.endpoint(remote) == profiles.Endpoint("https://host/v1", "m", "k")


@pytest.mark.parametrize(
    ("llm", "says"),
    [
        ({"profile": "remote", "model": "m"}, "needs an address"),
        ({"profile": "remote", "base_url": "http://host/v1"}, "needs a model name"),
        ({"profile": "remote", "base_url": "host:8000", "model": "m"}, "must begin with http"),
        ({"base_url": "http://host/v1"}, "is for the remote profile"),
    ],
)
def test_settings_that_contradict_each_other(tmp_path: Path, llm: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        profiles.endpoint(settings_with(tmp_path, **llm))


@pytest.mark.parametrize(
    ("flags", "dtype"),
    [
        ("avx2 avx512f avx512_bf16", "bfloat16"),
        ("avx2 amx_bf16", "bfloat16"),
        ("avx2 avx512f", "float32"),
        ("", "float32"),
    ],
)
def test_the_number_format_that_fits_the_processor(monkeypatch: pytest.MonkeyPatch, flags: str, dtype: str) -> None:
    monkeypatch.setattr(
        Path, "read_text", lambda *_args, **_kwargs: f"processor\t: 0\nflags\t\t: fpu {flags}\nbugs\t:\n"
    )
    assert profiles.best_cpu_dtype() == dtype


def test_threads_that_sleep_while_they_wait(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("")
    assert launched(tmp_path, python=python).environment["OMP_WAIT_POLICY"] == "PASSIVE"
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "libiomp5.so").write_text("")
    assert launched(tmp_path, python=python).environment["LD_PRELOAD"] == str(tmp_path / "lib" / "libiomp5.so")
