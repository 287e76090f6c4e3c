"""Models with steps that run as the estimator itself: compiled, told, and loaded as far as the caller trusts them."""

from __future__ import annotations

import json

import joblib
import pandas as pd
import pytest
from sklearn.neighbors import KNeighborsClassifier

import pretzel

TRUSTED = "--trusted sklearn.metrics._dist_metrics.MinkowskiDistance64 --trusted sklearn.neighbors._kd_tree.KDTree"


@pytest.fixture
def source(folder, table):
    source = KNeighborsClassifier(3, p=3).fit(table[["age"]], ["no", "yes"] * 20)
    joblib.dump(source, "k.joblib")
    return source


@pytest.fixture
def opaque(run, source):
    run("compile k.joblib -o models --name k --opaque skops")
    return "models:k"


def test_without_the_option_it_is_named(run, source):
    error = run("compile k.joblib -o k.pretzel", 3).stderr
    assert error.rstrip().endswith("With --opaque skops the estimators are written, too")


def test_commands_load_what_is_trusted(run, opaque, source, table):
    for command in (
        "predict models:k d.csv -o out.csv",
        "explain models:k",
        "coverage models:k",
        "verify models:k k.joblib d.csv",
        "bench models:k d.csv --seconds 0.001",
    ):
        error = run(command, 3).stderr.splitlines()[-1]
        assert error.startswith("pretzel: ")
        assert error.endswith(f"add {TRUSTED}")
        run(f"{command} {TRUSTED}", code=1 if command.startswith("coverage") else 0)
    assert [*pd.read_csv("out.csv")["predict"]] == [*source.predict(table[["age"]])]


def test_inspecting_loads_nothing(run, opaque):
    text = run("inspect models:k").stdout
    assert "opaque steps    KNeighborsClassifier: the metric 'minkowski', whose powers a C library computes\n" in text
    assert "estimators      skops: sklearn.neighbors._classification.KNeighborsClassifier\n" in text
    assert "default, opaque" in run("inspect models").stdout
    (found,) = json.loads(run("inspect models --json").stdout)["models"]
    assert found["opaque"] is True


def test_a_pickle_needs_its_own_option(run, source):
    run("compile k.joblib -o k.pretzel --opaque cloudpickle")
    assert "pass --allow-pickle if you trust" in run(f"explain k.pretzel {TRUSTED}", 3).stderr
    run("explain k.pretzel --allow-pickle")
    run("predict k.pretzel d.csv -o - --allow-pickle")


def test_the_source_travels_if_it_is_asked_for(run, folder, pipeline):
    run("compile m.joblib -o m.pretzel --opaque skops --keep-source")
    assert [*pretzel.load("m.pretzel").named_steps] == ["features", "model"]
    assert "--keep-source needs --opaque" in run("compile m.joblib -o m.pretzel --keep-source", 2).stderr
