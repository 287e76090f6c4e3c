"""`pretzel.verify` finds what it is made to find: faults are planted in plans, and it has to name them exactly."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

import pretzel
from pretzel import examples
from pretzel.errors import InputShapeError, InputValueError, OptionError
from pretzel.oven import optimizer as optimizer_module
from pretzel.oven.compiler import Compiler
from pretzel.oven.ir import graph
from pretzel.oven.ir.graph import Parity, rewrite
from pretzel.oven.ir.linear import CheckedLinear, Linear
from pretzel.oven.rules import Rule
from pretzel.runtime.model import Plan
from pretzel.store.object_store import SMALL_STATE, ObjectStore
from pretzel.verification.compare import compare, ulps_between
from pretzel.verification.verifier import options_of
from tests import releases

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 4))
Y = (X[:, 0] + 0.3 * X[:, 1] > 0).astype(int)
Y3 = np.digitize(X[:, 0], [-0.5, 0.5])
TEXTS = ["the cat sat on the mat", "a dog", "the dog sat", "cats and dogs, über alles", "on on on"] * 6
FRAME = examples.table(60)[["age", "pay", "city"]]


def table():
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    codes = OneHotEncoder(handle_unknown="ignore")
    features = ColumnTransformer([("numbers", numbers, ["age", "pay"]), ("codes", codes, ["city"])])
    return Pipeline([("features", features), ("model", LogisticRegression())]).fit(FRAME, RNG.integers(0, 2, 60))


def text():
    chars = TfidfVectorizer(analyzer="char", ngram_range=(2, 3))
    features = FeatureUnion([("chars", chars), ("words", TfidfVectorizer(ngram_range=(1, 2)))])
    model = LogisticRegression()
    return Pipeline([("features", features), ("model", model)]).fit(TEXTS, [0, 1, 0, 1, 1] * 6)


def plant(estimator, change, **options):
    """A plan of ``estimator`` with faulty nodes; its report claims that nothing happened."""
    honest = pretzel.compile(estimator, store=ObjectStore(), **options)
    compiler = Compiler(options_of(honest), ObjectStore())
    graphs = compiler.graphs(estimator)
    changed = rewrite([output.node for output in graphs.optimized.values()], change)
    assert any(new is not old for old, new in changed.items()), "the fault was not planted"
    faulty = {name: dataclasses.replace(o, node=changed[o.node]) for name, o in graphs.optimized.items()}
    methods, lowering = compiler.lower(dataclasses.replace(graphs, optimized=faulty))
    physical = dataclasses.replace(honest.physical, methods=methods)
    return Plan(physical, compiler.store, lowering.lease, honest.name)


def edit(kind, field, change):
    """A change of one field of all nodes of a class."""

    def apply(node):
        if type(node).__name__ != kind:
            return None
        value = getattr(node, field)
        new = change(value.copy() if isinstance(value, np.ndarray) else value)
        return graph.replace(node, **{field: new})

    return apply


def at(index, value):
    """Put a value at a place of an array."""

    def change(array):
        array[index] = value(array[index]) if callable(value) else value
        return array

    return change


def next_double(x):
    return np.nextafter(x, np.inf)


class OwnMeans(KMeans):
    """Opaque, because a subclass may override anything."""


HONEST = {
    "table": (table, FRAME),
    "text": (text, TEXTS),
    "scaler": (lambda: make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y3), X),
    "link": (lambda: PoissonRegressor().fit(X, np.exp(X[:, 0])), X),
    "forest": (lambda: RandomForestClassifier(8, max_depth=4, random_state=0).fit(X, Y3), X),
    "opaque middle": (lambda: make_pipeline(OwnMeans(3, n_init=1, random_state=0), LogisticRegression()).fit(X, Y3), X),
}


@pytest.mark.parametrize("boundary", [False, True])
@pytest.mark.parametrize("name", HONEST)
def test_an_honest_plan_passes(name, boundary):
    make, rows = HONEST[name]
    estimator = make()
    report = pretzel.verify(pretzel.compile(estimator), estimator, rows, boundary=boundary)
    assert report.ok, str(report)
    assert report.first_divergence is None
    assert all(m.rows >= len(rows) and m.steps + m.opaque > 0 for m in report.methods.values())
    assert all(m.label_mismatches == 0 for m in report.methods.values())
    assert boundary or all(m.largest_absolute < 1e-9 for m in report.methods.values())
    assert (report.boundary_rows > 0) == boundary
    assert "ok" in str(report)


MUTANTS = {
    # estimator, rows, options, fault, operator that has to be blamed
    "transposed coefficients": ("scaler", {"numerics": "strict"}, edit("CheckedLinear", "weights", lambda w: w[::-1])),
    "bias off by an ulp of one": ("scaler", {}, edit("CheckedLinear", "bias", at(0, lambda b: b + 1e-8))),
    "mean off by an ulp": ("scaler", {"numerics": "strict"}, edit("SubDiv", "mean", at(0, next_double))),
    "missing +1 in the idf": (
        "text",
        {"disable_rules": ("fuse_tfidf_linear",)},
        edit("Tfidf", "idf", lambda idf: idf - 1.0),
    ),
    "off by one n-gram": ("text", {}, edit("Ngrams", "max_n", lambda n: n - 1)),
}
BLAMED = {
    "transposed coefficients": "CheckedLinear",
    "bias off by an ulp of one": "CheckedLinear",
    "mean off by an ulp": "SubDiv",
    "missing +1 in the idf": "Tfidf",
    "off by one n-gram": "Ngrams",
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_fault_is_found_and_named(name):
    case, options, change = MUTANTS[name]
    make, rows = HONEST[case]
    estimator = make()
    report = pretzel.verify(plant(estimator, change, **options), estimator, rows)
    assert not report
    fault = report.first_divergence
    assert fault.kind == "parameters"
    assert fault.operator.startswith(BLAMED[name])
    assert {f.operator.partition("(")[0] for f in report.divergences} == {BLAMED[name]}, str(report)
    assert fault.stage is not None
    assert fault.row >= 0
    assert fault.expected != fault.got
    assert "DIVERGES" in str(report)
    assert BLAMED[name] in str(report)


def test_parameters_that_no_row_shows_are_found_by_their_digest():
    estimator = PoissonRegressor().fit(X, np.exp(X[:, 0]))
    report = pretzel.verify(plant(estimator, edit("CheckedLinear", "bias", at(0, next_double))), estimator, X)
    assert report.first_divergence.kind == "parameters"
    assert report.first_divergence.row is None
    assert report.first_divergence.note == "parameter 1 is not the estimator's"


def test_changed_memory_is_found():
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    plan = pretzel.compile(estimator, store=ObjectStore(), numerics="strict")
    call = next(c for c in plan.physical.methods["predict"].program.calls if c.kernel == "checked_linear")
    weights = plan.store.get(call.params[0])
    weights.flags.writeable = True
    weights[1] += 0.5
    fault = pretzel.verify(plan, estimator, X).first_divergence
    assert (fault.kind, fault.method, fault.row, fault.column) == ("parameters", "predict", 0, 0)
    assert fault.note == "the memory of a parameter was changed"
    assert fault.operator.startswith("CheckedLinear")
    assert fault.origin == "Pipeline.logisticregression"


def test_changed_memory_of_a_state_is_found():
    estimator = RandomForestRegressor(60, max_depth=6, random_state=0).fit(X, Y + X[:, 0])
    plan = pretzel.compile(estimator, store=ObjectStore())
    call = next(c for c in plan.physical.methods["predict"].program.calls if c.kernel == "tree_ensemble")
    state = plan.store.get(call.state)
    assert state.nbytes > SMALL_STATE
    state.flags.writeable = True
    state[-1] ^= 1
    fault = pretzel.verify(plan, estimator, X).first_divergence
    assert (fault.kind, fault.method) == ("parameters", "predict")
    assert fault.note == "the memory of the bound state was changed"


def test_a_departing_kernel_is_told_from_wrong_parameters(monkeypatch):
    """The reference is bent instead of the kernel, which comes to the same."""
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    plan = pretzel.compile(estimator)
    honest = CheckedLinear.reference
    rows = iter(range(100))

    def bent(self, *inputs):
        out = honest(self, *inputs).copy()
        if next(rows) >= 1:  # the first reference is of the graph
            out[7, 0] += 1e-6
        return out

    monkeypatch.setattr(CheckedLinear, "reference", bent)
    fault = pretzel.verify(plan, estimator, X).first_divergence
    assert (fault.kind, fault.row, fault.column) == ("kernel", 7, 0)
    assert fault.operator.startswith("CheckedLinear")
    assert fault.expected - fault.got == pytest.approx(1e-6)
    assert fault.ulps > 1000


def test_one_bad_step_is_blamed_once():
    """What follows a bad step reads the bad values, and so does its reference."""
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y3)
    plan = plant(estimator, edit("SubDiv", "scale", lambda s: s * 2), numerics="strict")
    report = pretzel.verify(plan, estimator, X)
    for method in report.methods.values():
        assert [f.operator.partition("(")[0] for f in method.divergences] == ["SubDiv"]
    assert report.methods["predict"].label_mismatches > 0
    assert report.methods["predict_proba"].largest_absolute > 1e-3


def test_a_lying_rule_is_blamed(monkeypatch):
    def forget_bias(node, users):
        return graph.replace(node, bias=node.bias * 0) if isinstance(node, Linear) and node.bias.any() else None

    rules = (Rule(forget_bias, Parity.TOLERANCE, "a fault"), *optimizer_module.RULES)
    monkeypatch.setattr(optimizer_module.optimize, "__defaults__", (None, rules))
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y3)
    plan = pretzel.compile(estimator)
    report = pretzel.verify(plan, estimator, X)
    fault = report.first_divergence
    assert (fault.kind, fault.operator) == ("rule", "forget_bias")
    assert {f.kind for f in report.divergences} == {"rule"}


def test_a_lying_adapter_is_blamed_on_the_innermost_part(monkeypatch):
    from pretzel.oven.frontends import registry

    name = "sklearn.preprocessing.StandardScaler"
    honest = registry.adapter_for(StandardScaler())

    def lying(estimator, x, importer):
        node = honest(estimator, x, importer)
        return graph.replace(node, mean=node.mean + 1e-3)

    monkeypatch.setitem(registry._adapters, name, lying)
    estimator = table()
    report = pretzel.verify(pretzel.compile(estimator, numerics="strict"), estimator, FRAME)
    fault = report.first_divergence
    assert (fault.kind, fault.operator) == ("import", "StandardScaler")
    assert fault.origin == "Pipeline.features.numbers.standardscaler"
    assert {f.kind for f in report.divergences} == {"import"}


def test_a_wrong_presentation_is_an_answer_fault():
    estimator = LogisticRegression().fit(X, Y3)
    plan = pretzel.compile(estimator)
    predict = plan.physical.methods["predict"]
    faulty = dataclasses.replace(predict, labels=(predict.labels[0][::-1],))
    physical = dataclasses.replace(plan.physical, methods={**plan.physical.methods, "predict": faulty})
    report = pretzel.verify(Plan(physical, plan.store, plan.lease), estimator, X)
    fault = report.first_divergence
    assert (fault.kind, fault.method) == ("answer", "predict")
    assert report.methods["predict"].label_mismatches > 0
    assert report.methods["predict_proba"].divergences == []


def test_a_missing_check_is_a_rejection_fault():
    estimator = LogisticRegression().fit(X, Y)
    without = {"disable_rules": ("fuse_finite_check_into_linear",)}
    plan = plant(estimator, lambda node: node.inputs[0] if type(node).__name__ == "CheckFinite" else None, **without)
    report = pretzel.verify(plan, estimator, np.vstack([X, np.full((1, 4), np.nan)]))
    faults = [f for f in report.divergences if f.kind == "rejection"]
    assert faults
    assert "estimator: ValueError" in faults[0].note
    assert "plan: accepts" in faults[0].note


def test_an_overzealous_check_is_a_rejection_fault():
    estimator = make_pipeline(SimpleImputer(), StandardScaler()).fit(X)
    plan = plant(estimator, edit("CheckFinite", "allow_nan", lambda _: False))
    rows = X.copy()
    rows[3, 2] = np.nan
    report = pretzel.verify(plan, estimator, rows)
    assert report.first_divergence.kind == "rejection"
    assert InputValueError.__name__ in str(report) or "NaN" in str(report)


def test_a_plan_of_another_estimator_is_found():
    one, other = LogisticRegression().fit(X, Y), LogisticRegression().fit(X[:40], Y[:40])
    assert pretzel.verify(pretzel.compile(one), other, X).first_divergence.kind == "parameters"
    scaled = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    report = pretzel.verify(pretzel.compile(one, numerics="strict"), scaled, X)
    assert report.first_divergence.kind == "structure"


def test_swapped_columns_are_found():
    estimator = ColumnTransformer([("a", "passthrough", [2, 0]), ("b", "passthrough", [3])]).fit(X)
    swap = edit("NumericLeaf", "columns", lambda c: c[::-1])
    report = pretzel.verify(plant(estimator, swap), estimator, X)
    assert not report.ok
    assert report.first_divergence.kind == "structure"


def test_bent_input_reading_is_an_input_fault(monkeypatch):
    from pretzel.verification import steps

    honest = steps.read_sources

    def bent(spec, leaves, sources):
        rows, columns, is_float32 = honest(spec, leaves, sources)
        column = np.array(columns[0], copy=True)
        column[5, 1] += 1.0
        return rows, [column, *columns[1:]], is_float32

    monkeypatch.setattr(steps, "read_sources", bent)
    estimator = LogisticRegression().fit(X, Y)
    fault = pretzel.verify(pretzel.compile(estimator), estimator, X).first_divergence
    assert (fault.kind, fault.row, fault.column) == ("input", 5, 1)


@pytest.mark.parametrize(
    ("expected", "got", "exact", "place"),
    [
        ([[1.0, np.nan]], [[1.0, np.nan]], True, None),
        ([[0.0]], [[-0.0]], True, None),
        ([[1.0]], [[1.0 + 2**-52]], True, (0, 0)),
        ([[1.0]], [[1.0 + 2**-52]], False, None),
        ([[1.0, 2.0]], [[1.0, 2.0 + 3e-9]], False, (0, 1)),
        ([[np.inf]], [[np.inf]], False, None),
        ([[np.inf]], [[1e308]], False, (0, 0)),
        ([[np.nan]], [[0.0]], False, (0, 0)),
        ([["a"], ["b"]], [["a"], ["c"]], True, (1, 0)),
        ([[1.0]], [[1.0, 2.0]], False, (-1, -1)),
    ],
)
def test_compare(expected, got, exact, place):
    difference = compare(np.array(expected), np.array(got), exact=exact)
    assert (None if difference is None else (difference.row, difference.column)) == place


def test_compare_sparse():
    from scipy.sparse import csr_array

    a = csr_array(np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 0.0]]))
    b = csr_array(np.array([[0.0, 1.0, 0.0], [2.0, 0.0, 5.0]]))
    explicit = csr_array((np.array([1.0, 0.0, 2.0]), np.array([1, 2, 0]), np.array([0, 2, 3])), shape=(2, 3))
    assert compare(a, explicit, exact=True) is None
    difference = compare(a, b, exact=True)
    assert (difference.row, difference.column, difference.expected, difference.got) == (1, 2, 0.0, 5.0)


def test_ulps():
    assert ulps_between(1.0, np.nextafter(1.0, 2.0)) == 1
    assert ulps_between(-5e-324, 5e-324) == 2
    assert ulps_between(0.0, -0.0) == 0
    assert ulps_between(1.0, np.nan) is None


def next_float32(thresholds):
    return np.nextafter(thresholds.astype(np.float32), np.float32(np.inf)).astype(np.float64)


def test_a_threshold_one_float32_too_high_is_found_on_boundary_rows():
    estimator = RandomForestClassifier(8, max_depth=4, random_state=0).fit(X, Y3)
    plan = plant(estimator, edit("TreeEnsemble", "threshold", next_float32))
    fault = pretzel.verify(plan, estimator, X, boundary=True).first_divergence
    assert fault.kind == "parameters"
    assert fault.operator.startswith("TreeEnsemble")
    assert fault.row >= len(X), "only a row on a threshold can show it"


def test_leaves_off_by_an_ulp_are_found_on_any_row():
    estimator = RandomForestClassifier(8, max_depth=4, random_state=0).fit(X, Y3)
    plan = plant(estimator, edit("TreeEnsemble", "values", lambda v: v * (1 + 2**-50)))
    fault = pretzel.verify(plan, estimator, X).first_divergence
    assert fault.operator.startswith("TreeEnsemble")
    assert fault.row == 0
    assert 0 < fault.ulps < 100


def test_boundary_rows_stand_on_both_sides_of_thresholds_behind_a_scaler():
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.interpret import interpret
    from pretzel.verification.boundary import threshold_rows

    estimator = make_pipeline(StandardScaler(), RandomForestClassifier(3, max_depth=3, random_state=0)).fit(X, Y)
    (node,) = {
        node
        for output in Importer(estimator).run().methods.values()
        for node in graph.toposort([output.node])
        if hasattr(node, "threshold") and output.node.schema().width == 2
    }
    rows = threshold_rows(node, X)
    seen = interpret([node.inputs[0]], rows)[node.inputs[0]].astype(np.float32)
    low, high = seen[: len(rows) // 2], seen[len(rows) // 2 :]
    splits = np.unique(np.stack([node.feature, node.threshold], axis=1), axis=0)
    assert len(low) == len(splits)
    for a, b, (feature, threshold) in zip(low, high, splits, strict=True):
        below, above = a[int(feature)], b[int(feature)]
        assert below <= threshold < above
        assert above == np.nextafter(below, np.float32(np.inf))


@pytest.mark.parametrize("change", [1 - 2**-50, 1 + 2**-50])
@pytest.mark.parametrize(
    ("step", "operator", "field"),
    [
        (KBinsDiscretizer(4, encode="ordinal", **releases.QUANTILE_METHOD), "Bins", "edges"),
        (Binarizer(threshold=0.25), "Threshold", "cut"),
    ],
)
def test_an_edge_a_little_off_is_found_on_boundary_rows(step, operator, field, change):
    estimator = make_pipeline(MaxAbsScaler(), step).fit(X)
    plan = plant(estimator, edit(operator, field, lambda value: value * change))
    assert pretzel.verify(pretzel.compile(estimator), estimator, X)
    for boundary in (False, True):
        fault = pretzel.verify(plan, estimator, X, boundary=boundary).first_divergence
        assert fault.operator.startswith(operator)
        assert (fault.difference is not None) == boundary  # that the parameter is another is always seen


@pytest.mark.parametrize("boundary", [False, True])
def test_tables_without_rows(boundary: bool) -> None:
    model = LogisticRegression().fit(X, Y)
    for rows in ([], X[:0], pd.DataFrame(X[:0])):
        report = pretzel.verify(pretzel.compile(model), model, rows, boundary=boundary)
        assert report.ok, str(report)
    passed = ColumnTransformer([("a", "passthrough", ["age"])]).fit(FRAME)
    assert passed.transform(FRAME[:0]).shape == (0, 1)
    assert pretzel.verify(pretzel.compile(passed), passed, FRAME[:0], boundary=boundary).ok
    estimator = text()
    assert pretzel.verify(pretzel.compile(estimator), estimator, [], boundary=boundary).ok


def test_a_table_without_rows_that_only_one_side_takes_is_a_rejection_fault() -> None:
    passed = ColumnTransformer([("a", "passthrough", [0, 1])]).fit(X)
    scaled = StandardScaler().fit(X)
    report = pretzel.verify(pretzel.compile(passed), scaled, X[:0])
    assert report.first_divergence is not None
    assert report.first_divergence.kind == "rejection"


ROW = {"age": 42.0, "pay": None, "city": "Bonn"}
ROWS_OF_TABLE = {
    "a dict": ROW,
    "a tuple": tuple(ROW.values()),
    "a list": list(ROW.values()),
    "an array": np.array(list(ROW.values()), dtype=object),
    "a Series": FRAME.iloc[3],
    "dicts": [ROW, {**ROW, "city": "never seen"}],
    "tuples": [tuple(ROW.values())] * 3,
}


@pytest.mark.parametrize("boundary", [False, True])
@pytest.mark.parametrize("is_opaque", [False, True])
@pytest.mark.parametrize("form", ROWS_OF_TABLE)
def test_rows_are_verified(form: str, is_opaque: bool, boundary: bool) -> None:
    estimator = table()
    if is_opaque:
        estimator = make_pipeline(estimator[0], KNeighborsClassifier(p=3)).fit(FRAME, RNG.integers(0, 2, 60))
    report = pretzel.verify(pretzel.compile(estimator), estimator, ROWS_OF_TABLE[form], boundary=boundary)
    assert report.ok, str(report)
    assert report.methods["predict"].rows > 0


@pytest.mark.parametrize("row", [X[0], tuple(X[0]), X[0].tolist(), X[:3].tolist(), tuple(map(tuple, X[:3]))])
@pytest.mark.parametrize("name", ["scaler", "forest", "opaque middle"])
def test_rows_without_names_are_verified(name: str, row: object) -> None:
    estimator = HONEST[name][0]()
    report = pretzel.verify(pretzel.compile(estimator), estimator, row, boundary=True)
    assert report.ok, str(report)


@pytest.mark.parametrize(
    "documents", ["a cat", ("a cat", "a dog"), pd.Series(["a cat", "a dog"]), np.array(["a", "b"])]
)
def test_documents_are_verified(documents: object) -> None:
    estimator = text()
    report = pretzel.verify(pretzel.compile(estimator), estimator, documents)
    assert report.ok, str(report)


def test_rows_of_sparse_and_listed_answers_are_verified() -> None:
    encoder = OneHotEncoder(handle_unknown="ignore").fit(FRAME[["city"]])
    assert pretzel.verify(pretzel.compile(encoder), encoder, [{"city": "Bonn"}, {"city": "Rome"}]).ok
    forest = RandomForestClassifier(3, random_state=0).fit(X, np.stack([Y, Y3], axis=1))
    assert pretzel.verify(pretzel.compile(forest), forest, X[:3].tolist()).ok


def test_a_fault_of_single_rows_alone_is_found() -> None:
    estimator = LogisticRegression().fit(X, Y)
    plan = pretzel.compile(estimator)
    plan.__dict__["predict_one"] = lambda row: 1 - estimator.predict([row])[0]
    assert pretzel.verify(plan, estimator, X).ok
    fault = pretzel.verify(plan, estimator, X[0]).first_divergence
    assert fault is not None
    assert (fault.kind, fault.method, fault.note) == ("answer", "predict", "of one row")


def test_a_row_that_does_not_fit_is_an_error() -> None:
    estimator = table()
    with pytest.raises(InputShapeError, match="expected 3 values, got 2"):
        pretzel.verify(pretzel.compile(estimator), estimator, (1.0, 2.0))
    report = pretzel.verify(pretzel.compile(estimator), estimator, {"age": 1.0, "pay": 2.0}, boundary=False)
    assert report.rejected_rows == 1
    assert not report
    assert re.match(r"\w+: NOTHING COMPARED; 1 row\(s\) rejected by both sides: ValueError: ", str(report))


@pytest.mark.parametrize("boundary", [False, True])
@pytest.mark.parametrize(
    "columns",
    [["city", "pay", "age"], ["more", "age", "city", "pay"], ["pay", "city"]],
    ids=["reordered", "additional", "missing"],
)
def test_frames_with_other_columns_are_verified(columns: list[str], boundary: bool) -> None:
    estimator = table()
    request = FRAME.assign(more=1.0)[columns]
    report = pretzel.verify(pretzel.compile(estimator), estimator, request, boundary=boundary)
    assert report.first_divergence is None, str(report)
    assert report.ok == (report.methods["predict"].rows > 0) == ("age" in columns)
    dropped = ColumnTransformer([("codes", OneHotEncoder(handle_unknown="ignore"), ["city"])]).fit(FRAME)
    forest = make_pipeline(dropped, RandomForestClassifier(3, random_state=0)).fit(FRAME, RNG.integers(0, 2, 60))
    report = pretzel.verify(pretzel.compile(forest), forest, request, boundary=boundary)
    assert report.ok, str(report)
    assert report.methods["predict"].rows >= len(FRAME)


def test_the_order_of_columns_is_checked_where_the_source_checks_it() -> None:
    frame = FRAME[["age", "pay"]].fillna(0.0)
    estimator = make_pipeline(StandardScaler(), RandomForestClassifier(3, random_state=0))
    estimator.fit(frame, RNG.integers(0, 2, 60))
    report = pretzel.verify(pretzel.compile(estimator), estimator, frame[["pay", "age"]], boundary=True)
    assert report.first_divergence is None, str(report)
    assert report.rejected_rows >= len(frame)


def test_other_frames_are_verified() -> None:
    polars, pyarrow = pytest.importorskip("polars"), pytest.importorskip("pyarrow")
    estimator = table()
    for boundary in (False, True):
        assert pretzel.verify(
            pretzel.compile(estimator), estimator, pyarrow.Table.from_pandas(FRAME), boundary=boundary
        )
        frame = polars.from_pandas(FRAME)[["city", "age", "pay"]]
        report = pretzel.verify(pretzel.compile(estimator), estimator, frame, boundary=boundary)
        assert report.ok, str(report)


UNREAD = {
    "datetime": pd.date_range("2024", periods=6),
    "datetime with zone": pd.date_range("2024", periods=6, tz="Europe/Paris"),
    "timedelta": pd.timedelta_range("1h", periods=6),
    "period": pd.period_range("2024-01", periods=6, freq="M"),
    "interval": pd.interval_range(0, 6),
    "Int64": pd.array([1, 2, None, 4, 5, 6], dtype="Int64"),
    "Float64": pd.array([1.0, 2.0, None, 4.0, 5.0, 6.0], dtype="Float64"),
    "boolean": pd.array([True, None, False] * 2, dtype="boolean"),
    "bool": [True, False] * 3,
    "complex": np.arange(6) * 1j,
    "uint8": np.arange(6, dtype=np.uint8),
    "sparse": pd.arrays.SparseArray([0.0, 1.0] * 3),
    "category": pd.Categorical(list("ababab")),
    "category of numbers": pd.Categorical([1, 2, 1, 2, 1, 2]),
    "string": pd.array(list("ababab"), dtype="string"),
}


@pytest.mark.parametrize("dtype", UNREAD)
def test_frames_with_columns_of_any_dtype_are_verified(dtype):
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], "u": UNREAD[dtype]})
    model = make_pipeline(ColumnTransformer([("a", StandardScaler(), ["a"])]), Ridge()).fit(frame, range(6))
    report = pretzel.verify(pretzel.compile(model), model, frame)
    assert report.ok, report
    assert report.boundary_rows > 6


@pytest.mark.parametrize("dtype", ["Int64", "Float64", "boolean"])
def test_missing_values_of_nullable_columns_beside_others_are_verified(dtype):
    frame = pd.DataFrame({"a": np.arange(6.0), "u": UNREAD[dtype]})
    steps = SimpleImputer(strategy="most_frequent"), StandardScaler(), RandomForestClassifier(3, random_state=0)
    model = make_pipeline(*steps).fit(frame, [0, 1] * 3)
    report = pretzel.verify(pretzel.compile(model), model, frame)
    assert report.ok, report
    assert report.methods["predict"].steps > 2


@pytest.mark.parametrize("dtype", ["datetime", "timedelta", "period", "Int64", "category", "string"])
def test_dates_that_encoders_read_are_verified(dtype):
    frame = pd.DataFrame({"u": UNREAD[dtype]})
    model = OneHotEncoder(handle_unknown="ignore").fit(frame)
    report = pretzel.verify(pretzel.compile(model), model, frame)
    assert report.ok, report


def test_handles_are_verified():
    estimator = table()
    runtime = pretzel.Runtime(store=ObjectStore())
    assert pretzel.verify(runtime.register("m", estimator), estimator, FRAME)


def test_texts_that_are_passed_on():
    """No graph holds them: the answers alone are compared."""
    frame = pd.DataFrame({"kids": [0, 1, 2, 1], "city": ["Rome", "Bonn", "Rome", "Oslo"]})
    model = ColumnTransformer([("o", OrdinalEncoder(), ["kids"])], remainder="passthrough").fit(frame)
    plan = pretzel.compile(model)
    report = pretzel.verify(plan, model, frame)
    assert report.ok, report
    assert report.methods["transform"].rows >= 4
    other = ColumnTransformer([("o", OrdinalEncoder(), ["kids"])], remainder="passthrough").fit(frame[1:])
    assert not pretzel.verify(plan, other, frame, boundary=False).ok


@pytest.mark.parametrize("dtype", ["bool", "float32"])
def test_functions_of_columns_of_several_dtypes(dtype):
    """NumPy computes in the dtype of each column, and so does the plan; its graphs compute in float64."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.uniform(20, 60, 50), "b": (3 * rng.random(50)).astype(dtype)})
    model = make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(frame, frame["a"] + frame["b"])
    plan = pretzel.compile(model)
    report = pretzel.verify(plan, model, frame, boundary=False)
    assert report.ok, report
    other = make_pipeline(FunctionTransformer(np.log1p), Ridge()).fit(frame, frame["a"])
    assert not pretzel.verify(plan, other, frame, boundary=False).ok


def test_plan_and_estimator_that_are_swapped_are_told():
    model = StandardScaler().fit(X)
    plan = pretzel.compile(model)
    with pytest.raises(OptionError, match="expected a plan, got a StandardScaler; plan and estimator are swapped"):
        pretzel.verify(model, plan, X)
    with pytest.raises(OptionError, match=r"expected a plan, got a StandardScaler$"):
        pretzel.verify(model, model, X)


def test_another_kind_of_model_is_told():
    labels = LogisticRegression().fit(X, np.where(Y == 1, "yes", "no"))
    plan = pretzel.compile(LogisticRegression().fit(X, Y))
    report = pretzel.verify(plan, labels, X)
    assert not report.ok
    assert "another kind of model: the plan has the labels 0, 1 (int64), the estimator 'no', 'yes' (<U3)" in str(report)
    report = pretzel.verify(plan, Ridge().fit(X, X[:, 0]), X)
    assert "kind of model: the plan has predict, predict_proba, predict_log_proba, decision_function; Ridge" in str(
        report
    )
    same = pretzel.verify(plan, LogisticRegression(C=0.1).fit(X, Y), X)
    assert "another kind" not in str(same)
