"""TableVectorizer of skrub against the library, in front of a model: frames of pandas and polars, rows, odd values."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler, TargetEncoder

import pretzel
from pretzel.errors import PretzelError, UntrustedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

skrub = pytest.importorskip("skrub")
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
N = 120
TABLE = pd.DataFrame(
    {
        "city": RNG.choice(["Bonn", "Paris", "a b", "Köln"], N),
        "size": RNG.normal(size=N),
        "count": RNG.integers(0, 9, N),
        "kind": RNG.choice(["u", "v", None, "N/A", " \t"], N),
        "pair": RNG.choice(["yes", "no"], N),
        "grade": pd.Categorical(RNG.choice(["low", "mid", "high"], N)),
        "empty": None,
    }
)
TABLE.loc[::9, "size"] = np.nan
Y = (TABLE["city"] == "Bonn").to_numpy() ^ (RNG.random(N) < 0.2)
WHEN = pd.date_range("2020-01-01", periods=N, freq="31h")
ODD = ["Rome", "", "  ", "\t\n", "\u00a0", "\u3000 ", "\x1c", "NA", "null", "?", "nan", "N/A", "N/A ", "Köln", "日本"]
OBJECTS = [*ODD, None, np.nan, pd.NA, 3, 2.5, True, b"Bonn", datetime.date(2020, 1, 1)]


def both(name: str) -> Any:
    """A table in a library."""
    return TABLE if name == "pandas" else pl.from_pandas(TABLE)


def asks(plan: Any, model: Any, table: Any, *, exact: bool = True) -> None:
    """The plan answers as its model does."""
    tolerance = {"rtol": 1e-9, "atol": 1e-12} if exact else {"rtol": 1e-5, "atol": 1e-6}
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    want = getattr(model, method)(table)
    np.testing.assert_allclose(getattr(plan, method)(table), want, **tolerance)


def native(model: Any, table: Any) -> Any:
    """The plan of a model without an opaque step, which no longer has its source; and what the model says."""
    plan = pretzel.compile(model, strict=True)
    assert not plan.opaque_steps
    asks(plan, model, table)
    one = table[:1]
    asks(plan, model, one)
    row = one.to_dict("records")[0] if isinstance(table, pd.DataFrame) else one.to_dicts()[0]
    want = model.predict(one)[0]
    np.testing.assert_allclose(plan.predict_one(row), want, rtol=1e-6)
    return plan


def vectorized(*, model: Any = None, **options: Any) -> Any:
    """A vectorizer in front of a model that takes missing values."""
    return make_pipeline(skrub.TableVectorizer(**options), model or boosted())


def boosted(**options: Any) -> Any:
    """Trees that take missing values."""
    return HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=4, **options)


LIBRARIES = pytest.mark.parametrize("library", ["pandas", "polars"])
ENCODERS: dict[str, Callable[[], Any]] = {
    "one-hot": lambda: vectorized(),
    "ordinal": lambda: vectorized(low_cardinality=OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)),
    "target": lambda: vectorized(low_cardinality=TargetEncoder()),
    "categorical": lambda: vectorized(
        low_cardinality=skrub.ToCategorical(),
        model=boosted(categorical_features="from_dtype"),
    ),
    "scaled": lambda: vectorized(numeric=StandardScaler()),
    "dropped": lambda: vectorized(numeric="drop"),
    "constant": lambda: vectorized(drop_if_constant=True, drop_null_fraction=0.3),
    "null strings": lambda: vectorized(null_strings=["Bonn", "Köln"]),
    "specific": lambda: vectorized(specific_transformers=[(StandardScaler(), ["count"])]),
}


@LIBRARIES
@pytest.mark.parametrize("name", ENCODERS)
def test_encoders(name: str, library: str) -> None:
    table = both(library)
    if name == "target" and library == "polars":
        pytest.skip("scikit-learn's TargetEncoder makes no frames of polars without pyarrow's help")
    native(ENCODERS[name]().fit(table, Y), table)


@LIBRARIES
@pytest.mark.parametrize("name", ["one-hot", "ordinal", "categorical"])
def test_missing_and_unseen_texts(name: str, library: str) -> None:
    table = both(library)
    model = ENCODERS[name]().fit(table, Y)
    plan = pretzel.compile(model, strict=True)
    for column in ("kind",) if library == "polars" else ("city", "kind"):
        values = [*ODD, None]
        changed = pd.concat([TABLE[:1]] * len(values), ignore_index=True).assign(**{column: values})
        asked = changed if library == "pandas" else pl.from_pandas(changed, schema_overrides={"empty": pl.Null})
        asks(plan, model, asked)
        want = model.predict_proba(asked)
        rows = changed.drop(columns=column).to_dict("records")
        got = [plan.predict_proba_one({**row, column: value}) for row, value in zip(rows, values, strict=True)]
        np.testing.assert_allclose(got, want, rtol=1e-9)
        np.testing.assert_allclose(plan.predict_proba([{**row, column: value} for row, value in
                                                       zip(rows, values, strict=True)]), want, rtol=1e-9)  # fmt: skip


@pytest.mark.parametrize("name", ["one-hot", "ordinal", "categorical"])
def test_objects_among_texts(name: str) -> None:
    model = ENCODERS[name]().fit(TABLE, Y)
    plan = pretzel.compile(model, keep_source=True)
    for values in ([*OBJECTS], [*ODD, pd.NA], ["u", pd.NaT], [None] * 2, [3, 3]):
        asks(plan, model, TABLE[: len(values)].assign(kind=pd.Series(values, dtype=object)))
    for dtype in ("category", "string", pd.ArrowDtype(pa.string())):
        asks(plan, model, TABLE[:20].assign(city=TABLE["city"][:20].astype(dtype)))


def test_categories_that_are_texts_of_numbers() -> None:
    table = TABLE.assign(kind=RNG.choice(np.array(["1", "a", 2.5], dtype=object), N))
    for name in ("one-hot", "categorical"):
        model = ENCODERS[name]().fit(table, Y)
        plan = pretzel.compile(model)
        asks(plan, model, table)
        for values in ([1, 1], ["1", "2.5"], [2.5, "a"]):
            asks(plan, model, table[:2].assign(kind=pd.Series(values, dtype=object)))
        row = {**table.iloc[0].to_dict(), "kind": 1}
        with pytest.raises(PretzelError, match="kind"):  # 1 and 1.0 are two texts, and one number
            plan.predict_proba_one(row)


@LIBRARIES
def test_numbers(library: str) -> None:
    table = both(library)
    model = vectorized().fit(table, Y)
    plan = pretzel.compile(model, strict=True)
    for values in ([1e300, -1e300], [np.inf, -np.inf], [16777217, 33554435], [True, False], [None, 0.1], [1, None]):
        changed = TABLE[:2].assign(size=values)
        asks(plan, model, changed if library == "pandas" else pl.from_pandas(changed))
    for dtype in ("float32", "float16", "int8", "Int64"):
        changed = TABLE[:40].assign(count=TABLE["count"][:40].astype(dtype))
        asks(plan, model, changed if library == "pandas" else pl.from_pandas(changed))
    texts = TABLE[:3].assign(size=["1.5", "abc", "1_0"])
    asks(plan, model, texts if library == "pandas" else pl.from_pandas(texts))


def test_nan_of_objects_among_numbers() -> None:
    model = vectorized().fit(TABLE, Y)
    plan = pretzel.compile(model)
    for values in ([None, None], [pd.NA, 2], ["x", 1.0], [True, None]):
        asks(plan, model, TABLE[:2].assign(size=pd.Series(values, dtype=object)))


def test_objects_beside_texts_whose_components_are_float32() -> None:
    """The steps behind the components compute in float32, whatever the dtype of the numbers beside them."""
    notes = [f"order {i} from {place}" for i, place in enumerate(RNG.choice(["web", "app", "shop"], N))]
    table = pd.DataFrame({"note": notes, "size": RNG.lognormal(size=N)})
    vectorizer = skrub.TableVectorizer(high_cardinality=skrub.StringEncoder(8, random_state=0))
    trees = HistGradientBoostingClassifier(max_iter=9, min_samples_leaf=2, random_state=0)
    model = make_pipeline(vectorizer, trees).fit(table, Y)
    plan = pretzel.compile(model, strict=True)
    asks(plan, model, table)
    asks(plan, model, table.astype({"size": object}))


def test_no_rows() -> None:
    for options in ({}, {"low_cardinality": "drop"}):
        model = vectorized(**options, model=Ridge()) if options else vectorized()
        model.fit(TABLE.assign(size=0.5), Y)
        plan = pretzel.compile(model)
        with pytest.raises(ValueError, match=r"."):
            model.predict(TABLE[:0])
        with pytest.raises(ValueError, match=r"."):
            plan.predict(TABLE[:0])


@LIBRARIES
def test_texts_of_dates_are_native_beside_all_else(library: str) -> None:
    table = TABLE.assign(when=WHEN, day=[f"2020-01-{1 + i % 28:02}" for i in range(N)])
    given = table if library == "pandas" else pl.from_pandas(table)
    model = vectorized().fit(given, Y)
    plan = pretzel.compile(model)
    assert not plan.opaque_steps
    for rows in (N, 1, 2):
        asks(plan, model, given[:rows])
    row = table.iloc[0].to_dict()
    for changed in (row, {**row, "day": None}, {**row, "when": None, "kind": None}):
        frame = pd.DataFrame([changed]).astype({"when": "datetime64[us]", "empty": object, "day": object})
        texts = dict.fromkeys(("day", "kind", "empty"), pl.String)
        want = model.predict_proba(frame if library == "pandas" else pl.from_pandas(frame, schema_overrides=texts))
        np.testing.assert_allclose(plan.predict_proba_one(changed), want[0], rtol=1e-6)
    row["when"] = row["when"].to_pydatetime()
    np.testing.assert_allclose(plan.predict_proba([row, row])[1], model.predict_proba(given[:1])[0], rtol=1e-6)


ROADS = [f"Straße {i % 40} Nummer Q{i % 13}" if i % 3 else f"Main road {i}" for i in range(N)]
TEXTS = {
    "n-grams": {"n_components": 4},
    "words": {"n_components": 3, "analyzer": "word", "ngram_range": (1, 1)},
    "hashed": {"n_components": 4, "vectorizer": "hashing"},
    "not projected": {"n_components": 1000},
}


@pytest.mark.parametrize("name", TEXTS)
def test_texts_of_many_values(name: str) -> None:
    """The projection has the bits of SciPy's in float32, because trees may tell rows apart by the last bit."""
    library = "polars" if name == "words" else "pandas"
    table = pd.DataFrame({"road": ROADS, "size": TABLE["size"]})
    table.loc[3:5, "road"] = [None, "N/A", " "]
    given = table if library == "pandas" else pl.from_pandas(table)
    model = make_pipeline(skrub.TableVectorizer(high_cardinality=skrub.StringEncoder(**TEXTS[name])), boosted())
    model.fit(given, Y)
    plan = pretzel.compile(model, strict=True)
    asks(plan, model, given)
    values = ["N/A", "NULL", "1.#QNAN", " ", "\u00a0", None, "Straße 5", "MAIN ROAD 5", "İstanbul"]
    asked = pd.DataFrame({"road": values, "size": 1.0})
    want = model.predict_proba(asked if library == "pandas" else pl.from_pandas(asked))
    rows = [{"road": value, "size": 1.0} for value in values]
    np.testing.assert_allclose(plan.predict_proba(rows), want, rtol=1e-9)
    np.testing.assert_allclose([plan.predict_proba_one(row) for row in rows], want, rtol=1e-9)
    numbers = pd.DataFrame({"road": [1, 2], "size": 1.0})
    if library == "pandas":
        asks(plan, model, numbers)
    with pytest.raises(PretzelError, match="road"):
        plan.predict_one({"road": 1, "size": 1.0})


