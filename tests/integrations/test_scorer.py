"""`BatchScorer`: a plan as a function of tables, in whatever form an engine has them."""

from __future__ import annotations

import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import InputError, InputKeyError, InputShapeError, InputValueError, OptionError
from pretzel.integrations import BatchScorer

ROWS = 60


def frame():
    rng = np.random.default_rng(0)
    city = ["Bonn", "Paris", "Rome"] * (ROWS // 3)
    return pd.DataFrame({"id": np.arange(ROWS), "age": rng.normal(size=ROWS), "city": city, "other": "x"})


@pytest.fixture(scope="module")
def model():
    X = frame()[["age", "city"]]
    columns = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["city"]))
    labels = np.where(X["age"] > 0, "yes", "no")
    return make_pipeline(columns, LogisticRegression()).fit(X, labels)


@pytest.fixture(scope="module")
def path(model, tmp_path_factory):
    found = tmp_path_factory.mktemp("models") / "churn.pretzel"
    pretzel.compile(model).save(found)
    return found


FORMS = {
    "pandas": lambda X: X,
    "table": lambda X: pa.Table.from_pandas(X, preserve_index=False),
    "batch": lambda X: pa.RecordBatch.from_pandas(X, preserve_index=False),
    "dict": lambda X: {name: X[name].to_numpy() for name in X},
}


@pytest.mark.parametrize("form", FORMS)
def test_answers_have_the_form_of_the_table(model, path, form):
    X = frame()
    table = FORMS[form](X)
    found = BatchScorer(path, methods=["predict", "predict_proba"], keep=["id"])(table)
    assert type(found) is type(table)
    columns = found.to_pydict() if hasattr(found, "to_pydict") else {name: list(found[name]) for name in found}
    assert list(columns) == ["id", "predict", "predict_proba_no", "predict_proba_yes"]
    assert columns["id"] == X["id"].tolist()
    assert columns["predict"] == model.predict(X).tolist()
    np.testing.assert_allclose(columns["predict_proba_yes"], model.predict_proba(X)[:, 1], rtol=1e-9)


@pytest.mark.parametrize("form", FORMS)
def test_no_rows_have_the_columns_of_any(path, form):
    scorer = BatchScorer(path, methods=["predict", "predict_proba"], keep=["id"])
    empty, full = scorer(FORMS[form](frame()[:0])), scorer(FORMS[form](frame()))
    if form in ("table", "batch"):
        assert empty.schema == full.schema
        assert empty.num_rows == 0
    else:
        assert list(empty) == list(full)
        assert [empty[name].dtype.kind for name in empty] == [full[name].dtype.kind for name in full]


def test_a_scorer_travels_as_a_path_and_a_plan_as_bytes(model, path, tmp_path):
    assert len(pickle.dumps(BatchScorer(path))) < 500
    for scorer in (BatchScorer(path), BatchScorer(pretzel.compile(model))):
        script = tmp_path / "score.py"
        script.write_text(
            "import pickle, sys, pandas as pd\n"
            f"scorer = pickle.loads({pickle.dumps(scorer)!r})\n"
            "print(list(scorer(pd.DataFrame({'age': [-1.0, 3.0], 'city': ['Bonn', 'Rome']}))['predict']))\n"
            "assert 'sklearn' not in sys.modules\n"
        )
        done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
        assert done.stdout.strip() == "['no', 'yes']", done.stderr


def test_a_plan_that_arrives_again_is_not_built_again(model):
    sent = pickle.dumps(BatchScorer(pretzel.compile(model)))
    first, second, other = pickle.loads(sent), pickle.loads(sent), pickle.loads(pickle.dumps(pickle.loads(sent)))
    with ThreadPoolExecutor(4) as pool:
        plans = [*pool.map(lambda scorer: scorer.plan, [first, second, other] * 4)]
    assert all(plan is plans[0] for plan in plans)
    assert first(frame())["predict"].tolist() == model.predict(frame()).tolist()


def test_estimators_of_a_plan_arrive_with_it():
    X = np.random.default_rng(0).normal(size=(30, 2))
    model = KNeighborsClassifier(p=3).fit(X, X[:, 0] > 0)
    sent = pickle.dumps(BatchScorer(pretzel.compile(model)))
    first, second = pickle.loads(sent), pickle.loads(sent)
    assert first.plan is first.plan
    assert first.plan is not second.plan
    table = pd.DataFrame(X, columns=["a", "b"])
    assert first(table)["predict"].tolist() == second(table)["predict"].tolist() == model.predict(X).tolist()


