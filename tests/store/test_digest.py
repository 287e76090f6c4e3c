"""Names by content: what is equal, what is not, and what counts as an array nobody else can change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest

from pretzel.store.digest import (
    ALIGNMENT,
    DIGEST,
    TAIL,
    digest_array,
    digest_of_memory,
    digest_parts,
    frozen,
    is_frozen,
)
from tests.store.hashes import count_hashed_bytes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

ARRAYS = [
    np.arange(6.0),
    np.arange(6.0).reshape(2, 3),
    np.arange(6.0).reshape(3, 2),
    np.arange(6.0, dtype=np.float32),
    np.arange(6, dtype=np.int64),
    np.array(0.0),
    np.array([0.0]),
    np.array([-0.0]),
    np.empty((0, 3)),
    np.empty((3, 0)),
]


def test_different_arrays_have_different_digests() -> None:
    assert len({digest_array(a) for a in ARRAYS}) == len(ARRAYS)


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_digest_is_of_the_contents(array: npt.NDArray[np.generic]) -> None:
    assert digest_array(array) == digest_array(array.copy()) == digest_array(frozen(array))


def test_digest_is_of_the_bits() -> None:
    quiet = np.array([np.nan])
    other = quiet.view(np.uint64) + 1
    assert digest_array(quiet) != digest_array(other.view(np.float64))


def test_parts_are_told_apart() -> None:
    digests = [
        digest_parts("ab", "c"),
        digest_parts("a", "bc"),
        digest_parts("abc"),
        digest_parts("abc", ""),
        digest_parts([b"a", b"bc"], "x"),
    ]
    assert len(set(digests)) == len(digests)
    assert digest_parts("a", b"b") == digest_parts("a", [b"b"])


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_frozen_is_an_aligned_read_only_copy(array: npt.NDArray[np.generic]) -> None:
    copy = frozen(array)
    assert copy.dtype == array.dtype
    assert copy.shape == array.shape
    assert copy.tobytes() == array.tobytes()
    assert not np.shares_memory(copy, array)
    assert copy.size == 0 or copy.ctypes.data % ALIGNMENT == 0  # NumPy has no address of no bytes
    assert not copy.flags.writeable
    assert is_frozen(copy)


def test_frozen_changes_layout_and_dtype() -> None:
    source = np.asfortranarray(np.arange(6).reshape(2, 3))
    copy = frozen(source, dtype=np.float32)
    assert copy.flags.c_contiguous
    assert copy.dtype == np.float32
    assert copy.tolist() == source.tolist()


def test_read_only_is_not_frozen(tmp_path: Path) -> None:
    mine = np.arange(64.0)
    view = mine[:]
    view.flags.writeable = False
    mine.tofile(tmp_path / "weights")
    mapped = np.memmap(tmp_path / "weights", mode="r")
    for array in (view, mapped, np.asarray(mapped), np.frombuffer(b"x" * 64)):
        assert not array.flags.writeable
        assert not is_frozen(array)


def test_a_frozen_array_is_hashed_once(hashed_bytes: list[int]) -> None:
    array = frozen(np.arange(1000.0))
    first = digest_array(array)
    assert sum(hashed_bytes) >= 8000
    hashed_bytes.clear()
    assert digest_array(array) == first
    assert digest_array(array.reshape(10, 100)) != first  # another shape of the same contents
    assert sum(hashed_bytes) < 200


@pytest.mark.parametrize(
    "view", [lambda a: a.reshape(4, 2), lambda a: a.view(np.int64), lambda a: a[2:], lambda a: a[:0]]
)
def test_views_of_frozen_arrays_have_names_of_their_own(view: Callable[[Any], Any]) -> None:
    array = frozen(np.arange(8.0))
    digest_array(array)
    assert digest_array(view(array)) == digest_array(view(array).copy())


def test_half_a_digest_is_none() -> None:
    """What a thread sees while another writes."""
    array = frozen(np.arange(8.0))
    expected = digest_array(array)
    for written in range(TAIL):
        torn = frozen(np.arange(8.0))
        assert torn.base is not None
        assert array.base is not None
        torn.base[-TAIL:][:written] = array.base[-TAIL:][:written]
        assert digest_array(torn) == expected
    assert digest_array(frozen(np.arange(9.0))) != expected
    assert len(expected) == DIGEST


def test_changed_memory_has_another_digest() -> None:
    array = frozen(np.arange(8.0))
    before = digest_array(array)
    assert digest_of_memory(array) == before
    array.flags.writeable = True
    array[3] = 7.0
    assert digest_of_memory(array) != before


@pytest.fixture
def hashed_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of everything that is given to the hash function."""
    return count_hashed_bytes(monkeypatch)
