"""Stores at URLs: what is fetched and when, what is copied, what damage and interruptions do."""

from __future__ import annotations

import errno
import json
import os
import pickle
import shutil
import subprocess
import sys
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import fsspec
import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel.errors import CorruptStoreError, ModelNotFoundError, OptionError, RegistrationError, StoreError
from pretzel.store import directory, remote, transfer
from pretzel.store.directory import Directory
from pretzel.store.fsck import Findings
from pretzel.store.object_store import ObjectStore
from pretzel.store.plan_file import open_plan_file

DOCUMENTS = [f"word{i} w{i % 7} some text {i * 37 % 101}" for i in range(1000)]
WORDS = TfidfVectorizer(ngram_range=(1, 2)).fit(DOCUMENTS)
ROWS = WORDS.transform(DOCUMENTS)


@pytest.fixture(params=["memory", "file"])
def url(request, tmp_path):
    if request.param == "file":
        return f"file://{tmp_path}/bucket/models"
    return f"memory://{uuid.uuid4().hex}/models"


@pytest.fixture
def models(tmp_path):
    """A store with two models that share a vocabulary, and a small one of two versions."""
    store = pretzel.PlanStore(tmp_path / "store")
    for name, C in (("de", 1.0), ("fr/é", 2.0)):
        store.publish(f"texts/{name}", make_pipeline(WORDS, LogisticRegression(C=C).fit(ROWS, [0, 1] * 500)))
    for slope in (1.0, 2.0):
        store.publish("line", line(slope))
    return store


@pytest.fixture
def opened(url, tmp_path):
    """Opens the URL as another machine would, with a cache of its own."""
    return lambda cache="cache": pretzel.PlanStore(url, cache=tmp_path / cache, store=ObjectStore())


def line(slope):
    return LinearRegression().fit([[0.0], [1.0]], [0.0, slope])


def files(url):
    system, root = fsspec.core.url_to_fs(url)
    return {path[len(root) + 1 :]: system.cat_file(path) for path in system.find(root)}


def write(url, file, content):
    system, root = fsspec.core.url_to_fs(url)
    system.pipe_file(f"{root}/{file}", content)


@pytest.fixture
def reads(monkeypatch):
    """Files that were fetched."""
    found = []
    get = remote.Place.get
    monkeypatch.setattr(remote.Place, "get", lambda self, file, path: (found.append(file), get(self, file, path))[1])
    return found


def test_what_is_pushed_is_read(models, url, opened):
    copied = models.push(url)
    there = files(url)
    assert copied.files == sum(file.startswith(("plans/", "objects/")) for file in there)
    store = opened()
    assert store.names() == models.names() == ["line", "texts/de", "texts/fr/é"]
    assert store.versions("line") == models.versions("line")
    for name in models.names()[1:]:
        np.testing.assert_array_equal(
            store.load(name).predict_proba(DOCUMENTS), models.load(name).predict_proba(DOCUMENTS)
        )
    assert store.load("line").predict_one((1.0,)) == pytest.approx(2)
    assert store.load("line", "v1").predict_one((1.0,)) == pytest.approx(1)
    assert url in repr(store)


def test_only_what_is_missing_is_copied(models, url):
    models.push(url)
    assert models.push(url) == remote.Copied(0, 0)
    models.publish("line", line(3.0))
    copied = models.push(url)
    assert copied.files == 1
    assert 0 < copied.bytes < 10_000


def test_files_are_fetched_once_and_names_each_time(models, url, opened, reads):
    models.push(url)
    store = opened()
    assert reads == []
    store.load("texts/de")
    first = len(reads)
    assert first == len({*reads})
    store.load("texts/de")
    opened().load("texts/de")
    assert len(reads) == first
    store.load("texts/fr/é")
    assert not {*reads[first:]} & {*reads[:first]}  # of the shared vocabulary nothing comes again
    models.promote("line", "v1")
    assert store.versions("line").default == "v2"
    models.push(url)
    assert store.versions("line").default == "v1"
    models.publish("new", line(5.0))
    models.push(url, ["new"])
    assert store.load("new").predict_one((1.0,)) == pytest.approx(5)


