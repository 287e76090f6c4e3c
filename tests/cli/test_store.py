"""`pretzel gc`, `fsck`, `promote` and `remove`."""

from __future__ import annotations

import pretzel


def test_promote_and_remove(run, store):
    run("compile m.joblib -o models --name churn/de --numerics strict")
    models = pretzel.PlanStore("models", create=False)
    run("promote models churn/de v1")
    assert models.versions("churn/de").default == "v1"
    assert "'v1' is the default" in run("remove models churn/de v1", 3).stderr
    run("remove models churn/de v2")
    assert [*models.versions("churn/de").plans] == ["v1"]
    assert "1 file(s) that no name needs" in run("fsck models").stdout
    assert run("gc models").stdout.endswith(" KB freed\n")
    assert run("gc models").stdout == "0 B freed\n"
    run("remove models churn/de")
    assert models.names() == []
    assert "no model 'churn/de'" in run("remove models churn/de", 3).stderr
    assert "no model 'churn/de'" in run("promote models churn/de v1", 3).stderr


def test_fsck_finds_damage(run, store, folder):
    assert run("fsck models").stdout.startswith("1 plan(s), ")
    (plan,) = (folder / "models" / "plans").glob("*/*")
    content = bytearray(plan.read_bytes())
    content[len(content) // 2] ^= 1
    plan.write_bytes(content)
    done = run("fsck models", 1)
    assert f"churn/de@v1: models/plans/{plan.parent.name}/{plan.name} is damaged" in done.stdout.splitlines()
    assert "fault(s)" in done.stdout


def test_a_directory_that_is_no_store(run, folder):
    (folder / "other").mkdir()
    assert run("fsck other", 3).stderr == "pretzel: other is no store: it has no pretzel.json\n"
    assert not [*(folder / "other").iterdir()]
