"""Requests of items: dicts of features, pairs and tokens, which are read natively."""

from __future__ import annotations

import decimal
import enum
from collections import OrderedDict, UserDict
from types import MappingProxyType

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, Normalizer, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import CompileError, InputError, InputShapeError, InputTypeError, InputValueError
from pretzel.input_spec import InputKind
from tests.ids import stable_id

RNG = np.random.default_rng(3)
CITIES = ("London", "Zürich", "東京", "Rio de Janeiro", "")
TAGS = ("new", "old", "big")
N = 80


def record(i):
    found = {"t": float(RNG.normal()), "city": CITIES[i % 5], "n": int(RNG.integers(1, 9)), "is": bool(i % 2)}
    found["tags"] = [tag for tag in TAGS if RNG.random() < 0.5]
    if i % 7 == 0:
        del found["t"]
    return found


RECORDS = [record(i) for i in range(N)]
ABOVE = [{**each, "t": abs(each.get("t", 0.0))} for each in RECORDS]
FLAT = [{name: value for name, value in each.items() if name != "tags"} for each in RECORDS]
PAIRS = [[*each.items()] for each in FLAT]
TOKENS = [[*each["tags"], each["city"]] for each in RECORDS]
LABELS = np.array([i % 2 if i % 5 else 2 for i in range(N)])


class Text(enum.StrEnum):
    CITY = "city"


ODD = [
    {},
    {"t": 1, "city": "nowhere", "other": 3.0, "more": "x", "list": ["a"]},
    {"t": np.float64(2.5), "n": np.float32(0.1), "is": np.int64(3), "city": np.str_("London")},
    {"t": True, "n": 2**60, "is": False},
    {"t": decimal.Decimal("1.5")},
    {"city": ("London", "東京"), "tags": {"new"}},
    {"city": ["London"], "tags": np.array(["new", "old"])},
    {"city": frozenset(), "tags": ()},
    {1: 2.0, None: 1.0, ("a", 1): "x", "t": 0.5},
    {"city=London": 2.0},
    {"city\ud800": 1.0, "t": 0.0},
    {"tags": (tag for tag in ())},
    {Text.CITY: 1.0, "t": -0.0},
    OrderedDict(t=1.5, city="London"),
    UserDict(t=1.5, city="London"),
    MappingProxyType({"t": 1.5}),
    {"t": 1e300, "n": -1e300},
]


def check(model, items, *, native=True, odd=()):
    """The answers are the source's, for all items, and for each of them alone."""
    plan = pretzel.compile(model, strict=native)
    for method in ("predict", "predict_proba", "decision_function", "transform"):
        if not hasattr(model, method):
            continue
        assert plan.physical.methods[method].program is not None
        for X in (items, items[:1], tuple(items), *([item] for item in odd)):
            compare(getattr(plan, method)(X), getattr(model, method)(X))
        if native:
            compare(getattr(plan, method)(iter(items)), getattr(model, method)(items))
        for item in [*items[:8], *odd]:
            want = getattr(model, method)([item])
            got = getattr(plan, f"{method}_one")(item)
            want = want.toarray()[0] if sparse.issparse(want) else want[0]
            got = got.toarray()[0] if sparse.issparse(got) else got
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)
    return plan


def compare(got, want):
    assert type(got) is type(want) or sparse.issparse(want)
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    if sparse.issparse(want):
        want = want.tocsr()
        np.testing.assert_array_equal(got.indptr, want.indptr)
        np.testing.assert_array_equal(got.indices, want.indices)
        got, want = got.data, want.data
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (LogisticRegression(),),
        (LinearSVC(),),
        (SGDClassifier(random_state=0),),
        (MaxAbsScaler(), LogisticRegression()),
        (MaxAbsScaler(),),
        (StandardScaler(with_mean=False), LogisticRegression()),
        (TfidfTransformer(), LogisticRegression()),
        (TfidfTransformer(norm="l1", use_idf=False),),
        (SelectKBest(k=5), LogisticRegression()),
        (Normalizer(), LogisticRegression()),
        (DecisionTreeClassifier(max_depth=4, random_state=0),),
        (RandomForestClassifier(5, random_state=0),),
    ],
    ids=stable_id,
)
@pytest.mark.parametrize("dense", [False, True])
def test_named_features(steps, dense):
    if dense and any(isinstance(step, TfidfTransformer) for step in steps):
        pytest.skip("which has no native form over dense rows")
    odd = [each for each in ODD if "city=London" not in each]
    if len(steps) and isinstance(steps[-1], RandomForestClassifier | DecisionTreeClassifier):
        odd = odd[:-1]  # beyond float32
    model = fitted(make_pipeline(DictVectorizer(sparse=not dense), *steps), ABOVE)
    plan = check(model, ABOVE, odd=[each for each in odd if not holds_generator(each)])
    assert plan.physical.input.kind is InputKind.ITEMS


