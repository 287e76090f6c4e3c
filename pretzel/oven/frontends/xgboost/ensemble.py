"""The trees of an XGBoost model as nodes: margins and leaf numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.forms import TwoForms
from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.frontends.trees import Tree, join
from pretzel.oven.frontends.xgboost.objectives import base_margin
from pretzel.oven.ir.columns import Raw, SparseLeaf, is_sparse
from pretzel.oven.ir.concat import DensifyMissing
from pretzel.oven.ir.encode import REJECT_UNKNOWN, category_codes
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import LinearFloat32
from pretzel.oven.ir.scale import ToFloat32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.frontends.trees import Splits
    from pretzel.oven.frontends.xgboost.model import BoostedTree, Category, Model
    from pretzel.oven.ir.graph import Array, Node

MOST_WORDS = 1 << 26
"""Words of 32 categories in all sets together at most."""

_NOTHING = Tree(*(np.array([number]) for number in (0, 0.0, -1, -1, 0)))
"""One leaf."""


class Columns:
    """The columns of a request as numbers, NaN where a value is missing.

    Parameters
    ----------
    model : Model
    x : Node
        The request.
    importer : Importer
    estimator : fitted estimator
        Named in errors.
    missing : float
        What means that a value is missing, besides NaN.
    """

    def __init__(self, model: Model, x: Node, importer: Importer, estimator: Any, missing: float) -> None:
        self.place: Array | None = None  # of each column, where columns with categories stand before the others
        self._importer, self._estimator = importer, estimator
        self._missing, self._width = missing, model.n_features
        read = x.native if isinstance(x, TwoForms) else x
        as_codes = isinstance(read, Raw | SparseLeaf) and not read.inputs  # a request is coded when it is read
        if model.categories and not math.isnan(missing):
            raise Unsupported("a missing value of its own beside categories")
        if lost := model.lost_categories:
            raise Unsupported(lost)
        self._x = self._coded(model, x) if model.categories and not as_codes else self._numbers(x)

    def node(self, *, is_matrix: bool) -> Node:
        """The columns; ``is_matrix``: as a `DMatrix` takes them, which rejects infinity unless that means missing."""
        x = self._x
        if is_matrix and self._missing != math.inf:
            x = self._importer.finite(x, self._estimator, allow_nan=True, float32=True)
        if math.isnan(self._missing):
            return x
        return Impute((ToFloat32((x,)),), np.full(self._width, np.nan), float(np.float32(self._missing)))

    def _numbers(self, x: Node) -> Node:
        x = self._importer.numeric(x)
        return self._importer.note(DensifyMissing((x,))) if is_sparse(x) else self._importer.dense(x)

    def _coded(self, model: Model, x: Node) -> Node:
        """Codes that the frame of the fit gave to the categories of what a step has made, then the other columns."""
        importer, known = self._importer, model.categories
        coded = [i for i, each in enumerate(known) if each is not None]
        plain = [i for i, each in enumerate(known) if each is None]
        self.place = np.argsort(coded + plain)
        parts = [_codes(importer.cells(importer.select(x, tuple(coded))), [known[i] or () for i in coded])]
        return importer.concat(parts + ([importer.dense(importer.select(x, tuple(plain)))] if plain else []))


class Ensemble:
    """The first rounds of a model, over one input.

    Parameters
    ----------
    model : Model
    columns : Columns
    n_rounds : int or None
        Rounds that count; None: all.
    in_place : bool
        Margins are those of ``inplace_predict``, which adds the trees of ``dart`` in another way, else of a `DMatrix`.
    """

    def __init__(self, model: Model, columns: Columns, *, n_rounds: int | None, in_place: bool) -> None:
        self._model = model
        self._columns = columns
        self._in_place = in_place and model.booster != "gblinear"
        rounds = model.rounds
        last = len(rounds) - 1 if n_rounds is None else min(n_rounds, len(rounds) - 1)
        self.trees: tuple[BoostedTree, ...] = model.trees[: int(rounds[last]) if len(rounds) else 0]

    def margin(self) -> Node:
        """The sums of leaves, from the base margin on."""
        model = self._model
        base = base_margin(model.objective, model.base_score)
        x = self._columns.node(is_matrix=not self._in_place)
        if model.booster == "gblinear":  # has the base of the first output everywhere
            return LinearFloat32((x,), model.weights[:-1], model.weights[-1] + base[0])
        if len({each.values.shape[1] for each in self.trees}) > 1:
            raise ValueError("trees with leaves of different widths")
        splits, categories = self._splits()
        values = [
            self._added(number, each.values[leaves], base)
            for number, (each, leaves) in enumerate(zip(self.trees, splits.leaf_nodes, strict=False))
        ]
        return splits.ensemble(
            x,
            float32=True,
            values=np.concatenate(values) if values else np.zeros((1, 1), dtype=np.float32),
            columns=model.groups[: len(values)] if values else np.zeros(1, dtype=np.int64),
            base=base,
            categories=categories,
            outside="left",
            dtype="float32",
            sums="float32",
        )

    def _added(self, number: int, leaves: Array, base: Array) -> Array:
        """What the leaves of a tree add to the margin."""
        if self._model.booster != "dart":
            return leaves
        first = self._model.groups[number]
        start = base[first : first + leaves.shape[1]]
        added: Array = (((start + leaves) - start) if self._in_place else leaves) * self._model.weights[number]
        return added

    def leaf_numbers(self) -> Output:
        """The number in the file of the leaf reached in each tree; a vector where there is one tree."""
        splits, categories = self._splits()
        numbers = [each.nodes[leaves] for each, leaves in zip(self.trees, splits.leaf_nodes, strict=False)]
        if not numbers:
            raise Unsupported("leaves of no trees")
        reached = splits.per_tree(
            self._columns.node(is_matrix=True),
            numbers,
            float32=True,
            categories=categories,
            outside="left",
            dtype="float32",
        )
        return Output(reached, ndim=1 if len(numbers) == 1 else 2)

    def _splits(self) -> tuple[Splits, Array | None]:
        """The splits of all trees, and the categories that go left at the categorical ones."""
        trees: list[Tree] = []
        known: dict[bytes, int] = {}
        sets: list[Array] = []
        for each in self.trees:
            numbers = []
            for right in each.right:
                numbers.append(known.setdefault(right.tobytes(), len(known)))
                sets += [right] if len(known) > len(sets) else []
            assert each.tree.category_set is not None
            trees.append(replace(each.tree, category_set=np.array([*numbers, -1])[each.tree.category_set]))
        splits = join(trees or [_NOTHING], "trees")
        place = self._columns.place
        if place is not None:
            splits = replace(splits, feature=place[splits.feature].astype(np.int32))
        return splits, _all_but(sets) if sets else None


def _all_but(sets: Sequence[Array]) -> Array:
    """Sets of categories as bits, of all categories but these."""
    n_words = max(int(each.max(initial=0)) for each in sets) // 32 + 1
    if n_words * len(sets) > MOST_WORDS:
        raise Unsupported(f"{len(sets)} sets of up to {32 * n_words} categories")
    words = np.full((len(sets), n_words), 0xFFFFFFFF, dtype=np.uint32)
    for row, each in zip(words, sets, strict=True):
        np.bitwise_and.at(row, each // 32, ~(np.uint32(1) << (each % 32).astype(np.uint32)))
    return words


def _codes(x: Node, categories: Sequence[Sequence[Category]]) -> Node:
    """The codes that the frame of the fit gave to categories; others are rejected, missing ones are missing."""
    return category_codes(
        x,
        [[*map(cell_value, column), None, math.nan] for column in categories],
        [[*map(float, range(len(column))), math.nan, math.nan] for column in categories],
        [math.nan] * len(categories),
        reject=REJECT_UNKNOWN,
    )
