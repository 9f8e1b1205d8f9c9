"""The sample catalogue as measurements use it: where it lies, and photos and recordings that a user might send."""

from pathlib import Path

from assistant.demo import voice_note
from assistant.errors import ServiceMissing
from assistant.settings import Settings

VOICES = Path(__file__).parent / "data" / "voice"
DEMO_VOICE = "voice-budget.flac"
_CROP = 0.08


def sample_folder(settings: Settings) -> Path:
    """Where the sample catalogue lies.

    Raises:
        ServiceMissing: it has not been fetched.
    """
    folder = settings.home.expanduser().absolute() / "sample"
    if not (folder / "products.jsonl").is_file():
        raise ServiceMissing("The sample catalogue is not here; fetch it with: assistant sample fetch")
    return folder


def photo(settings: Settings, name: str, folder: Path) -> Path:
    """A user's photo: the sample picture of that name, mirrored and cropped, so that it is not the same picture.

    Raises:
        ServiceMissing: the sample catalogue, or that picture of it, is not there.
    """
    from PIL import Image, ImageOps

    source = next(sample_folder(settings).rglob(name), None)
    if source is None:
        raise ServiceMissing(f"The sample catalogue has no picture {name}.")
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"photo-{name}"
    with Image.open(source) as opened:
        picture = ImageOps.mirror(opened.convert("RGB"))
    width, height = picture.size
    box = (int(width * _CROP), int(height * _CROP), int(width * (1 - _CROP)), int(height * (1 - _CROP)))
    picture.crop(box).save(target, quality=88)
    return target


def voice(name: str, folder: Path) -> Path:
    """A recording by its name; the demonstration's own lies with the product."""
    folder.mkdir(parents=True, exist_ok=True)
    return voice_note(folder) if name == DEMO_VOICE else VOICES / name
