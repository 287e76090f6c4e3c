"""Plans in a store on disk: what is shared, what is published, what is left after a writer was killed."""

from __future__ import annotations

import errno
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel.errors import CorruptStoreError, ModelNotFoundError, OptionError, RegistrationError, SaveError, StoreError
from pretzel.store import directory
from pretzel.store.object_store import ObjectStore

X = np.random.default_rng(0).normal(size=(200, 4))
DOCUMENTS = [f"word{i} w{i % 7} some text {i * 37 % 101}" for i in range(2000)]
LABELS = [i % 2 for i in range(2000)]


@pytest.fixture
def models(tmp_path):
    return pretzel.PlanStore(tmp_path / "store")


def reopened(models):
    """The store as another process would see it."""
    return pretzel.PlanStore(models._directory.path, create=False, store=ObjectStore())


def linear(slope):
    return LinearRegression().fit([[0.0], [1.0]], [0.0, slope])


def files(models):
    return {path: path.stat().st_size for path in models._directory.path.rglob("*") if path.is_file()}


def test_versions_of_a_name(models):
    assert models.publish("rent/de", linear(1)) == "v1"
    assert models.publish("rent/de", linear(2)) == "v2"
    assert models.publish("rent/de", linear(3), version="trial", default=False) == "trial"
    other = reopened(models)
    assert other.names() == ["rent/de"]
    assert other.load("rent/de").predict_one((1.0,)) == pytest.approx(2)
    assert other.load("rent/de", "v1").predict_one((1.0,)) == pytest.approx(1)
    assert other.load("rent/de", "trial").name == "rent/de"
    models.promote("rent/de", "v1")
    assert other.load("rent/de").predict_one((1.0,)) == pytest.approx(1)
    with pytest.raises(RegistrationError, match="'v1' is the default"):
        models.remove("rent/de", "v1")
    models.remove("rent/de", "v2")
    assert sorted(other.versions("rent/de").plans) == ["trial", "v1"]
    with pytest.raises(ModelNotFoundError, match=r"no version 'v2', only"):
        other.load("rent/de", "v2")
    assert models.publish("rent/de", linear(4), keep=False) == "v2"
    assert [*other.versions("rent/de").plans] == ["v2"]
    models.remove("rent/de")
    with pytest.raises(ModelNotFoundError, match="no model 'rent/de'"):
        other.load("rent/de")


def test_a_store_is_asked_as_a_mapping_of_names(models):
    assert len(models) == 0
    assert models  # a store without models is no missing one
    for name in ("rent/fr", "rent/de"):
        models.publish(name, linear(1))
    models.publish("rent/de", linear(2))
    assert [*models] == ["rent/de", "rent/fr"]
    assert len(models) == 2
    for target in ("rent/de", "rent/de@v1", "rent/fr@v1"):
        assert target in models
    for target in ("rent", "rent/fr@v2", "rent/de@", "", "@v1", None, 3, ("rent/de",)):
        assert target not in models
    assert models.load("rent/de@v1").predict_one((1.0,)) == pytest.approx(1)
    assert models.load("rent/de").predict_one((1.0,)) == pytest.approx(2)
    assert models.bytes_to_load("rent/fr@v1") == models.bytes_to_load("rent/fr", "v1")
    with pytest.raises(ModelNotFoundError, match="no version 'v9'"):
        models.load("rent/de@v9")


def test_a_store_is_pickled_as_its_place(models):
    models.publish("m", linear(3))
    copied = pickle.loads(pickle.dumps(models))
    assert copied.names() == ["m"]
    assert copied.load("m").predict_one((1.0,)) == pytest.approx(3)


def test_what_a_store_returns_is_public(models):
    models.publish("m", linear(3))
    assert isinstance(models.fsck(), pretzel.Findings)
    assert isinstance(models.versions("m"), pretzel.Versions)
    assert pretzel.Copied(1, 2).files == 1