def fitted(model, items=RECORDS):
    """A model, if the source can fit it: DictVectorizer makes sparse rows with indices of 64 bits in some releases."""
    try:
        return model.fit(items, LABELS)
    except ValueError as error:
        if "32-bit" not in str(error):
            raise
        return pytest.skip("the source does not take the rows of its own DictVectorizer")


def holds_generator(item):
    return any(hasattr(value, "send") for value in item.values())


def test_generators_are_read_once():
    plan = pretzel.compile(DictVectorizer().fit(RECORDS))
    one = plan.transform_one({"tags": (tag for tag in ("new", "old"))})
    assert one.sum() == 2.0


@pytest.mark.parametrize(
    "last", [HistGradientBoostingClassifier(max_iter=3), make_pipeline(SimpleImputer(), LogisticRegression())]
)
def test_missing_values_in_dense_rows(last):
    model = make_pipeline(DictVectorizer(sparse=False), last).fit(RECORDS, LABELS)
    check(model, RECORDS, odd=[{"t": None}, {"t": float("nan"), "city": "London"}, {"n": np.nan}])


@pytest.mark.parametrize(
    "last",
    [
        LogisticRegression(),
        DecisionTreeClassifier(max_depth=3),
        RandomForestClassifier(3),
        KNeighborsClassifier(3),
        MaxAbsScaler(),
        SelectKBest(k=3),
        TfidfTransformer(),
        make_pipeline(StandardScaler(with_mean=False), LogisticRegression()),
        IsolationForest(n_estimators=5, random_state=0),
    ],
    ids=stable_id,
)
@pytest.mark.parametrize("value", [None, np.nan, np.inf, -np.inf, 1e39])
def test_values_that_are_not_finite_in_sparse_rows(last, value):
    model = fitted(make_pipeline(DictVectorizer(), last), ABOVE)
    plan = pretzel.compile(model)
    method = "predict" if hasattr(model, "predict") else "transform"
    item = {"t": value, "n": 2}
    try:
        want = getattr(model, method)([item])
    except ValueError:
        with pytest.raises(InputValueError if not plan.physical.methods[method].opaque else ValueError):
            getattr(plan, method)([item])
        with pytest.raises(ValueError):  # noqa: PT011
            getattr(plan, f"{method}_one")(item)
        return
    got = getattr(plan, method)([item])
    if sparse.issparse(want):
        got, want = got.toarray(), want.toarray()
    np.testing.assert_array_equal(got, want)