def test_names_can_be_chosen(models, url, opened, tmp_path):
    models.push(url, ["line"])
    assert opened().names() == ["line"]
    assert all(not file.startswith("objects/") for file in files(url))
    with pytest.raises(ModelNotFoundError, match="no model 'nothing'"):
        models.push(url, ["nothing"])
    models.push(url)
    other = pretzel.PlanStore(tmp_path / "other")
    other.publish("own", line(1.0))
    other.pull(url, ["texts/de"])
    assert other.names() == ["own", "texts/de"]


def test_pull(models, url, tmp_path):
    models.push(url)
    other = pretzel.PlanStore(tmp_path / "other", store=ObjectStore())
    assert other.pull(url).files == 2 + 2 + sum(file.startswith("objects/") for file in files(url))
    assert other.pull(url) == remote.Copied(0, 0)
    assert other.names() == models.names()
    assert other.fsck().ok
    assert other.gc() == 0
    np.testing.assert_array_equal(other.load("texts/de").predict(DOCUMENTS), models.load("texts/de").predict(DOCUMENTS))


def test_a_runtime_follows_a_store_at_a_url(models, url, opened):
    models.push(url)
    with pretzel.Runtime(store=opened(), watch=0.01) as runtime:
        handle = runtime["line"]
        assert handle.predict_one((1.0,)) == pytest.approx(2)
        models.publish("line", line(5.0))
        models.push(url)
        end = time.monotonic() + 60
        while handle.predict_one((1.0,)) != pytest.approx(5):
            assert time.monotonic() < end
            time.sleep(0.01)


class OfOneProcess(MemoryFileSystem):
    """A file system that does not work after a fork, as those of object stores."""

    protocol = "ofoneprocess"
    store: ClassVar[dict] = {}

    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.process = os.getpid()

    def cat_file(self, *arguments, **options):
        assert self.process == os.getpid(), "not fork-safe"
        return super().cat_file(*arguments, **options)


def test_a_child_process_connects_anew(models, tmp_path):
    fsspec.register_implementation("ofoneprocess", OfOneProcess, clobber=True)
    models.push("ofoneprocess://bucket/models")
    store = pretzel.PlanStore("ofoneprocess://bucket/models", cache=tmp_path / "cache")
    child = os.fork()
    if child == 0:
        try:
            os._exit(0 if abs(store.load("line").predict_one((1.0,)) - 2) < 1e-9 else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0


def test_a_store_at_a_url_is_read_only(models, url, opened):
    models.push(url)
    store = opened()
    for write_to in (
        lambda: store.publish("line", line(1.0)),
        lambda: store.promote("line", "v1"),
        lambda: store.remove("line"),
        store.gc,
        store.fsck,
        lambda: store.pull(url),
    ):
        with pytest.raises(StoreError, match="is read only: write to a store in a directory, and push that"):
            write_to()


def test_what_is_not_there(models, url, opened):
    with pytest.raises(StoreError, match=r"models is no store: it has no pretzel\.json"):
        opened()
    models.push(url)
    with pytest.raises(ModelNotFoundError, match=r"models has no model 'rent'"):
        opened().load("rent")
    with pytest.raises(ModelNotFoundError, match=r"models: 'line' has no version 'v9', only"):
        opened().load("line", "v9")


def test_a_place_that_is_no_store_is_left_alone(models, url):
    models.push(url)
    system, root = fsspec.core.url_to_fs(url)
    system.rm(f"{root}/pretzel.json")
    before = files(url)
    with pytest.raises(StoreError, match="is no store, and not empty"):
        models.push(url)
    assert files(url) == before


@pytest.mark.parametrize("kind", ["plans", "objects"])
def test_damage_is_found_when_a_file_arrives(models, url, opened, tmp_path, kind):
    models.push(url)
    damaged = [file for file in files(url) if file.startswith(kind)]
    for file in damaged:
        content = bytearray(files(url)[file])
        content[len(content) // 2] ^= 1
        write(url, file, bytes(content))
    store, other = opened(), pretzel.PlanStore(tmp_path / "other")
    with pytest.raises(CorruptStoreError, match=rf"models/{kind}/.* is damaged"):
        store.load("texts/de")
    with pytest.raises(CorruptStoreError, match=rf"models/{kind}/.* is damaged"):
        other.pull(url)
    assert other.names() == []
    for folder in ("cache", "other"):
        assert not {*(tmp_path / folder).glob(f"{kind}/*/*")}
        assert not [*(tmp_path / folder / "aside").iterdir()]


def test_files_that_are_cut_are_copied_again(models, url, opened):
    models.push(url)
    (plan, *_) = [file for file in files(url) if file.startswith("plans/")]
    write(url, plan, files(url)[plan][:100])
    assert models.push(url).files == 1
    assert {opened().load(name).name for name in models.names()} == {*models.names()}


def test_missing_files(models, url, opened, tmp_path):
    models.push(url)
    system, root = fsspec.core.url_to_fs(url)
    system.rm(f"{root}/plans", recursive=True)
    with pytest.raises(CorruptStoreError, match=r"'line' needs .*, which is missing"):
        opened().load("line")
    with pytest.raises(CorruptStoreError, match=r"models lacks .*models/plans/"):
        pretzel.PlanStore(tmp_path / "other").pull(url)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b'{"plans": {"v1": "../../x"}, "default": "v1"}'])
