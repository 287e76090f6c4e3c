"""What an XGBoost model says, read from the text of its file (JSON or UBJSON) without XGBoost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import ModelFileError
from pretzel.oven.frontends.trees import Tree
from pretzel.oven.frontends.xgboost import ubjson

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array

Category = str | float

MOST_COLUMNS = 1 << 26
MOST_GROUPS = 1 << 20
"""Columns and outputs of a model at most; a number beyond is no model's."""


@dataclass(frozen=True)
class BoostedTree:
    """One tree without the nodes that pruning has deleted.

    Parameters
    ----------
    tree : Tree
        Its thresholds are the largest float32 that go left.
    nodes : ndarray of int64
        Number of each node in the file.
    values : ndarray of float32, shape (n_nodes, width)
        What leaves add; not read elsewhere.
    right : tuple of ndarray
        For each split, in the order of `tree.category_set`, the categories that go right.
    """

    tree: Tree
    nodes: Array
    values: Array
    right: tuple[Array, ...]


@dataclass(frozen=True, eq=False)
class Model:
    """A model file.

    Parameters
    ----------
    booster : {"gbtree", "dart", "gblinear"}
    objective : str
    n_features, n_groups : int
        Columns, and outputs before the objective's link.
    base_score : ndarray of float32, shape (n_groups,)
        As the file says it, before the objective makes a margin of it.
    trees : tuple of BoostedTree
    groups : ndarray of int64
        First output that each tree adds to.
    rounds : ndarray of int64
        Trees of round i are ``rounds[i]:rounds[i + 1]``.
    weights : ndarray of float32
        ``dart``: of each tree. ``gblinear``: of each column and the constant, for each output.
    best_iteration : int or None
    feature_names : tuple of str
        Empty where the model was trained without names.
    feature_types : tuple of str
        ``"c"`` for categories; empty where nothing is said.
    categories : tuple of (tuple of str or float) or None
        Categories of each column, None for one without; empty where the model was trained without such frames.
    """

    booster: str
    objective: str
    n_features: int
    n_groups: int
    base_score: Array
    trees: tuple[BoostedTree, ...]
    groups: Array
    rounds: Array
    weights: Array
    best_iteration: int | None
    feature_names: tuple[str, ...]
    feature_types: tuple[str, ...]
    categories: tuple[tuple[Category, ...] | None, ...]

    @property
    def keeps_categories(self) -> bool:
        """Whether all categories of the frame of the fit are known."""
        return not self.lost_categories

    @property
    def lost_categories(self) -> str:
        """Which categories of the frame of the fit are not known, empty for none.

        Releases before 3.1 write none. Those that are not ASCII are cut, because their lengths are counted in
        characters; so are those behind them.
        """
        if not self.categories:
            lost = self.feature_names and "c" in self.feature_types
            return "category dtypes of pandas of which the model does not hold the categories" if lost else ""
        for column, known in enumerate(self.categories):
            if any(isinstance(each, str) and not each.isascii() for each in known or ()):
                name = repr(self.feature_names[column]) if self.feature_names else column
                return f"categories of column {name:.60} that are not ASCII: XGBoost cuts the names that it writes"
        return ""


def is_model(head: bytes) -> bool:
    """Whether a file may be a model, from its first bytes."""
    return head.lstrip()[:1] == b"{" and b"learner" in head


def is_ubjson(data: bytes) -> bool:
    """Whether the text of a model file is UBJSON: its first name begins with a length, not with a quotation mark."""
    return data[:1] == b"{" and data[1:2] in (b"L", b"l", b"I", b"i", b"U", b"$", b"#")


def read_model(data: bytes) -> Model:
    """The model that a file holds.

    Raises
    ------
    ModelFileError
        It is no model of XGBoost, or contradicts itself.
    """
    try:
        text = ubjson.loads(data) if is_ubjson(data) else json.loads(data)
        return _model(text)
    except KeyError as error:
        raise ModelFileError(f"the XGBoost model cannot be read: it has no {error}") from error
    except (ValueError, TypeError, IndexError, OverflowError, RecursionError, AttributeError) as error:
        raise ModelFileError(f"the XGBoost model cannot be read: {error}") from error


