"""From `assistant models pull clip` to answers, on weights that really join words and pictures."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from assistant.cli import app
from assistant.errors import ProductError
from assistant.ingest import Encoders, IngestOptions, ingest, reindex
from assistant.models import clip as clip_models
from tests.fakes.encoders import HashPictures, HashText
from tests.integration.tools import small_clip
from tests.integration.tools.small_clip import PAIRS, UNSEEN, Pair, draw, write_sums
from tests.made_videos import make_video
from tools import search
from tools.calibration import JOINT_FITTING, text_picture_pairs
from tools.engines.clip import ClipEncoder
from tools.engines.conse import ConseEncoder
from tools.engines.pictures import PictureEncoder
from tools.media import MediaLimits
from tools.records import Signal
from tools.store import Catalogue

pytestmark = [pytest.mark.models, pytest.mark.xdist_group("small-clip")]
WEIGHTS = "open_clip_model.safetensors"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_clip.train(tmp_path_factory.mktemp("small-clip"))


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(trained, tmp_path / "published"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ASSISTANT_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def models(*arguments: str) -> tuple[int, str]:
    """Exit code and everything that is said; `assistant.cli.main` makes these of the product's errors."""
    run = CliRunner().invoke(app, ["models", *arguments])
    code = run.exception.exit_code if isinstance(run.exception, ProductError) else run.exit_code
    return code, " ".join(f"{run.output} {run.exception or ''}".split())


# Pulling -------------------------------------------------------------------------------------------------------------


def test_a_folder_is_checked_copied_and_verified(home: Path, folder: Path) -> None:
    code, output = models("pull", "clip", "--from", str(folder))
    assert code == 0, output
    assert f'vision.clip_model = "local-dir:{home / "models" / "clip"}"' in output
    assert "assistant catalogue reindex" in output
    assert models("verify", "clip") == (0, "clip: ok")
    with (home / "models" / "clip" / WEIGHTS).open("r+b") as file:
        file.seek(5000)
        file.write(b"x")
    code, output = models("verify", "clip")
    assert (code, "not what the manifest says" in output) == (3, True)


def test_other_bytes_than_the_publisher_s_are_refused_and_the_earlier_model_stays(home: Path, folder: Path) -> None:
    assert models("pull", "clip", "--from", str(folder))[0] == 0
    with (folder / WEIGHTS).open("r+b") as file:
        file.seek(5000)
        file.write(b"changed")
    code, output = models("pull", "clip", "--from", str(folder))
    assert (code, f"{WEIGHTS} has another digest" in output) == (2, True)
    assert models("verify", "clip")[0] == 0
    assert [path.name for path in (home / "models").iterdir()] == ["clip"]


def test_a_digest_can_be_given(home: Path, folder: Path) -> None:
    (folder / "SHA256SUMS").unlink()
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    assert models("pull", "clip", "--from", str(folder), "--sha256", "0" * 64)[0] == 2
    assert models("pull", "clip", "--from", str(folder), "--sha256", digest)[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["clip"], 2, "Say where the CLIP model is"),
        (["clip", "--from", "/nowhere"], 2, "it has no open_clip_config.json"),
        (["clip", "whisper-base", "--from", "hub"], 2, "clip is pulled by itself"),
        (["whisper-base", "--sha256", "0" * 64], 2, "clip is pulled by itself"),
        (["clip", "--from", "http://models.example/clip"], 3, "could not be fetched"),
        (["clip", "--from", "https://localhost/clip"], 3, "not an address of the public internet"),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(home: Path, arguments: list[str], code: int, sentence: str) -> None:
    actual, output = models("pull", *arguments)
    assert (actual, sentence in output) == (code, True), output