def test_equal_arrays_are_on_disk_and_in_memory_once(models):
    words = TfidfVectorizer(ngram_range=(1, 2)).fit(DOCUMENTS)
    rows = words.transform(DOCUMENTS)
    models.publish("first", make_pipeline(words, LogisticRegression().fit(rows, LABELS)))
    one = sum(files(models).values())
    for i in range(5):
        models.publish(f"next{i}", make_pipeline(words, LogisticRegression(C=2 + i).fit(rows, LABELS)))
    assert sum(files(models).values()) < 4.5 * one  # weights and descriptions alone
    other = reopened(models)
    plans = [other.load(name) for name in other.names()]
    stats = other.store.stats()
    assert stats["logical_bytes"] > 2 * stats["unique_bytes"]
    assert len({id(plan.physical.graph.structure) for plan in plans}) == 1
    assert plans[0].predict(DOCUMENTS[:50]).tolist() == models.load("first").predict(DOCUMENTS[:50]).tolist()
    del plans
    assert other.store.stats()["unique_bytes"] == 0


def test_publishing_twice_writes_once(models):
    plan = pretzel.compile(linear(1))
    models.publish("a", plan)
    before = files(models)
    models.publish("b", plan)
    assert len(files(models)) == len(before) + 1  # the name


def test_arrow_tools_read_large_objects(models):
    models.publish("ridge", Ridge().fit(np.eye(4000)[:50], np.arange(50.0)))
    plan = models._directory.open("ridge")
    assert plan.large
    for digest in plan.large:
        with pa.memory_map(str(models._directory.object_path(digest.hex()))) as file:
            values = pa.ipc.open_file(file).read_all()["values"].to_numpy()
        np.testing.assert_array_equal(values, plan.array(digest).reshape(-1))


NAMES = ["churn/de", "a b", "ümläut", ".hidden", "..", "../../escape", "con:trol\n", "%2F", "x" * 150]


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_in_the_store(models, name):
    models.publish(name, linear(1))
    assert reopened(models).names() == [name]
    assert {path.parent.name for path in files(models)} <= {"store", "names", *(p.parent.name for p in files(models))}
    assert all(models._directory.path in path.parents for path in files(models))
    assert models._directory.path.parent.joinpath("escape.json").exists() is False
    assert reopened(models).load(name).name == name


@pytest.mark.parametrize("name", ["", "a@v1", "x" * 201, "ü" * 60, "\ud800"])
def test_names_that_are_none(models, name):
    with pytest.raises(RegistrationError):
        models.publish(name, linear(1))
    assert models.names() == []


@pytest.mark.parametrize("version", ["", "a@b", "\ud800"])
def test_versions_that_are_none(models, version):
    with pytest.raises(RegistrationError):
        models.publish("a", linear(1), version=version)
    assert models.names() == []
    with pytest.raises(RegistrationError):
        pretzel.Runtime().register("a", linear(1), version=version)


def test_one_text_is_no_list_of_names(models, tmp_path):
    models.publish("ab", linear(1))
    models.push((tmp_path / "remote").as_uri())
    for copy in (models.push, models.pull):
        with pytest.raises(OptionError, match=r"names=\['ab'\]"):
            copy((tmp_path / "remote").as_uri(), "ab")


def test_a_name_that_is_too_long_is_told_with_the_limit(models):
    with pytest.raises(
        RegistrationError, match="has 360 characters once it is escaped for files, and 200 are possible"
    ):
        models.publish("ü" * 60, linear(1))


def test_what_cannot_be_published_changes_nothing(models):
    models.publish("a", linear(1))
    before = files(models)
    with pytest.raises(SaveError):
        models.publish("a", KNeighborsRegressor(p=3).fit(X, X[:, 0]))
    with pytest.raises(RegistrationError, match="'a@v1' is there already"):
        models.publish("a", linear(2), version="v1")
    for version in (3, "", "a@b", 1.0):
        with pytest.raises(RegistrationError, match="a version is a str"):
            models.publish("a", linear(2), version=version)
    with pytest.raises(TypeError, match="unknown options: depth"):
        models.publish("a", linear(2), depth=2)
    assert {path: size for path, size in files(models).items() if path.name != "lock"} == {
        path: size for path, size in before.items() if path.name != "lock"
    }


