"""What holds for every text encoder that is installed, on real weights."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from assistant.models.registry import REGISTRY_FILE, read_registry
from assistant.models.store import problem
from assistant.settings import Settings
from tools.engines.text import Purpose, TextEncoder
from tools.engines.windows import MOST_WINDOWS

pytestmark = pytest.mark.models

NAMES = [name for name, model in read_registry(REGISTRY_FILE).models.items() if model.role == "text-embedding"]
TEXTS = {
    "English": "a light-red running shoe, size 9½, under $50!",
    "German": "Ein Paar rote Laufschuhe   für meine Schwester (Größe 43)",
    "Spanish": "¿Tienes zapatillas de correr rojas por menos de 50 €?",
    "French": "des chaussures de course, pas plus de 49,90 €",
    "Chinese": "我想买一双红色的跑鞋，预算100到200块",
    "mixed": "  Adidas 跑鞋 for my wife\n\tin 红色 👟 ",
}


@pytest.fixture(scope="module", params=NAMES)
def encoder(request: pytest.FixtureRequest, settings: Settings) -> TextEncoder:
    name = str(request.param)
    folder = settings.models_folder / name
    if problem(folder, name, read_registry(REGISTRY_FILE).get(name)) and name != settings.text.model:
        pytest.skip(f"{name} is not installed")
    return TextEncoder(folder)


def test_texts_become_unit_rows_in_their_order(encoder: TextEncoder) -> None:
    texts = [*TEXTS.values(), "x", "", "a cast-iron frying pan " * 40]
    rows = encoder.encode(texts, batch_size=2)
    assert (rows.shape, rows.dtype) == ((len(texts), encoder.identity.dimensions), np.float32)
    assert np.linalg.norm(rows, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)
    again = encoder.encode(texts[::-1], batch_size=64)[::-1]
    assert (rows * again).sum(axis=1).min() > 0.995
    assert (rows @ again.T).argmax(axis=1).tolist() == list(range(len(texts)))


def test_no_texts_give_no_rows(encoder: TextEncoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.identity.dimensions)


def test_a_text_is_represented_by_its_beginning(encoder: TextEncoder) -> None:
    beginning = "a red running shoe " * 200
    rows = encoder.encode([beginning, beginning + "a frying pan " * 80_000])
    assert rows[0] @ rows[1] == pytest.approx(1, abs=1e-3)


def test_what_is_searched_lies_nearest_to_what_fits_it(encoder: TextEncoder) -> None:
    documents = encoder.encode(["Red running shoes for women", "Cast-iron frying pan", "Garden chair of wood"])
    queries = encoder.encode(["something to jog in", "to roast potatoes in", "to sit on outside"], purpose="query")
    assert (queries @ documents.T).argmax(axis=1).tolist() == [0, 1, 2]


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("purpose", ["query", "document", "classification"])
def test_token_states_cover_the_text_and_no_more(encoder: TextEncoder, text: str, purpose: Purpose) -> None:
    states = encoder.token_states(text, purpose=purpose)
    assert states.vectors.shape[0] == len(states.offsets) > 0
    assert states.vectors.dtype == np.float32
    covered = {position for start, end in states.offsets for position in range(start, end)}
    assert {position for position, letter in enumerate(text) if not letter.isspace()} <= covered
    assert all(0 <= start < end <= len(text) for start, end in states.offsets)
    assert [start for start, _ in states.offsets] == sorted(start for start, _ in states.offsets)
    assert states.embedding @ encoder.encode([text], purpose=purpose)[0] == pytest.approx(1, abs=1e-4)


def test_a_tokens_state_depends_on_its_context(encoder: TextEncoder) -> None:
    vectors = []
    for text in ("an apple and a pear", "an apple laptop with keyboard"):
        states = encoder.token_states(text)
        vectors.append(states.vectors[[text[start:end].lower() for start, end in states.offsets].index("apple")])
    first, second = (vector / np.linalg.norm(vector) for vector in vectors)
    assert first @ second < 0.99


def test_of_a_long_text_only_what_is_read_has_states(encoder: TextEncoder) -> None:
    states = encoder.token_states("red shoes " * 3000)
    assert len(states.offsets) < MOST_WINDOWS * encoder.max_tokens


def test_an_onnx_encoder_runs_without_torch(model_folder: Callable[[str], Path], settings: Settings) -> None:
    folder = model_folder(settings.text.model)
    if not (folder / "model.onnx").is_file():
        pytest.skip("the settings name no ONNX encoder")
    program = (
        "import sys\nfrom pathlib import Path\nfrom tools.engines.text import TextEncoder\n"
        f"encoder = TextEncoder(Path({str(folder)!r}))\nencoder.encode(['a'])\nencoder.token_states('a')\n"
        "print(sorted({'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
