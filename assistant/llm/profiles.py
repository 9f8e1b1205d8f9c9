"""What each profile means: which model, at which address, started by which command in which environment.

cpu     vLLM on this machine's processor, a small model from the models folder
gpu     vLLM on this machine's graphics cards, a model by its hub name or folder
remote  any OpenAI-compatible server; nothing is started here
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from assistant.errors import ConfigError, ServiceMissing
from assistant.llm import int8
from assistant.llm.adapters import Adapter, adapter_in_force, merged
from assistant.models.names import model_name
from assistant.settings import LLMSettings, Settings, project_folder

ENVIRONMENTS: Final = {"cpu": ".venv-vllm", "gpu": ".venv-vllm-gpu"}
HOST: Final = "127.0.0.1"
"""Where a managed server listens; one on another machine is of the remote profile."""
CPU_STREAMS: Final = 8
"""How many requests the cpu profile decodes together."""
CONTEXT_TOKENS: Final = {"cpu": 4096, "gpu": 8192}
"""How long a prompt with its answer may be: the small models of the cpu profile get none with tools and results."""
SETUP_COMMANDS: Final = {"cpu": "make setup", "gpu": "make setup-gpu"}

# Reading from the hub, counting users and colouring the log are all switched off: a start must not need the network
# (the gpu profile may fetch its model, see `_gpu_environment`).
_QUIET: Final = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_DO_NOT_TRACK": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "VLLM_LOGGING_COLOR": "0",
    "NO_COLOR": "1",
    "VLLM_DISABLE_LOG_LOGO": "1",
    "PYTHONUNBUFFERED": "1",
    "TOKENIZERS_PARALLELISM": "false",
}

_OF_OUR_PYTHON: Final = {"PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV"}


@dataclass(frozen=True)
class Endpoint:
    """What a client connects to. ``base_url`` ends with the API's version, for example ``.../v1``."""

    base_url: str
    model: str
    api_key: str


@dataclass(frozen=True)
class Launch:
    """How a managed server is started."""

    command: list[str]
    environment: dict[str, str]


def endpoint(settings: Settings) -> Endpoint:
    """The server's address, the model's name there and the key; of several replicas, the first.

    Raises:
        ConfigError: the remote profile lacks its address or model, or another profile is given an address.
    """
    return endpoints(settings)[0]


def endpoints(settings: Settings) -> list[Endpoint]:
    """One for each replica of the model, at least one, in the order of the settings.

    Raises:
        ConfigError: as `endpoint`; or an address is given twice.
    """
    llm = settings.llm
    if llm.profile == "remote":
        base_urls = _remote_urls(llm)
    elif llm.base_url or llm.base_urls:
        raise ConfigError(
            f"llm.base_url is for the remote profile, and the profile is {llm.profile}: "
            "set ASSISTANT_LLM__PROFILE=remote or remove the address."
        )
    else:
        base_urls = [f"http://{HOST}:{llm.port}/v1"]
    model, key = model_name(settings), llm.api_key.get_secret_value()
    return [Endpoint(base_url, model, key) for base_url in base_urls]


def mending_command(settings: Settings) -> str:
    """What a person does when the server does not answer."""
    if settings.llm.base_urls:
        return "check ASSISTANT_LLM__BASE_URLS and those servers"
    if settings.llm.profile == "remote":
        return "check ASSISTANT_LLM__BASE_URL and that server"
    return "start it with: assistant llm up"


def launch(settings: Settings, *, model_folder: Callable[[Settings, str], Path] | None = None) -> Launch:
    """The command line and the environment of the managed server.

    Args:
        model_folder: finds a model's finished folder; the registry's `ensure_present` unless a test brings its own.

    Raises:
        ServiceMissing: the vLLM environment is not there.
        ModelMissing: the model's folder is not there.
        ConfigError: the profile starts nothing.
    """
    if settings.llm.profile == "remote":
        raise ConfigError("The remote profile starts no server here.")
    python = vllm_python(settings)
    build = _cpu_launch if settings.llm.profile == "cpu" else _gpu_launch
    return build(settings, python, model_folder or _registry_folder)


def vllm_python(settings: Settings) -> Path:
    """The Python that has vLLM.

    Raises:
        ServiceMissing: it is not there; names the command that makes it.
    """
    profile = settings.llm.profile
    setting = settings.llm.python
    python = setting or project_folder() / ENVIRONMENTS[profile] / "bin" / "python"
    if python.is_file():
        return python.absolute()
    if setting:
        raise ServiceMissing(f"There is no Python at {python}, which llm.python names.")
    raise ServiceMissing(
        f"The vLLM environment {python.parent.parent} is not here; make it with: {SETUP_COMMANDS[profile]}"
    )


