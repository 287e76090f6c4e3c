"""`pretzel predict`: tables of all formats, in batches, with the answers of the source."""

from __future__ import annotations

import pty
import subprocess
import sys
import threading
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from pretzel.cli.tables import MISSING, Writer
from pretzel.errors import InputError

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


def test_progress_on_a_terminal(model):
    """The bar is on standard error, and at its end all rows are done."""
    main, side = pty.openpty()
    command = "import sys; from pretzel.cli import main; sys.argv[0] = 'pretzel'; main()"
    words = ["predict", "m.pretzel", "d.csv", "-o", "out.csv", "--batch", "7"]
    with open(main, "rb", buffering=0) as terminal:
        with open(side, "wb") as error:
            done = subprocess.run(
                [sys.executable, "-c", command, *words], stderr=error, stdout=subprocess.PIPE, timeout=60
            )
        said = terminal.read(65536).decode()
    assert done.returncode == 0
    assert done.stdout == b""
    assert "d.csv" in said
    assert "100%" in said
    assert "40 row(s): predict of Pipeline" in said


@pytest.mark.parametrize("kind", READ)
def test_what_fails_in_a_later_batch(run, model, table, kind):
    """The next batch is read while the last one is answered; what either says ends the command, and leaves no file."""
    frame = table.assign(age=["x" if row == 30 else str(row) for row in range(40)]) if kind == "csv" else table
    frame = frame if kind == "csv" else frame.assign(age=[np.inf if row == 30 else row for row in range(40)])
    WRITE[kind](frame, f"in.{kind}")
    done = run(f"predict m.pretzel in.{kind} -o out.csv --batch 7", 3)
    assert f"rows 28 to 34 of in.{kind}" in done.stderr
    assert sorted(each.name for each in Path().iterdir() if "out" in each.name) == []
    assert not [each for each in threading.enumerate() if each.name.startswith("pretzel-read")]


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


@pytest.mark.parametrize("fitted_on", ["frame", "array"])
def test_known_categories_that_look_missing(run, folder, fitted_on):
    """What the model knows as a category is that category, as the estimator has it; an empty field stays missing."""
    frame = pd.DataFrame({"country": ["NA", "DE", "null", None] * 4, "n": [1.0, 2.0, None, 4.0] * 4})
    source = make_pipeline(OneHotEncoder(), Ridge(0.001))
    source.fit(frame if fitted_on == "frame" else frame.to_numpy(), [10.0, 20.0, 30.0, 40.0] * 4)
    joblib.dump(source, "c.joblib")
    run("compile c.joblib -o c.pretzel")
    frame.to_csv("c.csv", index=False)
    columns = "" if fitted_on == "frame" else "--column country --column n"
    run(f"predict c.pretzel c.csv -o out.csv --batch 3 {columns}")
    expected = source.predict(frame if fitted_on == "frame" else frame.to_numpy())
    np.testing.assert_allclose(pd.read_csv("out.csv")["predict"], expected, rtol=1e-9)
    assert " ok" in run(f"verify c.pretzel c.joblib c.csv --no-boundary {columns}").stdout


def test_an_empty_text_is_a_category(run, folder):
    frame = pd.DataFrame({"a": ["", "x", "y"] * 4})
    source = make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge(0.001)).fit(frame, [10.0, 20.0, 30.0] * 4)
    joblib.dump(source, "c.joblib")
    run("compile c.joblib -o c.pretzel")
    frame.assign(n=1).to_csv("c.csv", index=False)
    run("predict c.pretzel c.csv -o out.csv")
    np.testing.assert_allclose(pd.read_csv("out.csv")["predict"], source.predict(frame), rtol=1e-9)


