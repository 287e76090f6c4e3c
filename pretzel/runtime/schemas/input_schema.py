"""`Plan.input_schema`: the columns of a request, and the results of the methods."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pretzel.errors import CorruptStoreError
from pretzel.input_spec import InputKind
from pretzel.packed import COLUMNS
from pretzel.program import LeafKind
from pretzel.schema import FOUND, INVERSE, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import numpy.typing as npt
    import pyarrow as pa
    from pydantic import BaseModel

    from pretzel.input_spec import InputSpec
    from pretzel.plan import MethodPlan
    from pretzel.runtime.model import Plan

ColumnKind = Literal["number", "category", "text", "date", "any"]
Category = str | int | float
_UNKNOWN = {"kind": "any", "dtype": "object", "nullable": None, "rejects_unknown": False, "categories": None}


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a request.

    Parameters
    ----------
    name : str or None
        None: the source was fitted without names.
    position : int
    kind : {"number", "category", "text", "date", "any"}
        ``"any"``: only a step without a native form reads it, or none, and then it may be passed on.
    dtype : {"float64", "int64", "str", "datetime64[us]", "object"}
        What its values are, missing ones aside. Dates of a row may be texts of ISO 8601, too; those that were texts in
        the training are ``"str"``, in the format of the training.
    required : bool
        Requests must have the column.
    nullable : bool or None
        A value may be missing: None, or NaN. None: no step with a native form says.
    categories : tuple of str, int or float, or None
        Values that the fit has seen, where there are at most 1,000.
    rejects_unknown : bool
        Other values are rejected.
    float32 : bool
        A step reads the numbers as float32, and rejects those that are infinite there.
    format : str, optional
        That of texts which are dates, as `strptime` has it, such as ``"%Y-%m-%d"``; others are missing dates.
    """

    name: str | None
    position: int
    kind: ColumnKind
    dtype: str = "object"
    required: bool = True
    nullable: bool | None = None
    categories: tuple[Category, ...] | None = None
    rejects_unknown: bool = False
    float32: bool = False
    format: str | None = None

    @property
    def is_read(self) -> bool:
        """Whether a step may read it. Any other column may hold anything, and may be left out if it has a name."""
        return self.required or self.kind != "any"


@dataclass(frozen=True, slots=True)
class Output:
    """The result of a method.

    Parameters
    ----------
    method : str
    shape : tuple of (int or None), or None
        None in place of a number: as many as rows. None as a whole: only a step without a native form knows.
    dtype : str or None
        Name of the NumPy dtype for a request of float64.
    labels : tuple of ndarray, optional
        What each column is an index of.
    sparse : bool
        It is sparse rows.
    parts : tuple of int, optional
        It is a list of arrays, of so many columns each: one for each output of the source. Or a pair: distances of rows
        that were found, and their numbers.
    """

    method: str
    shape: tuple[int | None, ...] | None
    dtype: str | None
    labels: tuple[npt.NDArray[Any], ...] | None = None
    sparse: bool = False
    parts: tuple[int, ...] | None = None

    @property
    def parts_and_dtypes(self) -> list[tuple[int, str | None]]:
        """The columns and the dtype of each part."""
        dtypes = [self.dtype] * len(self.parts or ())
        if self.method in FOUND:
            dtypes[1:] = ["int64"] * len(dtypes[1:])
        return list(zip(self.parts or (), dtypes, strict=True))


@dataclass(frozen=True, slots=True)
class InputSchema:
    """What a plan takes, column by column, and what its methods answer.

    Parameters
    ----------
    model : str
    kind : {"table", "text", "items", "any"}
        Rows of columns, one document or item for each row, or whatever the first step takes.
    columns : tuple of Column
        In the order of the fit; one for documents and items.
    others_allowed : bool
        Named columns may come in another order, and among others, which are ignored.
    outputs : mapping of str to Output
        By method, of those that take such requests.
    form : {"", "named", "dict", "pair", "string", "label set", "label", "text label", "whole label", "code"}
        What an item is: a dict of features of a DictVectorizer, the ``input_type`` of a FeatureHasher, or one of
        `pretzel.program.LABEL_FORMS`. Empty where there are none, or of several forms.
    any_order : bool
        Named columns may come in another order.
    inverse : InputSchema, optional
        What ``inverse_transform`` takes and answers, where it is compiled.
    """

    model: str
    kind: str
    columns: tuple[Column, ...]
    others_allowed: bool
    outputs: Mapping[str, Output] = field(default_factory=dict)
    form: str = ""
    any_order: bool = False
    inverse: InputSchema | None = None

    def of(self, method: str) -> InputSchema:
        """What one method takes: this schema, or that of the inverse."""
        return self.inverse if self.inverse is not None and method in self.inverse.outputs else self

    @property
    def named(self) -> bool:
        """Whether columns have names; then a row may be a dict."""
        return bool(self.columns) and self.columns[0].name is not None

    def to_json_schema(self) -> dict[str, Any]:
        """JSON Schema (draft 2020-12, that of OpenAPI 3.1) of one row: an object, an array, or a string."""
        from pretzel.runtime.schemas.json_schema import row_schema

        return row_schema(self)

    def answer_json_schema(self, method: str = "predict") -> dict[str, Any]:
        """JSON Schema of the answer of a method to one row.

        Raises
        ------
        KeyError
            There is no such method.
        """
        from pretzel.runtime.schemas.json_schema import answer_schema

        return answer_schema(self.of(method).outputs[method])

    def to_pydantic(self) -> type[BaseModel]:
        """A pydantic model of one row, which needs pydantic 2.

        ``plan.predict_one(row.model_dump(by_alias=True, exclude_unset=True))`` answers a row of named columns, and
        ``plan.predict_one(row.root)`` one of others. Columns whose name is none of Python's have it as an alias.
        """
        from pretzel.runtime.schemas.pydantic_model import row_model

        return row_model(self)

    def to_arrow(self, types: Mapping[str, pa.DataType] | None = None) -> pa.Schema:
        """Arrow schema of a table of requests, which needs pyarrow. Columns without names are ``x0``, ``x1``, ...

        Named columns that no step reads are left out, unless ``types`` names them.

        Parameters
        ----------
        types : mapping of str to pyarrow.DataType, optional
            Types of columns, which those of kind ``"any"`` need.

        Raises
        ------
        ValueError
            A column may hold anything, and ``types`` does not name it.
        """
        from pretzel.runtime.schemas.arrow_schema import table_schema

        return table_schema(self, types or {})

    def to_open_inference(self) -> dict[str, Any]:
        """Metadata of the model as the Open Inference Protocol has them: name, inputs and outputs.

        Named columns that a step reads are a tensor each, of shape [-1]; others are one tensor ``X`` of shape
        [-1, columns], or [-1] for documents. ``BYTES`` are texts, and stand for values that may be anything. Whole
        numbers that may be missing are ``FP64``.
        """
        from pretzel.runtime.schemas.open_inference import metadata

        return metadata(self)

    def __str__(self) -> str:
        from pretzel.runtime.schemas.words import as_text

        return as_text(self)


