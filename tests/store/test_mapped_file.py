"""Files of a store are mapped without descriptors, and what the system says of them is told."""

from __future__ import annotations

import contextlib
import mmap
import os
import resource

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import pretzel
from pretzel._native import FileMapping
from pretzel.errors import CorruptStoreError, StoreError
from pretzel.store.mapped_file import map_file

X = np.random.default_rng(0).normal(size=(10, 4000))  # whose coefficients have a file of their own


def descriptors():
    """How many are open."""
    return len(os.listdir("/proc/self/fd"))


@contextlib.contextmanager
def no_more_descriptors():
    """Nothing can be opened."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def models(tmp_path):
    plans = pretzel.PlanStore(tmp_path / "store", store=pretzel.ObjectStore())
    plans.publish("m", Ridge().fit(X, X[:, 0]))
    return plans


@pytest.mark.parametrize("populate", [False, True])
@pytest.mark.parametrize("size", [1, 4096, (3 << 20) + 1])
def test_a_mapping_is_the_file(tmp_path, size, populate):
    contents = np.random.default_rng(size).bytes(size)
    path = tmp_path / "file"
    path.write_bytes(contents)
    memory = map_file(path, populate=populate)
    path.unlink()
    assert memory.readonly
    assert memory == contents
    array = np.frombuffer(memory, np.uint8)[-1:]
    del memory
    assert array[0] == contents[-1]
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 0


def test_an_empty_file_is_none_of_ours(tmp_path):
    path = tmp_path / "file"
    path.touch()
    with path.open("rb") as file:
        assert FileMapping(file.fileno(), "file").view() == b""
    with pytest.raises(CorruptStoreError, match="is empty"):
        map_file(path)


def test_what_cannot_be_mapped_is_told(tmp_path):
    with pytest.raises(OSError, match="Bad file descriptor: 'no file'"):
        FileMapping(-1, "no file")
    with pytest.raises(FileNotFoundError, match="nothing"):
        map_file(tmp_path / "nothing")


@pytest.mark.parametrize(("start", "length"), [(-1, 1), (0, 5), (4, 1), (5, 0), (0, -1), (2**62, 2**62)])
def test_advice_is_of_the_file(tmp_path, start, length):
    path = tmp_path / "file"
    path.write_bytes(b"1234")
    with path.open("rb") as file:
        mapping = FileMapping(file.fileno(), "file")
    assert mapping.advise(mmap.MADV_WILLNEED, 0, 4)
    assert not mapping.advise(123456, 0, 4)
    with pytest.raises(ValueError, match="no part of 4 bytes"):
        mapping.advise(mmap.MADV_WILLNEED, start, length)


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are counted in /proc")
def test_loaded_plans_keep_no_descriptors(models, tmp_path):
    models.load("m").save(path := tmp_path / "m.pretzel")
    before = descriptors()
    plans = [models.load("m"), pretzel.load(path)]
    assert descriptors() == before
    assert np.array_equal(plans[0].predict(X), plans[1].predict(X))


def test_a_want_of_descriptors_is_no_damage(models):
    directory = models._directory
    plan = models.load("m")
    digest = models.versions("m").plans["v1"]
    stored = directory.plan(digest)
    (large,) = stored.large
    reads = {
        "m.json": (lambda: models.load("m"),),
        "lock": (lambda: models.publish("m", plan),),
        f"{digest}.pretzel": (lambda: models.open_plan(digest),),
        f"{large.hex()}.arrow": (lambda: stored.array(large),),
    }
    for file, calls in reads.items():
        for call in calls:
            with (
                no_more_descriptors(),
                pytest.raises(StoreError, match=f"{file} cannot be (read|written): Too many") as raised,
            ):
                call()
            assert not isinstance(raised.value, CorruptStoreError)
    assert np.array_equal(models.load("m").predict(X), plan.predict(X))