def test_columns_of_texts_that_look_missing(run, folder):
    frame = pd.DataFrame({"t": ["NA", "null", "good", "bad", "", "123"], "n": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]})
    features = make_column_transformer((CountVectorizer(), "t"), ("passthrough", ["n"]))
    source = make_pipeline(features, Ridge(0.001)).fit(frame, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    joblib.dump(source, "t.joblib")
    run("compile t.joblib -o t.pretzel")
    frame.to_csv("t.csv", index=False)
    run("predict t.pretzel t.csv -o out.csv --batch 2")
    np.testing.assert_allclose(pd.read_csv("out.csv")["predict"], source.predict(frame), rtol=1e-9)


def test_what_pandas_takes_for_missing():
    from pandas._libs.parsers import STR_NA_VALUES

    assert MISSING == STR_NA_VALUES


@pytest.mark.parametrize(
    ("first", "what"),
    [
        (TfidfVectorizer(), "documents"),
        (CountVectorizer(token_pattern=r"(?=\w)[a-z]+|\d"), "documents"),
        (CountVectorizer(analyzer=list), "items"),
    ],
    ids=["native", "pattern", "analyzer"],
)
def test_documents(run, folder, first, what):
    documents = ["good", "NA", "", "so so", 'bad, "bad"\nbad', "12"] * 3
    source = make_pipeline(first, LogisticRegression()).fit(documents, [0, 1, 2, 3, 4, 5] * 3)
    joblib.dump(source, "t.joblib")
    run("compile t.joblib -o t.pretzel --opaque cloudpickle")
    pd.DataFrame({"n": range(18), "text": documents}).to_csv("t.csv", index=False)
    assert (
        f"which column holds the {what}? give --column, one of n, text"
        in run("predict t.pretzel t.csv -o out.csv --allow-pickle", 2).stderr
    )
    run("predict t.pretzel t.csv -o out.csv --column text --keep n --batch 5 --allow-pickle")
    assert [*pd.read_csv("out.csv")["predict"]] == [*source.predict(documents)]


def test_a_model_without_names_of_columns(run, folder):
    X = np.random.default_rng(0).normal(size=(30, 2))
    joblib.dump(StandardScaler().fit(X), "s.joblib")
    run("compile s.joblib -o s.pretzel")
    pd.DataFrame({"a": X[:, 0], "target": 1, "b": X[:, 1]}).to_csv("x.csv", index=False)
    error = run("predict s.pretzel x.csv -o out.arrow", 3).stderr
    assert error.startswith("pretzel: rows 0 to 29 of x.csv: X has 3 features, but StandardScaler is expecting 2")
    assert "say which 2 of the 3 columns the model reads, each with --column NAME" in error
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


WRITTEN = {
    "zeros": ["007", "08", "9", "10"],
    "long": ["9007199254740993", "9007199254740995", "", "1"],
    "words": ["NA", "None", "n/a", "Bonn"],
    "true": ["True", "TRUE", "False", "true"],
    "numbers": ["1e5", "1.50", "2", "A1"],
    "spaces": [" a", "b ", "-0", "+1"],
}


@pytest.mark.parametrize("batch", [1, 2, 100])
@pytest.mark.parametrize("texts", WRITTEN.values(), ids=WRITTEN)
def test_columns_of_csv_are_kept_as_they_are_written(run, model, folder, table, texts, batch):
    """The column ``age``, which the model reads, too, is a number to the model."""
    rows = [f"{text},{age},Bonn" for text, age in zip(texts, ["042", "17.0", "6.6e1", ""], strict=True)]
    (folder / "in.csv").write_text("\n".join(["id,age,city", *rows[:3]]) + "\n")
    run(f"predict m.pretzel in.csv -o out.csv --keep id --keep age --keep id --batch {batch}")
    found = [line.split(",") for line in (folder / "out.csv").read_text().splitlines()]
    assert found[0] == ["id", "age", "predict"]
    assert [line[:2] for line in found[1:]] == [row.split(",")[:2] for row in rows[:3]]
    run("predict m.pretzel in.csv -o plain.csv")
    assert [line[2] for line in found] == (folder / "plain.csv").read_text().split()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("there", READ)
def test_a_column_of_csv_that_looks_different_further_down_is_kept(run, model, folder, table, there):
    table.assign(code=[*range(30), *["A1"] * 10]).to_csv("code.csv", index=False)
    run(f"predict m.pretzel code.csv -o out.{there} --keep code --batch 20")
    assert [*map(str, READ[there](f"out.{there}")["code"])] == [*map(str, range(30)), *["A1"] * 10]


def write_all(path, frames):
    with Writer(path) as writer:
        for frame in frames:
            writer.write(frame)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_answers_that_change_their_type_are_told(tmp_path, kind):
    frames = [pd.DataFrame({"a": [1, 2]}), pd.DataFrame({"a": ["x", "y"]})]
    with pytest.raises(InputError, match="a column has another type than in the rows before"):
        write_all(str(tmp_path / f"out.{kind}"), frames)
    assert not [*tmp_path.iterdir()]


def test_documents_and_what_is_kept_beside(run, folder):
    source = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(["good", "bad"] * 3, [0, 1] * 3)
    joblib.dump(source, "t.joblib")
    run("compile t.joblib -o t.pretzel")
    (folder / "t.csv").write_text('n,text\n01,good\n1.0,"NA, ""bad"""\n,\n')
    run("predict t.pretzel t.csv -o out.csv --column text --keep n --keep text --batch 2")
    assert (folder / "out.csv").read_text().splitlines()[1:] == [
        f"{row},{answer}"
        for row, answer in zip(
            ["01,good", '1.0,"NA, ""bad"""', ","], source.predict(["good", "NA, bad", ""]), strict=True
        )
    ]


@pytest.mark.parametrize("here", ["parquet", "arrow"])
@pytest.mark.parametrize("there", ["parquet", "arrow", "csv"])
def test_columns_of_arrow_keep_their_types(run, model, folder, table, here, there):
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet

    long = [9007199254740993, None, *range(38)]
    columns = {
        "id": pa.array(long),
        "on": pa.array([True, None] * 20),
        "day": pa.array([18_000, None] * 20, pa.date32()),
        "cents": pa.array([None, "1.50"] * 20).cast(pa.decimal128(9, 2)),
        "kind": pa.array(["x", "y"] * 20).dictionary_encode(),
    }
    given = pa.Table.from_pandas(table, preserve_index=False)
    for name, column in columns.items():
        given = given.append_column(name, column)
    write = pa.parquet.write_table if here == "parquet" else pa.feather.write_feather
    write(given, f"in.{here}")
    keep = " ".join(f"--keep {name}" for name in (*columns, "age"))
    run(f"predict m.pretzel in.{here} -o out.{there} {keep} --batch 3")
    if there == "csv":
        lines = (folder / "out.csv").read_text().splitlines()
        assert [line.rpartition(",")[0] for line in lines[1:3]] == [
            "9007199254740993,True,2019-04-14,,x,42.0",
            ",,,1.50,y,17.0",
        ]
        return
    read = pa.parquet.read_table if there == "parquet" else pa.feather.read_table
    found = read(f"out.{there}").select([*columns, "age"])
    assert found.schema.field("id").type == pa.int64()
    for name in (*columns, "age"):
        assert found[name].to_pylist() == given[name].to_pylist()


@pytest.mark.parametrize("batch", [3, 5, 65536])
def test_a_number_is_a_known_category_whatever_other_rows_hold(run, folder, batch):
    """A field is read as it would be alone, by what the model knows, and not by the rows that are read with it."""
    frame = pd.DataFrame({"k": [0, 1] * 10, "x": [0.1, 2.5] * 10, "b": [True, False, False, True] * 5})
    source = make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge(0.001)).fit(frame, range(20))
    joblib.dump(source, "k.joblib")
    run("compile k.joblib -o k.pretzel")
    odd = pd.DataFrame({"k": ["x"], "x": ["y"], "b": ["z"]})
    pd.concat([frame.astype(str), odd, frame[:4].astype(str)]).to_csv("k.csv", index=False)
    run(f"predict k.pretzel k.csv -o out.csv --batch {batch}")
    expected = [*source.predict(frame), source[-1].intercept_, *source.predict(frame[:4])]
    np.testing.assert_allclose(pd.read_csv("out.csv")["predict"], expected, rtol=1e-9, atol=1e-12)


