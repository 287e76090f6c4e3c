"""Stores that are damaged or crafted: other plans answer as before, and files of others stay."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import pretzel
from pretzel.errors import CorruptStoreError, StoreError
from pretzel.store.object_store import ObjectStore
from tests.store.fuzz_load import packed, unpacked

X = np.random.default_rng(0).normal(size=(60, 3000))


@pytest.fixture
def models(tmp_path):
    store = pretzel.PlanStore(tmp_path / "store")
    small = LinearRegression().fit(X[:, :4], X[:, 0])
    for name in ("mine", "yours"):
        store.publish(f"small/{name}", small)
        store.publish(f"large/{name}", LinearRegression().fit(X, X[:, 0]))
    return pretzel.PlanStore(tmp_path / "store", store=ObjectStore())


def change(models, name, how):
    """Rewrite the file of a plan."""
    versions = models.versions(name)
    path = models._directory.plan_path(versions.plans[versions.default])
    contents = packed(*how(*unpacked(path.read_bytes())))
    path.unlink()
    path.write_bytes(contents)


def other_numbers(description, objects):
    """Every double is another one."""
    objects = bytearray(objects)
    for offset, dtype, shape in description["objects"].values():
        if dtype == "<f8" and shape:
            objects[offset + 6] ^= 8
    return description, bytes(objects)


def another_place(description, objects):
    """Large arrays begin 64 bytes later."""
    for location in description["large"].values():
        location[0] += 64
    return description, objects


def test_small_arrays_are_what_their_digests_say(models):
    change(models, "small/mine", other_numbers)
    with pytest.raises(CorruptStoreError, match="is damaged"):
        models.load("small/mine")
    np.testing.assert_allclose(models.load("small/yours").predict(X[:9, :4]), X[:9, 0])


def test_plans_share_large_arrays_only_where_they_name_the_same_bytes(models):
    change(models, "large/mine", another_place)
    try:
        mine = models.load("large/mine")
    except CorruptStoreError:
        mine = None
    np.testing.assert_allclose(models.load("large/yours").predict(X[:9]), X[:9, 0])
    assert mine is None or not np.allclose(mine.predict(X[:9]), X[:9, 0])


def test_a_number_of_columns_costs_nothing(models):
    """Readers of rows allocate by the columns that they read, not by the number that a file says."""

    def wide(description, objects):
        description["plan"]["input"]["width"] = 2**31 - 1
        description["plan"]["input"]["names"] = None
        return description, objects

    change(models, "small/mine", wide)
    start = time.monotonic()
    with pytest.raises(CorruptStoreError, match="required columns of 2147483647 without names"):
        models.load("small/mine")
    assert time.monotonic() - start < 5.0


@pytest.mark.parametrize("index", ["objects", "large"])
@pytest.mark.parametrize("digest", ["z" * 32, "", "00", "0" * 34])
def test_objects_are_named_by_digests(models, index, digest):
    def misnamed(description, objects):
        description[index] = dict.fromkeys([digest], next(iter(description[index].values())))
        return description, objects

    change(models, "large/mine", misnamed)
    with pytest.raises(CorruptStoreError):
        models.load("large/mine")
    assert all(fault.startswith("large/mine@v1: ") for fault in models.fsck().faults)
    assert not models.fsck().ok
    np.testing.assert_allclose(models.load("large/yours").predict(X[:9]), X[:9, 0])


@pytest.mark.parametrize("place", ["plans/zz", "objects/zz", "aside"])
def test_gc_leaves_what_links_lead_to(models, tmp_path, place):
    other = tmp_path / "other"
    other.mkdir()
    names = ["precious", f".a.{'0' * 16}", f"{'0' * 32}.arrow", f"{'0' * 32}.pretzel"]
    for name in names:
        (other / name).write_text("x")
    link = models._directory.path / place
    if link.exists():
        link.rmdir()
    link.symlink_to(other)
    models.gc()
    assert sorted(path.name for path in other.iterdir()) == sorted(names)


def test_gc_leaves_files_that_are_not_of_a_store(models):
    path = models._directory.path / "plans" / "README"
    path.write_text("x")
    assert models.fsck().unused == models.gc() == 0
    assert path.exists()


@pytest.mark.parametrize("exists", [True, False])
def test_a_lock_that_is_a_link_is_rejected(models, tmp_path, exists):
    victim = tmp_path / "victim"
    if exists:
        victim.write_text("precious")
    lock = models._directory.path / "lock"
    lock.unlink()
    lock.symlink_to(victim)
    for write in (models.fsck, models.gc, lambda: models.publish("new", LinearRegression().fit(X[:, :4], X[:, 0]))):
        with pytest.raises(StoreError, match="is a link"):
            write()
    assert victim.exists() == exists
    assert not exists or victim.read_text() == "precious"
