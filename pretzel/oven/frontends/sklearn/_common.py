"""What several adapters share."""

from __future__ import annotations

from numbers import Number
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir.columns import Raw, is_sparse
from pretzel.oven.ir.idf import NO_IDF, Tfidf
from pretzel.oven.ir.linear import Linear, LinearInOrder
from pretzel.oven.ir.link import Threshold
from pretzel.oven.ir.scale import MulAdd
from pretzel.schema import Follows, Kind, fixed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node


INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
NUMBERS = ("bool", *INTEGERS, "float16", "float32", "float64", "object")
"""dtypes of the tables that estimators take for numbers."""


def names_of(vocabulary: Mapping[Any, int]) -> list[str]:
    """The terms or features of a vocabulary in the order of their columns.

    Raises
    ------
    ValueError
        A column is out of range.
    Unsupported
        Some column has no name or several, or a name that is no text.
    """
    names = sorted(vocabulary, key=vocabulary.__getitem__)
    columns = [vocabulary[name] for name in names]
    if names and not 0 <= columns[0] <= columns[-1] < len(names):
        raise ValueError(f"vocabulary_ has {len(names)} names, and numbers one of them {columns[-1]}")
    if columns != list(range(len(names))):
        raise Unsupported("vocabulary_ does not number its names 0, 1, 2, ...")
    if not all(isinstance(name, str) for name in names):
        raise Unsupported("vocabulary_ holds names that are not str")
    return [str.__str__(name) for name in names]


def dense_only(x: Node, estimator: Any) -> None:
    """Raise `Unsupported` where ``x`` is sparse."""
    if is_sparse(x):
        raise Unsupported(f"{type(estimator).__name__} on sparse rows")


def above(x: Node, threshold: Any, estimator: Any) -> Node:
    """1 where ``x`` is above a threshold, else 0.

    Raises
    ------
    Unsupported
        ``x`` is sparse, and not known to be above the threshold wherever a value is stored.
    """
    if not is_sparse(x):
        return Threshold((x,), float(threshold), casts=not isinstance(threshold, np.floating))
    if not is_on(x, threshold):
        raise Unsupported(f"{type(estimator).__name__} on sparse rows that are not those of counts")
    return Tfidf((x,), NO_IDF, None, sublinear=False, binary=True, dtype=x.schema().dtype.least)


def is_on(x: Node, threshold: Any) -> bool:
    """Whether sparse rows are known to be above a threshold wherever a value is stored, as counts are."""
    return bool(0 <= threshold < x.properties().low) and x.schema().dtype.follows is Follows.NOTHING


def product_dtype(x: Node, *parameters: Any, kept: Follows = Follows.REQUEST) -> str:
    """dtype rule of a product of ``x`` and fitted parameters, as `Linear` takes it.

    Parameters
    ----------
    x : Node
    *parameters : ndarray or number
        Python numbers have no dtype.
    kept : Follows
        What the estimator's check of its input keeps.
    """
    dtype = np.result_type(*parameters)
    if dtype == np.float16:
        raise Unsupported("parameters of float16")
    if x.schema().kind is Kind.CELLS or dtype.kind not in "iufb" or dtype == np.float64:
        return "float64"
    rule = x.schema().dtype
    rule = rule if kept is Follows.REQUEST else rule.floating(kept)
    return str(rule.promote(fixed(dtype.name)))


def without_mean(x: Node, mean: Array, *others: Array) -> Node:
    """``x - mean`` as a new array, which is float64 whatever the request has.

    Raises
    ------
    Unsupported
        Parameters (``mean`` or ``others``) have another dtype, which then depends on that of the request.
    """
    if any(each.dtype != np.float64 for each in (mean, *others)):
        raise Unsupported("parameters that are not float64")
    return MulAdd((x,), np.ones(len(mean)), -mean, wide=True)


def rounds_float32(x: Node) -> bool:
    """Whether ``x`` is float32 for some requests and float64 for others."""
    return isinstance(x, Raw) or (x.schema().dtype.is_float32 and x.schema().dtype.follows is not Follows.NOTHING)


def floats(array: Any) -> Array:
    """Fitted numbers, an array or a single one, as contiguous float64.

    Raises
    ------
    Unsupported
        scikit-learn computes with them in another way: numbers that are objects, complex, or wider than 64 bits.
    TypeError
        They are no numbers.
    """
    found = np.asarray(array)
    objects = found.ravel().tolist() if found.dtype == object else []
    if isinstance(array, list) or found.dtype.kind not in "fiubcO" or not all(isinstance(x, Number) for x in objects):
        raise TypeError(f"expected an array of numbers, got {array!r:.40}")
    if found.dtype.kind in "cO" or found.dtype.itemsize > 8:
        raise Unsupported(f"numbers of dtype {found.dtype}")
    return np.asarray(found, dtype=np.float64, order="C")


def projected(x: Node, components: Array, bias: Array, result: str) -> Linear:
    """``x @ components.T + bias``, where products of sparse rows are added up as SciPy does.

    So `Linear` does for more than one output.
    """
    kind = LinearInOrder if is_sparse(x) and len(components) == 1 else Linear
    return kind((x,), components.T, bias, result)


def of_another_precision(x: Node, dtype: Any) -> list[str]:
    """dtypes of requests that a check to float32 or float64 does not leave in ``dtype``."""
    rule = x.schema().dtype.floating(Follows.FLOAT32)
    return [each for each in NUMBERS if rule.dtype_for(each) != dtype]


def exclude_all_but_float64(x: Node, importer: Importer, reason: str) -> None:
    """Leave requests of any other dtype, and whole numbers or float32 of a step before, to the estimator."""
    rule = None if isinstance(x, Raw) else x.schema().dtype
    if rule is not None and rule.follows is Follows.NOTHING and rule.least != "float64":
        raise Unsupported(reason)
    importer.exclude(x, [name for name in NUMBERS if name != "float64"], reason)


def finite_floats(array: Any) -> Array:
    """`floats` that are finite, in float64 also where they were fitted.

    Raises
    ------
    Unsupported
        They are not: then what scikit-learn makes of them is not what a kernel would.
    """
    found = floats(array)
    if np.asarray(array).dtype != np.float64 or not np.isfinite(found).all():
        raise Unsupported("parameters that are infinite, no numbers, or of another dtype than float64")
    return found
