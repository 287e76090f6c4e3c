"""Steps of feature_engine against the library, in front of a model."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import InputKeyError, InputTypeError, InputValueError, PretzelError
from tests import releases

pytest.importorskip("feature_engine")
from feature_engine import creation, discretisation, encoding, imputation, outliers, scaling, selection, transformation
from feature_engine.pipeline import Pipeline as RowPipeline
from feature_engine.wrappers import SklearnTransformerWrapper

pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
N = 300
TABLE = pd.DataFrame(
    {
        "city": RNG.choice(["Bonn", "Paris", "a b", ""], N, p=[0.5, 0.3, 0.15, 0.05]),
        "size": RNG.normal(size=N),
        "kind": RNG.choice(["u", "v"], N),
        "grade": RNG.integers(0, 4, N),
        "weight": RNG.normal(10.0, 2.0, size=N),
    }
)
Y = (TABLE["size"] + RNG.normal(size=N) > 0).to_numpy().astype(int)
HOLES = TABLE.copy()
HOLES.loc[::7, "size"] = np.nan
HOLES.loc[::5, "weight"] = np.nan
HOLES.loc[::6, "kind"] = None
NUMBERS = ["size", "grade", "weight"]
FEW: dict[str, Any] = {"cv": 2, "param_grid": {"max_depth": [3]}, "random_state": 0}
ANY: dict[str, Any] = {"ignore_format": True, "variables": ["grade", "kind", "city"]}
TREE = DecisionTreeClassifier(max_depth=5, random_state=0)
NEW = TABLE[:8].copy()
NEW.loc[::7, "city"] = "Rome"
NEW.loc[[0, 5], "kind"] = None
NEW.loc[3, "grade"] = 99
OBJECTS = NEW.astype(object)
OBJECTS.loc[[2, 5], "kind"] = [None, 3]


def answer(call: Any, asked: Any) -> Any:
    """The answer, or the error that was raised instead."""
    try:
        return call(asked)
    except Exception as error:
        return error


def check(*steps: Any, table: pd.DataFrame = TABLE, new: pd.DataFrame = NEW, model: Any = None) -> Any:
    """Answers of frames of several lengths, and of each row; and the plan."""
    model = make_pipeline(*steps, TREE if model is None else model).fit(table, Y)
    plan = pretzel.compile(model)
    thousand = table.iloc[np.arange(1000) % len(table)]
    for asked in (table[:0], table[:2], thousand[table.columns[::-1]], new, new[:1]):
        same(answer(model.predict_proba, asked), answer(plan.predict_proba, asked), asked)
    for i in range(len(new)):
        expected = answer(model.predict_proba, new[i : i + 1])
        found = answer(plan.predict_proba_one, new.iloc[i].to_dict())
        same(expected if isinstance(expected, Exception) else expected[0], found, new[i : i + 1])
    return plan


def same(expected: Any, found: Any, asked: Any) -> None:
    if isinstance(expected, Exception) or isinstance(found, Exception):
        assert isinstance(found, PretzelError) or str(found) == str(expected), (asked, expected, found)
        assert isinstance(expected, Exception), (asked, found)
    else:
        assert found.shape == expected.shape
        assert np.allclose(found, expected, rtol=1e-9, atol=0.0), (asked, expected, found)


@pytest.mark.parametrize(
    "step",
    [
        imputation.MeanMedianImputer(),
        imputation.MeanMedianImputer(imputation_method="mean", variables=["weight"]),
        imputation.ArbitraryNumberImputer(-7),
        imputation.ArbitraryNumberImputer(imputer_dict={"weight": 3, "size": 0.5}),
        imputation.EndTailImputer(tail="left"),
        imputation.EndTailImputer("max"),
    ],
    ids=str,
)
def test_imputers_of_numbers(step: Any) -> None:
    table = HOLES[NUMBERS]
    assert not check(step, table=table, new=table[:8].astype({"size": object})).opaque_steps
    check(step, table=table, new=table[:8].astype({"size": "float32"}))
    check(step, table=table, new=table[:8].astype("float32"))


@pytest.mark.parametrize(
    "step",
    [
        imputation.CategoricalImputer(),
        imputation.CategoricalImputer("frequent", return_object=True),
        imputation.CategoricalImputer(fill_value="u"),
        imputation.CategoricalImputer(fill_value="none", variables=["kind"]),
    ],
    ids=str,
)
def test_imputers_of_categories(step: Any) -> None:
    one_hot = encoding.OneHotEncoder()
    assert not check(step, imputation.MeanMedianImputer(), one_hot, table=HOLES, new=HOLES[:8]).opaque_steps
    check(step, imputation.MeanMedianImputer(), one_hot, table=HOLES, new=OBJECTS)


def test_the_most_frequent_value_of_any_column() -> None:
    step = imputation.CategoricalImputer("frequent", ignore_format=True, variables=["kind", "grade"])
    table = HOLES.assign(grade=TABLE["grade"].where(TABLE["size"] > -1))
    drop = selection.DropFeatures(["city", "kind"])
    assert not check(step, drop, table=table, new=table[:8]).opaque_steps
    assert not check(step, encoding.OrdinalEncoder("arbitrary", **ANY), table=table, new=table[:8]).opaque_steps


@pytest.mark.parametrize("options", [{}, {"missing_only": False}, {"variables": ["kind", "size"]}], ids=str)
def test_indicators(options: dict[str, Any]) -> None:
    steps = imputation.AddMissingIndicator(**options), selection.DropFeatures(["city", "kind"])
    assert not check(*steps, table=HOLES, new=HOLES[:8]).opaque_steps
    assert not check(*steps, table=HOLES, new=OBJECTS).opaque_steps
    behind = StandardScaler(), imputation.AddMissingIndicator(missing_only=False)
    assert not check(*behind, table=HOLES[NUMBERS], new=HOLES[NUMBERS][:8]).opaque_steps


@pytest.mark.parametrize("missing_values", ["raise", "ignore"])
@pytest.mark.parametrize("unseen", ["raise", "ignore", "encode"])
@pytest.mark.parametrize(
    "kind",
    [encoding.CountFrequencyEncoder, encoding.MeanEncoder, encoding.OrdinalEncoder],
    ids=lambda kind: kind.__name__,
)
def test_encoders(kind: Any, unseen: str, missing_values: str) -> None:
    table = HOLES if missing_values == "ignore" and unseen != "raise" else TABLE
    encoder = kind(unseen=unseen, missing_values=missing_values, **ANY)
    assert not check(encoder, table=table).opaque_steps
    check(kind(unseen=unseen, missing_values=missing_values), table=table, new=OBJECTS)


@pytest.mark.parametrize(
    "encoder",
    [
        encoding.WoEEncoder(fill_value=0.01, **ANY),
        encoding.WoEEncoder(unseen="raise"),
        encoding.DecisionTreeEncoder(regression=False, scoring="roc_auc", random_state=0, **ANY),
        encoding.DecisionTreeEncoder(
            regression=False, scoring="roc_auc", random_state=0, unseen="encode", fill_value=-1, precision=2
        ),
        encoding.OneHotEncoder(**ANY),
        encoding.OneHotEncoder(drop_last=True),
        encoding.OneHotEncoder(drop_last_binary=True),
        encoding.OneHotEncoder(top_categories=2, **ANY),
        encoding.CountFrequencyEncoder("frequency"),
        encoding.OrdinalEncoder("arbitrary", unseen="encode"),
        encoding.MeanEncoder(smoothing="auto", unseen="encode"),
    ],
    ids=str,
)
def test_options_of_encoders(encoder: Any) -> None:
    assert not check(encoder).opaque_steps
    categories = TABLE.astype({"city": "category", "kind": "category"})
    check(encoder, table=categories, new=categories[:3])


@pytest.mark.parametrize("missing_values", ["raise", "ignore"])
@pytest.mark.parametrize("replace_with", ["Rare", "Bonn"])
def test_rare_labels(replace_with: Any, missing_values: str) -> None:
    table = HOLES if missing_values == "ignore" else TABLE
    same_option = {"missing_values": missing_values}
    rare = encoding.RareLabelEncoder(0.2, 2, replace_with=replace_with, **same_option)
    for encoder in (encoding.OrdinalEncoder(**same_option), encoding.MeanEncoder(unseen="encode", **same_option)):
        assert not check(rare, encoder, table=table, new=OBJECTS).opaque_steps
    if missing_values == "raise":
        check(rare, selection.DropFeatures(["kind"]), encoding.OneHotEncoder(variables=["city"]))
        check(encoding.RareLabelEncoder(0.2, 2, **ANY), encoding.CountFrequencyEncoder(**ANY))


def test_labels_that_no_encoder_reads() -> None:
    labels = encoding.RareLabelEncoder(0.2, 1, replace_with=-1, ignore_format=True, variables=["grade"])
    assert check(labels, table=TABLE[NUMBERS], new=TABLE[NUMBERS][:9]).opaque_steps


EDGES = {"size": [-1.0, -0.25, 0.5, 1.5], "weight": [0, 8, 10, 12, 20]}
POSITIVE = TABLE[NUMBERS].assign(size=TABLE["size"].abs() + 0.1, grade=TABLE["grade"] + 1)
ODD = pd.concat(
    [
        TABLE[NUMBERS][:2],
        pd.DataFrame(
            {
                "size": [-1.0, 0.5, 1.5, 1e9, -np.inf, 0.0, np.nan, 1.0, 2.0],
                "grade": [0, 1, 2, 3, 0, -1, 1, 2, 0],
                "weight": [0.0, 8, 10, 12, 20, 21, 9, np.inf, -1e300],
            }
        ),
    ],
    ignore_index=True,
)


@pytest.mark.parametrize(
    "step",
    [
        discretisation.EqualFrequencyDiscretiser(q=4),
        discretisation.EqualWidthDiscretiser(bins=5, return_object=True),
        discretisation.GeometricWidthDiscretiser(bins=4, variables=["weight", "size"]),
        discretisation.ArbitraryDiscretiser(EDGES),
        discretisation.ArbitraryDiscretiser({"weight": [-np.inf, 8, 10, np.inf]}),
        discretisation.DecisionTreeDiscretiser(regression=False, scoring="roc_auc", **FEW),
        discretisation.DecisionTreeDiscretiser("weight", "bin_number", regression=False, scoring="roc_auc", **FEW),
    ],
    ids=str,
)
def test_discretisers(step: Any) -> None:
    table = TABLE[NUMBERS]
    assert not check(step, table=table, new=ODD).opaque_steps
    check(step, table=table, new=table[:4].astype("float32"))


def test_values_on_an_edge_behind_a_function() -> None:
    """The edges of bins are values of the training data, which lie on the lower side."""
    whole = POSITIVE.assign(weight=np.arange(1.0, N + 1.0), size=np.arange(N) % 7 + 1.5)
    steps = transformation.LogTransformer(base="10"), transformation.PowerTransformer()
    for step in steps:
        check(step, discretisation.EqualFrequencyDiscretiser(q=100), table=whole, new=whole[:8])
        check(step, encoding.OrdinalEncoder(**{**ANY, "variables": ["size"]}), table=whole, new=whole[:8])


def test_trees_of_a_regression() -> None:
    step = discretisation.DecisionTreeDiscretiser(random_state=0).fit(TABLE[NUMBERS], TABLE["size"] * 2)
    for frozen in releases.frozen(step):
        model = make_pipeline(frozen, TREE).fit(TABLE[NUMBERS], Y)
        plan = pretzel.compile(model, strict=True)
        np.testing.assert_allclose(plan.predict_proba(TABLE[NUMBERS]), model.predict_proba(TABLE[NUMBERS]), rtol=1e-9)


def test_values_outside_of_all_intervals() -> None:
    table = TABLE[NUMBERS].assign(size=TABLE["size"].clip(-1.0, 1.5))
    assert not check(discretisation.ArbitraryDiscretiser(EDGES, errors="raise"), table=table, new=ODD).opaque_steps


def test_intervals_as_texts() -> None:
    step = discretisation.EqualFrequencyDiscretiser(q=4, variables=["size", "weight"], return_boundaries=True)
    for encoder in (encoding.OneHotEncoder(), encoding.MeanEncoder(unseen="raise")):
        assert not check(step, encoder, table=TABLE[NUMBERS], new=ODD).opaque_steps
    codes = discretisation.EqualWidthDiscretiser(bins=4, variables=["size"], return_object=True)
    assert not check(codes, encoding.OrdinalEncoder(variables=["size"]), table=TABLE[NUMBERS], new=ODD).opaque_steps


@pytest.mark.parametrize(
    "step",
    [
        transformation.LogTransformer(variables=["size", "weight"]),
        transformation.LogTransformer(base="10"),
        transformation.LogCpTransformer(),
        transformation.LogCpTransformer(C=2, base="10"),
        transformation.LogCpTransformer(C={"size": 3.5, "grade": 1}),
        transformation.PowerTransformer(),
        transformation.PowerTransformer(exp=2),
        transformation.YeoJohnsonTransformer(),
        transformation.BoxCoxTransformer(),
        transformation.BoxCoxTransformer(["weight"]),
        transformation.ReciprocalTransformer(variables=["size", "weight"]),
        transformation.ArcSinhTransformer(),
        transformation.ArcSinhTransformer(["weight"], loc=9.5, scale=0.3),
        creation.CyclicalFeatures(),
        creation.CyclicalFeatures(["weight", "grade"], drop_original=True),
        creation.CyclicalFeatures(max_values={"grade": 12, "size": 0.5}),
        creation.MathFeatures(NUMBERS, ["sum", "mean", "prod"]),
        creation.MathFeatures(["weight", "size"], "sum", ["all"], missing_values="ignore", drop_original=True),
        creation.MathFeatures(NUMBERS, "prod", missing_values="ignore"),
        creation.RelativeFeatures(["size", "grade"], ["weight"], ["sub", "add"]),
        creation.RelativeFeatures(["size", "weight"], ["weight"], ["mul", "sub"], drop_original=True),
        creation.RelativeFeatures(["size"], ["weight", "size"], ["add"], missing_values="raise"),
        creation.DecisionTreeFeatures(regression=False, scoring="roc_auc", **FEW),
        creation.DecisionTreeFeatures(
            ["size", "weight"], 2, regression=False, scoring="accuracy", drop_original=True, **FEW
        ),
        scaling.MeanNormalizationScaler(),
        outliers.Winsorizer("gaussian", tail="both", fold=1),
        outliers.Winsorizer("iqr", missing_values="ignore"),
        outliers.ArbitraryOutlierCapper({"size": 1.0}, {"size": 0.0, "weight": 9}),
    ],
    ids=str,
)
def test_functions_of_numbers(step: Any) -> None:
    assert not check(step, table=POSITIVE, new=ODD).opaque_steps
    check(step, table=POSITIVE, new=POSITIVE[:4].astype("float32"))


def check_frame(step: Any, table: pd.DataFrame, asked: pd.DataFrame) -> None:
    """Frames of integers are the source's where it computes in their dtype; a row has no dtype."""
    model = make_pipeline(step, TREE).fit(table, Y)
    same(answer(model.predict_proba, asked), answer(pretzel.compile(model).predict_proba, asked), asked)


