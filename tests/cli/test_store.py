"""`pretzel gc`, `fsck`, `promote`, `remove`, `push` and `pull`."""

from __future__ import annotations

import pretzel


def test_promote_and_remove(run, store):
    run("compile m.joblib -o models --name churn/de --numerics strict")
    models = pretzel.PlanStore("models", create=False)
    run("promote models churn/de v1")
    assert models.versions("churn/de").default == "v1"
    assert "'v1' is the default" in run("remove models churn/de v1", 3).stderr
    assert "no version 'v3'" in run("remove models churn/de@v3", 3).stderr
    run("remove models churn/de@v2")
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
    assert f"churn/de@v1: {plan} is damaged" in done.stdout.splitlines()
    assert "fault(s)" in done.stdout


def test_a_directory_that_is_no_store(run, folder):
    (folder / "other").mkdir()
    assert run("fsck other", 3).stderr == "pretzel: other is no store: it has no pretzel.json\n"
    assert not [*(folder / "other").iterdir()]


def test_what_needs_a_directory_says_so_of_urls(run, store, folder):
    for command in ("fsck", "gc", "remove", "promote"):
        more = {"remove": " churn/de", "promote": " churn/de v1"}.get(command, "")
        error = run(f"{command} memory://{folder.name}/models{more}", 2).stderr
        assert f"{command} needs a directory: copy memory://{folder.name}/models to one first" in error
    assert "while fsck, gc, promote and remove need a directory" in " ".join(run("--help").stdout.split())


def test_push_and_pull(run, store, folder):
    url = f"memory://{folder.name}/models"
    assert run(f"push models {url}").stdout.startswith("1 file(s), ")
    assert run(f"push models {url} --name churn/de").stdout == "0 file(s), 0 B copied\n"
    assert "1 version(s) of 1 model(s)" in run(f"inspect {url}").stdout
    assert "columns         age, city" in run(f"inspect {url}:churn/de@v1").stdout
    run(f"predict {url}:churn/de d.csv -o out.csv")
    assert run(f"pull {url} copy").stdout.startswith("1 file(s), ")
    assert pretzel.PlanStore("copy", create=False).names() == ["churn/de"]
    assert "has no model 'rent'" in run(f"pull {url} copy --name rent", 3).stderr
    assert "is no store" in run("pull memory://nothing copy", 3).stderr