def test_weights_that_may_run_code_and_broken_ones_are_refused(home: Path, folder: Path) -> None:
    weights = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).rename(folder / "open_clip_pytorch_model.bin")
    code, output = models("pull", "clip", "--from", str(folder))
    assert (code, "no weights as safetensors" in output) == (2, True)
    (folder / WEIGHTS).write_bytes(weights[: len(weights) // 2])
    write_sums(folder)
    code, output = models("pull", "clip", "--from", str(folder))
    assert (code, "cannot be loaded" in output) == (3, True)
    assert not (home / "models" / "clip").exists()


@pytest.mark.parametrize("has_sums", [True, False])
def test_an_address_needs_digests(home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, *, has_sums: bool) -> None:
    requested = []

    def answer(request: httpx.Request) -> httpx.Response:
        file = folder / request.url.path.removeprefix("/clip/")
        requested.append(file.name)
        return httpx.Response(200, content=file.read_bytes()) if file.is_file() else httpx.Response(404)

    monkeypatch.setattr(clip_models, "_client", lambda: httpx.Client(transport=httpx.MockTransport(answer)))
    digest = hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()
    (folder / "private.key").write_text("not asked for")
    write_sums(folder)
    if not has_sums:
        (folder / "SHA256SUMS").unlink()
        code, output = models("pull", "clip", "--from", "https://m.example/clip")
        assert (code, "give --sha256" in output) == (3, True)
    further = [] if has_sums else ["--sha256", digest]
    code, output = models("pull", "clip", "--from", "https://m.example/clip/", *further)
    assert code == 0, output
    assert "private.key" not in requested
    assert models("verify", "clip")[0] == 0


# Words and pictures --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def encoder(trained: Path) -> ClipEncoder:
    return ClipEncoder(f"local-dir:{trained}")


@pytest.fixture(scope="module")
def items(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A catalogue of a picture for each pair, whose texts say nothing of it."""
    folder, chance = tmp_path_factory.mktemp("items"), np.random.default_rng(9)
    lines: list[dict[str, str]] = []
    for colour, shape in PAIRS:
        draw((colour, shape), chance).save(folder / f"{colour}-{shape}.png")
        lines.append({"id": f"{colour}-{shape}", "title": f"Article {len(lines)}", "image": f"{colour}-{shape}.png"})
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, lines)))
    return folder / "items.jsonl"


def test_words_find_pictures_and_pictures_find_words(encoder: ClipEncoder) -> None:
    chance = np.random.default_rng(5)
    pictures = encoder.encode([draw(pair, chance) for pair in PAIRS]).joint
    words = encoder.encode_text([f"a photo of a {colour} {shape}" for colour, shape in PAIRS])
    likeness = words @ pictures.T
    truth = np.arange(len(PAIRS))
    seen = np.array([pair not in UNSEEN for pair in PAIRS])
    assert (likeness.argmax(axis=1) == truth)[seen].mean() > 0.8
    assert (likeness.argmax(axis=0) == truth)[seen].mean() > 0.8
    ranks = (likeness > likeness[truth, truth][:, None]).sum(axis=1)
    assert ranks[~seen].max() < 6, "pairs that were never seen together are near the top of 36"


def test_a_catalogue_moves_over_while_it_is_read(
    conse: ConseEncoder, encoder: ClipEncoder, items: Path, tmp_path: Path
) -> None:
    text = HashText()
    with Catalogue.open(tmp_path / "data") as catalogue:
        ingest(catalogue, [items], Encoders(text, conse), IngestOptions())
        with Catalogue.open(tmp_path / "data", read_only=True) as reader:
            reindex(catalogue, Encoders(text, encoder), MediaLimits())
            ask = partial(search.search_by_text, reader, text, encoder, k=1, weights={"text_picture": 1.0})
            found = [ask(f"a {colour} {shape}").items[0] for colour, shape in PAIRS]
        right = [hit.item_id == "-".join(pair) for hit, pair in zip(found, PAIRS, strict=True)]
        assert np.mean(right) > 0.75


# Scores of the joint space -------------------------------------------------------------------------------------------

ABSENT = ["a leather armchair", "running shoes", "a violin", "an espresso machine", "a mountain bike", "garlic"]


@pytest.fixture(scope="module")
def pictured(encoder: ClipEncoder, items: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """The items whose texts say nothing of their pictures, and a video of three of them."""
    shots: list[tuple[str | Path, float]] = [
        (items.parent / f"{name}.png", 3.0) for name in ("red-ball", "blue-star", "black-box")
    ]
    make_video(items.parent / "shots.mp4", shots, size=(96, 96))
    (items.parent / "video.jsonl").write_text(json.dumps({"id": "film", "title": "A film", "video": "shots.mp4"}))
    with Catalogue.open(tmp_path_factory.mktemp("pictured")) as catalogue:
        ingest(catalogue, [items, items.parent / "video.jsonl"], Encoders(HashText(), encoder), IngestOptions())
        yield catalogue


def by_words(catalogue: Catalogue, encoder: PictureEncoder, words: str) -> list[tuple[str, Signal]]:
    """The items whose pictures fit the words best, each with its signal."""
    only = {"text_picture": 1.0}
    found = search.search_by_text(catalogue, HashText(), encoder, words, k=50, weights=only)
    return [(hit.item_id, hit.signals[0]) for hit in found.items]


def best_z(catalogue: Catalogue, encoder: PictureEncoder, words: str) -> float:
    return max(signal.z or 0.0 for _, signal in by_words(catalogue, encoder, words))


def test_words_that_fit_a_picture_reach_the_bound_and_others_do_not(encoder: ClipEncoder, pictured: Catalogue) -> None:
    own = [dict(by_words(pictured, encoder, f"a {pair[0]} {pair[1]}"))["-".join(pair)].z or 0.0 for pair in PAIRS]
    assert np.mean([z >= JOINT_FITTING for z in own]) > 0.75
    assert [words for words in ABSENT if best_z(pictured, encoder, words) >= JOINT_FITTING] == []


def test_words_find_the_second_of_a_film(encoder: ClipEncoder, pictured: Catalogue) -> None:
    found = [
        dict(by_words(pictured, encoder, f"a {shape}"))["film"] for shape in ("red ball", "blue star", "black box")
    ]
    seconds = [signal.moment.second if signal.moment else -1 for signal in found]
    assert all(start - 0.5 <= second <= start + 3.0 for start, second in zip((0, 3, 6), seconds, strict=True)), seconds
    assert sum((signal.z or 0.0) >= JOINT_FITTING for signal in found) >= 2, "it mistakes some stars for others"


def test_a_catalogue_without_pictures_is_searched_by_words(encoder: ClipEncoder, tmp_path: Path) -> None:
    (tmp_path / "items.jsonl").write_text(json.dumps({"id": "a", "title": "A red ball"}))
    with Catalogue.open(tmp_path / "data") as catalogue:
        ingest(catalogue, [tmp_path / "items.jsonl"], Encoders(HashText(), encoder), IngestOptions())
        assert by_words(catalogue, encoder, "a red ball") == []


def test_a_picture_finds_the_texts_that_fit_it_and_no_others(encoder: ClipEncoder, tmp_path: Path) -> None:
    chance = np.random.default_rng(4)
    sold = [pair for pair in PAIRS if pair[1] in ("ball", "box", "ring") and pair[0] in ("red", "blue", "black")]
    lines = [{"id": "-".join(pair), "title": f"a {pair[0]} {pair[1]}"} for pair in sold]
    (tmp_path / "items.jsonl").write_text("\n".join(map(json.dumps, lines)))
    with Catalogue.open(tmp_path / "data") as catalogue:
        ingest(catalogue, [tmp_path / "items.jsonl"], Encoders(HashText(), encoder), IngestOptions())

        def signals(pair: Pair) -> list[tuple[str, Signal]]:
            found = search.search_by_image(catalogue, encoder, draw(pair, chance), k=9).items
            return [(hit.item_id, signal) for hit in found for signal in hit.signals if signal.source == "picture_text"]

        present = [signals(pair)[0] for pair in sold]
        others = [pair for pair in PAIRS if not {*pair} & {word for one in sold for word in one}]
        absent = [signals(pair)[0][1].z or 0.0 for pair in others]
    assert np.mean([found == "-".join(pair) for (found, _), pair in zip(present, sold, strict=True)]) > 0.75
    assert np.mean([(signal.z or 0.0) >= JOINT_FITTING for _, signal in present]) > 0.75
    assert np.mean([z >= JOINT_FITTING for z in absent]) < 0.25


def test_another_encoder_has_another_scale(encoder: ClipEncoder, items: Path, tmp_path: Path) -> None:
    text, of_text_space, other = HashText(), HashPictures(), HashPictures(own_text_space=True)
    with Catalogue.open(tmp_path) as catalogue:
        ingest(catalogue, [items], Encoders(text, of_text_space), IngestOptions())
        assert {signal.z for _, signal in by_words(catalogue, of_text_space, "a red ball")} == {None}
        scales = []
        for pictures in (encoder, other, encoder):
            reindex(catalogue, Encoders(text, pictures), MediaLimits())
            scales.append(text_picture_pairs(catalogue, pictures))
        assert scales[0] == scales[2] != scales[1]
        assert best_z(catalogue, encoder, "a red ball") >= JOINT_FITTING > best_z(catalogue, encoder, ABSENT[0])