def test_a_directory_that_is_no_store(tmp_path):
    with pytest.raises(StoreError, match=r"is no store: it has no pretzel\.json"):
        pretzel.PlanStore(tmp_path, create=False)
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(StoreError, match="not empty"):
        pretzel.PlanStore(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]
    pretzel.PlanStore(tmp_path / "new" / "store")
    (tmp_path / "new" / "store" / "pretzel.json").write_text('{"format": 9}')
    with pytest.raises(StoreError, match="has format 9"):
        pretzel.PlanStore(tmp_path / "new" / "store")


def test_names_that_are_no_texts(models):
    for use in (models.load, models.versions, models.remove, models.bytes_to_load, partial(models.publish, model=1)):
        for name in (None, 3, b"m"):
            with pytest.raises(OptionError, match="name must be a str, got"):
                use(name)


def test_gc_frees_what_no_name_needs(models):
    models.publish("forest", RandomForestClassifier(40, random_state=0).fit(X, X[:, 0] > 0))
    models.publish("line", linear(1))
    kept = reopened(models).load("forest")
    expected = kept.predict(X)
    assert models.gc() == 0
    models.publish("forest", RandomForestClassifier(40, random_state=1).fit(X, X[:, 0] > 0), keep=False)
    assert models.fsck().unused > 0
    assert models.gc() > 1000
    found = models.fsck()
    assert (found.ok, found.unused, found.plans) == (True, 0, 2)
    np.testing.assert_array_equal(kept.predict(X), expected)  # what is mapped stays


def test_fsck_names_what_is_damaged(models):
    models.publish("forest", RandomForestClassifier(200, random_state=0).fit(X, X[:, 0] > 0))
    models.publish("line", linear(1))
    sizes = {path: size for path, size in files(models).items() if path.suffix == ".arrow"}
    path = max(sizes, key=lambda each: sizes[each])
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)
    found = models.fsck()
    assert not found.ok
    assert all(fault.startswith("forest@v1: ") for fault in found.faults)
    path.unlink()
    assert "No such file" in " ".join(models.fsck().faults)
    with pytest.raises(CorruptStoreError, match="cannot be read"):
        reopened(models).load("forest")
    next((models._directory.path / "names").iterdir()).write_text("{}")
    with pytest.raises(CorruptStoreError, match="is damaged"):
        models.gc()  # nobody knows what that name needs


def damage(path, change):
    """Another file in place of one, as a disk or another program might leave it."""
    contents = change(path.read_bytes())
    path.unlink()
    path.write_bytes(contents)


def zeroed(contents):
    middle = len(contents) // 2
    return contents[:middle] + bytes(8000) + contents[middle + 8000 :]


def object_file(values, **metadata):
    """An object of other contents than `array_file` writes."""
    sink = pa.BufferOutputStream()
    table = pa.table({"values": values}).replace_schema_metadata({"shape": "3000", "dtype": "<f8", **metadata})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


