"""Adapters of `sklearn.impute`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.missing import columns_of_request
from pretzel.oven.frontends.registry import Unsupported, adapter, adapter_for
from pretzel.oven.frontends.sklearn._common import INTEGERS, dense_only, finite_floats, floats, rounds_float32
from pretzel.oven.frontends.sklearn._nearest import by_distance
from pretzel.oven.frontends.sklearn.compat import output_container
from pretzel.oven.frontends.sklearn.compat.preprocessing import (
    bounds,
    counts_rows_nowhere,
    fill_dtype,
    fitted_dtype,
    fitted_holes,
    keeps_empty_columns,
)
from pretzel.oven.frontends.sklearn.linear_model import bayesian, regressor
from pretzel.oven.ir._cells import CellValue, is_nan, is_pandas_missing, pack
from pretzel.oven.ir.graph import Array, Methods, Node, Output, toposort
from pretzel.oven.ir.impute import Impute, ImputeCells, MissingMask
from pretzel.oven.ir.iterative_impute import IterativeImpute
from pretzel.oven.ir.knn_impute import KNNImpute
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.polynomial import product_of
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.subplan import Branch
from pretzel.schema import Follows, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.frontends.importer import Importer


@adapter("sklearn.impute.SimpleImputer")
def simple_imputer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Numbers or cells, whichever the imputer was fitted on."""
    dense_only(x, estimator)
    _check_indicator(estimator)
    statistics = estimator.statistics_
    if keeps_empty_columns(estimator):
        columns = tuple(range(len(statistics)))
    else:
        columns = tuple(j for j, value in enumerate(statistics) if not is_nan(value))
    fill = statistics[list(columns)].astype(fill_dtype(estimator))
    if not columns:
        raise Unsupported("SimpleImputer that drops every column")
    if fitted_dtype(estimator).kind == "O":
        return _impute_cells(estimator, importer.cells(x), columns, fill)
    missing = _missing_number(estimator.missing_values)
    x = importer.finite(importer.dense(x), estimator, allow_nan=math.isnan(missing))
    if isinstance(estimator.missing_values, np.floating) and not math.isnan(missing):
        importer.exclude(x, ["float32"], "a missing value of another precision than the rows")
    kept = x if len(columns) == len(statistics) else importer.select(x, columns)
    keeps = estimator.strategy in ("most_frequent", "constant")
    if keeps and any(column is not None for column in columns_of_request(kept)):
        importer.exclude(kept, ["object"], "objects, in which None is not missing")
    if keeps and kept.schema().dtype.follows is Follows.REQUEST:
        checked = estimator.strategy == "constant"
        refused = ["bool", *(dtype for dtype in INTEGERS if not _holds(dtype, fill, checked=checked))]
        importer.exclude(kept, refused, "numbers that cannot hold the constants")
    imputed = Impute((kept,), fill.astype(np.float64), missing, keeps)
    if estimator.indicator_ is None or not len(estimator.indicator_.features_):
        return imputed
    mask = MissingMask((x,), _indicated(estimator.indicator_, len(statistics)), missing)
    return importer.concat([imputed, mask])


def _holds(dtype: str, fill: Array, *, checked: bool) -> bool:
    """Whether integers of a dtype hold the constants, and are not rejected because of those' dtype."""
    if checked and not np.can_cast(fill.dtype, dtype, casting="same_kind"):
        return False
    with np.errstate(invalid="ignore"):
        return np.array_equal(fill.astype(dtype).astype(np.float64), fill.astype(np.float64))


def _impute_cells(estimator: Any, x: Node, columns: tuple[int, ...], fill: Array) -> Node:
    if estimator.indicator_ is not None:
        raise Unsupported("SimpleImputer(add_indicator=True) over texts")
    if output_container(estimator) not in ("", "default"):
        raise Unsupported("SimpleImputer over texts that makes frames, in which a None that it keeps is another value")
    value = estimator.missing_values
    is_na = is_pandas_missing(value, "NAType")
    missing: tuple[CellValue, ...] = (None, math.nan) if is_na else (cell_value(value),)
    constants = pack(cell_value(value) for value in fill)
    return ImputeCells((x,), columns, missing, *constants, reject_nan=not is_na and not is_nan(value), na=is_na)


