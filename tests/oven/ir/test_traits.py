"""What nodes claim of themselves is true: every trait against the reference, on boundary rows."""

from __future__ import annotations

import functools
import importlib
import math
import pkgutil
from typing import Any, ClassVar

import numpy as np
import pytest

from pretzel.errors import InputValueError
from pretzel.oven import ir
from pretzel.oven.ir._cells import cell_key, pack
from pretzel.oven.ir._pair_sorts import SORTS
from pretzel.oven.ir._text import pack as pack_text
from pretzel.oven.ir.bins import Bins
from pretzel.oven.ir.calendar import FEATURES as CALENDAR
from pretzel.oven.ir.calendar import Calendar
from pretzel.oven.ir.category_statistics import (
    BORDERS,
    BUCKETS,
    COUNTER,
    ELEMENT,
    EQUALS,
    EXCEEDS,
    EXCEEDS_OR_NAN,
    HASH,
    MEAN,
    CategoryStatistics,
)
from pretzel.oven.ir.check import CheckFinite, CheckRange
from pretzel.oven.ir.city_hash import CityHash
from pretzel.oven.ir.class_pairs import PairCoupling, PairDecisions, PairVotes
from pretzel.oven.ir.cluster import Distances, ExpandedDistances, NearestCenter, SparseDistances
from pretzel.oven.ir.columns import (
    CellLeaf,
    Constant,
    DateLeaf,
    ItemLeaf,
    LoopState,
    NumericLeaf,
    Place,
    Raw,
    RowLeaf,
    Select,
    SparseLeaf,
    TextLeaf,
    ToFloat64,
)
from pretzel.oven.ir.concat import Concat, Densify, DensifyMissing
from pretzel.oven.ir.coordinate_descent import CoordinateDescent
from pretzel.oven.ir.count_sketch import CountSketch
from pretzel.oven.ir.date_texts import LIBRARIES, DateTexts
from pretzel.oven.ir.decided_neighbors import DecidedNeighbors
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.encode import (
    NUMBERS_TO_NAN,
    REJECT_NONE,
    REJECT_OBJECT,
    REJECT_UNKNOWN,
    OneHot,
    WholeCodes,
    category_codes,
)
from pretzel.oven.ir.expected_sigmoid import ExpectedSigmoid
from pretzel.oven.ir.feature_selection import select_sparse
from pretzel.oven.ir.features import DictFeatures, HashedFeatures, LabelSets
from pretzel.oven.ir.float32_link import ExpFloat32, ExpitFloat32, SoftmaxFloat32
from pretzel.oven.ir.graph import Array, Node, Parity, Value, replace, rewrite, toposort
from pretzel.oven.ir.hashing import HashedNgrams
from pretzel.oven.ir.idf import NO_IDF, Tfidf, TfidfFloat32, TfidfLinear
from pretzel.oven.ir.impute import Impute, ImputeCells, MissingMask, ZeroToNaN
from pretzel.oven.ir.indicators import Indicators
from pretzel.oven.ir.interpolate import Interpolate, InterpolateFloat32
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.ir.iterative_impute import IterativeImpute
from pretzel.oven.ir.knn_impute import KNNImpute
from pretzel.oven.ir.linear import CheckedLinear, Linear, LinearFloat32, LinearHeads, LinearInOrder, Sum
from pretzel.oven.ir.linear_leaves import LinearLeaves
from pretzel.oven.ir.link import (
    ArgMax,
    ArgMin,
    Exp,
    Expit,
    HuberProbability,
    Log,
    LogSoftmax,
    LogSumExp,
    NormalizeNonzeroSum,
    NormalizeSum,
    NormalizeSumFloat32,
    Pair,
    Sigmoid,
    SigmoidPairs,
    SignedSquare,
    Softmax,
    SoftmaxOfBlocks,
    Threshold,
)
from pretzel.oven.ir.mlp import Relu, Tanh
from pretzel.oven.ir.multiplicative_updates import DivergenceUpdates, MultiplicativeUpdates
from pretzel.oven.ir.neighbor_answers import NeighborDensity, NeighborGraph, NeighborMeans, NeighborVotes
from pretzel.oven.ir.neighbor_embeddings import NeighborCombination, NeighborPaths
from pretzel.oven.ir.neighbors import METRICS, Neighbors, SortedNeighbors
from pretzel.oven.ir.ngrams import Ngrams
from pretzel.oven.ir.normalize import SubtractMax, UnitNorm
from pretzel.oven.ir.oblivious_trees import ObliviousTrees
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.pairwise import FUNCTIONS as KERNELS
from pretzel.oven.ir.pairwise import OF_SPARSE, Pairwise, Product, SparsePairwise
from pretzel.oven.ir.polynomial import Polynomial, PolynomialFloat32
from pretzel.oven.ir.power import InversePower, YeoJohnson
from pretzel.oven.ir.product_neighbors import NEEDS, ProductNeighbors
from pretzel.oven.ir.quadratic import QuadraticForm, SquaredNorms, TriangularSquares, WeightedSquares, strips_of
from pretzel.oven.ir.quantile import InverseQuantiles, Quantiles
from pretzel.oven.ir.radius_neighbors import REJECT, RadiusGraph, RadiusMeans, RadiusNeighbors, RadiusVotes
from pretzel.oven.ir.scale import (
    AsFloat32,
    MulAdd,
    MulAddFloat32,
    ScaleSparse,
    SoftClip,
    SparseToFloat64,
    SubDiv,
    SubDivFloat32,
    ToFloat32,
)
from pretzel.oven.ir.sparse_coding import MatchingPursuit
from pretzel.oven.ir.splines import BEYOND, Splines
from pretzel.oven.ir.step_forms import Affine, Replacement
from pretzel.oven.ir.subplan import Branch, Loop
from pretzel.oven.ir.topics import Topics
from pretzel.oven.ir.tree_ensemble import OUTSIDE, TreeEnsemble, TreeEnsembleFloat32
from pretzel.oven.ir.unary_function import FUNCTIONS, UnaryFunction
from pretzel.oven.ir.value_properties import FLOAT32_LIMIT, FLOAT32_MAX, FLOAT64_MAX, UNKNOWN, ValueProperties
from pretzel.oven.ir.voting import (
    LogMeanExp,
    Majority,
    Mean,
    MeanFloat32,
    MeanInFloat64,
    MeanOfBlocks,
    PairWinners,
    Votes,
    WeightedMedian,
)
from pretzel.schema import Kind, Schema, dense

