"""LightGBM's text format, versions 2 to 4, read without the library.

Trees are found by the lines ``Tree=``. The line ``tree_sizes``, which the library takes for offsets, is only counted,
so that line ends may have changed. What a file says is taken for nothing but data: numbers of entries are those of the
lines, and every index is checked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import ModelFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pretzel.oven.ir.graph import Array

MOST_OUTPUTS = 1 << 16
_END_OF_TREES = ("end of trees", "feature importances:", "feature_importances:", "parameters:", "pandas_categorical:")


@dataclass(frozen=True)
class LinearLeaves:
    """What the leaves of a linear tree compute: a constant and a sum over some columns."""

    constants: Array
    counts: Array  # of columns of each leaf
    columns: Array
    factors: Array


@dataclass(frozen=True)
class TextTree:
    """One tree: splits in one list, a child >= 0 is a split, < 0 the complement of a leaf."""

    feature: Array
    threshold: Array
    decision: Array
    left: Array
    right: Array
    values: Array
    set_bounds: Array
    set_words: Array
    linear: LinearLeaves | None = None


@dataclass(frozen=True, eq=False)
class LightGBMModel:
    """A booster as its text says it.

    Parameters
    ----------
    objective : str
        Empty for one that the caller has written.
    options : dict of str to str
        What stands behind the name of the objective; a word without a value is an option of value "".
    n_outputs : int
        Trees of one iteration.
    averages : bool
        The sums are divided by the number of iterations (random forests).
    feature_names : tuple of str
    categorical : tuple of int
        Columns that were trained as categories.
    pandas_categories : list of list, or None
        Categories of each column of a category dtype, in the order of these columns.
    trees : tuple of TextTree
    """

    objective: str
    options: dict[str, str]
    n_outputs: int
    averages: bool
    feature_names: tuple[str, ...]
    categorical: tuple[int, ...]
    pandas_categories: list[list[Any]] | None
    trees: tuple[TextTree, ...] = field(repr=False)

    @property
    def n_features_in_(self) -> int:
        """Number of columns."""
        return len(self.feature_names)


def is_model_text(head: bytes) -> bool:
    """Whether a file that begins with ``head`` is a booster in LightGBM's text format."""
    lines = [line.strip() for line in head.split(b"\n")[:2]]
    return len(lines) == 2 and lines[0] == b"tree" and lines[1].startswith(b"version=")


def read_model_text(text: str, name: str = "LightGBM model") -> LightGBMModel:
    """Read a booster.

    Parameters
    ----------
    text : str
    name : str
        Of the file, in messages.

    Raises
    ------
    ModelFileError
        The text is damaged, or is no booster.
    """
    try:
        return _read(text)
    except (KeyError, ValueError, OverflowError, RecursionError) as error:
        what = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise ModelFileError(f"{name}: damaged text of a LightGBM model: {what}") from error


def _read(text: str) -> LightGBMModel:
    lines = iter([line[:-1] if line.endswith("\r") else line for line in text.split("\n")])
    header, first = _block(lines, ("Tree=", *_END_OF_TREES))
    if header.get("tree", "") is not None:
        raise ValueError("it does not begin with the line 'tree'")
    version = header.get("version") or "none"
    if version not in ("v2", "v3", "v4"):
        raise ValueError(f"its version is {version:.20}, expected v2, v3 or v4")
    n_features = int(header["max_feature_idx"] or "") + 1
    names = tuple((header["feature_names"] or "").split(" ")) if n_features else ()
    if len(names) != n_features:
        raise ValueError(f"max_feature_idx is {n_features - 1}, and there are {len(names)} names")
    blocks = []
    while first.startswith("Tree="):
        block, first = _block(lines, ("Tree=", *_END_OF_TREES))
        blocks.append(block)
    sizes = header.get("tree_sizes")
    if (not first and sizes is None) or (sizes is not None and len(sizes.split()) != len(blocks)):
        raise ValueError(f"it ends after {len(blocks)} trees")
    n_outputs = int(header["num_tree_per_iteration"] or "")
    if not 1 <= n_outputs <= MOST_OUTPUTS or len(blocks) % n_outputs:
        raise ValueError(f"{len(blocks)} trees for {n_outputs} outputs")
    objective, *options = (header.get("objective") or "").split(" ")
    pairs = [option.partition(":") for option in options if option]
    used, pandas_categories = _trailer(lines, first, n_features)
    infos = (header.get("feature_infos") or "").split(" ")
    of_infos = [i for i, info in enumerate(infos[:n_features]) if info != "none" and not info.startswith("[")]
    return LightGBMModel(
        objective="" if objective in ("custom", "none") else objective,
        options={key: value for key, _, value in pairs},
        n_outputs=n_outputs,
        averages="average_output" in header,
        feature_names=names,
        categorical=tuple(sorted(used or of_infos)),
        pandas_categories=pandas_categories,
        trees=tuple(_tree(block, n_features, number) for number, block in enumerate(blocks)),
    )


