"""Fitted estimators to logical graphs: compositions by their children, everything else through adapters."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CompileError, UnfittedError
from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.registry import (
    BrokenAttribute,
    Unsupported,
    adapter_for,
    children,
    frontend_of,
    public_name,
)
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import CellLeaf, NumericLeaf, Raw, Select, TextLeaf
from pretzel.oven.ir.concat import Concat, Densify
from pretzel.oven.ir.encode import REJECT_UNKNOWN, category_codes
from pretzel.oven.ir.graph import Methods, Node, Output, replace, toposort
from pretzel.oven.ir.opaque import Opaque, new_token, opaque
from pretzel.plan import InputKind, InputSpec
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pretzel.oven.frontends.registry import Child

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "predict_joint_log_proba",
    "decision_function",
    "transform",
    "score_samples",
    "apply",
)
"""Methods of an estimator that are compiled, where it has them and they take nothing but ``X``."""


@dataclass
class Imported:
    """An imported estimator: its input and the graph of each method, with the origin of each node."""

    input: InputSpec
    methods: dict[str, Output]
    origins: dict[Node, str] = field(default_factory=dict)


class Importer:
    """Walks one fitted estimator; adapters use it to read inputs and to import what is nested inside them."""

    def __init__(self, estimator: Any) -> None:
        self.origins: dict[Node, str] = {}
        self._path: list[str] = []
        self._root = estimator

    def run(self) -> Imported:
        """Import the estimator with all its methods."""
        frontend_of(self._root).check_readable(self._root)
        width = getattr(_receiver(self._root), "n_features_in_", None)
        raw = Raw((), (0,), scalar=True) if width is None else Raw((), tuple(range(width)))
        methods = {name: self._settled(name, raw, output) for name, output in self.methods(self._root, raw).items()}
        if not methods:
            raise CompileError(f"{type(self._root).__name__} has no method that Pretzel can serve")
        return Imported(_input_spec(self._root, width), methods, self.origins)

    # -- what adapters call ------------------------------------------------------------------------------------------

    def dense(self, x: Node) -> Node:
        """``x`` as a dense node of float64 columns."""
        if isinstance(x, Raw):
            return self.note(NumericLeaf(x.inputs, x.columns))
        kind = x.schema().kind
        if kind is Kind.SPARSE:
            return self.note(Densify((x,)))
        if kind is Kind.CELLS:
            raise Unsupported("text where numbers are expected")
        return x

    def numeric(self, x: Node) -> Node:
        """``x`` as numbers, sparse rows left sparse: for consumers that read both."""
        return x if not isinstance(x, Raw) and x.schema().kind is Kind.SPARSE else self.dense(x)

    def cells(self, x: Node) -> Node:
        """``x`` as cells: values as the caller wrote them."""
        if isinstance(x, Raw):
            return self.note(CellLeaf(x.inputs, x.columns))
        if x.schema().kind is not Kind.CELLS:
            raise Unsupported("numbers where the caller's own values are expected")
        return x

    def text(self, x: Node, *, lower: bool, accents: str | None) -> Node:
        """``x`` as one column of documents, normalised as asked where they are not ASCII."""
        if not isinstance(x, Raw) or len(x.columns) != 1:
            raise Unsupported("documents can only be read from the request or from an opaque step")
        return self.note(TextLeaf(x.inputs, x.columns[0], lower, accents))

    def finite(self, x: Node, estimator: Any, *, allow_nan: bool = False, float32: bool = False) -> Node:
        """``x`` after the check that ``estimator`` makes of its input.

        The check goes to the parts of a concatenation, so that rules see through it. It is left out where the value
        passes whatever the request holds; one that only earlier checks make superfluous is left to the rules.
        """
        check = CheckFinite((x,), type(estimator).__name__, allow_nan, float32)
        if check.passes(x.properties(checks=False)):
            return x
        if isinstance(x, Concat | Densify):
            checked = (self.finite(part, estimator, allow_nan=allow_nan, float32=float32) for part in x.inputs)
            return self.note(replace(x, inputs=tuple(checked)))
        return self.note(check)

    def select(self, x: Node, columns: tuple[int, ...], *, scalar: bool = False) -> Node:
        """Some columns of ``x``."""
        if isinstance(x, Raw):
            return Raw(x.inputs, tuple(x.columns[i] for i in columns), scalar)
        return self.note(Select((self.dense(x),), columns))

    def concat(self, parts: list[Node], *, keep_sparse: bool = True) -> Node:
        """``parts`` side by side."""
        parts = [self.numeric(part) for part in parts]
        if not keep_sparse:
            parts = [self.dense(part) for part in parts]
        return parts[0] if len(parts) == 1 else self.note(Concat(tuple(parts)))

    def transform(self, estimator: Any, x: Node, *, name: str = "") -> Output:
        """The value of ``transform`` of a nested estimator for ``x``; opaque if it has no native form."""
        output = self.methods(estimator, x, only=("transform",), name=name).get("transform")
        if output is None:
            raise Unsupported(f"{type(estimator).__name__} has no transform")
        return output

    def part(self, child: Child, x: Node) -> Output:
        """The value of ``transform`` of a child for its columns of ``x``."""
        output = Output(x if child.columns is None else self.select(x, child.columns, scalar=child.scalar))
        if child.estimator is not None:
            output = self.transform(child.estimator, output.node, name=child.name)
        return output if child.width is None else replace_fields(output, node=_widened(output.node, child.width))

    def answer(self, estimator: Any, method: str, x: Node, *, name: str = "", width: int | None = None) -> Output:
        """The result of a method other than ``transform``, as numbers that other nodes can read.

        The result of an opaque method is read back: labels become indices of ``classes_``.

        Parameters
        ----------
        estimator : fitted estimator
        method : str
        x : Node
        name : str
        width : int, optional
            Columns of the result. By default the number of ``classes_`` for probabilities.
        """
        output = self.methods(estimator, x, only=(method,), name=name).get(method)
        if output is None:
            raise Unsupported(f"{type(estimator).__name__} has no {method}")
        if not isinstance(output.node, Opaque):
            return output
        with self._inside(estimator, name):
            return self._read_back(output.node, width)

    def columns_of(self, node: Opaque, width: int) -> Raw:
        """The columns of the result of an opaque method. A width of 0 means that only the reader knows it."""
        sized = opaque(node.estimator, node.method, node.inputs[0], node.reason, node.token, width)
        return Raw((self.note(sized),), tuple(range(width)))

    def methods(self, estimator: Any, x: Node, *, only: tuple[str, ...] = METHODS, name: str = "") -> Methods:
        """The outputs of every method of ``estimator``; those without a native form are opaque."""
        with self._inside(estimator, name):
            return self._methods(estimator, x, only)

    def note(self, node: Node) -> Node:
        """Remember which part of the estimator made ``node``."""
        self.origins.setdefault(node, ".".join(self._path))
        return node

    # -- inside ------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _inside(self, estimator: Any, name: str) -> Iterator[None]:
        """Extend the path that `note` records by a nested estimator."""
        self._path.append(name or type(estimator).__name__)
        try:
            yield
        finally:
            self._path.pop()

    def _methods(self, estimator: Any, x: Node, only: tuple[str, ...]) -> Methods:
        present = [m for m in only if callable(getattr(estimator, m, None))]
        native: Mapping[str, Output] = {}
        reason = ""
        try:
            made = adapter_for(estimator)(estimator, x, self)
            native = {"transform": Output(made)} if isinstance(made, Node) else made
        except (Unsupported, OverflowError) as error:
            reason = str(error)
        except BrokenAttribute as error:
            raise CompileError(f"{'.'.join(self._path)}: {error}") from error
        except AttributeError as error:
            reason = _why_missing(estimator, error)
        token = new_token()
        result: dict[str, Output] = {}
        for method in present:
            if method in native:
                result[method] = native[method]
                self._note_all(native[method].node)
            else:
                result[method] = Output(self._opaque(estimator, method, x, reason, token))
        return result

    def _settled(self, method: str, raw: Node, output: Output) -> Output:
        """The estimator's own method where its result is not an array of numbers."""
        if isinstance(output.node, Raw) and not output.node.inputs:
            return Output(self._opaque(self._root, method, raw, "it returns the caller's own object", new_token()))
        if not isinstance(output.node, Raw | Opaque) and output.node.schema().kind is Kind.CELLS:
            return Output(self._opaque(self._root, method, raw, "it returns the caller's own values", new_token()))
        container = frontend_of(self._root).output_container(self._root)
        if method == "transform" and container != "default":
            return Output(self._opaque(self._root, method, raw, f"set_output({container!r})", new_token()))
        return replace_fields(output, needs_rows=any(node.needs_rows for node in toposort([output.node])))

    def _note_all(self, node: Node) -> None:
        for each in toposort([node]):
            self.note(each)

    def _opaque(self, estimator: Any, method: str, x: Node, reason: str, token: int) -> Node:
        if method != "transform":
            return self.note(opaque(estimator, method, x, reason, token))
        width = _output_width(estimator)
        return Raw((self.note(opaque(estimator, method, x, reason, token, width)),), tuple(range(width)))

    def _read_back(self, node: Opaque, width: int | None) -> Output:
        """The numbers in the result of an opaque method."""
        classes = getattr(node.estimator, "classes_", None)
        if node.method == "predict" and classes is not None:
            labels = tuple(map(np.asarray, classes)) if isinstance(classes, list) else (np.asarray(classes),)
            return Output(self._indices(node, labels), ndim=2 if isinstance(classes, list) else 1, labels=labels)
        if width is None and node.method in ("predict_proba", "predict_log_proba") and isinstance(classes, np.ndarray):
            width = len(classes)
        if width is None:
            raise Unsupported(f"the width of what {type(node.estimator).__name__}.{node.method} returns is not known")
        return Output(self.dense(self.columns_of(node, width)), ndim=1 if width == 1 else 2)

    def _indices(self, node: Opaque, labels: tuple[np.ndarray, ...]) -> Node:
        """The position of each label among its classes. Other labels are rejected when the plan runs."""
        if any(column.dtype.kind not in "OUifub" for column in labels):
            raise Unsupported("classes that are neither texts nor numbers")
        raw = self.columns_of(node, len(labels))
        numeric = all(column.dtype.kind in "ifub" for column in labels)
        return self.note(
            category_codes(
                self.dense(raw) if numeric else self.cells(raw),
                [[cell_value(label) for label in column] for column in labels],
                [range(len(column)) for column in labels],
                [0.0] * len(labels),
                reject=REJECT_UNKNOWN,
            )
        )


