"""`pretzel inspect` and `pretzel explain`."""

from __future__ import annotations

import json
import os

import pytest

import pretzel


def test_a_plan_file(run, model, folder):
    text = run("inspect m.pretzel").stdout
    assert "methods         predict, predict_proba," in text
    assert "columns         age, city" in text
    data = json.loads(run("inspect m.pretzel --json").stdout)
    assert data["made"]["pretzel"] == pretzel.__version__
    assert data["columns"] == ["age", "city"]
    assert data["bytes on disk"] == (folder / "m.pretzel").stat().st_size
    assert data["bytes in memory"] == pretzel.load("m.pretzel").nbytes


def test_a_store_and_a_model_of_it(run, store):
    run("compile m.joblib -o models --name churn/de --numerics strict --no-default")
    data = json.loads(run("inspect models --json").stdout)
    assert [(each["name"], each["version"], each["default"]) for each in data["models"]] == [
        ("churn/de", "v1", True),
        ("churn/de", "v2", False),
    ]
    assert data["bytes"] == sum(each["bytes"] for each in data["models"])
    assert "2 version(s) of 1 model(s)" in run("inspect models").stdout
    data = json.loads(run("inspect models:churn/de@v2 --json").stdout)
    assert (data["version"], data["versions"]) == ("v2", ["v1", "v2"])
    assert "v1" in run("inspect models:churn/de").stdout


def test_a_damaged_plan_hides_no_other(run, pipeline, folder):
    models = pretzel.PlanStore("models")
    for name in ("a", "b", "c", "d"):
        models.publish(name, pipeline, numerics="strict" if name == "b" else "fast")
    os.truncate(models.open_plan(models.versions("b").plans["v1"]).where, 100)
    (folder / "models" / "names" / "d.json").write_text("{")
    done = run("inspect models", 3)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["a@v1", "b@v1", "c@v1", "d", "4"]
    assert [line.split()[1] for line in done.stderr.splitlines()] == ["b@v1:", "d:"]
    damage = {each["name"]: each["damage"] for each in json.loads(run("inspect models --json", 3).stdout)["models"]}
    assert [name for name, text in damage.items() if text] == ["b", "d"]
    assert "damaged" in damage["d"]


def test_an_empty_store(run, folder):
    pretzel.PlanStore("none")
    assert run("inspect none").stdout == "0 version(s) of 0 model(s), 0 B\n"


@pytest.mark.parametrize(
    ("what", "code", "message"),
    [
        ("models:rent", 3, "models has no model 'rent'"),
        ("models:churn/de@v7", 3, "has no version 'v7'"),
        ("nowhere:churn/de", 3, "nowhere is no store"),
        ("nothing.pretzel", 2, "give a .pretzel file, or STORE:NAME[@VERSION]"),
    ],
)
def test_what_is_not_there(run, store, what, code, message):
    assert message in run(f"inspect {what}", code).stderr


def test_names_cannot_steer_a_terminal(run, pipeline):
    pretzel.PlanStore("models").publish("a\x1b[31mb", pipeline)
    text = run("inspect models").stdout
    assert "\x1b" not in text
    assert r"a\x1b[31mb@v1" in text


def test_explain(run, model):
    text = run("explain m.pretzel").stdout
    assert "optimized graph" in text
    assert f"bytes: {pretzel.load('m.pretzel').nbytes:,} in all" in text
    assert json.loads(run("explain m.pretzel --json").stdout)["input"]["names"] == ["age", "city"]
    assert "optimized graph" in run("explain m.joblib").stdout


@pytest.mark.parametrize(
    ("form", "begins"),
    [
        ("summary", "Pipeline: "),
        ("schema", "Pipeline: a table of 2 columns"),
        ("html", '<div class="pretzel">'),
        ("dot", "digraph plan {"),
        ("mermaid", "flowchart TB"),
    ],
)
def test_explain_in_other_forms(run, model, form, begins):
    assert run(f"explain m.pretzel --format {form}").stdout.startswith(begins)
