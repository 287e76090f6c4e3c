"""Private attributes of encoders, imputers, scalers and vectorizers, and what their answers depend on."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.sklearn.compat import since

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array


def infrequent_codes(encoder: Any, column: int) -> list[int] | None:
    """Codes of the categories of a column where infrequent ones are coded as one, else None."""
    mapping = encoder._default_to_infrequent_mappings[column] if encoder._infrequent_enabled else None
    return None if mapping is None else [int(code) for code in mapping]


def infrequent_code(encoder: Any, column: int) -> int | None:
    """Code of the infrequent categories of a column, None where it has none."""
    if not encoder._infrequent_enabled or encoder._infrequent_indices[column] is None:
        return None
    return int(encoder._default_to_infrequent_mappings[column][encoder._infrequent_indices[column][0]])


def unknown_is_infrequent(encoder: Any) -> bool:
    """Whether an `OneHotEncoder` codes unknown categories as infrequent ones; with "warn" it does since 1.8."""
    asked = encoder.handle_unknown
    return bool(asked == "infrequent_if_exist" or (asked == "warn" and since("1.8")))


def dropped_codes(encoder: Any) -> list[int | None]:
    """Code that a `OneHotEncoder` drops in each column, None where it drops nothing."""
    dropped = encoder._drop_idx_after_grouping
    if dropped is None:
        return [None] * len(encoder.categories_)
    return [None if code is None else int(code) for code in dropped]


def one_hot_widths(encoder: Any) -> list[int]:
    """Columns that a `OneHotEncoder` makes of each column."""
    return [int(n) for n in encoder._n_features_outs]


def frequent_categories(encoder: Any, column: int) -> Array:
    """Categories of a column that are coded each for itself."""
    categories: Array = encoder.categories_[column]
    indices = getattr(encoder, "_infrequent_indices", None)
    return categories if indices is None or indices[column] is None else np.delete(categories, indices[column])


def one_hot_categories(encoder: Any, column: int) -> tuple[Array, Array]:
    """What the columns that a `OneHotEncoder` makes of a column stand for; the same with what it has dropped."""
    every = encoder._compute_transformed_categories(column, remove_dropped=False)
    return encoder._remove_dropped_categories(every, column), every


def takes_zeros_for_unknown(encoder: Any, column: int) -> bool:
    """Whether a row of zeros stands for an unknown category in the inverse of a `OneHotEncoder`, and not for an error.

    Some releases forget ``handle_unknown="warn"`` there.
    """
    if encoder.handle_unknown == "ignore":
        return True
    constants = type(encoder).inverse_transform.__code__.co_consts
    knows_warn = any("warn" in each for each in constants if isinstance(each, tuple))
    is_asked = encoder.handle_unknown in ("infrequent_if_exist", *(["warn"] if knows_warn else []))
    return is_asked and infrequent_code(encoder, column) is None


def missing_category(encoder: Any, column: int) -> int | None:
    """Position of the missing value among the categories of a column of an `OrdinalEncoder`.

    Raises
    ------
    ValueError
        Another category stands there.
    """
    found = encoder._missing_indices.get(column)
    if found is None:
        return None
    missing = [i for i, value in enumerate(encoder.categories_[column]) if value is None or value != value]
    if found not in missing:
        raise ValueError(f"_missing_indices names category {found!r:.40} of column {column}, expected one of {missing}")
    return int(found)


def fitted_dtype(imputer: Any) -> np.dtype[Any]:
    """dtype of the table that a `SimpleImputer` was fitted on."""
    found: np.dtype[Any] = imputer._fit_dtype
    return found


def fill_dtype(imputer: Any) -> np.dtype[Any]:
    """dtype of the values that a `SimpleImputer` fills in; before 1.8 it assigns them to the table."""
    found: np.dtype[Any] = np.dtype(imputer._fill_dtype if since("1.8") else imputer._fit_dtype)
    return found


def keeps_empty_columns(imputer: Any) -> bool:
    """Whether a `SimpleImputer` keeps columns without a value to fill in; before 1.8 one with a constant does."""
    return bool(imputer.keep_empty_features) or (imputer.strategy == "constant" and not since("1.8"))


def clips(scaler: Any) -> bool:
    """Whether a `MaxAbsScaler` clips its result, which it can since 1.8."""
    return since("1.8") and bool(scaler.clip)


def raises_to_powers() -> bool:
    """Whether Yeo-Johnson is computed with powers; since 1.9 it is SciPy's function, whose small values are exact."""
    return not since("1.9")


def undoes_box_cox_by_powers() -> bool:
    """Whether the inverse of Box-Cox is computed with powers, as it is written, and not by SciPy's function."""
    from sklearn.preprocessing import PowerTransformer

    return hasattr(PowerTransformer, "_box_cox_inverse_tranform")


def casts_scaler_parameters() -> bool:
    """Whether a `StandardScaler` rounds its parameters to the dtype of narrower rows before it computes."""
    return since("1.8")


def scaler_behind_powers(transformer: Any) -> Any:
    """The fitted `StandardScaler` of a `PowerTransformer` that standardizes."""
    return transformer._scaler


def degrees(features: Any) -> tuple[int, int]:
    """Lowest and highest degree of a `PolynomialFeatures`."""
    return int(features._min_degree), int(features._max_degree)


def full_width(features: Any) -> int:
    """Columns that a `PolynomialFeatures` computes before it drops low degrees."""
    return int(features._n_out_full)


# -- text ------------------------------------------------------------------------------------------------------------


def vocabulary(vectorizer: Any) -> Mapping[Any, int]:
    """Terms of a vectorizer and their columns, whether fitted or given."""
    vectorizer = copy.copy(vectorizer)  # the check stores a given vocabulary on the estimator
    vectorizer._check_vocabulary()
    found: Mapping[Any, int] = vectorizer.vocabulary_
    return found


def tfidf_of(vectorizer: Any) -> Any:
    """The `TfidfTransformer` inside a `TfidfVectorizer`."""
    return vectorizer._tfidf


def bounds(imputer: Any) -> tuple[Array, Array]:
    """The least and the greatest value of each column that an `IterativeImputer` makes."""
    return np.asarray(imputer._min_value, dtype=np.float64), np.asarray(imputer._max_value, dtype=np.float64)


def bins_are_sparse(discretizer: Any) -> bool:
    """Whether the encoder in a `KBinsDiscretizer` makes sparse rows."""
    return bool(discretizer._encoder.sparse_output)


def counts_rows_nowhere(imputer: Any, mask: Array) -> bool:
    """Whether uniform weights of a `KNNImputer` count rows that have no column in common with the one that is asked.

    scikit-learn before 1.6 counts them, where there are fewer others than neighbours.
    """
    return not since("1.6") and imputer.weights in ("uniform", None) and bool(mask.any())


def fitted_holes(imputer: Any) -> tuple[Array, Array, Array]:
    """Rows of a `KNNImputer`, what is missing in them, and the columns in which something is not."""
    rows, mask, valid = imputer._fit_X, imputer._mask_fit_X, imputer._valid_mask
    if rows.shape != mask.shape or not np.array_equal(valid, ~mask.all(axis=0)):
        raise ValueError(f"_mask_fit_X of shape {mask.shape} does not fit to _fit_X of shape {rows.shape}")
    return rows, mask, valid