DAMAGED_OBJECTS = {
    "zeros within": zeroed,
    "empty": lambda contents: b"",
    "half": lambda contents: contents[: len(contents) // 2],
    "all zeros": lambda contents: bytes(len(contents)),
    "nulls": lambda contents: object_file(pa.nulls(3)),
    "no values": lambda contents: object_file(pa.array([], pa.float64())),
    "texts": lambda contents: object_file(pa.array(["a"])),
    "another dtype": lambda contents: object_file(np.zeros(3000), dtype="<f4"),
    "no dtype": lambda contents: object_file(np.zeros(3000), dtype=","),
    "no shape": lambda contents: object_file(np.zeros(3000), shape="9" * 5000),
}


@pytest.mark.parametrize("change", DAMAGED_OBJECTS.values(), ids=DAMAGED_OBJECTS)
def test_publishing_replaces_damaged_objects(models, change):
    wide = np.random.default_rng(0).normal(size=(60, 3000))
    estimator = LinearRegression().fit(wide, wide[:, 0])
    models.publish("before", estimator)
    for path in files(models):
        if path.suffix == ".arrow":
            damage(path, change)
    assert not models.fsck().ok
    other = reopened(models)
    other.publish("after", estimator)
    for name in ("before", "after"):
        np.testing.assert_array_equal(reopened(models).load(name).predict(wide), other.load("after").predict(wide))
        np.testing.assert_allclose(reopened(models).load(name).predict(wide), wide[:, 0])
    assert models.fsck().ok


@pytest.mark.parametrize("change", [zeroed, lambda contents: b""], ids=["zeros", "empty"])
def test_publishing_replaces_damaged_plan_files(models, change):
    plan = pretzel.compile(linear(1))
    models.publish("before", plan)
    (path,) = (each for each in files(models) if each.suffix == ".pretzel")
    damage(path, change)
    models.publish("after", plan)
    assert reopened(models).load("before").predict_one((1.0,)) == pytest.approx(1)
    assert models.fsck().ok


DAMAGED_JSON = {
    "deep": b"[" * 100_000,
    "no text": b"\xff\xfe",
    "a list": b"[]",
    "a number": b"9" * 5000,
    "default of a list": b'{"plans": {}, "default": []}',
    "list of versions": b'{"plans": ["v1"], "default": "v1"}',
    "null": b'{"plans": null, "default": "v1"}',
    "true": b'{"format": true}',
}


@pytest.mark.parametrize("contents", DAMAGED_JSON.values(), ids=DAMAGED_JSON)
def test_damaged_names_are_told_and_the_others_stay(models, contents):
    for name in ("a", "m", "z"):
        models.publish(name, linear(1))
    (models._directory.path / "names" / "m.json").write_bytes(contents)
    for act in (models.versions, models.load, lambda name: models.publish(name, linear(2))):
        with pytest.raises(CorruptStoreError, match=r"m\.json is damaged"):
            act("m")
    with pytest.raises(CorruptStoreError, match=r"m\.json is damaged.*; nothing is collected.*, or remove 'm'"):
        models.gc()
    found = models.fsck()
    assert (len(found.faults), found.plans) == (1, 2)
    assert reopened(models).load("z").predict_one((1.0,)) == pytest.approx(1)
    with pytest.raises(CorruptStoreError, match="remove 'm', which forgets its versions"):
        models.publish("m", linear(2))
    models.remove("m")
    assert models.names() == ["a", "z"]
    assert models.gc() > 0
    assert models.fsck().ok
    with pytest.raises(ModelNotFoundError):
        models.remove("m")
    assert models.publish("m", linear(2)) == "v1"


@pytest.mark.parametrize("kind", ["directory", "loop", "dangling"])
def test_a_name_that_is_no_file_is_told(models, kind):
    models.publish("a", linear(1))
    path = models._directory.path / "names" / "m.json"
    path.mkdir() if kind == "directory" else path.symlink_to(path if kind == "loop" else "nowhere")
    other = reopened(models)
    if kind != "dangling":
        with pytest.raises(CorruptStoreError, match=r"m\.json cannot be read"):
            other.load("m")
    with pytest.raises(CorruptStoreError, match=r"m\.json .*; nothing is collected"):
        other.gc()
    assert len(other.fsck().faults) == 1
    if kind == "directory":
        with pytest.raises(CorruptStoreError, match=r"m\.json cannot be read"):
            other.remove("m")
        return
    other.remove("m")
    assert (other.names(), other.gc(), other.fsck().ok) == (["a"], 0, True)


def test_fsck_reads_once_what_several_names_need(models, monkeypatch):
    wide = np.random.default_rng(0).normal(size=(60, 3000))
    estimator = LinearRegression().fit(wide, wide[:, 0])
    models.publish("a", estimator)
    once = models.fsck()
    for label in ("v2", "v3"):
        models.publish("a", estimator, version=label)
    models.publish("b", estimator)
    opened = []
    plan = type(models._directory).plan
    monkeypatch.setattr(
        type(models._directory), "plan", lambda self, digest: (opened.append(digest), plan(self, digest))[1]
    )
    found = models.fsck()
    assert found.ok
    assert (found.plans, found.objects, len(opened)) == (4, 2 * once.objects, 2)
    for path in files(models):
        if path.suffix == ".arrow":
            damage(path, zeroed)
    faults = models.fsck().faults
    assert all(any(fault.startswith(f"a@{label}: ") for fault in faults) for label in ("v1", "v2", "v3"))


READ_ONLY = """
import os, sys
import pretzel
pretzel.PlanStore(sys.argv[2], create=False).fsck()  # imports what another user may not be able to read
if os.getuid() == 0:
    os.setgid(65534)
    os.setuid(65534)
found = pretzel.PlanStore(sys.argv[1], create=False).fsck()
sys.exit(not (found.plans == 1 and found.ok))
"""


@pytest.mark.parametrize("lock", ["there", "secret", "missing"])
def test_a_store_that_can_only_be_read_is_checked(lock):
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)  # other users reach it
        root = Path(folder) / "store"
        for path in (root, root.with_name("other")):
            pretzel.PlanStore(path).publish("m", linear(1))
        if lock == "missing":
            (root / "lock").unlink()
        everything = [root, *root.rglob("*")]
        for path in everything:
            path.chmod(0o555 if path.is_dir() else 0o000 if lock == "secret" and path.name == "lock" else 0o444)
        try:
            command = [sys.executable, "-c", READ_ONLY, str(root), str(root.with_name("other"))]
            done = subprocess.run(command, capture_output=True, timeout=120)
        finally:
            for path in everything:
                path.chmod(0o755)
        assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("contents", DAMAGED_JSON.values(), ids=DAMAGED_JSON)