def _block(lines: Iterator[str], ends: tuple[str, ...]) -> tuple[dict[str, str | None], str]:
    """``key=value`` lines, and the line behind them, empty at the end; a word alone has no value."""
    found: dict[str, str | None] = {}
    for line in lines:
        if line.startswith(ends):
            return found, line
        key, equals, value = line.partition("=")
        if key:
            found[key] = value if equals else None
    return found, ""


def _trailer(lines: Iterator[str], line: str, n_features: int) -> tuple[list[int], list[list[Any]] | None]:
    """Columns that the parameters of the training name as categories, and the categories of pandas."""
    columns: list[int] = []
    categories = None
    for each in (line, *lines):
        key, _, value = each.partition(":")
        if key == "[categorical_feature":
            found = value.strip().rstrip("]").split(",")
            columns = [int(column) for column in found if column.strip().isdigit()]
        if key == "pandas_categorical":
            categories = json.loads(value)
    if any(column >= n_features for column in columns):
        raise ValueError(f"categorical_feature names column {max(columns)} of {n_features}")
    if categories is not None and not (
        isinstance(categories, list)
        and all(isinstance(column, list) for column in categories)
        and all(isinstance(each, str | int | float | None) for column in categories for each in column)
    ):
        raise ValueError("pandas_categorical is no list of lists of values")
    return columns, categories


def _tree(block: dict[str, str | None], n_features: int, number: int) -> TextTree:
    try:
        return _checked(_parsed(block), n_features)
    except (KeyError, ValueError, OverflowError) as error:
        what = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"tree {number}: {what}") from error


def _parsed(block: dict[str, str | None]) -> TextTree:
    def numbers(key: str, kind: Callable[[str], Any] = int, *, optional: bool = False) -> Array:
        text = block.get(key) if optional else block[key]
        return np.array([kind(each) for each in (text or "").split()], dtype=np.float64 if kind is float else np.int64)

    values = numbers("leaf_value", float)
    is_split = len(values) > 1
    has_sets = int(block.get("num_cat") or "0") > 0
    linear = None
    if (block.get("is_linear") or "0") != "0":
        linear = LinearLeaves(
            numbers("leaf_const", float),
            numbers("num_features"),
            numbers("leaf_features", optional=True),
            numbers("leaf_coeff", float, optional=True),
        )
    return TextTree(
        numbers("split_feature", optional=not is_split),
        numbers("threshold", float, optional=not is_split),
        numbers("decision_type", optional=not is_split),
        numbers("left_child", optional=not is_split),
        numbers("right_child", optional=not is_split),
        values,
        numbers("cat_boundaries") if has_sets else np.zeros(1, dtype=np.int64),
        numbers("cat_threshold") if has_sets else np.zeros(0, dtype=np.int64),
        linear,
    )


def _checked(tree: TextTree, n_features: int) -> TextTree:
    n_leaves = len(tree.values)
    splits = (tree.feature, tree.threshold, tree.decision, tree.left, tree.right)
    if n_leaves < 1 or any(len(each) != n_leaves - 1 for each in splits):
        lengths = ", ".join(str(len(each)) for each in splits)
        raise ValueError(f"{n_leaves} leaves, and splits of {lengths} entries")
    if n_leaves == 1:
        return _with_linear(tree, n_features)
    children = np.concatenate([tree.left, tree.right])
    if children.max() >= n_leaves - 1 or children.min() < -n_leaves:
        raise ValueError("a child is neither a split nor a leaf")
    if tree.feature.min() < 0 or tree.feature.max() >= n_features:
        raise ValueError(f"splits on columns {tree.feature.min()} to {tree.feature.max()} of {n_features}")
    if tree.decision.min() < 0 or tree.decision.max() > 10 or ((tree.decision >> 2) & 3).max() > 2:
        raise ValueError("an unknown decision_type")
    is_set = tree.decision & 1 != 0
    if np.isnan(tree.threshold).any():
        raise ValueError("a threshold is NaN")
    sets = tree.threshold[is_set]
    bounds, words = tree.set_bounds, tree.set_words
    if sets.size and (sets.min() < 0 or sets.max() >= len(bounds) - 1 or (sets != np.floor(sets)).any()):
        raise ValueError("a split has no category set")
    if not len(bounds) or bounds[0] != 0 or (np.diff(bounds) < 0).any() or bounds[-1] != len(words):
        raise ValueError("cat_boundaries that do not divide cat_threshold")
    if words.size and (words.min() < 0 or words.max() > 0xFFFFFFFF):
        raise ValueError("cat_threshold beyond 32 bits")
    return _with_linear(tree, n_features)


def _with_linear(tree: TextTree, n_features: int) -> TextTree:
    linear = tree.linear
    if linear is None:
        return tree
    n = len(tree.values)
    if len(linear.constants) != n or len(linear.counts) != n or linear.counts.min() < 0:
        raise ValueError("leaf_const or num_features of another length")
    total = sum(linear.counts.tolist())
    if len(linear.columns) != total or len(linear.factors) != total:
        raise ValueError("leaf_features or leaf_coeff of another length")
    if total and (linear.columns.min() < 0 or linear.columns.max() >= n_features):
        raise ValueError("leaf_features beyond the columns")
    return tree
