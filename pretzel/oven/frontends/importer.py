"""Fitted estimators to logical graphs: containers by structure, everything else through the registry."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CompileError, UnfittedError
from pretzel.oven.frontends.registry import Unsupported, adapter_for, public_name
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import CellLeaf, NumericLeaf, Raw, Select, TextLeaf
from pretzel.oven.ir.concat import Concat, Densify
from pretzel.oven.ir.graph import Methods, Node, Output, replace, toposort
from pretzel.oven.ir.opaque import Opaque, new_token, opaque
from pretzel.plan import InputKind, InputSpec
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "decision_function",
    "transform",
    "score_samples",
    "apply",
)
"""Methods of an estimator that are compiled, where it has them and they take nothing but ``X``."""


@dataclass
class Imported:
    """What came of one estimator: its input and the graph of each method, with the origin of each node."""

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
        check_fitted(self._root)
        width = getattr(_part(self._root, 0), "n_features_in_", None)
        raw = Raw((), (0,), scalar=True) if width is None else Raw((), tuple(range(width)))
        methods = {name: self._settled(name, raw, output) for name, output in self.methods(self._root, raw).items()}
        if not methods:
            raise CompileError(f"{type(self._root).__name__} has no method that Pretzel can serve")
        spec = _input_spec(self._root, width, methods)
        return Imported(spec, methods, self.origins)

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

        The check goes to the parts of a concatenation, so that rules see through it, and is left out where the value
        cannot be anything but finite.
        """
        if x.schema().integral or x.always_finite():
            return x
        if isinstance(x, Concat | Densify):
            checked = (self.finite(part, estimator, allow_nan=allow_nan, float32=float32) for part in x.inputs)
            return self.note(replace(x, inputs=tuple(checked)))
        return self.note(CheckFinite((x,), type(estimator).__name__, allow_nan, float32))

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

    def transform(self, estimator: Any, x: Node, *, name: str = "") -> Node:
        """The value of a nested transformer, opaque if need be."""
        return self.output(estimator, x, name=name).node

    def output(self, estimator: Any, x: Node, *, name: str = "") -> Output:
        """The same with the dtype that it has when the caller gets it."""
        output = self.methods(estimator, x, only=("transform",), name=name).get("transform")
        if output is None:
            raise Unsupported(f"{type(estimator).__name__} has no transform")
        return output

    def methods(self, estimator: Any, x: Node, *, only: tuple[str, ...] = METHODS, name: str = "") -> Methods:
        """The outputs of every method of ``estimator``; those without a native form are opaque."""
        self._path.append(name or type(estimator).__name__)
        try:
            return self._methods(estimator, x, only)
        finally:
            self._path.pop()

    def note(self, node: Node) -> Node:
        """Remember which part of the estimator made ``node``."""
        self.origins.setdefault(node, ".".join(self._path))
        return node

    # -- inside ------------------------------------------------------------------------------------------------------

    def _methods(self, estimator: Any, x: Node, only: tuple[str, ...]) -> Methods:
        present = [m for m in only if callable(getattr(estimator, m, None))]
        native: Mapping[str, Output] = {}
        reason = f"{public_name(type(estimator))} has no adapter"
        container = _CONTAINERS.get(public_name(type(estimator)))
        adapter = adapter_for(estimator)
        try:
            if container is not None:
                native = container(self, estimator, x, tuple(present))
            elif adapter is not None:
                made = adapter(estimator, x, self)
                native = {"transform": Output(made)} if isinstance(made, Node) else made
        except Unsupported as error:
            reason = str(error)
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
        if method == "transform" and (container := _output_container(self._root)) != "default":
            return Output(self._opaque(self._root, method, raw, f"set_output({container!r})", new_token()))
        return output

    def _note_all(self, node: Node) -> None:
        for each in toposort([node]):
            self.note(each)

    def _opaque(self, estimator: Any, method: str, x: Node, reason: str, token: int) -> Node:
        node = self.note(opaque(estimator, method, x, reason, token))
        if method != "transform":
            return node
        return Raw((node,), tuple(range(_output_width(estimator))))


def check_fitted(estimator: Any) -> None:
    """Raise `UnfittedError` unless scikit-learn calls the estimator fitted."""
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    if isinstance(estimator, type) or not hasattr(estimator, "fit"):
        raise CompileError(f"expected a fitted scikit-learn estimator, got {estimator!r:.80}")
    try:
        check_is_fitted(estimator)
    except NotFittedError as error:
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: call fit before compiling it") from error


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


def _output_container(estimator: Any) -> str:
    """What ``set_output``, or scikit-learn's configuration, asks ``transform`` to return."""
    from sklearn import get_config

    own = getattr(_part(estimator, -1), "_sklearn_output_config", {}).get("transform")
    return str(own or get_config()["transform_output"])


