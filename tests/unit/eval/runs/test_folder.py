"""Run folders and the cache: what survives, what is dropped, what is refused."""

from pathlib import Path

import pytest

from assistant.errors import BadInput
from eval.runs.cache import AnswerCache
from eval.runs.folder import ANSWERS, open_run
from eval.runs.records import CaseAnswer, EvalVariant, RunManifest, TurnAnswer

MANIFEST = RunManifest(
    run="r", suite="s", suite_file="s.yaml", suite_sha256="a", catalogue_sha256="c", cases=["one", "two"],
    variant=EvalVariant(name="assistant"), seed=7,
    configuration={"llm": {}}, prompts={}, models={}, code="f", packages={},
    machine={"cores": 2}, started="2026-01-01T00:00:00+00:00",
)  # fmt: skip


def answer(case: str, **turn: object) -> CaseAnswer:
    return CaseAnswer(case=case, key="k", turns=[TurnAnswer.model_validate({"ranking": ["a"], **turn})])


def test_a_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with open_run(tmp_path, MANIFEST) as folder:
        folder.append(answer("one"))
    later = MANIFEST.model_copy(
        update={"started": "2026-01-02T00:00:00+00:00", "machine": {"cores": 4}, "code": "f with a commit"}
    )
    with open_run(tmp_path, later) as folder:
        assert list(folder.answered) == ["one"]
        assert folder.manifest == MANIFEST
        folder.append(answer("two"))
        folder.finish()
    with open_run(tmp_path, later) as folder:
        assert list(folder.answered) == ["one", "two"]
        assert folder.manifest.finished


@pytest.mark.parametrize("length", [1, 40, -1])
def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path, length: int) -> None:
    file = tmp_path / ANSWERS
    with open_run(tmp_path, MANIFEST) as folder:
        folder.append(answer("one"))
    whole = file.read_bytes()
    file.write_bytes(whole + answer("two").model_dump_json().encode()[:length])
    with open_run(tmp_path, MANIFEST) as folder:
        assert list(folder.answered) == ["one"]
        assert file.read_bytes() == whole
        folder.append(answer("two"))
    with open_run(tmp_path, MANIFEST) as folder:
        assert list(folder.answered) == ["one", "two"]


def test_a_whole_line_that_is_no_answer_is_named(tmp_path: Path) -> None:
    (tmp_path / ANSWERS).write_text("{}\n", "utf-8")
    with pytest.raises(BadInput, match="line 1"), open_run(tmp_path, MANIFEST):
        pass


def test_another_run_of_the_same_name_is_refused(tmp_path: Path) -> None:
    with open_run(tmp_path, MANIFEST):
        pass
    other = MANIFEST.model_copy(update={"seed": 8, "code": "e"})
    with pytest.raises(BadInput, match=r"differs in: seed, code; give another --name"), open_run(tmp_path, other):
        pass


def test_two_processes_do_not_write_one_run(tmp_path: Path) -> None:
    refused = pytest.raises(BadInput, match="Another process")
    with open_run(tmp_path, MANIFEST), refused, open_run(tmp_path, MANIFEST):
        pass


def test_the_cache_gives_an_answer_under_the_asking_cases_id(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path / "cache")
    assert cache.get("k", "one") is None
    cache.put(answer("one"))
    assert cache.get("k", "two") == answer("two").model_copy(update={"cached": True})


def test_a_cache_that_is_not_read_keeps_what_it_is_given(tmp_path: Path) -> None:
    AnswerCache(tmp_path, read=False).put(answer("one"))
    assert AnswerCache(tmp_path, read=False).get("k", "one") is None
    assert AnswerCache(tmp_path).get("k", "one")


def test_the_cache_keeps_no_faults_and_reads_no_damaged_files(tmp_path: Path) -> None:
    cache = AnswerCache(tmp_path)
    cache.put(answer("one", error="It broke."))
    cache.put(answer("one", model_failures=1))
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "k.json").write_text('{"case": "one", "ke', "utf-8")
    assert cache.get("k", "one") is None