def _model(text: Mapping[str, Any]) -> Model:
    learner = text["learner"]
    shape, booster = learner["learner_model_param"], learner["gradient_booster"]
    name = booster["name"]
    if name not in ("gbtree", "dart", "gblinear"):
        raise ValueError(f"a booster of type {name!r}")
    n_features = _count(shape["num_feature"], MOST_COLUMNS)
    n_groups = max(_count(shape["num_class"], MOST_GROUPS), _count(shape.get("num_target", "1"), MOST_GROUPS), 1)
    names = tuple(learner.get("feature_names") or ())
    if not all(isinstance(each, str) for each in names) or len(names) not in (0, n_features):
        raise ValueError(f"names of {len(names)} features for {n_features} columns")
    best = learner.get("attributes", {}).get("best_iteration")
    trees: tuple[BoostedTree, ...] = ()
    groups = rounds = np.zeros(0, dtype=np.int64)
    categories: tuple[tuple[Category, ...] | None, ...] = ()
    if name == "gblinear":
        weights = _floats(booster["model"]["weights"])
        if weights.shape != ((n_features + 1) * n_groups,):
            raise ValueError(f"{weights.size} weights for {n_features} columns and {n_groups} outputs")
        weights = weights.reshape(-1, n_groups)
    else:
        weights = _floats(booster["weight_drop"]) if name == "dart" else np.zeros(0, dtype=np.float32)
        model = (booster["gbtree"] if name == "dart" else booster)["model"]
        trees = tuple(_tree(each, n_features) for each in model["trees"])
        groups = _integers(model["tree_info"])
        rounds = _rounds(model, trees, n_groups)
        widths = np.array([each.values.shape[1] for each in trees], dtype=np.int64)
        if groups.shape != (len(trees),) or (groups < 0).any() or (groups + widths > n_groups).any():
            raise ValueError(f"trees do not add to outputs 0 to {n_groups - 1}")
        if name == "dart" and weights.shape != (len(trees),):
            raise ValueError(f"{weights.size} weights of {len(trees)} trees")
        categories = _categories(model.get("cats") or {}, n_features)
    return Model(
        name,
        str(learner["objective"]["name"]),
        n_features,
        n_groups,
        _base_score(shape["base_score"], n_groups),
        trees,
        groups,
        rounds,
        weights,
        None if best is None else _count(best, 1 << 31),
        names,
        tuple(map(str, learner.get("feature_types") or ())),
        categories,
    )


def _rounds(model: Mapping[str, Any], trees: tuple[BoostedTree, ...], n_groups: int) -> Array:
    """The first tree of each round, and the number of all; files of older releases do not say it."""
    found = model.get("iteration_indptr")
    if found is None:
        parallel = _count(model["gbtree_model_param"].get("num_parallel_tree", "1"), len(trees) + 1)
        step = max(parallel, 1) * (1 if trees and trees[0].values.shape[1] > 1 else n_groups)
        return np.append(np.arange(0, len(trees), step), len(trees))
    rounds = _integers(found)
    if not rounds.size or rounds[0] != 0 or rounds[-1] != len(trees) or (np.diff(rounds) < 0).any():
        raise ValueError("rounds do not divide the trees")
    return rounds


def _tree(text: Mapping[str, Any], n_features: int) -> BoostedTree:
    left, right = _integers(text["left_children"]), _integers(text["right_children"])
    feature, conditions = _integers(text["split_indices"]), _floats(text["split_conditions"])
    default_left = _integers(text["default_left"])
    kinds = _integers(text["split_type"]) if text.get("split_type") is not None else np.zeros(len(left), dtype=np.int64)
    arrays = (left, right, feature, conditions, default_left, kinds)
    if {each.shape for each in arrays} != {left.shape} or left.ndim != 1 or not left.size:
        raise ValueError("arrays of the nodes of a tree differ in length, or are empty")
    nodes = _reachable(left, right)
    is_leaf, is_categorical = left[nodes] < 0, (left[nodes] >= 0) & (kinds[nodes] != 0)
    place = np.full(len(left), -1)
    place[nodes] = np.arange(len(nodes))
    width = _count(text["tree_param"].get("size_leaf_vector", "1"), MOST_GROUPS)
    if width > 1:
        leaves = _floats(text["leaf_weights"]).reshape(-1, width)
        of_leaf = right[nodes[is_leaf]]
        if of_leaf.min() < 0 or of_leaf.max() >= len(leaves):
            raise ValueError("a leaf of a tree has no weights")
        values = np.zeros((len(nodes), width), dtype=np.float32)
        values[is_leaf] = leaves[of_leaf]
    else:
        values = conditions[nodes][:, None]
    feature = np.where(is_leaf, 0, feature[nodes])
    if feature.min() < 0 or feature.max() >= max(n_features, 1):
        raise ValueError(f"a tree splits on column {feature.max()} of {n_features}")
    threshold, missing_left = conditions[nodes], default_left[nodes] != 0
    if np.isnan(threshold[~is_leaf & ~is_categorical]).any():
        raise ValueError("a threshold is NaN")
    below, above = place[left[nodes]], place[right[nodes] * ~is_leaf]
    # Nothing is below minus infinity: all numbers go to what is left then.
    nothing = (threshold == -np.inf) & ~is_leaf & ~is_categorical
    below, above = np.where(nothing, above, below), np.where(nothing, below, above)
    with np.errstate(over="ignore", under="ignore"):
        largest = np.where(nothing, np.inf, np.nextafter(threshold, np.float32(-np.inf)).astype(np.float64))
    return BoostedTree(
        Tree(
            feature,
            np.where(is_leaf | is_categorical, 0.0, largest),
            np.where(is_leaf, -1, below),
            np.where(is_leaf, -1, above),
            missing_left ^ nothing,
            np.where(is_categorical, np.cumsum(is_categorical) - 1, -1),
        ),
        nodes,
        values,
        _sets(text, nodes[is_categorical]),
    )


