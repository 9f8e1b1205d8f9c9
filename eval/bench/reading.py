"""What reading a message costs: long messages, a sentence with a large vocabulary, and the default reading.

Times are the thread's processor time, so that what else runs on the machine does not count. What stays for good is
left out of the garbage collector's search, as in a service that has warmed up.
"""

import gc
import random
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import product
from types import FrameType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from assistant.agent.reading.heads import heads_for
from assistant.agent.reading.reader import MessageReader
from assistant.agent.reading.untrained import read_untrained
from assistant.engines import open_engines
from assistant.privacy.masking import mask
from assistant.records import Memory
from assistant.settings import Settings
from assistant.understanding import Utterance
from assistant.understanding.language import detect_language
from eval.bench.messages import KINDS, LENGTH, NAMED_FLOODS, messages
from eval.bench.report import Result, Table
from eval.bench.stage import Stage
from tools.engines.text import TextEncoder, TokenStates
from tools.records import Vocabulary

_Value = TypeVar("_Value")

MESSAGES = 60
"""Messages of each kind, unless --cases says how many."""

GIVEN_UP = 10.0
"""Seconds after which reading a message is given up; it then counts as this long."""

TARGET = 0.05
SENTENCE_TARGET = 0.005
SENTENCES = (
    "I am looking for running shoes from {brand} for my father under 100 dollars, not black",
    "like the second one, but cheaper and without leather",
    "Ich suche einen Stuhl aus Holz für das Wohnzimmer, höchstens 80 Euro, aber nicht von {brand}",
    "我想买一双跑步鞋，不超过500元，不要黑色，不要{brand}的",
    "show me only {category}, the cheapest first",
)
REPEATS = 40
LONG = 1
"""Long messages of each kind for the default reading, whose encoder takes seconds for each."""
SMALL, LARGE = (10, 25), (10_000, 2_500)


class _TooLongError(Exception):
    """Reading did not end in `GIVEN_UP` seconds."""


def measure(stage: Stage) -> Result:
    """Read messages of every kind, then sentences with few and with many names."""
    _read("to load the models and word lists once 一百元", Vocabulary())
    gc.freeze()
    result = Result("reading")
    _long_messages(stage, result)
    _sentences(stage, result)
    with stage.sample_catalogue() as settings:
        _by_classifiers(stage, settings, result)
    return result


class _TimedEncoder(TextEncoder):
    """Counts the seconds in which it computes."""

    seconds = 0.0
    _is_within = False

    def _timed(self, work: Callable[[], _Value]) -> _Value:
        if self._is_within:
            return work()
        self._is_within, began = True, time.thread_time()
        try:
            return work()
        finally:
            self._is_within = False
            self.seconds += time.thread_time() - began

    def encode(self, *args: Any, **options: Any) -> NDArray[np.float32]:  # noqa: ANN401 - handed on
        return self._timed(partial(super().encode, *args, **options))

    def encode_once(self, *args: Any, **options: Any) -> NDArray[np.float32]:  # noqa: ANN401 - handed on
        return self._timed(partial(super().encode_once, *args, **options))

    def token_states(self, *args: Any, **options: Any) -> TokenStates:  # noqa: ANN401 - handed on
        return self._timed(partial(super().token_states, *args, **options))


def _by_classifiers(stage: Stage, settings: Settings, result: Result) -> None:
    """The default reading over the sample catalogue: the encoder's time, and that of all the rest."""
    catalogue = open_engines(settings).catalogue
    encoder = _TimedEncoder(settings.models_folder / settings.text.model, threads=1)
    reader = MessageReader(encoder, heads_for(settings.text.model), catalogue)
    vocabulary = catalogue.vocabulary()
    table = Table(
        "Processor time of the default reading over the sample catalogue, ms (median)",
        ["message", "encoder", "all the rest"],
    )

    def read(text: str) -> tuple[float, float]:
        encoder.seconds, began = 0.0, time.thread_time()
        reader.understand([Utterance(source="text", text=text)], Memory(), vocabulary, attached=False)
        return encoder.seconds, time.thread_time() - began - encoder.seconds

    read(SENTENCES[0])  # what is encoded once is encoded now
    names = {"brand": vocabulary.brands[-1], "category": vocabulary.categories[-1]}
    rows = {text: [text] * REPEATS for text in (sentence.format(**names) for sentence in SENTENCES)}
    rows |= {f"{LENGTH:,} characters: {kind}": list(messages(kind, LONG)) for kind in [*KINDS, "mixture"]}
    for name, texts in rows.items():
        stage.say(f"reading with the classifiers: {name}")
        times = 1e3 * np.median([read(text) for text in texts], axis=0)
        table.add(name, *times.tolist())
        result.numbers[f"classifiers: {name}"] = dict(zip(("encoder", "rest"), times.tolist(), strict=True))
    result.tables.append(table)
    rest_ms = [result.numbers[f"classifiers: {name}"]["rest"] for name in list(rows)[: len(SENTENCES)]]
    result.notes.append(
        f"Default reading beside the encoder, slowest sentence: {max(rest_ms):.1f} ms (target: under 10 ms)."
    )


