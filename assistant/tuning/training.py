"""Training a LoRA adapter (Hu et al. 2021) on examples, the loss on answers alone; it goes on where it was stopped."""

import hashlib
import json
import math
import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from assistant.errors import ConfigError
from assistant.llm.adapters import CARD, Adapter, AdapterCard
from assistant.llm.profiles import best_cpu_dtype
from assistant.tuning.examples import Example

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase, TrainerCallback, TrainingArguments

IGNORED: Final = -100
"""The label of a token that is not answered, as of torch's cross entropy."""

LAYERS: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
CHECKPOINTS: Final = "checkpoints"
"""The folder that a training which was stopped goes on from; one with another recipe or other examples begins anew."""
MADE_CHECKPOINTS, KEPT_CHECKPOINTS, EVALUATIONS = 20, 2, 5
"""How many are made in a training, how many of them are kept, and how often the held-out loss is measured."""
AT_ONCE: Final = 4
"""How many examples are computed together: 16 long ones of a 0.5B model do not fit 24 GiB, four take 7."""
HELD_OUT_EXAMPLES: Final = 60
"""How many held-out examples the loss curve is measured on, spread over the steps."""


@dataclass(frozen=True)
class Recipe:
    """How it is trained."""

    rank: int = 16
    alpha: int = 32
    rate: float = 4e-4
    epochs: float = 2.0
    batch: int = 16
    """Examples a step."""
    longest: int = 768
    """Tokens; a longer example is left out."""
    seed: int = 0
    start: str = ""
    """SHA-256 of the adapter's weights that it goes on from; empty: from nothing."""


@dataclass(frozen=True)
class Tokens:
    """An example for the model: ``labels`` has the tokens of answers, and `IGNORED` elsewhere."""

    ids: list[int]
    labels: list[int]


def tokens_of(example: Example, tokenizer: "PreTrainedTokenizerBase") -> Tokens:
    """The example in the model's own chat template.

    Raises:
        ConfigError: the template writes earlier messages otherwise when others follow.
    """
    told = [{"role": one.role, "content": one.content} for one in example.messages]
    ids = _rendered(tokenizer, told, prompt=False)
    labels = [IGNORED] * len(ids)
    for place, one in enumerate(example.messages):
        if one.learned:
            before = _rendered(tokenizer, told[:place], prompt=True)
            after = _rendered(tokenizer, told[: place + 1], prompt=False)
            if ids[: len(after)] != after or after[: len(before)] != before:
                raise ConfigError("The model's chat template changes earlier messages; it cannot be trained on rounds.")
            labels[len(before) : len(after)] = after[len(before) :]
    return Tokens(ids, labels)


def _rendered(tokenizer: "PreTrainedTokenizerBase", messages: list[dict[str, str]], *, prompt: bool) -> list[int]:
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=prompt)
    return list(tokenizer(str(text), add_special_tokens=False)["input_ids"])


