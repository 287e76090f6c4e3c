"""Texts of tensors: each is its length in four bytes, then UTF-8."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from pretzel._native import read_texts, write_texts


@pytest.mark.parametrize("texts", [[], [""], ["", ""], ["a", "Köln", "\0", "日本", "😀" * 300]])
def test_what_is_written_is_read(texts: list[str]) -> None:
    data = b"".join(struct.pack("<I", len(text.encode())) + text.encode() for text in texts)
    assert write_texts(texts) == data
    assert read_texts(data, len(texts)) == texts
    assert read_texts(memoryview(b"x" + data)[1:], len(texts)) == texts


def test_counts_that_do_not_fit() -> None:
    data = write_texts(["abc", "de"])
    for count in (-1, 0, 1, 3, 2**62, -(2**62)):
        with pytest.raises(IndexError):
            read_texts(data, count)
    for end in range(len(data)):
        with pytest.raises(IndexError):
            read_texts(data[:end], 2)
    with pytest.raises(IndexError):
        read_texts(struct.pack("<I", 2**32 - 1) + b"abc", 1)


def test_bytes_at_random() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        data = rng.integers(0, 6, rng.integers(0, 40), dtype=np.uint8).tobytes()
        try:
            texts = read_texts(data, int(rng.integers(0, 6)))
        except IndexError:
            continue
        assert write_texts(texts) == data


def test_what_is_no_text() -> None:
    with pytest.raises(UnicodeDecodeError):
        read_texts(struct.pack("<I", 1) + b"\xff", 1)
    with pytest.raises(UnicodeEncodeError):
        write_texts(["\ud800"])
    with pytest.raises(TypeError):
        write_texts([b"a"])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        write_texts(None)  # type: ignore[arg-type]
