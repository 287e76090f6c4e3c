"""From tensors to what a model takes: a frame of columns, a matrix, or documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputKeyError, InputShapeError, InputTypeError
from pretzel.input_spec import InputKind
from pretzel.runtime.input.sent import category_columns, known_missing
from pretzel.serving.tensors import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.input_spec import InputSpec
    from pretzel.serving.tensors import Tensor


def as_request(spec: InputSpec, tensors: Sequence[Tensor], model: str) -> Any:
    """What a model is asked.

    Raises
    ------
    InputKeyError, InputShapeError, InputTypeError
    """
    if spec.names is not None and not _is_matrix(spec, tensors):
        return _named(spec, spec.names, tensors, model)
    if len(tensors) != 1:
        names = ", ".join(shown(tensor.name) for tensor in tensors[:10])
        raise InputKeyError(f"{model}: expected one tensor, got {len(tensors)}: {names}")
    (tensor,) = tensors
    if spec.labels or (tensor.datatype == "BYTES" and spec.kind in (InputKind.TEXT, InputKind.ANY)):
        _rows(tensor, model)
        return tensor.values
    if spec.kind is InputKind.ITEMS:
        raise InputTypeError(f"{model}: its items are no tensors: send them as JSON to /models/NAME/predict")
    if spec.kind is InputKind.TEXT:
        raise InputTypeError(f"{model}: tensor {shown(tensor.name)}: expected documents, BYTES, got {tensor.datatype}")
    return _matrix(spec, tensor, model)


def _is_matrix(spec: InputSpec, tensors: Sequence[Tensor]) -> bool:
    """Whether a request for a model with named columns has all of them in one tensor, in the order of the fit."""
    return (
        len(tensors) == 1
        and len(tensors[0].shape) == 2
        and tensors[0].shape[1] == spec.width > 1
        and tensors[0].name not in (spec.names or ())
    )


def _rows(tensor: Tensor, model: str) -> int:
    """Rows of a tensor with one value for each."""
    if len(tensor.shape) == 1 or (len(tensor.shape) == 2 and tensor.shape[1] == 1):
        return tensor.shape[0]
    raise InputShapeError(
        f"{model}: tensor {shown(tensor.name)}: expected shape [n] or [n, 1], got {list(tensor.shape)}"
    )


def _named(spec: InputSpec, names: Sequence[str], tensors: Sequence[Tensor], model: str) -> Any:
    given = {tensor.name: tensor for tensor in tensors}
    unknown = [name for name in given if name not in names]
    missing = [names[i] for i in spec.required if names[i] not in given]
    if unknown or missing:
        problems = [f"{what} {_listed(found)}" for what, found in (("missing", missing), ("unknown", unknown)) if found]
        raise InputKeyError(f"{model}: tensors {' and '.join(problems)}. Expected one for each of {_listed(names)}")
    sizes = {tensor.name: _rows(tensor, model) for tensor in tensors}
    if len({*sizes.values()}) > 1:
        (first, n), (other, m) = next(
            ((a, b) for a, b in zip(sizes.items(), [*sizes.items()][1:], strict=False) if a[1] != b[1])
        )
        raise InputShapeError(f"{model}: tensor {shown(first)} has {n} rows, and tensor {shown(other)} has {m}")
    columns = {name: given[name].values for name in names if name in given}
    return _frame(spec, columns)


def _frame(spec: InputSpec, columns: dict[str, Any]) -> Any:
    """A frame; rows as dicts where pandas is not installed, in which numbers have no dtype."""
    try:
        import pandas
    except ImportError:
        lists = [column if isinstance(column, list) else column.tolist() for column in columns.values()]
        return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]
    positions = {name: position for position, name in enumerate(spec.names or ())}
    frame = pandas.DataFrame(
        {name: _values(spec, positions[name], column) for name, column in columns.items()}, copy=False
    )
    coded = category_columns(spec)
    categories = [name for name in columns if positions[name] in coded]
    return frame.astype(dict.fromkeys(categories, "category")) if categories else frame


def _values(spec: InputSpec, position: int, column: Any) -> Any:
    """A column of a frame; texts stay objects, among which pandas would make None to NaN."""
    import pandas

    if isinstance(column, np.ndarray) and column.dtype != object:
        return column
    return pandas.Series(known_missing(spec, position, list(column)), dtype=object)


def _matrix(spec: InputSpec, tensor: Tensor, model: str) -> Any:
    shape = (*tensor.shape, 1) if len(tensor.shape) == 1 and spec.width == 1 else tensor.shape
    if len(shape) != 2 or (spec.width and shape[1] != spec.width):
        width = spec.width or "columns"
        raise InputShapeError(
            f"{model}: tensor {shown(tensor.name)}: expected shape [n, {width}], got {list(tensor.shape)}"
        )
    values = np.array(tensor.values, dtype=object) if isinstance(tensor.values, list) else tensor.values
    matrix = values.reshape(shape)
    if spec.names is None:
        return matrix
    return _frame(spec, {name: matrix[:, i] for i, name in enumerate(spec.names)})


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - 20} more" if len(names) > 20 else ""
    return ", ".join(map(shown, names[:20])) + more