RNG = np.random.default_rng(0)
DOUBLES = np.unique(
    [
        sign * value
        for sign in (-1.0, 1.0)
        for value in (
            *(0.0, 5e-324, 2.2250738585072014e-308, 1e-200, 1e-162, 1e-10, 0.5, 1.0, np.nextafter(1.0, 2.0), 2.0, 3.0),
            *(7.5, 1e6, 2.0**53, 1e20, 1e140, FLOAT32_MAX, FLOAT32_LIMIT, np.nextafter(FLOAT32_LIMIT, math.inf)),
            *(1e200, 1e300, FLOAT64_MAX / 2, FLOAT64_MAX, math.inf),
        )
    ]
)
SPECIALS = np.array([*DOUBLES, -0.0, math.nan])
WIDTH = 3


def _rows() -> np.ndarray:
    n = len(SPECIALS)
    i = np.arange(n)
    mixed = [SPECIALS[[i, (7 * i + 3) % n, (11 * i + 5) % n]].T, np.repeat(SPECIALS[:, None], WIDTH, axis=1)]
    one = RNG.normal(size=(WIDTH * n, WIDTH))
    for column in range(WIDTH):
        one[column * n : (column + 1) * n, column] = SPECIALS
    return np.vstack([*mixed, one, RNG.normal(size=(10, WIDTH)), np.zeros((1, WIDTH))])


NUMBERS = _rows()
CELLS = np.array(
    [["a", 1.0], ["b", None], [None, "b"], [math.nan, 0.0], ["", -1.0], ["ä", math.nan], [2.0, "a"], ["a", "a"]],
    dtype=object,
)
ITEMS = [{}, {"a": 1.5, "b": "x"}, {"": -0.0, "c": 3}, {"a": None}, {"a": math.inf}, {"b": ["x", "y"], "": 1e300}]
DATES = np.array([["2024-02-29T23:30"], [None], ["1969-12-31T23:59:59.999999999"], ["0001-01-02"]], dtype=object)
TEXTS = ["", "a b a", "b", "a" * 300, "a b c d " * 50, "ä Ä", "zzz"]

LEAF = NumericLeaf((), (0, 1, 2))
CHECKED = CheckFinite((LEAF,), "Any")
NARROW = CheckFinite((LEAF,), "Any", float32=True)
SPARSE = SparseLeaf((), WIDTH)
SPARSE_CHECKED = CheckFinite((SPARSE,), "Any")
CELL_LEAF = CellLeaf((), (0, 1))
ONE_TEXT = ImputeCells((CELL_LEAF,), (0,), (None, math.nan, 2.0), *pack([math.nan]))
TEXT_LEAF = TextLeaf((), 0)
ITEM_LEAF, LABEL_SET_LEAF = ItemLeaf((), "named"), ItemLeaf((), "label set")
ROW_LEAF = RowLeaf(())
DATE_LEAF = DateLeaf((), 0, "Europe/Paris", "us")
INPUTS = (LEAF, CheckFinite((LEAF,), "Any", allow_nan=True), CHECKED, NARROW)
NUMBERS_OF = np.array([1.0, -2.0, 0.5])
SKETCH = np.array([[4.0, 0.0, 4.0], [1.0, 3.0, 2.0]])
DONORS = np.where(np.arange(60).reshape(20, 3) % 7 == 1, np.nan, np.linspace(-3.0, 7.0, 60).reshape(20, 3))
EMPTY = pack_text([])


def oblivious_trees(x: Node) -> ObliviousTrees:
    return ObliviousTrees(
        (x,),
        feature=np.array([0, 2], dtype=np.int32),
        nan_exceeds=np.array([0, 1], dtype=np.uint8),
        first_border=np.array([0, 2, 3], dtype=np.int32),
        borders=np.array([-1.0, 0.5, 0.0], dtype=np.float32),
        split_feature=np.array([0, 1, 0], dtype=np.int32),
        split_code=np.array([0, 0, 1], dtype=np.uint8),
        depths=np.array([2, 0, 1], dtype=np.uint8),
        values=np.array([[0.1], [0.7], [3.0], [-1.0], [0.5], [2.0], [1.0]]),
    )


def category_statistics(x: Node) -> CategoryStatistics:
    return CategoryStatistics(
        (x,),
        element=np.array([HASH, EXCEEDS, EXCEEDS_OR_NAN, EQUALS], dtype=np.uint8),
        column=np.array([0, 1, 1, 2], dtype=np.int32),
        number=np.array([0.0, 0.5, -0.5, 1.0]),
        first_element=np.array([0, 3, 4], dtype=np.int32),
        first_key=np.array([0, 2, 2], dtype=np.int32),
        keys=np.array([-5, 0]),
        counts=np.array([[3.0, 4.0], [1.0, 2.0]]),
        table=np.array([0, 0, 0, 0, 1], dtype=np.int32),
        statistic=np.array([BORDERS, BUCKETS, MEAN, COUNTER, ELEMENT], dtype=np.uint8),
        target=np.array([0, 1, 0, 0, 0], dtype=np.int32),
        denominator=np.array([0.0, 0.0, 0.0, 9.0, 0.0]),
        prior=np.full((5, 4), 0.5, dtype=np.float32),
    )


def ngrams() -> Ngrams:
    return Ngrams((TEXT_LEAF,), "word", 1, 1, 1, *pack_text(["a", "b", "c"]), *EMPTY)


def hashed(*, signed: bool) -> HashedNgrams:
    return HashedNgrams((TEXT_LEAF,), "word", 1, 1, 1, *EMPTY, 8, signed)


