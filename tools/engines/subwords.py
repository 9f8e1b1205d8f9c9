"""A large BPE tokenizer for a few short texts: with that part of its vocabulary which the texts can use.

Loading EmbeddingGemma's tokenizer (262,144 tokens, 514,906 merges) takes more than a second, in which no other thread
runs Python. Tokens and merges that occur nowhere in a text have no part in splitting it, so a tokenizer without them
gives the same tokens. They are looked up in an index, a SQLite file that is made once from tokenizer.json.
"""

import hashlib
import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

MOST_CHARACTERS = 2_000
"""Of the texts of one call together; for more the whole tokenizer pays."""

_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
"""What stands for the bytes of a character that is no token."""

_TABLES = """
create table about (frame text, added text, longest integer);
create table token (text text primary key, id integer) without rowid;
create table merge (result integer, rank integer, first integer, second integer, primary key (result, rank))
    without rowid;
"""
_TOKENS = "select text, id from token where text in (select value from json_each(?))"
_MERGES = "select first, second from merge where result in (select value from json_each(?)) order by rank"

_OPTIONS = ("unk_token", "fuse_unk", "byte_fallback", "ignore_merges")
_ADDED = ("content", "single_word", "lstrip", "rstrip", "normalized", "special")


class SubwordIndex:
    """The index of one tokenizer.json in a folder of caches; it may not be there yet."""

    def __init__(self, tokenizer: Path, folder: Path) -> None:
        self._tokenizer = tokenizer
        stated = tokenizer.stat()
        key = f"{tokenizer.resolve()} {stated.st_size} {stated.st_mtime_ns}"
        self._path = folder / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.subwords"

    def make(self) -> None:
        """Write the index, if it isn't there and can be; the file appears whole or not at all."""
        if self._path.exists():
            return
        content = json.loads(self._tokenizer.read_text(encoding="utf-8"))
        if not _is_known(content):
            return
        with suppress(OSError, sqlite3.Error):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self._path.parent, suffix=".tmp", delete=False) as file:
                _write(Path(file.name), content)
            Path(file.name).replace(self._path)

    def is_for(self, texts: Sequence[str]) -> bool:
        """Whether there is an index, and the texts are short."""
        return sum(map(len, texts)) <= MOST_CHARACTERS and self._path.exists()

    def tokenizer_for(self, texts: Sequence[str]) -> "Tokenizer | None":
        """A tokenizer for these texts alone; None where `is_for` says no."""
        if not self.is_for(texts):
            return None
        try:
            with closing(sqlite3.connect(f"file:{self._path}?mode=ro&immutable=1", uri=True)) as index:
                return _tokenizer_for(texts, index)
        except sqlite3.Error:
            return None


def _is_known(content: dict[str, Any]) -> bool:
    """Whether leaving tokens out changes nothing: plain BPE over text in which at most spaces are replaced."""
    model, normalizer = content["model"], content["normalizer"]
    plain = not (model.get("dropout") or model.get("continuing_subword_prefix") or model.get("end_of_word_suffix"))
    spaces = normalizer is None or (normalizer["type"], normalizer.get("pattern")) == ("Replace", {"String": " "})
    return model["type"] == "BPE" and bool(plain and spaces)


def _write(path: Path, content: dict[str, Any]) -> None:
    vocabulary, merges = content["model"].pop("vocab"), content["model"].pop("merges")
    frame = {**content, "added_tokens": [], "model": {**content["model"], "vocab": {}, "merges": []}}
    about = json.dumps(frame), json.dumps(content["added_tokens"]), max(map(len, vocabulary))
    with closing(sqlite3.connect(path)) as index:
        index.executescript(f"pragma journal_mode = off; pragma synchronous = off; {_TABLES}")
        index.execute("insert into about values (?, ?, ?)", about)
        index.executemany("insert into token values (?, ?)", sorted(vocabulary.items()))
        index.executemany("insert into merge values (?, ?, ?, ?)", sorted(_ranked(merges, vocabulary)))
        index.commit()


def _ranked(merges: Iterable[Any], vocabulary: dict[str, int]) -> Iterator[tuple[int, int, int, int]]:
    """Each merge as its result, its rank and its two parts."""
    for rank, merge in enumerate(merges):
        first, second = merge.split(" ") if isinstance(merge, str) else merge
        yield vocabulary[first + second], rank, vocabulary[first], vocabulary[second]


def _tokenizer_for(texts: Sequence[str], index: sqlite3.Connection) -> "Tokenizer":
    from tokenizers import AddedToken, Tokenizer
    from tokenizers.models import BPE

    frame, added, longest = index.execute("select frame, added, longest from about").fetchone()
    tokenizer = Tokenizer.from_str(frame)
    normalized = [tokenizer.normalizer.normalize_str(text) if tokenizer.normalizer else text for text in texts]
    tokens = [token for token in json.loads(added) if token["special"] or any(token["content"] in t for t in texts)]
    substrings = {substring for text in normalized for substring in _substrings(text, longest)}
    substrings |= {*_BYTES, *(token["content"] for token in tokens)}
    vocabulary: dict[str, int] = dict(index.execute(_TOKENS, (json.dumps(list(substrings)),)))
    by_id = {token_id: text for text, token_id in vocabulary.items()}
    merge_pairs = index.execute(_MERGES, (json.dumps(list(by_id)),))
    merges = [(by_id[first], by_id[second]) for first, second in merge_pairs if first in by_id and second in by_id]
    options = {name: value for name, value in json.loads(frame)["model"].items() if name in _OPTIONS and value}
    tokenizer.model = BPE(vocabulary, merges, **options)
    tokenizer.add_tokens([AddedToken(**{name: token[name] for name in _ADDED}) for token in tokens])
    return tokenizer


def _substrings(text: str, longest: int) -> Iterator[str]:
    for start in range(len(text)):
        yield from (text[start:end] for end in range(start + 1, min(start + longest, len(text)) + 1))