REPEATED = [{"tags": ["new", "new"], "t": 1.0}, {"city": "London", "city=London": 2.5}, {"city": ["London"] * 20}]


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (LogisticRegression(),),
        (TfidfTransformer(),),
        (DecisionTreeClassifier(random_state=0),),
        (Normalizer(), LogisticRegression()),
    ],
    ids=stable_id,
)
@pytest.mark.parametrize("dense", [False, True])
def test_features_that_are_there_twice(steps, dense):
    """Dense rows hold the sum; what sparse rows become is decided by each step, so the source answers."""
    if dense and any(isinstance(step, TfidfTransformer) for step in steps):
        pytest.skip("which has no native form over dense rows")
    model = fitted(make_pipeline(DictVectorizer(sparse=not dense), *steps))
    plan = pretzel.compile(model)
    method = "predict" if hasattr(model, "predict") else "transform"
    for item in REPEATED:
        want, got = getattr(model, method)([item]), getattr(plan, method)([item])
        one = getattr(plan, f"{method}_one")(item)
        if sparse.issparse(want):
            want, got, one = want.toarray(), got.toarray(), one.toarray()[0]
        np.testing.assert_allclose(got, want)
        np.testing.assert_allclose(one, want[0])
    if dense:
        return
    model = None
    alone = pretzel.compile(make_pipeline(DictVectorizer(), *steps).fit(RECORDS, LABELS))
    with pytest.raises(InputValueError, match="row 1 holds a feature twice"):
        getattr(alone, method)([RECORDS[0], REPEATED[0]])


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ({"a": 1}, "dict"),
        ([1], "texts"),
        (b"abc", "texts"),
        (np.bool_(True), "bool"),
        (1j, "complex"),
        (object(), "object"),
        (10**400, "int too large"),
        (["a", 1], "texts"),
        (np.array(1.0), "array"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_that_the_source_rejects(value, what):
    model = make_pipeline(DictVectorizer(), LogisticRegression()).fit(RECORDS, LABELS)
    plan = pretzel.compile(model)
    with pytest.raises((TypeError, OverflowError)):
        model.predict([{"t": value}])
    with pytest.raises(InputTypeError, match=what):
        plan.predict([RECORDS[0], {"t": value}])
    with pytest.raises(InputTypeError, match=what):
        plan.predict_one({"t": value})
    for strange in ({"strange": 1j}, {"strange": 10**400}):  # nobody reads it
        assert plan.predict([strange]) == model.predict([strange])
        assert plan.predict_one(strange) == model.predict([strange])[0]


@pytest.mark.parametrize("item", ["London", 1.0, None, ["t", 1.0], [("t", 1.0)], b"t", object()], ids=stable_id)
def test_items_that_are_no_dicts(item):
    plan = pretzel.compile(make_pipeline(DictVectorizer(), LogisticRegression()).fit(RECORDS, LABELS), name="weather")
    with pytest.raises(InputTypeError, match="weather: row 1, item: expected a dict of features"):
        plan.predict([RECORDS[0], item])
    with pytest.raises(InputTypeError, match="weather: item: expected a dict of features"):
        plan.predict_one(item)


def test_requests_that_are_no_lists():
    model = make_pipeline(DictVectorizer(), LogisticRegression()).fit(RECORDS, LABELS)
    plan = pretzel.compile(model)
    np.testing.assert_array_equal(plan.predict(RECORDS[0]), model.predict(RECORDS[0]))  # as of a list of one
    np.testing.assert_array_equal(plan.predict(np.array(RECORDS)), model.predict(RECORDS))
    for X in ("text", 1.0, None):
        with pytest.raises(InputTypeError):
            plan.predict(X)
    with pytest.raises(InputShapeError, match="at least one item"):
        plan.predict([])
    hashed = pretzel.compile(FeatureHasher(8))
    with pytest.raises(InputTypeError, match="one dict"):
        hashed.transform({"a": 1.0})


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("form", "items"), [("dict", FLAT), ("pair", PAIRS), ("string", TOKENS)])
@pytest.mark.parametrize("width", [1, 3, 64, 2**20])
def test_hashed_features(form, items, width, signed):
    hasher = FeatureHasher(width, input_type=form, alternate_sign=signed)
    check(hasher, items)
    check(make_pipeline(hasher, SGDClassifier(random_state=0)).fit(items, LABELS), items)
    if not signed:
        positive = [[(name, abs(v) if isinstance(v, float) else v) for name, v in each] for each in PAIRS]
        items = {"dict": [dict(each) for each in positive], "pair": positive}.get(form, items)
        check(make_pipeline(hasher, MultinomialNB()).fit(items, LABELS), items)


