"""The built-in picture encoder: ConSE over an ImageNet classifier (Norouzi et al. 2013, https://arxiv.org/abs/1312.5650).

Pictures meet words in the text encoder's own space: a picture's joint vector is the mean of the class names' text
vectors, weighted by the classifier's probabilities of its `TOP` best classes. The classifier's pooled features are its
visual vector. Nothing is trained here and no CLIP weights are needed; docs/tools.md has the measurements.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tools.engines.lazy import Lazy, importing, loading
from tools.engines.pictures import PictureVectors, class_names, no_rows, unit_rows
from tools.engines.text import TextEncoder
from tools.engines.threads import set_torch_threads
from tools.engines.weights import weights_sha256
from tools.records import EncoderIdentity, Label

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

TOP = 10
"""How many classes count; the paper's T."""

BATCH = 16
"""Pictures scaled and classified together; larger batches are no faster on a processor and hold more memory."""


@dataclass(frozen=True)
class ClassifierConfig:
    """What config.json beside the weights says: a timm architecture and how its pictures are prepared."""

    architecture: str
    size: int
    crop_pct: float
    interpolation: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    num_classes: int
    num_features: int

    @classmethod
    def read(cls, folder: Path) -> "ClassifierConfig":
        """Read config.json of a classifier's folder."""
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
        mean, std = (tuple(float(value) for value in config[key]) for key in ("mean", "std"))
        return cls(
            architecture=str(config["architecture"]),
            size=int(config["input_size"][-1]),
            crop_pct=float(config["crop_pct"]),
            interpolation=str(config["interpolation"]),
            mean=(mean[0], mean[1], mean[2]),
            std=(std[0], std[1], std[2]),
            num_classes=int(config["num_classes"]),
            num_features=int(config.get("num_features", 1280)),  # so many in every EfficientNet-Lite
        )

    def describe(self) -> str:
        """The preprocessing in words, for an encoder's identity."""
        return f"upright RGB, {self.interpolation} to {self.size}, middle {self.crop_pct:g}"


