"""The folder of names of a store on disk: without it nobody knows which plans are needed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
from sklearn.linear_model import LinearRegression

import pretzel
from pretzel.errors import CorruptStoreError, ModelNotFoundError
from pretzel.store.object_store import ObjectStore


def line(slope=1.0):
    return LinearRegression().fit([[0.0], [1.0]], [0.0, slope])


@pytest.fixture
def models(tmp_path):
    store = pretzel.PlanStore(tmp_path / "store")
    store.publish("a/b", line())
    return store


def plans(tmp_path):
    return [*(tmp_path / "store" / "plans").glob("*/*")]


def away(names, kind):
    """Take the folder away, and let something else be there."""
    names.rename(names.parent.with_name("kept"))
    if kind == "link":
        names.symlink_to("not mounted")
    if kind == "loop":
        names.symlink_to(names)
    if kind == "file":
        names.write_text("")


@pytest.mark.parametrize("kind", ["missing", "link", "loop", "file"])
def test_a_store_without_its_folder_of_names_loses_nothing(models, tmp_path, kind):
    names, before = tmp_path / "store" / "names", plans(tmp_path)
    away(names, kind)
    other = pretzel.PlanStore(tmp_path / "store", store=ObjectStore())
    pushed = pretzel.PlanStore(tmp_path / "more")
    pushed.publish("c", line(2.0))
    pushed.push(f"file://{tmp_path}/bucket")
    for act in (
        other.gc,
        other.names,
        other.state,
        lambda: other.versions("a/b"),
        lambda: other.load("a/b"),
        lambda: other.publish("a/b", line(2.0)),
        lambda: other.remove("a/b"),
        lambda: other.promote("a/b", "v1"),
        lambda: other.pull(f"file://{tmp_path}/bucket"),
        lambda: other.push(f"file://{tmp_path}/again"),
    ):
        with pytest.raises(CorruptStoreError, match="names"):
            act()
    found = other.fsck()
    assert (found.ok, found.plans, found.unused) == (False, 0, 0)
    assert "names" in found.faults[0]
    assert {*before} <= {*plans(tmp_path)}
    names.unlink(missing_ok=True)
    shutil.move(tmp_path / "kept", names)
    assert other.load("a/b").predict_one((1.0,)) == pytest.approx(1)
    assert other.fsck().ok


UNREADABLE = """
import os, sys
import pretzel
from pretzel.errors import StoreError
store = pretzel.PlanStore(sys.argv[1], create=False)
store.fsck()  # imports what another user may not be able to read
os.chmod(sys.argv[1] + "/names", 0o333)
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
try:
    store.gc()
except StoreError as error:
    assert "names" in str(error)
    found = store.fsck()
    sys.exit(found.ok or "names" not in found.faults[0])
sys.exit("it was collected")
"""


def test_names_that_cannot_be_read_lose_nothing(models, tmp_path):
    for path in (tmp_path, *tmp_path.rglob("*")):
        path.chmod(0o777)
    for path in tmp_path.parents:
        if not path.stat().st_mode & 0o001:
            path.chmod(path.stat().st_mode | 0o111)
    command = [sys.executable, "-c", UNREADABLE, str(tmp_path / "store")]
    done = subprocess.run(command, capture_output=True, timeout=120, env={**os.environ, "PYTHONPATH": os.getcwd()})
    (tmp_path / "store" / "names").chmod(0o755)
    assert done.returncode == 0, done.stderr.decode()
    assert len(plans(tmp_path)) == 1


def test_a_store_without_plans_needs_no_folder_of_names(models, tmp_path):
    models.remove("a/b")
    models.gc()
    (tmp_path / "store" / "names").rmdir()
    assert (models.names(), models.gc(), models.fsck().ok) == ([], 0, True)
    with pytest.raises(ModelNotFoundError):
        models.load("a/b")
    assert models.publish("a/b", line()) == "v1"


def test_a_runtime_keeps_its_models_while_the_folder_is_away(models, tmp_path):
    with pretzel.Runtime(store=tmp_path / "store", watch=0.05) as runtime:
        assert runtime["a/b"].predict_one((1.0,)) == pytest.approx(1)
        away(tmp_path / "store" / "names", "missing")
        assert runtime._stored.refresh().keys() == {"a/b"}
        assert runtime["a/b"].predict_one((1.0,)) == pytest.approx(1)