def test_odd_features_are_hashed():
    dicts = [
        {},
        {"a": 0.0, "b": 0, "c": False, "": 1.0},
        {b"bytes": 1.5, "a": np.float32(0.25), "b": np.int8(3), "c": decimal.Decimal("0.5")},
        {"a": np.bool_(True), "b": np.str_("x"), "naïve": "café"},
        {1: "text", None: "x"},
        {1: 0.0},
        {"a": np.nan, "b": np.inf},
        {f"feature {i}": i * 0.1 for i in range(300)},
        UserDict(a=1.0),
    ]
    for width in (2, 7, 1000):
        check(FeatureHasher(width), dicts, odd=dicts)
        pairs = [[*each.items()] for each in dicts]
        check(FeatureHasher(width, input_type="pair"), pairs, odd=[*pairs, (("a", 1),), [["a", 2]], {("b", 2.0): 0}])
    tokens = [["a", "b", "a"], ("a",), {"x"}, [], [b"bytes"], np.array(["p", "q"]), {"key": 1}]
    check(FeatureHasher(16, input_type="string"), tokens, odd=tokens)


@pytest.mark.parametrize(
    ("form", "item"),
    [
        ("dict", {"a": None}),
        ("dict", {1: 1.0}),
        ("dict", {"a": [1.0]}),
        ("dict", {"a": b"1"}),
        ("dict", {"a": 1j}),
        ("dict", {"a": 10**400}),
        ("dict", [("a", 1.0)]),
        ("dict", None),
        ("dict", {"\ud800": 1.0}),
        ("dict", {"a": "\ud800"}),
        ("pair", [("a", 1.0, 2.0)]),
        ("pair", ["a"]),
        ("pair", [1]),
        ("pair", 1),
        ("pair", [(1, 1.0)]),
        ("string", [1]),
        ("string", 1),
        ("string", [None]),
        ("string", "text"),
        ("string", ["\ud800"]),
    ],
    ids=stable_id,
)
def test_what_a_hasher_rejects(form, item):
    hasher = FeatureHasher(8, input_type=form)
    with pytest.raises((TypeError, ValueError, AttributeError, OverflowError)):
        hasher.transform([item])
    plan = pretzel.compile(hasher)
    with pytest.raises(InputError):
        plan.transform([item])
    with pytest.raises(InputError):
        plan.transform_one(item)


def test_texts_among_lists_of_texts():
    """scikit-learn looks at the first item only."""
    hasher = FeatureHasher(8, input_type="string")
    plan = pretzel.compile(hasher)
    compare(plan.transform([["a"], "abc"]), hasher.transform([["a"], "abc"]))


@pytest.mark.parametrize(
    "vectorizer",
    [
        DictVectorizer(dtype=np.float32),
        DictVectorizer(dtype=float),
        DictVectorizer(dtype=np.int64),
        DictVectorizer(separator="\ud800"),
        FeatureHasher(8, dtype=np.float32),
    ],
    ids=stable_id,
)
def test_without_native_form(vectorizer):
    plan = pretzel.compile(vectorizer.fit(FLAT))
    assert plan.physical.methods["transform"].opaque
    got, want = plan.transform(FLAT), vectorizer.transform(FLAT)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got.toarray(), want.toarray())


def test_names_that_are_no_texts():
    items = [{1: 2.0, 2: 1.0}]
    model = DictVectorizer().fit(items)
    plan = pretzel.compile(model)
    assert "not str" in plan.physical.methods["transform"].opaque[0].reason
    np.testing.assert_array_equal(plan.transform(items).toarray(), model.transform(items).toarray())


@pytest.mark.parametrize("options", [{"sort": False}, {"separator": ""}, {"separator": " ≈ "}], ids=str)
def test_options(options):
    check(make_pipeline(DictVectorizer(**options), LogisticRegression()).fit(RECORDS, LABELS), RECORDS, odd=ODD[:10])


def test_restricted_features():
    model = DictVectorizer().fit(RECORDS)
    model.restrict(np.arange(0, len(model.vocabulary_), 2), indices=True)
    check(model, RECORDS)


def test_many_features():
    """More than a run of the sort, and more than a cache of names."""
    items = [{f"f{j}": float(j + i) for j in RNG.permutation(3000)[: 10 + 7 * i]} for i in range(60)]
    check(make_pipeline(DictVectorizer(), LogisticRegression(max_iter=20)).fit(items, np.arange(60) % 2), items)
    check(FeatureHasher(50), items)


