"""The demonstration question: a photo, a voice note and a sentence that each matter to the answer.

The photo is cut from a picture of the sample catalogue (mirrored and cropped, so that it is not the same picture), the
voice note is a recording made with espeak-ng that lies beside this file, the sentence is below.
"""

from importlib.resources import as_file, files
from pathlib import Path

from assistant.errors import ServiceMissing
from assistant.settings import Settings

TEXT = "I like the shoes in my photo, but in black please."
PHOTO_OF = "chuttersnap-584518-unsplash.jpg"
_CROP = 0.08


def voice_note(folder: Path) -> Path:
    """The recording ("And please, nothing over one hundred dollars."), copied into ``folder``."""
    target = folder / "voice-budget.flac"
    with as_file(files(__package__) / target.name) as source:
        target.write_bytes(source.read_bytes())
    return target


def photo(settings: Settings, folder: Path) -> Path:
    """The user's photo, made from a picture of the sample catalogue.

    Raises:
        ServiceMissing: the sample catalogue has not been fetched.
    """
    from PIL import Image, ImageOps

    source = next((settings.home / "sample").rglob(PHOTO_OF), None)
    if source is None:
        raise ServiceMissing("The sample catalogue is not here; fetch it with: assistant sample fetch")
    with Image.open(source) as opened:
        picture = ImageOps.mirror(opened.convert("RGB"))
        width, height = picture.size
        margin_x, margin_y = int(width * _CROP), int(height * _CROP)
        target = folder / "photo.jpg"
        picture.crop((margin_x, margin_y, width - margin_x, height - margin_y)).save(target, quality=88)
    return target