def sparse_pairwise(x: Node, function: str) -> Node:
    starts, places = np.array([0, 2, 2, 4], dtype=np.int32), np.array([0, 1, 1, 2], dtype=np.int32)
    values = np.array([1.0, -2.0, 0.5, 3.0])
    norms = np.bincount(places, values * values)
    return SparsePairwise((x,), starts, places, values, norms, function, 0.5, 1.5, 3)


def linear_leaves(x: Node) -> Node:
    leaves = Threshold((Select((x,), (0, 1)),))
    return LinearLeaves(
        (Concat((x, leaves)),),
        starts=np.array([0, 0, 2], dtype=np.int32),
        columns=np.array([2, 0], dtype=np.int32),
        factors=np.array([0.5, -2.0]),
        constants=np.array([1.0, 2.0]),
        values=np.array([1.0, 3.0]),
        outputs=np.array([0, 1], dtype=np.int32),
        width=2,
    )


def trees(
    x: Node,
    *,
    values: Any = (1.0, -2.0, 1e300),
    divisor: float = 2.0,
    integral: bool = False,
    kind: type[TreeEnsemble] = TreeEnsemble,
    outside: str = "",
) -> TreeEnsemble:
    """Two splits; with ``outside`` the second one is of categories."""
    number = np.float32 if kind is TreeEnsembleFloat32 else np.float64
    return kind(
        (x,),
        feature=np.array([0, 2], dtype=np.int32),
        threshold=np.array([0.5, -1.0]),
        children=np.array([[1, ~0], [~1, ~2]], dtype=np.int32),
        missing_left=np.array([1, 0], dtype=np.uint8),
        category_set=np.array([-1, 0 if outside else -1], dtype=np.int32),
        categories=np.array([[5] + [0] * 9] if outside else [], dtype=np.uint32).reshape(-1, 10 if outside else 8),
        roots=np.array([0, 1], dtype=np.int32),
        float32=False,
        values=np.array(values, dtype=number).reshape(-1, 1),
        columns=np.zeros(2, dtype=np.int32),
        base=np.zeros(1, dtype=number),
        divisor=divisor,
        integral=integral,
        outside=outside or "missing",
    )


def codes(x: Node, *, reject: int = 0, last: float = 2.0) -> Node:
    return category_codes(
        x, [["a", 2.0], ["a", "b", None]], [[0.0, 1.0], [0.0, 1.0, last]], [-1.0, -1.0], reject=reject
    )


def each(make: Any) -> list[Node]:
    """The node that ``make`` builds, over inputs of which ever more is certain."""
    return [make(x) for x in INPUTS]


def splines(x: Node, beyond: str) -> Splines:
    n_splines = 3 if beyond == "periodic" else 5
    return Splines((x,), np.tile(np.arange(-3.0, 6.0), (WIDTH, 1)), 3, beyond, np.ones((WIDTH, 4 * n_splines)), 2)


def _neighbors(x: Node, metric: str) -> Neighbors:
    order, ranges = np.arange(20, dtype=np.int32), np.array([[0, 20]], dtype=np.int32)
    form = {"seuclidean": (0.5,) * WIDTH, "mahalanobis": tuple(np.eye(WIDTH).ravel().tolist())}.get(metric, ())
    points = RNG.normal(size=(20, WIDTH))
    return Neighbors((x,), points, order, ranges, np.empty((0, WIDTH)), np.empty(0), metric, 3, form)


def _neighbors_in_parts(x: Node) -> Neighbors:
    near = _neighbors(x, "manhattan")
    return replace(near, points=np.round(near.points), k=8, parts=(0, 7, 13))


def _sorted_neighbors(x: Node, sort: str) -> SortedNeighbors:
    near = _neighbors(x, "manhattan")
    points = np.round(near.points)
    return SortedNeighbors((x,), points, near.order, near.ranges, near.bounds, near.radii, "manhattan", 17, (), sort)


def _decided_neighbors(x: Node, *, weighted: bool) -> DecidedNeighbors:
    near = _neighbors(x, "euclidean")
    groups, largest = np.arange(20, dtype=np.int32) % 2, float((near.points**2).sum(axis=1).max())
    found = (near.points, near.order, near.ranges, near.bounds, near.radii, "euclidean", 3)
    return DecidedNeighbors((x,), *found, groups=groups, largest=largest, weighted=weighted, whole=False)


def _products(x: Node, metric: str, needs: str) -> ProductNeighbors:
    points = RNG.normal(size=(20, WIDTH))
    norms = (points * points).sum(axis=1)
    if metric == "cosine":
        points /= np.sqrt(norms)[:, None]
    starts, places = np.arange(WIDTH + 1, dtype=np.int32) * 20, np.tile(np.arange(20, dtype=np.int32), WIDTH)
    groups = np.arange(20, dtype=np.int32) % (20 if needs == "order" else 2)
    return ProductNeighbors(
        (x,), starts, places, np.ascontiguousarray(points.T).ravel(), norms, groups, metric, 3, needs
    )


def _neighbor_answers(found: Node) -> list[Node]:
    codes = np.arange(20, dtype=np.int32) % 2
    return [
        found,
        *(NeighborVotes((found,), codes, 2, by_distance) for by_distance in (True, False)),
        NeighborVotes((found,), codes, 2, True, True),
        *(NeighborGraph((found,), 20, by_distance) for by_distance in (True, False)),
        *(NeighborMeans((found,), RNG.normal(size=(20, 2)), by_distance) for by_distance in (True, False)),
        NeighborDensity((found,), RNG.random(20), RNG.random(20)),
        NeighborPaths((found,), RNG.random((20, 20))),
        NeighborCombination((found, *found.inputs), RNG.normal(size=(20, WIDTH)), RNG.normal(size=(20, 2)), 1e-3),
    ]


