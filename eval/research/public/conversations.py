"""Conversations in which one person recommends films to another: ReDial and INSPIRED, from files that a user has.

- ReDial (Li et al. 2018): JSON lines; ``messages`` with ``text`` (films as ``@ID``) and ``senderWorkerId``,
  ``movieMentions`` (id to title), ``respondentWorkerId`` (who recommends).
- INSPIRED (Hayati et al. 2020): tabs; dialog_id, speaker (RECOMMENDER or SEEKER), text, movies (titles, ";" between).

Protocol: for every message of the recommender that names films not named before, the words of all messages before it
are the query, those films are relevant, and every film of the file is a candidate except those named already; recall@1,
@10 and @50. It differs from papers that learn on a training part: nothing is learned here.
"""

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from assistant.errors import BadInput
from eval.research.public.reading import reading

CUTS = (1, 10, 50)
LAST_CHARACTERS = 1000
"""How much of a conversation is read: its end, which the text encoder can take in."""
_MENTION = re.compile(r"@(\d+)")


@dataclass(frozen=True)
class DialogueMessage:
    """One message; ``films`` are the titles it names."""

    recommends: bool
    text: str
    films: list[str]


@dataclass(frozen=True)
class EvaluationPoint:
    """What was said before a recommendation, which films had been named, and which are to be found."""

    said: str
    named: frozenset[str]
    films: frozenset[str]


def load_redial(path: Path) -> list[list[DialogueMessage]]:
    """Read ReDial's conversations.

    Raises:
        BadInput: the file is missing or a line is not of its form.
    """
    return [_redial(line, f"{path}, line {number}") for number, line in enumerate(_lines(path), start=1)]


def load_inspired(path: Path) -> list[list[DialogueMessage]]:
    """Read INSPIRED's conversations.

    Raises:
        BadInput: the file is missing or lacks a column.
    """
    conversations: dict[str, list[DialogueMessage]] = {}
    rows = csv.DictReader(_lines(path), delimiter="\t", quoting=csv.QUOTE_NONE)
    with reading(path):
        for row in rows:
            if missing := [name for name in ("dialog_id", "speaker", "text", "movies") if row.get(name) is None]:
                raise BadInput(f"{path}, line {rows.line_num}: lacks {', '.join(missing)}.")
            films = [title.strip() for title in row["movies"].split(";") if title.strip()]
            message = DialogueMessage(row["speaker"] == "RECOMMENDER", row["text"], films)
            conversations.setdefault(row["dialog_id"], []).append(message)
    return list(conversations.values())


def questions(conversations: Iterable[Sequence[DialogueMessage]]) -> Iterator[EvaluationPoint]:
    """Every recommendation of new films, with what was said before it."""
    for conversation in conversations:
        said: list[str] = []
        named: set[str] = set()
        for message in conversation:
            new = frozenset(message.films) - named
            if message.recommends and new and said:
                yield EvaluationPoint(" ".join(said), frozenset(named), new)
            said.append(message.text)
            named |= set(message.films)


def all_films(conversations: Iterable[Sequence[DialogueMessage]]) -> list[str]:
    """Every title that is named, sorted: the candidates."""
    return sorted({film for conversation in conversations for message in conversation for film in message.films})


def recall(
    asked: Sequence[EvaluationPoint], films: Sequence[str], score: Callable[[Sequence[str]], NDArray[np.float32]]
) -> dict[str, NDArray[np.float64]]:
    """recall@k of each question.

    Args:
        asked: the questions.
        films: the candidates.
        score: words of n questions to scores (n, len(films)), larger is better.
    """
    row = {film: number for number, film in enumerate(films)}
    scores = np.array(score([question.said for question in asked]), dtype=np.float32)
    found = {f"recall@{k}": np.zeros(len(asked)) for k in CUTS}
    for number, question in enumerate(asked):
        scores[number, [row[film] for film in question.named]] = -np.inf
        best = [films[place] for place in np.argsort(-scores[number], kind="stable")[: max(CUTS)]]
        for k in CUTS:
            found[f"recall@{k}"][number] = len(question.films & set(best[:k])) / len(question.films)
    return found


def _redial(line: str, where: str) -> list[DialogueMessage]:
    try:
        row = json.loads(line)
        titles: dict[str, str] = dict(row["movieMentions"] or {})
        recommender = row["respondentWorkerId"]
        return [
            DialogueMessage(
                message["senderWorkerId"] == recommender,
                _MENTION.sub(lambda found: titles.get(found[1], found[0]), message["text"]),
                [titles[film] for film in _MENTION.findall(message["text"]) if titles.get(film)],
            )
            for message in row["messages"]
        ]
    except (ValueError, KeyError, TypeError) as exc:
        raise BadInput(f"{where}: not a conversation of ReDial.") from exc


def _lines(path: Path) -> Iterator[str]:
    with reading(path), path.open(encoding="utf-8") as stream:
        yield from stream