def test_damaged_names_and_marks(models, url, opened, content):
    models.push(url)
    write(url, "names/line.json", content)
    with pytest.raises(CorruptStoreError, match=r"names/line\.json is damaged"):
        opened().load("line")
    write(url, "pretzel.json", content)
    with pytest.raises(CorruptStoreError, match=r"pretzel\.json is damaged"):
        opened()
    write(url, "pretzel.json", json.dumps({"format": 99}).encode())
    with pytest.raises(StoreError, match="has format 99"):
        opened()


def test_names_cannot_leave_the_store(models, url, tmp_path):
    models.push(url)
    for file in ("..%2Fx.json", "%2E.%2F..%2Fx.json", "a@b.json", "note.txt", "line"):
        write(url, f"names/{file}", files(url)["names/line.json"])
    other = pretzel.PlanStore(tmp_path / "other")
    other.pull(url)
    assert other.names() == ["../../x", *models.names()]
    assert not (tmp_path.parent / "x.json").exists()


def test_an_interrupted_push_shows_no_name(models, url, opened, monkeypatch):
    """Objects come before plans, and names last."""
    order = []
    put = remote.Place.put

    def stop(self, file, path):
        order.append(file.partition("/")[0])
        if file.startswith("names/"):
            raise ConnectionError("gone")
        put(self, file, path)

    monkeypatch.setattr(remote.Place, "put", stop)
    with pytest.raises(StoreError, match=f"{url}/names/.* cannot be written: gone"):
        models.push(url)
    assert sorted(order, key=["pretzel.json", "objects", "plans", "names"].index) == order
    assert opened().names() == []
    monkeypatch.undo()
    assert models.push(url).files == 0
    assert opened().names() == models.names()


