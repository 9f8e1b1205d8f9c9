"""The model files themselves: whole, the same in every form, and loaded by what loads them."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from assistant.models import ensure_present, needed
from assistant.models.convert_whisper import read_ct2
from assistant.models.names import DEFAULT_MODELS
from assistant.models.registry import load_registry
from assistant.models.store import check
from assistant.settings import Settings, load_settings, project_folder
from tools.engines.text import TextEncoder

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings()


@pytest.fixture(scope="module")
def llm(settings: Settings) -> Path:
    """The default language model's folder; both Qwens share their tokenizer."""
    return ensure_present(settings, DEFAULT_MODELS["cpu"])


def test_every_needed_model_is_what_its_manifest_says(settings: Settings) -> None:
    registry = load_registry(settings)
    problems = {name: check(settings, name, registry.get(name)) for name in needed(settings)}
    assert problems == dict.fromkeys(problems)
    assert len(problems) >= 3


def test_both_forms_of_whisper_hold_the_same_numbers(settings: Settings) -> None:
    folder = ensure_present(settings, "whisper-base")
    variables = read_ct2(folder / "ct2" / "model.bin")
    checkpoint = torch.load(folder / "openai" / "base.pt", weights_only=True)
    state = checkpoint["model_state_dict"]
    assert checkpoint["dims"]["n_vocab"] == 51865
    fused = variables["encoder/layer_5/self_attention/linear_0/weight"]
    pair = variables["decoder/layer_3/attention/linear_1/bias"]
    for name, rows in {
        "encoder.blocks.5.attn.query.weight": fused[:512],
        "encoder.blocks.5.attn.value.weight": fused[1024:],
        "decoder.blocks.3.cross_attn.value.bias": pair[512:],
        "decoder.token_embedding.weight": variables["decoder/embeddings/weight"],
        "encoder.conv1.weight": variables["encoder/conv1/weight"],
    }.items():
        np.testing.assert_array_equal(state[name].numpy(), rows)


def test_openai_whisper_loads_its_form(settings: Settings) -> None:
    import whisper

    model = whisper.load_model(str(ensure_present(settings, "whisper-base") / "openai" / "base.pt"), device="cpu")
    assert model.is_multilingual
    assert model.encoder.positional_embedding.shape == (1500, 512)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Hello, world!", [9707, 11, 1879, 0]),
        ("你好，世界！不超过60美元", [108386, 3837, 99489, 6313, 106070, 21, 15, 101237]),
        ("<|im_start|>user\n<tool_call>x</tool_call><|im_end|>", [151644, 872, 198, 151657, 87, 151658, 151645]),
        ("don't  \n\n 1234 é", [15007, 944, 18611, 220, 16, 17, 18, 19, 3958]),
    ],
)
def test_tokens_of_the_language_model_are_qwens(llm: Path, text: str, ids: list[int]) -> None:
    tokenizer = Tokenizer.from_file(str(llm / "tokenizer.json"))
    assert tokenizer.encode(text).ids == ids
    assert tokenizer.decode(ids, skip_special_tokens=False) == text


def test_language_model_knows_where_to_stop(llm: Path) -> None:
    generation = json.loads((llm / "generation_config.json").read_text())
    assert generation["eos_token_id"] == [151645, 151643]
    config = json.loads((llm / "config.json").read_text())
    assert (config["tie_word_embeddings"], config["vocab_size"]) == (True, 151936)
    assert "<tool_call>" in json.loads((llm / "tokenizer_config.json").read_text())["chat_template"]


def test_language_model_answers_and_stops(llm: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(llm)
    model = AutoModelForCausalLM.from_pretrained(llm, dtype=torch.bfloat16)
    question = [{"role": "user", "content": "What is the capital of France? Answer in one short sentence."}]
    prompt = tokenizer.apply_chat_template(question, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    reply = model.generate(**prompt, max_new_tokens=24, do_sample=False)[0, prompt["input_ids"].shape[1] :]
    assert "Paris" in tokenizer.decode(reply)
    assert reply[-1] == tokenizer.convert_tokens_to_ids("<|im_end|>")


@pytest.mark.vllm
def test_environment_of_vllm_reads_the_same_tokens(settings: Settings, llm: Path) -> None:
    python = settings.llm.python or project_folder() / ".venv-vllm" / "bin" / "python"
    script = (
        "import json, sys; from transformers import AutoConfig, AutoTokenizer\n"
        "t = AutoTokenizer.from_pretrained(sys.argv[1]); c = AutoConfig.from_pretrained(sys.argv[1])\n"
        "ids = t.apply_chat_template([{'role': 'user', 'content': '你好'}], add_generation_prompt=True)\n"
        "ids = ids if isinstance(ids, list) else ids['input_ids']\n"
        "print(json.dumps([ids[-9:], t.eos_token, c.architectures, c.tie_word_embeddings]))"
    )
    answer = subprocess.run([python, "-c", script, llm], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout.splitlines()[-1]) == [
        [151644, 872, 198, 108386, 151645, 198, 151644, 77091, 198],
        "<|im_end|>",
        ["Qwen2ForCausalLM"],
        True,
    ]
    assert "incorrect regex" not in answer.stderr


def test_classifier_loads_into_timm(settings: Settings) -> None:
    import timm
    from safetensors.torch import load_file

    folder = ensure_present(settings, "efficientnet-lite2")
    config = json.loads((folder / "config.json").read_text())
    model = timm.create_model(config["architecture"], pretrained=False)
    model.load_state_dict(load_file(folder / "model.safetensors"))
    assert (config["num_classes"], config["input_size"], config["mean"]) == (1000, [3, 260, 260], [0.5, 0.5, 0.5])
    with torch.no_grad():
        assert model.eval()(torch.zeros(1, 3, 260, 260)).shape == (1, 1000)


def test_text_encoder_knows_a_jacket_from_a_pan(settings: Settings) -> None:
    model = TextEncoder(ensure_present(settings, settings.text.model))
    [query] = model.encode(["a warm coat"], purpose="query")
    near, far = model.encode(["winter jacket with a hood", "cast-iron frying pan"])
    assert query @ near > query @ far + 0.1
