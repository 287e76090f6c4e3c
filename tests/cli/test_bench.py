"""`pretzel bench`: what is timed; how long it takes is not tested."""

from __future__ import annotations

import json


def test_a_model_beside_its_source(run, model):
    data = json.loads(run("bench m.pretzel d.csv --seconds 0.01 --json").stdout)
    assert [(each["call"], each["rows"]) for each in data["calls"]] == [
        ("one row", 1),
        ("table of 1", 1),
        ("table of 32", 32),
    ]  # of the 40 rows of the table
    assert all(each["seconds"] > 0 and each["source"] is None for each in data["calls"])
    text = run("bench m.pretzel d.csv --seconds 0.01 --source m.joblib --method predict_proba").stdout
    assert text.startswith("predict_proba of Pipeline  pretzel")
    assert text.count("x\n") == 3


def test_what_cannot_be_timed(run, model, folder):
    assert "has no method 'score'" in run("bench m.pretzel d.csv --method score", 2).stderr
    (folder / "empty.csv").write_text("age,city\n")
    assert "empty.csv has no rows" in run("bench m.pretzel empty.csv", 2).stderr
