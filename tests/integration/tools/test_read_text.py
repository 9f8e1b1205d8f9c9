"""Words in pictures, read by the networks in the package: labels, price tags, screenshots, and what is no picture."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from tests.made_videos import make_video
from tools.engines.lazy import Lazy
from tools.engines.ocr import MOST_LINES, NETWORKS, RapidOcr
from tools.engines.parts import Engines
from tools.errors import ServiceMissing
from tools.toolbox import bind_tools, call_tool

CHINESE = "农夫山泉"


@pytest.fixture(scope="module")
def reader() -> RapidOcr:
    return RapidOcr(threads=1)


def sheet(*lines: str, size: int = 40, width: int = 900, height: int = 500, ground: object = "white") -> Image.Image:
    image = Image.new("RGB", (width, height), ground)  # type: ignore[arg-type]
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines):
        draw.text((40, 30 + n * 2 * size), line, fill="black", font=ImageFont.load_default(size))
    return image


def texts(reader: RapidOcr, image: Image.Image) -> list[str]:
    return [line.text for line in reader.read(image)]


def test_a_label_is_read_line_by_line_with_places(reader: RapidOcr) -> None:
    lines = reader.read(sheet("Brita Maxtra Plus", "filter cartridges 4 pcs", "12.99 USD", ground=(214, 200, 170)))
    assert [line.text for line in lines] == ["Brita Maxtra Plus", "filter cartridges 4 pcs", "12.99 USD"]
    assert all(line.confidence > 0.9 for line in lines)
    left, top, right, bottom = lines[1].box
    assert 30 <= left <= 50 < right <= 900
    assert 100 <= top < bottom <= 175


def test_boxes_are_in_pixels_of_the_whole_picture(reader: RapidOcr) -> None:
    image = Image.new("RGB", (4000, 3000), "white")
    ImageDraw.Draw(image).text((2000, 1500), "Rolleiflex", fill="black", font=ImageFont.load_default(200))
    [line] = reader.read(image)
    assert line.text == "Rolleiflex"
    assert 1900 < line.box[0] < 2100 < line.box[2] < 4000
    assert 1400 < line.box[1] < line.box[3] < 1800


def test_words_upside_down_and_a_little_turned_are_read(reader: RapidOcr) -> None:
    image = sheet("Boxing gloves", width=700, height=200)
    assert texts(reader, image.rotate(180)) == ["Boxing gloves"]
    assert texts(reader, image.rotate(7, expand=True, fillcolor="white")) == ["Boxing gloves"]


def test_chinese_is_read(reader: RapidOcr) -> None:
    font_manager = pytest.importorskip("matplotlib.font_manager")
    fonts = [path for path in font_manager.findSystemFonts() if _draws(path, CHINESE)]
    if not fonts:
        pytest.skip("No font here draws Chinese; install one (fonts-wqy-zenhei) to read a Chinese picture.")
    image = Image.new("RGB", (600, 200), "white")
    ImageDraw.Draw(image).text((40, 60), CHINESE, fill="black", font=ImageFont.truetype(fonts[0], 64))
    assert texts(reader, image) == [CHINESE]


def _draws(path: str, letters: str) -> bool:
    try:
        font = ImageFont.truetype(path, 32)
    except OSError:
        return False
    missing = bytes(font.getmask("\uffff"))
    return len({bytes(font.getmask(letter)) for letter in letters} - {missing}) == len(set(letters))


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 5000), (5000, 1), (31, 31), (8, 2000), (3000, 2000)], ids=lambda size: f"{size[0]}x{size[1]}"
)
def test_a_picture_without_words_has_no_lines(reader: RapidOcr, size: tuple[int, int]) -> None:
    assert reader.read(Image.new("RGB", size, (120, 130, 140))) == []


def test_noise_has_no_lines(reader: RapidOcr) -> None:
    values = np.random.default_rng(3).integers(0, 255, (500, 700, 3), dtype=np.uint8)
    assert reader.read(Image.fromarray(values)) == []


def test_a_page_full_of_words_is_bounded_in_lines_and_time(reader: RapidOcr) -> None:
    image = Image.new("RGB", (1600, 1600), "white")
    draw = ImageDraw.Draw(image)
    for n in range(70):
        draw.text((20, 20 + 22 * n), f"line {n} " * 20, fill="black", font=ImageFont.load_default(16))
    draw.text((700, 700), "HEADLINE", fill="red", font=ImageFont.load_default(90))
    began = time.process_time()
    lines = reader.read(image)
    assert len(lines) <= MOST_LINES
    assert all(len(line.text) <= 200 for line in lines)
    assert time.process_time() - began < 15


def test_the_tool_gives_lines_and_size(reader: RapidOcr, tmp_path: Path) -> None:
    sheet("Oak chair", width=500, height=200).save(tmp_path / "tag.png")
    outcome = call_tool(bind_tools(_engines(reader), Path), "read_text", {"image": str(tmp_path / "tag.png")})
    assert outcome.result is not None
    assert [line["text"] for line in outcome.result["lines"]] == ["Oak chair"]
    assert (outcome.result["width"], outcome.result["height"]) == (500, 200)


def test_a_video_s_lines_have_the_seconds_of_their_frames(reader: RapidOcr, tmp_path: Path) -> None:
    sheet("Oak chair", width=960, height=480).save(tmp_path / "tag.png")
    clip = make_video(tmp_path / "clip.mp4", [("blue", 3.0), (tmp_path / "tag.png", 5.0)], size=(960, 480))
    outcome = call_tool(bind_tools(_engines(reader), Path), "read_text", {"video": str(clip)})
    assert outcome.result is not None
    seconds = [line["second"] for line in outcome.result["lines"] if line["text"] == "Oak chair"]
    assert seconds
    assert all(3 <= second <= 8 for second in seconds)


@pytest.mark.parametrize("arguments", [{}, {"image": "a.png", "video": "b.mp4"}])
def test_either_a_picture_or_a_video_is_read(reader: RapidOcr, arguments: dict[str, str]) -> None:
    outcome = call_tool(bind_tools(_engines(reader), Path), "read_text", arguments)
    assert not outcome.ok
    assert "either image or video" in (outcome.error or "")


def test_what_is_no_picture_is_refused_in_one_sentence(reader: RapidOcr, tmp_path: Path) -> None:
    (tmp_path / "notes.png").write_text("words in a text file")
    outcome = call_tool(bind_tools(_engines(reader), Path), "read_text", {"image": str(tmp_path / "notes.png")})
    assert (outcome.ok, outcome.failure) == (False, "media")
    assert outcome.error == "notes.png is a text file, not a picture."


def test_without_a_reader_the_tool_says_so(tmp_path: Path) -> None:
    sheet("x").save(tmp_path / "x.png")
    outcome = call_tool(bind_tools(_engines(None), Path), "read_text", {"image": str(tmp_path / "x.png")})
    assert outcome.failure == "missing"
    assert "vision.words" in (outcome.error or "")


def _engines(reader: RapidOcr | None) -> Engines:
    nothing: Lazy[object] = Lazy(lambda: None)
    return Engines(nothing, nothing, nothing, nothing, words=reader)  # type: ignore[arg-type]


@pytest.mark.parametrize("fault", ["absent", "changed"])
def test_absent_and_changed_networks_are_named(tmp_path: Path, fault: str) -> None:
    if fault == "changed":
        for name, _ in NETWORKS.values():
            (tmp_path / name).write_bytes(b"something else")
    with pytest.raises(ServiceMissing, match=r"cannot be loaded: .*PP-OCRv6_det_small\.onnx"):
        RapidOcr(folder=tmp_path).load()


def test_nothing_is_written_to_standard_error_and_nothing_fetched() -> None:
    code = (
        "import socket\n"
        "socket.socket.connect = lambda *_: (_ for _ in ()).throw(RuntimeError('network'))\n"
        "from PIL import Image\nfrom tools.engines.ocr import RapidOcr\n"
        "print(RapidOcr(threads=1).read(Image.new('RGB', (200, 100), 'white')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
