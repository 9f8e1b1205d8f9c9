"""The built-in suites over the sample catalogue: every item and photo that they name is there, and prices hold."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant.settings import load_settings
from eval.runs.parts import run_whole
from eval.runs.reading import read_run
from eval.runs.variants import parse_variant
from eval.sample import sample_folder
from eval.suite.catalogue import suite_items
from eval.suite.check import check_against
from eval.suite.load import load_whole
from eval.suite.records import Expectation, Suite

pytestmark = pytest.mark.models

FOLDER = Path(__file__).parents[3] / "eval" / "data" / "suites"
NAMES = ("shop", "shop-dev", "smoke")
CENT = 0.011


def suite_of(name: str) -> Suite:
    return Suite.model_validate(yaml.safe_load((FOLDER / f"{name}.yaml").read_text("utf-8")))


def catalogue_of(suite: Suite) -> dict[str, dict[str, Any]]:
    """The sample's lines by id, with the suite's changes laid over them."""
    items: dict[str, dict[str, Any]] = {}
    files = [sample_folder(load_settings()) / "products.jsonl", *([FOLDER / suite.changes] if suite.changes else [])]
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            changed = json.loads(line)
            items[changed["id"]] = items.get(changed["id"], {}) | changed
    return items


def keeps(item: dict[str, Any], constraints: dict[str, Any]) -> bool:
    """Whether an item keeps what can be read off its line: price bounds, brands, category and stock."""
    price = item.get("price")
    return (
        ("max_price" not in constraints or (price is not None and price <= constraints["max_price"] + CENT))
        and ("min_price" not in constraints or (price is not None and price >= constraints["min_price"] - CENT))
        and ("brands" not in constraints or item.get("brand") in constraints["brands"])
        and item.get("brand") not in constraints.get("exclude_brands", [])
        and ("categories" not in constraints or item["category"].split(" > ")[-1] in constraints["categories"])
        and item["category"].split(" > ")[-1] not in constraints.get("exclude_categories", [])
        and (not constraints.get("in_stock") or item.get("in_stock") is True)
    )


def named_items(expect: Expectation) -> set[str]:
    pairs = {item for pair in expect.order for item in pair}
    return {*expect.first, *expect.must, *expect.any, *expect.never, *expect.relevant, *pairs}


@pytest.mark.parametrize("name", NAMES)
def test_every_item_named_is_in_the_catalogue_and_every_photo_taken_from_one_with_photos(name: str) -> None:
    suite = suite_of(name)
    items = catalogue_of(suite)
    for case in suite.cases:
        for turn in case.turns:
            assert named_items(turn.expect) - set(items) == set(), case.id
            assert [p.of for p in turn.pictures if p.of and not items[p.of].get("images")] == [], case.id


@pytest.mark.parametrize("name", NAMES)
def test_every_graded_item_keeps_the_constraints_of_its_turn(name: str) -> None:
    suite = suite_of(name)
    items = catalogue_of(suite)
    for case in suite.cases:
        for turn in case.turns:
            constraints = turn.expect.constraints or {}
            assert [i for i in turn.expect.relevant if not keeps(items[i], constraints)] == [], case.id


@pytest.mark.parametrize("name", ["talks", "harmless", "media"])
def test_suites_of_parts_fit_their_catalogues(name: str) -> None:
    for part in load_whole(name).parts:
        check_against(part, suite_items(part, load_settings()))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the models and the sample, in which the suites' catalogues are ingested once."""
    folder = tmp_path_factory.mktemp("home")
    for linked in ("models", "sample"):
        (folder / linked).symlink_to((load_settings().home / linked).expanduser().absolute())
    return folder


@pytest.mark.parametrize(("name", "cases"), [("talks", 6), ("harmless", 20)])
def test_a_few_cases_are_answered_without_a_language_model(name: str, cases: int, home: Path) -> None:
    suite = load_whole(name)
    every = [case.id for part in suite.parts for case in part.cases[:: len(suite.cases) // cases]]
    folder, scores, cached = run_whole(suite, parse_variant("fusion"), load_settings(home=home), only=every[:cases])
    assert (len(scores.cases), cached) == (cases, 0)
    assert not [check for case in scores.cases for check in case.checks if check.kind == "answered" and not check.ok]
    assert [case.id for case in read_run(folder).cases.values()] == [score.case for score in scores.cases]
    again, same, _ = run_whole(suite, parse_variant("fusion"), load_settings(home=home), only=every[:cases])
    assert (again, same) == (folder, scores)
