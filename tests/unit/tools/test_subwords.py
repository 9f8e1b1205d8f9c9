"""A tokenizer for a few texts splits them as the whole one does."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer
from tokenizers.decoders import ByteFallback
from tokenizers.models import BPE
from tokenizers.normalizers import Replace
from tokenizers.processors import TemplateProcessing

from tools.engines.subwords import MOST_CHARACTERS, SubwordIndex

WORDS = ["▁warm", "▁jacket", "▁red", "▁running", "shoe", "▁a", "▁über", "鞋子", "\n\n", "▁▁"]


def _whole() -> Tokenizer:
    """A small tokenizer made as EmbeddingGemma's: BPE over text with replaced spaces, and bytes for the rest."""
    vocabulary = ["<unk>", "<bos>", "<eos>", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary += sorted({letter for word in WORDS for letter in word})
    merges = []
    for word in WORDS:
        for end in range(2, len(word) + 1):
            merges.append((word[: end - 1], word[end - 1]))
            vocabulary.append(word[:end])
    vocabulary.append("<mark>")
    ids = {token: position for position, token in enumerate(dict.fromkeys(vocabulary))}
    tokenizer = Tokenizer(BPE(ids, [*dict.fromkeys(merges)], unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = Replace(" ", "▁")
    tokenizer.decoder = ByteFallback()
    tokenizer.add_special_tokens(["<bos>", "<eos>"])
    tokenizer.add_tokens([AddedToken("<mark>", normalized=False)])
    tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A <eos>", special_tokens=[("<bos>", ids["<bos>"]), ("<eos>", ids["<eos>"])]
    )
    return tokenizer


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("encoder") / "tokenizer.json"
    _whole().save(str(path))
    return path


@pytest.fixture(scope="module")
def index(file: Path) -> SubwordIndex:
    subwords = SubwordIndex(file, file.parent / "cache")
    assert subwords.tokenizer_for(["warm"]) is None
    subwords.make()
    return subwords


PIECES = st.sampled_from([*WORDS, " ", "war", "<mark>", "<bos>", "<0x41>", "é", "👟", "x"])


@settings(max_examples=200, deadline=None)
@given(text=st.lists(PIECES | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join))
def test_any_text_is_split_as_by_the_whole(file: Path, index: SubwordIndex, text: str) -> None:
    whole, small = Tokenizer.from_file(str(file)), index.tokenizer_for([text, "another"])
    assert small is not None
    for split, expected in zip(
        small.encode_batch([text, "another"]), whole.encode_batch([text, "another"]), strict=True
    ):
        assert (split.ids, split.offsets, split.tokens) == (expected.ids, expected.offsets, expected.tokens)
        assert split.special_tokens_mask == expected.special_tokens_mask


def test_long_texts_are_left_to_the_whole(index: SubwordIndex) -> None:
    assert index.is_for(["a" * MOST_CHARACTERS])
    assert not index.is_for(["a" * MOST_CHARACTERS, "b"])
    assert index.tokenizer_for(["a" * MOST_CHARACTERS, "b"]) is None


def test_another_tokenizer_gets_an_index_of_its_own(file: Path, index: SubwordIndex, tmp_path: Path) -> None:
    other = tmp_path / "tokenizer.json"
    other.write_bytes(file.read_bytes())
    assert not SubwordIndex(other, file.parent / "cache").is_for(["warm"])
    assert SubwordIndex(file, file.parent / "cache").is_for(["warm"])


def test_a_tokenizer_of_another_kind_has_none(file: Path, tmp_path: Path) -> None:
    content = json.loads(file.read_text())
    content["normalizer"] = {"type": "NFKC"}
    other = tmp_path / "tokenizer.json"
    other.write_text(json.dumps(content))
    subwords = SubwordIndex(other, tmp_path / "cache")
    subwords.make()
    assert not subwords.is_for(["warm"])


def test_a_damaged_index_is_done_without(file: Path, tmp_path: Path) -> None:
    subwords = SubwordIndex(file, tmp_path)
    subwords.make()
    next(tmp_path.iterdir()).write_bytes(b"no database")
    assert subwords.tokenizer_for(["warm"]) is None
