"""Fitting the classifiers of `assistant.agent.reading.heads`: repeatable, in about a minute on two cores."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from assistant.agent.reading.heads import CLIP, Array, message_features
from assistant.agent.reading.labels import ACTS, OPERATIONS, ROLES, LabelledMessage
from tools.engines.text import TokenStates

INNER, RECURRENT = 128, 64
EPOCHS, BATCH, RATE, DECAY, DROPOUT = 14, 32, 2e-3, 0.05, 0.3
PENALTY = {"act": 0.15, "operation": 0.6}
"""Inverse strength of the L2 penalty of the linear classifiers, as scikit-learn counts it."""

RARE = {"near": 3.0, "min": 2.0, "said": 1.5, "back": 1.5, "not": 1.3}
"""Weights of roles that are rare in the messages and costly to miss."""

_IGNORED = -100


class MessageExample(NamedTuple):
    """A labelled message and what the encoder makes of it."""

    message: LabelledMessage
    states: TokenStates


def examples(
    messages: Sequence[LabelledMessage], encode: Callable[[str], TokenStates], progress: Callable[[int], None]
) -> list[MessageExample]:
    """The messages encoded for classification; ``progress`` is given the number done."""
    encoded: list[MessageExample] = []
    for message in messages:
        encoded.append(MessageExample(message, encode(message.text)))
        progress(len(encoded))
    return encoded


def fit(examples: Sequence[MessageExample], *, seed: int = 0) -> dict[str, Array]:
    """The weights of all classifiers, as `Heads` takes them."""
    weights = _fit_roles([example for example in examples if example.message.act], seed)
    acted = [example for example in examples if example.message.act]
    acts = np.array([ACTS.index(str(example.message.act)) for example in acted])
    weights |= _with_prefix(
        "act", _linear(_features(acted), np.eye(len(ACTS), dtype=np.float32)[acts], PENALTY["act"], True)
    )
    operated = [example for example in examples if not example.message.act]
    targets = np.array(
        [[name in example.message.operations for name in OPERATIONS] for example in operated], np.float32
    )
    targets = targets if len(operated) else np.zeros((0, len(OPERATIONS)), np.float32)
    return weights | _with_prefix("operation", _linear(_features(operated), targets, PENALTY["operation"], False))


def _with_prefix(name: str, fitted: tuple[Array, Array]) -> dict[str, Array]:
    return {f"{name}.weight": fitted[0], f"{name}.bias": fitted[1]}


def _features(examples: Sequence[MessageExample]) -> Array:
    embeddings = np.array([example.states.embedding for example in examples])
    return message_features(embeddings, np.array([example.message.shown for example in examples]))


def _linear(features: Array, targets: Array, penalty: float, exclusive: bool) -> tuple[Array, Array]:
    """Logistic regression by L-BFGS: one of the classes where ``exclusive``, else any number of them."""
    inputs, target_tensor = torch.from_numpy(features), torch.from_numpy(targets)
    weight = torch.zeros(features.shape[1], targets.shape[1], requires_grad=True)
    bias = torch.zeros(targets.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weight, bias], max_iter=200, line_search_fn="strong_wolfe")
    loss = nn.functional.cross_entropy if exclusive else _binary_loss

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss(inputs @ weight + bias, target_tensor) + (weight**2).sum() / (2 * penalty * len(inputs))
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return weight.detach().numpy(), bias.detach().numpy()


def _binary_loss(scores: Tensor, targets: Tensor) -> Tensor:
    return nn.functional.binary_cross_entropy_with_logits(scores, targets, reduction="none").sum(1).mean()


class _RoleTagger(nn.Module):
    """Token states to role scores; `Heads` computes the same without torch."""

    def __init__(self, states: int) -> None:
        super().__init__()
        self.inner = nn.Linear(states, INNER)
        self.recurrent = nn.GRU(INNER, RECURRENT, bidirectional=True, batch_first=True)
        self.outer = nn.Linear(INNER + 2 * RECURRENT, len(ROLES))
        self.dropout = nn.Dropout(DROPOUT)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, length, states) to (batch, length, roles)."""
        inner = torch.relu(self.inner(self.dropout(states)))
        outputs, _ = self.recurrent(self.dropout(inner))
        scores: Tensor = self.outer(self.dropout(torch.cat([inner, outputs], dim=-1)))
        return scores


