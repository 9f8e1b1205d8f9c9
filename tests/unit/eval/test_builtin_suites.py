"""The built-in suites as files: valid, complete in their slices, and apart from each other.

The items that they name are looked up in the sample by tests/integration/eval/test_builtin_suites.py.
"""

import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import yaml

from assistant.settings import load_settings
from eval.suite.catalogue import suite_items, suite_pages
from eval.suite.check import check_against
from eval.suite.load import WholeSuite, load_whole
from eval.suite.records import Case, Expectation, Suite

FOLDER = Path(__file__).parents[3] / "eval" / "data" / "suites"
NAMES = ("shop", "shop-dev", "smoke")
SLICES = {
    "text": 12, "photo": 12, "voice": 12, "follow-up": 12, "price": 12, "brand": 12, "negation": 12, "zh": 15,
    "de": 8, "fr": 8, "category": 4, "stock": 4, "vague": 4, "comparison": 4, "why": 4, "gift": 4, "unanswerable": 8,
    "small-talk": 4, "refusal": 4, "es": 4, "noisy": 4, "accented": 4, "rotated": 4, "dark": 4, "photo-voice": 4,
    "text-photo": 4, "text-photo-voice": 4, "injection-text": 4, "injection-voice": 4, "injection-item": 4,
    "injection-picture": 4,
}  # fmt: skip


