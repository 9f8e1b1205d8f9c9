"""The Grafana dashboard asks for measures that the service has, and for all of them but those listed here."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from assistant.llm.profiles import Endpoint
from assistant.llm.replicas import Replicas
from assistant.service.telemetry.metrics import Measures

ROOT = Path(__file__).resolve().parents[3]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "docs" / "examples" / "grafana.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
EXPRESSIONS = [target["expr"] for panel in PANELS for target in panel["targets"]]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

LEFT_OUT = {
    "process_virtual_memory_bytes": "says nothing of what the process uses",
    "python_info": "a version",
    "python_gc_objects_collected_total": "the collections are shown",
    "python_gc_objects_uncollectable_total": "always nought",
}
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "gauge": ("",)}
OF_THE_SCRAPE = {"job", "instance", "le"}


@pytest.fixture
def registry() -> CollectorRegistry:
    measures = Measures()
    measures.follow(SimpleNamespace(active=0, streams=0), Replicas([Endpoint("http://a/v1", "m", "none")]))  # type: ignore[arg-type]
    measures.close()
    measures._tasks.set_function(lambda: 0)  # else it counts those of a running loop
    return measures.registry


def exported(registry: CollectorRegistry) -> dict[str, set[str]]:
    """By family, the names of its series."""
    families = list(registry.collect())
    return {family.name: {family.name + end for end in SUFFIXES[family.type]} for family in families}


def named(expression: str) -> set[str]:
    return set(re.findall(r"\b(?:assistant|process|python)_\w+", expression))


def test_every_measure_in_it_is_exported_and_every_exported_one_is_in_it_or_left_out(
    registry: CollectorRegistry,
) -> None:
    families = exported(registry)
    shown = {name for expression in EXPRESSIONS for name in named(expression)}
    series = set().union(*families.values())
    assert shown <= series
    assert not shown & set(LEFT_OUT)
    missing = [family for family, names in families.items() if not names & (shown | set(LEFT_OUT))]
    assert missing == []
    assert set(LEFT_OUT) <= series


def _quoted(text: str) -> list[str]:
    return re.findall(r"`(\w+)`", text)


def test_every_label_in_it_is_one_of_the_measure(registry: CollectorRegistry) -> None:
    rows = re.findall(r"^\| (`assistant_.+?) \| (.*?) ?\|$", OPERATIONS, re.MULTILINE)
    documented = {name: set(re.findall(r"`(\w+)`", labels)) for names, labels in rows for name in _quoted(names)}
    for expression in EXPRESSIONS:
        grouped = {label.strip() for labels in re.findall(r"by \(([^)]*)\)", expression) for label in labels.split(",")}
        matched = set(re.findall(r"(\w+)=~?\"", expression))
        for name in named(expression):
            family = re.sub(r"_(bucket|count|sum)$", "", name)
            if family.startswith("assistant_"):
                assert grouped | matched <= documented[family] | OF_THE_SCRAPE, expression
    legends = [(target["legendFormat"], target["expr"]) for panel in PANELS for target in panel["targets"]]
    for legend, expression in legends:
        for label in re.findall(r"{{(\w+)}}", legend):
            assert label in expression, (legend, expression)


def test_the_documented_measures_are_those_that_are_exported(registry: CollectorRegistry) -> None:
    series = {name.removesuffix("_bucket") for names in exported(registry).values() for name in names}
    ours = {name for name in series if name.startswith("assistant_") and not name.endswith(("_count", "_sum"))}
    assert ours == {name for name in _quoted(OPERATIONS) if name.startswith("assistant_")}


def test_expressions_can_be_read() -> None:
    parser = pytest.importorskip("promql_parser", reason="promql-parser, which reads PromQL, is not installed")
    for expression in EXPRESSIONS:
        parser.parse(expression.replace("$__rate_interval", "5m"))
    with pytest.raises(ValueError, match="unclosed"):
        parser.parse("sum by (a (x)")


def test_panels_do_not_overlap_and_use_the_chosen_data_source() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) - {"__rate_interval", "__all"}
    assert used == variables == {"datasource", "job", "instance"}
    for panel in PANELS:
        assert panel["datasource"]["uid"] == "${datasource}"
        assert all('job=~"$job",instance=~"$instance"' in target["expr"] for target in panel["targets"])