def _factorizations() -> list[Node]:
    shares = np.arange(2.0 * WIDTH).reshape(WIDTH, 2) + 0.5
    gram, found = shares.T @ shares, []
    for x in (*INPUTS, SPARSE_CHECKED):
        found.append(CoordinateDescent((x,), shares, gram, 0.5, 1e-4, 30))
        for by_error in (True, False):
            found.append(MultiplicativeUpdates((x,), shares, 0.1, 0.1, 1e-4, 30, by_error, gram))
            found.append(DivergenceUpdates((x,), shares, 0.0, 0.1, 1e-4, 30, by_error, shares.sum(axis=0)))
    return found


def _within(x: Node, metric: str) -> RadiusNeighbors:
    near = _neighbors(x, metric)
    return RadiusNeighbors((x,), near.points, near.order, near.ranges, near.bounds, near.radii, metric, 2.0, near.form)


def _radius_answers(x: Node, metric: str) -> list[Node]:
    found = _within(x, metric)
    codes = np.arange(20, dtype=np.int32) % 2
    return [
        found,
        *(RadiusGraph((found,), True, sort) for sort in SORTS),
        RadiusGraph((found,), False),
        *(RadiusVotes((found,), codes, 3, by_distance, 2) for by_distance in (True, False)),
        RadiusVotes((found,), codes, 2, True, REJECT),
        *(RadiusMeans((found,), RNG.normal(size=(20, 2)), each, np.full(2, math.nan)) for each in (True, False)),
    ]


