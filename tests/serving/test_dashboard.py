"""The dashboard for Grafana asks for what a server exposes, and for all of it."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import pretzel
import pretzel.serving
from pretzel.errors import InputError
from tests.serving.conftest import FRAME, Client, churn

if TYPE_CHECKING:
    from collections.abc import Iterator

promql = pytest.importorskip("promql_parser")
parser = pytest.importorskip("prometheus_client.parser")

FILE = Path(__file__).resolve().parents[2] / "docs" / "_static" / "grafana.json"
BOARD = json.loads(FILE.read_text())
OF_THE_SCRAPER = {"instance", "job"}  # labels that Prometheus adds
LEFT_OUT: set[str] = set()
"""Families that are no use on a dashboard."""
ROW = {"age": 17, "city": "Köln"}


def expressions() -> list[str]:
    """Every query of panels and variables, with intervals and variables as they are in use."""
    found = [target["expr"] for panel in BOARD["panels"] for target in panel.get("targets", ())]
    for variable in BOARD["templating"]["list"]:
        if variable["type"] == "query":
            found.append(re.fullmatch(r"label_values\((.*), (\w+)\)", variable["definition"])[1])  # type: ignore[index]
    return [expression.replace("$__rate_interval", "5m") for expression in found]


def selectors(node: Any) -> Iterator[Any]:
    """The vectors that an expression selects."""
    if isinstance(node, promql.VectorSelector):
        yield node
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        if getattr(node, name, None) is not None:
            yield from selectors(getattr(node, name))
    for argument in getattr(node, "args", ()):
        yield from selectors(argument)


def groupings(node: Any) -> Iterator[tuple[Any, list[str]]]:
    """Expressions that are grouped, with the labels."""
    if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
        yield node, list(node.modifier.labels)
    for name in ("expr", "lhs", "rhs"):
        if getattr(node, name, None) is not None:
            yield from groupings(getattr(node, name))
    for argument in getattr(node, "args", ()):
        yield from groupings(argument)


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, set[str]]]:
    """After traffic of all kinds: by the names of samples, values of each label."""
    store = tmp_path_factory.mktemp("dashboard") / "models"
    pretzel.PlanStore(store).publish("churn/de", churn())
    with pretzel.Runtime(store=store, memory_limit="1GB", executors=1) as runtime:
        app = pretzel.serving.app(runtime)
        client = Client(app)
        assert client.post("/models/churn/de/predict", ROW).status == 200
        assert client.post("/models/churn/de/predict", {}).status == 400
        runtime["churn/de"].submit(FRAME).result(10)
        with pytest.raises(InputError):
            runtime["churn/de"].predict(FRAME[["age"]])
        app.codes["OK"] += 1
        text = client.get("/metrics").body.decode()
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for family in parser.text_string_to_metric_families(text):
        assert family.samples, family.name
        for sample in family.samples:
            for label, value in sample.labels.items():
                found[sample.name][label].add(value)
            found[sample.name][""].add("")
    return found


@pytest.mark.parametrize("number", range(len(expressions())))
def test_a_query_asks_for_what_there_is(number: int, exposed: dict[str, dict[str, set[str]]]) -> None:
    tree = promql.parse(expressions()[number])
    asked = list(selectors(tree))
    assert asked
    for vector in asked:
        assert vector.name in exposed, vector.name
        labels = exposed[vector.name]
        for matcher in vector.matchers.matchers:
            assert matcher.name in {*labels} | OF_THE_SCRAPER, f"{vector.name} has no label {matcher.name}"
            if not matcher.value.startswith("$"):
                assert matcher.value in labels[matcher.name], f"{matcher.name} is never {matcher.value}"
    for grouped, by in groupings(tree):
        for vector in selectors(grouped):
            assert {*by} <= {*exposed[vector.name]} | OF_THE_SCRAPER


def test_everything_that_is_exposed_is_on_it(exposed: dict[str, dict[str, set[str]]]) -> None:
    asked = {_family(vector.name) for each in expressions() for vector in selectors(promql.parse(each))}
    families = {_family(name) for name in exposed if name.startswith("pretzel_")}
    assert families - asked == LEFT_OUT


def test_variables_are_labels(exposed: dict[str, dict[str, set[str]]]) -> None:
    names = set()
    for variable in BOARD["templating"]["list"]:
        names.add(variable["name"])
        if variable["type"] == "query":
            name, label = re.fullmatch(r"label_values\((\w+).*, (\w+)\)", variable["definition"]).groups()  # type: ignore[union-attr]
            assert label in {*exposed[name]} | OF_THE_SCRAPER
    used = set(re.findall(r"\$\{?(\w+)", FILE.read_text())) - {"__rate_interval", "__all"}
    assert used == names == {"datasource", "instance", "model", "version"}


def test_panels() -> None:
    """Every panel has a place of its own, queries, and legends of labels that it groups by."""
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    rows = [panel["title"] for panel in panels if panel["type"] == "row"]
    assert rows == ["Traffic", "Latency", "Errors", "Memory", "Store", "Queue", "Models"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len({*cells}) == len(cells)
    assert max(x for x, _ in cells) < 24
    for panel in panels:
        for target in panel.get("targets", ()):
            tree = promql.parse(target["expr"].replace("$__rate_interval", "5m"))
            labels = {label for _, by in groupings(tree) for label in by}
            assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels
        assert panel["type"] == "row" or panel["targets"]


def _family(name: str) -> str:
    return re.sub(r"_(total|bucket|count|sum|created)$", "", name)
