"""`pretzel verify`."""

from __future__ import annotations

import joblib
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler


def test_the_source_of_a_model(run, model):
    done = run("verify m.pretzel m.joblib d.csv")
    assert done.stdout.startswith("Pipeline: ok on ")
    assert "on boundaries" in done.stdout
    assert "on 10 rows" in run("verify m.pretzel m.joblib d.csv --rows 10 --no-boundary").stdout


def test_another_model(run, model, pipeline, table):
    joblib.dump(clone(pipeline).fit(table, ["no", "no", "yes", "yes"] * 10), "other.joblib")
    assert "DIVERGES" in run("verify m.pretzel other.joblib d.csv", 1).stdout


def test_nothing_compared_is_a_finding(run, model, table):
    """A table that neither side takes shows nothing of the model."""
    table.drop(columns="city").to_csv("other.csv", index=False)
    done = run("verify m.pretzel m.joblib other.csv", 1)
    assert done.stdout.startswith("Pipeline: NOTHING COMPARED; ")
    assert "row(s) rejected by both sides: ValueError: columns are missing: {'city'}" in done.stdout


def test_a_model_without_names_of_columns(run, table):
    """A table with a column too many shows nothing of the model, and what to do is said."""
    joblib.dump(StandardScaler().fit(table[["age"]].to_numpy()), "s.joblib")
    run("compile s.joblib -o s.pretzel")
    table[["age"]].assign(id=range(len(table))).to_csv("x.csv", index=False)
    done = run("verify s.pretzel s.joblib x.csv", 1)
    assert "transform: nothing compared; 0 rows" in done.stdout
    assert "say which 1 of the 2 columns the model reads, each with --column NAME" in done.stderr
    assert "ok on" in run("verify s.pretzel s.joblib x.csv --column age").stdout
