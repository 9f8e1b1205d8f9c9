"""Whether preparing a photo or a voice note helps: bad photos and notes, prepared in several ways, and what is found.

    python -m eval.research.preparation pictures    # recall at 1 and mean reciprocal rank of the own photo
    python -m eval.research.preparation voice       # word error rate of made voice notes

Photos are those of the sample catalogue as another shot of the same thing (mirrored, cropped), then made worse: one
alteration a slice. Each preparation is compared with none on the same photos: the difference of the mean has a 95 %
interval by bootstrap over the items. docs/retrieval.md has the tables.
"""

import hashlib
import io
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import cv2
import jiwer
import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageOps
from rich.console import Console
from rich.table import Table

from assistant.engines import open_engines
from assistant.settings import load_settings
from eval.suite.speech import noise_for, synthesise
from tools.calibration import ALIKE
from tools.engines.cut_out import small_object
from tools.engines.pictures import PictureEncoder
from tools.media import Audio, load_picture

SHORT_SIDE = 300
"""Pixels of the short side that photos are made smaller to; the encoder reads 260."""
SEED = 7
SAMPLES = 2_000
"""Of the bootstrap."""

Picture = Image.Image
Change = Callable[[Picture, np.random.Generator], Picture]
Views = Callable[[Picture], list[Picture]]
"""What is encoded in place of a photo; of several, the one nearest to an item's photo counts."""
Floats = NDArray[np.float64]

app = typer.Typer(no_args_is_help=True, help=__doc__)


@dataclass(frozen=True)
class Outcome:
    """A preparation on a slice: its mean, the difference from none with its interval, and what it costs."""

    slice: str
    preparation: str
    measure: str
    mean: float
    difference: float
    low: float
    high: float
    milliseconds: float


# Photos: slices ------------------------------------------------------------------------------------------------------


