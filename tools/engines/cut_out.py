"""The main thing in a photo, cut out where it is small: GrabCut (Rother, Kolmogorov and Blake 2004) of OpenCV."""

from typing import TYPE_CHECKING, Final

import numpy as np

from tools.engines.lazy import importing
from tools.engines.pictures import not_too_wide

if TYPE_CHECKING:
    from PIL.Image import Image

SHORT_SIDE: Final = 120
"""Pixels of the short side of the picture in which the thing is looked for."""

SMALL: Final = 0.4
"""Only a thing that takes less than this share of the picture is cut out; a larger one is seen well enough."""

LEAST: Final = 0.02
"""What is less than this share of the picture is taken for a speck."""

ROUNDS: Final = 3


def small_object(picture: "Image") -> "Image | None":
    """The part of an RGB picture around its foreground; None where that is large, or nothing stands out."""
    picture = not_too_wide(picture)
    scale = SHORT_SIDE / min(picture.size)
    width, height = round(picture.width * scale), round(picture.height * scale)
    with importing():
        import cv2
    pixels = np.asarray(picture.resize((width, height), reducing_gap=2.0))[..., ::-1].copy()
    mask = np.zeros((height, width), np.uint8)
    inner = (width // 10, height // 10, width * 8 // 10, height * 8 // 10)
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(pixels, mask, inner, np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # a picture of one colour has no two models
        return None
    rows, columns = np.nonzero(mask & 1)
    if len(rows) < LEAST * mask.size:
        return None
    left, top, right, bottom = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    if (right - left) * (bottom - top) >= SMALL * mask.size:
        return None
    edges = (left / scale, top / scale, right / scale, bottom / scale)
    return picture.crop((int(edges[0]), int(edges[1]), int(np.ceil(edges[2])), int(np.ceil(edges[3]))))