def test_a_damaged_mark_is_told(models, contents):
    (models._directory.path / "pretzel.json").write_bytes(contents)
    with pytest.raises(StoreError, match=r"pretzel\.json is damaged|has format True"):
        reopened(models)


@pytest.mark.parametrize("name", [b"\xff", "é".encode(), b"", b"a@b", b"%FF", b"%6d", b"x" * 240])
def test_files_that_no_name_has_are_reported(models, name):
    models.publish("m", linear(1))
    path = os.path.join(os.fsencode(models._directory.path), b"names", name + b".json")
    with open(path, "wb") as file:
        file.write(b"{}")
    other = reopened(models)
    assert other.names() == ["m"]
    assert len(repr(other)) > 0
    found = other.fsck()
    assert (found.plans, len(found.faults)) == (1, 1)
    assert "no model has a name" in found.faults[0].encode().decode()
    with pytest.raises(CorruptStoreError, match="no model has a name"):
        other.gc()  # nobody knows what that file needs


def test_a_plan_that_is_missing_is_told(models):
    models.publish("m", linear(1))
    (path,) = (each for each in files(models) if each.suffix == ".pretzel")
    path.unlink()
    for act in (models.gc, lambda: models.load("m")):
        with pytest.raises(CorruptStoreError, match=r"'m' needs .*, which is missing"):
            act()
    assert len(models.fsck().faults) == 1


def test_directories_among_files_are_left_alone(models):
    models.publish("m", linear(1))
    root = models._directory.path
    for path in ("names/other.json", "plans/ab/more", "aside/more"):
        (root / path).mkdir(parents=True)
    found = models.fsck()
    assert (found.plans, len(found.faults)) == (1, 1)
    (root / "names/other.json").rmdir()
    assert models.gc() == 0
    assert models.fsck().ok


def test_empty_directories_that_a_copy_left_out_are_made_again(models):
    for room in ("names", "plans", "objects", "aside"):
        (models._directory.path / room).rmdir()
    other = reopened(models)
    assert (other.names(), other.gc(), other.fsck().ok) == ([], 0, True)
    other.publish("m", linear(1))
    assert other.load("m").predict_one((1.0,)) == pytest.approx(1)


def test_readers_see_whole_plans_while_a_writer_replaces_and_collects(models):
    models.publish("line", linear(1))
    done = threading.Event()
    wrong = []

    def read():
        other = reopened(models)
        while not done.is_set():
            try:
                answer = other.load("line").predict_one((1.0,))
                if abs(answer - round(answer)) > 1e-9:
                    wrong.append(answer)
            except Exception as error:  # whatever it is
                wrong.append(error)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for slope in range(2, 30):
        models.publish("line", linear(slope), keep=False)
        models.gc()
    done.set()
    for reader in readers:
        reader.join()
    assert not wrong, wrong[:3]


def wide(target):
    """A model whose coefficients have a file of their own."""
    wide = np.random.default_rng(0).normal(size=(10, 4000))
    return Ridge().fit(wide, wide[:, target])


