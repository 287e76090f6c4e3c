"""Archives of skops that unpack to much more than they hold."""

from __future__ import annotations

import io
import json
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.neighbors import KNeighborsClassifier

import pretzel
from pretzel.errors import CorruptStoreError, SaveError
from pretzel.runtime.saved import describe_with
from pretzel.runtime.stored_estimators import estimator_bytes
from pretzel.store.digest import digest_array
from pretzel.store.plan_file import open_plan_file, plan_file

COUNTS = sparse.csr_matrix(np.ones((300, 400)))
MODEL = KNeighborsClassifier(algorithm="brute").fit(COUNTS, [0, 1] * 150)


def bomb(names: dict[str, int], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """An archive of members of so many spaces."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, size in names.items():
            archive.writestr(name, b" " * size)
    return written.getvalue()


def shorter(archive: bytes, name: str) -> bytes:
    """The archive with a member that is said to have 10 bytes."""
    written = bytearray(archive)
    entry = written.rindex(name.encode()) - 46
    assert written[entry : entry + 4] == b"PK\x01\x02"
    written[entry + 24 : entry + 28] = (10).to_bytes(4, "little")
    return bytes(written)


def archive_of(nodes: list[dict[str, Any]], files: dict[str, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("schema.json", json.dumps({"content": nodes}))
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


BOMBS = {
    "text": bomb({"schema.json": 50 << 20}),
    "array": bomb({"schema.json": 100, "1.npy": 50 << 20}),
    "array that is said to be short": shorter(bomb({"schema.json": 2, "1.npy": 50 << 20}), "1.npy"),
    "text that is said to be short": shorter(bomb({"schema.json": 50 << 20}), "schema.json"),
    "many arrays": bomb({"schema.json": 100} | {f"{i}.npy": 1 << 20 for i in range(50)}),
    "another compression": bomb({"schema.json": 1 << 18}, zipfile.ZIP_LZMA),
    "sparse matrix": archive_of([], {"1.npz": bomb({"data.npy": 50 << 20})}),
    "sparse matrix that is said to be short": archive_of(
        [], {"1.npz": shorter(bomb({"data.npy": 50 << 20}), "data.npy")}
    ),
    "one array for many objects": archive_of(
        [{"file": "1.npy", "__id__": i} for i in range(5000)], {"1.npy": bytes(1 << 18)}
    ),
    "one array for many objects without numbers": archive_of([{"file": "1.npy"}] * 5000, {"1.npy": bytes(1 << 18)}),
}


@pytest.mark.parametrize("recorded", [100, 1 << 40])
@pytest.mark.parametrize("name", BOMBS)
def test_what_unpacks_to_much_more_is_refused_before_skops_reads_it(
    name: str, recorded: int, tmp_path: Any, monkeypatch: Any
) -> None:
    path = tmp_path / "churn.pretzel"
    description, arrays = describe_with(pretzel.compile(MODEL), "skops")
    array = np.frombuffer(BOMBS[name], np.uint8)
    description["estimators"] |= {"object": digest_array(array).hex(), "bytes": recorded}
    path.write_bytes(plan_file(description, {**arrays, digest_array(array): array}))
    monkeypatch.delattr("skops.io.get_untrusted_types")
    tracemalloc.start()
    try:
        with pytest.raises(CorruptStoreError, match=r"pretzel: its estimators cannot be read: (Value|BadZip)"):
            pretzel.load(path)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


def test_sparse_matrices_count_with_what_they_unpack_to(tmp_path: Any) -> None:
    plan = pretzel.compile(MODEL)
    plan.save(tmp_path / "plan", opaque="skops")
    assert estimator_bytes(open_plan_file(tmp_path / "plan")) > 300 * 400 * 12
    loaded = pretzel.load(tmp_path / "plan", trusted=[sparse.csr_matrix])
    assert [*loaded.predict(COUNTS[:3])] == [*plan.predict(COUNTS[:3])]


def test_what_could_not_be_loaded_is_not_saved(tmp_path: Any) -> None:
    ones = sparse.csr_array(np.ones((1000, 2000)))
    plan = pretzel.compile(KNeighborsClassifier(algorithm="brute").fit(ones, [0, 1] * 500))
    with pytest.raises(SaveError, match=r"skops cannot write .*they unpack to 24,\d+,\d+ bytes, more than the"):
        plan.save(tmp_path / "plan", opaque="skops")
    plan.save(tmp_path / "plan", opaque="cloudpickle")
