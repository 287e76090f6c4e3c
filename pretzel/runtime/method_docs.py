"""Documentation of the methods of plans and handles, as ``help(plan.predict)`` shows it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pretzel.schema import INVERSE, Follows, Kind

if TYPE_CHECKING:
    from pretzel.plan import MethodPlan

_RESULTS = {  # what a method returns, and the name of the dimension of its columns
    "predict": ("Prediction", "n_outputs"),
    "predict_proba": ("Probability of each class", "n_classes"),
    "predict_log_proba": ("Logarithm of the probability of each class", "n_classes"),
    "predict_joint_log_proba": ("Unnormalized log probability of each class", "n_classes"),
    "decision_function": ("Decision score of each class", "n_classes"),
    "score_samples": ("Score", "n_columns"),
    "transform": ("Transformed values", "n_features_out"),
    "apply": ("Index of the leaf of each tree", "n_trees"),
    INVERSE: ("Values as they were before ``transform``", "n_features_in"),
}
_TABLE = """X : table or documents
    A DataFrame (pandas, polars, pyarrow), 2-D array, SciPy sparse matrix, or list of dicts, tuples or lists, with
    the columns of the fit. For models of text: any iterable of str. For models of dicts of features, of pairs or of
    tokens: any iterable of such items."""
_TRANSFORMED = """X : table
    What ``transform`` returns: a 2-D array, or another table of as many columns."""
_ROW = """row : dict, tuple, list, 1-D array or str
    The values of all columns, as a dict by their names. For models of text: a str. For models of items: an item."""
_ERRORS = """InputShapeError
    The number of columns or values is wrong{or_empty}.
InputKeyError
    Columns or keys are missing, unknown or misspelt; the message suggests names.
InputTypeError
    A value, or the request itself, has a type that the model does not take.
InputValueError
    A value that the estimator rejects, too, such as NaN; the message names row and column.
KernelError
    The model itself is broken."""


def document(method: str, plan: MethodPlan | None, one: bool) -> str:
    """Numpydoc text for a method.

    Parameters
    ----------
    method : str
        ``"predict"``, ``"transform"``, ...
    plan : MethodPlan or None
        How results are presented; None if it is not known.
    one : bool
        Whether the text is for the form that takes a single row.
    """
    if plan is None or plan.program is None:
        return _document(method, one, "unknown" if plan is None else "opaque")
    sparse = plan.program.values[plan.program.output].kind is Kind.SPARSE
    kind = "sparse" if sparse else "labels" if plan.labels is not None else "list" if plan.list_of else "dense"
    keeps_float32 = plan.dtype.is_float32 and plan.dtype.follows is not Follows.NOTHING
    return _document(method, one, kind, plan.ndim, plan.dtype.dtype_for("float64").name, keeps_float32)


@lru_cache
def _document(
    method: str, one: bool, kind: str, ndim: int = 2, dtype: str = "float64", keeps_float32: bool = False
) -> str:
    result, columns = _RESULTS.get(method, (f"``{method}``", "n_columns"))
    table = _TRANSFORMED if method == INVERSE else _TABLE
    sections = {
        "Parameters": _ROW if one else table,
        "Returns": _returns(columns, one, kind, ndim, dtype, keeps_float32 and not one),
        "Raises": _ERRORS.format(or_empty="" if one else ", or there are no rows"),
    }
    summary = f"{result} for one row." if one else f"{method}(X)\n\n{result} for every row of a table."
    return "\n\n".join([summary, *(f"{name}\n{'-' * len(name)}\n{text}" for name, text in sections.items())])


def _returns(columns: str, one: bool, kind: str, ndim: int, dtype: str, keeps_float32: bool) -> str:
    shape = f"({columns},)" if one else "(n_rows,)" if ndim == 1 else f"(n_rows, {columns})"
    if kind in ("opaque", "unknown"):
        source = "The estimator's result" if kind == "opaque" else "The result of the current version"
        return f"result\n    {source}" + (" for a table of this row, without the dimension of rows." if one else ".")
    if kind == "sparse":
        return f"rows : scipy.sparse.csr_matrix of {dtype}, shape ({'1' if one else 'n_rows'}, {columns})"
    if one and ndim == 1 and kind == "labels":
        return "label : str, int, float or bool\n    The class or the number of the cluster, as a Python object."
    if one and ndim == 1:
        return f"value : {'float' if dtype.startswith('float') else 'int'}"
    if kind == "labels":
        note = "Classes, with the dtype of ``classes_``, or numbers of clusters; the inverse of an encoder: categories."
        return f"labels : ndarray of shape {shape}\n    {note}"
    if kind == "list":
        return f"results : list of ndarray of {dtype}, each of shape {shape}\n    One for each output."
    return f"values : ndarray of {dtype}, shape {shape}" + ("\n    float32 for a float32 table." * keeps_float32)
