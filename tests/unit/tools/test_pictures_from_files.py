"""load_picture: every odd picture comes out upright in RGB, every unusable file is refused in one sentence."""

import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.unit.tools.samples import cut, picture, png_header
from tools.errors import MediaError
from tools.media import MediaLimits, load_picture, sniff

PHONE = Path(__file__).resolve().parents[2] / "data" / "phone.heic"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "gif", "bmp", "tif", "avif"])
def test_common_formats_are_read_whatever_the_name(tmp_path: Path, suffix: str) -> None:
    saved = tmp_path / f"picture.{suffix}"
    picture().save(saved)
    renamed = saved.rename(tmp_path / "picture.doc")
    image = load_picture(renamed)
    assert (image.mode, image.size) == ("RGB", (90, 60))
    left, right = image.getpixel((10, 30)), image.getpixel((80, 30))
    assert left[0] > 180 > 60 > left[2]
    assert right[2] > 180 > 60 > right[0]


def test_a_photo_of_a_phone_is_read_upright(tmp_path: Path) -> None:
    image = load_picture(phone_photo(tmp_path))
    assert (image.mode, image.size) == ("RGB", (60, 90))
    above, below = image.getpixel((30, 10)), image.getpixel((30, 80))
    assert above[0] > 180 > 60 > above[2]
    assert below[2] > 180 > 60 > below[0]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation_is_applied(tmp_path: Path, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture().save(path := tmp_path / "p.jpg", exif=exif)
    image = load_picture(path)
    assert image.size == ((90, 60) if orientation < 5 else (60, 90))
    red_first = orientation in (1, 4, 5, 6)
    corner = image.getpixel((4, 4))
    assert (corner[0] > corner[2]) == red_first


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
def test_a_broken_exif_block_does_not_lose_the_picture(tmp_path: Path) -> None:
    picture().save(path := tmp_path / "p.jpg", exif=b"Exif\x00\x00II*\x00\x08\x00\x00\x00\xff\xff garbage")
    assert load_picture(path).size == (90, 60)


@pytest.mark.parametrize("suffix", ["gif", "webp", "png"])
def test_an_animation_gives_its_first_frame(tmp_path: Path, suffix: str) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(path := tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:])
    red, green, blue = load_picture(path).getpixel((20, 15))
    assert red > 200
    assert max(green, blue) < 60


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (10, 10), (255, 0, 0, 0))
    clear.putpixel((5, 5), (255, 0, 0, 255))
    clear.save(tmp_path / "rgba.png")
    Image.new("LA", (10, 10), (0, 0)).save(tmp_path / "la.png")
    palette = clear.convert("P")
    palette.info["transparency"] = palette.getpixel((0, 0))
    palette.save(tmp_path / "p.png", transparency=palette.getpixel((0, 0)))
    for name in ("rgba.png", "la.png", "p.png"):
        assert load_picture(tmp_path / name).getpixel((0, 0)) == (255, 255, 255), name
    assert load_picture(tmp_path / "rgba.png").getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_keep_their_shades(tmp_path: Path, suffix: str) -> None:
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (8, 1))
    Image.fromarray(ramp).save(path := tmp_path / f"g.{suffix}")
    shades = np.asarray(load_picture(path))[0, :, 0].astype(int)
    assert abs(shades - np.arange(256)).max() <= 1


def test_floating_point_pixels_keep_their_shades(tmp_path: Path) -> None:
    Image.fromarray(np.tile(np.linspace(0, 1, 256, dtype=np.float32), (8, 1))).save(path := tmp_path / "f.tif")
    shades = np.asarray(load_picture(path))[0, :, 0].astype(int)
    assert abs(shades - np.arange(256)).max() <= 1


@pytest.mark.parametrize(
    ("mode", "suffix"), [("CMYK", "jpg"), ("CMYK", "tif"), ("P", "png"), ("1", "png"), ("YCbCr", "jpg"), ("L", "jpg")]
)
def test_other_colour_modes_become_rgb(tmp_path: Path, mode: str, suffix: str) -> None:
    picture().convert(mode).save(path := tmp_path / f"m.{suffix}")
    image = load_picture(path)
    assert image.mode == "RGB"
    if mode in ("CMYK", "P", "YCbCr"):
        assert image.getpixel((10, 30))[0] > 150 > image.getpixel((10, 30))[2]


