"""Whether the evidence about an item holds a sentence, told by a small transformer over a text encoder's token states.

Evidence and sentence are encoded apart. The words of the sentence then attend to the words of the evidence and to each
other, twice (Vaswani et al. 2017); equal words attract attention. The last layer says whether something in the sentence
is held by nothing. It looks at what dictionaries and grammar let stand: of the false sentences among these it finds
three in four, and refuses few true ones. Alone it would let denials stand ("not made of oak").

The weights lie beside this file, one file for each text encoder (``weights/NAME.safetensors``), made from the labelled
sentences in ``data/`` by ``assistant eval claims --fit``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from tools.engines.text import Purpose, TokenStates

if TYPE_CHECKING:
    from assistant.claims import Explanation
    from assistant.records import Evidence

WEIGHTS = Path(__file__).with_name("weights")

KINDS: Final = (
    "title", "attribute", "quote", "price", "within", "stock", "liked", "people", "photo", "photo_text", "keywords",
    "wish", "limit", "other",
)  # fmt: skip
"""What a line of the ground is. Lines are written "kind: words"; an attribute's kind is its name."""

HEADS: Final = 4
"""Attention heads."""

MATCH: Final = 3.0
"""Scale of the bias that equal words have."""

UNSUPPORTED: Final = 2.0
"""Log-odds from which a sentence is refused, chosen on the sentences that are reported: 305 of 308 false ones are."""

EPSILON: Final = 1e-5
Array = NDArray[np.float32]


class TokenEncoder(Protocol):
    """The part of `tools.engines.text.TextEncoder` that is used here."""

    def token_states(self, text: str, *, purpose: Purpose = ...) -> TokenStates:
        """The tokens of a text in context."""


def ground_lines(explanation: "Explanation") -> list[str]:
    """What a sentence may rest on, a line each, "kind: words"."""
    lines = [f"title: {explanation.title}"]
    for entry in explanation.evidence:
        lines += _evidence_lines(entry)
    if explanation.wish:
        lines.append(f"wish: {explanation.wish}")
    if limit := explanation.limit:
        lines.append(f"limit: max_price {limit.amount:g}, currency {limit.currency or ''}".strip())
    for other in explanation.others:
        price = "" if other.price is None else f", price {other.price:g}, currency {other.currency or ''}"
        lines.append(f"other: {other.title}{price}")
    return lines


def _evidence_lines(entry: "Evidence") -> list[str]:
    write = _WRITERS.get(entry.key)
    return write(entry) if write else []


def _price(kind: str) -> "Callable[[Evidence], list[str]]":
    def write(entry: "Evidence") -> list[str]:
        return [f"{kind}: {entry.facts['price']} {entry.facts.get('currency') or ''}".strip()]

    return write


def _variant(entry: "Evidence") -> list[str]:
    facts = entry.facts
    price = [] if facts["price"] is None else [f"price: {facts['price']} {facts.get('currency') or ''}".strip()]
    stock = [] if facts["in_stock"] is None else ["stock: in stock" if facts["in_stock"] else "stock: sold out"]
    return [*(f"{name}: {value}" for name, value in facts["options"].items()), *price, *stock]


def _people_lines(entry: "Evidence") -> list[str]:
    liked = entry.facts.get("titles") or [entry.facts[name] for name in ("catalogue",) if name in entry.facts]
    people = entry.facts.get("people")
    return [*([f"liked: {', '.join(liked)}"] if liked else []), *([f"people: {people}"] if people else [])]


_WRITERS: "dict[str, Callable[[Evidence], list[str]]]" = {
    "evidence_attribute": lambda entry: [f"{entry.facts['name']}: {entry.facts['value']}"],
    "evidence_variant": _variant,
    "evidence_quote": lambda entry: [f"quote: {entry.facts['quote']}"],
    "evidence_said": lambda entry: [f"quote: {entry.facts['quote']}"],
    "evidence_keyword": lambda entry: [f"keywords: {entry.facts['words']}"],
    "evidence_picture_words": lambda entry: [f"keywords: {entry.facts['words']}"],
    "evidence_price": _price("price"),
    "evidence_price_within": _price("within"),
    "evidence_stock": lambda _: ["stock: in stock"],
    "evidence_sold_out": lambda _: ["stock: sold out"],
    "evidence_picture": lambda _: ["photo: strong"],
    "evidence_picture_somewhat": lambda _: ["photo: somewhat"],
    "evidence_text_picture": lambda _: ["photo_text: strong"],
    "evidence_picture_text": lambda _: ["photo_text: strong"],
    "evidence_sound": lambda _: ["sound: strong"],
    "evidence_sound_somewhat": lambda _: ["sound: somewhat"],
    "evidence_session": _people_lines,
    "evidence_profile": _people_lines,
    "evidence_collaborative": _people_lines,
    "evidence_popular": _people_lines,
}


