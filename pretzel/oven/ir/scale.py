"""One operation per column: scalers, in the order of operations that scikit-learn uses, and rounding to float32."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Array, Node, Value, replace
from pretzel.oven.ir.step_forms import Affine
from pretzel.oven.ir.value_properties import UNKNOWN, ValueProperties
from pretzel.schema import FLOAT64, Schema, dense, fixed, sparse


def round_to_float32(x: Array) -> Array:
    """Numbers as float32 holds them."""
    with np.errstate(over="ignore"):
        rounded: Array = np.asarray(x, dtype=np.float32).astype(np.float64)
    return rounded


class ToFloat32(Node):
    """Every value rounded to float32."""

    op: ClassVar[str] = "to_float32/1"
    kernel: ClassVar[str] = "to_float32"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        return self.inputs[0].schema()

    def reference(self, *inputs: Value) -> Value:
        return round_to_float32(inputs[0])

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        (x,) = inputs
        low, high = round_to_float32(np.array([x.low, x.high])).tolist()
        return ValueProperties(low, high, x.no_nan, x.integral)

    def monotone(self) -> Array | None:
        return np.ones(self.inputs[0].schema().width, dtype=np.int8)


class AsFloat32(Node):
    """Every value rounded to float32, which is the dtype of the result whatever the request has."""

    op: ClassVar[str] = "as_float32/1"
    kernel: ClassVar[str] = "to_float32"
    columnwise: ClassVar[bool] = True
    needs_rows: ClassVar[bool] = False

    value_properties = ToFloat32.value_properties
    monotone = ToFloat32.monotone

    def schema(self) -> Schema:
        return dense(self.inputs[0].schema().width, fixed("float32"))

    def reference(self, *inputs: Value) -> Value:
        return round_to_float32(inputs[0])

    def rounds_inputs(self) -> bool:
        return True

    def simplify(self) -> Node:
        return self.inputs[0] if self.inputs[0].schema().dtype == fixed("float32") else self


class SubDiv(Node):
    """``(x - mean) / scale``; either may be left out. Division stays division: the reciprocal gives other bits.

    ``casts`` says that scikit-learn rounds the parameters, too, where ``x`` is float32.
    """

    mean: Array | None
    scale: Array | None
    casts: bool = False

    op: ClassVar[str] = "sub_div/1"
    kernel: ClassVar[str] = "sub_div"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        for each in (self.mean, self.scale):  # the kernel takes an empty one for none
            if each is not None and each.shape != (source.width,):
                raise ValueError(f"{source} meets means or scales of shape {each.shape}")
        return dense(source.width, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        empty = np.empty(0)
        return {
            "mean": empty if self.mean is None else self.mean,
            "scale": empty if self.scale is None else self.scale,
        }

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0]
        if self.mean is not None:
            x = self._rounded(x - self.mean)
        return x if self.scale is None else self._rounded(x / self.scale)

    def _rounded(self, x: Array) -> Array:
        return x

    def monotone(self) -> Array | None:
        return _directions(self.scale, self.mean, self.inputs[0].schema().width)

    def as_affine(self) -> Affine | None:
        width = self.inputs[0].schema().width
        with np.errstate(all="ignore"):
            factor = np.ones(width) if self.scale is None else 1.0 / self.scale
            offset = np.zeros(width) if self.mean is None else -self.mean * factor
        return Affine(factor, offset)

    def in_float32(self) -> Node:
        mean, scale = (
            round_to_float32(each) if each is not None and self.casts else each for each in (self.mean, self.scale)
        )
        return SubDivFloat32(self.inputs, mean, scale)

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        mean, scale = (None if each is None else each[columns] for each in (self.mean, self.scale))
        return replace(self, inputs=(x,), mean=mean, scale=scale)

    def stack(self, others: tuple[Node, ...]) -> Node | None:
        every = (self, *others)
        if len({(node.mean is None, node.scale is None, node.casts) for node in every if isinstance(node, SubDiv)}) > 1:
            return None
        return _beside(every, "mean", "scale")

    def simplify(self) -> Node:
        mean = None if _all_are(self.mean, 0.0) else self.mean
        scale = None if _all_are(self.scale, 1.0) else self.scale
        return self.inputs[0] if mean is None and scale is None else replace(self, mean=mean, scale=scale)

    def describe(self) -> str:
        return " ".join(name for name, on in (("mean", self.mean), ("scale", self.scale)) if on is not None)


class SubDivFloat32(SubDiv):
    """`SubDiv` of float32, with both results rounded to float32."""

    op: ClassVar[str] = "sub_div_float32/1"
    kernel: ClassVar[str] = "sub_div_float32"

    def _rounded(self, x: Array) -> Array:
        return round_to_float32(x)

    def as_affine(self) -> Affine | None:
        return None


class MulAdd(Node):
    """``x * scale + offset``, then clipped to ``[low, high]`` where these are given.

    ``wide`` says that scikit-learn multiplies by numbers of NumPy in float64, which make float64 of float32; ``casts``,
    that it rounds the parameters, too, where ``x`` is float32.
    """

    scale: Array
    offset: Array
    low: float | None = None
    high: float | None = None
    wide: bool = False
    casts: bool = False

    op: ClassVar[str] = "mul_add/1"
    kernel: ClassVar[str] = "mul_add"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, FLOAT64 if self.wide else source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"scale": self.scale, "offset": self.offset, "range": _range(self.low, self.high)}

    def reference(self, *inputs: Value) -> Value:
        x = self._rounded(self._rounded(inputs[0] * self.scale) + self.offset)
        return x if self.low is None else np.clip(x, self.low, self.high)

    def _rounded(self, x: Array) -> Array:
        return x

    def monotone(self) -> Array | None:
        return _directions(self.scale, self.offset, len(self.scale))

    def as_affine(self) -> Affine | None:
        return Affine(self.scale, self.offset) if self.low is None and self.high is None else None

    def in_float32(self) -> Node:
        if self.wide:
            return self
        with np.errstate(over="ignore"):
            low, high = (None if each is None else float(np.float32(each)) for each in (self.low, self.high))
        scale, offset = (round_to_float32(each) if self.casts else each for each in (self.scale, self.offset))
        return MulAddFloat32(self.inputs, scale, offset, low, high)

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return replace(self, inputs=(x,), scale=self.scale[columns], offset=self.offset[columns])

    def stack(self, others: tuple[Node, ...]) -> Node | None:
        ends = {(node.low, node.high) for node in (self, *others) if isinstance(node, MulAdd)}
        return _beside((self, *others), "scale", "offset") if len(ends) == 1 else None

    def describe(self) -> str:
        return "" if self.low is None else f"clip to [{self.low:g}, {self.high:g}]"


class MulAddFloat32(MulAdd):
    """`MulAdd` of float32, with both results rounded to float32."""

    op: ClassVar[str] = "mul_add_float32/1"
    kernel: ClassVar[str] = "mul_add_float32"

    def _rounded(self, x: Array) -> Array:
        return round_to_float32(x)

    def as_affine(self) -> Affine | None:
        return None


class SoftClip(Node):
    """``x / sqrt(1 + (x / limit) ** 2)``, whose distance from zero is below ``limit``, in two inputs of one width.

    The second are the numbers that ``x`` was made of: where they are infinite, so far the result goes.

    Parameters
    ----------
    limit : float
    float32 : bool
        Every result is rounded to float32.
    """

    limit: float
    float32: bool = False

    op: ClassVar[str] = "soft_clip/1"
    kernel: ClassVar[str] = "soft_clip"

    def schema(self) -> Schema:
        (width,) = {node.schema().width for node in self.inputs}
        return dense(width, self.inputs[0].schema().dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"limit": np.array(self.limit), "float32": np.array(self.float32, dtype=np.uint8)}

    def reference(self, *inputs: Value) -> Value:
        x, given = inputs
        rounded = round_to_float32 if self.float32 else np.asarray
        with np.errstate(all="ignore"):
            square = rounded(rounded(x / self.limit) ** 2)
            clipped = rounded(x / rounded(np.sqrt(rounded(1.0 + square))))
        return np.where(np.isinf(given), np.copysign(self.limit, given), clipped)

    def in_float32(self) -> Node:
        return replace(self, limit=float(np.float32(self.limit)), float32=True)

    def is_exact(self) -> bool:
        """Quotients, sums and square roots alone."""
        return True

    def describe(self) -> str:
        return f"{self.limit:g}"


class ScaleSparse(Node):
    """Stored entries times the factor of their column, then clipped to ``[low, high]`` where these are given.

    scikit-learn scales sparse rows by reciprocals, other than dense ones. ``of_float32`` says that it rounds products,
    because entries are float32: no sparse rows are rounded here.
    """

    factors: Array
    low: float | None = None
    high: float | None = None
    of_float32: bool = False

    op: ClassVar[str] = "scale_sparse/1"
    kernel: ClassVar[str] = "scale_sparse"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return sparse(source.width, source.nnz, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"factors": self.factors, "range": _range(self.low, self.high)}

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0].tocsr(copy=True)
        x.data = x.data * self.factors[x.indices]
        if self.low is not None and self.high is not None:
            x.data = np.clip(x.data, self.low, self.high)
        return x

    def in_float32(self) -> Node:
        return replace(self, of_float32=True)

    def is_exact(self) -> bool:
        """Products of float32 are not rounded here."""
        return not self.of_float32

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        (x,) = inputs
        if not (x.no_inf and np.isfinite(self.factors).all()):
            return UNKNOWN
        with np.errstate(over="ignore"):
            ends = np.outer([x.low, x.high], self.factors if self.factors.size else [0.0])
        low, high = _range(self.low, self.high)
        return ValueProperties(float(ends.min().clip(low, high)), float(ends.max().clip(low, high)), x.no_nan)

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return replace(self, inputs=(x,), factors=self.factors[columns])


class SparseToFloat64(Node):
    """Sparse rows as they are, which are float64 whatever the request has."""

    op: ClassVar[str] = "sparse_to_float64/1"
    kernel: ClassVar[str] = "scale_sparse"
    columnwise: ClassVar[bool] = True
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return sparse(source.width, source.nnz)

    def params(self) -> dict[str, Array]:
        return {"factors": np.ones(self.inputs[0].schema().width), "range": _range(None, None)}

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[0]

    def simplify(self) -> Node:
        return self.inputs[0]


def _beside(nodes: tuple[Node, ...], *names: str) -> Node:
    """Steps that differ in these arrays only, side by side; None stays where all have it."""
    found: dict[str, Array | None] = {}
    for name in names:
        arrays = [getattr(node, name) for node in nodes]
        found[name] = None if arrays[0] is None else np.concatenate(arrays)
    return replace(nodes[0], inputs=(Concat(tuple(node.inputs[0] for node in nodes)),), **found)


def _range(low: float | None, high: float | None) -> Array:
    return np.array([-np.inf if low is None else low, np.inf if high is None else high])


def _directions(scale: Array | None, shift: Array | None, width: int) -> Array:
    """Direction of each column of a step that scales and shifts: of the sign of its factor, where that is a number."""
    factors = np.ones(width) if scale is None else scale
    known = np.isfinite(factors) & (True if shift is None else np.isfinite(shift))
    return np.where(known, np.sign(factors), 0.0).astype(np.int8)


def _all_are(values: Array | None, constant: float) -> bool:
    # A mean of -0.0 would turn -0.0 into 0.0.
    return values is None or (bool((values == constant).all()) and not np.signbit(values).any())
