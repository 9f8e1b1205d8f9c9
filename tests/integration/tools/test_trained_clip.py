"""From `assistant models pull clip` to answers, on weights that really join words and pictures."""

import hashlib
import json
import shutil
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
from tests.fakes.encoders import HashText
from tests.integration.tools import small_clip
from tests.integration.tools.small_clip import PAIRS, UNSEEN, draw, write_sums
from tools import search
from tools.engines.clip import ClipEncoder
from tools.engines.conse import ConseEncoder
from tools.media import MediaLimits
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
    lines = []
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