def usable_cores() -> int:
    """How many processor cores this process may use: affinity and, in a container, the quota."""
    cores = len(os.sched_getaffinity(0))
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(cores, int(quota) // int(period)))
    except (OSError, ValueError):  # no quota: the file is absent or says "max"
        return cores


def best_cpu_dtype() -> str:
    """The number format the processor is quick with.

    bfloat16 is twice as fast as float32 where the processor computes in it, and 6 times slower at reading prompts
    where it does not (both measured).
    """
    return "bfloat16" if {"avx512_bf16", "amx_bf16"} & int8.processor_flags() else "float32"


def _remote_urls(llm: LLMSettings) -> list[str]:
    if llm.base_url and llm.base_urls:
        raise ConfigError("Both llm.base_url and llm.base_urls are set: keep one of them.")
    urls = llm.base_urls or ([llm.base_url] if llm.base_url else [])
    if not urls:
        raise ConfigError(
            "The remote profile needs an address: set ASSISTANT_LLM__BASE_URL, for example http://host:8000/v1"
        )
    name = "llm.base_urls" if llm.base_urls else "llm.base_url"
    for url in urls:
        if not url.startswith(("http://", "https://")) or not _has_host(url):
            raise ConfigError(f"{name} must begin with http:// or https:// and name a host, and is {url!r}.")
    urls = [url.rstrip("/") for url in urls]
    if len(set(urls)) < len(urls):
        raise ConfigError("llm.base_urls names an address twice.")
    return urls


def _has_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets or a port that are none
        return False


def weights_folder(settings: Settings) -> Path:
    """The folder of the settings' model, as it was fetched.

    Raises:
        ModelMissing: it is not there.
        ConfigError: the model is on another machine, or known to a hub alone.
    """
    if settings.llm.profile == "remote" or _is_hub_name(model_name(settings)):
        raise ConfigError("The model's weights are not here; set llm.model to a folder with them.")
    return Path(_weights(settings, _registry_folder))


def _registry_folder(settings: Settings, name: str) -> Path:
    from assistant.models import ensure_present  # fetching is not needed to talk to a server

    return ensure_present(settings, name)


def _weights(settings: Settings, model_folder: Callable[[Settings, str], Path]) -> str:
    """A folder the person named, or the folder of a registered model."""
    name = model_name(settings)
    if "/" in name and Path(name).expanduser().is_dir():
        return str(Path(name).expanduser().absolute())
    return str(model_folder(settings, name))


def _common_arguments(settings: Settings, weights: str, *, untaught: bool = False) -> list[str]:
    llm, name = settings.llm, model_name(settings)
    return [
        "-m", "vllm.entrypoints.openai.api_server",
        "--model", weights,
        "--served-model-name", f"{name}-untaught" if untaught else name,
        "--host", HOST,
        "--port", str(llm.port),
        "--max-model-len", str(llm.context_tokens or CONTEXT_TOKENS[llm.profile]),
        "--seed", str(llm.seed),
        "--enable-prefix-caching",
        # usage reports how many prompt tokens the prefix cache served
        "--enable-prompt-tokens-details",
        # requests say their own sampling; a model folder's defaults (repetition penalty) would bend guided JSON
        "--generation-config", "vllm",
        # a small model pads JSON with whitespace until the token limit when it may
        "--structured-outputs-config", json.dumps({"backend": "xgrammar", "disable_any_whitespace": True}),
        "--enable-auto-tool-choice", "--tool-call-parser", "hermes",
        "--disable-uvicorn-access-log",
        "--no-enable-log-requests",
    ]  # fmt: skip


def _base_environment(settings: Settings) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if name not in _OF_OUR_PYTHON}
    environment = {**inherited, **_QUIET}
    key = settings.llm.api_key.get_secret_value()
    if key != "none":
        environment["VLLM_API_KEY"] = key  # not an argument: arguments are readable by every user
    return environment


