"""Runs are found by name or path and read back whole, or refused in one sentence."""

from pathlib import Path

import pytest

from assistant.errors import BadInput
from eval.runs.reading import read_run, run_folder
from tests.unit.eval.made_runs import Made, make_run


def test_a_name_is_looked_up_among_the_runs_and_a_path_is_taken_as_it_is(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    make_run(runs / "quick", [Made("one")])
    elsewhere = make_run(tmp_path / "elsewhere", [Made("one")]).folder
    assert run_folder("quick", runs) == runs / "quick"
    assert run_folder(str(elsewhere), runs) == elsewhere


@pytest.mark.parametrize("name", ["..", ".", "", "a\x00b", "..\\up", "~", "-x"])
def test_a_name_never_leads_out_of_the_runs(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput, match="is no name of a run"):
        run_folder(name, tmp_path)


def test_a_link_is_not_followed_by_name(tmp_path: Path) -> None:
    make_run(tmp_path / "elsewhere", [Made("one")])
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match="link is a link"):
        run_folder("link", tmp_path / "runs")


def test_a_missing_run_names_the_ones_that_are_there(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "quick", [Made("one")])
    with pytest.raises(BadInput, match=r"There is no run slow\. Known: quick\."):
        run_folder("slow", tmp_path / "runs")
    with pytest.raises(BadInput, match="assistant eval run makes one"):
        run_folder("slow", tmp_path / "none")


def test_a_half_finished_run_says_how_far_it_got(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", [Made("one"), Made("two")]).folder
    lines = (folder / "answers.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "answers.jsonl").write_text(lines[0] + lines[1][:40], encoding="utf-8")
    with pytest.raises(BadInput, match="has not ended: 1 of 2 cases are answered"):
        read_run(folder)
    (folder / "answers.jsonl").unlink()
    with pytest.raises(BadInput, match="has not ended: 0 of 2"):
        read_run(folder)


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    folder = make_run(tmp_path / "run", [Made("one")]).folder
    (folder / "scores.json").write_text('{"run": "run"}', encoding="utf-8")
    with pytest.raises(BadInput, match=r"scores\.json can't be read: suite: Field required"):
        read_run(folder)
    (folder / "scores.json").unlink()
    with pytest.raises(BadInput, match="is answered but not scored"):
        read_run(folder)
    (folder / "answers.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(BadInput, match=r"answers\.jsonl, line 1 can't be read"):
        read_run(folder)
    (folder / "manifest.json").unlink()
    with pytest.raises(BadInput, match="run is not a run"):
        read_run(folder)


def test_words_with_line_separators_of_unicode_stay_in_one_line(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", [Made("one", text="black\u2028shoes\x85please")])
    assert run.cases["one"].turns[0].text == "black\u2028shoes\x85please"
    assert run.content("one") is not None
    assert run.content("two") is None
