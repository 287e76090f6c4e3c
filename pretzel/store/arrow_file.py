"""Arrays in Arrow IPC files whose contents NumPy can map: pyarrow writes, and nothing but an offset is needed to read.

An array alone is a file with one column, ``values``. Several small ones are a table with a row for each: ``name``,
``dtype``, ``shape`` and ``data``. In both the contents of every array begin at a multiple of `ALIGNMENT` bytes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CorruptStoreError
from pretzel.store.digest import ALIGNMENT
from pretzel.store.mapped_file import map_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Array = npt.NDArray[Any]

MAGIC = b"ARROW1"
_LONGEST = 1 << 62
_START = 1024  # of an array alone, whichever release of pyarrow writes it: plans say where it begins
_DTYPES = frozenset(
    np.dtype(kind).str for kind in ("?", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8")
)


@dataclass(frozen=True, slots=True)
class Location:
    """The position of an array in a file.

    Parameters
    ----------
    offset : int
        First byte, a multiple of `ALIGNMENT`.
    dtype : str
        As in ``numpy.dtype.str``.
    shape : tuple of int
    """

    offset: int
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Length in bytes."""
        size = np.dtype(self.dtype).itemsize
        for extent in self.shape:
            size *= extent
        return size

    def checked(self) -> Location:
        """This location, if it can be one.

        Raises
        ------
        CorruptStoreError
            dtype, shape or offset are none that `array_file` and `table_file` write.
        """
        if self.dtype not in _DTYPES:
            raise CorruptStoreError(f"an object has the dtype {self.dtype!r:.50}, which is no number of this machine")
        ends = [self.offset, *self.shape, self.nbytes]
        if self.offset % ALIGNMENT or len(self.shape) > 8 or not all(0 <= each < _LONGEST for each in ends):
            raise CorruptStoreError(f"an object at {self.offset} of shape {self.shape!r:.100} cannot be mapped")
        return self


def array_file(array: Array) -> tuple[Any, Location]:
    """An Arrow file with one array.

    Parameters
    ----------
    array : ndarray of numbers or bool
        Written row by row; the metadata have its shape.

    Returns
    -------
    contents : pyarrow.Buffer
    location : Location
    """
    import pyarrow as pa

    flat = np.ascontiguousarray(array).reshape(-1)
    bits = flat.view(np.uint8) if flat.dtype == bool else flat  # Arrow's bool is a bit
    column = pa.array(bits, from_pandas=False)
    shape = {"shape": ",".join(map(str, array.shape)), "dtype": array.dtype.str}
    contents, offset = _aligned(pa.record_batch({"values": column}), shape, buffer=1, least=_START)
    return contents, Location(offset, array.dtype.str, array.shape)


def location_in(path: str | os.PathLike[str]) -> Location:
    """The position of the array in a file that `array_file` has made.

    Raises
    ------
    CorruptStoreError
        It is no such file.
    FileNotFoundError
    """
    import pyarrow as pa

    try:
        with pa.memory_map(os.fspath(path)) as file:
            contents = file.read_buffer()
            metadata = pa.ipc.open_file(contents).schema.metadata
            shape = tuple(int(extent) for extent in metadata[b"shape"].decode().split(",") if extent)
            return Location(_offset_of(contents, 1), metadata[b"dtype"].decode(), shape).checked()
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, LookupError, TypeError, ValueError) as error:
        raise CorruptStoreError(f"{os.fspath(path)} is damaged: {error}") from error


def table_file(arrays: Mapping[bytes, Array]) -> tuple[Any, dict[bytes, Location]]:
    """An Arrow file with several arrays.

    Parameters
    ----------
    arrays : mapping of bytes to ndarray
        By digest. Their contents are padded with zeros.

    Returns
    -------
    contents : pyarrow.Buffer
    locations : dict of bytes to Location
    """
    import pyarrow as pa

    pieces, offsets = [], [0]
    for array in arrays.values():
        raw = np.ascontiguousarray(array).tobytes()
        pieces.append(raw + bytes(-len(raw) % ALIGNMENT))
        offsets.append(offsets[-1] + len(pieces[-1]))
    ends = pa.array(offsets, pa.int64()).buffers()[1]
    data = pa.Array.from_buffers(pa.large_binary(), len(pieces), [None, ends, pa.py_buffer(b"".join(pieces))])
    columns = {
        "data": data,
        "name": pa.array(list(arrays), pa.binary(16)),
        "dtype": pa.array([array.dtype.str for array in arrays.values()], pa.string()),
        "shape": pa.array([list(array.shape) for array in arrays.values()], pa.list_(pa.int64())),
    }
    contents, base = _aligned(pa.record_batch(columns), {}, buffer=2)
    places = zip(arrays.items(), offsets, strict=False)
    return contents, {name: Location(base + at, array.dtype.str, array.shape) for (name, array), at in places}


def map_array(memory: Any, location: Location) -> Array:
    """The array at a location, read-only and without a copy.

    Parameters
    ----------
    memory : buffer
        The whole file.
    location : Location

    Raises
    ------
    CorruptStoreError
        The array does not lie in the file.
    """
    if location.offset + location.nbytes > len(memory):
        raise CorruptStoreError(f"the file ends at {len(memory)}, before the object at {location.offset}")
    array = np.ndarray(location.shape, location.dtype, memory, location.offset)
    array.flags.writeable = False
    return array


def mapped(path: str | os.PathLike[str], location: Location) -> Array:
    """The array at a location of a file, which is mapped.

    Raises
    ------
    OSError
    CorruptStoreError
        The array does not lie in the file.
    """
    return map_array(map_file(path, populate=True), location)


def _aligned(batch: Any, metadata: dict[str, str], buffer: int, least: int = 0) -> tuple[Any, int]:
    """The file of a batch, and where a buffer of its first column begins in it: at a multiple of `ALIGNMENT`.

    It begins at ``least``, unless pyarrow needs more room before it; an empty one is nowhere, which is 0.
    """
    padding = 0
    while True:
        contents = _written(batch, {**metadata, "padding": "." * padding})
        offset = _offset_of(contents, buffer)
        if offset == 0 or (offset >= least and offset % ALIGNMENT == 0):
            return contents, offset
        padding += max(least - offset, -offset % ALIGNMENT)


def _written(batch: Any, metadata: dict[str, str]) -> Any:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    described = batch.replace_schema_metadata(metadata)
    with pa.ipc.new_file(sink, described.schema) as writer:
        writer.write_batch(described)
    return sink.getvalue()


def _offset_of(contents: Any, buffer: int) -> int:
    import pyarrow as pa

    batch = pa.ipc.open_file(contents).get_batch(0)
    found = batch.column(0).buffers()[buffer]
    return 0 if found is None or not found.size else int(found.address - contents.address)
