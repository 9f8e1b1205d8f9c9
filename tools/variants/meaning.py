"""Option values that a text means in other words, or in another language, than the catalogue: "la rouge" for red."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Final

import numpy as np

from tools.store.pages import PassageEncoder, Vectors
from tools.store.words import fold, is_unspaced, segments

MEANING_THRESHOLD: Final = 0.36
"""From which share of a value's own lead on a word means it.

A word's lead is how much nearer it is to the value than to the option's other values, less what the other words of the
message lead by in the median; a value's own lead is that of the value as a word. docs/pages.md has the measurements.
"""
MOST_WORDS: Final = 32
MOST_CACHED: Final = 20_000
"""Words whose vectors are kept."""
_SIZE: Final = re.compile(r"[A-Z0-9]{1,4}")


def nearest(
    options: Mapping[str, Sequence[str]], text: str, encoder: PassageEncoder, title: str = ""
) -> dict[str, list[str]]:
    """The values that words of the text mean, by option; options without one are left out.

    Values with digits, sizes in letters, and options of a single value are not compared.

    Args:
        options: the values that there are, by option.
        title: the item's title, whose words name the item and none of its values; their leads are compared with.
    """
    compared = {name: values for name, values in options.items() if len(values) > 1 and any(map(_is_word, values))}
    title_words = {fold(word) for word in _words(title)}
    words = [word for word in _words(text) if fold(word) not in title_words][:MOST_WORDS]
    if not compared or not words:
        return {}
    if any(" " in value for values in compared.values() for value in values):
        words += [f"{first} {second}" for first, second in pairwise(words) if not is_unspaced(first[0] + second[0])]
    further_words = [word for word in _words(title) if word not in words][:MOST_WORDS]
    every = [*words, *further_words, *(value for values in compared.values() for value in values)]
    vectors = dict(zip(every, _encoded(encoder, every), strict=True))
    rows = np.stack([vectors[word] for word in [*words, *further_words]])
    matches = {
        name: _meant(values, rows, np.stack([vectors[value] for value in values]), len(words))
        for name, values in compared.items()
    }
    return {name: values for name, values in matches.items() if values}


def _meant(values: Sequence[str], rows: Vectors, value_rows: Vectors, count: int) -> list[str]:
    """The values that one of the first ``count`` rows means; the further rows are other words."""
    of_values: Vectors = np.diagonal(_leads(value_rows @ value_rows.T))
    leads: Vectors = np.asarray(_leads(rows @ value_rows.T) / of_values.clip(1e-6), np.float32)
    columns = {
        int(lead.argmax())
        for row, lead in enumerate(leads[:count])
        if _is_word(values[int(lead.argmax())]) and lead.max() - _usual(leads, row)[lead.argmax()] >= MEANING_THRESHOLD
    }
    return [values[column] for column in sorted(columns)]


def _leads(cosines: Vectors) -> Vectors:
    """How much nearer each row is to each value than to the others in the mean."""
    leads: Vectors = cosines - (cosines.sum(axis=1, keepdims=True) - cosines) / (cosines.shape[1] - 1)
    return leads


def _usual(leads: Vectors, row: int) -> Vectors:
    """The leads of the other rows in the median, where they have any."""
    if len(leads) < 2:
        return np.zeros(leads.shape[1], np.float32)
    usual: Vectors = np.maximum(np.median(np.delete(leads, row, axis=0), axis=0), 0.0)
    return usual


def _words(text: str) -> list[str]:
    """Different words with a meaning of their own: no numbers and no single letters."""
    return [*dict.fromkeys(w for w in segments(text) if w.isalpha() and (len(w) > 1 or is_unspaced(w)))]


def _is_word(value: str) -> bool:
    """Whether a value is called by words: no number, no size in letters."""
    return not any(map(str.isdigit, value)) and not _SIZE.fullmatch(value)


def _encoded(encoder: PassageEncoder, words: Sequence[str]) -> list[Vectors]:
    """A unit vector for each word; they are kept, as most words come again."""
    cache = _vector_cache(encoder)
    if len(cache) > MOST_CACHED:
        cache.clear()
    vectors = {word: row for word in words if (row := cache.get(word)) is not None}
    new_words = [word for word in dict.fromkeys(words) if word not in vectors]
    new_vectors = dict(zip(new_words, encoder.encode(new_words, purpose="query"), strict=True)) if new_words else {}
    cache.update(new_vectors)
    vectors |= new_vectors
    return [vectors[word] for word in words]


@lru_cache(maxsize=4)
def _vector_cache(_: PassageEncoder) -> dict[str, Vectors]:
    return {}
