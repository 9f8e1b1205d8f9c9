"""CLIP models as picture encoders, through open_clip: local checkpoints and any model of the hub.

A model is named as open_clip names it:

    ViT-B-32-256 + datacomp_s34b_b86k      an architecture and a published checkpoint's tag
    ViT-B-32-256 + /models/my.safetensors  an architecture and a checkpoint file
    hf-hub:laion/CLIP-...                  a repository with an open_clip_config.json
    local-dir:/models/my-clip              a folder with an open_clip_config.json

The first and the third are looked for in the Hugging Face cache; `fetch` brings them there, an encoder never does.
Checkpoints are safetensors, or torch files read with ``weights_only``: nothing in a checkpoint is run.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tools.engines.hub import NotInRepository, cached_folder, fetched_folder
from tools.engines.lazy import Lazy, importing, loading
from tools.engines.pictures import PictureVectors, class_names, no_rows, not_too_wide, unit_rows
from tools.engines.threads import set_torch_threads
from tools.engines.weights import RowCache, weights_files, weights_sha256
from tools.errors import ServiceMissing
from tools.records import EncoderIdentity, Label

if TYPE_CHECKING:
    import torch
    from PIL.Image import Image

BATCH = 16
WEIGHTS, OLD_WEIGHTS = "open_clip_model.safetensors", "open_clip_pytorch_model.bin"
LABEL_TEMPLATE = "a photo of a {}."
SMALL_FILES = ["*.json", "*.txt", "*.model"]
"""Configuration and tokenizer files of a hub repository."""


@dataclass(frozen=True)
class Checkpoint:
    """Where a model's parts lie on this machine: what open_clip is to be given, and the file with the weights."""

    model: str
    pretrained: str | None
    weights: Path
    preprocessing: dict[str, Any]


@dataclass(frozen=True)
class Loaded:
    """A model ready to run."""

    model: Any
    preprocess: Callable[["Image"], "torch.Tensor"]
    tokenize: Callable[[list[str]], "torch.Tensor"]
    identity: EncoderIdentity
    device: str


class ClipEncoder:
    """An open_clip model as a `PictureEncoder`; ``visual`` and ``joint`` vectors are the same.

    Args:
        advice: a sentence added to the error when the model cannot be had, such as which setting to change.
    """

    joint_is_text_space = False

    def __init__(
        self,
        model: str,
        checkpoint: str | None = None,
        *,
        threads: int | None = None,
        cache_folder: Path | None = None,
        advice: str = "",
    ) -> None:
        self.name = model
        self.checkpoint = checkpoint
        self._threads = threads
        self._cache = RowCache(cache_folder)
        self._advice = advice
        self._loaded = Lazy(self._load)
        self._class_vectors = Lazy(self._load_class_vectors)

    @property
    def visual_identity(self) -> EncoderIdentity:
        """Loads the model: its size and preprocessing are stated by its checkpoint only.

        Raises:
            ServiceMissing: the checkpoint is not here, or cannot be loaded.
        """
        return self._loaded().identity

    @property
    def joint_identity(self) -> EncoderIdentity:
        """The same as `visual_identity`."""
        return self.visual_identity

    def load(self) -> None:
        """Load the model; the class names are encoded when labels are first asked for."""
        self._loaded()

    def encode(self, pictures: Sequence["Image"]) -> PictureVectors:
        """RGB pictures to vectors, prepared as the checkpoint says."""
        import torch

        loaded = self._loaded()
        set_torch_threads(self._threads)
        rows = [no_rows(loaded.identity.dimensions)]
        with torch.inference_mode():
            for start in range(0, len(pictures), BATCH):
                chosen = [not_too_wide(picture) for picture in pictures[start : start + BATCH]]
                batch = torch.stack([loaded.preprocess(picture) for picture in chosen]).to(loaded.device)
                rows.append(loaded.model.encode_image(batch).float().cpu().numpy())
        vectors = unit_rows(np.concatenate(rows))
        return PictureVectors(visual=vectors, joint=vectors)

    def encode_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Words into the joint space; a text longer than the model reads (77 tokens in most) loses its end."""
        import torch

        loaded = self._loaded()
        set_torch_threads(self._threads)
        rows = [no_rows(loaded.identity.dimensions)]
        with torch.inference_mode():
            for start in range(0, len(texts), BATCH):
                tokens = loaded.tokenize([text[:4096] for text in texts[start : start + BATCH]]).to(loaded.device)
                rows.append(loaded.model.encode_text(tokens).float().cpu().numpy())
        return unit_rows(np.concatenate(rows))

    def labels(self, picture: "Image", k: int = 5) -> list[Label]:
        """Zero-shot classification over the 1000 class names, as in the CLIP paper."""
        names = list(dict.fromkeys(class_names()))
        scale = float(self._loaded().model.logit_scale.detach().exp())
        logits = scale * (self._class_vectors() @ self.encode([picture]).joint[0])
        weights = np.exp(logits - logits.max())
        probabilities = weights / weights.sum()
        best = np.argsort(-probabilities)[:k]
        return [Label(label=names[i], score=round(float(probabilities[i]), 4)) for i in best]

    def _load(self) -> Loaded:
        try:
            with loading(self.name), _quiet_root_logger():
                with importing():
                    import open_clip  # noqa: F401 - imported here so that threads do not meet in it
                return load_checkpoint(find_checkpoint(self.name, self.checkpoint))
        except ServiceMissing as exc:
            raise ServiceMissing(" ".join(filter(None, [str(exc), self._advice]))) from exc

    def _load_class_vectors(self) -> NDArray[np.float32]:
        names = list(dict.fromkeys(class_names()))
        identity = self.joint_identity
        key = f"{LABEL_TEMPLATE} {len(names)} class names of {identity.model_dump_json()}"
        vectors = self._cache.get(key, (len(names), identity.dimensions))
        if vectors is None:
            vectors = self.encode_text([LABEL_TEMPLATE.format(name) for name in names])
            self._cache.put(key, vectors)
        return vectors


FolderOf = Callable[[str, list[str], str], Path]
"""A repository's folder, by name, patterns of the files wanted, and the file that must be there."""


