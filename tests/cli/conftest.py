"""A folder with a fitted pipeline in files, and commands that run in it."""

from __future__ import annotations

import joblib
import pandas as pd
import pytest
from click.testing import CliRunner
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from pretzel.cli.group import cli


@pytest.fixture(scope="session")
def table():
    return pd.DataFrame({"age": [42.0, 17.0, 66.0, 30.0] * 10, "city": ["Bonn", "Köln", "Paris", "Bonn"] * 10})


@pytest.fixture(scope="session")
def pipeline(table):
    features = ColumnTransformer(
        [("n", StandardScaler(), ["age"]), ("c", OneHotEncoder(handle_unknown="ignore"), ["city"])]
    )
    return Pipeline([("features", features), ("model", LogisticRegression())]).fit(table, ["no", "yes"] * 20)


@pytest.fixture
def folder(tmp_path, monkeypatch, pipeline, table):
    """The current directory: ``m.joblib``, and the table with two columns more as ``d.csv``."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRETZEL_CACHE", str(tmp_path / "cache"))
    joblib.dump(pipeline, "m.joblib")
    table.assign(target="no", id=range(len(table))).to_csv("d.csv", index=False)
    return tmp_path


@pytest.fixture
def run(folder):
    """Runs a command, given as one text, and checks its exit code."""

    def command(text, code=0):
        done = CliRunner().invoke(cli, text.split(), prog_name="pretzel")
        assert done.exit_code == code, done.output
        return done

    return command


@pytest.fixture
def model(run):
    """A plan file."""
    run("compile m.joblib -o m.pretzel")
    return "m.pretzel"


@pytest.fixture
def store(run):
    """A store with one model."""
    run("compile m.joblib -o models --name churn/de")
    return "models"
