"""What a CatBoost model says, read from the text of its JSON file without CatBoost."""

from __future__ import annotations

import itertools
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CompileError
from pretzel.oven.frontends.catboost.categories import Categories
from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.frontends.trees import Tree, join
from pretzel.oven.ir.city_hash import CityHash
from pretzel.oven.ir.oblivious_trees import MOST_BORDERS, ObliviousTrees

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node

DEEPEST, MOST_COLUMNS = 16, 1 << 26
SEVERAL_TARGETS = frozenset(
    {"MultiLogloss", "MultiCrossEntropy", "MultiRMSE", "MultiRMSEWithMissingValues", "PythonUserDefinedMultiTarget"}
)


@dataclass(frozen=True)
class Column:
    """A column of numbers.

    Parameters
    ----------
    position : int
        Of the column among all columns of the request.
    nan_exceeds : bool
        Whether NaN exceeds all borders; else it exceeds none.
    """

    position: int
    nan_exceeds: bool


@dataclass(frozen=True)
class Model:
    """A model file.

    Parameters
    ----------
    loss : str
        Name of the loss function, without its parameters.
    classes : tuple
        Labels by number; empty for a regressor.
    n_features : int
    names : tuple of str
        Of all columns; empty where the model was trained on an array.
    n_outputs : int
    columns : tuple of Column
        Those of numbers, by their number among these.
    categories : Categories
        Columns of categories, and what is known of them.
    trees : tuple of dict
        As the file has them.
    is_oblivious : bool
        Whether all nodes of one depth share a split.
    scale : float
    bias : ndarray of float64, shape (n_outputs,)
    threshold : float or None
        Probability above which the second class is predicted, where the user has set it.
    lost : str
        What has its own tables of statistics, where a JSON file gives several tables one name; else empty.
    """

    loss: str
    classes: tuple[Any, ...]
    n_features: int
    names: tuple[str, ...]
    n_outputs: int
    columns: tuple[Column, ...]
    categories: Categories
    trees: tuple[Mapping[str, Any], ...]
    is_oblivious: bool
    scale: float
    bias: Array
    threshold: float | None
    lost: str

    def sums(self, x: Node, importer: Importer) -> Node:
        """The sum of the leaves of all trees, without scale and bias."""
        compared = [self._compared(split) for tree in self.trees for split in _splits(tree)]
        features = sorted({feature for feature, _ in compared if feature >= len(self.columns)})
        positions = tuple(column.position for column in self.columns)
        parts = [importer.dense(importer.select(x, positions))] if positions else []
        if self.categories.positions:  # also where no tree asks for them: what is no category is rejected
            cells = importer.cells(importer.select(x, self.categories.positions))
            hashes = importer.note(CityHash((cells,)))
            numbers = [each - len(positions) for each in features]
            if self.lost and any(map(self.categories.is_of_target, numbers)):
                raise Unsupported(f"statistics of {self.lost}, of which a JSON file keeps only some")
            both = importer.concat([*parts, hashes])
            parts.append(importer.note(self.categories.statistics(both, numbers)) if numbers else hashes)
        x = importer.concat(parts)
        place = {feature: len(self.columns) + i for i, feature in enumerate(features)}
        splits = iter([(place.get(feature, feature), border) for feature, border in compared])
        return self._oblivious(x, list(splits)) if self.is_oblivious else self._others(x, splits)

    def _oblivious(self, x: Node, splits: list[tuple[int, float]]) -> ObliviousTrees:
        depths = [len(tree.get("splits") or ()) for tree in self.trees]
        if max(depths, default=0) > DEEPEST:
            raise ValueError(f"a tree of depth {max(depths)}")
        borders: dict[int, list[float]] = {}
        for column, border in splits:
            borders.setdefault(column, []).append(border)
        feature: list[int] = []
        starts = [0]
        values: list[Array] = []
        place: dict[int, tuple[Array, int]] = {}  # borders of a column, and the first feature that has them
        for column, found in borders.items():
            ascending = np.unique(np.array(found, dtype=np.float32))
            place[column] = ascending, len(feature)
            for first in range(0, len(ascending), MOST_BORDERS):
                values.append(ascending[first : first + MOST_BORDERS])
                starts.append(starts[-1] + len(values[-1]))
                feature.append(column)
        at = [(int(np.searchsorted(place[column][0], border)), place[column][1]) for column, border in splits]
        return ObliviousTrees(
            (x,),
            feature=np.array(feature, dtype=np.int32),
            nan_exceeds=np.array([self._nan_exceeds(column) for column in feature], dtype=np.uint8),
            first_border=np.array(starts, dtype=np.int32),
            borders=np.concatenate([*values, np.zeros(0, dtype=np.float32)]).astype(np.float32),
            split_feature=np.array([first + border // MOST_BORDERS for border, first in at], dtype=np.int32),
            split_code=np.array([border % MOST_BORDERS for border, _ in at], dtype=np.uint8),
            depths=np.array(depths, dtype=np.uint8),
            values=self._leaves([tree["leaf_values"] for tree in self.trees], [1 << depth for depth in depths]),
        )

    def _leaves(self, values: Sequence[Any], counts: Sequence[int]) -> Array:
        """Values of the leaves of all trees, one row for each leaf."""
        found = [np.array(each, dtype=np.float64).reshape(-1, self.n_outputs) for each in values]
        if [len(each) for each in found] != list(counts):
            raise ValueError("a tree has another number of leaves than its splits say")
        return np.concatenate([np.zeros((0, self.n_outputs)), *found])

    def _nan_exceeds(self, column: int) -> bool:
        return column < len(self.columns) and self.columns[column].nan_exceeds

    def _compared(self, split: Mapping[str, Any]) -> tuple[int, float]:
        """Number of the feature that a split compares, those of categories after the columns, and its border."""
        if split["split_type"] != "FloatFeature":
            feature, border = self.categories.compared(split)
            return len(self.columns) + feature, border
        column = split["float_feature_index"]
        if not 0 <= column < len(self.columns):
            raise ValueError(f"a split on column {column} of {len(self.columns)}")
        border = float(np.float32(split["border"]))
        if math.isnan(border):
            raise ValueError("a border is NaN")
        return column, border

    def _others(self, x: Node, splits: Iterator[tuple[int, float]]) -> Node:
        """Trees in which every node has its own split."""
        trees, leaves = [], []
        for text in self.trees:
            nodes = list(_nodes(text))
            trees.append(self._tree(nodes, splits))
            leaves.append([each["value"] for each, *_ in nodes if "value" in each])
        joined = join(trees, "trees")
        rows = self._leaves(leaves, [len(each) for each in leaves])
        first = np.concatenate([[0], np.cumsum([len(each) for each in leaves])])
        order = []
        for number, (tree, nodes_of_leaves) in enumerate(zip(trees, joined.leaf_nodes, strict=True)):
            rank = np.cumsum(tree.left < 0) - 1
            order.append(first[number] + rank[nodes_of_leaves])
        return joined.ensemble(x, float32=True, values=rows[np.concatenate(order)])

    def _tree(self, nodes: list[tuple[Mapping[str, Any], int, int]], splits: Iterator[tuple[int, float]]) -> Tree:
        feature, threshold, missing_left = (np.zeros(len(nodes)) for _ in range(3))
        left, right = (np.array([each[side] for each in nodes]) for side in (1, 2))
        for at, (_, below, _) in enumerate(nodes):
            if below >= 0:
                column, threshold[at] = next(splits)
                feature[at] = column
                missing_left[at] = not self._nan_exceeds(column)
        return Tree(feature.astype(np.int64), threshold, left, right, missing_left)


def _splits(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Splits of a tree: by depth, or by node, level by level."""
    if "splits" in tree or "leaf_values" in tree:
        yield from tree.get("splits") or ()
        return
    yield from (node["split"] for node, below, _ in _nodes(tree) if below >= 0)


def _nodes(tree: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], int, int]]:
    """Nodes of a tree, the root first, with the numbers of their children, -1 for leaves."""
    level, number = [tree], 1
    while level:
        following: list[Mapping[str, Any]] = []
        for node in level:
            if "value" in node:
                yield node, -1, -1
                continue
            yield node, number, number + 1
            number += 2
            following += [node["left"], node["right"]]
        level = following


def read_model(data: bytes | str) -> Model:
    """The model that a JSON file holds.

    Raises
    ------
    CompileError
        It is no model of CatBoost, or contradicts itself.
    """
    try:
        return _model(json.loads(data))
    except KeyError as error:
        raise CompileError(f"the CatBoost model cannot be read: it has no {error}") from error
    except (ValueError, TypeError, IndexError, OverflowError, RecursionError, AttributeError) as error:
        raise CompileError(f"the CatBoost model cannot be read: {error}") from error


def _model(text: Mapping[str, Any]) -> Model:
    features, info = text["features_info"], text["model_info"]
    if features.get("text_features") or features.get("embedding_features"):
        raise ValueError("features of texts or embeddings")
    numbers = features.get("float_features") or []
    everything = [*numbers, *(features.get("categorical_features") or [])]
    n_features = 1 + max((int(each["flat_feature_index"]) for each in everything), default=-1)
    if not 0 <= n_features <= MOST_COLUMNS:
        raise ValueError(f"{n_features} columns")
    scale, bias = text["scale_and_bias"]
    oblivious = "oblivious_trees" in text
    parameters = info.get("params") or {}
    classes = info.get("class_params") or {}
    bias = np.atleast_1d(np.array(bias, dtype=np.float64))
    n_outputs = len(bias)
    threshold = info.get("binclass_probability_threshold")
    return Model(
        loss=str((parameters.get("loss_function") or {}).get("type", "")),
        classes=tuple(classes.get("class_names") or classes.get("class_to_label") or ()),
        n_features=n_features,
        names=_names(everything, n_features),
        n_outputs=n_outputs,
        columns=tuple(
            Column(int(each["flat_feature_index"]), each.get("nan_value_treatment") == "AsTrue") for each in numbers
        ),
        categories=Categories.read(text),
        trees=tuple(text["oblivious_trees" if oblivious else "trees"]),
        is_oblivious=oblivious,
        scale=float(scale),
        bias=bias,
        threshold=None if threshold is None else float(threshold),
        lost=_lost(info),
    )


def _lost(info: Mapping[str, Any]) -> str:
    """What shares one table of statistics in a file, although the model has several; see `Model`."""
    parameters = info.get("params")
    if parameters is None and any(str(key).startswith("model0:") for key in info):
        return "summed models"
    parameters = parameters or {}
    if (parameters.get("loss_function") or {}).get("type") in SEVERAL_TARGETS:
        return "several targets"
    described = parameters.get("cat_feature_params") or {}
    per_feature = (described.get("per_feature_ctrs") or {}).values()
    kinds = [described.get("simple_ctrs"), described.get("combinations_ctrs"), *per_feature]
    counts: dict[str, set[Any]] = {}
    for each in itertools.chain.from_iterable(kind or () for kind in kinds):
        counts.setdefault(each["ctr_type"], set()).add((each.get("target_binarization") or {}).get("border_count"))
    return "several numbers of target borders" if any(len(each) > 1 for each in counts.values()) else ""


def _names(features: Sequence[Mapping[str, Any]], n_features: int) -> tuple[str, ...]:
    """Names of the columns; a model of an array calls them by their positions, or not at all."""
    names = {each["flat_feature_index"]: each.get("feature_id") or str(each["flat_feature_index"]) for each in features}
    found = tuple(str(names.get(i, i)) for i in range(n_features))
    return () if found == tuple(map(str, range(n_features))) else found


def is_json(head: bytes) -> bool:
    """Whether a file begins like a JSON model."""
    return head[:1] == b"{" and any(key in head for key in (b'"ctr_data"', b'"features_info"'))
