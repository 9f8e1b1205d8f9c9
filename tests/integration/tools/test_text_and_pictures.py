"""The built-in encoders on real weights."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.integration.tools import drawings
from tools.engines.conse import ConseEncoder
from tools.engines.pictures import class_names
from tools.engines.text import TextEncoder
from tools.errors import ServiceMissing

pytestmark = pytest.mark.models


def manifest_digest(folder: Path, file: str) -> str:
    return str(json.loads((folder / "MANIFEST.json").read_text())["files"][file]["sha256"])


# Texts ---------------------------------------------------------------------------------------------------------------


def test_a_text_encoder_is_known_by_its_weights(text_encoder: TextEncoder, model_folder: Callable[[str], Path]) -> None:
    identity = text_encoder.identity
    manifest = json.loads((model_folder(identity.encoder) / "MANIFEST.json").read_text())
    assert identity.weights == manifest["weights_sha256"]
    assert identity.preprocessing.startswith(f"first {text_encoder.max_tokens} tokens")


def test_a_folder_that_is_no_text_model_is_refused(tmp_path: Path) -> None:
    for ask in (lambda encoder: encoder.identity, lambda encoder: encoder.encode(["a"])):
        with pytest.raises(ServiceMissing, match=r"The model .* cannot be loaded"):
            ask(TextEncoder(tmp_path))


# Pictures ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drawn", "label"),
    [(drawings.clock, "analog clock"), (drawings.traffic_light, "traffic light"), (drawings.mug, "coffee mug")],
)
def test_labels_name_what_is_drawn(conse: ConseEncoder, drawn: Callable[[], Image.Image], label: str) -> None:
    labels = conse.labels(drawn(), 3)
    assert labels[0].label == label
    assert 1 >= labels[0].score > labels[1].score > labels[2].score > 0


def test_pictures_become_unit_rows_whatever_their_batch(conse: ConseEncoder, text_encoder: TextEncoder) -> None:
    pictures = [drawings.clock(), drawings.mug(), drawings.lamp()] * 7
    together = conse.encode(pictures)
    assert (together.visual.shape, together.joint.shape) == ((21, 1280), (21, text_encoder.identity.dimensions))
    for rows in (together.visual, together.joint):
        assert rows.dtype == np.float32
        assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(21), abs=1e-4)
    alone = conse.encode([drawings.lamp()])
    assert np.abs(alone.joint[0] - together.joint[2]).max() < 1e-3
    assert np.abs(alone.visual[0] - together.visual[20]).max() < 1e-3


def test_a_picture_is_nearest_to_the_words_for_it(conse: ConseEncoder) -> None:
    joint = conse.encode([drawings.clock(), drawings.mug(), drawings.traffic_light()]).joint
    words = conse.encode_text(["a clock for the wall", "a cup for coffee", "a signal at a road crossing"])
    assert (joint @ words.T).argmax(axis=1).tolist() == [0, 1, 2]


def test_the_same_thing_in_another_colour_looks_alike(conse: ConseEncoder) -> None:
    blue, red, lamp = conse.encode([drawings.mug(), drawings.mug((180, 30, 40)), drawings.lamp()]).visual
    assert blue @ red > blue @ lamp


@pytest.mark.parametrize("size", [(1, 1), (1, 200_000), (200_000, 1), (3, 5), (4000, 3000)])
def test_pictures_of_any_shape_are_encoded(conse: ConseEncoder, size: tuple[int, int]) -> None:
    vectors = conse.encode([Image.new("RGB", size, (200, 10, 10))])
    assert np.isfinite(vectors.joint).all()
    assert np.isfinite(vectors.visual).all()


def test_no_pictures_give_no_rows(conse: ConseEncoder, text_encoder: TextEncoder) -> None:
    vectors = conse.encode([])
    assert (vectors.visual.shape, vectors.joint.shape) == ((0, 1280), (0, text_encoder.identity.dimensions))


def test_a_picture_encoder_is_known_by_all_that_shapes_its_vectors(
    conse: ConseEncoder, text_encoder: TextEncoder, model_folder: Callable[[str], Path]
) -> None:
    classifier = manifest_digest(model_folder("efficientnet-lite2"), "model.safetensors")
    assert conse.visual_identity.weights == classifier
    assert conse.visual_identity.dimensions == 1280
    assert conse.joint_identity.weights == f"{classifier} {text_encoder.identity.weights}"
    assert conse.joint_identity.dimensions == text_encoder.identity.dimensions
    assert "260" in conse.joint_identity.preprocessing


def test_class_vectors_are_kept_between_runs(
    text_encoder: TextEncoder, model_folder: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = model_folder("efficientnet-lite2")
    make_encoder = partial(TextEncoder, text_encoder.folder, cache_folder=tmp_path)
    first = ConseEncoder(folder, make_encoder()).encode([drawings.clock()])
    again = make_encoder()
    monkeypatch.setattr(again, "encode", lambda *_, **__: pytest.fail("encoded again"))
    second = ConseEncoder(folder, again).encode([drawings.clock()])
    assert np.array_equal(first.joint, second.joint)


def test_a_first_use_from_several_threads_loads_once(
    text_encoder: TextEncoder, model_folder: Callable[[str], Path]
) -> None:
    encoder = ConseEncoder(model_folder("efficientnet-lite2"), text_encoder)
    with ThreadPoolExecutor(4) as pool:
        labels = list(pool.map(lambda _: encoder.labels(drawings.clock(), 1)[0].label, range(4)))
    assert labels == ["analog clock"] * 4


def test_damaged_weights_are_said_plainly(
    text_encoder: TextEncoder, model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    (tmp_path / "config.json").write_bytes((model_folder("efficientnet-lite2") / "config.json").read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"\x00" * 100)
    with pytest.raises(ServiceMissing, match="cannot be loaded"):
        ConseEncoder(tmp_path, text_encoder).encode([drawings.clock()])


def test_there_are_a_thousand_class_names_and_they_are_open_clips() -> None:
    from open_clip.zero_shot_metadata import IMAGENET_CLASSNAMES

    assert class_names() == tuple(IMAGENET_CLASSNAMES)