def test_a_picture_of_900_million_pixels_is_refused_without_memory(tmp_path: Path) -> None:
    bomb = png_header(tmp_path / "bomb.png", 30_000, 30_000)
    load_or_refuse(bomb)  # imports done before the measurement
    tracemalloc.start()
    with pytest.raises(MediaError, match=r"bomb.png has .* pixels; at most 50,000,000 are accepted"):
        load_picture(bomb)
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_the_pixel_limit_is_the_callers(tmp_path: Path) -> None:
    picture(100, 100).save(path := tmp_path / "p.png")
    with pytest.raises(MediaError, match="100 x 100 pixels; at most 9,999"):
        load_picture(path, MediaLimits(image_pixels=9_999))
    assert load_picture(path, MediaLimits(image_pixels=10_000)).size == (100, 100)


def test_a_limit_above_pillows_own_is_kept_too(tmp_path: Path) -> None:
    bomb = png_header(tmp_path / "bomb.png", 30_000, 30_000)
    with pytest.raises(MediaError, match="damaged or cut short"):
        load_picture(bomb, MediaLimits(image_pixels=1_000_000_000))


def load_or_refuse(path: Path) -> str:
    try:
        load_picture(path)
    except MediaError as exc:
        return str(exc)
    return ""


def text_file(folder: Path) -> Path:
    (path := folder / "bad").write_text("these are words\n" * 40)
    return path


def svg(folder: Path) -> Path:
    (path := folder / "bad").write_text('<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    return path


def eps(folder: Path) -> Path:
    (path := folder / "bad").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    return path


def random_bytes(folder: Path) -> Path:
    (path := folder / "bad").write_bytes(bytes(range(0, 256, 3)) * 50)
    return path


def empty(folder: Path) -> Path:
    (path := folder / "bad").touch()
    return path


def pipe(folder: Path) -> Path:
    os.mkfifo(path := folder / "bad")
    return path


def dangling_link(folder: Path) -> Path:
    (path := folder / "bad").symlink_to(folder / "gone")
    return path


def heic(folder: Path) -> Path:
    (path := folder / "bad").write_bytes(b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00" + bytes(200))
    return path


def phone_photo(folder: Path, width: int | None = None, height: int | None = None) -> Path:
    """A phone's photo, taken upright, stored lying; its header may be made to state another size."""
    content = bytearray(PHONE.read_bytes())
    if width and height:
        at = content.index(b"ispe") + 8
        content[at : at + 8] = struct.pack(">II", width, height)
    (path := folder / "bad").write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda folder: folder / "nothing", "There is no file .*nothing"),
        (lambda folder: folder, "is a folder, not a file"),
        (empty, "bad is empty"),
        (pipe, "is a device or a pipe"),
        (lambda _: Path("/dev/zero"), "is a device or a pipe"),
        (dangling_link, "There is no file"),
        (lambda _: Path("with\0zero"), "cannot be opened"),
        (text_file, "bad is a text file, not a picture"),
        (svg, "is an SVG drawing, which cannot be read here; save it as PNG or JPEG"),
        (heic, "is a HEIC picture that is damaged or cut short"),
        (lambda folder: phone_photo(folder, 8_000, 8_000), "bad is a HEIC picture that is damaged or cut short"),
        (lambda folder: phone_photo(folder, 60_000, 60_000), "bad is a HEIC picture that is damaged or cut short"),
        (lambda folder: phone_photo(folder, 16, 16), "bad is a HEIC picture that is damaged or cut short"),
        (eps, "bad is a text file, not a picture"),
        (random_bytes, "is not a picture that can be read; send a JPEG, PNG, WebP"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, make: Callable[[Path], Path], sentence: str) -> None:
    with pytest.raises(MediaError, match=sentence) as caught:
        load_picture(make(tmp_path))
    assert "\n" not in str(caught.value)
    assert str(caught.value).endswith(".")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    path = text_file(tmp_path)
    path.chmod(0)
    with pytest.raises(MediaError, match="cannot be opened: Permission denied"):
        load_picture(path)


@pytest.mark.parametrize("fraction", [0.01, 0.05, 0.5, 0.9])
def test_a_photo_of_a_phone_cut_short_is_refused(tmp_path: Path, fraction: float) -> None:
    with pytest.raises(MediaError, match=r"^cut is .*\.$"):
        load_picture(cut(PHONE, tmp_path / "cut", fraction))


def test_a_photo_of_a_phone_has_no_more_pixels_than_any_other(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="has 60 x 90 pixels; at most 5,000 are accepted"):
        load_picture(PHONE, MediaLimits(image_pixels=5_000))


@pytest.mark.parametrize("seed", [*range(12), 704, 979, 1024, 1064])  # the last four crash the decoder
def test_a_damaged_photo_of_a_phone_is_a_picture_or_a_sentence(tmp_path: Path, seed: int) -> None:
    content, random = bytearray(PHONE.read_bytes()), np.random.default_rng(seed)
    for at in random.integers(4, len(content), random.integers(1, 6)):
        content[at] = random.integers(256)
    (path := tmp_path / "damaged.heic").write_bytes(content)
    try:
        assert load_picture(path).mode == "RGB"
    except MediaError as exc:
        assert "\n" not in str(exc)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif", "avif"])
@pytest.mark.parametrize("fraction", [0.05, 0.5])
def test_a_picture_cut_short_is_refused(tmp_path: Path, suffix: str, fraction: float) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (60, 90, 3), dtype=np.uint8)
    Image.fromarray(noise).save(whole := tmp_path / f"w.{suffix}")
    with pytest.raises(MediaError):
        load_picture(cut(whole, tmp_path / "cut", fraction))


