"""Exceptions for native errors, with the names of model, step, row and column."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pretzel._native import enumerations
from pretzel.errors import InputTypeError, InputValueError, KernelError
from pretzel.program import LeafKind
from pretzel.runtime.input.messages import LeftRow, UnknownLabel, column_name

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec
    from pretzel.program import Program

_STATUS = enumerations()["Status"]  # names by number
_VALUE_FAULTS = {
    "not_a_number": "NaN, which the source estimator rejects",
    "infinite": "infinity or a value too large for the source estimator",
    "beyond_limits": "a number beyond the range in which the source estimator answers",
    "no_neighbors": "a row without neighbours in the radius, for which the source estimator has no outlier_label",
    "repeated": "a feature twice, which the steps of the source estimator add up or not",
    "unknown_category": "a category that was not seen when the encoder was fitted",
    "lone_surrogate": "a lone surrogate, which cannot be encoded as UTF-8",
}
_EXPECTED = {
    "category_codes": "a number",
    "city_hash": "a text or a number",
    "date_texts": "the text of a date in the form of the training, or None where it is missing",
    "dict_features": "an item in the form of the training",
    "hashed_features": "an item in the form of the training",
    "label_sets": "an iterable of labels",
}  # where a value is of a wrong type, by kernel; the others read texts
_OF_ONE_COLUMN = {"calendar", "date_texts"}
"""Kernels that make several columns of one column of the request."""

_LEFT = {
    "undecided": "rounding decides which stored rows are nearest",
    "tied": "stored rows are equally far, and NumPy's order of them decides",
}


def raise_error(
    program: Program, spec: InputSpec | None, model: str, status: int, step: int, row: int, column: int
) -> NoReturn:
    """Raise the exception for a status of the native executor.

    Parameters
    ----------
    program : Program
    spec : InputSpec or None
        None while tracing, outside of any model.
    model : str
    status : int
        ``pretzel::Status``.
    step, row, column : int
        Where it stopped: the call of the program, the row, and the column of the call's input.

    Raises
    ------
    InputValueError, InputTypeError, KernelError
    LeftRow
        The estimator itself decides.
    UnknownLabel
    """
    call, connection = program.calls[step], program.steps[step]
    where = f"{model or 'model'}: {connection.origin or call.kernel} ({call.label}): row {row}"
    name, kernels = _column_name(program, spec, connection.inputs[0], column)
    if name:
        where += f", column {name}"
    what = _STATUS[status]
    if what == "wrong_type":
        expected = _EXPECTED.get(call.kernel, "a text")
        raise InputTypeError(f"{where} holds a value that this step cannot read: expected {expected}")
    if what == "pandas_na":
        raise InputTypeError(
            f"{where} holds pandas.NA, which only the source estimator itself answers: "
            "expected a value, or None or NaN where it is missing"
        )
    if what == "infinite" and call.kernel == "check_range":
        what = "beyond_limits"
    if what == "not_a_number" and _is_encoded(program, connection.inputs[0]):
        raise InputValueError(f"{where} holds a value that an encoder does not know, and makes NaN of")
    if what == "not_a_number" and "date_texts" in kernels:
        raise InputValueError(
            f"{where} holds no text of a date in the form of the training, which the source estimator needs"
        )
    if what in _VALUE_FAULTS:
        raise InputValueError(f"{where} holds {_VALUE_FAULTS[what]}")
    if what == "unknown_label":
        raise UnknownLabel(f"{where} holds a label that is no class")
    if what in _LEFT:
        raise LeftRow(model or "model", f"requests such as this one ({where}: {_LEFT[what]})")
    if what == "out_of_range":
        raise KernelError(f"{where}: an earlier step computed a code or class that this step does not know")
    raise KernelError(f"{where}: the kernel stopped with status {what!r}")


def _is_encoded(program: Program, value: int) -> bool:
    """Whether a value is the codes of an encoder, which are NaN for cells that are none."""
    made = next((i for i, step in enumerate(program.steps) if step.output == value), -1)
    return made >= 0 and program.calls[made].kernel == "category_codes"


def _column_name(program: Program, spec: InputSpec | None, value: int, column: int) -> tuple[str, set[str]]:
    """Name of the column of the request that this column of a value came from, else its number in the value.

    Returns
    -------
    name : str
    kernels : set of str
        What has made the column of the value of that of the request.
    """
    if column < 0:
        return "", set()
    made_by = {step.output: i for i, step in enumerate(program.steps)}
    at, position = value, column
    kernels: set[str] = set()
    while at >= len(program.leaves):
        if parts := program.values[at].parts:
            at, position = _part_of(program, parts, position)
            continue
        call, at = program.calls[made_by[at]], program.steps[made_by[at]].inputs[0]
        kernels.add(call.kernel)
        if not call.columnwise:
            if call.kernel not in _OF_ONE_COLUMN and (call.kernel != "impute_cells" or program.values[at].width != 1):
                return f"{column} of the step's input", kernels
            position = 0
    leaf = program.leaves[at]
    if leaf.kind is LeafKind.DATES:
        position = 0
    if leaf.source == 0 and position < len(leaf.columns):
        return column_name(spec, leaf.columns[position]), kernels
    return f"{column} of the step's input", kernels


def _part_of(program: Program, parts: tuple[int, ...], column: int) -> tuple[int, int]:
    """The part of a concatenation that holds a column, and the position of the column in that part."""
    for part in parts:
        if column < program.values[part].width:
            return part, column
        column -= program.values[part].width
    raise IndexError("a concatenation has fewer columns")