def other_shot(picture: Picture) -> Picture:
    """Mirrored, and a tenth cut from each side."""
    width, height = picture.size
    return ImageOps.mirror(picture).crop((width // 10, height // 10, width - width // 10, height - height // 10))


def by_exif(picture: Picture, _: np.random.Generator) -> Picture:
    """Turned in the file and upright by its EXIF, through the product's own reader."""
    exif, file = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6
    picture.rotate(90, expand=True).save(file, "JPEG", exif=exif, quality=95)
    path = Path("/dev/shm") / f"exif-{id(file)}.jpg"  # noqa: S108 - deleted below
    path.write_bytes(file.getvalue())
    try:
        return load_picture(path)
    finally:
        path.unlink()


def turned(picture: Picture, draw: np.random.Generator) -> Picture:
    """On its side or upside down, without a word about it in the file."""
    return picture.rotate(int(draw.choice([90, 180, 270])), expand=True)


def dark(picture: Picture, draw: np.random.Generator) -> Picture:
    """A tenth of the light, with the noise of a sensor."""
    return _noised(ImageEnhance.Brightness(picture).enhance(0.1), 4, draw)


def pale(picture: Picture, _: np.random.Generator) -> Picture:
    """As through haze: an eighth of the contrast."""
    return Image.blend(Image.new("RGB", picture.size, (190, 190, 195)), picture, 0.125)


def noisy(picture: Picture, draw: np.random.Generator) -> Picture:
    """Normal noise of 50 levels."""
    return _noised(picture, 50, draw)


def _noised(picture: Picture, levels: float, draw: np.random.Generator) -> Picture:
    values = np.asarray(picture, dtype=np.float32)
    return Image.fromarray(np.clip(values + draw.normal(0, levels, values.shape), 0, 255).astype(np.uint8))


def cluttered(others: Sequence[Picture]) -> Change:
    """In the middle of a wall of other photos, as half of the width and height."""

    def change(picture: Picture, draw: np.random.Generator) -> Picture:
        width, height = picture.size
        wall = Image.new("RGB", (width, height))
        for n in range(9):
            tile = ImageOps.fit(others[int(draw.integers(len(others)))], (width // 3 + 1, height // 3 + 1))
            wall.paste(tile, (n % 3 * (width // 3), n // 3 * (height // 3)))
        wall.paste(picture.resize((width // 2, height // 2)), (width // 4, height // 4))
        return wall

    return change


def small(picture: Picture, draw: np.random.Generator) -> Picture:
    """A third of the width and height, anywhere on a plain table."""
    width, height = picture.size
    table = Image.new("RGB", (width, height), (196, 178, 156))
    part = picture.resize((width // 3, height // 3))
    table.paste(part, (int(draw.integers(width - width // 3)), int(draw.integers(height - height // 3))))
    return table


# Photos: preparations ------------------------------------------------------------------------------------------------


def autocontrast(picture: Picture) -> Picture:
    """The darkest and lightest hundredth of the levels become black and white."""
    return ImageOps.autocontrast(picture, cutoff=1, preserve_tone=True)


def clahe(picture: Picture) -> Picture:
    """Contrast of the lightness evened out by tiles (CLAHE)."""
    lab = cv2.cvtColor(np.asarray(picture), cv2.COLOR_RGB2LAB)
    lab[..., 0] = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8)).apply(lab[..., 0])
    return Image.fromarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB))


def exposed_if_poor(picture: Picture) -> Picture:
    """`autocontrast` where the levels span less than half of the scale; else as it is."""
    low, high = np.percentile(np.asarray(picture.convert("L")), [1, 99])
    return autocontrast(picture) if high - low < 128 else picture


def median(picture: Picture) -> Picture:
    """A median of five pixels."""
    return Image.fromarray(cv2.medianBlur(np.asarray(picture), 5))


def non_local_means(picture: Picture) -> Picture:
    """Non-local means (Buades 2005)."""
    values = np.asarray(picture)
    return Image.fromarray(cv2.fastNlMeansDenoisingColored(values, None, 15, 15, 5, 15))


def cut_out(picture: Picture) -> Picture:
    """The box of what GrabCut takes for the foreground of the middle four fifths; the picture where that is little."""
    scale = 160 / min(picture.size)
    shrunk = np.asarray(picture.resize((int(picture.width * scale), int(picture.height * scale))))
    height, width = shrunk.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    box = (width // 10, height // 10, width * 8 // 10, height * 8 // 10)
    cv2.setRNGSeed(SEED)
    cv2.grabCut(shrunk[..., ::-1].copy(), mask, box, np.zeros((1, 65)), np.zeros((1, 65)), 3, cv2.GC_INIT_WITH_RECT)
    rows, columns = np.nonzero(mask & 1)
    if len(rows) < 0.02 * mask.size:
        return picture
    left, top, right, bottom = (
        int(edge / scale) for edge in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    )
    return picture.crop((left, top, right, bottom))


def centre(picture: Picture) -> Picture:
    """The middle three fifths of width and height."""
    width, height = picture.size
    return picture.crop((width // 5, height // 5, width - width // 5, height - height // 5))


def thirds(picture: Picture) -> list[Picture]:
    """Four overlapping parts of two thirds each, and the middle."""
    width, height = picture.size
    w, h = width * 2 // 3, height * 2 // 3
    corners = [(left, top) for left in (0, width - w) for top in (0, height - h)]
    return [picture.crop((left, top, left + w, top + h)) for left, top in corners] + [centre(picture)]


def four_turns(picture: Picture) -> list[Picture]:
    """All four sides up."""
    return [picture.rotate(degrees, expand=True) for degrees in (0, 90, 180, 270)]


PREPARATIONS: Mapping[str, Views] = {
    "none": lambda picture: [picture],
    "four turns, best": four_turns,
    "autocontrast": lambda picture: [autocontrast(picture)],
    "autocontrast if poor": lambda picture: [exposed_if_poor(picture)],
    "CLAHE": lambda picture: [clahe(picture)],
    "median": lambda picture: [median(picture)],
    "non-local means": lambda picture: [non_local_means(picture)],
    "cut-out": lambda picture: [cut_out(picture)],
    "whole and cut-out, best": lambda picture: [picture, cut_out(picture)],
    "whole and small object, best": lambda picture: [picture, *filter(None, [small_object(picture)])],
    "whole and centre, best": lambda picture: [picture, centre(picture)],
    "whole and crops, best": lambda picture: [picture, *thirds(picture)],
}


MEANT_FOR: Mapping[str, Sequence[str]] = {
    "turned": ["four turns, best"],
    "dark": ["autocontrast", "autocontrast if poor", "CLAHE"],
    "pale": ["autocontrast", "autocontrast if poor", "CLAHE"],
    "noisy": ["median", "non-local means"],
    "cluttered": [
        "cut-out",
        "whole and cut-out, best",
        "whole and small object, best",
        "whole and centre, best",
        "whole and crops, best",
    ],
    "small": [
        "cut-out",
        "whole and cut-out, best",
        "whole and small object, best",
        "whole and centre, best",
        "whole and crops, best",
    ],
}
"""What is tried on a slice; on good photos, where nothing may get worse, everything is."""


@app.command()
def pictures(
    file: Annotated[Path | None, typer.Option("--json", help="Write the rows there too.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Names of slices; default: all.")] = None,
    by: Annotated[
        list[str] | None, typer.Option(help="Names of preparations; default: those meant for a slice.")
    ] = None,
) -> None:
    """Photos of the sample catalogue, made worse and prepared."""
    settings = load_settings()
    encoder = open_engines(settings).pictures
    originals = _sample(settings.home.expanduser().absolute() / "sample")
    targets = encoder.encode(originals).visual
    slices: dict[str, Change] = {
        "good": lambda picture, _: picture,
        "turned, EXIF says so": by_exif,
        "turned": turned,
        "dark": dark,
        "pale": pale,
        "noisy": noisy,
        "cluttered": cluttered(originals),
        "small": small,
    }
    rows: list[Outcome] = []
    encode = _Remembering(encoder)
    for name, change in slices.items():
        if only and name not in only:
            continue
        draw = np.random.default_rng(SEED)
        shots = [change(other_shot(picture), draw) for picture in originals]
        ways = ["none", *(by or MEANT_FOR.get(name) or [way for way in PREPARATIONS if way != "none"])]
        ranks = {way: _ranks(shots, PREPARATIONS[way], encode, targets) for way in ways}
        for measure, score in (("recall at 1", lambda rank: float(rank == 1)), ("MRR", lambda rank: 1 / rank)):
            values = {way: np.array([score(rank) for rank in found.ranks]) for way, found in ranks.items()}
            rows += [
                Outcome(name, way, measure, float(of.mean()), *_difference(of, values["none"]), ranks[way].milliseconds)
                for way, of in values.items()
            ]
        rows += [
            Outcome(
                name, way, "others alike", float(np.mean(found.alike)),
                *_difference(np.array(found.alike, float), np.array(ranks["none"].alike, float)), found.milliseconds,
            )
            for way, found in ranks.items()
        ]  # fmt: skip
        _print([row for row in rows if row.slice == name], f"{name}, {len(shots)} photos")
        _keep(rows, file)


def _sample(folder: Path) -> list[Picture]:
    """The first photo of every item, made smaller."""
    lines = (folder / "products.jsonl").read_text("utf-8").splitlines()
    references = dict.fromkeys(item["images"][0] for item in map(json.loads, lines) if item.get("images"))
    found = [load_picture(folder / reference) for reference in references]
    return [ImageOps.scale(picture, SHORT_SIDE / min(picture.size)) for picture in found]


class _Remembering:
    """An encoder that encodes equal views once, and what one costs in milliseconds of processor time."""

    def __init__(self, encoder: PictureEncoder) -> None:
        self._encoder = encoder
        self._known: dict[bytes, NDArray[np.float32]] = {}
        self._seconds = 0.0

    def __call__(self, view: Picture) -> NDArray[np.float32]:
        key = hashlib.blake2b(repr(view.size).encode() + view.tobytes()).digest()
        if key not in self._known:
            began = time.process_time()
            self._known[key] = self._encoder.encode([view]).visual[0]
            self._seconds += time.process_time() - began
        return self._known[key]

    @property
    def milliseconds(self) -> float:
        return 1000 * self._seconds / max(1, len(self._known))


@dataclass(frozen=True)
class _Found:
    """The place of each shot's own photo, from 1; how many others look alike; processor time of a photo."""

    ranks: list[int]
    alike: list[int]
    milliseconds: float


def _ranks(shots: Sequence[Picture], views: Views, encode: _Remembering, targets: NDArray[np.float32]) -> _Found:
    began = time.process_time()
    prepared = [views(shot) for shot in shots]
    milliseconds = 1000 * (time.process_time() - began) / len(shots)
    pairs = (targets @ targets.T)[np.triu_indices(len(targets), 1)]
    bound = np.median(pairs) + ALIKE * 1.4826 * np.median(np.abs(pairs - np.median(pairs)))
    ranks, alike = [], []
    for own, pictures in enumerate(prepared):
        cosines = (np.stack([encode(picture) for picture in pictures]) @ targets.T).max(axis=0)
        ranks.append(1 + int((cosines > cosines[own]).sum()))
        alike.append(int((np.delete(cosines, own) > bound).sum()))
    encodings = sum(map(len, prepared)) / len(prepared)
    return _Found(ranks, alike, milliseconds + encode.milliseconds * encodings)


# Voice notes ---------------------------------------------------------------------------------------------------------

SAYINGS = (
    "I am looking for a tent for four people.",
    "Do you have running shoes under one hundred dollars?",
    "I would like a sofa like this in grey.",
    "Show me a keyboard that is not too expensive.",
    "I need a gift for my father, he likes photography.",
    "A hanging plant for the bathroom, please.",
    "Which of these cameras is the cheapest?",
    "I want a black football, not a white one.",
    "Something warm to wear for a hiking trip in winter.",
    "A skipping rope for my daughter, at most ten dollars.",
    "I am looking for a wooden stool for the kitchen.",
    "Please show me laptops with a large screen.",
    "Can you find a leather chair for the living room?",
    "I need a tripod that fits into my backpack.",
    "A mouse without a cable for my computer.",
    "Boxing gloves in my size, and they must be in stock.",
)
VOICES = ("en-us", "en-gb-scotland", "en-us+f3")
LEVELS: Mapping[str, Callable[[Floats, int], Floats]] = {
    "noise at 5 dB": lambda samples, seed: samples + noise_for(samples, 5, seed),
    "noise at -3 dB": lambda samples, seed: samples + noise_for(samples, -3, seed),
    "low level": lambda samples, seed: 0.01 * (samples + noise_for(samples, 20, seed)),
    "low level and noise": lambda samples, seed: 0.01 * (samples + noise_for(samples, 5, seed)),
    "good": lambda samples, _: samples,
}


def full_level(samples: Floats) -> Floats:
    """The highest of its values at 0.9."""
    return samples * (0.9 / max(1e-6, float(np.abs(samples).max(initial=0))))


def gated(samples: Floats, *, size: int = 512, quiet: float = 0.2, floor: float = 0.1) -> Floats:
    """Spectral gating: each frequency is lowered by the level that it has in the quietest fifth of the frames."""
    from scipy.signal import istft, stft

    _, _, spectrum = stft(samples, nperseg=size)
    power = np.abs(spectrum)
    loud = power.sum(axis=0)
    noise = power[:, loud <= np.quantile(loud, quiet)].mean(axis=1, keepdims=True)
    gain = np.clip((power - 1.5 * noise) / np.maximum(power, 1e-9), floor, 1.0)
    restored: Floats = istft(spectrum * gain, nperseg=size)[1][: len(samples)]
    return restored


def high_passed(samples: Floats) -> Floats:
    """Without what lies below 100 Hz."""
    from scipy.signal import butter, sosfilt

    filtered: Floats = sosfilt(butter(4, 100, "highpass", fs=16_000, output="sos"), samples)
    return filtered


VOICE_PREPARATIONS: Mapping[str, Callable[[Floats], Floats]] = {
    "none": lambda samples: samples,
    "full level": full_level,
    "high-pass": high_passed,
    "gating": gated,
    "gating, full level": lambda samples: full_level(gated(samples)),
}


VOICE_MEANT_FOR: Mapping[str, Sequence[str]] = {
    "noise at -3 dB": ["high-pass", "gating"],
    "noise at 5 dB": ["high-pass", "gating"],
    "low level": ["full level"],
    "low level and noise": ["full level", "gating, full level"],
}
"""What is tried on a slice; on good notes everything is."""


@app.command()
def voice(file: Annotated[Path | None, typer.Option("--json", help="Write the rows there too.")] = None) -> None:
    """Made voice notes with noise and at a low level, prepared."""
    engine = open_engines(load_settings()).speech
    pairs = [(text, VOICES[n % len(VOICES)], n) for n, text in enumerate(SAYINGS)]
    spoken = [(text, synthesise(text, name, 160), n) for text, name, n in pairs]
    rows: list[Outcome] = []
    for level, change in LEVELS.items():
        worse = [(text, _as_sixteen_bits(change(samples, n))) for text, samples, n in spoken]
        errors: dict[str, Floats] = {}
        costs: dict[str, float] = {}
        ways = ["none", *VOICE_MEANT_FOR[level]] if level in VOICE_MEANT_FOR else [*VOICE_PREPARATIONS]
        for way, prepare in ((way, VOICE_PREPARATIONS[way]) for way in ways):
            began = time.process_time()
            prepared = [(text, prepare(samples)) for text, samples in worse]
            costs[way] = 1000 * (time.process_time() - began) / len(worse)
            heard = [
                engine.transcribe(Audio(samples.astype(np.float32), len(samples) / 16_000), "en").text
                for _, samples in prepared
            ]
            errors[way] = np.array([_error(text, words) for (text, _), words in zip(prepared, heard, strict=True)])
        rows += [
            Outcome(level, way, "word error rate", float(of.mean()), *_difference(of, errors["none"]), costs[way])
            for way, of in errors.items()
        ]
        _print([row for row in rows if row.slice == level], f"{level}, {len(worse)} notes")
        _keep(rows, file)


def _as_sixteen_bits(samples: Floats) -> Floats:
    """As a file would have it: a low level loses its finest steps."""
    clipped: Floats = np.rint(np.clip(samples, -1, 1) * (2**15 - 1)) / 2**15
    return clipped


def _error(said: str, heard: str) -> float:
    """The word error rate, without case and punctuation, at most 1."""
    plain = [" ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split()) for text in (said, heard)]
    return min(1.0, float(jiwer.wer(plain[0], plain[1])))


# Printing ------------------------------------------------------------------------------------------------------------


def _difference(values: Floats, base: Floats) -> tuple[float, float, float]:
    """The mean difference of the same things, and its 95 % interval by bootstrap."""
    differences, draw = values - base, np.random.default_rng(SEED)
    means = differences[draw.integers(len(differences), size=(SAMPLES, len(differences)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(differences.mean()), float(low), float(high)


def _print(rows: Sequence[Outcome], title: str) -> None:
    table = Table("preparation", "measure", "mean", "difference", "95 % interval", "ms", title=title)
    for row in rows:
        interval = f"{row.low:+.3f} to {row.high:+.3f}"
        table.add_row(
            row.preparation, row.measure, f"{row.mean:.3f}", f"{row.difference:+.3f}", interval,
            f"{row.milliseconds:.0f}",
        )  # fmt: skip
    Console(width=120).print(table)
    sys.stdout.flush()


def _keep(rows: Sequence[Outcome], file: Path | None) -> None:
    if file:
        file.write_text(json.dumps([asdict(row) for row in rows], indent=1), encoding="utf-8")


if __name__ == "__main__":
    app()