def test_nothing_damaged_is_pushed(models, url, opened):
    path = next((models._directory.path / "objects").glob("*/*"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(CorruptStoreError, match="is damaged"):
        models.push(url)
    assert opened().names() == []


@pytest.mark.parametrize("kind", ["plan", "object"])
def test_what_is_collected_while_it_is_pushed_is_read_again(models, url, opened, monkeypatch, kind):
    path, replaced = models._directory.path, []
    others = pretzel.PlanStore(path, store=ObjectStore())
    new = make_pipeline(TfidfVectorizer().fit(DOCUMENTS[:300]), LogisticRegression())
    new[-1].fit(new[:-1].transform(DOCUMENTS), [0, 1] * 500)

    def replace():
        if not replaced:
            replaced.append(True)
            for name in ("texts/de", "texts/fr/é"):
                others.publish(name, new, keep=False)
            assert others.gc() > 0

    if kind == "plan":
        read = models._directory.plan
        monkeypatch.setattr(models._directory, "plan", lambda digest: (replace(), read(digest))[1])
    else:
        check = transfer.check_object_file
        monkeypatch.setattr(transfer, "check_object_file", lambda *arguments: (replace(), check(*arguments))[1])
    models.push(url)
    assert np.array_equal(opened().load("texts/de").predict(DOCUMENTS), new.predict(DOCUMENTS))
    assert opened().versions("texts/de").plans.keys() == {"v2"}


@pytest.mark.parametrize("moment", ["before defaults are compared", "published again"])
def test_a_plan_that_is_missing_for_a_moment_of_a_push_is_read_again(models, url, opened, monkeypatch, moment):
    models.push(url)
    models.publish("line", line(3.0))
    others, replaced = pretzel.PlanStore(models._directory.path, store=ObjectStore()), []
    name = "_check_replaced" if moment == "before defaults are compared" else "check_plan_file"
    check = getattr(transfer, name)

    def replace(*arguments):
        if not replaced:
            replaced.append(True)
            if name == "check_plan_file":
                raise FileNotFoundError
            others.promote("line", "v2")
            others.remove("line", "v3")
            assert others.gc() > 0
        return check(*arguments)

    monkeypatch.setattr(transfer, name, replace)
    models.push(url)
    assert replaced
    assert opened().versions("line") == models.versions("line")


def failing(error):
    def fail(*arguments, **options):
        raise error

    return fail


def break_system(monkeypatch, url, method, error):
    """Let the file system of a URL fail."""
    monkeypatch.setattr(type(fsspec.core.url_to_fs(url)[0]), method, failing(error))


def test_a_full_disk_is_told_by_a_pull_and_a_cache(models, url, opened, tmp_path, monkeypatch):
    models.push(url)
    target, copy = pretzel.PlanStore(tmp_path / "target"), opened()
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a file of the source")
    break_system(monkeypatch, url, "get_file", full)
    for call, folder in ((lambda: target.pull(url), "target"), (lambda: copy.load("line"), "cache")):
        with pytest.raises(StoreError, match=f"^{url}/.* cannot be copied to {tmp_path / folder}/.*: No space left"):
            call()
    monkeypatch.undo()
    for call, folder in ((lambda: target.pull(url), "target"), (lambda: copy.load("line"), "cache")):
        monkeypatch.setattr(os, "fsync", failing(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))))
        with pytest.raises(StoreError, match=f"^{tmp_path / folder}/.* cannot be written: No space left"):
            call()
        monkeypatch.undo()