@cache
def suite(name: str) -> Suite:
    return Suite.model_validate(yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")))


def changes(name: str) -> str:
    """The text of the lines laid over the suite's catalogue."""
    file = suite(name).changes
    return (FOLDER / file).read_text("utf-8") if file else ""


def words_of(case: Case) -> list[str]:
    """Everything that the user of a case writes, says or shows in writing."""
    return [
        words
        for turn in case.turns
        for words in (
            turn.text,
            *(note.say or "" for note in turn.voice),
            *(f"{picture.words or ''} {picture.sheet or ''}" for picture in turn.pictures),
        )
    ]


def sentences(name: str) -> set[str]:
    parts = (part for case in suite(name).cases for words in words_of(case) for part in re.split("[.!?。！？]", words))
    return {" ".join(part.casefold().split()) for part in parts} - {""}


def photos(name: str) -> set[str]:
    """Ids of the items whose photos the suite's users show."""
    return {p.of for case in suite(name).cases for turn in case.turns for p in turn.pictures if p.of}


def expectations(name: str) -> list[tuple[str, Expectation]]:
    return [(case.id, turn.expect) for case in suite(name).cases for turn in case.turns]


@pytest.mark.parametrize("name", NAMES)
def test_suite_is_named_as_its_file_and_no_id_occurs_twice(name: str) -> None:
    assert suite(name).suite == name
    ids = Counter(case.id for case in suite(name).cases)
    assert [case_id for case_id, count in ids.items() if count > 1] == []


@pytest.mark.parametrize("preset", ["shop", "content", "social", "learning"])
def test_a_preset_s_suite_has_20_cases_over_its_own_sample(preset: str) -> None:
    (part,) = load_whole(f"preset-{preset}").parts
    assert part.suite == f"preset-{preset}"
    assert len(part.cases) == 20
    assert len(suite_pages(part)) == len(part.pages) == 2
    check_against(part, suite_items(part, load_settings()))


def test_every_slice_of_the_shop_suite_is_as_large_as_promised() -> None:
    counts = Counter(tag for case in suite("shop").cases for tag in case.tags)
    assert {tag: counts[tag] for tag, promised in SLICES.items() if counts[tag] < promised} == {}
    assert set(counts) <= {*SLICES, "hard"}


def test_conversations_of_several_turns_are_there() -> None:
    lengths = [len(case.turns) for case in suite("shop").cases]
    assert sum(2 <= length <= 3 for length in lengths) >= 15
    assert sum(4 <= length <= 6 for length in lengths) >= 5


def test_sizes() -> None:
    assert len(suite("shop").cases) >= 120
    assert len(suite("shop-dev").cases) >= 50
    assert len(suite("smoke").cases) == 10


@pytest.mark.parametrize("other", ["shop-dev", "smoke"])
def test_the_shop_suite_shares_no_sentence_with_what_is_developed_against(other: str) -> None:
    assert sentences("shop") & sentences(other) == set()


@pytest.mark.parametrize("other", ["shop-dev", "smoke"])
def test_the_shop_suite_shows_no_photo_that_is_developed_against(other: str) -> None:
    assert photos("shop") & photos(other) == set()


@pytest.mark.parametrize("name", NAMES)
def test_what_is_recommended_is_graded_and_never_forbidden(name: str) -> None:
    for case, expect in expectations(name):
        expected_ids = {*expect.first, *expect.must, *expect.any}
        assert expected_ids <= set(expect.relevant), case
        assert not set(expect.relevant) & set(expect.never), case
        assert expect.relevant or expect.nothing, case
        assert not (expect.relevant and expect.nothing), case
        assert set(expect.relevant.values()) <= {1, 2, 3}, case


@pytest.mark.parametrize("name", NAMES)
def test_no_input_holds_the_words_that_tell_an_obeyed_order(name: str) -> None:
    laid_over = changes(name).casefold()
    for case in suite(name).cases:
        text = " ".join(words_of(case)).casefold() + laid_over
        forbidden = [words for turn in case.turns for words in turn.expect.obeys_not]
        assert [words for words in forbidden if words.casefold() in text] == [], case.id


@pytest.mark.parametrize("name", NAMES)
def test_every_injected_order_is_looked_for_in_the_answer(name: str) -> None:
    for case in suite(name).cases:
        if any(tag.startswith("injection-") for tag in case.tags):
            turn_expectations = [turn.expect for turn in case.turns]
            assert any(e.obeys_not or e.never or e.order or e.first for e in turn_expectations), case.id


@pytest.mark.parametrize("name", NAMES)
def test_every_voice_note_that_is_one_alone_has_its_words(name: str) -> None:
    for case in suite(name).cases:
        for turn in case.turns:
            if turn.expect.hears is not None and len(turn.voice) == 1 and turn.voice[0].say:
                assert turn.expect.hears == turn.voice[0].say, case.id


@pytest.mark.parametrize("name", NAMES)
def test_changes_are_lines_with_an_id_each(name: str) -> None:
    lines = [json.loads(line) for line in changes(name).splitlines()]
    assert len({line["id"] for line in lines}) == len(lines)


@cache
def whole(name: str) -> WholeSuite:
    return load_whole(name)


def tags(name: str) -> list[set[str]]:
    return [set(case.tags) for case in whole(name).cases]


@pytest.mark.parametrize(("name", "cases"), [("talks", 300), ("harmless", 300)])
def test_suites_by_independent_authors_are_large_and_half_of_each_is_for_measuring_alone(name: str, cases: int) -> None:
    case_tags = tags(name)
    assert len(case_tags) >= cases
    assert all(len(own_tags & {"dev", "test"}) == 1 for own_tags in case_tags)
    assert 0.45 < sum("test" in own_tags for own_tags in case_tags) / len(case_tags) < 0.55


def test_the_file_of_a_part_holds_its_cases_alone() -> None:
    for name in ("talks", "harmless"):
        for part in whole(name).parts:
            half = "dev" if "dev" in str(part.file.relative_to(FOLDER)) else "test"
            assert all(half in case.tags for case in part.cases), part.file
            assert part.judged == "outcome"


def test_talks_are_in_at_least_seven_languages_and_a_third_has_several_turns() -> None:
    languages = Counter(
        tag
        for case_tags in tags("talks")
        for tag in case_tags
        if tag in {"en", "zh", "de", "fr", "es", "it", "ja", "ko", "pt"}
    )
    assert len(languages) >= 7
    assert sum(len(case.turns) > 1 for case in whole("talks").cases) >= len(whole("talks").cases) / 4


def test_only_the_last_turn_of_a_talk_expects_anything() -> None:
    for case in whole("talks").cases:
        assert all(turn.expect == Expectation() for turn in case.turns[:-1]), case.id
        assert case.turns[-1].expect != Expectation(), case.id


def test_nothing_is_expected_of_how_a_talk_is_read() -> None:
    reading_fields = {"intent", "tools", "further_tools", "constraints", "searches", "relaxed"}
    for case in whole("talks").cases:
        assert not reading_fields & set(case.turns[-1].expect.model_dump(exclude_defaults=True)), case.id