def test_two_columns_of_one_name_in_csv(run, model, folder):
    (folder / "two.csv").write_text("age,age,city\n1,2,Bonn\n")
    error = run("predict m.pretzel two.csv -o out.csv", 3).stderr
    assert error == "pretzel: two.csv has 2 columns 'age': give each its own name\n"
    (folder / "more.csv").write_text("age,city,more,more,,\n1,Bonn,2,3,4,5\n")  # columns that the model ignores
    run("predict m.pretzel more.csv -o out.csv")
    assert "2 columns 'more'" in run("predict m.pretzel more.csv -o out.csv --keep more", 3).stderr
    numbers = pd.read_csv("two.csv")[["age", "age.1"]]  # as pandas names them, and a model that was fitted on them
    joblib.dump(LinearRegression().fit(pd.concat([numbers] * 3), [1.0, 2.0, 3.0]), "n.joblib")
    run("compile n.joblib -o n.pretzel")
    run("predict n.pretzel two.csv -o out.csv")


@pytest.mark.parametrize("kept", ["", "--column t --keep t"])
def test_a_document_of_blanks_is_a_row(run, folder, kept):
    texts = ["the cat", "", "  ", "\t", "the dog", "NA"] * 3
    source = make_pipeline(CountVectorizer(), Ridge()).fit(texts, range(18))
    joblib.dump(source, "t.joblib")
    run("compile t.joblib -o t.pretzel")
    (folder / "t.csv").write_text("\n \nt\n" + "\n".join(texts) + "\n")
    run(f"predict t.pretzel t.csv -o out.csv --batch 4 {kept}")
    found = pd.read_csv("out.csv", skip_blank_lines=False, na_filter=False)
    np.testing.assert_allclose(found["predict"], source.predict(texts), rtol=1e-9)
    if kept:
        assert [*found["t"]] == texts


