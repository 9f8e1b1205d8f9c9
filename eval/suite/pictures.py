"""The user's pictures, made from a file, an item's photo or words; equal definitions and sources give equal bytes."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from assistant.errors import BadInput
from eval.suite.records import PictureAttachment
from tools.media import load_picture

QUALITY, NOISE_SEED = 90, 7
SHEET = (1024, 768)
MARGIN = 0.06
LARGEST, SMALLEST = 96, 14
"""Height of letters, pixels."""


def picture_jpeg(picture: PictureAttachment, source: Path | None) -> bytes:
    """The picture as JPEG: its changes are made in the order of the fields.

    Args:
        source: the file that it is made from; None for a sheet.

    Raises:
        BadInput: there is no font for the words.
        MediaError: the source is not a picture.
    """
    if letters := unwritable(f"{picture.sheet or ''}{picture.words or ''}"):
        raise BadInput(f"No font at hand draws {letters!r}; use letters without accents, or a picture file.")
    image = load_picture(source) if source else _sheet(picture.sheet or "")
    image = _changed(image, picture)
    if picture.words:
        _write(image, picture.words, _lower_third(image))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY, subsampling=0)
    return file.getvalue()


def _changed(image: Image.Image, picture: PictureAttachment) -> Image.Image:
    if picture.mirror:
        image = ImageOps.mirror(image)
    if picture.crop:
        image = _cropped(image, picture.crop)
    if picture.hue:
        image = _turned(image, picture.hue)
    if picture.brightness != 1:
        image = ImageEnhance.Brightness(image).enhance(picture.brightness)
    if picture.blur:
        image = image.filter(ImageFilter.GaussianBlur(picture.blur))
    if picture.noise:
        image = _noisy(image, picture.noise)
    if picture.rotate:
        image = image.rotate(picture.rotate, Image.Resampling.BICUBIC, expand=True, fillcolor="white")
    return image


def _cropped(image: Image.Image, fraction: float) -> Image.Image:
    width, height = image.size
    return image.crop(
        (int(width * fraction), int(height * fraction), int(width * (1 - fraction)), int(height * (1 - fraction)))
    )


def _noisy(image: Image.Image, deviation: float) -> Image.Image:
    """The noise of a sensor in little light: each value of each pixel on its own."""
    values = np.asarray(image, np.float32)
    noise = np.random.default_rng(NOISE_SEED).normal(0, deviation, values.shape)
    return Image.fromarray(np.clip(values + noise, 0, 255).astype(np.uint8))


def _turned(image: Image.Image, degrees: int) -> Image.Image:
    """All colours turned on the colour wheel; greys stay."""
    values = np.array(image.convert("HSV"))
    values[..., 0] = (values[..., 0].astype(np.int32) + round(degrees * 256 / 360)) % 256
    return Image.fromarray(values, "HSV").convert("RGB")


# Words ---------------------------------------------------------------------------------------------------------------

Box = tuple[float, float, float, float]
"""Left, top, right, bottom, pixels."""


def unwritable(words: str) -> str:
    """The characters that Pillow's own font, the only one that is surely there, draws as empty boxes."""
    font = ImageFont.load_default(SMALLEST)
    box = bytes(font.getmask("\uffff"))
    return "".join(sorted({letter for letter in words if letter.strip() and bytes(font.getmask(letter)) == box}))


def _sheet(words: str) -> Image.Image:
    """Words on a white sheet."""
    image = Image.new("RGB", SHEET, "white")
    edge = MARGIN * SHEET[0]
    _write(image, words, (edge, edge, SHEET[0] - edge, SHEET[1] - edge))
    return image


def _lower_third(image: Image.Image) -> Box:
    width, height = image.size
    return MARGIN * width, height * 2 / 3, width * (1 - MARGIN), height * (1 - MARGIN / 2)


def _write(image: Image.Image, words: str, box: Box) -> None:
    """Words in black on a white ground, as large as the box allows."""
    draw = ImageDraw.Draw(image)
    left, top, right, bottom = box
    for size in range(LARGEST, SMALLEST - 1, -2):
        font = ImageFont.load_default(size)
        lines = _lines(draw, words, font, right - left)
        ground = draw.multiline_textbbox((left, top), lines, font)
        if ground[2] <= right and ground[3] <= bottom:
            break
    edge = size / 4
    draw.rectangle((ground[0] - edge, ground[1] - edge, ground[2] + edge, ground[3] + edge), fill="white")
    draw.multiline_text((left, top), lines, "black", font)


def _lines(
    draw: ImageDraw.ImageDraw, words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float
) -> str:
    """The words broken into lines of at most that width, where they have blanks."""
    lines: list[str] = []
    for word in words.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and draw.textlength(longer, font) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return "\n".join(lines)
