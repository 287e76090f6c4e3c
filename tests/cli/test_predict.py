"""`pretzel predict`: tables of all formats, in batches, with the answers of the source."""

from __future__ import annotations

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

READ = {"csv": pd.read_csv, "parquet": pd.read_parquet, "arrow": pd.read_feather}
WRITE = {
    "csv": lambda frame, path: frame.to_csv(path, index=False),
    "parquet": lambda frame, path: frame.to_parquet(path, index=False),
    "arrow": lambda frame, path: frame.to_feather(path),
}


@pytest.mark.parametrize("there", READ)
@pytest.mark.parametrize("here", READ)
def test_formats_and_batches(run, model, pipeline, table, here, there):
    WRITE[here](table.assign(more="x"), f"in.{here}")
    done = run(f"predict m.pretzel in.{here} -o out.{there} --method predict --method predict_proba --batch 7")
    assert done.stderr == "40 row(s): predict, predict_proba of Pipeline\n"
    found = READ[there](f"out.{there}")
    assert [*found] == ["predict", "predict_proba_no", "predict_proba_yes"]
    assert [*found["predict"]] == [*pipeline.predict(table)]
    np.testing.assert_allclose(found.iloc[:, 1:], pipeline.predict_proba(table), rtol=1e-9)


def test_real_tables(run, adult):
    frame = adult[["age", "hours-per-week", "workclass", "education"]] if "workclass" in adult else adult.iloc[:, :4]
    words = [name for name in frame if frame[name].dtype.kind not in "if"]
    source = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression(max_iter=50))
    source.fit(frame[words], np.arange(len(frame)) % 3)
    joblib.dump(source, "a.joblib")
    adult.to_parquet("a.parquet")
    adult.to_csv("a.csv", index=False)
    run("compile a.joblib -o models --name adult")
    for kind, read in (("parquet", pd.read_parquet("a.parquet")), ("csv", pd.read_csv("a.csv"))):
        run(f"predict models:adult a.{kind} -o o.parquet --method decision_function --batch 5000")
        want = source.decision_function(read[words])
        np.testing.assert_allclose(pd.read_parquet("o.parquet"), want, rtol=1e-9, atol=1e-12)


def test_columns_that_are_kept(run, model, pipeline, table):
    run("predict m.pretzel d.csv -o out.csv --keep id --keep city")
    found = pd.read_csv("out.csv")
    assert [*found] == ["id", "city", "predict"]
    assert [*found["id"]] == [*range(40)]
    assert [*found["city"]] == [*table["city"]]


def test_a_column_that_is_kept_is_never_replaced(run, model, table):
    table.assign(predict="earlier").to_csv("again.csv", index=False)
    error = run("predict m.pretzel again.csv -o out.csv --keep predict", 2).stderr
    assert "--keep predict: the answers have a column 'predict', too" in error
    run("predict m.pretzel again.csv -o out.csv")


def test_columns_of_transform_have_their_names(run, pipeline, table):
    joblib.dump(pipeline[0], "f.joblib")
    run("compile f.joblib -o f.pretzel")
    run("predict f.pretzel d.csv -o out.csv")
    found = pd.read_csv("out.csv")
    assert [*found] == ["n__age", "c__city_Bonn", "c__city_Köln", "c__city_Paris"]
    np.testing.assert_allclose(found, pipeline[0].transform(table), rtol=1e-9)


def test_texts_that_look_like_numbers(run, folder):
    """A batch in which all values of a column look like numbers has texts in it nevertheless."""
    frame = pd.DataFrame({"code": ["007", "12", "x", "y"] * 5})
    source = make_pipeline(OneHotEncoder(), DecisionTreeClassifier()).fit(frame, [0, 1, 2, 3] * 5)
    joblib.dump(source, "c.joblib")
    run("compile c.joblib -o c.pretzel")
    frame.to_csv("c.csv", index=False)
    run("predict c.pretzel c.csv -o out.csv --batch 2")
    assert [*pd.read_csv("out.csv")["predict"]] == [0, 1, 2, 3] * 5


def test_documents(run, folder):
    documents = ["good", "NA", "", "so so", 'bad, "bad"\nbad', "12"] * 3
    source = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(documents, [0, 1, 2, 3, 4, 5] * 3)
    joblib.dump(source, "t.joblib")
    run("compile t.joblib -o t.pretzel")
    pd.DataFrame({"n": range(18), "text": documents}).to_csv("t.csv", index=False)
    assert (
        "which column holds the documents? give --column, one of n, text"
        in run("predict t.pretzel t.csv -o out.csv", 2).stderr
    )
    run("predict t.pretzel t.csv -o out.csv --column text --keep n --batch 5")
    assert [*pd.read_csv("out.csv")["predict"]] == [*source.predict(documents)]