class ConseEncoder:
    """Classifier and text encoder together as a `PictureEncoder`."""

    joint_is_text_space = True

    def __init__(self, folder: Path, text: TextEncoder, *, threads: int | None = None) -> None:
        self.folder = folder
        self._text = text
        self._threads = threads
        self._model = Lazy(self._load_model)
        self._class_vectors = Lazy(self._load_class_vectors)

    @cached_property
    def config(self) -> ClassifierConfig:
        """The classifier's configuration."""
        with loading(self.folder.name):
            return ClassifierConfig.read(self.folder)

    @cached_property
    def visual_identity(self) -> EncoderIdentity:
        """The classifier's pooled features; known without loading it."""
        with loading(self.folder.name):
            weights = weights_sha256(self.folder)
        return EncoderIdentity(
            encoder=self.folder.name,
            weights=weights,
            preprocessing=f"{self.config.describe()}; pooled features, unit length",
            dimensions=self.config.num_features,
        )

    @cached_property
    def joint_identity(self) -> EncoderIdentity:
        """Classifier, class names and text encoder together."""
        text = self._text.identity
        names = hashlib.sha256("\n".join(class_names()).encode()).hexdigest()
        return EncoderIdentity(
            encoder=f"conse {self.folder.name} {text.encoder}",
            weights=f"{self.visual_identity.weights} {text.weights}",
            preprocessing=f"{self.config.describe()}; top {TOP} of names {names[:16]}; centred; {text.preprocessing}",
            dimensions=text.dimensions,
        )

    def load(self) -> None:
        """Load the classifier and the class names' vectors."""
        self._model()
        self._class_vectors()

    def encode(self, pictures: Sequence["Image"]) -> PictureVectors:
        """RGB pictures to vectors; ``joint`` rows are centred on the mean of the class names' vectors."""
        if not pictures:
            return PictureVectors(
                visual=no_rows(self.config.num_features), joint=no_rows(self._text.identity.dimensions)
            )
        features, probabilities = self._classify(pictures)
        return PictureVectors(visual=unit_rows(features), joint=self._joint(probabilities))

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Words into the joint space: what the text encoder makes of them."""
        return self._text.encode(texts, purpose="query")

    def labels(self, picture: "Image", k: int = 5) -> list[Label]:
        """The classes with the largest probabilities (two pairs of classes share a name; theirs are added)."""
        _, probabilities = self._classify([picture])
        by_name: dict[str, float] = {}
        for name, probability in zip(class_names(), probabilities[0].tolist(), strict=True):
            by_name[name] = by_name.get(name, 0.0) + probability
        best = sorted(by_name.items(), key=lambda pair: -pair[1])[:k]
        return [Label(label=name, score=round(score, 4)) for name, score in best]

    def _joint(self, probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
        names = self._class_vectors()
        weights = keep_top(probabilities, TOP)
        mixed = unit_rows((weights / weights.sum(axis=1, keepdims=True)) @ names)
        return unit_rows(mixed - names.mean(axis=0))

    def _classify(self, pictures: Sequence["Image"]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Pooled features (n, num_features) and class probabilities (n, classes)."""
        import torch

        model = self._model()
        set_torch_threads(self._threads)
        features, probabilities = [], []
        with torch.inference_mode():
            for start in range(0, len(pictures), BATCH):
                batch = self._batch(pictures[start : start + BATCH])
                pooled = model.forward_head(model.forward_features(batch), pre_logits=True)
                features.append(pooled.numpy())
                probabilities.append(model.get_classifier()(pooled).softmax(dim=1).numpy())
        return np.concatenate(features), np.concatenate(probabilities)

    def _batch(self, pictures: Sequence["Image"]) -> "torch.Tensor":
        import torch

        pixels = np.stack([middle_square(picture, self.config) for picture in pictures])
        batch = torch.from_numpy(pixels).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (self.config.mean, self.config.std))
        return batch.float().div_(255).sub_(mean).div_(std)

    def _load_model(self) -> Any:  # noqa: ANN401 - timm's models have no common type beyond torch's Module
        with loading(self.folder.name):
            with importing():
                import timm
                import torch
                from safetensors.torch import load_file
            model = timm.create_model(self.config.architecture, pretrained=False, num_classes=self.config.num_classes)
            model.load_state_dict(load_file(self.folder / "model.safetensors"))
            # Depthwise convolutions run nearly twice as fast on a processor when channels come last.
            return model.eval().to(memory_format=torch.channels_last)

    def _load_class_vectors(self) -> NDArray[np.float32]:
        """Text vectors of the class names (classes, dj)."""
        return self._text.encode_once(class_names(), purpose="document")


def keep_top(probabilities: NDArray[np.float32], top: int) -> NDArray[np.float32]:
    """Each row's ``top`` largest values, the others zero."""
    if top >= probabilities.shape[1]:
        return probabilities
    best = np.argpartition(probabilities, -top, axis=1)[:, -top:]
    result = np.zeros_like(probabilities)
    np.put_along_axis(result, best, np.take_along_axis(probabilities, best, axis=1), axis=1)
    return result


def middle_square(picture: "Image", config: ClassifierConfig) -> NDArray[np.uint8]:
    """The picture's middle square, ``crop_pct`` of its short side wide, scaled to (size, size, 3).

    The same as scaling the whole and cutting out the middle, as timm does, without making the large picture between.
    """
    from PIL import Image

    width, height = picture.size
    side = min(width, height) * config.crop_pct
    left, top = (width - side) / 2, (height - side) / 2
    scaled = picture.resize(
        (config.size, config.size),
        Image.Resampling[config.interpolation.upper()],
        box=(left, top, left + side, top + side),
        reducing_gap=3.0,
    )
    return np.asarray(scaled, dtype=np.uint8)
