"""Keys of answers: what changes them, and what does not."""

from pathlib import Path
from typing import Any

import pytest

from assistant.settings import load_settings
from eval.runs.answering import ReadyTurn
from eval.runs.manifest import answer_key, make_manifest, run_name, without_secrets
from eval.runs.records import EvalVariant, RunManifest
from eval.runs.variants import BUILT_IN, variant_settings
from eval.suite.records import Case, Suite, Turn

TURN = Turn(text="a chair")
SUITE = Suite(
    suite="s", description="One.", cases=[Case(id="c", tags=["t"], because="It is.", turns=[TURN])], sha256="a"
)


def manifest(variant: EvalVariant = BUILT_IN["assistant"], catalogue: str = "c", **settings: Any) -> RunManifest:  # noqa: ANN401
    configured = variant_settings(variant, load_settings(**settings))
    return make_manifest(SUITE, variant, configured, suite_file="s.yaml", cases=["c"], catalogue_sha256=catalogue)


def key(
    run_manifest: RunManifest, text: str = "a chair", images: tuple[Path, ...] = (), turn: Turn = TURN, times: int = 1
) -> str:
    return answer_key(run_manifest, [ReadyTurn(turn, text, list(images))] * times)


def test_the_same_question_has_the_same_key() -> None:
    assert key(manifest()) == key(manifest())


@pytest.mark.parametrize(
    "changed",
    [
        {"turn": {"rounds": 4}},
        {"turn": {"weights": {"dense": 2.0}}},
        {"llm": {"extra_body": {"temperature": 0.5}}},
        {"llm": {"seed": 8}},
        {"llm": {"model": "another"}},
        {"llm": {"profile": "remote", "model": "qwen2.5-coder-0.5b-instruct", "base_url": "http://elsewhere/v1"}},
        {"speech": {"engine": "openai-whisper"}},
        {"catalogue_language": "de"},
        {"limits": {"message_characters": 3}},
    ],
)
def test_settings_that_matter_change_the_key(changed: dict[str, Any]) -> None:
    assert key(manifest(**changed)) != key(manifest())


def test_places_ports_and_speed_do_not_change_the_key(tmp_path: Path) -> None:
    elsewhere = manifest(
        data=tmp_path,
        run=tmp_path,
        threads=1,
        llm={"port": 9},
        service={"port": 9, "log_level": "debug"},
        models={"hub": False},
    )
    assert key(elsewhere) == key(manifest())


def test_what_is_said_changes_the_key_and_what_is_expected_does_not(tmp_path: Path) -> None:
    run_manifest, photo, other = manifest(), tmp_path / "a.jpg", tmp_path / "b.jpg"
    photo.write_bytes(b"one")
    other.write_bytes(b"one")
    plain, with_photo = key(run_manifest), key(run_manifest, images=(photo,))
    assert (
        len(
            {
                plain,
                with_photo,
                key(run_manifest, text="a table"),
                key(run_manifest, times=2),
                answer_key(run_manifest, [None]),
            }
        )
        == 5
    )
    assert key(run_manifest, images=(other,)) == with_photo, "the bytes count, not the path"
    other.write_bytes(b"two")
    assert key(run_manifest, images=(other,)) != with_photo
    assert key(run_manifest, turn=TURN.model_copy(update={"expect": {"nothing": True}})) == plain


def test_catalogue_variant_prompts_models_and_code_change_the_key(tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / "prompts" / "chat.md").read_text("utf-8")
    (tmp_path / "chat.md").write_text(text + "\nBe brief.\n", "utf-8")
    run_manifest = manifest()
    others = [
        manifest(catalogue="d"),
        manifest(BUILT_IN["unfused"]),
        manifest(EvalVariant(name="p", prompts=str(tmp_path))),
        run_manifest.model_copy(update={"models": run_manifest.models | {"text": "another"}}),
        run_manifest.model_copy(update={"code": "0" * 64}),
        run_manifest.model_copy(update={"packages": run_manifest.packages | {"torch": "0"}}),
    ]
    keys = [key(run_manifest), *map(key, others)]
    assert len(set(keys)) == len(keys)


def test_a_signal_taken_away_changes_the_key_only_where_something_else_is_said(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    photo.write_bytes(b"one")
    assert key(manifest(BUILT_IN["no-photo"])) == key(manifest()), "there was no photo to take away"
    assert key(manifest(BUILT_IN["no-photo"])) != key(manifest(), images=(photo,))
    assert key(manifest(BUILT_IN["no-history"])) == key(manifest()), "a single turn has no history"
    assert key(manifest(BUILT_IN["no-history"]), times=2) != key(manifest(), times=2)
    assert key(manifest(BUILT_IN["no-llm-rank"])) != key(manifest())


def test_the_commit_and_the_variants_name_do_not_change_the_key() -> None:
    run_manifest = manifest()
    code = run_manifest.code.partition(" ")[0]
    assert key(run_manifest.model_copy(update={"code": f"{code} {'1' * 40}"})) == key(run_manifest)
    assert key(manifest(EvalVariant(name="mine"))) == key(run_manifest)


def test_what_asks_no_model_does_not_depend_on_it(tmp_path: Path) -> None:
    changed = manifest(BUILT_IN["bm25"], llm={"model": "another", "call_seconds": 1.0})
    assert key(changed) == key(manifest(BUILT_IN["bm25"]))
    assert key(manifest(BUILT_IN["random"], llm={"seed": 8})) != key(manifest(BUILT_IN["random"]))


def test_runs_are_named_by_all_that_makes_them() -> None:
    run_manifest = manifest()
    others = [manifest(BUILT_IN["bm25"]), manifest(turn={"rounds": 3}), manifest(catalogue="d")]
    names = [
        run_name(run_manifest, ["k"]),
        run_name(manifest(BUILT_IN["no-photo"]), ["k"]),
        run_name(run_manifest, ["l"]),
        *(run_name(other, ["k"]) for other in others),
    ]
    assert len(set(names)) == len(names)
    assert names[0].startswith("s-assistant-")
    assert run_name(manifest(service={"port": 9}), ["k"]) == names[0]


def test_secrets_are_left_out() -> None:
    settings = load_settings(
        chroma_url="http://me:hush-hush@chroma:1",
        llm={
            "profile": "remote", "model": "m", "base_url": "http://me:hush-hush@there/v1", "api_key": "hush-hush",
            "extra_args": ["--api-key", "hush-hush", "--api-key=hush-hush", "--seed", "7"],
        },
    )  # fmt: skip
    cleaned = without_secrets(settings)
    assert "hush-hush" not in str(cleaned)
    assert cleaned["llm"]["base_url"] == "http://there/v1"
    assert cleaned["llm"]["extra_args"][-2:] == ["--seed", "7"]
