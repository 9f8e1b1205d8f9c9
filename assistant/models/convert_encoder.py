"""What the converters of text encoders share: a transformer and its pooling as one ONNX model with 8-bit weights.

Matrices are kept in 8 bits with one scale for each block of 128 inputs, activations are quantised at run time by the
same blocks (ONNX Runtime's MatMulNBits). One scale for a whole matrix and batch, as ``quantize_dynamic`` does it, is
as fast but lets a text's vector depend on the texts beside it (cosine 0.976) and lies farther from float32 (0.983
instead of 0.999). The table of token vectors is kept in 8 bits with one scale for each row: with 250,000 tokens it is
most of a small multilingual model.
"""

import hashlib
import json
import logging
from pathlib import Path

import torch
from torch import Tensor, nn

WEIGHT_BITS = 8
WEIGHT_BLOCK = 128
ROWS_AT_ONCE = 8192  # bounds memory while the token table is quantised
INPUTS, OUTPUTS = ["input_ids", "attention_mask"], ["sentence_embedding", "token_states"]
STATE_LAYERS = (9 / 24, 15 / 24)
"""Where in a transformer the layers lie whose token states are given, as shares of its depth."""

MAX_TOKENS = 512
"""Texts are read up to this length even by models that could read more: time grows faster than length, and item texts
are seldom longer."""


class Int8Rows(nn.Module):
    """A table of token vectors (tokens, d), int8 with one float32 scale for each row."""

    rows: Tensor
    scales: Tensor

    def __init__(self, table: Tensor, factor: float = 1.0) -> None:
        super().__init__()
        rows, scales = zip(*map(_quantised, torch.split(table.detach(), ROWS_AT_ONCE)), strict=True)
        self.register_buffer("rows", torch.cat(rows))
        self.register_buffer("scales", torch.cat(scales) * factor)

    def forward(self, input_ids: Tensor) -> Tensor:
        """Token ids (batch, length) to float32 vectors (batch, length, d)."""
        embedding = nn.functional.embedding
        return embedding(input_ids, self.rows).to(torch.float32) * embedding(input_ids, self.scales)


def _quantised(rows: Tensor) -> tuple[Tensor, Tensor]:
    scales = (rows.abs().amax(dim=1, keepdim=True) / 127).clamp(min=1e-12)
    return (rows / scales).round().to(torch.int8), scales


class OnnxTextEncoder(nn.Module):
    """A transformer, the mean over its token states, dense layers without bias, unit length.

    The token states that it gives are those of two inner layers: what role a word plays is read best there, while the
    last layer is made for the mean (words labelled right with a linear layer: 0.87 from these two, 0.76 from the last).
    """

    def __init__(self, transformer: nn.Module, dense: list[Tensor]) -> None:
        super().__init__()
        self.transformer = transformer
        self.dense = nn.ParameterList(dense)
        layers = int(transformer.config.num_hidden_layers)  # type: ignore[union-attr, arg-type]
        self.state_layers = [round(fraction * layers) for fraction in STATE_LAYERS]

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Ids and mask (batch, length) to sentence vectors (batch, d) and token states (batch, length, s)."""
        output = self.transformer(input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True)
        weights = attention_mask.unsqueeze(-1).to(output.last_hidden_state.dtype)
        pooled = (output.last_hidden_state * weights).sum(1) / weights.sum(1)
        for matrix in self.dense:
            pooled = pooled @ matrix.T
        states = torch.cat([output.hidden_states[layer] for layer in self.state_layers], dim=-1)
        return nn.functional.normalize(pooled, dim=-1), states


def write_onnx(encoder: OnnxTextEncoder, out: Path) -> None:
    """Write ``out/model.onnx`` and ``out/model.onnx.data``; any batch, up to `MAX_TOKENS` tokens."""
    import onnx
    from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer

    sample = torch.tensor([[2, 5, 7, 1], [2, 9, 1, 0]])
    batch, length = torch.export.Dim("batch", min=1, max=4096), torch.export.Dim("length", min=2, max=MAX_TOKENS)
    program = torch.onnx.export(
        encoder.eval(),
        (sample, (sample != 0).long()),
        dynamo=True,
        dynamic_shapes={name: {0: batch, 1: length} for name in INPUTS},
        input_names=INPUTS,
        output_names=OUTPUTS,
        verbose=False,
    )
    assert program is not None  # noqa: S101 - None only for the other exporter
    logging.getLogger("onnxruntime.quantization.matmul_nbits_quantizer").setLevel(logging.WARNING)
    quantizer = MatMulNBitsQuantizer(
        program.model_proto,
        bits=WEIGHT_BITS,
        block_size=WEIGHT_BLOCK,
        is_symmetric=True,
        accuracy_level=4,
        op_types_to_quantize=("MatMul",),
    )
    quantizer.process()
    quantised = quantizer.model.model
    del quantised.graph.value_info[:]  # shapes of values that are no longer there
    onnx.save(quantised, out / "model.onnx", save_as_external_data=True, location="model.onnx.data")


def write_config(
    out: Path,
    *,
    upstream: str,
    licence: str,
    weights: Path,
    dimensions: tuple[int, int],
    pooling: str,
    prompts: dict[str, str],
    padding_id: int,
) -> None:
    """Write ``out/config.json``, which `tools.engines.text` reads.

    Args:
        weights: the raw weights, whose sha256 identifies the encoder: the ONNX file differs between exporters.
        dimensions: of sentence vectors and of token states.
        prompts: by purpose: query, document, classification.
    """
    with weights.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    config = {
        "format": "onnx text encoder",
        "upstream": upstream,
        "licence": licence,
        "weights_sha256": digest,
        "quantisation": f"{WEIGHT_BITS}-bit weights in blocks of {WEIGHT_BLOCK}, 8-bit token table",
        "dimensions": dimensions[0],
        "state_dimensions": dimensions[1],
        "max_tokens": MAX_TOKENS,
        "pooling": pooling,
        "prompts": prompts,
        "padding_id": padding_id,
    }
    (out / "config.json").write_text(json.dumps(config, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