def test_null_strings_that_small_letters_may_hide_are_opaque() -> None:
    table = pd.DataFrame({"road": ROADS, "size": TABLE["size"]})
    model = vectorized(null_strings=["unknown"]).fit(table, Y)
    (step,) = pretzel.compile(model).opaque_steps
    assert step.step.endswith("road")


def test_other_columns_are_refused() -> None:
    model = vectorized().fit(TABLE, Y)
    plan = pretzel.compile(model)
    for asked in (TABLE[TABLE.columns[::-1]], TABLE.drop(columns="size"), TABLE.to_numpy(dtype=object)):
        with pytest.raises(ValueError, match=r"."):
            model.predict(asked)
        with pytest.raises(PretzelError):
            plan.predict(asked)


def test_arrays() -> None:
    X = TABLE[["size", "count"]].to_numpy()
    model = vectorized().fit(X, Y)
    plan = pretzel.compile(model, strict=True)
    asks(plan, model, X)
    asks(plan, model, X.astype(np.float32))
    np.testing.assert_allclose(plan.predict_proba_one(X[0]), model.predict_proba(X[:1])[0], rtol=1e-9)


def test_a_frame_is_returned_as_the_library_does() -> None:
    for table in (TABLE, pl.from_pandas(TABLE)):
        vectorizer = skrub.TableVectorizer().fit(table)
        found, want = pretzel.compile(vectorizer).transform(table), vectorizer.transform(table)
        assert type(found) is type(want)
        assert found.equals(want)