def test_a_model_of_a_store(model, tmp_path):
    pretzel.PlanStore(tmp_path / "models").publish("churn/de", model)
    for name in ("churn/de", "churn/de@v1"):
        found = BatchScorer(tmp_path / "models", name)(frame())
        assert found["predict"].tolist() == model.predict(frame()).tolist()
    with pytest.raises(OptionError, match="models is a folder: of a store, name one of its models"):
        BatchScorer(tmp_path / "models")(frame())


def test_documents_and_columns_without_names():
    texts = ["the cat", "the dog"] * 10
    plan = pretzel.compile(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [0, 1] * 10))
    table = pd.DataFrame({"id": range(20), "note": texts})
    assert BatchScorer(plan, column="note")(table)["predict"].tolist() == [0, 1] * 10
    assert BatchScorer(plan, keep=["id"])(table)["predict"].tolist() == [0, 1] * 10
    with pytest.raises(InputKeyError, match="which column holds the documents"):
        BatchScorer(plan)(table)
    X = np.random.default_rng(0).normal(size=(20, 2))
    forest = pretzel.compile(RandomForestClassifier(2).fit(X, np.c_[X[:, 0] > 0, X[:, 1] > 0]))
    table = pd.DataFrame(X, columns=["a", "b"])
    found = BatchScorer(forest, methods=["predict", "predict_proba"])(table)
    assert list(found)[:3] == ["predict_0", "predict_1", "predict_proba_0_False"]
    assert list(BatchScorer(forest, methods=["predict", "predict_proba"])(table[:0])) == list(found)


def test_arrays_are_answered_as_the_plan_answers_them():
    X = np.random.default_rng(0).normal(size=(20, 2))
    plan = pretzel.compile(LogisticRegression().fit(X, X[:, 0] > 0))
    for array in (X, sparse.csr_matrix(X)):
        assert BatchScorer(plan)(array).tolist() == plan.predict(X).tolist()
        both = BatchScorer(plan, methods=["predict", "predict_proba"])(array)
        assert both["predict_proba"].tolist() == plan.predict_proba(X).tolist()
    texts = pd.Series(["the cat", "the dog"] * 10)
    plan = pretzel.compile(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [0, 1] * 10))
    assert BatchScorer(plan)(texts).tolist() == [0, 1] * 10
    with pytest.raises(TypeError, match="not ndarray"):
        BatchScorer(plan, keep=["id"])(X)


def test_columns_that_the_model_does_not_read_are_left_out():
    X = frame()[["age"]]
    plan = pretzel.compile(LogisticRegression().fit(X, X["age"] > 0))  # which rejects others
    assert len(BatchScorer(plan)(frame())) == ROWS


def test_dask(model, path):
    scorer = BatchScorer(path, methods=["predict"], keep=["id"])
    frames = dd.from_pandas(frame(), npartitions=3)
    found = frames.map_partitions(scorer, meta=scorer(frames._meta)).compute(scheduler="threads")
    assert found["id"].tolist() == list(range(ROWS))
    assert found["predict"].tolist() == model.predict(frame()).tolist()


NULLABLE = {
    "string": lambda X: X.astype({"city": "string", "vip": "boolean", "age": "Float64"}),
    "arrow": lambda X: X.convert_dtypes(dtype_backend="pyarrow"),
    "categories": lambda X: X.astype({"city": "string"}).astype({"city": "category"}),
    "objects": lambda X: X.assign(city=X["city"].astype("string").astype(object)),
    "dict": lambda X: {name: X[name].to_numpy() for name in X},
    "table": lambda X: pa.Table.from_pandas(X, preserve_index=False),
    "dask": lambda X: dd.from_pandas(X.astype({"vip": "boolean"}), npartitions=2),
}


@pytest.mark.parametrize("form", NULLABLE)
@pytest.mark.parametrize("known", [None, np.nan], ids=["None", "NaN"])
def test_a_missing_text_is_what_it_is_in_a_row(known, form):
    values = {"city": ["Bonn", "Rome", known, "Rome"] * 5, "vip": [True, False, True, known] * 5}
    X = pd.DataFrame({name: pd.Series(column, dtype=object) for name, column in values.items()})
    X["age"] = np.arange(20.0)
    X.index = X.index + 5
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["city", "vip"]), (StandardScaler(), ["age"])
    )
    model = make_pipeline(columns, LogisticRegression()).fit(X, [0, 1, 1, 0, 1, 0, 1, 1, 0, 0] * 2)
    plan = pretzel.compile(model)
    expected = model.predict_proba(X)[:, 1]
    rows = X.astype(object).where(X.notna(), None).to_dict("records")
    np.testing.assert_allclose([plan.predict_proba_one(row)[1] for row in rows], expected)
    scorer = BatchScorer(plan, methods=["predict_proba"])
    table = NULLABLE[form](X)
    if form == "dask":
        found = table.map_partitions(scorer, meta=scorer(table._meta)).compute(scheduler="threads")
    else:
        found = scorer(table)
    np.testing.assert_allclose(found["predict_proba_1"], expected)


