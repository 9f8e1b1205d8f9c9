"""Suites from files: what is taken, and each kind of mistake told with file, line and what to do."""

import json
from pathlib import Path

import pytest

from assistant.errors import BadInput
from eval.suite import load
from eval.suite.load import SuiteError, known_suites, load_suite

GOOD = """\
suite: shop
description: A shop.
cases:
  - id: chair
    tags: [text, price]
    because: its price
    turns:
      - text: a chair under 100
        expect:
          intent: recommend
          constraints: {max_price: 100}
      - text: cheaper
  - id: lamp
    tags: [text]
    because: its colour
    turns:
      - text: a lamp
"""


def write_file(folder: Path, text: str, name: str = "shop.yaml") -> str:
    path = folder / name
    path.write_text(text, "utf-8")
    return str(path)


def refusal(folder: Path, text: str, name: str = "shop.yaml") -> str:
    with pytest.raises(BadInput) as caught:
        load_suite(write_file(folder, text, name))
    return str(caught.value).replace(f"{folder}/", "")


def test_yaml_and_json_lines_give_the_same_suite(tmp_path: Path) -> None:
    suite = load_suite(write_file(tmp_path, GOOD))
    head, *cases = [{"suite": "shop", "description": "A shop."}, *(case.model_dump() for case in suite.cases)]
    lines = "\n\n".join(json.dumps(each) for each in [head, *cases])
    same = load_suite(write_file(tmp_path, "\ufeff" + lines, "shop.jsonl"))
    assert same.model_dump(exclude={"sha256"}) == suite.model_dump(exclude={"sha256"})
    assert suite.folder == str(tmp_path)
    assert [len(case.turns) for case in suite.cases] == [2, 1]