def _examples() -> list[Node]:
    scales = (NUMBERS_OF, -NUMBERS_OF, np.array([1.0, 1e300, 1e-300]), np.array([0.0, math.inf, math.nan]), np.ones(3))
    means = (None, np.zeros(3), -np.zeros(3), np.array([1e6, -FLOAT64_MAX, 2.0**969]), np.array([math.inf, 0.0, 1.0]))
    weights = RNG.normal(size=(WIDTH, 2))
    offsets = np.array([0, 2, 5], dtype=np.int32)
    quantiles = np.sort(RNG.normal(size=(WIDTH, 5)))
    edges = np.array([-1.0, 0.0, 1.0, 0.5, 2.0, 2.0])
    points, starts = np.array([0.25, 1.0, 0.75, 2.0, -3.0, 0.5]), np.array([0, 3, 4, 6], dtype=np.int32)
    features = [
        *(DictFeatures((ITEM_LEAF,), *pack_text(["a", "b=x", ""]), adds_up) for adds_up in (True, False)),
        *(HashedFeatures((ITEM_LEAF,), 5, signed) for signed in (True, False)),
        LabelSets((LABEL_SET_LEAF,), *pack_text(["a", "b", ""])),
    ]
    text = [ngrams(), hashed(signed=True), hashed(signed=False)]
    text += [replace(node, letters=(97, 100), whole_words=True) for node in text[:2]]
    text += [replace(node, pattern="[a-c]+|d") for node in text[:2]]
    tfidf = [
        Tfidf((counts,), idf, norm, sublinear, binary)
        for counts in (*text, SPARSE, SPARSE_CHECKED)
        for idf in (NO_IDF, np.linspace(0.5, 3.0, counts.schema().width), np.full(counts.schema().width, 1e-162))
        for norm in (None, "l1", "l2")
        for sublinear in (False, True)
        for binary in (False, True)
    ]
    tfidf += [
        TfidfFloat32((replace(text[0], dtype="float32"),), idf, norm, sublinear, binary=False)
        for idf in (NO_IDF, np.linspace(0.5, 3.0, text[0].schema().width).astype(np.float32))
        for norm in (None, "l1", "l2")
        for sublinear in (False, True)
    ]
    return [
        *(LEAF, SPARSE, CELL_LEAF, TEXT_LEAF, DATE_LEAF, ITEM_LEAF, ROW_LEAF),
        *features,
        *(Densify((x,)) for x in features),
        *(CheckFinite((x,), "Any") for x in features),
        *INPUTS,
        *(SPARSE_CHECKED, CheckFinite((SPARSE,), "Any", allow_nan=True, float32=True)),
        *each(lambda x: CheckRange((x,), "Any", low=-NUMBERS_OF, high=np.array([2.0, 3.0, math.inf]))),
        *each(lambda x: CheckRange((x,), "Any", allow_nan=True, low=np.full(3, -1e6), high=np.full(3, 1e6))),
        *(node for scale in scales for mean in means for node in each(lambda x: SubDiv((x,), mean, scale))),  # noqa: B023
        *(SubDiv((x,), mean, None) for x in INPUTS for mean in means),
        *(
            node
            for scale in scales
            for shift in means[1:]
            for node in each(lambda x: MulAdd((x,), scale, shift))  # noqa: B023
        ),
        *each(lambda x: MulAdd((x,), NUMBERS_OF, NUMBERS_OF, -1.0, 1.0)),
        *(MulAdd((x,), NUMBERS_OF, NUMBERS_OF, wide=wide, casts=not wide) for x in INPUTS for wide in (False, True)),
        *each(lambda x: MulAddFloat32((x,), NUMBERS_OF, NUMBERS_OF, -1.0, 1.0)),
        *each(lambda x: SubDivFloat32((x,), NUMBERS_OF, NUMBERS_OF)),
        *each(lambda x: ToFloat32((x,))),
        *each(lambda x: AsFloat32((x,))),
        *each(lambda x: PolynomialFloat32((x,), np.array([[1, 0, 3], [2, 1, 2]], dtype=np.int32), 1, True)),
        *(SparseToFloat64((x,)) for x in (SPARSE, SPARSE_CHECKED)),
        *(ScaleSparse((x,), scale) for x in (SPARSE, SPARSE_CHECKED) for scale in scales),
        *(ScaleSparse((x,), NUMBERS_OF, 0.0, 1.0) for x in (SPARSE, SPARSE_CHECKED)),
        ScaleSparse((ngrams(),), np.array([0.5, 2.0, -3.0])),
        *(Select((x,), columns) for x in INPUTS for columns in ((0, 1, 2), (2, 0), (1, 1))),
        *(Concat((x, y)) for x in INPUTS for y in (MissingMask((LEAF,), (0, 2)), NARROW)),
        *(Concat((LEAF,)), Concat((CHECKED, SPARSE_CHECKED)), Densify((SPARSE,)), Densify((SPARSE_CHECKED,))),
        *(Densify((node,)) for node in text),
        *each(lambda x: Bins((x,), edges, np.array([0, 3, 4, 6], dtype=np.int32))),
        *each(lambda x: Distances((x,), RNG.normal(size=(2, WIDTH)))),
        *(codes(CELL_LEAF), codes(CELL_LEAF, reject=REJECT_UNKNOWN), codes(CELL_LEAF, last=math.nan)),
        *(codes(CELL_LEAF, reject=reject) for reject in (REJECT_NONE, REJECT_OBJECT, NUMBERS_TO_NAN)),
        codes(CELL_LEAF, reject=NUMBERS_TO_NAN | REJECT_UNKNOWN),
        *(OneHot((codes(CELL_LEAF),), offsets, is_sparse) for is_sparse in (True, False)),
        *(select_sparse(x, (0, 2)) for x in (SPARSE, SPARSE_CHECKED, ngrams())),
        *(UnaryFunction((x,), function) for x in INPUTS for function in FUNCTIONS),
        *(Calendar((x,), CALENDAR) for x in (*INPUTS, DATE_LEAF)),
        *(DateTexts((ONE_TEXT,), ("year", "-", "month", "-", "day"), library, "us") for library in LIBRARIES),
        *text,
        *tfidf,
        TfidfLinear((ngrams(),), NO_IDF, "l2", False, False, weights, np.zeros(2)),
        *(Impute((x,), fill, 1.0) for x in INPUTS for fill in (NUMBERS_OF, np.full(3, math.nan))),
        *(Impute((x,), fill) for x in INPUTS for fill in (NUMBERS_OF, np.full(3, math.nan))),
        *each(lambda x: MissingMask((x,), (0, 2))),
        MissingMask((LEAF,), (1,), reject_new=True),
        ImputeCells((CELL_LEAF,), (0, 1), (None, math.nan), *pack(["x", 0.0])),
        ImputeCells((CELL_LEAF,), (1,), (math.nan,), *pack(["x"]), reject_nan=True),
        ImputeCells((CELL_LEAF,), (0, 1), ("a",), *pack(["x", "y"]), reject_nan=True),
        ImputeCells((CELL_LEAF,), (0, 1), (None, math.nan, "a"), *pack([math.nan] * 2), na=True, blanks=(9, 32)),
        ImputeCells((CELL_LEAF,), (0, 1), (None, "a"), *pack(["x", "y"]), na=True, blanks=(9, 32), spared=(1,)),
        ImputeCells((CELL_LEAF,), (0,), (None, math.nan, "a"), *pack([""]), na=True, texts=True),
        Indicators((trees(CHECKED, values=(0.0, 1.0, 2.0), divisor=1.0, integral=True),), 5),
        *each(lambda x: Linear((x,), weights, np.ones(2))),
        *(Linear((x,), weights, np.ones(2)) for x in (SPARSE, SPARSE_CHECKED, ngrams())),
        *(Linear((ngrams(),), w * weights, np.ones(2)) for w in (1e20, 1e300)),
        Linear((Linear((ngrams(),), weights, np.ones(2)),), weights[:2], np.ones(2)),
        *each(lambda x: CheckedLinear((x,), weights, np.ones(2), "Any", False)),
        *each(lambda x: CheckedLinear((x,), weights, np.ones(2), "Any", True)),
        *each(lambda x: Sum((x, MissingMask((LEAF,), (0, 1, 2))), np.ones(3))),
        *(Sum((NARROW, NARROW), NUMBERS_OF), Sum((CHECKED, CHECKED), NUMBERS_OF)),
        *(Sigmoid((Linear((x,), weights[:, :1], np.ones(1)),)) for x in INPUTS),
        *(link((x,)) for x in INPUTS for link in (Expit, Softmax, LogSoftmax, NormalizeSum, HuberProbability)),
        *(link((x,)) for x in INPUTS for link in (Exp, Log, SignedSquare, ZeroToNaN)),
        *(link((x,)) for x in INPUTS for link in (ArgMax, ArgMin, Threshold, Relu, Tanh)),
        *(Threshold((x,), 1.0, inclusive=True) for x in INPUTS),
        Pair((Select((LEAF,), (0,)),)),
        EmbeddingSum((codes(CELL_LEAF),), RNG.normal(size=(5, 2)), offsets, np.zeros(2)),
        *(UnitNorm((x,), norm) for x in INPUTS for norm in ("l1", "l2", "max")),
        *each(lambda x: Polynomial((x,), np.array([[1, 0, 3], [2, 1, 2]], dtype=np.int32), 1, True)),
        *each(lambda x: YeoJohnson((x,), np.array([0.0, 2.0, -1.5]), np.array([2.0, 0.0, 3.5]))),
        *(InversePower((x,), np.array([0.0, 2.0, -1.5]), box_cox) for x in INPUTS for box_cox in (False, True)),
        *(
            curve((x,), np.array([-1.0, 0.5, 2.0, 3.0, 0.0, 1.0]), points, starts, nan_outside, high)
            for x in INPUTS
            for curve in (Interpolate, InterpolateFloat32)
            for nan_outside in (False, True)
            for high in (None, 1.0)
        ),
        *(InverseQuantiles((x,), quantiles, np.linspace(0, 1, 5), normal) for x in INPUTS for normal in (False, True)),
        *(Quantiles((x,), quantiles, np.linspace(0, 1, 5), normal) for x in INPUTS for normal in (False, True)),
        *each(trees),
        *each(lambda x: trees(x, values=(0.0, 1.0, 7.0), divisor=1.0, integral=True)),
        trees(LEAF, values=(math.nan, 1.0, 2.0)),
        *each(lambda x: trees(x, values=(0.1, 0.7, 3.0), kind=TreeEnsembleFloat32)),
        trees(LEAF, values=(FLOAT32_MAX, FLOAT32_MAX, 2.0), kind=TreeEnsembleFloat32),
        *(link((x,)) for x in INPUTS for link in (ExpFloat32, ExpitFloat32, SoftmaxFloat32)),
        *each(lambda x: LinearFloat32((x,), weights.astype(np.float32), np.ones(2, dtype=np.float32))),
        LinearFloat32((ngrams(),), weights.astype(np.float32), np.ones(2, dtype=np.float32)),
        DensifyMissing((SPARSE,)),
        trees(LEAF, values=(FLOAT64_MAX, FLOAT64_MAX, 2.0)),
        *(trees(x, outside=outside) for x in INPUTS for outside in OUTSIDE),
        *each(linear_leaves),
        *each(oblivious_trees),
        CityHash((CELL_LEAF,)),
        *(category_statistics(x) for x in INPUTS),
        *(Mean((x, NARROW), weights) for x in INPUTS for weights in (np.empty(0), np.array([1.0, 3.0]))),
        *(MeanInFloat64((x, NARROW), weights) for x in INPUTS for weights in (np.empty(0), np.array([1.0, 3.0]))),
        *(MeanFloat32((ToFloat32((x,)), NARROW), weights, 3.0) for x in INPUTS
          for weights in (np.empty(0), np.array([0.5, 3.0]))),
        *(NormalizeSumFloat32((ToFloat32((x,)),), zeros) for x in INPUTS for zeros in (0, 1, 2)),
        *(SoftClip((x, NARROW), 3.0, float32) for x in INPUTS for float32 in (False, True)),
        *(ToFloat64((x,)) for x in INPUTS),
        *(Place((NARROW,), (4, 0, 2), 6, fill) for fill in (0.0, -math.inf)),
        *(Constant((x,), NUMBERS_OF) for x in (*INPUTS, SPARSE, CELL_LEAF, ROW_LEAF)),
        *each(lambda x: LinearHeads((x,), weights, np.ones(2))),
        *(LinearHeads((x,), weights, np.ones(2)) for x in (SPARSE, SPARSE_CHECKED, ngrams())),
        *(LinearInOrder((x,), weights[:, :n], np.ones(n)) for x in (LEAF, SPARSE, SPARSE_CHECKED) for n in (1, 2)),
        *(SparseDistances((x,), weights, (weights * weights).sum(axis=0)) for x in (SPARSE, SPARSE_CHECKED, ngrams())),
        *each(lambda x: NormalizeNonzeroSum((x,))),
        *each(lambda x: WeightedMedian((x,), np.array([1.0, 2.0, 0.5]))),
        *each(lambda x: ExpandedDistances((x,), RNG.normal(size=(2, WIDTH)))),
        *each(lambda x: NearestCenter((x,), weights.T, np.empty(0))),
        *each(lambda x: NearestCenter((x,), weights.T, np.ones(2))),
        *each(lambda x: WeightedSquares((x,), RNG.normal(size=(2, WIDTH)), np.array([NUMBERS_OF, NUMBERS_OF]) ** 2)),
        *each(lambda x: SquaredNorms((x,), np.array([0, 2, 3], dtype=np.int32))),
        *each(lambda x: TriangularSquares((x,), strips_of(RNG.normal(size=(WIDTH, WIDTH))))),
        *each(lambda x: QuadraticForm((x,), NUMBERS_OF, RNG.normal(size=(WIDTH, WIDTH)))),
        *each(lambda x: WholeCodes((x,), np.array([3, 8, 2], dtype=np.int32))),
        *(LogSumExp((x,)) for x in INPUTS),
        *each(lambda x: SubtractMax((x,))),
        *(ExpectedSigmoid((x, NARROW)) for x in INPUTS),
        *(IterativeImpute((x,), NUMBERS_OF, np.array([0, 2], dtype=np.int32), weights.T, np.ones(2), -np.ones(2),
                          np.full(2, math.inf)) for x in INPUTS),
        *(CountSketch((x,), SKETCH.astype(np.int32), 1.0 - SKETCH, np.eye(2, 5)) for x in (*INPUTS, SPARSE_CHECKED)),
        *(KNNImpute((x,), DONORS, np.nanmean(DONORS, axis=0), (0, 2), missing, 3, weighted)
          for x in INPUTS for missing, weighted in ((math.nan, False), (0.0, True))),
        *each(lambda x: Topics((x,), np.abs(weights), np.full(2, 0.6), 0.1, 1e-3, 20)),
        Topics((SPARSE_CHECKED,), np.abs(weights), np.full(2, 0.6), 0.1, 1e-3, 20),
        *(MatchingPursuit((x,), weights @ weights.T + np.eye(WIDTH), rounds) for x in INPUTS for rounds in (1, WIDTH)),
        *_factorizations(),
        *(splines(x, beyond) for x in INPUTS for beyond in BEYOND),
        *(answer for metric in METRICS[:3] for x in INPUTS for answer in _neighbor_answers(_neighbors(x, metric))),
        *(make(INPUTS[0], metric) for metric in METRICS[3:] for make in (_neighbors, _within)),
        *(_neighbors_in_parts(x) for x in INPUTS),
        *(_sorted_neighbors(x, sort) for sort in SORTS for x in INPUTS),
        *(_decided_neighbors(x, weighted=weighted) for weighted in (False, True) for x in INPUTS),
        *(_products(x, metric, needs) for metric in ("euclidean", "cosine") for needs in NEEDS
          for x in (INPUTS[0], SPARSE_CHECKED)),
        *(answer for metric in METRICS[:3] for x in INPUTS for answer in _radius_answers(x, metric)),
        *(SigmoidPairs((x,)) for x in INPUTS),
        *(SoftmaxOfBlocks((x,), blocks) for x in INPUTS for blocks in (1, 3)),
        *(MeanOfBlocks((x,), 3, weights) for x in INPUTS for weights in (np.empty(0), NUMBERS_OF)),
        *(LogMeanExp((x, NARROW)) for x in INPUTS),
        *(PairWinners((Threshold((x,)), NARROW), 3) for x in INPUTS),
        Votes((Threshold((NARROW,)),), np.array([0, 1, 2, -1, 0, 2], dtype=np.int32),
              np.array([0, 2, 4, 6], dtype=np.int32), np.ones(3), np.full(3, -0.5), 3, 4.0),
        *(Branch((Threshold((Select((x,), (0,)),)), x, MulAdd((x,), NUMBERS_OF, NUMBERS_OF))) for x in INPUTS),
        *(Pairwise((x,), weights.T, 2, function, 0.5, 1.5, 3) for x in INPUTS for function in KERNELS),
        *(sparse_pairwise(x, function) for x in (LEAF, SPARSE, SPARSE_CHECKED) for function in OF_SPARSE),
        *(Product((x, y)) for x in INPUTS for y in (MissingMask((LEAF,), (0, 1, 2)), NARROW)),
        *each(lambda x: PairDecisions((x,), weights.T, np.array([0, 1, 1, 3], dtype=np.int32), NUMBERS_OF)),
        *(PairVotes((x,), 3) for x in INPUTS),
        *(PairCoupling((x,), 3, -np.ones(3), NUMBERS_OF) for x in INPUTS),
        Majority((Threshold((Select((LEAF,), (0,)),)), Threshold((Select((LEAF,), (1,)),))), 2, np.ones(2)),
    ]  # fmt: skip