def input_schema(plan: Plan) -> InputSchema:
    """The schema of a plan."""
    physical = plan.physical
    spec = physical.input
    outputs = {name: _output(plan, name, method) for name, method in physical.methods.items() if method.input is None}
    columns = tuple(_columns(spec, plan))
    others = spec.any_order and not spec.no_others
    form = _form_of_items(method for method in physical.methods.values() if method.input is None)
    inverse = None if INVERSE not in physical.methods else _of_inverse(plan, physical.methods[INVERSE])
    return InputSchema(plan.name, spec.kind.value, columns, others, outputs, form, spec.any_order, inverse)


def _of_inverse(plan: Plan, method: MethodPlan) -> InputSchema:
    """Numbers without names: results of ``transform``."""
    spec = plan.requests_of(INVERSE)
    kind: ColumnKind = "any" if method.program is None else "number"
    dtype: Literal["float64", "object"] = "object" if method.program is None else "float64"
    columns = tuple(Column(None, position, kind, dtype) for position in range(spec.width))
    outputs = {INVERSE: _output(plan, INVERSE, method)}
    return InputSchema(plan.name, spec.kind.value, columns, False, outputs, _form_of_items([method]))


def _form_of_items(methods: Iterable[MethodPlan]) -> str:
    """The form in which all programs of some methods read the items of a request."""
    programs = [program for method in methods for program in (method.program, *(s.program for s in method.opaque))]
    leaves = [leaf for program in programs if program is not None for leaf in program.leaves]
    found = {leaf.form for leaf in leaves if leaf.kind is LeafKind.ITEMS}
    return found.pop() if len(found) == 1 else ""


def _columns(spec: InputSpec, plan: Plan) -> Iterator[Column]:
    width = spec.width or len(spec.names or ())
    required = {*spec.required} if spec.kind is not InputKind.ANY else {*range(width)}
    for position, group in enumerate(_groups(width, plan)):
        name = None if spec.names is None else spec.names[position]
        yield Column(name, position, **group, required=position in required)


def _groups(width: int, plan: Plan) -> Iterator[dict[str, Any]]:
    """What is known of each column, which is nothing of plans that were saved by releases that did not note it."""
    if plan.physical.columns is None:
        yield from (_UNKNOWN for _ in range(width))
        return
    data = plan.physical.columns.unpack(COLUMNS)
    groups = [{**group, **_read_as(group), "categories": _categories(group)} for group in data["groups"]]
    if sum(count for _, count in data["runs"]) != width or any(not 0 <= at < len(groups) for at, _ in data["runs"]):
        raise CorruptStoreError(f"{plan.name}: the notes on columns are not those of {width} columns")
    for at, count in data["runs"]:
        yield from (groups[at] for _ in range(count))


def _read_as(group: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that are read as float32 hold float64 like others, and dates in a format are texts."""
    if group["kind"] == "date" and "%" in group["dtype"]:
        return {"dtype": "str", "format": group["dtype"]}
    return {"dtype": "float64", "float32": True} if group["dtype"] == "float32" else {}


def _categories(group: Mapping[str, Any]) -> tuple[Category, ...] | None:
    found = group["categories"]
    if found is None:
        return None
    try:
        return tuple(int(value) if group["dtype"] == "int64" else value for value in found)
    except (TypeError, ValueError, OverflowError) as error:
        raise CorruptStoreError(f"the notes on columns hold a category that is no number: {error}") from error


def _output(plan: Plan, name: str, method: MethodPlan) -> Output:
    program = method.program
    if program is None:  # the estimator itself makes it
        classes = plan.physical.attributes.get("classes_")
        if getattr(classes, "ndim", 0) == 1 and classes is not None:
            if name == "predict":
                return Output(name, (None,), str(classes.dtype), (classes,))
            if name in ("predict_proba", "predict_log_proba"):
                return Output(name, (None, len(classes)), "float64")
        return Output(name, None, None)
    result = program.values[program.output]
    shape = (None,) if method.ndim == 1 else (None, result.width)
    dtype = method.dtype.dtype_for("float64") if method.labels is None else method.labels[0].dtype
    return Output(name, shape, str(dtype), method.labels, result.kind is Kind.SPARSE, method.list_of)
