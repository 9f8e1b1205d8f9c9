"""Marked messages, and how what is masked is held against them."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from assistant.errors import BadInput
from assistant.privacy.recognizing import Personal
from eval.cli import app
from eval.research.privacy.masking import MaskingFigures, MaskingOutcome, measure, read_lines


def written(folder: Path, *lines: str) -> Path:
    path = folder / "messages.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    return path


def figure(outcome: MaskingOutcome, kind: str, language: str = "all") -> MaskingFigures:
    (found,) = [one for one in outcome.figures if (one.kind, one.language) == (kind, language)]
    return found


def test_marks_are_taken_out_and_remembered(tmp_path: Path) -> None:
    path = written(tmp_path, '{"language": "en", "text": "I am <name>Bo</name>, <phone>1 < 2</phone>!"}')
    (line,) = read_lines(path)
    assert line.text == "I am Bo, 1 < 2!"
    assert [(one.kind, line.text[one.start : one.end]) for one in line.marked] == [("name", "Bo"), ("phone", "1 < 2")]


@pytest.mark.parametrize(
    "row", ["", "{", '{"text": "a"}', '{"language": "en", "text": "<shoe>a</shoe>"}', '{"language": "en", "text": 1}']
)
def test_a_wrong_line_is_named(tmp_path: Path, row: str) -> None:
    path = written(tmp_path, '{"language": "en", "text": "a"}', row or "[]")
    with pytest.raises(BadInput, match="line 2"):
        read_lines(path)


def test_a_stretch_is_found_only_whole_and_masked_rightly_only_within_marks(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        '{"language": "en", "text": "<name>Anna Bell</name> likes tea"}',
        '{"language": "zh", "text": "<phone>123</phone>"}',
        '{"language": "zh", "text": "42"}',
    )

    def finder(text: str) -> list[Personal]:
        ends = {"Anna Bell likes tea": 4, "123": 3, "42": 2}
        return [Personal(kind="name" if len(text) > 3 else "phone", start=0, end=ends[text])]

    outcome = measure(read_lines(path), finder)
    assert (outcome.lines, outcome.without) == (3, 1)
    assert (figure(outcome, "name").recall, figure(outcome, "name").precision) == (0.0, 1.0)
    assert (figure(outcome, "phone").recall, figure(outcome, "phone").precision) == (1.0, 0.5)
    assert (figure(outcome, "all").recall, figure(outcome, "all").precision) == (0.5, pytest.approx(2 / 3))
    assert figure(outcome, "phone", "en").recall is None
    assert outcome.missed == ["name: “Anna Bell” in “Anna Bell likes tea”"]
    assert outcome.wrong == ["phone: “42” in “42”"]


def test_the_messages_of_the_repository_are_half_without_personal_data_in_two_languages() -> None:
    lines = read_lines()
    assert len(lines) >= 120
    assert {line.language for line in lines} == {"en", "zh"}
    assert 0.4 < sum(not line.marked for line in lines) / len(lines) < 0.6
    assert len({line.text for line in lines}) == len(lines)


def test_what_has_a_checksum_or_a_numbering_plan_is_found_and_nothing_else_is_touched() -> None:
    outcome = measure(read_lines())
    for kind in ("email", "phone", "card", "iban", "ip", "id_number", "account"):
        assert figure(outcome, kind).recall == 1, kind
    assert figure(outcome, "all").precision == 1
    assert outcome.harmed == []


def test_the_command_prints_recall_and_precision_by_kind_and_language(tmp_path: Path) -> None:
    path = written(tmp_path, '{"language": "en", "text": "write to <email>a@example.com</email> or <name>Bo</name>"}')
    shown = CliRunner().invoke(app, ["privacy", str(path)])
    assert shown.exit_code == 0
    assert "en        email         1.000      1/1      1.000" in shown.stdout
    assert "Missed: 1\n  name: “Bo”" in shown.stdout
    told = CliRunner().invoke(app, ["privacy", str(path), "--json"])
    assert MaskingOutcome.model_validate_json(told.stdout).missed == ["name: “Bo” in “write to a@example.com or Bo”"]