def test_what_stands_where_the_answers_go(run, model, folder):
    (folder / "dd.csv").mkdir()
    assert run("predict m.pretzel d.csv -o dd.csv", 3).stderr == "pretzel: dd.csv: Is a directory\n"
    (folder / "elsewhere").mkdir()
    for target in ("elsewhere/out.csv", "elsewhere/new.csv"):
        (folder / "elsewhere" / "out.csv").write_text("before")
        (folder / "link.csv").unlink(missing_ok=True)
        (folder / "link.csv").symlink_to(target)
        run("predict m.pretzel d.csv -o link.csv")
        assert (folder / "link.csv").is_symlink()
        assert len(pd.read_csv(target)) == 40


def test_the_only_column_is_kept(run, folder):
    texts = ["the cat", "the dog"] * 4
    joblib.dump(make_pipeline(CountVectorizer(), Ridge()).fit(texts, range(8)), "t.joblib")
    run("compile t.joblib -o t.pretzel")
    pd.DataFrame({"t": texts}).to_csv("t.csv", index=False)
    error = run("predict t.pretzel t.csv -o out.csv --keep t", 2).stderr
    assert "columns of --keep are not read" in error
    run("predict t.pretzel t.csv -o out.csv --keep t --column t")


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_two_columns_of_one_name(run, model, folder, table, kind):
    import pyarrow as pa
    import pyarrow.feather
    import pyarrow.parquet

    given = pa.Table.from_pandas(table, preserve_index=False).append_column("more", pa.array(range(40)))
    write = pa.parquet.write_table if kind == "parquet" else pa.feather.write_feather
    write(given.append_column("age", given["age"]), f"two.{kind}")
    error = run(f"predict m.pretzel two.{kind} -o out.csv", 3).stderr
    assert error == f"pretzel: two.{kind} has 2 columns 'age': give each its own name\n"
    write(given.append_column("more", given["age"]), f"more.{kind}")  # columns that the model ignores
    run(f"predict m.pretzel more.{kind} -o out.csv")


def test_the_table_is_not_replaced_by_its_answers(run, model, folder):
    before = (folder / "d.csv").read_text()
    (folder / "link.csv").symlink_to("d.csv")
    for output in ("d.csv", "./d.csv", "link.csv"):
        assert f"--output {output} is DATA itself" in run(f"predict m.pretzel d.csv -o {output}", 2).stderr
    assert (folder / "d.csv").read_text() == before


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