def test_a_plan_whose_arrays_are_collected_before_they_are_mapped_is_read_again(models, monkeypatch):
    models.publish("m", wide(0))
    new, other = pretzel.compile(wide(1), store=models.store), pretzel.PlanStore(models._directory.path)
    reader = pretzel.PlanStore(models._directory.path, store=ObjectStore())
    opened, find = [], reader._directory.plan

    def opened_before_the_collection(digest):
        opened.append(digest)
        plan = find(digest)
        if len(opened) == 1:
            other.publish("m", new, keep=False)
            assert other.gc() > 0
        return plan

    monkeypatch.setattr(reader._directory, "plan", opened_before_the_collection)
    row = np.arange(4000.0)
    assert reader.load("m").predict_one(row) == new.predict_one(row)
    assert len(opened) == 2


def test_a_plan_whose_arrays_are_missing_is_told(models):
    models.publish("m", wide(0))
    (path,) = models._directory.path.glob("objects/*/*")
    path.unlink()
    with pytest.raises(CorruptStoreError, match=f"{path.stem} cannot be read: .*No such file"):
        reopened(models).load("m")
    with pytest.raises(ModelNotFoundError, match="has no version 'v2'"):
        reopened(models).load("m", "v2")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_that_was_forked_while_writing_does_not_keep_the_lock(models):
    stop = threading.Event()

    def write():
        while not stop.is_set():
            models.publish("line", linear(1), keep=False)

    writer = threading.Thread(target=write)
    writer.start()
    children = []
    try:
        for _ in range(5):
            time.sleep(0.02)
            child = os.fork()
            if child == 0:
                time.sleep(60)
                os._exit(0)
            children.append(child)
        stop.set()
        writer.join(20)
        assert not writer.is_alive()
        models.publish("line", linear(2))
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def test_a_default_of_other_columns_or_methods_is_replaced_only_when_asked(tmp_path):
    store = pretzel.PlanStore(tmp_path / "store", store=pretzel.ObjectStore())
    X = np.random.default_rng(0).normal(size=(30, 4))
    store.publish("m", LinearRegression().fit(X, X[:, 0]))
    other = LinearRegression().fit(X[:, :2], X[:, 0])
    with pytest.raises(RegistrationError, match="it has 2 columns and not 4"):
        store.publish("m", other)
    assert store.publish("m", other, default=False) == "v2"
    with pytest.raises(RegistrationError, match="it has 2 columns and not 4"):
        store.promote("m", "v2")
    assert store.versions("m").default == "v1"
    store.promote("m", "v2", allow_changes=True)
    assert store.publish("m", LinearRegression().fit(X, X[:, 0]), allow_changes=True) == "v3"