def _cpu_launch(settings: Settings, python: Path, model_folder: Callable[[Settings, str], Path]) -> Launch:
    arguments = [
        *_common_arguments(settings, _quick_weights(settings, _taught(settings, _weights(settings, model_folder)))),
        "--dtype", best_cpu_dtype(),
        "--block-size", "32",  # the prefix cache serves whole blocks; 128 by default
        "--enforce-eager",  # compiling takes minutes and wins little at these sizes
        "--max-num-seqs", str(CPU_STREAMS),
        *settings.llm.extra_args,
    ]  # fmt: skip
    environment = {
        **_base_environment(settings),
        "HF_HUB_OFFLINE": "1",
        "TRANSFORMERS_OFFLINE": "1",
        # binding leaves the worker one core of two, which halves its speed
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": str(settings.threads or usable_cores()),
        **_openmp(python),
        # the worker lives in the engine's process: one import of vLLM less to wait for (7 s) and to hold (0.6 GiB)
        "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
        "VLLM_CPU_KVCACHE_SPACE": "1",
        "VLLM_CACHE_ROOT": str(settings.home.expanduser().absolute() / "cache" / "vllm"),
    }
    return Launch([str(python), *arguments], environment)


def _taught(settings: Settings, weights: str) -> str:
    """The folder of the weights with what the model was taught.

    Raises:
        ConfigError: the settings name an adapter that is none, or is another model's.
        ServiceMissing: the adapter's weights cannot be added.
    """
    adapter = adapter_in_force(settings)
    if adapter is None:
        return weights
    try:
        return str(merged(Path(weights), adapter, settings.home.expanduser().absolute() / "cache" / "taught"))
    except OSError as exc:
        raise ServiceMissing(
            f"The adapter {adapter.folder} cannot be used: {exc}; go on without it: ASSISTANT_LLM__ADAPTER=none"
        ) from exc


def _quick_weights(settings: Settings, weights: str) -> str:
    """The folder of the weights that the settings ask for: the model's own, or the same in eight bits.

    Measured with avx512_vnni: prompts are read 1.5 times and words written 1.4 times as fast; without such an
    instruction words are written at a seventh of the pace (docs/operations.md).

    Raises:
        ConfigError, ServiceMissing: eight bits are asked for by name, and cannot be had.
    """
    setting, folder = settings.llm.weights, Path(weights)
    if setting == "own" or (setting == "auto" and not (int8.is_quick() and int8.fits(folder))):
        return weights
    if not int8.fits(folder):
        architectures = ", ".join(sorted(int8.ARCHITECTURES))
        raise ConfigError(f"llm.weights is int8, which {folder.name} cannot be: only unquantized {architectures} can.")
    try:
        return str(int8.in_eight_bits(folder, settings.home.expanduser().absolute() / "cache" / "int8"))
    except OSError as exc:
        if setting == "auto":
            return weights
        raise ServiceMissing(f"The weights of {folder.name} in eight bits cannot be made: {exc}") from exc


def _openmp(python: Path) -> dict[str, str]:
    """Threads that sleep while they wait.

    The encoders and Whisper share the cores with vLLM. GNU OpenMP's threads spin at every barrier, and one busy
    neighbour then slows decoding to a fifth (measured); Intel's, which comes with vllm-cpu on x86, hardly suffers.
    """
    library = python.parent.parent / "lib" / "libiomp5.so"
    if not library.is_file():
        return {"OMP_WAIT_POLICY": "PASSIVE"}
    return {"LD_PRELOAD": str(library), "KMP_BLOCKTIME": "1"}


def _gpu_launch(settings: Settings, python: Path, model_folder: Callable[[Settings, str], Path]) -> Launch:
    name = model_name(settings)
    weights = name if _is_hub_name(name) else _weights(settings, model_folder)
    adapter = adapter_in_force(settings)
    arguments = [
        *_common_arguments(settings, weights, untaught=adapter is not None),
        *(_lora_arguments(name, adapter) if adapter else ()),
        "--dtype", "auto",
        "--gpu-memory-utilization", "0.85",  # encoders compute beside it; llm.extra_args say otherwise
        # hybrid models (Qwen3-8B, Qwen3.5 ...) think before they answer unless their template is told not to;
        # templates that know no such switch ignore it
        "--default-chat-template-kwargs", json.dumps({"enable_thinking": False}),
        *settings.llm.extra_args,
    ]  # fmt: skip
    return Launch([str(python), *arguments], _base_environment(settings))


def _lora_arguments(name: str, adapter: Adapter) -> list[str]:
    """The adapter under the model's name, so that clients ask for one name whether it is taught or not."""
    module = json.dumps({"name": name, "path": str(adapter.folder)})
    return ["--enable-lora", "--max-lora-rank", str(adapter.card.settings.get("rank", 16)), "--lora-modules", module]


def _is_hub_name(name: str) -> bool:
    return "/" in name and not Path(name).expanduser().is_dir()