def fetch(model: str, checkpoint: str | None) -> Path:
    """Bring a model's files to this machine, unless they are here; gives the file with the weights.

    Raises:
        ServiceMissing: the hub cannot be reached, or there is no such model.
    """
    return find_checkpoint(model, checkpoint, folder_of=fetched_folder).weights


def find_checkpoint(model: str, checkpoint: str | None, *, folder_of: FolderOf = cached_folder) -> Checkpoint:
    """Find a model's files.

    Raises:
        ServiceMissing: they are not here, or there is no such architecture or tag.
    """
    if model.startswith("hf-hub:"):
        return _in_folder(_hub_model(model.removeprefix("hf-hub:"), folder_of))
    if model.startswith("local-dir:") or Path(model).expanduser().is_dir():
        return _in_folder(Path(model.removeprefix("local-dir:")).expanduser())
    file = Path(checkpoint or "").expanduser()
    if checkpoint and file.is_file():
        return Checkpoint(model, str(file), file, {})
    return _published(model, checkpoint, folder_of)


def _in_folder(folder: Path) -> Checkpoint:
    if not (folder / "open_clip_config.json").is_file():
        raise ServiceMissing(f"{folder} is not a CLIP model's folder: it has no open_clip_config.json.")
    files = weights_files(folder)
    if not files:
        raise ServiceMissing(f"{folder} holds no weights (safetensors, bin or pt).")
    return Checkpoint(f"local-dir:{folder}", None, files[0], {})


def _hub_model(repository: str, folder_of: FolderOf) -> Path:
    try:
        return folder_of(repository, [*SMALL_FILES, WEIGHTS], WEIGHTS)
    except NotInRepository:  # published before safetensors
        return folder_of(repository, [*SMALL_FILES, OLD_WEIGHTS], OLD_WEIGHTS)


def _published(model: str, tag: str | None, folder_of: FolderOf) -> Checkpoint:
    """An architecture and a tag of open_clip's list: its repository, or one file of it."""
    import open_clip

    tags = open_clip.list_pretrained_tags_by_model(model)
    if tag not in tags:
        listed = ", ".join(tags) or "none; known architectures: see open_clip.list_models()"
        raise ServiceMissing(f"There is no file and no published checkpoint {tag!r} for {model}; its tags: {listed}.")
    published = open_clip.get_pretrained_cfg(model, tag)
    repository, _, file_name = str(published["hf_hub"]).rpartition("/")
    if not file_name:
        return _in_folder(_hub_model(repository, folder_of))
    file = folder_of(repository, [file_name], file_name) / file_name
    preparation = {f"image_{key}": published[key] for key in ("mean", "std", "interpolation", "resize_mode")}
    return Checkpoint(model, str(file), file, preparation)


def load_checkpoint(checkpoint: Checkpoint) -> Loaded:
    """Load a model from files on this machine."""
    import open_clip
    import torch

    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, preprocess = open_clip.create_model_from_pretrained(
        checkpoint.model, pretrained=checkpoint.pretrained, device=device, weights_only=True, **checkpoint.preprocessing
    )
    model.eval()
    tokenize = open_clip.get_tokenizer(checkpoint.model)
    with torch.inference_mode():
        dimensions = int(model.encode_text(tokenize(["word"]).to(device)).shape[-1])
    preparation = model.visual.preprocess_cfg
    stated = preparation if isinstance(preparation, dict) else asdict(preparation)
    identity = EncoderIdentity(
        encoder=f"open_clip {Path(checkpoint.model).name if ':' in checkpoint.model else checkpoint.model}",
        weights=weights_sha256(checkpoint.weights),
        preprocessing="open_clip " + json.dumps(stated, sort_keys=True, default=str),
        dimensions=dimensions,
    )
    return Loaded(model, preprocess, tokenize, identity, device)


@contextmanager
def _quiet_root_logger() -> Iterator[None]:
    """open_clip logs through the root logger's functions, which set up printing to standard error by themselves."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())
    yield
