"""CLIP checkpoints from this machine and from a hub's cache. The weights are random: they show the way, not quality."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.fakes.encoders import HashText
from tests.integration.tools import drawings
from tools import search
from tools.engines.clip import ClipEncoder, fetch
from tools.errors import ServiceMissing

TINY: dict[str, Any] = {
    "embed_dim": 24,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 8},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}
PREPARATION = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4], "interpolation": "bilinear", "resize_mode": "squash"}


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP model of 1.6 million random numbers: folder with configuration, and the weights in two forms."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder = tmp_path_factory.mktemp("clip")
    (folder / "tiny-clip.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "tiny-clip.json")
    torch.manual_seed(3)
    weights = open_clip.create_model("tiny-clip").state_dict()
    (folder / "model").mkdir()
    save_file(weights, folder / "model" / "open_clip_model.safetensors")
    (folder / "model" / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": TINY, "preprocess_cfg": PREPARATION})
    )
    save_file(weights, folder / "weights.safetensors")
    torch.save(weights, folder / "weights.pt")
    return folder


@pytest.fixture
def encoder(clip_folder: Path, tmp_path: Path) -> ClipEncoder:
    return ClipEncoder(f"local-dir:{clip_folder / 'model'}", cache_folder=tmp_path)


def test_pictures_and_words_share_one_space(encoder: ClipEncoder) -> None:
    vectors = encoder.encode([drawings.clock(), drawings.mug(), drawings.clock()])
    assert vectors.visual is vectors.joint
    assert (vectors.joint.shape, vectors.joint.dtype) == ((3, 24), np.float32)
    assert np.linalg.norm(vectors.joint, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert vectors.joint[0] == pytest.approx(vectors.joint[2], abs=1e-5)
    words = encoder.encode_text(["a clock", "a mug " * 500, "", "时钟"])
    assert words.shape == (4, 24)
    assert np.linalg.norm(words, axis=1) == pytest.approx(np.ones(4), abs=1e-5)
    assert encoder.encode([]).joint.shape == encoder.encode_text([]).shape == (0, 24)


def test_a_folder_path_will_do(clip_folder: Path, encoder: ClipEncoder) -> None:
    plain = ClipEncoder(str(clip_folder / "model"))
    assert plain.visual_identity == encoder.visual_identity


def test_weights_and_preparation_make_the_identity(clip_folder: Path, encoder: ClipEncoder) -> None:
    identity = encoder.joint_identity
    assert identity == encoder.visual_identity
    assert identity.dimensions == 24
    assert len(identity.weights) == 64
    assert "bilinear" in identity.preprocessing
    other = ClipEncoder("tiny-clip", str(clip_folder / "weights.safetensors")).joint_identity
    assert other.weights == identity.weights  # the same bytes
    assert other.preprocessing != identity.preprocessing  # but pictures are prepared in another way


def test_both_kinds_of_checkpoint_file_give_the_same_vectors(clip_folder: Path) -> None:
    safe, torch_file = (
        ClipEncoder("tiny-clip", str(clip_folder / name)).encode([drawings.mug()])
        for name in ("weights.safetensors", "weights.pt")
    )
    assert safe.joint == pytest.approx(torch_file.joint, abs=1e-6)


def test_the_checkpoints_own_preparation_is_used(clip_folder: Path, encoder: ClipEncoder) -> None:
    other = ClipEncoder("tiny-clip", str(clip_folder / "weights.safetensors"))
    picture = drawings.traffic_light()
    assert np.abs(encoder.encode([picture]).joint - other.encode([picture]).joint).max() > 1e-3


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_a_checkpoint_cannot_run_code(clip_folder: Path, tmp_path: Path) -> None:
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "sprung",))

    (tmp_path / "trap.pt").write_bytes(pickle.dumps({"state_dict": Trap()}))
    with pytest.raises(ServiceMissing, match="The model tiny-clip cannot be loaded"):
        ClipEncoder("tiny-clip", str(tmp_path / "trap.pt")).load()
    assert not (tmp_path / "sprung").exists()


def test_labels_are_probabilities_of_class_names(encoder: ClipEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.engines.clip.class_names", lambda: ("clock", "mug", "mug", "lamp"))
    labels = encoder.labels(drawings.clock(), 5)
    assert {label.label for label in labels} == {"clock", "mug", "lamp"}
    assert sum(label.score for label in labels) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("size", [(1, 1), (1, 100_000), (100_000, 2)])
def test_pictures_of_any_shape_are_encoded(clip_folder: Path, size: tuple[int, int]) -> None:
    shortest = ClipEncoder("tiny-clip", str(clip_folder / "weights.pt"))  # scales the short side up
    assert np.isfinite(shortest.encode([Image.new("RGB", size)]).joint).all()


@pytest.mark.parametrize(
    ("model", "checkpoint", "sentence"),
    [
        ("ViT-B-32", "nosuchtag", "no published checkpoint 'nosuchtag' for ViT-B-32; its tags: .*openai"),
        ("ViT-Q-99", "openai", "no published checkpoint 'openai' for ViT-Q-99; its tags: none"),
        ("ViT-B-32", "/nowhere/model.safetensors", "There is no file and no published checkpoint"),
        ("local-dir:/nowhere", None, "it has no open_clip_config.json"),
        ("hf-hub:a/b/c/d", None, "is not the name of a Hugging Face repository"),
    ],
)
def test_wrong_settings_are_said_plainly(model: str, checkpoint: str | None, sentence: str) -> None:
    with pytest.raises(ServiceMissing, match=sentence) as caught:
        ClipEncoder(model, checkpoint, advice="Set it to something else.").load()
    assert str(caught.value).endswith("Set it to something else.")


def test_weights_of_another_shape_are_refused(clip_folder: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(clip_folder / "weights.safetensors")
    weights["visual.proj"] = weights["visual.proj"][:, :-1].contiguous()
    save_file(weights, tmp_path / "other.safetensors")
    with pytest.raises(ServiceMissing, match="The model tiny-clip cannot be loaded"):
        ClipEncoder("tiny-clip", str(tmp_path / "other.safetensors")).load()


# The hub -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a hub that does not answer."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    return tmp_path / "hub"


@pytest.mark.parametrize(
    ("model", "tag"), [("ViT-B-32-256", "datacomp_s34b_b86k"), ("hf-hub:laion/CLIP-ViT-B-32", None)]
)
def test_a_hub_out_of_reach_is_said_at_once(hub_cache: Path, model: str, tag: str | None) -> None:
    import time

    began = time.monotonic()
    with pytest.raises(ServiceMissing, match=r"is not on this machine, and http://127\.0\.0\.1:9 cannot be reached"):
        fetch(model, tag)
    assert time.monotonic() - began < 10


def test_an_encoder_never_asks_the_hub(hub_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx

    monkeypatch.setattr(httpx.Client, "send", lambda *_, **__: pytest.fail("the network was asked"))
    with pytest.raises(ServiceMissing, match=r"The model laion/.* is not on this machine\. Fetch it\.$"):
        ClipEncoder("ViT-B-32-256", "datacomp_s34b_b86k", advice="Fetch it.").load()


def test_what_the_cache_holds_is_loaded_without_the_hub(hub_cache: Path, clip_folder: Path) -> None:
    repository = hub_cache / "models--some--clip"
    snapshot = repository / "snapshots" / "0123abc"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123abc")
    for file in (clip_folder / "model").iterdir():
        (snapshot / file.name).write_bytes(file.read_bytes())
    encoder = ClipEncoder("hf-hub:some/clip")
    assert fetch("hf-hub:some/clip", None).name == "open_clip_model.safetensors"
    assert encoder.encode([drawings.mug()]).joint.shape == (1, 24)
    assert encoder.visual_identity.weights == ClipEncoder(str(clip_folder / "model")).visual_identity.weights


REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def little_hub(hub_cache: Path, clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub that serves the repository some/clip; gives the list of files asked for."""
    from huggingface_hub import constants

    files = {file.name: file.read_bytes() for file in (clip_folder / "model").iterdir()} | {"other.bin": b"unwanted"}
    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, *, body: bool) -> None:
            content = self.content()
            self.send_response(404 if content is None else 200)
            self.send_header("ETag", f'"{hashlib.sha256(content or b"").hexdigest()}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            if body and content:
                self.wfile.write(content)

        def content(self) -> bytes | None:
            if self.path.startswith("/api/models/some/clip/revision/"):
                siblings = [{"rfilename": name} for name in files]
                return json.dumps({"id": "some/clip", "sha": REVISION, "siblings": siblings}).encode()
            if self.path.startswith("/api/models/some/clip/tree/"):
                tree = [{"type": "file", "path": name, "size": len(files[name]), "oid": "0" * 40} for name in files]
                return json.dumps(tree).encode()
            name = self.path.removeprefix(f"/some/clip/resolve/{REVISION}/")
            requested.append(name)
            return files.get(name)

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setattr(constants, "ENDPOINT", address)
    template = address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield requested
    server.shutdown()
    server.server_close()


def test_a_model_is_fetched_once_and_then_loaded_without_the_hub(little_hub: list[str], clip_folder: Path) -> None:
    fetch("hf-hub:some/clip", None)
    assert set(little_hub) >= {"open_clip_config.json", "open_clip_model.safetensors"}
    assert "other.bin" not in little_hub
    little_hub.clear()
    fetch("hf-hub:some/clip", None)
    encoder = ClipEncoder("hf-hub:some/clip")
    assert encoder.visual_identity.weights == ClipEncoder(str(clip_folder / "model")).visual_identity.weights
    assert little_hub == []


def test_a_repository_that_is_not_there_is_said_plainly(little_hub: list[str]) -> None:
    with pytest.raises(ServiceMissing, match="some/thing could not be fetched from the Hugging Face hub"):
        fetch("hf-hub:some/thing", None)


# From a catalogue file to an answer ----------------------------------------------------------------------------------


def test_a_catalogue_is_searched_through_a_checkpoint(encoder: ClipEncoder, tmp_path: Path) -> None:
    from assistant.ingest import Encoders, IngestOptions, ingest
    from tools.errors import EncoderMismatch
    from tools.store import Catalogue

    drawn = {"clock": drawings.clock(), "mug": drawings.mug(), "lamp": drawings.lamp()}
    lines = []
    for name, picture in drawn.items():
        picture.save(tmp_path / f"{name}.png")
        lines.append(json.dumps({"id": name, "title": f"A {name}", "price": 10, "image": f"{name}.png"}))
    lines.append(json.dumps({"id": "book", "title": "A book without a picture", "price": 5}))
    (tmp_path / "items.jsonl").write_text("\n".join(lines))
    text = HashText()
    with Catalogue.open(tmp_path / "data") as catalogue:
        ingest(catalogue, [tmp_path / "items.jsonl"], Encoders(text, encoder), IngestOptions())
        by_picture = search.search_by_image(catalogue, encoder, drawings.mug(), k=4)
        assert by_picture.items[0].item_id == "mug"
        assert by_picture.items[0].signals[0].source == "picture"
        assert by_picture.items[0].signals[0].score == pytest.approx(1, abs=1e-3)
        without_picture = next(hit for hit in by_picture.items if hit.item_id == "book")
        assert [signal.source for signal in without_picture.signals] == ["picture_text"]
        by_words = search.search_by_text(catalogue, text, encoder, "A mug", k=3)
        assert "text_picture" in {signal.source for hit in by_words.items for signal in hit.signals}
        changed = encoder.joint_identity.model_copy(update={"weights": "others"})
        with pytest.raises(EncoderMismatch):
            catalogue.check_identity("joint", changed)
