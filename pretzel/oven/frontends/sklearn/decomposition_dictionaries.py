"""Adapters of `sklearn.decomposition` that write rows as sums of few atoms of a dictionary."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter, inverse
from pretzel.oven.frontends.sklearn._common import dense_only, finite_floats, of_another_precision, projected
from pretzel.oven.frontends.sklearn.decomposition import times_components
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.linear import Sum
from pretzel.oven.ir.mlp import Relu
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.sparse_coding import MatchingPursuit

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node

UNSIGNED = ("bool", "float16", "int8", "int16", "uint8", "uint16", "uint32", "uint64")
"""dtypes whose differences NumPy rounds, wraps or refuses."""

_LEAST_ANGLE = 1e-6  # 1 - cosine: the errors of coefficients grow with its inverse


@adapter("sklearn.decomposition.SparseCoder")
def sparse_coder(estimator: Any, x: Node, importer: Importer) -> Node:
    """The coefficients of a row in the dictionary that it was given."""
    return _code(estimator, estimator.dictionary, x, importer)


@adapter("sklearn.decomposition.DictionaryLearning", "sklearn.decomposition.MiniBatchDictionaryLearning")
def dictionary_learning(estimator: Any, x: Node, importer: Importer) -> Node:
    """The coefficients of a row in the dictionary that was learnt."""
    return _code(estimator, estimator.components_, x, importer)


@inverse("sklearn.decomposition.SparseCoder")
def of_sparse_coder(estimator: Any, x: Node, importer: Importer) -> Node:
    """The sum of the atoms of the dictionary that it was given."""
    return _decode(estimator, estimator.dictionary, x, importer)


@inverse("sklearn.decomposition.DictionaryLearning", "sklearn.decomposition.MiniBatchDictionaryLearning")
def of_dictionary_learning(estimator: Any, x: Node, importer: Importer) -> Node:
    """The sum of the atoms of the dictionary that was learnt."""
    return _decode(estimator, estimator.components_, x, importer)


def _decode(estimator: Any, dictionary: Any, x: Node, importer: Importer) -> Node:
    """Coefficients times the atoms; negative ones that stand apart are subtracted first."""
    checked = importer.finite(importer.dense(x), estimator)
    if estimator.split_sign:
        count = len(dictionary)
        importer.exclude(checked, UNSIGNED, "differences of numbers without sign")
        positive, negative = (importer.select(checked, tuple(range(at, at + count))) for at in (0, count))
        checked = Sum((positive, _times(negative, -1.0, 0.0)), np.zeros(count))
    return times_components(dictionary, checked)


def _code(estimator: Any, dictionary: Any, x: Node, importer: Importer) -> Node:
    """Coefficients of the atoms, or their positive parts and then their negative ones."""
    dense_only(x, estimator)
    atoms = finite_floats(dictionary)
    checked = importer.finite(importer.dense(x), estimator)
    if estimator.transform_algorithm == "threshold":
        positive, negative = _beyond_threshold(estimator, atoms, checked)
        if estimator.split_sign:
            return Concat((positive, negative))
        return Sum((positive, _times(negative, -1.0, 0.0)), np.zeros(len(atoms)))
    if estimator.transform_algorithm != "omp":
        raise Unsupported(f"transform_algorithm={estimator.transform_algorithm!r}")
    importer.exclude(checked, of_another_precision(checked, np.float64), "it is computed in float32")
    found = _matching_pursuit(estimator, atoms, checked)
    return Concat((Relu((found,)), Relu((_times(found, -1.0, 0.0),)))) if estimator.split_sign else found


def _beyond_threshold(estimator: Any, atoms: Array, x: Node) -> tuple[Node, Node]:
    """By how much the product with each atom is above the threshold, and below its opposite."""
    threshold = estimator.transform_alpha
    if threshold is None:
        threshold = getattr(estimator, "alpha", None)
    threshold = 1.0 if threshold is None else float(threshold)
    if not 0.0 <= threshold < np.inf:
        raise Unsupported(f"transform_alpha={threshold}")
    products = projected(x, atoms, np.zeros(len(atoms)), "float64")
    positive = Relu((_times(products, 1.0, -threshold),))
    opposite = positive if estimator.positive_code else products
    return positive, Relu((_times(opposite, -1.0, -threshold),))


def _times(x: Node, factor: float, offset: float) -> Node:
    width = x.schema().width
    return MulAdd((x,), np.full(width, factor), np.full(width, offset))


def _matching_pursuit(estimator: Any, atoms: Array, x: Node) -> Node:
    rounds = estimator.transform_n_nonzero_coefs
    if rounds is None:
        rounds = min(max(atoms.shape[1] // 10, 1), len(atoms))
    if estimator.positive_code or not isinstance(rounds, Integral) or not 1 <= int(rounds) <= len(atoms):
        raise Unsupported("parameters that transform rejects")
    gram = np.dot(atoms, atoms.T)
    if not np.isfinite(gram).all():
        raise Unsupported("atoms that are too long")
    lengths = np.sqrt(gram.diagonal())
    alike = np.abs(gram) > (1.0 - _LEAST_ANGLE) * np.outer(lengths, lengths)
    if np.triu(alike & (np.outer(lengths, lengths) > 0.0), 1).any():
        raise Unsupported("atoms that are next to multiples of each other: rounding chooses among them")
    if rounds > np.linalg.matrix_rank(atoms):
        raise Unsupported("more coefficients than independent atoms: rounding chooses the last ones")
    if _has_equal_numbers(atoms):
        raise Unsupported("atoms with equal numbers: rounding chooses among equal products")
    return MatchingPursuit((projected(x, atoms, np.zeros(len(atoms)), "float64"),), gram, int(rounds))


def _has_equal_numbers(atoms: Array) -> bool:
    """Whether rows may have equal products with several atoms that the source's BLAS makes unequal.

    Products with single columns are equal there, too.
    """
    numbers = np.abs(atoms[atoms != 0.0])
    single = bool((numbers == 1.0).all() and ((atoms != 0.0).sum(axis=1) == 1).all())
    return not single and len(np.unique(numbers)) < len(numbers)
