"""Words in pictures: RapidOCR, with the PP-OCRv6 networks that its wheel carries (English, Chinese, Japanese, Latin).

Text is looked for in the picture scaled to `DETECTED_SIDE`, which costs most of the time, and read at `READ_SIDE`.
docs/retrieval.md has the times. Nothing is fetched: the library would download a missing network, so the three files
are named to it and compared with their sha256 first.
"""

import hashlib
import logging
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.cores import usable_cores
from tools.engines.lazy import Lazy, importing, loading
from tools.engines.pictures import not_too_wide
from tools.records import TextLine
from tools.stopping import check_stopped

if TYPE_CHECKING:
    from PIL.Image import Image

NETWORKS: Final = {
    "Det": ("PP-OCRv6_det_small.onnx", "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f"),
    "Cls": ("ch_ppocr_mobile_v2.0_cls_mobile.onnx", "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c"),
    "Rec": ("PP-OCRv6_rec_small.onnx", "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884"),
}
"""File and sha256 of the networks that find lines, turn them upright and read them."""

DETECTED_SIDE: Final = 736
READ_SIDE: Final = 1600
"""Longest side in pixels of the picture in which lines are looked for, and of the one from which they are read."""

MIN_CONFIDENCE: Final = 0.5
"""Lines that the network is less sure of are left out."""

MOST_LINES: Final = 30
"""Lines that are read, those in the largest letters: each costs a tenth of a second of processor time."""

LINE_CHARACTERS: Final = 200

Corners = NDArray[np.float32]


class WordReader(Protocol):
    """Pictures to lines of text. Cheap to construct; loads on first use; safe to call from several threads."""

    name: str
    """What made the lines; another name means that the same picture may give others."""

    def load(self) -> None:
        """Load now what the first call would load.

        Raises:
            ServiceMissing: the networks cannot be loaded.
        """

    def read(self, picture: "Image") -> list[TextLine]:
        """The lines of text in an RGB picture of any size, from top to bottom, at most `MOST_LINES`.

        Raises:
            ServiceMissing: the networks cannot be loaded.
        """


class RapidOcr:
    """PP-OCRv6 small through RapidOCR and onnxruntime."""

    name = "rapidocr-ppocrv6-small"

    def __init__(self, *, threads: int | None = None, folder: Path | None = None) -> None:
        """``folder`` holds the networks; default: the installed package's own."""
        self._threads = threads
        self._folder = folder
        self._reader = Lazy(self._load)
        self._alone = Lock()  # the library keeps a picture's scale on the shared object

    def load(self) -> None:
        """Load the three networks."""
        self._reader()

    def read(self, picture: "Image") -> list[TextLine]:
        """The lines of text, as of `WordReader`."""
        picture = not_too_wide(picture)
        scale = min(1.0, READ_SIDE / max(picture.size))
        if scale < 1:
            size = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
            picture = picture.resize(size, reducing_gap=2.0)
        pixels = np.asarray(picture)[..., ::-1].copy()  # the library takes BGR
        reader = self._reader()
        with self._alone:
            check_stopped()
            boxes = reader(pixels, use_cls=False, use_rec=False).boxes
            if boxes is None or not len(boxes):
                return []
            boxes = _largest(boxes)
            check_stopped()
            upright, _ = reader.cls_and_rotate(reader.crop_text_regions(pixels, boxes))
            read = reader.recognize_txt(upright)
        return [
            TextLine(
                text=text.strip()[:LINE_CHARACTERS], confidence=round(float(score), 4), box=_around(corners, scale)
            )
            for text, score, corners in zip(read.txts, read.scores, boxes, strict=True)
            if text.strip() and score >= MIN_CONFIDENCE
        ]

    def _load(self) -> Any:  # noqa: ANN401 - the library's type is known only when it is installed
        with loading("for words in pictures"):
            with importing():
                import cv2
                import rapidocr
            logging.getLogger("RapidOCR").disabled = True  # it has a handler of its own, on standard error
            threads = self._threads or usable_cores()
            cv2.setNumThreads(threads)
            folder = self._folder or Path(rapidocr.__file__).parent / "models"
            return rapidocr.RapidOCR(
                params={
                    **{
                        f"{part}.model_path": _checked(folder / name, digest)
                        for part, (name, digest) in NETWORKS.items()
                    },
                    "Global.max_side_len": READ_SIDE,
                    "Det.limit_type": "max",
                    "Det.limit_side_len": DETECTED_SIDE,
                    "EngineConfig.onnxruntime.intra_op_num_threads": threads,
                    "EngineConfig.onnxruntime.inter_op_num_threads": 1,
                }
            )


def _checked(file: Path, digest: str) -> str:
    """The file's path, once its content is known to be what is expected."""
    with file.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != digest:
            raise ValueError(f"{file.name} has another sha256 than expected")
    return str(file)


def _largest(boxes: Corners) -> Corners:
    """The `MOST_LINES` boxes (n, 4, 2) with the longest short sides, the height of letters, in their order."""
    heights = np.minimum(*(np.linalg.norm(boxes[:, 0] - boxes[:, corner], axis=1) for corner in (1, 3)))
    return boxes[np.sort(np.argsort(-heights, kind="stable")[:MOST_LINES])]


def _around(corners: Corners, scale: float) -> tuple[int, int, int, int]:
    """Left, top, right and bottom around four corners (4, 2), in pixels of the picture before it was scaled."""
    left, top = np.floor(corners.min(axis=0) / scale)
    right, bottom = np.ceil(corners.max(axis=0) / scale)
    return int(left), int(top), int(right), int(bottom)