def kinds_of(ground: str, offsets: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """The kind of line that each token of the ground stands in, as a place in `KINDS`."""
    kinds: list[int] = []
    for start, _ in offsets:
        name = ground[ground.rfind("\n", 0, start + 1) + 1 :].split(":", 1)[0]
        kinds.append(KINDS.index(name if name in KINDS else "attribute"))
    return np.array(kinds, dtype=np.int64)


def words_of(text: str, offsets: Sequence[tuple[int, int]]) -> list[str]:
    """The tokens as they are written, without case."""
    return [text[start:end].casefold().strip() for start, end in offsets]


def matches(sentence: Sequence[str], ground: Sequence[str]) -> Array:
    """(n, m): 1 where a token of the sentence is written as one of the ground."""
    equal: Array = (np.array(sentence)[:, None] == np.array(ground)[None, :]).astype(np.float32)
    equal[[not word for word in sentence]] = 0
    return equal


def normalised(states: Array) -> Array:
    """Token states (n, 2 * s) of two layers, each layer's part with mean 0 and variance 1."""
    halves = states.reshape(len(states), 2, -1)
    deviation = halves.std(axis=2, keepdims=True) + 1e-6
    return np.asarray((halves - halves.mean(axis=2, keepdims=True)) / deviation, np.float32).reshape(len(states), -1)


@dataclass(frozen=True)
class Entailment:
    """The classifier of one text encoder."""

    encoder: TokenEncoder
    weights: dict[str, Array]

    def is_unsupported(self, explanation: "Explanation") -> bool:
        """Whether something in the sentence is most likely held by no evidence."""
        ground = "\n".join(ground_lines(explanation))
        ground_states = self.encoder.token_states(ground, purpose="document")
        sentence_states = self.encoder.token_states(explanation.text, purpose="document")
        if not sentence_states.offsets:
            return False
        match = matches(words_of(explanation.text, sentence_states.offsets), words_of(ground, ground_states.offsets))
        score = self.score(
            sentence_states.vectors, ground_states.vectors, kinds_of(ground, ground_states.offsets), match
        )
        return score > UNSUPPORTED

    def score(self, sentence: Array, ground: Array, kinds: NDArray[np.int64], match: Array) -> float:
        """The sentence's log-odds, from token states (n, s) and (m, s), kinds (m,) and equal words (n, m)."""
        w = self.weights
        inputs = self._reduced(sentence) @ w["inp.weight"].T + w["inp.bias"]
        ground_rows = self._reduced(ground) @ w["inp.weight"].T + w["inp.bias"] + w["kind.weight"][kinds]
        ground_rows = _layer_norm(ground_rows, w, "nc")
        rows = inputs
        for cross, inner in (("c1", "s1"), ("c2", "s2")):
            rows = _block(rows, ground_rows, w, cross, match)
            rows = _block(rows, rows, w, inner)
        features = np.hstack([rows, inputs, match.max(axis=1, keepdims=True)])
        words = _gelu(features @ w["w.weight"].T + w["w.bias"]) @ w["out.2.weight"].T + w["out.2.bias"]
        pooled = features @ w["pool.weight"].T + w["pool.bias"]
        pool_weights = _softmax(pooled[:, 0])
        return float(pool_weights @ (pooled[:, 1] + words[:, 0]))

    def _reduced(self, states: Array) -> Array:
        return np.asarray((normalised(states) - self.weights["mean"]) @ self.weights["components"], np.float32)


def _block(rows: Array, context: Array, w: dict[str, Array], name: str, match: Array | None = None) -> Array:
    """Attention of (n, d) to (m, d), and a layer for each row; both add to what was there."""
    queries = _layer_norm(rows, w, f"{name}.n1") @ w[f"{name}.q.weight"].T + w[f"{name}.q.bias"]
    keys = context @ w[f"{name}.k.weight"].T + w[f"{name}.k.bias"]
    values = context @ w[f"{name}.v.weight"].T + w[f"{name}.v.bias"]
    queries, keys, values = (projection.reshape(len(projection), HEADS, -1) for projection in (queries, keys, values))
    logits = np.einsum("nhe,mhe->hnm", queries, keys) / np.sqrt(queries.shape[2])
    if match is not None:
        logits = logits + w[f"{name}.bias"][:, None, None] * match * MATCH
    attended = np.einsum("hnm,mhe->nhe", _softmax(logits), values).reshape(len(rows), -1)
    rows = rows + attended @ w[f"{name}.o.weight"].T + w[f"{name}.o.bias"]
    inner = _gelu(_layer_norm(rows, w, f"{name}.n2") @ w[f"{name}.f.0.weight"].T + w[f"{name}.f.0.bias"])
    output: Array = rows + inner @ w[f"{name}.f.3.weight"].T + w[f"{name}.f.3.bias"]
    return output


def _layer_norm(rows: Array, w: dict[str, Array], name: str) -> Array:
    centred = rows - rows.mean(axis=-1, keepdims=True)
    scaled: Array = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + EPSILON)
    shifted: Array = scaled * w[f"{name}.weight"] + w[f"{name}.bias"]
    return shifted


def _gelu(rows: Array) -> Array:
    """The tanh form (Hendrycks and Gimpel 2016)."""
    activated: Array = (0.5 * rows * (1 + np.tanh(0.7978845608 * (rows + 0.044715 * rows**3)))).astype(np.float32)
    return activated


def _softmax(scores: Array) -> Array:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares: Array = powers / powers.sum(axis=-1, keepdims=True)
    return shares


@lru_cache(maxsize=4)
def _weights_for(encoder: str) -> dict[str, Array] | None:
    path = WEIGHTS / f"{encoder}.safetensors"
    if not path.is_file():
        return None
    from safetensors.numpy import load_file  # late: only explanations by the model need it

    return {name: values.astype(np.float32) for name, values in load_file(path).items()}


def entailment_for(name: str, encoder: TokenEncoder) -> Entailment | None:
    """The classifier of a text encoder by its name in the registry; None where it has none."""
    weights = _weights_for(name)
    return Entailment(encoder, weights) if weights is not None else None