def train(
    examples: Sequence[Example],
    held_out: Sequence[Example],
    base: Path,
    name: str,
    folder: Path,
    recipe: Recipe,
    *,
    start: Adapter | None = None,
    users: Sequence[str] = (),
    say: Callable[[str], None] = lambda _: None,
) -> AdapterCard:
    """Train an adapter and write it with its card and its loss curve into ``folder``.

    Args:
        base: folder of the base model.
        name: the base model's name, as settings name it.
        folder: of the adapter; checkpoints lie below it until the end.
        start: an adapter of the same base to go on from.
        users: pseudonyms of the users whose conversations are among the examples.
        say: told of the progress.

    Raises:
        ConfigError: the extra ``tune`` is not installed, or nothing can be learned from the examples.
    """
    try:
        from peft import LoraConfig, PeftModel, get_peft_model
        from peft.helpers import disable_input_dtype_casting
    except ImportError as exc:
        raise ConfigError("Training needs the extra tune: pip install 'recommendation-assistant[tune]'") from exc
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, PrinterCallback, set_seed

    set_seed(recipe.seed)
    began, tokenizer = time.monotonic(), AutoTokenizer.from_pretrained(base)
    data = [one for one in (tokens_of(e, tokenizer) for e in examples) if len(one.ids) <= recipe.longest]
    test = [tokens_of(one, tokenizer) for one in _spread(held_out, HELD_OUT_EXAMPLES, recipe.seed)]
    test.sort(key=lambda one: len(one.ids))  # a batch is padded to its longest
    if not data or not test:
        raise ConfigError("There are no examples to learn from, or none to check with.")
    on_card = torch.cuda.is_available()
    short = on_card or best_cpu_dtype() == "bfloat16"
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16 if short else torch.float32)
    if start:
        taught = PeftModel.from_pretrained(model, start.folder, is_trainable=True)
        shape = cast("LoraConfig", taught.peft_config["default"])
        recipe = replace(recipe, start=start.digest, rank=shape.r, alpha=shape.lora_alpha)
    else:
        lora = LoraConfig(r=recipe.rank, lora_alpha=recipe.alpha, lora_dropout=0.0, target_modules=list(LAYERS))
        taught = get_peft_model(model, lora)
    say(f"{len(data):,} examples of {sum(len(one.ids) for one in data):,} tokens; {len(test)} held out")
    digest = hashlib.sha256("\n".join(one.model_dump_json() for one in examples).encode()).hexdigest()
    known = hashlib.sha256(f"{digest} {recipe}".encode()).hexdigest()[:12]
    checkpoints = folder / CHECKPOINTS / known
    arguments = _arguments(recipe, len(data), checkpoints, on_card=on_card, short=short)
    trainer = _trainer_of_answers()(
        model=taught,
        args=arguments,
        train_dataset=_as_rows(data),
        eval_dataset=_as_rows(test),
        data_collator=lambda rows: _padded(rows, tokenizer.pad_token_id or 0),
        callbacks=[_progress(say)],
    )
    trainer.remove_callback(PrinterCallback)
    with disable_input_dtype_casting(taught):  # the adapter's weights are in 32 bits, its products need not be
        trainer.train(resume_from_checkpoint=any(checkpoints.glob("checkpoint-*/trainer_state.json")))
    taught.save_pretrained(str(folder), save_embedding_layers=False)
    _in_half_precision(folder)
    card = AdapterCard(
        base=name,
        base_weights=_sha256(sorted(base.glob("*.safetensors"))),
        data=digest,
        examples=dict(Counter(one.step for one in examples)),
        users=sorted(users),
        settings={**asdict(recipe), "layers": list(LAYERS), "dtype": "bfloat16" if short else "float32"},
        figures=_figures(trainer.state.log_history, time.monotonic() - began),
        day=datetime.now(UTC).date(),
    )
    (folder / CARD).write_text(card.model_dump_json(indent=1) + "\n", "utf-8")
    draw_losses(trainer.state.log_history, folder / "losses.png")
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    return card


