"""Native stops to exceptions that name model, stage, row and column."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from pretzel.errors import InputTypeError, InputValueError, KernelError

if TYPE_CHECKING:
    from pretzel.plan import InputSpec, Program

_VALUE_FAULTS = {
    1: "NaN, which the source estimator refuses",
    2: "infinity or a value too large for the source estimator",
    3: "a category that was not seen when the encoder was fitted",
    7: "a lone surrogate, which cannot be encoded as UTF-8",
}
_WRONG_TYPE = 4
_COLUMN_BY_COLUMN = ("impute", "sub_div", "mul_add")  # kernels that leave every column in its place


def raise_fault(
    program: Program, spec: InputSpec | None, model: str, status: int, step: int, row: int, column: int
) -> NoReturn:
    """Raise what a status of the native executor stands for.

    Parameters
    ----------
    program : Program
    spec : InputSpec or None
        None when no model is concerned (tracing).
    model : str
    status : int
        ``pretzel::Status``.
    step, row, column : int
        Where it stopped; the column counts in the input of that step.

    Raises
    ------
    InputValueError, InputTypeError, KernelError
    """
    call, wire = program.calls[step], program.wires[step]
    where = f"{model or 'model'}: {wire.origin or call.kernel} ({call.label}): row {row}"
    name = _column_name(program, spec, wire.inputs, column)
    if name:
        where += f", column {name}"
    if status == _WRONG_TYPE:
        raise InputTypeError(f"{where} holds a value of a type that this step cannot take")
    if status in _VALUE_FAULTS:
        raise InputValueError(f"{where} holds {_VALUE_FAULTS[status]}")
    raise KernelError(f"{where}: the kernel stopped with status {status}")


def _column_name(program: Program, spec: InputSpec | None, inputs: tuple[int, ...], column: int) -> str:
    """Name of the column of the request that the column came from, else its number in the step's input."""
    if column < 0:
        return ""
    writers = {wire.output: i for i, wire in enumerate(program.wires) if wire.output >= 0}
    slot = inputs[0]
    while slot in writers and program.calls[writers[slot]].kernel in _COLUMN_BY_COLUMN:
        slot = program.wires[writers[slot]].inputs[0]
    for leaf in program.leaves:
        if leaf.slot == slot and leaf.source == 0 and column < len(leaf.columns):
            return column_name(spec, leaf.columns[column])
    return f"{column} of the step's input"


def column_name(spec: InputSpec | None, position: int) -> str:
    """How messages call a column of the request."""
    if spec is not None and spec.names is not None and position < len(spec.names):  # opaque steps may make more
        return repr(spec.names[position])
    return str(position)