def _reachable(left: Array, right: Array) -> Array:
    """Numbers of the nodes below the root, the root among them, in ascending order."""
    levels, found = [np.zeros(1, dtype=np.int64)], 1
    while True:
        splits = levels[-1][left[levels[-1]] >= 0]
        if not splits.size:
            return np.sort(np.concatenate(levels))
        below = np.concatenate([left[splits], right[splits]])
        found += len(below)
        if below.min() < 0 or below.max() >= len(left) or found > len(left):
            raise ValueError("the nodes of a tree do not form a tree")
        levels.append(below)


def _sets(text: Mapping[str, Any], nodes: Array) -> tuple[Array, ...]:
    """The categories that go right at each of ``nodes``."""
    if not nodes.size:
        return ()
    categories, starts = _integers(text["categories"]), _integers(text["categories_segments"])
    sizes = _integers(text["categories_sizes"])
    known = {int(node): i for i, node in enumerate(_integers(text["categories_nodes"]))}
    found = []
    for node in nodes:
        i = known[int(node)]
        each = categories[int(starts[i]) : int(starts[i]) + int(sizes[i])]
        if starts[i] < 0 or len(each) != sizes[i] or (each < 0).any() or (each >= 1 << 24).any():
            raise ValueError(f"the categories of node {node} of a tree")
        found.append(each)
    return tuple(found)


def _categories(cats: Mapping[str, Any], n_features: int) -> tuple[tuple[Category, ...] | None, ...]:
    """The categories of each column; empty where no column has any."""
    encoded = cats.get("enc") or []
    if len(encoded) not in (0, n_features):
        raise ValueError(f"categories of {len(encoded)} columns for {n_features}")
    found = tuple(map(_values, encoded))
    return found if any(each is not None for each in found) else ()


def _values(each: Mapping[str, Any]) -> tuple[Category, ...] | None:
    if "offsets" not in each:
        return tuple(map(float, np.asarray(each["values"]).tolist()))
    offsets = _integers(each["offsets"])
    if not offsets.size:
        return None
    text = _integers(each["values"]).astype(np.int8).tobytes()
    if (np.diff(offsets) < 0).any() or offsets[0] < 0 or offsets[-1] > len(text):
        raise ValueError("offsets of categories do not ascend")
    pieces = [text[a:b] for a, b in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)]
    return tuple(piece.decode("utf-8", "surrogateescape") for piece in pieces)


def _base_score(text: Any, n_groups: int) -> Array:
    """A list of one number for each output, one for all, or a single number, as a text."""
    found = _floats(np.atleast_1d(json.loads(text) if isinstance(text, str) else text))
    if found.shape not in ((1,), (n_groups,)):
        raise ValueError(f"{found.size} base scores of {n_groups} outputs")
    return np.broadcast_to(found, (n_groups,)).copy()


def _count(text: Any, most: int) -> int:
    found = int(text)
    if not 0 <= found <= most:
        raise ValueError(f"a number of {found}, expected 0 to {most}")
    return found


def _integers(values: Any) -> Array:
    return _numbers(values, "iub").astype(np.int64)


def _floats(values: Any) -> Array:
    with np.errstate(over="ignore"):
        return _numbers(values, "fiub").astype(np.float32)


def _numbers(values: Any, kinds: str) -> Array:
    found = np.asarray(values)
    if found.size and found.dtype.kind not in kinds:
        raise ValueError(f"numbers are expected, got {values!r:.40}")
    return found
