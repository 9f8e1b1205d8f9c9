"""The engines that the settings ask for; nothing is loaded until it is used."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import ModelMissing
from assistant.models import ensure_present
from assistant.settings import Settings
from tools.media import MediaLimits
from tools.store.catalogue import Catalogue
from tools.toolbox import Engines

if TYPE_CHECKING:
    from tools.engines.pictures import PictureEncoder
    from tools.engines.speech import SpeechEngine
    from tools.engines.text import TextEncoder

WHISPER_FILES = {"faster-whisper": "ct2", "openai-whisper": "openai/base.pt"}


def open_engines(settings: Settings) -> Engines:
    """Engines over the settings' models and catalogue; cheap, since each part is made on first use."""
    engines = Engines(
        catalogue=lambda: Catalogue.open(settings.data_folder, chroma_url=settings.chroma_url),
        text=lambda: _text(settings),
        pictures=lambda: _pictures(settings, engines),
        speech=lambda: _speech(settings),
        limits=media_limits(settings),
        weights=settings.turn.weights,
    )
    return engines


def media_limits(settings: Settings) -> MediaLimits:
    """The part of the limits that pictures and recordings have."""
    names = asdict(MediaLimits())
    return MediaLimits(**{name: getattr(settings.limits, name) for name in names})


def _text(settings: Settings) -> "TextEncoder":
    from tools.engines.text import TextEncoder

    return TextEncoder(_folder(settings, settings.text.model))


def _pictures(settings: Settings, engines: Engines) -> "PictureEncoder":
    cache = settings.models_folder.parent / "cache"
    if settings.vision.encoder == "open_clip":
        from tools.engines.clip import ClipEncoder

        return ClipEncoder(settings.vision.clip_model, settings.vision.clip_checkpoint, cache_folder=cache)
    from tools.engines.conse import ConseEncoder

    return ConseEncoder(_folder(settings, settings.vision.classifier), engines.text, cache_folder=cache)


def _speech(settings: Settings) -> "SpeechEngine":
    from tools.engines.speech import make_speech_engine

    speech = settings.speech
    folder = _folder(settings, speech.model)
    return make_speech_engine(speech.engine, folder / WHISPER_FILES[speech.engine], speech.compute)


def _folder(settings: Settings, name: str) -> Path:
    """A folder that a person named, or a registered model's.

    Raises:
        ModelMissing: it is not there.
    """
    if "/" in name:
        named = Path(name).expanduser()
        if not named.is_dir():
            raise ModelMissing(name)
        return named
    return ensure_present(settings, name)
