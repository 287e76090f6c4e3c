"""Plans in MLflow: logged with a signature, loaded as plans and by `mlflow.pyfunc`."""

from __future__ import annotations

import subprocess
import sys

import mlflow
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import pretzel
from pretzel.errors import OptionError, SaveError, UntrustedError
from pretzel.integrations import mlflow as flavor

ROWS = 40


def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"age": rng.normal(size=ROWS), "city": ["Bonn", "Paris"] * (ROWS // 2)})


@pytest.fixture(scope="module")
def model():
    columns = make_column_transformer((SimpleImputer(), ["age"]), (OneHotEncoder(), ["city"]))
    return make_pipeline(columns, LogisticRegression()).fit(frame(), np.where(frame()["age"] > 0, "yes", "no"))


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    found = tmp_path_factory.mktemp("mlflow") / "churn"
    flavor.save_model(model, found, input_example=frame()[:2], metadata={"team": "churn"})
    return found


def test_a_saved_model_is_loaded_as_a_plan(model, folder):
    plan = flavor.load_model(str(folder))
    assert isinstance(plan, pretzel.Plan)
    assert plan.predict(frame()).tolist() == model.predict(frame()).tolist()


def test_pyfunc_answers_where_columns_are_only_passed_on(tmp_path):
    X = frame()[["age"]].assign(member=[True, False] * (ROWS // 2))
    columns = make_column_transformer((SimpleImputer(), ["age"]), remainder="passthrough").fit(X)
    flavor.save_model(columns, tmp_path / "columns")
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "columns"))
    assert loaded.metadata.signature is None
    np.testing.assert_array_equal(loaded.predict(X).to_numpy(), columns.transform(X))


def test_pyfunc_answers_with_the_signature_of_the_schema(model, folder):
    loaded = mlflow.pyfunc.load_model(str(folder))
    assert [(each["name"], each["type"]) for each in loaded.metadata.signature.inputs.to_dict()] == [
        ("age", "any"),
        ("city", "any"),
    ]
    assert loaded.metadata.metadata == {"team": "churn"}
    assert list(loaded.predict(frame())) == model.predict(frame()).tolist()
    with pytest.raises(mlflow.exceptions.MlflowException, match="city"):
        loaded.predict(frame()[["age"]])
    found = loaded.predict(frame(), params={"method": "predict_proba"})
    np.testing.assert_allclose(found, model.predict_proba(frame()), rtol=1e-9)
    with pytest.raises(OptionError, match="no method 'transform'"):
        loaded.predict(frame(), params={"method": "transform"})


@pytest.mark.parametrize(
    "ages",
    [
        pytest.param(np.arange(3), id="int64"),
        pytest.param(np.arange(3, dtype=np.uint8), id="uint8"),
        pytest.param(np.array([True, False, True]), id="bool"),
        pytest.param(np.array([1, 2, 5], np.float32), id="float32"),
        pytest.param(np.array([1.5, np.nan, -2.0]), id="missing"),
        pytest.param(np.array([2, None, 3], object), id="objects"),
        pytest.param(np.array([2**40, 1, 0]), id="large"),
        pytest.param(pd.array([3, None, 1], dtype="Int64"), id="Int64"),
        pytest.param(pd.array([0.5, None, 1.0], dtype="Float64"), id="Float64"),
    ],
)
def test_pyfunc_takes_the_numbers_that_scikit_learn_takes(model, folder, ages):
    X = pd.DataFrame({"age": ages, "city": ["Bonn", "Paris", "Bonn"]})
    loaded = mlflow.pyfunc.load_model(str(folder))
    assert list(loaded.predict(X)) == model.predict(X).tolist()


def test_pyfunc_needs_no_scikit_learn(folder, tmp_path):
    script = tmp_path / "score.py"
    script.write_text(
        "import sys, mlflow, pandas as pd\n"
        f"loaded = mlflow.pyfunc.load_model({str(folder)!r})\n"
        "print(list(loaded.predict(pd.DataFrame({'age': [3.0], 'city': ['Bonn']}))))\n"
        "assert 'sklearn' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=180)
    assert done.stdout.strip() == "['yes']", done.stderr


def test_a_logged_model_is_found_by_its_run(model, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # no database for a test
    mlflow.set_tracking_uri((tmp_path / "runs").as_uri())
    with mlflow.start_run():
        info = flavor.log_model(pretzel.compile(model), name="churn")
    assert flavor.load_model(info.model_uri).predict_one({"age": 3.0, "city": "Bonn"}) == "yes"


def test_models_without_a_signature():
    X = np.random.default_rng(0).normal(size=(ROWS, 2))
    assert flavor.signature_of(pretzel.compile(LinearRegression().fit(X, X[:, 0]))) is None


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, sparse.csr_matrix])
def test_pyfunc_answers_arrays(tmp_path, form):
    X = np.random.default_rng(0).normal(size=(ROWS, 2))
    model = LogisticRegression().fit(X, X[:, 0] > 0)
    flavor.save_model(model, tmp_path / "arrays")
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "arrays"))
    np.testing.assert_array_equal(loaded.predict(form(X)), model.predict(X))