EXAMPLES = _examples()
NO_VALUE = {Raw, Opaque, Loop, LoopState}  # what they stand for is not known before the request, or the round


def request(node: Node) -> Any:
    """Boundary rows of the kind that the leaves of ``node`` read."""
    leaves = {type(leaf) for leaf in toposort([node]) if not leaf.inputs}
    if CellLeaf in leaves:
        return CELLS
    if DateLeaf in leaves:
        return DATES
    return ITEMS if ItemLeaf in leaves else TEXTS if TextLeaf in leaves else NUMBERS


@functools.cache
def values(node: Node) -> list[dict[Node, Value]]:
    """Values of each row that no check rejects, of ``node`` and of everything before it."""
    X = request(node)
    found = []
    for i in range(len(X)):
        try:
            with np.errstate(all="ignore"):
                found.append(interpret([node], X[i : i + 1]))
        except InputValueError:
            continue
    assert found
    return found


def flat(value: Value) -> np.ndarray:
    """Stored values."""
    return np.asarray(value.data if hasattr(value, "tocsr") else value, dtype=np.float64).ravel()


def plain(value: Value) -> np.ndarray:
    return value.toarray() if hasattr(value, "tocsr") else value


def batch(node: Node) -> tuple[Value, Value]:
    """Input and output of ``node`` for all rows that pass everything before it, and itself."""
    rows = values(node)
    (x,) = node.inputs
    columns = [plain(row[x]) for row in rows]
    value = np.vstack(columns)
    if x.schema().kind is Kind.SPARSE:
        from scipy.sparse import csr_array

        value = csr_array(value)
    with np.errstate(all="ignore"):
        return value, node.reference(value)