def test_a_stream_of_batches_as_spark_has_it(model, path):
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    answers = pa.Table.from_batches(BatchScorer(path).stream(table.to_batches(max_chunksize=7)))
    assert answers["predict"].to_pylist() == model.predict(frame()).tolist()


def test_errors_name_what_is_wrong(path):
    with pytest.raises(InputKeyError, match="no column 'pay', only id, age, city, other"):
        BatchScorer(path, keep=["pay"])(frame())
    with pytest.raises(ValueError, match="age"):
        BatchScorer(path)(frame()[["city"]])
    with pytest.raises(OptionError, match="no method 'transform', only predict"):
        BatchScorer(path, methods=["transform"])(frame())
    with pytest.raises(InputKeyError, match="two columns of the answer would be 'predict'"):
        BatchScorer(path, keep=["predict"])(frame().assign(predict=1))
    with pytest.raises(InputValueError, match="column 'city' holds a category that was not seen"):
        BatchScorer(path)(frame().assign(city="Oslo"))
    with pytest.raises(TypeError, match="not list"):
        BatchScorer(path)([[1, "Bonn"]])
    with pytest.raises(OptionError, match="lists of names"):
        BatchScorer(path, methods="predict")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("rows", [0, 2])
def test_a_table_that_lacks_a_column_is_refused(path, form, rows):
    with pytest.raises(InputKeyError, match="'city'"):
        BatchScorer(path)(FORMS[form](frame()[["id", "age"]][:rows]))


def test_columns_whose_names_are_integers_are_told(path):
    with pytest.raises(InputKeyError, match="no column 'id', only 0, 1"):
        BatchScorer(path, keep=["id"])(pd.DataFrame(np.zeros((2, 2))))


def test_a_table_without_columns_is_refused(path):
    X = np.random.default_rng(0).normal(size=(20, 2))
    unnamed = pretzel.compile(LogisticRegression().fit(X, X[:, 0] > 0))
    for plan in (unnamed, path):
        for table in ({}, pd.DataFrame(), pd.DataFrame(index=range(3)), pa.table({})):
            with pytest.raises(InputError, match=r"LogisticRegression|Pipeline"):
                BatchScorer(plan)(table)
    with pytest.raises(InputShapeError, match="X has 1 features, but LogisticRegression"):
        BatchScorer(unnamed)({"a": []})


@pytest.mark.parametrize("form", ["pandas", "arrow"])
def test_a_table_that_has_a_column_twice_is_refused(path, form):
    def table(*names):
        if form == "pandas":
            return pd.DataFrame(np.ones((1, len(names))), columns=list(names))
        return pa.Table.from_arrays([pa.array([1.0])] * len(names), names=names)

    X = np.random.default_rng(0).normal(size=(20, 4))
    unnamed = pretzel.compile(LogisticRegression().fit(X, X[:, 0] > 0))
    for plan, keep, names, twice in (
        (path, [], ("age", "city", "city"), "city"),
        (path, ["id"], ("id", "age", "city", "id"), "id"),
        (unnamed, [], ("a", "a"), "a"),
    ):
        with pytest.raises(InputKeyError, match=f"(Pipeline|LogisticRegression): duplicate columns: '{twice}'"):
            BatchScorer(plan, keep=keep)(table(*names))
    unread = table("age", "city", "other", "other")
    with pytest.raises(InputError, match="city"):  # by its value: columns that are not read may be there twice
        BatchScorer(path)(unread)


def test_no_rows_where_only_the_estimator_knows_the_columns():
    X = np.random.default_rng(0).normal(size=(30, 2))
    plan = pretzel.compile(KNeighborsClassifier(p=3).fit(X, X[:, 0] > 0))
    table = pd.DataFrame(X, columns=["a", "b"])
    assert BatchScorer(plan)(table[:0])["predict"].dtype == bool
    assert len(BatchScorer(plan)(table)) == 30


def test_the_inverse_takes_the_columns_that_transform_makes():
    X = np.random.default_rng(0).normal(size=(50, 5))
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    plan = pretzel.compile(pipeline)
    made = pipeline.transform(X)
    table = pd.DataFrame({"a": made[:, 0], "b": made[:, 1]})
    found = BatchScorer(plan, methods=["inverse_transform"])(table)
    np.testing.assert_array_equal(found.to_numpy(), plan.inverse_transform(made))
    assert [*found.columns] == [f"inverse_transform_{i}" for i in range(5)]
    assert BatchScorer(plan, methods=["inverse_transform"])(table.head(0)).shape == (0, 5)