@pytest.mark.parametrize("form", [list, np.array, pd.Series, lambda texts: pd.DataFrame({"text": texts})])
def test_pyfunc_answers_texts(tmp_path, form):
    texts = ["the cat", "the dog"] * 10
    model = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, [0, 1] * 10)
    flavor.save_model(model, tmp_path / "texts")
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "texts"))
    assert list(loaded.predict(form(texts))) == [0, 1] * 10


@pytest.mark.parametrize("categories", [["Bonn", "Paris"], [1, 2]])
def test_pyfunc_answers_frames_with_categories(tmp_path, categories):
    X = frame().assign(city=pd.Categorical(categories * (ROWS // 2)))
    columns = make_column_transformer((SimpleImputer(), ["age"]), (OneHotEncoder(), ["city"]))
    model = make_pipeline(columns, LogisticRegression()).fit(X, X["city"] == categories[0])
    flavor.save_model(model, tmp_path / "categories", input_example=X[:2])
    loaded = mlflow.pyfunc.load_model(str(tmp_path / "categories"))
    assert list(loaded.predict(X)) == model.predict(X).tolist()
    assert list(loaded.predict(X.astype({"city": object}))) == model.predict(X).tolist()


def test_columns_of_texts_are_texts_in_the_signature():
    X = pd.DataFrame({"note": ["the cat", "the dog"] * 10})
    model = make_column_transformer((CountVectorizer(), "note")).fit(X)
    assert flavor.signature_of(pretzel.compile(model)).inputs.to_dict()[0]["type"] == "string"


def test_steps_without_a_native_form(tmp_path):
    X = frame()[["age"]]
    model = KNeighborsClassifier(p=3).fit(X, X["age"] > 0)
    with pytest.raises(SaveError):
        flavor.save_model(model, tmp_path / "refused")
    flavor.save_model(model, tmp_path / "opaque", opaque="skops")
    try:
        answers = flavor.load_model(str(tmp_path / "opaque")).predict(X)
    except UntrustedError as error:
        answers = flavor.load_model(str(tmp_path / "opaque"), trusted=error.types).predict(X)
    assert answers.tolist() == model.predict(X).tolist()


def test_what_could_not_be_saved_leaves_no_folder(tmp_path):
    X = frame()[["age"]]
    model = KNeighborsClassifier(p=3).fit(X, X["age"] > 0)
    with pytest.raises(SaveError):
        flavor.save_model(model, tmp_path / "opaque")
    assert not (tmp_path / "opaque").exists()
    flavor.save_model(model, tmp_path / "opaque", opaque="cloudpickle")
    with pytest.raises(FileExistsError):
        flavor.save_model(model, tmp_path / "opaque")
    assert (tmp_path / "opaque" / "MLmodel").exists()