def test_the_hash_is_the_files(tmp_path: Path) -> None:
    first = load_suite(write_file(tmp_path, GOOD)).sha256
    assert load_suite(write_file(tmp_path, GOOD + "# a remark\n")).sha256 != first


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("intent: recommend", "intent: buy", 'shop.yaml:10: case "chair": turns.0.expect.intent: input should be'),
        (
            "intent: recommend",
            "wish: buy",
            'shop.yaml:10: case "chair": turns.0.expect.wish: there is no such key; known',
        ),
        (
            "text: cheaper",
            "video: [{shots: [{}]}]\n        expect: {moments: [{item: chair, start: 3, end: 1}]}",
            "turns.1.expect.moments.0: the end, 1, lies before the start, 3",
        ),
        ("text: cheaper", "text: ''", 'shop.yaml:12: case "chair": turns.1: a turn has text, pictures, voice or video'),
        ("text: cheaper", "text: 3", "turns.1.text: input should be a valid string, not 3; put it in quotes"),
        ("    because: its colour\n", "", 'shop.yaml:13: case "lamp": because: it is needed and not there'),
        (
            "id: lamp",
            "id: chair",
            'shop.yaml:13: case "chair": id: the case in line 4 has the same id; give it another',
        ),
        ("id: lamp", "id: A lamp", 'shop.yaml:13: case "A lamp": id: string should match pattern'),
        ("id: lamp", "name: lamp", "shop.yaml:13: case 2: id: it is needed and not there"),
        ("suite: shop", "suite: My Shop", "shop.yaml:1: suite: string should match pattern"),
        (
            "suite: shop",
            "suite: shop\nowner: me",
            "shop.yaml:2: owner: there is no such key; known: suite, description",
        ),
        ("text: a lamp", "text: [", "shop.yaml:18: not valid YAML"),
        ("text: a lamp", "text: this: that", "shop.yaml:17: not valid YAML: mapping values are not allowed"),
        ("text: a lamp", "text: 2024-13-45", "shop.yaml:17: '2024-13-45' cannot be read"),
        ("text: a lamp", "text: !!python/name:os.system", "shop.yaml:17: not valid YAML: could not determine"),
        ("text: a lamp", "text: a\n        text: b", "shop.yaml:18: the key 'text' stands here a second time"),
        ("text: a lamp", "? [a, b]\n        : c", "shop.yaml:17: a key should be a word"),
    ],
)
def test_mistakes_are_told_with_file_line_and_what_to_do(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert message in refusal(tmp_path, GOOD.replace(old, new))


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    broken = GOOD.replace("intent: recommend", "intent: buy").replace("text: a lamp", "txt: a lamp")
    with pytest.raises(SuiteError) as caught:
        load_suite(write_file(tmp_path, broken))
    assert [problem.split(": ")[1] for problem in caught.value.problems] == ['case "chair"', 'case "lamp"']


def test_many_mistakes_are_shown_in_part(tmp_path: Path) -> None:
    cases = "".join(f"  - {{id: case-{n}}}\n" for n in range(30))
    message = refusal(tmp_path, f"suite: shop\ndescription: A shop.\ncases:\n{cases}")
    assert len(message.splitlines()) == load.SHOWN_PROBLEMS + 1
    assert message.endswith("... and 70 more")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "shop.yaml:1: a suite is a mapping"),
        ("- a\n- b\n", "shop.yaml:1: a suite is a mapping"),
        ("suite: shop\ndescription: A shop.\n", "shop.yaml:1: cases: a suite needs a list of at least one case"),
        ("suite: shop\ndescription: A shop.\ncases: []\n", "shop.yaml:3: cases: a suite needs"),
        ("suite: shop\ndescription: A shop.\ncases: [5]\n", "shop.yaml:3: case 1: input should be"),
        ("suite: shop\n---\nsuite: two\n", "shop.yaml:2: not valid YAML: but found another document"),
        ("suite: &name shop\ndescription: *name\n", "shop.yaml:2: the alias *name is not taken; write out"),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "shop.yaml:2: the alias *a is not taken"),
        ("suite: " + "[" * 200 + "]" * 200, "shop.yaml:1: nested too deeply to be a suite"),
        ("suite: " + "[" * 200_000, "shop.yaml:1: nested too deeply to be a suite"),
        ("suite: \x07\n", "not valid YAML"),
    ],
)
def test_what_is_no_suite_at_all_is_refused(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n\n", "shop.jsonl is empty"),
        ('{"suite": "shop"\n', "shop.jsonl:1: not valid JSON"),
        ("{}\n\n[]\n", "shop.jsonl:3: should be a JSON object"),
        ('{"suite": "a", "suite": "b"}\n', "shop.jsonl:1: the key 'suite' stands there a second time"),
        ('{"suite": "a", "cases": []}\n', "shop.jsonl:1: in JSON lines the cases stand on lines of their own"),
        ('{"suite": "shop", "description": "d"}\n\n{"id": "a"}\n', 'shop.jsonl:3: case "a": tags: it is needed'),
        ("[" * 100_000, "shop.jsonl is nested too deeply"),
    ],
)
def test_mistakes_in_json_lines_are_told_with_their_line(tmp_path: Path, text: str, message: str) -> None:
    assert message in refusal(tmp_path, text, "shop.jsonl")


def test_a_file_of_another_encoding_or_ending_or_size_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes("suite: shop\ndescription: für\n".encode("latin-1"))
    with pytest.raises(BadInput, match=r"shop\.yaml:2: not UTF-8 \(byte 0xfc\); save the file as UTF-8"):
        load_suite(str(path))
    with pytest.raises(BadInput, match=r"should end in \.yaml or \.jsonl"):
        load_suite(write_file(tmp_path, GOOD, "shop.txt"))
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load_suite(str(tmp_path / "none.yaml"))
    monkeypatch.setattr("eval.suite.marked.MAX_BYTES", 2**20)
    with pytest.raises(BadInput, match="more than 1 MB; split it"):
        load_suite(write_file(tmp_path, "#" * (2**20 + 1)))


def test_built_in_suites_are_known_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "BUILT_IN", tmp_path)
    write_file(tmp_path, GOOD)
    assert load_suite("shop").suite == "shop"
    [info] = known_suites()
    assert (info.name, info.cases, info.turns, info.tags) == ("shop", 2, 3, {"price": 1, "text": 2})
    with pytest.raises(BadInput, match="There is no suite 'ship'; known: shop; or give the path"):
        load_suite("ship")