def test_a_file_over_the_limit_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"bad has 4,300 bytes; at most 4,299 bytes are accepted"):
        load_picture(random_bytes(tmp_path), MediaLimits(image_bytes=4_299))


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"])
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "CMYK", "RGBA"])
def test_a_compressed_tiff_is_read_as_one_without_compression(tmp_path: Path, compression: str, mode: str) -> None:
    if compression == "jpeg" and mode in ("P", "RGBA"):
        pytest.skip("JPEG holds no palette and no transparency")
    exif = Image.Exif()
    exif[0x0112] = 6
    image = picture().convert(mode)
    image.save(packed := tmp_path / "packed.tif", compression=compression, exif=exif)
    image.save(raw := tmp_path / "raw.tif", compression="raw", exif=exif)
    read, expected = (np.asarray(load_picture(path), np.int16) for path in (packed, raw))
    assert read.shape == expected.shape == (90, 60, 3)
    assert np.abs(read - expected).max() <= (60 if compression == "jpeg" else 0)


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "jpeg"])
@pytest.mark.parametrize("at", [0.1, 0.5, 0.9])
def test_libtiff_s_remarks_stay_off_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], compression: str, at: float
) -> None:
    picture().save(path := tmp_path / "p.tif", compression=compression)
    content = bytearray(path.read_bytes())
    start = int(len(content) * at)
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)
    load_or_refuse(path)
    assert capfd.readouterr() == ("", "")


def test_pillow_s_remarks_stay_out_of_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture().save(path := tmp_path / "p.tif")
    content = bytearray(path.read_bytes())
    place = content.index(struct.pack("<HHI", 277, 3, 1)) + 8  # SamplesPerPixel
    content[place : place + 2] = (35).to_bytes(2, "little")
    path.write_bytes(content)
    with pytest.raises(MediaError, match="is not a picture that can be read"):
        load_picture(path)
    assert [record for record in caplog.records if record.name.startswith("PIL") and record.levelname == "ERROR"] == []


def test_nothing_goes_to_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    picture().save(path := tmp_path / "p.tif", compression="tiff_lzw")
    content = bytearray(path.read_bytes())
    content[-120:] = b"\xff" * 120
    path.write_bytes(content)
    load_or_refuse(path)
    load_or_refuse(png_header(tmp_path / "bomb.png", 12_000, 12_000))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"%PDF-1.7", "a PDF document"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "a WebP picture"),
        (b"\x00\x00\x00 ftypavif", "an AVIF picture"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1avifmiaf", "an AVIF picture"),
        (b"\x00\x00\x00\x1cftypmif1\x00\x00\x00\x00mif1heicmiaf", "a HEIC picture"),
        (b"\x00\x00\x00 ftypisom", "an MP4 file"),
        ("Grüße aus Köln".encode(), "a text file"),
        ("日本".encode()[:-1], "a text file"),
        (b"\x00\x01\x02", None),
        (b"\xfe\xed\xfa\xce\x80\x81", None),
    ],
)
def test_sniff_names_what_a_file_is(head: bytes, kind: str | None) -> None:
    assert sniff(head) == kind