def _fit_roles(examples: Sequence[MessageExample], seed: int) -> dict[str, Array]:
    torch.manual_seed(seed)
    stacked = np.vstack([example.states.vectors for example in examples[:2000]])
    mean, deviation = stacked.mean(axis=0), stacked.std(axis=0) + 1e-6
    rows = [
        (
            torch.from_numpy(np.clip((example.states.vectors - mean) / deviation, -CLIP, CLIP).astype(np.float32)),
            torch.from_numpy(token_roles(example)),
        )
        for example in examples
    ]
    tagger = _RoleTagger(stacked.shape[1])
    optimiser = torch.optim.AdamW(tagger.parameters(), lr=RATE, weight_decay=DECAY)
    steps = EPOCHS * (len(rows) // BATCH + 1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=steps)
    random = np.random.default_rng(seed)
    balance = torch.tensor([RARE.get(role, 1.0) for role in ROLES])
    for _ in range(EPOCHS):
        for batch in _batches(rows, random):
            states = nn.utils.rnn.pad_sequence([row[0] for row in batch], batch_first=True)
            roles = nn.utils.rnn.pad_sequence([row[1] for row in batch], batch_first=True, padding_value=_IGNORED)
            optimiser.zero_grad()
            scores = tagger(states).transpose(1, 2)
            loss = nn.functional.cross_entropy(scores, roles, balance, ignore_index=_IGNORED)
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(tagger.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return {"state.mean": mean, "state.deviation": deviation, **_role_weights(tagger)}


def _batches(rows: list[tuple[Tensor, Tensor]], random: np.random.Generator) -> list[list[tuple[Tensor, Tensor]]]:
    """All rows in random order, batches of similar length."""
    order = sorted(random.permutation(len(rows)), key=lambda row: len(rows[row][0]) // 6)
    batches = [[rows[row] for row in order[start : start + BATCH]] for start in range(0, len(rows), BATCH)]
    return [batches[index] for index in random.permutation(len(batches))]


def token_roles(example: MessageExample) -> NDArray[np.int64]:
    """The role (n,) of each token, as an index of `ROLES`."""
    roles = np.zeros(len(example.states.offsets), np.int64)
    for index, (start, end) in enumerate(example.states.offsets):
        for span in example.message.spans:
            if start < span.end and span.start < end:
                roles[index] = ROLES.index(span.role)
    return roles


def _role_weights(tagger: _RoleTagger) -> dict[str, Array]:
    state = {name: value.detach().numpy() for name, value in tagger.state_dict().items()}
    weights = {
        "role.in.weight": state["inner.weight"].T,
        "role.in.bias": state["inner.bias"],
        "role.out.weight": state["outer.weight"].T,
        "role.out.bias": state["outer.bias"],
    }
    for name, suffix in (("forward", ""), ("backward", "_reverse")):
        weights[f"role.{name}.input"] = state[f"recurrent.weight_ih_l0{suffix}"].T
        weights[f"role.{name}.recurrent"] = state[f"recurrent.weight_hh_l0{suffix}"].T
        weights[f"role.{name}.input_bias"] = state[f"recurrent.bias_ih_l0{suffix}"]
        weights[f"role.{name}.recurrent_bias"] = state[f"recurrent.bias_hh_l0{suffix}"]
    return {name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}


def write(weights: dict[str, Array], path: Path) -> None:
    """Keep the weights in half precision, scales and biases aside."""
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    exact = ("state.", "role.in.bias", "role.out.bias")
    save_file({n: v if n.startswith(exact) else v.astype(np.float16) for n, v in weights.items()}, path)
