"""A value that is missing is the same on every way in: rows as JSON, Arrow streams, tensors, batches of engines."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import pretzel
import pretzel.serving
from pretzel.integrations import BatchScorer
from tests.serving.conftest import Client
from tests.serving.test_arrow import ARROW, stream

RNG = np.random.default_rng(0)
CITIES = np.array(["Bonn", "Köln", None], dtype=object)[RNG.integers(0, 3, 200)]
NUMBER = np.where(RNG.random(200) < 0.2, np.nan, RNG.random(200))
FRAME = pd.DataFrame({"pay": NUMBER, "city": pd.Series(CITIES, dtype=object)})
LABELS = (FRAME["pay"].fillna(0.7) + FRAME["city"].isna() * 0.5 > 0.6).astype(int)
AS_PANDAS = FRAME.astype({"city": "str" if pd.__version__ >= "3" else object})
NUMBERS = make_pipeline(SimpleImputer(), StandardScaler())


def columns(words: Any) -> Any:
    return make_column_transformer((NUMBERS, ["pay"]), (words, ["city"]))


ENCODER = OneHotEncoder(handle_unknown="ignore")
FILLED = make_pipeline(SimpleImputer(strategy="most_frequent", missing_values=None), ENCODER)
CODES = make_column_transformer((OrdinalEncoder(), ["city"]), remainder="passthrough")
MODELS = {
    "NaN is known": (make_pipeline(columns(ENCODER), LogisticRegression()), AS_PANDAS),
    "None is known": (make_pipeline(columns(ENCODER), LogisticRegression()), FRAME),
    "filled": (make_pipeline(columns(FILLED), LogisticRegression()), FRAME),
    "boosting": (make_pipeline(CODES, HistGradientBoostingClassifier(max_iter=5)), AS_PANDAS),
}


def categories() -> tuple[Any, pd.DataFrame]:
    """A booster that was trained with a category dtype."""
    lightgbm = pytest.importorskip("lightgbm")
    frame = FRAME.astype({"city": "category"})
    return lightgbm.LGBMClassifier(n_estimators=5, min_child_samples=5, verbose=-1), frame


@pytest.fixture(params=[*MODELS, "categories"])
def fitted(request: pytest.FixtureRequest) -> tuple[Any, pd.DataFrame]:
    """A model, and the rows that it is asked."""
    model, frame = categories() if request.param == "categories" else MODELS[request.param]
    return model.fit(frame, LABELS), frame.head(40)


def answers(client: Client, rows: pd.DataFrame) -> dict[str, list[Any]]:
    """Probabilities of the second class by the way in."""
    listed = [
        {key: None if value is None or value != value else value for key, value in row.items()}
        for row in rows.astype(object).to_dict("records")
    ]
    path, more = "/models/m/predict_proba", {"Content-Type": ARROW, "Accept": "application/json"}
    table = pa.Table.from_pandas(rows, preserve_index=False)
    plain = table.set_column(1, "city", table["city"].cast(pa.string()))
    found = {"rows": client.post(path, listed).json}
    found["a row"] = [client.post(path, row).json for row in listed]
    found["lists"] = client.post(path, [[*row.values()] for row in listed]).json
    found["a list"] = [client.post(path, [*row.values()]).json for row in listed]
    coded = plain.set_column(1, "city", plain["city"].dictionary_encode())
    for name, each in (("table", table), ("strings", plain), ("dictionary", coded)):
        found[name] = client.post(path, stream(each), headers=more).json
    single = [client.post(path, stream(plain[i : i + 1]), headers=more) for i in range(len(plain))]
    found["a row of a table"] = [answer.json[0] for answer in single]
    inputs = [
        {"name": "pay", "datatype": "FP64", "shape": [len(rows)], "data": [row["pay"] for row in listed]},
        {"name": "city", "datatype": "BYTES", "shape": [len(rows)], "data": [row["city"] for row in listed]},
    ]
    body = {"inputs": inputs, "outputs": [{"name": "predict_proba"}]}
    flat = client.post("/v2/models/m/infer", body).json["outputs"][0]["data"]
    found["tensors"] = np.reshape(flat, (-1, 2)).tolist()
    return {way: np.asarray(each)[:, 1].tolist() for way, each in found.items()}


def test_every_way_in(fitted: tuple[Any, pd.DataFrame]) -> None:
    model, rows = fitted
    expected = model.predict_proba(rows)[:, 1]
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("m", model)
        for way, found in answers(Client(pretzel.serving.app(runtime)), rows).items():
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12, err_msg=way)


OPAQUE_FRAME = pd.DataFrame({"f": [1.0, np.nan, 3.0, 4.0], "m": ["a", np.nan, "b", "b"]})


@pytest.mark.parametrize(
    "step", [MissingIndicator(features="all"), OneHotEncoder(categories=[[1.0, 3.0, 4.0, np.nan]])]
)
def test_rows_for_a_step_in_python_and_for_a_sparse_answer(step: Any) -> None:
    words = SimpleImputer(strategy="most_frequent") if isinstance(step, MissingIndicator) else ENCODER
    model = make_column_transformer((step, ["f"]), (words, ["m"]), sparse_threshold=1.0).fit(OPAQUE_FRAME)
    expected = model.transform(pd.DataFrame({"f": [1.0], "m": [np.nan]}, dtype=object).astype({"f": float}))
    expected = expected.toarray() if hasattr(expected, "toarray") else expected
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("m", model)
        client = Client(pretzel.serving.app(runtime))
        for row in ({"f": 1.0, "m": None}, [1.0, None]):
            assert client.post("/models/m/transform", row).json == expected[0].tolist()
            assert client.post("/models/m/transform", [row]).json == expected.tolist()


def test_batches_of_engines(fitted: tuple[Any, pd.DataFrame]) -> None:
    model, rows = fitted
    expected = model.predict_proba(rows)[:, 1]
    scorer = BatchScorer(pretzel.compile(model), methods=["predict_proba"])
    table = pa.Table.from_pandas(rows, preserve_index=False)
    plain = table.set_column(1, "city", table["city"].cast(pa.string()))
    for each in (rows, table, plain, plain.to_batches()[0]):
        found = scorer(each)
        column = found["predict_proba_1"] if isinstance(found, pd.DataFrame) else found.column("predict_proba_1")
        np.testing.assert_allclose(np.asarray(column), expected, rtol=1e-9, atol=1e-12)
    alone = [scorer(plain[i : i + 1]).column("predict_proba_1")[0].as_py() for i in range(len(plain))]
    np.testing.assert_allclose(alone, expected, rtol=1e-9, atol=1e-12)


def test_null_among_whole_numbers_in_a_tensor_as_its_metadata_say() -> None:
    frame = pd.DataFrame({"n": [1.0, 2.0, np.nan, 2.0] * 3})
    model = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(frame, [0, 1, 1, 0] * 3)
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("m", model)
        client = Client(pretzel.serving.app(runtime))
        (described,) = client.get("/v2/models/m").json["inputs"]
        tensor = {**described, "shape": [4], "data": [1, 2.0, None, 2]}
        found = client.post("/v2/models/m/infer", {"inputs": [tensor], "outputs": [{"name": "predict_proba"}]})
    expected = model.predict_proba(frame[:4])
    np.testing.assert_allclose(np.reshape(found.json["outputs"][0]["data"], (4, 2)), expected, rtol=1e-9)