PLACES = pd.DataFrame(np.random.default_rng(5).uniform([-90, -180] * 2, [90, 180] * 2, (N, 4)), columns=[*"abcd"])


@pytest.mark.parametrize("options", [{}, {"output_unit": "miles", "drop_original": True}], ids=str)
@pytest.mark.parametrize("method", ["haversine", "euclidean", "manhattan"])
def test_distances(method: Any, options: dict[str, Any]) -> None:
    step = creation.GeoDistanceFeatures(*"abcd", method=method, **options)
    same_place = PLACES[:3].assign(c=PLACES["a"], d=PLACES["b"])
    missing = PLACES[3:5].assign(b=[np.nan, 0.0])
    assert not check(step, table=PLACES, new=pd.concat([same_place, missing, PLACES[5:8] / 1e6])).opaque_steps
    check_frame(step, PLACES, PLACES[:4].astype("int8"))


def test_the_distance_of_antipodes_hangs_on_last_bits() -> None:
    model = make_pipeline(creation.GeoDistanceFeatures(*"abcd"), TREE).fit(PLACES, Y)
    with pytest.raises(InputValueError, match=r"GeoDistanceFeatures.* a number beyond the range"):
        pretzel.compile(model).predict_one({"a": 10.0, "b": 20.0, "c": -10.0, "d": -160.0})