def test_side_by_side():
    union = make_union(DictVectorizer(), DictVectorizer(separator=":"), DictVectorizer(sparse=False))
    check(make_pipeline(union, LogisticRegression()).fit(RECORDS, LABELS), RECORDS)
    check(make_pipeline(make_union(DictVectorizer(), FeatureHasher(16)), LogisticRegression()).fit(FLAT, LABELS), FLAT)
    opaque = make_union(DictVectorizer(), FunctionTransformer(lambda items: [[len(each)] for each in items]))
    check(make_pipeline(opaque, LogisticRegression()).fit(RECORDS, LABELS), RECORDS, native=False)


def test_saved_and_loaded(tmp_path):
    for model, items in (
        (make_pipeline(DictVectorizer(), LogisticRegression()).fit(RECORDS, LABELS), RECORDS),
        (make_pipeline(FeatureHasher(32), LogisticRegression()).fit(FLAT, LABELS), FLAT),
    ):
        pretzel.compile(model).save(tmp_path / "plan")
        plan = pretzel.load(tmp_path / "plan")
        np.testing.assert_array_equal(plan.predict(items), model.predict(items))
        assert [plan.predict_one(item) for item in items] == model.predict(items).tolist()
        assert plan.physical.input.kind is InputKind.ITEMS


def test_verified():
    for model, items in (
        (make_pipeline(DictVectorizer(), LogisticRegression()).fit(RECORDS, LABELS), RECORDS),
        (make_pipeline(DictVectorizer(sparse=False), DecisionTreeClassifier()).fit(RECORDS, LABELS), RECORDS),
        (make_pipeline(FeatureHasher(32, input_type="pair"), LogisticRegression()).fit(PAIRS, LABELS), PAIRS),
    ):
        report = pretzel.verify(pretzel.compile(model), model, items, boundary=True)
        assert report.ok, str(report)
        assert pretzel.verify(pretzel.compile(model), model, items[0]).ok


SCHEMAS = {
    "named": (DictVectorizer().fit(RECORDS), RECORDS[0], [{"a": {}}, ["a"], "a"]),
    "dict": (FeatureHasher(8), FLAT[1], [{"a": None}, ["a"], "a"]),
    "pair": (FeatureHasher(8, input_type="pair"), [list(pair) for pair in PAIRS[1]], [{"a": 1}, ["a"]]),
    "string": (FeatureHasher(8, input_type="string"), TOKENS[1], [{"a": 1}, [1]]),
}


@pytest.mark.parametrize("form", SCHEMAS)
def test_schemas(form):
    jsonschema = pytest.importorskip("jsonschema")
    pydantic = pytest.importorskip("pydantic")
    model, good, bad = SCHEMAS[form]
    schema = pretzel.compile(model).input_schema
    assert (schema.kind, schema.form) == ("items", form)
    assert "one item for each row" in str(schema)
    jsonschema.validate(good, schema.to_json_schema())
    assert schema.to_pydantic().model_validate(good).root is not None
    for item in bad:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(item, schema.to_json_schema())
        with pytest.raises(pydantic.ValidationError):
            schema.to_pydantic().model_validate(item)


def test_many_models():
    runtime = pretzel.Runtime(results=1 << 20, materialize=1 << 20)
    models = {f"m{i}": make_pipeline(DictVectorizer(), LogisticRegression(C=c)) for i, c in enumerate((1.0, 0.1, 10.0))}
    for name, model in models.items():
        runtime.register(name, model.fit(RECORDS, LABELS))
    for _ in range(2):
        for item in RECORDS[:9]:
            want = [model.predict([item])[0] for model in models.values()]
            assert runtime.predict_many([(name, item) for name in models]) == want
            assert [runtime[name].predict_one(item) for name in models] == want
            assert runtime.predict_all(item, models) == want
    futures = [runtime.submit(name, RECORDS) for name in models]
    for future, model in zip(futures, models.values(), strict=True):
        np.testing.assert_array_equal(future.result(), model.predict(RECORDS))
    runtime.close()


def test_other_names_are_a_broken_vocabulary():
    model = DictVectorizer().fit(RECORDS)
    model.vocabulary_ = {**model.vocabulary_, "t": 99}
    with pytest.raises(CompileError):
        pretzel.compile(model)
