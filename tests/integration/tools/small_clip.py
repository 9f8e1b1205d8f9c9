"""A small CLIP, trained in half a minute on made pictures and captions: six shapes in six colours.

Some pairs of colour and shape are kept out of training, so that a test can ask for what was never seen together.
"""

import hashlib
import json
import math
from itertools import product
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

COLOURS: Final = {
    "red": (200, 30, 30), "green": (40, 150, 60), "blue": (40, 70, 200), "yellow": (235, 205, 40),
    "black": (25, 25, 25), "white": (245, 245, 245),
}  # fmt: skip
SHAPES: Final = ("ball", "box", "triangle", "star", "ring", "cross")
Pair = tuple[str, str]
UNSEEN: Final[frozenset[Pair]] = frozenset({("green", "star"), ("red", "ring"), ("blue", "cross")})
PAIRS: Final[list[Pair]] = list(product(COLOURS, SHAPES))
CAPTIONS: Final = ("a {} {}", "a photo of a {} {}", "the {} {}", "{} {}")

SIZE: Final = 32
STEPS: Final = 280
MODEL: Final[dict[str, Any]] = {
    "embed_dim": 64,
    "vision_cfg": {"image_size": SIZE, "layers": [1, 1, 1, 1], "width": 16, "patch_size": None},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}
MEAN, DEVIATION = [0.5] * 3, [0.25] * 3


def draw(pair: Pair, chance: np.random.Generator) -> Image.Image:
    """A picture of one shape of one colour, somewhere on a grey ground."""
    colour, shape = pair
    picture = Image.new("RGB", (96, 96), tuple(int(value) for value in chance.integers(90, 200, 3)))
    radius = int(chance.integers(20, 38))
    x, y = (int(value) for value in chance.integers(radius + 2, 94 - radius, 2))
    fill = tuple(int(np.clip(value + chance.integers(-20, 20), 0, 255)) for value in COLOURS[colour])
    pen, third, whole = ImageDraw.Draw(picture), radius // 3, (x - radius, y - radius, x + radius, y + radius)
    if shape == "ball":
        pen.ellipse(whole, fill=fill)
    elif shape == "box":
        pen.rectangle(whole, fill=fill)
    elif shape == "ring":
        pen.ellipse(whole, outline=fill, width=max(5, radius // 4))
    elif shape == "cross":
        pen.rectangle((x - radius, y - third, x + radius, y + third), fill=fill)
        pen.rectangle((x - third, y - radius, x + third, y + radius), fill=fill)
    else:
        corners = 3 if shape == "triangle" else 10
        radii = [radius if corners == 3 or corner % 2 == 0 else radius * 0.4 for corner in range(corners)]
        angles = [corner * 2 * math.pi / corners for corner in range(corners)]
        points = [(x + r * math.sin(a), y - r * math.cos(a)) for r, a in zip(radii, angles, strict=True)]
        pen.polygon(points, fill=fill)
    return picture


def train(folder: Path, *, seed: int = 0) -> Path:
    """Train and save as open_clip publishes models, with SHA256SUMS; gives the folder."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # two threads that wait for each other are slower on a busy machine
    chance = np.random.default_rng(seed)
    (folder / "small-clip.json").write_text(json.dumps(MODEL))
    open_clip.add_model_config(folder / "small-clip.json")
    torch.manual_seed(seed)
    model, tokenize, loss = (
        open_clip.create_model("small-clip"),
        open_clip.get_tokenizer("small-clip"),
        open_clip.ClipLoss(),
    )
    seen = [pair for pair in PAIRS if pair not in UNSEEN]
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, STEPS)
    for _ in range(STEPS):
        pictures = torch.stack([_prepared(draw(pair, chance)) for pair in seen])
        captions = tokenize([CAPTIONS[chance.integers(len(CAPTIONS))].format(*pair) for pair in seen])
        step = loss(*model(pictures, captions))
        optimizer.zero_grad()
        step.backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0, math.log(100))
    torch.set_num_threads(threads)
    saved = folder / "small-clip"
    saved.mkdir()
    save_file(model.state_dict(), saved / "open_clip_model.safetensors")
    preparation = {"mean": MEAN, "std": DEVIATION, "interpolation": "bilinear", "resize_mode": "squash"}
    (saved / "open_clip_config.json").write_text(json.dumps({"model_cfg": MODEL, "preprocess_cfg": preparation}))
    write_sums(saved)
    return saved


def write_sums(folder: Path) -> None:
    """SHA256SUMS of a folder's files, as sha256sum writes them."""
    files = [path for path in sorted(folder.iterdir()) if path.name != "SHA256SUMS"]
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in files]
    (folder / "SHA256SUMS").write_text("".join(lines))


def _prepared(picture: Image.Image) -> Any:  # noqa: ANN401 - a torch tensor
    import torch

    pixels = np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32).transpose(2, 0, 1) / 255
    return torch.from_numpy((pixels - 0.5) / 0.25)
