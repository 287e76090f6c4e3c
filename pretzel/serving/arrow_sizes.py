"""Bytes that an Arrow stream takes once it is read, from what its messages say, before anything is decompressed.

A buffer that is compressed begins with its size, which is what a reader allocates. Columns of nulls, and runs of equal
values, have rows without bytes: each cell counts as a byte at least. The metadata of a message are a table of
Flatbuffers, whose fields are numbered as in ``Message.fbs`` and ``RecordBatch`` of the Arrow format, version 5.
"""

from __future__ import annotations

import struct
from typing import Any

_MESSAGE_HEADER, _DICTIONARY_BATCH = 2, 1  # fields of a message and of a dictionary
_LENGTH, _NODES, _BUFFERS, _COMPRESSION = range(4)  # fields of a record batch
_UNCOMPRESSED = -1  # in place of the size


def bytes_of(arrow: Any, body: bytes) -> int:
    """Bytes that the record batches and dictionaries of a stream take.

    Parameters
    ----------
    arrow : module
        pyarrow.
    body : bytes

    Raises
    ------
    ArrowException, OSError, ValueError
        The stream is damaged.
    """
    total = 0
    reader = arrow.ipc.MessageReader.open_stream(arrow.py_buffer(body))
    while True:
        try:
            message = reader.read_next_message()
        except StopIteration:
            return total
        if message.type in ("record batch", "dictionary"):
            try:
                total += _bytes_of_batch(memoryview(message.metadata), memoryview(message.body), message.type)
            except (struct.error, IndexError) as error:
                raise ValueError(f"a message of it is damaged: {error}") from None


def _bytes_of_batch(metadata: memoryview, body: memoryview, kind: str) -> int:
    batch = _table(metadata, struct.unpack_from("<I", metadata)[0], _MESSAGE_HEADER)
    if kind == "dictionary":
        batch = _table(metadata, batch, _DICTIONARY_BATCH)
    at = _field(metadata, batch, _LENGTH)
    rows = struct.unpack_from("<q", metadata, at)[0] if at else 0
    nodes, _ = _vector(metadata, batch, _NODES)
    count, first = _vector(metadata, batch, _BUFFERS)
    is_compressed = bool(_field(metadata, batch, _COMPRESSION))
    total = 0
    for offset, length in struct.iter_unpack("<qq", metadata[first : first + 16 * count]):
        size = struct.unpack_from("<q", body, offset)[0] if is_compressed and length else _UNCOMPRESSED
        total += length if size == _UNCOMPRESSED else size
    if rows < 0 or total < 0:
        raise ValueError("a message of it is damaged: a size is negative")
    return max(total, rows * nodes)


def _field(data: memoryview, table: int, number: int) -> int:
    """Where a field of a table lies; 0 if it is left out."""
    directory = table - struct.unpack_from("<i", data, table)[0]
    (size,) = struct.unpack_from("<H", data, directory)
    at = 4 + 2 * number
    offset = struct.unpack_from("<H", data, directory + at)[0] if at < size else 0
    return table + offset if offset else 0


def _table(data: memoryview, table: int, number: int) -> int:
    """Where a table lies that is a field of another one."""
    at = _field(data, table, number)
    if not at:
        raise IndexError("a table is left out")
    return int(at + struct.unpack_from("<I", data, at)[0])


def _vector(data: memoryview, table: int, number: int) -> tuple[int, int]:
    """Elements of a vector, and where they begin."""
    at = _field(data, table, number)
    if not at:
        return 0, 0
    start = at + struct.unpack_from("<I", data, at)[0]
    return struct.unpack_from("<I", data, start)[0], start + 4