def test_a_full_disk_is_told_by_a_push(models, url, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if url.startswith("file:"):
        monkeypatch.setattr(os, "fsync", failing(full))
    else:
        break_system(monkeypatch, url, "put_file", full)
    with pytest.raises(StoreError, match=f"^{url}/pretzel.json cannot be written: No space left"):
        models.push(url)


class AccessDenied(Exception):
    """What a file system raises is no `OSError`."""


def test_what_a_file_system_raises_is_told_with_the_url(models, url, opened, monkeypatch):
    models.push(url)
    copy = opened()
    for method, call in {
        "cat_file": opened,
        "get_file": lambda: copy.load("line"),
        "ls": copy.names,
        "find": lambda: models.push(url),
    }.items():
        break_system(monkeypatch, url, method, AccessDenied("no key"))
        with pytest.raises(StoreError, match=f"^{url}.* cannot be .*: no key"):
            call()
        monkeypatch.undo()


def test_a_refused_connection_is_told_with_the_url():
    pytest.importorskip("aiohttp")
    with pytest.raises(StoreError, match=r"http://127.0.0.1:1/models/pretzel.json cannot be read: Connect call failed"):
        pretzel.PlanStore("http://127.0.0.1:1/models")


def test_what_is_collected_while_it_is_pulled_is_read_again(models, tmp_path, monkeypatch):
    source, replaced, fetch = tmp_path / "store", [], remote.RemoteDirectory.fetch_once
    others, target = pretzel.PlanStore(source, store=ObjectStore()), pretzel.PlanStore(tmp_path / "target")

    def fetch_after_the_collection(self, digests, **options):
        if not replaced:
            replaced.append(True)
            others.publish("line", line(3.0), keep=False)
            assert others.gc() > 0
        return fetch(self, digests, **options)

    monkeypatch.setattr(remote.RemoteDirectory, "fetch_once", fetch_after_the_collection)
    target.pull(f"file://{source}", (name for name in ["line"]))
    assert target.load("line").predict_one((1.0,)) == pytest.approx(3.0)


def test_a_damaged_plan_of_the_cache_that_is_collected_elsewhere_is_told(models, url, opened, tmp_path):
    models.push(url)
    digest = opened().versions("line").plans["v2"]
    opened().load("line")
    path = next((tmp_path / "cache").glob(f"plans/*/{digest}.pretzel"))
    file, contents = open_plan_file(path), bytearray(path.read_bytes())
    at = contents.index(next(array for array in map(file.array, file.locations) if array.nbytes).tobytes())
    contents[at] ^= 1
    path.unlink()  # a file that is mapped must not change
    path.write_bytes(contents)
    system, root = fsspec.core.url_to_fs(url)
    system.rm(f"{root}/plans/{digest[:2]}/{digest}.pretzel")
    with pytest.raises(CorruptStoreError, match=f"{digest}.pretzel.* is missing"):
        opened().load("line")
    with pretzel.Runtime(store=opened()) as runtime, pytest.raises(CorruptStoreError, match="is missing"):
        runtime["line"]


def test_the_cache_of_a_url(monkeypatch, tmp_path):
    monkeypatch.setenv("PRETZEL_CACHE", str(tmp_path))
    here, there = remote.cache_of("s3://a/models"), remote.cache_of("s3://b/models")
    assert here.parent == there.parent == tmp_path / "stores"
    assert here != there
    monkeypatch.delenv("PRETZEL_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    if sys.platform == "linux":
        assert remote.cache_of("s3://a").parent == tmp_path / "user" / "pretzel" / "stores"
    with pytest.raises(OptionError, match="cache"):
        pretzel.PlanStore(tmp_path / "store", cache=tmp_path)


def test_what_is_not_installed_is_named(monkeypatch):
    with pytest.raises(StoreError, match="nosuch"):
        pretzel.PlanStore("nosuch://bucket/models")
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(StoreError, match=r"pip install 'pretzel-serving\[remote\]'"):
        pretzel.PlanStore("memory://bucket/models")


class Slow(MemoryFileSystem):
    """A file system that waits with the plans of one model."""

    protocol = "slow"
    store: ClassVar[dict] = {}
    slow: ClassVar[set] = set()
    begun: ClassVar[threading.Event] = threading.Event()
    go_on: ClassVar[threading.Event] = threading.Event()

    def get_file(self, path, *arguments, **options):
        if path.rpartition("/")[2] in self.slow:
            self.begun.set()
            assert self.go_on.wait(60)
        return super().get_file(path, *arguments, **options)


def test_a_slow_download_holds_up_no_other_model(models, tmp_path, reads):
    fsspec.register_implementation("slow", Slow, clobber=True)
    url = "slow://bucket/models"
    models.publish("other", line(7.0))
    models.push(url)
    digest = models.versions("line").plans["v2"]
    Slow.slow.add(f"{digest}.pretzel")
    store = pretzel.PlanStore(url, cache=tmp_path / "cache", store=ObjectStore())
    with pretzel.Runtime(store=store) as runtime, ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(lambda: runtime["line"].predict_one((1.0,))) for _ in range(4)]
        assert Slow.begun.wait(60)
        assert runtime["other"].predict_one((1.0,)) == pytest.approx(7)  # and loads while the others wait
        assert not any(answer.done() for answer in answers)
        Slow.go_on.set()
        assert [answer.result(60) for answer in answers] == [pytest.approx(2)] * 4
    assert sum(digest in file for file in reads) == 1


def test_an_older_reading_of_a_name_changes_nothing(models, url, opened, monkeypatch):
    """A thread that read the name before another version was published arrives after one that read it later."""
    models.publish("line", line(5.0))
    models.push(url)
    store = opened()
    before = store.versions("line")
    models.publish("line", line(6.0))
    models.push(url)
    read = store.versions
    with pretzel.Runtime(store=store) as runtime:

        def slow_reading(name):
            monkeypatch.setattr(store, "versions", read)
            assert runtime["line"].predict_one((1.0,)) == pytest.approx(6)
            return before

        monkeypatch.setattr(store, "versions", slow_reading)
        assert runtime["line@v3"].predict_one((1.0,)) == pytest.approx(5)
        assert runtime["line"].predict_one((1.0,)) == pytest.approx(6)


def damage(path, change):
    """Another file in place of one: what is mapped must not change."""
    contents = change(bytearray(path.read_bytes()))
    path.unlink()
    path.write_bytes(contents)


def flipped(contents):
    contents[len(contents) // 2] ^= 1
    return contents


CHANGES = {"cut": lambda contents: contents[:100], "empty": lambda contents: b"", "flipped": flipped}


@pytest.mark.parametrize("kind", ["plans", "objects"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_pull_replaces_damaged_files(models, url, tmp_path, kind, change):
    models.push(url)
    other = pretzel.PlanStore(tmp_path / "other", store=ObjectStore())
    other.pull(url)
    damaged = [*(tmp_path / "other").glob(f"{kind}/*/*")]
    for path in damaged:
        damage(path, change)
    assert not other.fsck().ok
    assert other.pull(url).files == len(damaged)
    assert other.fsck().ok
    assert other.pull(url) == remote.Copied(0, 0)


@pytest.mark.parametrize("kind", ["plans", "objects"])
@pytest.mark.parametrize("change", [CHANGES["cut"], CHANGES["empty"]], ids=["cut", "empty"])
def test_damaged_files_of_a_cache_are_fetched_again(models, url, opened, tmp_path, kind, change):
    models.push(url)
    for name in models.names():
        opened().load(name)
    for path in (tmp_path / "cache").glob(f"{kind}/*/*"):
        damage(path, change)
    for name in models.names():
        opened().load(name)
    with pretzel.Runtime(store=opened()) as runtime:
        assert runtime["line"].predict_one((1.0,)) == pytest.approx(2)


def test_a_damaged_small_array_in_a_cache_is_fetched_again(models, url, opened, tmp_path):
    models.push(url)
    answer = opened().load("line").predict_one((1.0,))
    digest = models.versions("line").plans["v2"]
    path = tmp_path / "cache" / "plans" / digest[:2] / f"{digest}.pretzel"
    plan = models.open_plan(digest)
    array = next(array for array in map(plan.array, plan.digests) if array.any()).tobytes()

    def other_numbers(contents):
        assert array in contents
        return contents.replace(array, bytes(len(array)))

    damage(path, other_numbers)
    assert opened().load("line").predict_one((1.0,)) == answer
    damage(path, other_numbers)
    write(url, f"plans/{digest[:2]}/{digest}.pretzel", b"damaged")
    with pytest.raises(CorruptStoreError, match="is damaged"):
        opened().load("line")


def test_gc_does_not_disturb_pull(models, url, tmp_path, monkeypatch):
    models.push(url)
    other = pretzel.PlanStore(tmp_path / "other", store=ObjectStore())
    get, collected = remote.Place.get, []

    def collect(self, file, path):
        get(self, file, path)
        if not collected:
            collected.append(file)
            other.gc()

    monkeypatch.setattr(remote.Place, "get", collect)
    other.pull(url)
    assert other.names() == models.names()
    assert other.fsck().ok


def test_gc_passes_what_a_pull_has_renamed_meanwhile(models, tmp_path, monkeypatch):
    """A pull copies without the lock, so that a file that `gc` has seen aside may be gone."""
    gone = tmp_path / "store" / "aside" / f".{'0' * 32}.pretzel.{'0' * 16}"
    monkeypatch.setattr(directory, "left_aside", lambda path: [gone])
    assert models.gc() == 0
    assert models.fsck().ok


def test_versions_of_other_publishers_are_lost_only_when_asked(models, url, opened, tmp_path):
    models.push(url)
    other = pretzel.PlanStore(tmp_path / "other")
    other.pull(url)
    other.publish("line", line(7.0))
    other.push(url)
    before = opened().versions("line")
    with pytest.raises(RegistrationError, match=r"'line' has versions that .* does not have: v3; pass allow_changes"):
        models.push(url)
    models.publish("line", line(8.0))
    with pytest.raises(RegistrationError, match="does not have: v3"):
        models.push(url, ["line"])
    assert opened().versions("line") == before
    with pytest.raises(RegistrationError, match="does not have: v3"):
        models.pull(url)
    assert models.load("line").predict_one((1.0,)) == pytest.approx(8)
    models.push(url, allow_changes=True)
    assert opened().versions("line") == models.versions("line")
    other.pull(url, allow_changes=True)
    assert other.versions("line") == models.versions("line")


def test_versions_that_were_removed_are_removed_there(models, url, opened):
    models.push(url)
    models.publish("line", line(3.0), keep=False)
    models.push(url)
    assert opened().versions("line") == models.versions("line")


def test_another_kind_of_model_is_copied_only_when_asked(models, url, opened, tmp_path):
    models.push(url)
    other = pretzel.PlanStore(tmp_path / "other")
    other.pull(url)
    wide = LinearRegression().fit([[0.0, 1.0], [1.0, 3.0]], [0.0, 1.0])
    models.publish("line", wide, allow_changes=True)
    with pytest.raises(RegistrationError, match="line: the new version differs from the default"):
        models.push(url)
    assert opened().versions("line").default == "v2"
    models.push(url, allow_changes=True)
    with pytest.raises(RegistrationError, match="line: the new version differs from the default"):
        other.pull(url)
    assert other.versions("line").default == "v2"
    other.pull(url, allow_changes=True)
    assert other.versions("line").default == "v3"


def test_gc_waits_for_a_push_to_a_local_disk(models, tmp_path, monkeypatch):
    """What has been copied is not collected before the names that need it are there.

    Threads of one process share its lock, so that another process collects.
    """
    there, put, found = pretzel.PlanStore(tmp_path / "bucket"), remote.Place.put, []
    there.publish("own", line(9.0))
    code = "import sys, pretzel; print(pretzel.PlanStore(sys.argv[1], create=False).gc(), flush=True)"

    def put_while_it_is_collected(self, file, path):
        if file.startswith("names/") and not found:
            command = [sys.executable, "-c", code, str(tmp_path / "bucket")]
            found.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            time.sleep(2)
            assert found[0].poll() is None
        put(self, file, path)

    monkeypatch.setattr(remote.Place, "put", put_while_it_is_collected)
    models.push(f"file://{tmp_path}/bucket")
    assert found[0].communicate(timeout=120)[0] == "0\n"
    assert there.fsck().ok
    assert there.names() == ["line", "own", "texts/de", "texts/fr/é"]


def test_a_push_to_a_directory_that_is_no_store_leaves_it_alone(models, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_text("")
    with pytest.raises(StoreError, match="is no store, and not empty"):
        models.push(f"file://{tmp_path}/photos")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["a.jpg"]


def test_a_push_to_a_local_disk_that_was_interrupted_can_be_collected(models, tmp_path, monkeypatch):
    put = remote.Place.put

    def stop(self, file, path):
        if file.startswith("names/"):
            raise ConnectionError("gone")
        put(self, file, path)

    monkeypatch.setattr(remote.Place, "put", stop)
    with pytest.raises(StoreError, match=r"/bucket/names/.* cannot be written: gone"):
        models.push(f"file://{tmp_path}/bucket")
    there = pretzel.PlanStore(tmp_path / "bucket", create=False)
    assert there.gc() > 0
    assert there.fsck() == Findings()


NO_PLACES = ["memory://", "s3://", "http://", "file:///", "memory:///", "memory:/x", "memory:", "s3:/b/x"]


@pytest.mark.parametrize("url", NO_PLACES)
def test_what_is_no_url_with_a_place_is_refused(models, tmp_path, monkeypatch, url):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    for act in (models.push, models.pull, pretzel.PlanStore, lambda url: pretzel.Runtime(store=url)):
        with pytest.raises(StoreError, match=r"names no place|is no URL, which begins with .*://"):
            act(url)
    assert sorted(tmp_path.iterdir()) == before


def test_urls_of_a_working_directory_stay_there(models, tmp_path, monkeypatch):
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path)
    models.push("file://bucket")
    store = pretzel.PlanStore("file://bucket", cache="cache", store=ObjectStore())
    monkeypatch.chdir(tmp_path / "x")
    assert store.load("line").predict_one((1.0,)) == pytest.approx(2)
    assert pickle.loads(pickle.dumps(store)).load("line").predict_one((1.0,)) == pytest.approx(2)
    assert [*(tmp_path / "x").iterdir()] == []


def test_a_cache_is_deleted_while_it_is_read(models, url, opened, tmp_path, monkeypatch):
    """At each step once: what is missing is fetched again, and what is open stays."""
    models.push(url)
    steps = set()

    def deleting(holder, name):
        call = getattr(holder, name)

        def delete(when):
            if (holder, name, when) not in steps:
                steps.add((holder, name, when))
                shutil.rmtree(tmp_path / "cache", ignore_errors=True)

        def before_and_after(*arguments, **options):
            delete("before")
            found = call(*arguments, **options)
            delete("after")
            return found

        monkeypatch.setattr(holder, name, before_and_after)

    for name in ("fetch_once", "plan"):
        deleting(remote.RemoteDirectory, name)
    for holder, name in (
        (remote.Place, "get"),
        (Directory, "plan"),
        (remote, "check_plan_file"),
        (remote, "check_object_file"),
    ):
        deleting(holder, name)
    found = opened().load("texts/de").predict_proba(DOCUMENTS)
    np.testing.assert_array_equal(found, models.load("texts/de").predict_proba(DOCUMENTS))
    assert len(steps) == 12
    steps.clear()
    with pretzel.Runtime(store=opened()) as runtime:
        assert runtime["texts/fr/é"].predict_one(DOCUMENTS[0]) in (0, 1)
    assert len(steps) == 12


def test_a_cache_that_is_always_deleted_is_no_damage(models, url, opened, tmp_path, monkeypatch):
    models.push(url)
    store, fetch = opened(), remote.RemoteDirectory.fetch_once

    def fetch_in_vain(self, digests, **options):
        fetch(self, digests, **options)
        shutil.rmtree(tmp_path / "cache")

    monkeypatch.setattr(remote.RemoteDirectory, "fetch_once", fetch_in_vain)
    with pytest.raises(StoreError, match="is deleted again and again") as caught:
        store.load("line")
    assert not isinstance(caught.value, CorruptStoreError)


@pytest.fixture
def served(tmp_path):
    """A directory, and the URL at which a plain server of files has it."""
    pytest.importorskip("aiohttp")
    folder = tmp_path / "served"
    folder.mkdir()
    handler = partial(QuietHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join(10)


class QuietHandler(SimpleHTTPRequestHandler):
    """Files of a directory."""

    def log_message(self, *_):
        """Write nothing."""


def test_names_of_any_letters_are_read_over_http(served, tmp_path):
    folder, url = served
    names = ["churn", "churn/de", "100% & more", "Köln/a b+c?x=1#y"]
    X = np.array([[0.0], [1.0]])
    written = pretzel.PlanStore(folder)
    for place, name in enumerate(names):
        written.publish(name, LinearRegression().fit(X, X[:, 0] * place))
    store = pretzel.PlanStore(url, cache=tmp_path / "cache")
    assert store.names() == sorted(names)
    runtime = pretzel.Runtime(store=store)
    for place, name in enumerate(names):
        assert runtime[name].predict_one((1.0,)) == pytest.approx(place)
    with pytest.raises(ModelNotFoundError):
        store.load("churn/fr")