def _part(estimator: Any, at: int) -> Any:
    """Who is given the request as it is (0), or makes the result (-1): in a pipeline a step that is no pass-through."""
    while True:
        name = public_name(type(estimator))
        if name == "sklearn.pipeline.Pipeline":
            steps = [step for _, step in estimator.steps if step is not None and step != "passthrough"]
            if not steps:
                return estimator
            estimator = steps[at]
        elif name.startswith("sklearn.model_selection.") and hasattr(estimator, "best_estimator_"):
            estimator = estimator.best_estimator_
        else:
            return estimator


def _input_spec(estimator: Any, width: int | None, methods: Mapping[str, Output]) -> InputSpec:
    name = type(estimator).__name__
    if width is None:
        return InputSpec(InputKind.TEXT, 1, None, (0,), False, name)
    first = _part(estimator, 0)
    names = getattr(first, "feature_names_in_", None)
    any_order = public_name(type(first)) == "sklearn.compose.ColumnTransformer"
    required = tuple(range(width))
    if any_order:
        used = [
            i for key, indices in first._transformer_to_input_indices.items() if _is_kept(first, key) for i in indices
        ]
        required = tuple(sorted(set(used)))
    known = None if names is None else tuple(sys.intern(str(each)) for each in names)
    return InputSpec(InputKind.TABLE, width, known, required, any_order, name)


def _is_kept(transformer: Any, key: str) -> bool:
    return all(t != "drop" for name, t, _ in transformer.transformers_ if name == key)


# -- containers ------------------------------------------------------------------------------------------------------


def _pipeline(importer: Importer, estimator: Any, x: Node, present: tuple[str, ...]) -> Methods:
    *steps, (last_name, last) = estimator.steps
    for name, step in steps:
        if step is None or step == "passthrough":
            continue
        x = _wide(importer.transform(step, x, name=name), _next_width(estimator, name))
    if last is None or last == "passthrough":
        return {"transform": Output(x)}
    return importer.methods(last, x, only=present, name=last_name)


def _next_width(pipeline: Any, name: str) -> int:
    names = [n for n, _ in pipeline.steps]
    for _, step in pipeline.steps[names.index(name) + 1 :]:
        if step is not None and step != "passthrough":
            return int(getattr(step, "n_features_in_", 0))
    return 0


def _wide(x: Node, width: int) -> Node:
    """An opaque value whose width only its consumer knows; documents have none and are read as one column."""
    if isinstance(x, Raw) and x.inputs and not x.columns:
        return replace(x, columns=tuple(range(width)) if width else (0,), scalar=not width)
    return x


def _feature_union(importer: Importer, estimator: Any, x: Node, present: tuple[str, ...]) -> Methods:
    if estimator.transformer_weights:
        raise Unsupported("FeatureUnion(transformer_weights=...)")
    parts: list[Node] = []
    dtypes = []
    for name, step in estimator.transformer_list:
        if step == "drop":
            continue
        part = Output(x) if step == "passthrough" else importer.output(step, x, name=name)
        parts.append(part.node)
        dtypes.append(part.dtype)
    _refuse_unknown_widths(parts)
    return {"transform": Output(importer.concat(parts), dtype=_common(dtypes))}


def _column_transformer(importer: Importer, estimator: Any, x: Node, present: tuple[str, ...]) -> Methods:
    if estimator.transformer_weights:
        raise Unsupported("ColumnTransformer(transformer_weights=...)")
    parts = []
    dtypes = []
    for name, step, columns in estimator.transformers_:
        indices = tuple(int(i) for i in estimator._transformer_to_input_indices[name])
        if (isinstance(step, str) and step == "drop") or not indices:
            continue
        part = Output(importer.select(x, indices, scalar=isinstance(columns, str | int | np.integer)))
        if not (isinstance(step, str) and step == "passthrough"):
            part = importer.output(step, part.node, name=name)
        width = _slice_width(estimator.output_indices_[name])
        if width == 0:
            raise Unsupported("a part of a ColumnTransformer that drops every column")
        parts.append(_wide(part.node, width))
        dtypes.append(part.dtype)
    _refuse_unknown_widths(parts)
    if not parts:
        raise Unsupported("ColumnTransformer that drops every column")
    node = importer.concat(parts, keep_sparse=estimator.sparse_output_)
    return {"transform": Output(node, dtype=_common(dtypes))}


def _common(dtypes: list[str]) -> str:
    """dtype of values of these dtypes side by side."""
    return str(np.result_type(*dtypes)) if dtypes else "float64"


def _slice_width(columns: slice) -> int:
    return int(columns.stop - columns.start)


def _refuse_unknown_widths(parts: list[Node]) -> None:
    if any(isinstance(part, Raw) and part.inputs and not part.columns for part in parts):
        raise Unsupported("the width of an opaque transformer's output is not known")


_CONTAINERS: dict[str, Callable[[Importer, Any, Node, tuple[str, ...]], Methods]] = {
    "sklearn.pipeline.Pipeline": _pipeline,
    "sklearn.pipeline.FeatureUnion": _feature_union,
    "sklearn.compose.ColumnTransformer": _column_transformer,
}

__all__ = ["METHODS", "Imported", "Importer", "check_fitted"]