@adapter("sklearn.impute.IterativeImputer")
def iterative_imputer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Rounds of regressions of each column on the others."""
    dense_only(x, estimator)
    if estimator.sample_posterior:
        raise Unsupported("IterativeImputer(sample_posterior=True)")
    if estimator.keep_empty_features or not is_nan(estimator.missing_values):
        raise Unsupported("IterativeImputer with another missing value than NaN, or that keeps empty columns")
    fill = finite_floats(np.asarray(estimator.initial_imputer_.statistics_, dtype=np.float64))
    checked = importer.finite(importer.dense(x), estimator, allow_nan=True)
    importer.exclude(checked, ["float32", "float16"], "imputations that are rounded in each round")
    steps = estimator.imputation_sequence_ if estimator.n_iter_ else []
    if all(adapter_for(step.estimator) in (regressor, bayesian) for step in steps):
        imputed = _rounds_of_linear_models(estimator, checked, fill, steps)
    else:
        imputed = _rounds(estimator, checked, fill, steps, importer)
    if estimator.indicator_ is None or not len(estimator.indicator_.features_):
        return imputed
    return importer.concat([imputed, MissingMask((checked,), _indicated(estimator.indicator_, len(fill)))])


def _rounds_of_linear_models(estimator: Any, x: Node, fill: Array, steps: Sequence[Any]) -> Node:
    """All rounds in one kernel."""
    low, high = bounds(estimator)
    columns = np.array([step.feat_idx for step in steps], dtype=np.int32)
    weights, bias = np.zeros((len(steps), len(fill))), np.zeros(len(steps))
    for i, step in enumerate(steps):
        weights[i, step.neighbor_feat_idx] = finite_floats(step.estimator.coef_)
        bias[i] = float(step.estimator.intercept_)
    return IterativeImpute((x,), fill, columns, weights, bias, low[columns], high[columns])


def _rounds(estimator: Any, x: Node, fill: Array, steps: Sequence[Any], importer: Importer) -> Node:
    """Rounds of any regressors: each answers for the rows that lack its column, unless they lack all columns."""
    low, high = bounds(estimator)
    width = len(fill)
    filled = importer.note(Impute((x,), fill))
    missing = importer.note(MissingMask((x,), tuple(range(width))))
    columns = [importer.select(filled, (at,)) for at in range(width)]
    for i, step in enumerate(steps):
        at = int(step.feat_idx)
        others = importer.concat([columns[int(each)] for each in step.neighbor_feat_idx])
        lacks = importer.select(missing, (at,))
        nothing = np.zeros(others.schema().width)
        # What a regressor rejects, it must not see of a row that it is not asked about: several may share a check.
        read = Branch((lacks, importer.note(MulAdd((others,), nothing, nothing)), others))
        answer = importer.answer(step.estimator, "predict", importer.note(read), name=f"step {i}", width=1)
        if any(isinstance(node, Opaque) for node in toposort([answer.node])):
            raise Unsupported(f"IterativeImputer(estimator={type(step.estimator).__name__}(...)), which is not native")
        if answer.labels is not None or answer.ndim != 1:
            raise Unsupported("IterativeImputer over an estimator that predicts no numbers")
        within = importer.note(MulAdd((answer.node,), np.ones(1), np.zeros(1), float(low[at]), float(high[at])))
        columns[at] = importer.note(Branch((lacks, columns[at], within)))
    is_empty = importer.note(product_of(missing))
    return Branch((is_empty, importer.concat(columns), filled))


@adapter("sklearn.impute.KNNImputer")
def knn_imputer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Means of the nearest rows of the fit in which a column is present."""
    dense_only(x, estimator)
    _check_indicator(estimator)
    if estimator.metric != "nan_euclidean":
        raise Unsupported("KNNImputer with a function for a metric")
    weighted = by_distance(estimator)
    missing = _missing_number(estimator.missing_values)
    rows, mask, valid = fitted_holes(estimator)
    if counts_rows_nowhere(estimator, mask):
        raise Unsupported("uniform weights in this release, which count rows without a common column")
    kept = tuple(range(len(valid))) if estimator.keep_empty_features else tuple(map(int, np.flatnonzero(valid)))
    if not kept:
        raise Unsupported("KNNImputer that drops every column")
    means = [
        float(np.ma.array(rows[:, j], mask=mask[:, j]).mean()) if valid[j] else math.nan for j in range(len(valid))
    ]
    checked = importer.finite(importer.dense(x), estimator, allow_nan=math.isnan(missing))
    importer.exclude(checked, ["float16"], "imputations that are rounded to float16")
    if rows.dtype == np.float32:
        if checked.schema().dtype.is_float32 and not rounds_float32(checked):
            raise Unsupported("distances in float32")
        importer.exclude(checked, ["float32"], "distances in float32")
    if not math.isnan(missing) and (
        float(np.float32(missing)) != missing or isinstance(estimator.missing_values, np.floating)
    ):
        importer.exclude(checked, ["float32"], "a missing value of another precision than the rows")
    stored = np.where(mask, np.nan, floats(rows))
    imputed = KNNImpute((checked,), stored, np.array(means), kept, missing, int(estimator.n_neighbors), weighted)
    if estimator.indicator_ is None or not len(estimator.indicator_.features_):
        return imputed
    return importer.concat([imputed, MissingMask((checked,), _indicated(estimator.indicator_, len(valid)), missing)])


@adapter("sklearn.impute.MissingIndicator")
def missing_indicator(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Indicators of numeric columns."""
    if estimator.sparse is True:
        raise Unsupported("MissingIndicator(sparse=True)")
    missing = _missing_number(estimator.missing_values)
    source = importer.numeric(x)
    importer.exclude(source, ["bool", "object"], "indicators of values that are no numbers")
    if source.schema().kind is not Kind.DENSE or not len(estimator.features_):
        raise Unsupported("MissingIndicator over sparse rows, or with nothing to indicate")
    source = importer.finite(source, estimator, allow_nan=math.isnan(missing))
    only = estimator.features == "missing-only"
    columns = _indicated(estimator, source.schema().width)
    return {"transform": Output(MissingMask((source,), columns, missing, only and estimator.error_on_new))}


def _check_indicator(estimator: Any) -> None:
    if bool(estimator.add_indicator) != (estimator.indicator_ is not None):
        raise ValueError(
            f"add_indicator is {estimator.add_indicator!r:.40} where indicator_ is {estimator.indicator_!r:.80}"
        )


def _indicated(indicator: Any, width: int) -> tuple[int, ...]:
    """Columns that a `MissingIndicator` shows. scikit-learn does not look at them where it shows all."""
    columns = tuple(map(int, indicator.features_))
    if list(columns) != sorted(set(columns)) or (indicator.features == "all" and len(columns) != width):
        raise ValueError(f"features_ do not ascend, or are not all: {columns}")
    return columns


def _missing_number(value: Any) -> float:
    number = cell_value(value)
    if not isinstance(number, float):
        raise Unsupported(f"{value!r} as the missing value of numbers")
    return number