def test_arcsines() -> None:
    step, table = transformation.ArcsinTransformer(["a", "b"]), PLACES.abs() / 180
    new = table[:6].assign(a=[0.0, 1.0, 0.5, 1.5, -0.1, np.nan])
    assert not check(step, table=table, new=new).opaque_steps
    check_frame(step, table, new[:2].astype("int64"))


@pytest.mark.parametrize(
    "step",
    [
        transformation.PowerTransformer(exp=3),
        creation.MathFeatures(NUMBERS, "std"),
        creation.MathFeatures(NUMBERS, "mean", missing_values="ignore"),
        creation.MathFeatures(["size", "weight"], "sum", ["grade"]),
        creation.RelativeFeatures(["size"], ["weight"], ["div"]),
        creation.DecisionTreeFeatures(regression=False, scoring="roc_auc", precision=1, **FEW),
        outliers.Winsorizer(add_indicators=True),
    ],
    ids=str,
)
def test_functions_without_native_form(step: Any) -> None:
    assert check(step, table=POSITIVE, new=ODD).opaque_steps


def test_transformers_of_scikit_learn() -> None:
    scaler = SklearnTransformerWrapper(StandardScaler(), variables=["weight", "size"])
    one_hot = SklearnTransformerWrapper(OneHotEncoder(sparse_output=False, handle_unknown="ignore"), ["city", "kind"])
    best = SklearnTransformerWrapper(SelectKBest(k=2), variables=NUMBERS)
    assert not check(one_hot, scaler).opaque_steps
    assert not check(best, table=TABLE[NUMBERS], new=ODD).opaque_steps
    neighbors = SklearnTransformerWrapper(KNNImputer(), variables=["weight"])
    assert not check(
        neighbors, table=HOLES[NUMBERS].drop(columns="size"), new=HOLES[NUMBERS][:5].drop(columns="size")
    ).opaque_steps


