"""The engines that the settings ask for; each is made when it is first used."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import ServiceMissing, StoreError
from assistant.ingest.speech import Listener
from assistant.models import ensure_present
from assistant.settings import Settings
from assistant.storage import open_catalogue
from tools.engines.lazy import Lazy
from tools.engines.parts import Engines
from tools.media import MediaLimits

if TYPE_CHECKING:
    from assistant.claims.entailment import Entailment
    from tools.engines.ocr import WordReader
    from tools.engines.pictures import PictureEncoder
    from tools.engines.sounds import SoundEncoder
    from tools.engines.speech import SpeechEngine
    from tools.engines.text import TextEncoder
    from tools.store import Catalogue
    from tools.store.pages import PageStore
    from tools.taste.taste import Taste

INSTEAD = "set ASSISTANT_VISION__CLIP_CHECKPOINT to a file, or ASSISTANT_VISION__ENCODER=conse for the built-in one."
FETCH = f"Fetch it with: assistant models pull. Or {INSTEAD}"


def open_engines(settings: Settings) -> Engines:
    """Everything the tools need. Cheap: models and catalogue are opened when a tool first reads them.

    What is missing is reported then: `ModelMissing` with the command that fetches it, `StoreError` for the catalogue.
    """
    text, catalogue = Lazy(lambda: _text(settings)), Lazy(lambda: _catalogue(settings))
    return Engines(
        catalogue=catalogue,
        text=text,
        pictures=Lazy(lambda: _pictures(settings, text)),
        speech=Lazy(lambda: _speech(settings)),
        limits=media_limits(settings),
        cut_out=settings.vision.cut_out,
        weights=settings.signal_weights,
        taste=Lazy(lambda: taste_of(settings, catalogue)),
        pages=Lazy(lambda: page_store(settings)),
        words=Lazy(lambda: word_reader(settings, wanted=settings.vision.words)),
        sounds=Lazy(lambda: _sounds(settings)),
    )


def entailment_in(engines: Engines, settings: Settings) -> "Entailment | None":
    """The classifier that looks at explanations; None where the text encoder is not here, or has no such classifier."""
    from assistant.claims.entailment import entailment_for  # brings its library

    with suppress(ServiceMissing):
        return entailment_for(settings.text.model, engines.text) if settings.text.gives_token_states else None
    return None


def media_limits(settings: Settings) -> MediaLimits:
    """The settings' bounds on pictures, recordings and videos."""
    names = ("image_bytes", "audio_bytes", "audio_seconds", "video_bytes", "video_seconds", "video_frames")
    return MediaLimits(**{name: getattr(settings.limits, name) for name in names})


def _catalogue(settings: Settings) -> "Catalogue":
    catalogue = open_catalogue(settings)
    with suppress(StoreError):  # a full disk, say: reading goes on
        catalogue.tidy()
    return catalogue


def taste_of(settings: Settings, catalogue: "Callable[[], Catalogue]") -> "Taste | None":
    """What is known of users in the data folder; None where the settings want nothing to be."""
    from tools.taste.taste import Taste, TasteRules  # brings its library

    rules = TasteRules(least_people=settings.taste.least_people)
    return Taste(settings.data_folder, catalogue, rules, settings.place()) if settings.taste.enabled else None


def page_store(settings: Settings) -> "PageStore":
    """The shop's own pages in the data folder."""
    from tools.store.pages import PageStore  # brings its library

    return PageStore(settings.data_folder)


def word_reader(settings: Settings, *, wanted: bool) -> "WordReader | None":
    """What reads the words in pictures; None where that is not wanted."""
    from tools.engines.ocr import RapidOcr  # brings its library

    return RapidOcr(threads=settings.threads) if wanted else None


def listener(settings: Settings, *, wanted: bool) -> "Listener | None":
    """What writes down what is said in items' recordings and videos; None where that is not wanted.

    Raises:
        ServiceMissing: the speech model is not there.
    """
    speech = settings.speech
    name = " ".join([speech.engine, speech.model, *speech.languages])
    return Listener(name, _speech(settings)) if wanted else None


def _text(settings: Settings) -> "TextEncoder":
    from tools.engines.text import TextEncoder  # brings its library
    from tools.engines.text_http import EmbeddingServer, ServedTextEncoder  # brings its library

    text = settings.text
    if text.base_url:
        server = EmbeddingServer(
            **text.model_dump(include={"base_url", "model", "dimensions", "batch", "call_seconds", "extra_body"}),
            api_key=text.api_key.get_secret_value(),
            prompts={"query": text.query_prompt, "document": text.document_prompt, "classification": text.query_prompt},
        )
        return ServedTextEncoder(server, cache_folder=settings.vectors_folder)
    folder = _folder(settings, settings.text.model)
    return TextEncoder(folder, threads=settings.threads, cache_folder=settings.vectors_folder)


def _pictures(settings: Settings, text: "Lazy[TextEncoder]") -> "PictureEncoder":
    from tools.engines.clip import ClipEncoder  # brings its library
    from tools.engines.conse import ConseEncoder  # brings its library

    vision = settings.vision
    if vision.encoder == "conse":
        folder = _folder(settings, vision.classifier)
        return ConseEncoder(folder, text(), threads=settings.threads)
    return ClipEncoder(
        vision.clip_model,
        vision.clip_checkpoint,
        threads=settings.threads,
        cache_folder=settings.vectors_folder,
        advice=FETCH,
    )


def _sounds(settings: Settings) -> "SoundEncoder":
    from tools.engines.sounds import ClapSounds, LogMel  # brings its library

    sound = settings.sound
    return ClapSounds(sound.clap_model, threads=settings.threads) if sound.encoder == "clap" else LogMel()


def may_use_cards(settings: Settings) -> bool:
    """Whether one of the encoders of items runs on a graphics card where there is one; those on ONNX Runtime do not.

    Raises:
        ServiceMissing: the text encoder's folder is not there.
    """
    from tools.engines.text_onnx import is_onnx_encoder  # brings its library

    if settings.vision.encoder == "open_clip" or settings.sound.encoder == "clap":
        return True
    return not settings.text.base_url and not is_onnx_encoder(_folder(settings, settings.text.model))


def fetch_clip(settings: Settings) -> None:
    """Bring the CLIP model that the settings name to this machine; nothing to do for the built-in encoder.

    Raises:
        ServiceMissing: the hub cannot be reached, or there is no such model.
    """
    if settings.vision.encoder != "open_clip":
        return
    from tools.engines.clip import fetch  # brings its library

    try:
        fetch(settings.vision.clip_model, settings.vision.clip_checkpoint)
    except ServiceMissing as exc:
        raise ServiceMissing(f"{exc} You may {INSTEAD}") from exc


def _speech(settings: Settings) -> "SpeechEngine":
    from tools.engines.speech import make_speech_engine  # brings its library

    speech = settings.speech
    folder = _folder(settings, speech.model)
    return make_speech_engine(speech.engine, folder, threads=settings.threads, languages=speech.languages)


def _folder(settings: Settings, name: str) -> Path:
    """A registered model's folder, or one that the settings name by its path.

    Raises:
        ServiceMissing: it is not there.
    """
    if "/" not in name:
        return ensure_present(settings, name)
    folder = Path(name).expanduser()
    if not folder.is_dir():
        raise ServiceMissing(f"There is no model folder {folder}; check the setting, or see: assistant models list.")
    return folder