def check_properties(node: Node) -> None:
    claim = node.properties()
    if node.schema().kind is Kind.CELLS:
        assert claim == UNKNOWN
        return
    for row in values(node):
        found = flat(row[node])
        numbers = found[~np.isnan(found)]
        assert not claim.no_nan or numbers.size == found.size, node
        assert (numbers >= claim.low).all(), (node, claim, numbers)
        assert (numbers <= claim.high).all(), (node, claim, numbers)
        if claim.integral:
            assert (numbers == np.trunc(numbers)).all(), node


def check_monotone(node: Node) -> None:
    directions = node.monotone()
    if directions is None:
        return
    assert node.columnwise
    assert node.parity is Parity.EXACT  # the bits of the reference are those of the kernel
    assert directions.shape == (node.schema().width,)
    with np.errstate(all="ignore"):
        found = node.reference(np.repeat(DOUBLES[:, None], len(directions), axis=1))
        nan = node.reference(np.full((1, len(directions)), math.nan))[0]
    for column, direction in zip(found.T, directions, strict=True):
        if direction:
            assert not np.isnan(column).any(), node
            ordered = column if direction > 0 else column[::-1]
            assert (ordered[:-1] <= ordered[1:]).all(), node
    assert np.isnan(nan[directions != 0]).all()


def check_affine(node: Node) -> None:
    affine = node.as_affine()
    if affine is None:
        return
    x = RNG.normal(size=(50, len(affine.factor))) * 100
    with np.errstate(all="ignore"):
        expected, found = node.reference(x), x * affine.factor + affine.offset
        size = np.abs(x * affine.factor) + np.abs(affine.offset)
        known = np.isfinite(size).all(axis=0)
    assert (np.abs(found - expected) <= 1e-13 * size)[:, known].all(), node


def check_columnwise(node: Node) -> None:
    if not node.columnwise:
        return
    assert len(node.inputs) == 1
    x, expected = batch(node)
    dense_x, expected = plain(x), plain(expected)
    assert expected.shape[1] == dense_x.shape[1]
    for column in range(dense_x.shape[1]):
        changed = dense_x[::-1].copy()
        changed[:, column] = dense_x[:, column]
        with np.errstate(all="ignore"):
            found = plain(node.reference(changed if x is dense_x else type(x)(changed)))
        np.testing.assert_array_equal(found[:, column], expected[:, column])


def check_selection(node: Node) -> None:
    width = node.inputs[0].schema().width if node.inputs else 0
    for columns in ((width - 1,), (0, 0, width - 1)):
        if len(node.inputs) != 1 or width < 2:
            return
        kept = np.array(columns)
        (x,) = node.inputs
        leaf = NumericLeaf((), columns) if x.schema().kind is Kind.DENSE else CellLeaf((), columns)
        fewer = node.select_columns(leaf if x.schema().kind is not Kind.SPARSE else SparseLeaf((), len(columns)), kept)
        if fewer is None:
            return
        assert node.columnwise
        value, expected = batch(node)
        with np.errstate(all="ignore"):
            found = plain(fewer.reference(value[:, kept]))
        np.testing.assert_array_equal(found, plain(expected)[:, kept])
        assert fewer.schema().width == len(columns)
        assert len(values(node)) == len(request(node)) or x in (*INPUTS, SPARSE_CHECKED), "may reject"