def _long_messages(stage: Stage, result: Result) -> None:
    table = Table(
        f"Processor time of reading a message of {LENGTH:,} characters, ms",
        ["kind", "messages", "median", "p99", "most", "masking, most"],
    )
    vocabulary = _vocabulary(1_000, 250)
    everything: list[float] = []
    for kind in [*KINDS, "mixture", "named floods"]:
        stage.say(f"reading messages of the kind: {kind}")
        texts = list(NAMED_FLOODS if kind == "named floods" else messages(kind, stage.cases or MESSAGES))
        times = [_seconds(partial(_read, text, vocabulary)) for text in texts]
        masked = max(_seconds(partial(mask, text)) for text in texts)
        everything += times
        table.add(kind, len(times), *(1e3 * value for value in (*_spread(times), masked)))
        result.numbers[kind] = {"times": times, "masking_most": masked}
    table.add("all", len(everything), *(1e3 * value for value in _spread(everything)), None)
    result.tables.append(table)
    p99 = float(np.percentile(everything, 99))
    result.numbers |= {"p99": p99, "most": max(everything)}
    result.notes.append(f"p99 of all: {1e3 * p99:.1f} ms (target: at most {1e3 * TARGET:.0f} ms).")
    result.notes.append(f"Reading was given up after {GIVEN_UP:.0f} s, and counts as that.")


def _sentences(stage: Stage, result: Result) -> None:
    table = Table(
        "Processor time of reading an ordinary sentence, ms (median)",
        [
            "sentence",
            f"{SMALL[0]} brands, {SMALL[1]} categories",
            f"{LARGE[0]:,} brands, {LARGE[1]:,} categories",
            "ratio",
        ],
    )
    small, large = _vocabulary(*SMALL), _vocabulary(*LARGE)
    built = _seconds(lambda: _read("shoes", large))
    rows = {}
    for number, sentence in enumerate(SENTENCES):
        stage.say(f"reading sentence {number + 1} of {len(SENTENCES)}")
        few, many = (_median(sentence, vocabulary) for vocabulary in (small, large))
        table.add(sentence, 1e3 * few, 1e3 * many, many / few)
        rows[sentence] = {"few": few, "many": many}
    result.tables.append(table)
    result.numbers |= {"sentences": rows, "first_with_many": built}
    most = max(row["many"] for row in rows.values())
    result.notes.append(
        f"Slowest sentence with many names: {1e3 * most:.1f} ms (target: under {1e3 * SENTENCE_TARGET:.0f} ms)."
    )
    result.notes.append(
        f"The first message after the catalogue changed, the names' index included: {1e3 * built:.0f} ms."
    )


def _median(sentence: str, vocabulary: Vocabulary) -> float:
    text = sentence.format(brand=vocabulary.brands[-1], category=vocabulary.categories[-1])
    return float(np.median([_seconds(lambda: _read(text, vocabulary)) for _ in range(REPEATS)]))


def _read(text: str, vocabulary: Vocabulary) -> None:
    read_untrained([Utterance(source="text", text=text)], vocabulary, detect_language(text, default="en"))


def _seconds(work: Callable[[], object]) -> float:
    began = time.thread_time()
    try:
        with _given_up():
            work()
    except _TooLongError:
        return GIVEN_UP
    return time.thread_time() - began


@contextmanager
def _given_up() -> Iterator[None]:
    def give_up(_number: int, _frame: FrameType | None) -> None:
        raise _TooLongError

    signal.signal(signal.SIGVTALRM, give_up)
    signal.setitimer(signal.ITIMER_VIRTUAL, GIVEN_UP)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, signal.SIG_IGN)  # one that came at the last moment must not end the process


def _spread(times: list[float]) -> tuple[float, float, float]:
    return float(np.median(times)), float(np.percentile(times, 99)), max(times)


def _vocabulary(brands: int, categories: int) -> Vocabulary:
    """Names that look like names: of one to three words, some of them Chinese."""
    draw = random.Random(brands)
    syllables = ("ka", "ro", "mi", "nel", "to", "sal", "ver", "qui", "lex", "dan", "or", "pel", "sun", "wa", "ber")
    words = ["".join(letters).title() for letters in product(syllables, repeat=3)]
    han = [a + b + c for a, b, c in product("安博诚达恩飞格海佳康", "乐美诺普瑞", "尚泰特威信雅泽")]
    names = draw.sample(words, min(brands, 3_000)) + draw.sample(han, min(brands // 20, len(han)))
    pairs = (f"{draw.choice(words)} {draw.choice(words)}" for _ in iter(int, 1))
    unique = dict.fromkeys(names[:brands])
    while len(unique) < brands:
        unique[next(pairs)] = None
    kinds = [f"{draw.choice(words)} {kind}" for kind in ("Shoes", "Chairs", "Lamps", "Bags", "鞋")]
    groups = dict.fromkeys(kinds[:categories])
    while len(groups) < categories:
        groups[f"{next(pairs)} {draw.choice(('Sets', 'Parts', 'Toys'))}"] = None
    return Vocabulary(
        brands=sorted(unique),
        categories=sorted(groups),
        attribute_values={"color": ["black", "white", "grey"], "material": ["oak", "leather"]},
        currencies=["USD"],
    )