def _arguments(recipe: Recipe, examples: int, folder: Path, *, on_card: bool, short: bool) -> "TrainingArguments":
    """The trainer's settings; ``short``: whether it computes in bfloat16."""
    from transformers import TrainingArguments

    together = min(AT_ONCE, recipe.batch)
    steps = math.ceil(math.ceil(examples / recipe.batch) * recipe.epochs)
    return TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=recipe.epochs,
        per_device_train_batch_size=together,
        per_device_eval_batch_size=together,
        gradient_accumulation_steps=math.ceil(recipe.batch / together),
        learning_rate=recipe.rate,
        lr_scheduler_type="cosine",
        warmup_steps=steps // 30,
        weight_decay=0.01,
        max_grad_norm=1.0,
        bf16=short,
        use_cpu=not on_card,
        train_sampling_strategy="group_by_length",
        eval_strategy="steps",
        eval_steps=max(1, steps // EVALUATIONS),
        eval_on_start=True,
        save_strategy="steps",
        save_steps=max(1, steps // MADE_CHECKPOINTS),
        save_total_limit=KEPT_CHECKPOINTS,
        logging_steps=5,
        report_to=[],
        disable_tqdm=True,
        seed=recipe.seed,
        remove_unused_columns=False,
        dataloader_pin_memory=on_card,
        prediction_loss_only=True,
    )


def _spread(examples: Sequence[Example], most: int, seed: int) -> list[Example]:
    """As many of the examples, of each step in turn."""
    by_step: dict[str, list[Example]] = {}
    for one in random.Random(seed).sample([*examples], len(examples)):
        by_step.setdefault(one.step, []).append(one)
    chosen: list[Example] = []
    while len(chosen) < min(most, len(examples)):
        chosen += [of_step.pop() for of_step in by_step.values() if of_step]
    return chosen[:most]


def _as_rows(data: Sequence[Tokens]) -> list[dict[str, list[int]]]:
    return [{"input_ids": one.ids, "labels": one.labels} for one in data]


def _padded(rows: Sequence[Mapping[str, list[int]]], pad: int) -> "dict[str, torch.Tensor]":
    import torch

    longest = max(len(row["input_ids"]) for row in rows)

    def filled(name: str, value: int) -> torch.Tensor:
        return torch.tensor([row[name] + [value] * (longest - len(row[name])) for row in rows])

    lengths = torch.tensor([len(row["input_ids"]) for row in rows])
    mask = (torch.arange(longest)[None, :] < lengths[:, None]).long()
    return {"input_ids": filled("input_ids", pad), "labels": filled("labels", IGNORED), "attention_mask": mask}


def _trainer_of_answers() -> type[Any]:
    """A trainer that computes the output layer for answers alone: it is a quarter of a small model's work.

    Every token of a batch counts the same. Where every example did, the token that decides between a call and the end
    weighed seven times as much in an end, of five tokens, as in a call, of 35, and the model always ended (area under
    the curve 0.47 on held-out plans). Batches are of one length, so that short answers are not lost beside long ones.
    """
    from torch import Tensor, autocast, bfloat16, nn
    from torch.nn.functional import cross_entropy
    from transformers import Trainer

    class AnswerTrainer(Trainer):
        def compute_loss(
            self,
            model: nn.Module,
            inputs: dict[str, Tensor],
            return_outputs: bool = False,
            num_items_in_batch: Tensor | int | None = None,
        ) -> Any:  # noqa: ANN401 - the loss, with outputs where they are wanted
            inner: Any = cast("PeftModel", model).get_base_model()
            labels = inputs["labels"][:, 1:]
            answered = labels != IGNORED
            with autocast(labels.device.type, bfloat16, enabled=self.args.bf16):
                states = inner.model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])[0][:, :-1]
                logits = inner.lm_head(states[answered]).float()
            tokens = cross_entropy(logits, labels[answered], reduction="none")
            loss = tokens.mean() if num_items_in_batch is None else tokens.sum() / num_items_in_batch
            return (loss, {"loss": loss}) if return_outputs else loss

    return AnswerTrainer


def _progress(say: Callable[[str], None]) -> "TrainerCallback":
    from transformers import TrainerCallback

    class ProgressLines(TrainerCallback):
        """Says how far it is, how low the losses are and how long it will take."""

        def __init__(self) -> None:
            self._began, self._first = time.monotonic(), 0

        def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ANN401
            self._began, self._first = time.monotonic(), state.global_step

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:  # noqa: ANN401
            done, whole = state.global_step - self._first, state.max_steps - self._first
            spent = time.monotonic() - self._began
            left = f", {spent / done * (whole - done) / 60:.0f} min left" if done else ""
            told = {"loss": "loss", "eval_loss": "held-out loss"}
            losses = ", ".join(f"{name} {logs[key]:.3f}" for key, name in told.items() if logs and key in logs)
            if losses:
                say(f"step {state.global_step} of {state.max_steps}: {losses}{left}")

    return ProgressLines()


def _in_half_precision(folder: Path) -> None:
    """The adapter in 16 bits: half the size, and the base has no more."""
    import torch
    from safetensors.torch import load_file, save_file

    file = folder / "adapter_model.safetensors"
    save_file({name: one.to(torch.bfloat16).contiguous() for name, one in load_file(file).items()}, file)


def _figures(history: Sequence[Mapping[str, Any]], seconds: float) -> dict[str, float]:
    import resource

    held_out = [entry["eval_loss"] for entry in history if "eval_loss" in entry]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return {
        "loss_before": round(held_out[0], 4),
        "loss_after": round(held_out[-1], 4),
        "seconds": round(seconds),
        "peak_gib": round(peak, 2),
    }


def draw_losses(history: Sequence[Mapping[str, Any]], file: Path) -> None:
    """The loss while training and on held-out examples, by step, as a picture."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for key, label in (("loss", "examples trained on"), ("eval_loss", "held-out examples")):
        points = [(entry["step"], entry[key]) for entry in history if key in entry]
        axes.plot(*zip(*points, strict=True), label=label, marker="o" if key == "eval_loss" else "")
    axes.set_xlabel("step")
    axes.set_ylabel("loss (cross entropy, mean over answered tokens)")
    axes.set_yscale("log")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def _sha256(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def read(path: Path) -> list[Example]:
    """Examples of a file, one JSON object a line."""
    return [Example.model_validate(json.loads(line)) for line in path.read_text("utf-8").splitlines()]