def test_tabular_pipelines() -> None:
    for model in (skrub.tabular_pipeline(LogisticRegression()), skrub.tabular_pipeline("classifier")):
        model.fit(TABLE, Y)
        plan = pretzel.compile(model)
        asks(plan, model, TABLE, exact=False)
        asks(plan, model, TABLE[:1], exact=False)


def test_saved(tmp_path: Path) -> None:
    model = vectorized().fit(TABLE, Y)
    pretzel.compile(model).save(tmp_path / "model.pretzel")
    plan = pretzel.load(tmp_path / "model.pretzel")
    np.testing.assert_allclose(plan.predict_proba(TABLE), model.predict_proba(TABLE), rtol=1e-9)
    texts = WHEN.strftime("%d/%m/%Y")
    dated = vectorized().fit(TABLE.assign(when=texts), Y)
    pretzel.compile(dated).save(tmp_path / "dated.pretzel", opaque="cloudpickle")
    plan = pretzel.load(tmp_path / "dated.pretzel", allow_pickle=True)
    given = TABLE.assign(when=texts)
    np.testing.assert_allclose(plan.predict_proba(given), dated.predict_proba(given), rtol=1e-9)


def test_steps_of_a_column_need_no_trust_of_their_own(tmp_path: Path) -> None:
    pytest.importorskip("skops")
    vectorizer = skrub.TableVectorizer(cardinality_threshold=2, high_cardinality=skrub.GapEncoder(n_components=2))
    table = TABLE[["city", "size"]]
    model = make_pipeline(vectorizer, boosted()).fit(table, Y)
    plan = pretzel.compile(model)
    assert plan.opaque_steps
    plan.save(tmp_path / "plan", opaque="skops")
    with pytest.raises(UntrustedError) as caught:
        pretzel.load(tmp_path / "plan")
    assert not [name for name in caught.value.types if name.startswith("pretzel.")]
    again = pretzel.load(tmp_path / "plan", trusted=caught.value.types)
    np.testing.assert_array_equal(again.predict_proba(table), plan.predict_proba(table))