def test_a_model_without_names_of_columns(run, folder):
    X = np.random.default_rng(0).normal(size=(30, 2))
    joblib.dump(StandardScaler().fit(X), "s.joblib")
    run("compile s.joblib -o s.pretzel")
    pd.DataFrame({"a": X[:, 0], "target": 1, "b": X[:, 1]}).to_csv("x.csv", index=False)
    error = run("predict s.pretzel x.csv -o out.arrow", 3).stderr
    assert error.startswith("pretzel: rows 0 to 29 of x.csv: X has 3 features, but StandardScaler is expecting 2")
    run("predict s.pretzel x.csv -o out.arrow --column a --column b")
    pd.DataFrame(X, columns=["a", "b"], index=[f"row {i}" for i in range(30)]).to_parquet("x.parquet")
    run("predict s.pretzel x.parquet -o again.csv --batch 7")  # without the index
    found = pd.read_feather("out.arrow")
    np.testing.assert_array_equal(found, pd.read_csv("again.csv"))
    assert [*found] == ["x0", "x1"]
    np.testing.assert_allclose(found, StandardScaler().fit_transform(X), rtol=1e-9, atol=1e-12)


def test_several_outputs(run, folder, table):
    Y = np.column_stack([[0, 1] * 20, [0, 1, 2, 0] * 10])
    source = DecisionTreeClassifier(max_depth=2).fit(table[["age"]], Y)
    joblib.dump(source, "y.joblib")
    run("compile y.joblib -o y.pretzel")
    run("predict y.pretzel d.csv -o out.parquet --method predict --method predict_proba")
    found = pd.read_parquet("out.parquet")
    assert [*found][:4] == ["predict_0", "predict_1", "predict_proba_0_0", "predict_proba_0_1"]
    np.testing.assert_allclose(found.iloc[:, 4:], source.predict_proba(table[["age"]])[1])


def test_a_failure_leaves_what_was_there(run, folder, table):
    joblib.dump(LinearRegression().fit(table[["age"]], range(40)), "l.joblib")
    run("compile l.joblib -o l.pretzel")
    table.assign(age=[*range(39), None]).to_csv("nan.csv", index=False)
    (folder / "out.csv").write_text("before")
    error = run("predict l.pretzel nan.csv -o out.csv --batch 10", 3).stderr
    assert error.startswith("pretzel: rows 30 to 39 of nan.csv: LinearRegression: ")
    assert (folder / "out.csv").read_text() == "before"
    assert not [*folder.glob(".out*")]


@pytest.mark.parametrize("row", ["Ulm,7", "Ulm,", '"Ulm",7,8'])
@pytest.mark.parametrize("before", ["", "2,Bonn\n"])
def test_rows_with_too_many_fields_are_no_rows_of_the_table(run, model, folder, row, before):
    """Fields behind a comma that is not quoted would be those of other columns."""
    (folder / "odd.csv").write_text(f"age,city\n{before}1,{row}\n")
    if before == "" and row == "Ulm,":  # all rows end with a comma
        run("predict m.pretzel odd.csv -o out.csv")
        return
    assert run("predict m.pretzel odd.csv -o out.csv", 3).stderr.startswith("pretzel: odd.csv cannot be read: ")
    assert not (folder / "out.csv").exists()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_column_that_changes_its_type_is_told(run, model, folder, table, kind):
    table.assign(code=[*range(30), *["A1"] * 10]).to_csv("code.csv", index=False)
    error = run(f"predict m.pretzel code.csv -o out.{kind} --keep code --batch 20", 3).stderr
    assert error.startswith(f"pretzel: out.{kind}: a column has another type than in the rows before (")
    assert "column code" in error
    assert error.count("\n") == 1
    assert not [*folder.glob("*out*")]
    run(f"predict m.pretzel code.csv -o out.{kind} --keep code --batch 40")
    assert [*READ[kind](f"out.{kind}")["code"]][-1] == "A1"


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("predict m.pretzel d.csv -o out.xlsx", 2, "tables are files whose names end with .csv"),
        ("predict m.pretzel m.joblib -o out.csv", 2, "tables are files whose names end with .csv"),
        ("predict m.pretzel d.csv -o out.csv --method score", 2, "has no method 'score', only predict,"),
        ("predict m.pretzel d.csv -o out.csv --keep nothing", 2, "there is no column 'nothing', only 'age', 'city',"),
        ("predict m.pretzel d.csv -o nowhere/out.csv", 3, "pretzel: nowhere/out.csv: No such file or directory"),
        ("predict m.joblib d.csv -o out.csv", 2, "m.joblib is an estimator: compile it first"),
        ("predict m.pretzel bad.parquet -o out.csv", 3, "bad.parquet"),
        ("predict m.pretzel bad.arrow -o out.csv", 3, "bad.arrow"),
        ("predict m.pretzel empty.csv -o out.csv", 3, "empty.csv has no rows"),
        ("predict m.pretzel few.csv -o out.csv", 3, "'city'"),
    ],
)
def test_what_cannot_be_done(run, model, folder, command, code, message):
    (folder / "bad.parquet").write_bytes(b"bad")
    (folder / "bad.arrow").write_bytes(b"bad")
    (folder / "empty.csv").write_text("age,city\n")
    (folder / "few.csv").write_text("age,n\n1,2\n")
    assert message in run(command, code).stderr
    assert not (folder / "out.csv").exists()