def test_checks_of_columns_that_are_left_out() -> None:
    logs = transformation.LogTransformer(variables=["size"])
    plan = check(logs, selection.DropFeatures(["size"]), table=POSITIVE, new=ODD)
    assert not plan.opaque_steps
    with pytest.raises(PretzelError, match="size"):
        plan.predict_one({"size": -1.0, "grade": 1, "weight": 1.0})


@pytest.mark.parametrize("model", [LogisticRegression(), GradientBoostingClassifier(n_estimators=5)], ids=str)
def test_a_pipeline_of_many_steps(model: Any) -> None:
    steps = (
        imputation.AddMissingIndicator(),
        imputation.CategoricalImputer(),
        imputation.MeanMedianImputer(),
        encoding.RareLabelEncoder(0.2, 2, variables=["city"]),
        encoding.OrdinalEncoder(variables=["kind"]),
        encoding.OneHotEncoder(variables=["city"]),
        selection.DropConstantFeatures(),
    )
    assert not check(*steps, table=HOLES, new=HOLES[:8], model=model).opaque_steps
    fitted = RowPipeline([(str(i), step) for i, step in enumerate((*steps, model))]).fit(HOLES, Y)
    plan = pretzel.compile(fitted, strict=True)
    np.testing.assert_allclose(plan.predict_proba(HOLES), fitted.predict_proba(HOLES), rtol=1e-9)


