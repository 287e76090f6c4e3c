"""The stages of a plan drawn: as HTML, for Graphviz and for Mermaid."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PowerTransformer, StandardScaler

import pretzel
from pretzel.runtime.explain.drawing import drawings
from pretzel.runtime.explain.layout import BOX, arranged

ROWS = 40
NASTY = 'a "b" <script>alert(1)</script> & c'


def frame():
    rng = np.random.default_rng(0)
    city = ["Bonn", "Paris"] * (ROWS // 2)
    return pd.DataFrame({"age": rng.normal(size=ROWS), NASTY: rng.normal(size=ROWS), "city": city})


def models():
    X = frame()
    y = X["age"] > 0
    numbers = X[["age", NASTY]].to_numpy()
    columns = make_column_transformer((StandardScaler(), ["age", NASTY]), (OneHotEncoder(), ["city"]))
    yield "mixed", make_pipeline(columns, LogisticRegression()).fit(X, y), X
    union = make_union(PowerTransformer(), MinMaxScaler())
    yield "union", make_pipeline(union, RandomForestClassifier(2)).fit(numbers, y), numbers
    votes = VotingClassifier([("near", KNeighborsClassifier(p=3)), ("linear", LogisticRegression())], voting="soft")
    yield "half opaque", make_pipeline(StandardScaler(), votes).fit(numbers, y), numbers
    yield "opaque", KNeighborsClassifier(p=3).fit(X[["age"]], y), X[["age"]]
    texts = ["the cat", "the dog"] * (ROWS // 2)
    yield "text", make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, y), texts


MODELS = {name: (model, X) for name, model, X in models()}


@pytest.fixture(scope="module", params=MODELS, ids=MODELS)
def plan_and_rows(request):
    model, X = MODELS[request.param]
    return pretzel.compile(model, keep_source=True), X


def test_every_kernel_is_a_box_below_what_it_reads(plan_and_rows):
    plan, _ = plan_and_rows
    for drawing in drawings(plan):
        method = plan.physical.methods[drawing.method]
        programs = [*(step.program for step in method.opaque), method.program]
        calls = sum(len(program.calls) for program in programs if program is not None)
        drawn = [node.kind for node in drawing.nodes]
        assert drawn.count("opaque") == len(method.opaque)
        assert calls <= drawn.count("kernel") <= calls + len(programs)
        assert all(a < b for a, b in drawing.edges)
        read = {a for a, _ in drawing.edges}
        assert read == {*range(len(drawing.nodes) - 1)}, "all but the result are read"


def test_boxes_lie_apart_and_below_their_inputs(plan_and_rows):
    plan, _ = plan_and_rows
    for drawing in drawings(plan):
        places, width, height = arranged(drawing)
        assert all(places[a][1] + BOX[1] < places[b][1] for a, b in drawing.edges)
        assert all(0 <= x <= width - BOX[0] and 0 <= y <= height - BOX[1] for x, y in places)
        rows: dict[float, list[float]] = {}
        for x, y in places:
            rows.setdefault(y, []).append(x)
        assert all(b - a >= BOX[0] for xs in rows.values() for a, b in zip(sorted(xs), sorted(xs)[1:], strict=False))


def test_html_is_well_formed_and_needs_no_network(plan_and_rows):
    plan, X = plan_and_rows
    for page in (plan._repr_html_(), plan.explain("html", analyze=X)):
        root = ElementTree.fromstring(page)
        assert len(root.findall("details")) == len(plan.methods)
        assert not re.search(r"https?:|url\(|@import|<script", page)
        assert "prefers-color-scheme:dark" in page


def test_times_are_drawn(plan_and_rows):
    plan, X = plan_and_rows
    native = [name for name, each in plan.physical.methods.items() if not each.opaque and each.program is not None]
    page = plan.explain("html", analyze=X)
    assert ('class="heat"' in page) == bool(native)
    assert (" us (" in plan.explain("dot", analyze=X)) == bool(native)
    assert ("style m0_" in plan.explain("mermaid", analyze=X)) == bool(native)
    assert 'class="heat"' not in plan.explain("html")


def test_graphviz_and_mermaid_name_every_box_once(plan_and_rows):
    plan, _ = plan_and_rows
    boxes = sum(len(drawing.nodes) for drawing in drawings(plan))
    edges = sum(len(drawing.edges) for drawing in drawings(plan))
    dot, mermaid = plan.explain("dot"), plan.explain("mermaid")
    assert len(re.findall(r"^ *m\d+_\d+ \[shape", dot, re.M)) == boxes
    assert len(re.findall(r"->", dot.replace('"', ""), re.M)) >= edges
    assert dot.count("{") - len(re.findall(r'label="[^"]*{', dot)) == dot.count("}")
    assert len(re.findall(r'^ *m\d+_\d+(?:\(\[|\[\[|\[)"', mermaid, re.M)) == boxes
    assert len(re.findall(r"^ *m\d+_\d+ --> m\d+_\d+$", mermaid, re.M)) == edges
    assert len(re.findall(r"^ *subgraph ", mermaid, re.M)) == len(re.findall(r"^ *end$", mermaid, re.M))


def test_large_plans_are_not_drawn_but_counted():
    X = np.random.default_rng(0).normal(size=(ROWS, 80))
    parts = [(PowerTransformer(), [i]) for i in range(80)]
    plan = pretzel.compile(make_column_transformer(*parts).fit(X))
    page = plan.explain("html")
    assert "boxes: explain(format='dot') has them" in page
    assert len(page) < 20_000


def test_an_unknown_format_is_an_error(plan_and_rows):
    with pytest.raises(ValueError, match="format is one of 'text', 'json', 'html', 'dot', 'mermaid', not 'svg'"):
        plan_and_rows[0].explain("svg")
    with pytest.raises(ValueError, match=r"plan\.summary\(\) is the summary alone"):
        plan_and_rows[0].explain("summary")
