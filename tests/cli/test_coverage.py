"""`pretzel coverage`."""

from __future__ import annotations

import json

import joblib
import sklearn
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def test_all_estimators(run):
    found = json.loads(run("coverage --json").stdout)
    states = {(each["estimator"], each["method"]): (each["state"], each["reason"]) for each in found["methods"]}
    assert states["sklearn.linear_model.LogisticRegression", "predict_proba"] == ("native", "")
    assert states["sklearn.multioutput.ClassifierChain", "predict_proba"] == ("native", "")
    assert states["sklearn.multioutput.MultiOutputRegressor", "predict"] == ("native", "")
    assert states["sklearn.feature_extraction.image.PatchExtractor", "transform"][0] == "opaque"
    assert states["sklearn.cluster.DBSCAN", ""] == ("refused", "DBSCAN has no method that Pretzel can serve")
    assert found["releases"]["sklearn"] == sklearn.__version__
    assert all(each["reason"] for each in found["methods"] if each["state"] != "native")
    untried = [each["estimator"] for each in found["methods"] if "none of the tables" in each["reason"]]
    assert set(untried) <= {"lightgbm.sklearn.LGBMModel"}  # which has no objective of its own
    steps = {each["estimator"]: each["state"] for each in found["methods"] if "feature_engine." in each["estimator"]}
    assert set(steps.values()) <= {"native"}  # all that have an adapter, behind which a model stands
    text = run("coverage").stdout
    assert f"sklearn {sklearn.__version__}" in text
    assert "PCA" in text


def test_steps_of_a_model(run, model, table):
    assert "predict: 3 native, 0 opaque step(s)" in run("coverage m.pretzel").stdout
    source = make_pipeline(StandardScaler(), KNeighborsClassifier(3, p=3)).fit(table[["age"]], [0, 1] * 20)
    joblib.dump(source, "k.joblib")
    text = run("coverage k.joblib", 1).stdout
    assert "native  Pipeline.standardscaler: check_finite" in text
    assert "opaque  Pipeline.kneighborsclassifier: the metric 'minkowski'" in text
    steps = json.loads(run("coverage k.joblib --json", 1).stdout.partition("{")[2].join(["{", ""]))["methods"]
    assert len(steps["predict"]["opaque"]) == 1


def test_methods_that_few_callers_want(run, table):
    source = GradientBoostingClassifier(n_estimators=2).fit(table[["age"]], [0, 1] * 20)
    joblib.dump(source, "g.joblib")
    assert "apply: 0 native, 1 opaque step(s)" in run("coverage g.joblib").stdout  # and the model can be saved
    run("compile g.joblib -o g.pretzel")
    assert "opaque  " not in run("coverage g.pretzel").stdout
    assert "apply" not in run("verify g.pretzel g.joblib d.csv").stdout
