"""Products of random sums of the columns, which stand for a polynomial kernel: ``PolynomialCountSketch``."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Kind, Schema, dense


class CountSketch(Node):
    """The circular convolution of sketches of a dense or sparse row, one for each factor.

    A sketch is its ``offset`` and, at the place of each column, the value of the column times its factor. The source
    convolves by Fourier transforms, whose rounding goes with the size of the row.

    Parameters
    ----------
    places : int32 array of shape (degree, width)
    factors : float64 array of shape (degree, width)
    offset : float64 array of shape (degree, n_out)
    """

    places: Array
    factors: Array
    offset: Array

    op: ClassVar[str] = "count_sketch/1"
    kernel: ClassVar[str] = "count_sketch"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        rows = self.inputs[0].schema()
        degree, width = self.places.shape
        if rows.kind is Kind.CELLS or rows.width != width or not degree:
            raise ValueError(f"{rows} meets places of {width} columns")
        if self.factors.shape != self.places.shape or len(self.offset) != degree:
            raise ValueError(f"factors of shape {self.factors.shape} for places of shape {self.places.shape}")
        return dense(self.offset.shape[1])

    def params(self) -> dict[str, Array]:
        return {"places": self.places, "factors": self.factors, "offset": self.offset}

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0].toarray() if hasattr(inputs[0], "toarray") else inputs[0]
        found = self._sketch(x, 0)
        for d in range(1, len(self.places)):
            sketch, product = self._sketch(x, d), np.zeros_like(found)
            for i in np.flatnonzero((sketch != 0.0).any(axis=0)):
                some = sketch[:, i] != 0.0
                product[some] += sketch[some, i, None] * np.roll(found[some], i, axis=1)
            found = product
        if len(self.places) > 1 and found.shape[1] > 1:  # the source's Fourier transforms mix all places
            found[~np.isfinite(found).all(axis=1)] = np.nan
        return found

    def _sketch(self, x: Array, d: int) -> Array:
        found = np.tile(self.offset[d], (len(x), 1))
        for j, place in enumerate(self.places[d]):
            found[:, place] += self.factors[d, j] * x[:, j]
        return found

    def nonzero_columns(self) -> Array:
        """Whether a column of the result can be other than zero, where the source has what rounding leaves.

        Rows at random tell, because products also cancel each other.
        """
        rows = np.random.default_rng(0).normal(size=(4, self.places.shape[1]))
        spectra = [np.fft.fft(self._sketch(rows, d)) for d in range(len(self.places))]
        sizes = np.abs(np.fft.ifft(np.prod(spectra, axis=0)).real)
        found: Array = (sizes > 1e-10 * sizes.max(axis=1, keepdims=True)).any(axis=0)
        return found

    def describe(self) -> str:
        return f"degree {len(self.places)}, {self.places.shape[1]} -> {self.offset.shape[1]}"
