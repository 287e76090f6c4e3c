"""`pretzel compile`: files of joblib, pickle and skops, to plan files and stores."""

from __future__ import annotations

import argparse
import importlib
import pickle
import sys

import joblib
import numpy as np
import pytest
import skops.io
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

import pretzel

WARNING = "is a pickle: loading runs code of the file, so it must be one you trust"


def test_to_a_plan_file(run, folder, pipeline, table):
    done = run("compile m.joblib -o m.pretzel --name churn")
    assert done.stdout.startswith("m.pretzel  predict, predict_proba,")
    assert WARNING in done.stderr
    plan = pretzel.load("m.pretzel")
    assert plan.name == "churn"
    np.testing.assert_array_equal(plan.predict(table), pipeline.predict(table))


def test_into_a_store(run):
    assert run("compile m.joblib -o models --name churn/de").stdout.startswith("models:churn/de@v1  ")
    run("compile m.joblib -o models --name churn/de --version trial --no-default")
    run("compile m.joblib -o models --name churn/de")
    models = pretzel.PlanStore("models", create=False)
    assert [*models.versions("churn/de").plans] == ["v1", "trial", "v2"]
    assert models.versions("churn/de").default == "v2"
    assert "'churn/de@v2' is there already" in run("compile m.joblib -o models --name churn/de --version v2", 3).stderr


def test_a_model_file_of_another_library(run):
    from tests.oven.frontends.test_lightgbm_text import RAW, ROWS, TEXT

    with open("model.txt", "w", encoding="utf-8") as file:
        file.write(TEXT)
    done = run("compile model.txt -o models --name clicks")
    assert done.stdout.startswith("models:clicks@v1  predict, raw_score, pred_leaf")
    assert WARNING not in done.stderr
    plan = pretzel.PlanStore("models", create=False).load("clicks")
    np.testing.assert_array_equal(plan.predict(ROWS, raw_score=True), RAW)
    with open("model.txt", "w", encoding="utf-8") as file:
        file.write(TEXT[:400])
    assert "damaged text of a LightGBM model" in run("compile model.txt -o models --name clicks", 3).stderr


def test_a_pickle(run, pipeline):
    with open("m.pkl", "wb") as file:
        pickle.dump(pipeline, file)
    assert f"m.pkl {WARNING}" in run("compile m.pkl -o m.pretzel").stderr


def test_skops(run, pipeline):
    skops.io.dump(pipeline, "m.skops")
    assert "pickle" not in run("compile m.skops -o m.pretzel").stderr


def test_skops_with_types_that_it_does_not_know(run, table):
    source = StandardScaler().fit(table[["age"]])
    source.note = argparse.Namespace(author="me")
    skops.io.dump(source, "m.skops")
    error = run("compile m.skops -o m.pretzel", 3).stderr
    assert "argparse.Namespace" in error
    assert "--trusted TYPE" in error
    assert error.count("\n") == 1
    run("compile m.skops -o m.pretzel --trusted argparse.Namespace")


def test_what_cannot_be_written_is_named_as_it_was_given(run):
    assert run("compile m.joblib -o models/ --name churn").stdout.startswith("models:churn@v1  ")
    error = run("compile m.joblib -o nowhere/m.pretzel", 3).stderr
    assert error.splitlines()[-1] == "pretzel: nowhere/m.pretzel: No such file or directory"


def test_options_reach_the_compiler(run):
    run("compile m.joblib -o m.pretzel --numerics strict")
    assert pretzel.load("m.pretzel").explain("json")["options"]["numerics"] == "strict"


def test_a_step_without_a_native_form_is_named(run, table):
    joblib.dump(KNeighborsClassifier(3, p=3).fit(table[["age"]], [0, 1] * 20), "k.joblib")
    error = run("compile k.joblib -o k.pretzel", 3).stderr.splitlines()[-1]
    assert error.startswith("pretzel: KNeighborsClassifier.predict cannot be saved")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("compile m.joblib -o models", "needs a --name"),
        ("compile m.joblib -o m.pretzel --version v1", "a plan file has none"),
        ("compile m.joblib -o m.pretzel --opaque pickle", "'skops', 'cloudpickle'"),
        ("compile m.joblib -o m.pretzel --trusted a.B", "--trusted is for .skops files"),
        ("compile d.csv -o m.pretzel", "d.csv is a table, and no file of an estimator"),
        ("compile nothing.joblib -o m.pretzel", "does not exist"),
    ],
)
def test_wrong_usage(run, command, message):
    assert message in run(command, 2).stderr


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps(5), pickle.dumps({})[:-1]])
def test_files_of_something_else(run, folder, content):
    (folder / "bad.pickle").write_bytes(content)
    error = run("compile bad.pickle -o m.pretzel", 3).stderr
    assert error.splitlines()[-1].startswith("pretzel: ")
    assert error.count("\n") == 2
    assert not (folder / "m.pretzel").exists()


def test_a_module_that_is_missing(run, folder, monkeypatch):
    (folder / "own_steps.py").write_text("class Step:\n    def fit(self): pass\n")
    monkeypatch.syspath_prepend(folder)
    joblib.dump(importlib.import_module("own_steps").Step(), "own.joblib")
    monkeypatch.delitem(sys.modules, "own_steps")
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(folder)])
    error = run("compile own.joblib -o m.pretzel", 3).stderr
    assert "No module named 'own_steps'; install the package that has own_steps, or name the folder" in error
    assert "PYTHONPATH" in error