def check_rows(node: Node) -> None:
    if len(node.inputs) != 1:
        return
    _, together = batch(node)
    alone = np.vstack([plain(row[node]) for row in values(node)])
    if alone.dtype == object:
        assert [list(map(cell_key, row)) for row in alone] == [list(map(cell_key, row)) for row in together]
    elif node.parity is Parity.EXACT:
        np.testing.assert_array_equal(plain(together), alone)
    else:  # NumPy adds up in another order, where an overflow may turn up in another place
        ordinary = np.isfinite(alone).all(axis=1) & (np.abs(alone) < 1e100).all(axis=1)
        np.testing.assert_allclose(plain(together)[ordinary], alone[ordinary], rtol=1e-9, atol=1e-9)


def check_simpler(node: Node) -> None:
    for simpler in (node.simplify(), node.as_sparse()):
        if simpler is None or simpler is node:
            continue
        assert simpler.schema().width == node.schema().width
        for row in values(node):
            again = _again(simpler, row)
            np.testing.assert_array_equal(plain(again), plain(row[node]))
            if not hasattr(again, "tocsr") and not hasattr(row[node], "tocsr"):
                np.testing.assert_array_equal(np.signbit(again), np.signbit(row[node]))


def _again(node: Node, known: dict[Node, Value]) -> Value:
    if node in known:
        return known[node]
    with np.errstate(all="ignore"):
        return node.reference(*(_again(child, known) for child in node.inputs))


def check_replacement(node: Node) -> None:
    replacement = node.as_replacement()
    if replacement is None:
        return
    x, found = batch(node)
    missing = {cell_key(value) for value in replacement.missing}
    for i, row in enumerate(x):
        for j, cell in enumerate(row):
            expected = replacement.fill[j] if cell_key(cell) in missing else cell
            assert cell_key(found[i, j]) == cell_key(expected)
            assert not (replacement.rejects_nan and cell_key(cell) == cell_key(math.nan))


def check_passthrough(node: Node) -> None:
    for row in values(node) if node.passthrough else ():
        assert row[node] is row[node.inputs[0]]


ORACLES = [
    check_properties,
    check_monotone,
    check_affine,
    check_columnwise,
    check_selection,
    check_rows,
    check_simpler,
    check_replacement,
    check_passthrough,
]


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.__name__)
def test_claims_are_true(oracle: Any) -> None:
    for node in EXAMPLES:
        oracle(node)


def test_every_class_has_an_example() -> None:
    classes = {
        value
        for module in pkgutil.iter_modules(ir.__path__)
        for value in vars(importlib.import_module(f"pretzel.oven.ir.{module.name}")).values()
        if isinstance(value, type) and issubclass(value, Node) and value.op
    }
    assert classes - NO_VALUE == {type(node) for node in EXAMPLES}


def test_properties_without_checks_are_those_of_the_graph_without_checks() -> None:
    for node in EXAMPLES:
        unchecked = rewrite([node], lambda each: each.inputs[0] if each.passthrough else None)[node]
        assert node.properties(checks=False) == unchecked.properties()


def test_what_must_be_certain_is() -> None:
    """Oracles would be content with claims of nothing."""
    assert LEAF.properties() == UNKNOWN
    assert not CheckRange((LEAF,), "Any", low=np.zeros(3), high=np.full(3, math.inf)).properties().no_inf
    assert NARROW.properties().fits_float32
    assert SubDiv((CHECKED,), None, np.ones(3)).properties().finite
    assert not SubDiv((CHECKED,), None, np.array([1.0, 1.0, 0.5])).properties().finite
    assert Linear((ngrams(),), np.ones((3, 1)), np.zeros(1)).properties().finite
    assert Tfidf((ngrams(),), np.ones(3), "l2", True, False).properties().finite
    assert Tfidf((ngrams(),), NO_IDF, None, False, True).properties() == ValueProperties(1.0, 1.0, True, True)
    assert not Tfidf((hashed(signed=True),), NO_IDF, None, True, False).properties().finite  # logarithm of zero
    assert trees(LEAF).properties().finite
    assert codes(CELL_LEAF).properties() == ValueProperties(-1.0, 2.0, True, True)
    assert OneHot((codes(CELL_LEAF),), np.array([0, 2, 5], dtype=np.int32)).properties().non_negative


def test_deep_graphs_do_not_recurse() -> None:
    node: Node = CHECKED
    for i in range(5000):
        node = SubDiv((node,), np.full(3, float(i)), None)
    assert node.properties().no_nan


class Liar(Node):
    """Claims everything, and keeps nothing."""

    shift: Array

    op: ClassVar[str] = "test_liar/1"
    columnwise: ClassVar[bool] = True
    passthrough: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(WIDTH)

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        return np.sin(np.nan_to_num(x, posinf=9.0, neginf=9.0)).cumsum(axis=1) + self.shift + np.arange(len(x))[:, None]

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return ValueProperties(-1.0, 1.0, True, True)

    def monotone(self) -> Array | None:
        return np.ones(WIDTH, dtype=np.int8)

    def as_affine(self) -> Affine | None:
        return Affine(np.ones(WIDTH), np.zeros(WIDTH))

    def as_replacement(self) -> Replacement | None:
        return Replacement((math.nan,), (1.0,) * WIDTH)

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return Liar((x,), self.shift[columns])

    def simplify(self) -> Node:
        return self.inputs[0]


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda oracle: oracle.__name__)
def test_lies_are_found(oracle: Any) -> None:
    with pytest.raises((AssertionError, ValueError)):
        oracle(Liar((CHECKED,), np.array([1.0, 2.0, 3.5])))