def test_columns_of_a_transformer() -> None:
    parts = [
        ("number", make_pipeline(imputation.MeanMedianImputer(), StandardScaler()), ["weight", "size"]),
        ("text", make_pipeline(imputation.CategoricalImputer(), encoding.MeanEncoder()), ["kind", "city"]),
    ]
    assert not check(ColumnTransformer(parts), table=HOLES, new=HOLES[:8]).opaque_steps
    chosen = make_pipeline(encoding.OrdinalEncoder(unseen="raise"), selection.DropFeatures(["kind"]))
    both = ColumnTransformer([("text", chosen, ["kind", "city"]), ("number", "passthrough", ["size"])])
    assert not check(both, new=NEW).opaque_steps


def test_tables_with_other_columns() -> None:
    model = make_pipeline(imputation.MeanMedianImputer(), LogisticRegression()).fit(HOLES[NUMBERS], Y)
    plan = pretzel.compile(model, strict=True)
    schema = plan.input_schema
    assert (schema.any_order, schema.others_allowed) == (True, False)
    asked = HOLES[NUMBERS][:3]
    for other in (asked.assign(more=1.0), asked[["size", "grade"]], asked.rename(columns={"size": "Size"})):
        with pytest.raises((KeyError, ValueError)):
            model.predict(other)
        with pytest.raises(InputKeyError):
            plan.predict(other)
        with pytest.raises(InputKeyError):
            plan.predict_one(other.iloc[0].to_dict())
    with pytest.raises(KeyError):
        model.predict(asked.to_numpy())
    with pytest.raises(InputKeyError, match="by name"):
        plan.predict(asked.to_numpy())