def _why_missing(estimator: Any, error: AttributeError) -> str:
    """Why an attribute of the estimator itself is missing: its fit broke off, or its release is another."""
    name = error.name
    if error.obj is not estimator or name is None:
        raise error
    if name.endswith("_") and not name.startswith("_"):
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: it has no {name!r}") from error
    return f"{public_name(type(estimator))} has no {name!r}"


def _output_width(estimator: Any) -> int:
    """Columns that an opaque transformer returns, or 0 when only running it would tell."""
    try:
        return len(estimator.get_feature_names_out())
    except Exception:  # any third-party transformer may raise anything here
        return 0


def _widened(x: Node, width: int) -> Node:
    """The value of an opaque step with the width that its reader was fitted on; 0 reads it as documents.

    The reader is right where the names of the step's output features say something else.
    """
    if not isinstance(x, Raw) or not x.inputs or x.columns != tuple(range(len(x.columns))):
        return x
    if not width:
        return x if x.columns else replace(x, columns=(0,), scalar=True)
    return replace(x, inputs=(replace(x.inputs[0], width=width),), columns=tuple(range(width)))


def _receiver(estimator: Any) -> Any:
    """The innermost estimator that receives the request unchanged."""
    while True:
        given = [child for child in children(estimator) if child.reads is None]
        if len(given) != 1 or given[0].columns is not None or given[0].estimator is None:
            return estimator
        estimator = given[0].estimator


def _input_spec(estimator: Any, width: int | None) -> InputSpec:
    name = type(estimator).__name__
    if width is None:
        return InputSpec(InputKind.TEXT, 1, None, (0,), False, name)
    first = _receiver(estimator)
    names = getattr(first, "feature_names_in_", None)
    parts = [child.columns for child in children(first) if child.columns is not None]
    required = {i for columns in parts for i in columns} if parts else range(width)
    known = None if names is None else tuple(sys.intern(str(each)) for each in names)
    return InputSpec(InputKind.TABLE, width, known, tuple(sorted(required)), bool(parts), name)
