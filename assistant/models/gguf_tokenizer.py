"""The tokenizer inside a GGUF file, as the tokenizer.json that transformers and vLLM load.

GGUF keeps the vocabulary, the merges, the type of each token and the name of the text splitting, not the splitting
itself; those that the product's models use are written down here. Unlike transformers' own reading of GGUF, every
control token (<|im_start|>, <|fim_prefix|> ...) and every token that its authors added (<tool_call>) stays one token.
"""

import json
from pathlib import Path
from typing import Any

NORMAL, CONTROL, USER_DEFINED, UNUSED = 1, 3, 4, 5

QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def value(reader: Any, key: str, default: Any = None) -> Any:  # noqa: ANN401 - metadata is of any type
    """A metadata value of a GGUF file as a Python object, or the default when it is absent."""
    field = reader.fields.get(key)
    return default if field is None else field.contents()


def write_tokenizer(reader: Any, out: Path, *, context: int) -> None:  # noqa: ANN401 - gguf has no types
    """Write ``out/tokenizer.json`` and ``out/tokenizer_config.json``.

    Raises:
        ValueError: not a byte-level BPE, or a splitting that is not known here.
    """
    tokens: list[str] = value(reader, "tokenizer.ggml.tokens")
    tokenizer = build_tokenizer(
        tokens,
        types=value(reader, "tokenizer.ggml.token_type"),
        merges=value(reader, "tokenizer.ggml.merges", []),
        model=value(reader, "tokenizer.ggml.model"),
        split=value(reader, "tokenizer.ggml.pre"),
    )
    tokenizer.save(str(out / "tokenizer.json"))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
        "add_bos_token": bool(value(reader, "tokenizer.ggml.add_bos_token", False)),
        "bos_token": _token(reader, tokens, "bos"),
        "eos_token": _token(reader, tokens, "eos"),
        "pad_token": _token(reader, tokens, "padding"),
        "unk_token": _token(reader, tokens, "unknown"),
        "chat_template": value(reader, "tokenizer.chat_template"),
    }
    present = {key: item for key, item in config.items() if item is not None}
    text = json.dumps(present, indent=2, ensure_ascii=False)
    (out / "tokenizer_config.json").write_text(text + "\n", encoding="utf-8")


def build_tokenizer(tokens: list[str], *, types: list[int], merges: list[str], model: str, split: str) -> Any:  # noqa: ANN401
    """A ``tokenizers.Tokenizer`` with the ids of the list.

    Args:
        tokens: each token's text, its place in the list being its id.
        types: each token's GGUF type; unused ones get no id.
        merges: pairs of pieces joined by one blank, in order of priority.
        model: GGUF's name of the kind of tokenizer; "gpt2" is byte-level BPE.
        split: GGUF's name of the splitting.

    Raises:
        ValueError: another kind or an unknown splitting.
    """
    from tokenizers import AddedToken, Tokenizer, decoders
    from tokenizers.models import BPE

    if model != "gpt2":
        raise ValueError(f"a tokenizer of the kind {model} is not known; only gpt2 (byte-level BPE) is")
    normalizer, pre_tokenizer = _splitting(split)
    vocabulary = {token: i for i, token in enumerate(tokens) if types[i] != UNUSED}
    pairs = [(left, right) for left, _, right in (merge.partition(" ") for merge in merges)]
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=pairs))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizer, pre_tokenizer, decoders.ByteLevel()
    added = [
        AddedToken(token, special=kind == CONTROL, normalized=False)
        for token, kind in zip(tokens, types, strict=True)
        if kind in (CONTROL, USER_DEFINED)
    ]
    tokenizer.add_tokens(added)
    return tokenizer


def _splitting(name: str) -> tuple[Any, Any]:
    """The normalizer (or None) and the splitting before the merges, as the models' authors published them."""
    from tokenizers import Regex, normalizers, pre_tokenizers

    if name == "qwen2":
        split = pre_tokenizers.Split(Regex(QWEN2_SPLIT), behavior="isolated")
        return normalizers.NFC(), pre_tokenizers.Sequence(
            [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
        )
    if name == "smollm":
        return None, pre_tokenizers.Sequence(
            [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
        )
    raise ValueError(f"the text splitting {name} is not known; known: qwen2, smollm")


def _token(reader: Any, tokens: list[str], role: str) -> str | None:  # noqa: ANN401 - gguf has no types
    number = value(reader, f"tokenizer.ggml.{role}_token_id")
    return None if number is None else tokens[number]