@pytest.mark.parametrize("missing_values", ["raise", "ignore"])
@pytest.mark.parametrize("unseen", ["raise", "ignore", "encode"])
def test_the_schema_says_where_missing_values_are_rejected(unseen: str, missing_values: str) -> None:
    encoder = encoding.OrdinalEncoder("arbitrary", unseen=unseen, missing_values=missing_values)
    model = make_pipeline(encoder, LogisticRegression()).fit(TABLE, Y)
    plan = pretzel.compile(model, strict=True)
    city = plan.input_schema.columns[0]
    assert city.rejects_unknown is (unseen == "raise")
    assert city.nullable is (unseen == "encode" and missing_values == "ignore")
    assert (
        isinstance(answer(plan.predict_one, TABLE.iloc[0].to_dict() | {"city": None}), PretzelError)
        is not city.nullable
    )


def test_arrays() -> None:
    X = HOLES[NUMBERS].to_numpy()
    model = make_pipeline(imputation.MeanMedianImputer(), LogisticRegression()).fit(X, Y)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_allclose(plan.predict_proba(X), model.predict_proba(X), rtol=1e-9)
    np.testing.assert_allclose(plan.predict_proba_one(X[0]), model.predict_proba(X[:1])[0], rtol=1e-9)


@pytest.mark.parametrize(
    "step",
    [imputation.MeanMedianImputer(), imputation.AddMissingIndicator(), encoding.OrdinalEncoder("arbitrary")],
    ids=str,
)
def test_frames_are_returned_as_the_library_does(step: Any) -> None:
    table = TABLE.assign(size=HOLES["size"])
    step.fit(table)
    plan = pretzel.compile(step)
    pd.testing.assert_frame_equal(plan.transform(table), step.transform(table))
    behind = make_pipeline(step, selection.DropFeatures(["size"])).fit(table)
    pd.testing.assert_frame_equal(pretzel.compile(behind).transform(table), behind.transform(table))


@pytest.mark.parametrize(
    "step",
    [
        imputation.RandomSampleImputer(
            random_state=["weight"], seed="observation", seeding_method="add", variables=["size"]
        ),
        encoding.OneHotEncoder(ignore_format=True, variables=["day"]),
    ],
    ids=lambda step: type(step).__name__,
)
def test_what_has_no_native_form_is_opaque(step: Any) -> None:
    table = TABLE[NUMBERS].assign(day=pd.Timestamp("2020-01-01") + pd.to_timedelta(TABLE["grade"], "D"))
    if isinstance(step, imputation.RandomSampleImputer):
        table = HOLES[NUMBERS]
    assert check(step, table=table, new=table[:5]).opaque_steps


@pytest.mark.parametrize("dtype", ["float64", "int16"])
def test_columns_of_float32_beside_others(dtype: str) -> None:
    """Each column keeps its precision, so the median of one lies on either side of the edge of a bin."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {"age": rng.normal(40, 9, 300), "pay": rng.lognormal(3, 1, 300), "month": rng.integers(1, 13, 300)}
    )
    table.loc[::7, "age"] = np.nan
    bins = discretisation.EqualFrequencyDiscretiser(variables=["age"])
    steps = imputation.MeanMedianImputer(), outliers.Winsorizer(variables=["pay"]), bins
    model = make_pipeline(*steps, LogisticRegression(max_iter=1000)).fit(table, table["pay"] > 20)
    plan = pretzel.compile(model)
    for columns in (["age"], ["pay"], ["age", "pay"]):
        asked = table.astype({"month": dtype} | dict.fromkeys(columns, "float32"))
        same(model.predict_proba(asked), plan.predict_proba(asked), asked)
    loaded = pickle.loads(pickle.dumps(plan))
    with pytest.raises(InputTypeError, match=r"float32 \('pay'\) beside int"):
        loaded.predict_proba(table.astype({"pay": "float32"}))


def test_numbers_without_a_logarithm_are_named_as_such() -> None:
    model = make_pipeline(transformation.LogTransformer(variables=["size"]), TREE).fit(POSITIVE, Y)
    row = POSITIVE.iloc[0].to_dict() | {"size": 0.0}
    with pytest.raises(InputValueError, match=r"LogTransformer.* a number beyond the range"):
        pretzel.compile(model).predict_one(row)


def test_verify_knows_that_graphs_compute_frames_of_float32_in_float64() -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"age": rng.normal(40, 9, 300), "pay": rng.lognormal(3, 1, 300)})
    table.loc[::7, "age"] = np.nan
    bins = discretisation.EqualFrequencyDiscretiser(variables=["age"])
    model = make_pipeline(imputation.MeanMedianImputer(), bins, LogisticRegression()).fit(table, table["pay"] > 20)
    report = pretzel.verify(pretzel.compile(model), model, table.astype("float32"))
    assert report.ok, report.first_divergence
