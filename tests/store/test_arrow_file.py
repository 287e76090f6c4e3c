"""Arrays in Arrow files: NumPy maps what pyarrow reads."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from pretzel.errors import CorruptStoreError
from pretzel.store.arrow_file import Location, array_file, map_array, table_file
from pretzel.store.digest import ALIGNMENT

ARRAYS = {
    "matrix": np.arange(10.0).reshape(2, 5),
    "empty": np.zeros((0, 3), dtype=np.int32),
    "scalar": np.array(3.5),
    "flags": np.array([True, False, True]),
    "bytes": np.arange(1000, dtype=np.uint8),
    "long": np.arange(-50, 5000, dtype=np.int64),
    "strided": np.arange(12.0).reshape(3, 4)[:, ::2],
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_one_array_is_read_by_both(array):
    contents, location = array_file(array)
    mapped = map_array(memoryview(contents), location.checked())
    np.testing.assert_array_equal(mapped, array)
    assert (mapped.dtype, mapped.shape, mapped.flags.writeable) == (array.dtype, array.shape, False)
    assert location.offset == (1024 if array.size else 0)  # as of one that is written again
    assert location.offset % ALIGNMENT == 0
    file = pa.ipc.open_file(contents)
    values = file.read_all()["values"].combine_chunks().to_numpy(zero_copy_only=False)
    np.testing.assert_array_equal(values.reshape(array.shape), array)
    assert file.schema.metadata[b"dtype"].decode() == array.dtype.str


def test_a_table_of_arrays_is_read_by_both():
    arrays = {bytes([i]) * 16: array for i, array in enumerate(ARRAYS.values())}
    contents, locations = table_file(arrays)
    table = pa.ipc.open_file(contents).read_all().to_pylist()
    for (name, array), row in zip(arrays.items(), table, strict=True):
        np.testing.assert_array_equal(map_array(memoryview(contents), locations[name].checked()), array)
        assert locations[name].offset % ALIGNMENT == 0
        assert row["name"] == name
        read = np.frombuffer(row["data"], row["dtype"], array.size).reshape(row["shape"])
        np.testing.assert_array_equal(read, array)


def test_a_table_may_be_empty():
    contents, locations = table_file({})
    assert locations == {}
    assert pa.ipc.open_file(contents).read_all().num_rows == 0


WRONG = {
    "dtype": Location(64, "O", (1,)),
    "byte order": Location(64, ">f8", (1,)),
    "no dtype": Location(64, "what", (1,)),
    "unaligned": Location(65, "<f8", (1,)),
    "before the file": Location(-64, "<f8", (1,)),
    "negative": Location(64, "<f8", (-1,)),
    "behind the file": Location(64, "<f8", (2**40, 2**40)),
}


@pytest.mark.parametrize("location", WRONG.values(), ids=WRONG)
def test_impossible_locations_are_rejected(location):
    with pytest.raises(CorruptStoreError):
        map_array(memoryview(bytes(1024)), location.checked())