def test_publishers_at_the_same_time_see_each_other(models):
    """The default is compared while nobody else publishes."""
    regressor = pretzel.compile(LinearRegression().fit(X, X[:, 0]))
    classifier = pretzel.compile(LogisticRegression().fit(X, X[:, 0] > 0))
    for new in range(20):
        barrier, outcomes = threading.Barrier(2), []

        def publish(plan, name=f"m{new}", barrier=barrier, outcomes=outcomes):
            store = pretzel.PlanStore(models._directory.path)
            barrier.wait()
            try:
                outcomes.append(store.publish(name, plan))
            except RegistrationError:
                outcomes.append("refused")

        threads = [threading.Thread(target=publish, args=(plan,)) for plan in (regressor, classifier)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["refused", "v1"]


@pytest.mark.parametrize("act", ["publish", "promote"])
def test_changes_are_checked_by_the_one_writer(models, monkeypatch, act):
    """What is published before the lock is taken counts."""
    for target in (0, 1):
        models.publish("m", LinearRegression().fit(X, X[:, target]))
    classifier = pretzel.compile(LogisticRegression().fit(X, X[:, 0] > 0))
    new = pretzel.compile(LinearRegression().fit(X, X[:, 2]))
    others, lock = reopened(models), directory.writer_lock

    def late(path):
        monkeypatch.setattr(directory, "writer_lock", lock)
        others.publish("m", classifier, allow_changes=True)
        return lock(path)

    monkeypatch.setattr(directory, "writer_lock", late)
    with pytest.raises(RegistrationError, match="the new version differs from the default"):
        models.publish("m", new) if act == "publish" else models.promote("m", "v1")
    assert (models.versions("m").default, [*models.versions("m").plans]) == ("v3", ["v1", "v2", "v3"])


def test_the_only_version_left_is_checked_as_the_default(models):
    models.publish("m", LinearRegression().fit(X, X[:, 0]))
    other = LogisticRegression().fit(X, X[:, 0] > 0)
    with pytest.raises(RegistrationError, match="differs from the default"):
        models.publish("m", other, default=False, keep=False)
    assert models.publish("m", other, default=False, keep=False, allow_changes=True) == "v2"


def test_a_relative_path_means_one_directory(tmp_path, monkeypatch):
    """Daemons change their working directory."""
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path)
    models = pretzel.PlanStore("models")
    for name, slope in (("a", 1), ("b", 2)):
        models.publish(name, linear(slope))
    pretzel.PlanStore("x/models").publish("a", linear(100))  # somebody else's
    with pretzel.Runtime(store="models", watch=0.05) as runtime:
        assert runtime["a"].predict_one((1.0,)) == pytest.approx(1)
        monkeypatch.chdir(tmp_path / "x")
        assert runtime._stored.refresh() == {}
        assert runtime["a"].predict_one((1.0,)) == pytest.approx(1)
        assert runtime["b"].predict_one((1.0,)) == pytest.approx(2)
    assert models.load("b").predict_one((1.0,)) == pytest.approx(2)
    assert pickle.loads(pickle.dumps(models)).names() == models.names() == ["a", "b"]
    models.publish("c", linear(3))
    assert [path.name for path in (tmp_path / "x" / "models" / "names").iterdir()] == ["a.json"]


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").write_text("")
    for create in (True, False):
        with pytest.raises(StoreError, match="file is no store, but a file"):
            pretzel.PlanStore(tmp_path / "file", create=create)
        with pytest.raises(StoreError, match="file"):
            pretzel.PlanStore(tmp_path / "file" / "more", create=create)


def test_a_full_disk_is_told_with_the_path(models, monkeypatch):
    models.publish("m", linear(1))

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(directory, "write_aside", full)
    with pytest.raises(StoreError, match=f"{models._directory.path} cannot be written: No space left on device"):
        models.publish("m", linear(2))
    monkeypatch.undo()
    assert reopened(models).load("m").predict_one((1.0,)) == pytest.approx(1)


def test_a_full_disk_is_told_with_the_file(models, tmp_path, monkeypatch):
    plan = pretzel.compile(linear(1))

    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(
        StoreError, match=f"{models._directory.path}/plans/.* cannot be written: No space left on device"
    ):
        models.publish("m", plan)
    with pytest.raises(OSError, match="No space left on device") as caught:
        plan.save(tmp_path / "m.pretzel")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "m.pretzel"))
    (tmp_path / "folder").mkdir()
    monkeypatch.undo()
    with pytest.raises(IsADirectoryError) as caught:
        plan.save(tmp_path / "folder")
    assert (caught.value.filename, caught.value.filename2) == (str(tmp_path / "folder"), None)


def test_a_store_on_a_full_disk_is_checked_and_collected(models, monkeypatch):
    """The line that names the writer is not needed."""
    for slope in (1, 2):
        models.publish("m", linear(slope), keep=False)
    write = os.write

    def full(handle, content):
        if content.endswith(b"\n") and str(os.getpid()).encode() in content:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(handle, content)

    monkeypatch.setattr(os, "write", full)
    assert models.fsck().ok
    assert models.gc() > 0


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_store_that_is_away_is_told_with_its_path(models, tmp_path, left):
    models.publish("m", linear(1))
    path = models._directory.path
    path.rename(tmp_path / "away")
    if left == "an empty folder":
        path.mkdir()
        assert f"{path} is no store" in models.fsck().faults[0]
    else:
        with pytest.raises(StoreError, match=f"{path} is no store"):
            models.fsck()
    calls = {
        "names": models.names,
        "state": models.state,
        "load": lambda: models.load("m"),
        "publish": lambda: models.publish("m", linear(2)),
        "promote": lambda: models.promote("m", "v1"),
        "remove": lambda: models.remove("m"),
        "gc": models.gc,
    }
    for call in calls.values():
        with pytest.raises(StoreError, match=f"{path} is no store") as caught:
            call()
        assert type(caught.value) is StoreError
