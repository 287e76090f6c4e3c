"""Fitted estimators to logical graphs: compositions by their children, everything else through adapters."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CompileError
from pretzel.input_spec import InputKind, InputSpec
from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.contradictions import check_fit, check_inverse, why_missing
from pretzel.oven.frontends.demands import demands, read_by, receivers, request_spec, widened
from pretzel.oven.frontends.forms import (
    Beside,
    TwoForms,
    is_sparse_input,
    passed_on,
    reads_request,
    reads_unknown_form,
    source_form,
    two_forms,
)
from pretzel.oven.frontends.missing import note_missing, with_missing
from pretzel.oven.frontends.outputs import names_out, output_width
from pretzel.oven.frontends.registry import (
    LastBits,
    Unsupported,
    adapter_for,
    answers,
    frontend_of,
    has_trait,
    inverse_for,
    is_composition,
)
from pretzel.oven.frontends.value_reader import DENSE_WIDTH, ValueReader, makes_sparse
from pretzel.oven.ir.columns import LEAVES, Raw, SparseLeaf, is_sparse, width_of
from pretzel.oven.ir.encode import REJECT_UNKNOWN, category_codes
from pretzel.oven.ir.graph import Methods, Node, Output, replace, toposort
from pretzel.oven.ir.opaque import Opaque, new_token, opaque
from pretzel.oven.ir.verify import check_node
from pretzel.schema import CALL_OPTIONS, FOUND, METHODS, RARE_METHODS, Kind, takes_option

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pretzel.oven.frontends.registry import Child
    from pretzel.oven.frontends.value_reader import Refusal
    from pretzel.oven.ir._cells import CellValue


@dataclass
class Imported:
    """An imported estimator: its input and the graph of each method, with the origin of each node.

    Requests of the dtypes that are ``excluded`` need another graph, with more opaque steps; ``refusals`` says in which
    leaves. ``interpolated`` are bins whose edges were interpolated, ``called`` the origins of steps that are opaque
    because of them.
    """

    input: InputSpec
    methods: dict[str, Output]
    origins: dict[Node, str] = field(default_factory=dict)
    keeps_format: bool = False  # sparse rows have the format of the request
    names_out: tuple[str, ...] | None = None  # of ``transform``, where a configuration may ask for frames
    excluded: frozenset[str] = frozenset()
    interpolated: frozenset[Node] = frozenset()
    called: frozenset[str] = frozenset()
    refusals: dict[Node, Refusal] = field(default_factory=dict)


class Importer(ValueReader):
    """Walks one fitted estimator; adapters use it to read inputs and to import what is nested inside them.

    Parameters
    ----------
    estimator : fitted estimator
    requests : set of str
        dtypes of the requests that the graph is for. Steps whose native form excludes one of them become opaque.
    called : set of str
        Origins of further steps that are opaque, because bins behind them depend on their last bits.
    """

    def __init__(
        self,
        estimator: Any,
        check: Callable[[Node], None] = check_node,
        requests: frozenset[str] = frozenset(),
        called: frozenset[str] = frozenset(),
    ) -> None:
        super().__init__(check, requests)
        self._called = called
        self.missing: dict[int, CellValue] = {}
        self.texts: set[int] = set()
        self._root = estimator
        self.asked = InputSpec(InputKind.ANY, 0)  # of the request
        self._sparse = False  # the request is sparse rows
        self._guessed = False  # an opaque step was given columns that no step had read as numbers
        self._doubtful = False  # such columns may hold anything
        self._checked: set[Node] = set()  # values of steps that reject a request without rows
        self._rowless: set[Node] = set()  # values of steps that answer one

    def run(self) -> Imported:
        """Import the estimator with all its methods."""
        with self._reading(self._root):
            return self._run()

    def _run(self) -> Imported:
        frontend_of(self._root).check_readable(self._root)
        self.asked = asked = demands(self._root)
        raw = Raw((), range(asked.width))
        made = self.methods(self._root, raw, only=(*METHODS, *FOUND))
        wanted = {name: each for name, each in made.items() if name not in FOUND or not isinstance(each.node, Opaque)}
        methods = {name: self._settled(name, raw, output) for name, output in wanted.items()}
        if self._guessed:
            self._doubtful = True
            for name, output in self.methods(self._root, raw, only=tuple(methods)).items():
                methods[name] = replace_fields(methods[name], otherwise=self._settled(name, raw, output))
            self._doubtful = False
        methods = {name: self._with_otherwise(name, raw, output) for name, output in methods.items()}
        if methods.keys() <= {*FOUND}:
            rare = self.methods(self._root, raw, only=RARE_METHODS)
            methods = {name: self._settled(name, raw, output) for name, output in rare.items()}
        if not methods:
            raise CompileError(f"{type(self._root).__name__} has no method that Pretzel can serve")
        names = names_out(self._root, methods["transform"].node) if "transform" in methods else None
        spec = with_missing(request_spec(self._root, asked, methods), self.missing, self.texts)
        sets = frozenset(self.excluded), frozenset(self.interpolated), self._called
        return Imported(spec, methods, self.origins, has_trait(self._root, "keeps_format"), names, *sets, self.refusals)

    def sparse_methods(self, imported: Imported) -> dict[str, Output | str]:
        """The graphs for sparse requests, where they differ, or why such requests are rejected."""
        with self._reading(self._root):
            return self._sparse_methods(imported)

    def _sparse_methods(self, imported: Imported) -> dict[str, Output | str]:
        width = imported.input.width
        names = [name for name, output in imported.methods.items() if reads_request(output.node)]
        if imported.input.kind is not InputKind.TABLE:
            return {}
        for inside in receivers(self._root):
            if not has_trait(inside, "takes_sparse"):
                return dict.fromkeys(names, f"{type(inside).__name__} takes no sparse rows")
        apart = has_trait(self._root, "absent_is_missing") or has_trait(self._root, "sparse_apart")
        same = has_trait(self._root, "checks_sparse") and not apart
        if not is_composition(self._root) and width <= DENSE_WIDTH and same:
            names = [name for name in names if name == "transform" and not has_trait(self._root, "makes_sparse")]
        if not names:
            return {}
        self._sparse = True
        raw = Raw((), range(width))
        x = two_forms(self.note(SparseLeaf((), width)), raw, new_token())
        found = self.methods(self._root, x, only=tuple(names))
        return {name: self._settled_sparse(name, raw, output) for name, output in found.items()}

    def _settled_sparse(self, method: str, raw: Node, output: Output) -> Output | str:
        if isinstance(output.node, LEAVES):
            return Output(self._opaque(self._root, method, raw, "it returns the caller's own object", new_token()))
        output = self._settled(method, raw, output)
        if not has_trait(self._root, "checks_sparse"):
            output = replace_fields(output, needs_rows=False)
        nodes = toposort([output.node])
        given = [node for node in nodes if isinstance(node, Opaque) and is_sparse_input(node.inputs[0])]
        for node in given:
            if not has_trait(node.estimator, "takes_sparse"):
                return f"{type(node.estimator).__name__} takes no sparse rows"
        last = output.node.inputs if isinstance(output.node, Raw) else ()
        if any(node.method == "transform" and node not in last for node in given):
            reason = "what a step makes of sparse rows may be sparse, and the steps behind it depend on that"
            return Output(self._opaque(self._root, method, raw, reason, new_token()))
        return output

    # -- what adapters call ------------------------------------------------------------------------------------------

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
            if child.reader is not None and frontend_of(child.estimator).output_container(child.estimator) == "polars":
                output = replace_fields(output, node=self.without_dtypes(output.node))
        node = output.node if child.width is None else widened(output.node, child.width)
        node = node if child.reader is None else read_by(output.node, child.reader)
        self.note_inputs(output.node, node)
        return replace_fields(output, node=node)

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
        return Raw((self.note(replace(node, width=width)),), range(width))

    def methods(self, estimator: Any, x: Node, *, only: tuple[str, ...] = METHODS, name: str = "") -> Methods:
        """The outputs of every method of ``estimator``; those without a native form are opaque."""
        with self._inside(estimator, name):
            return self._methods(estimator, x, only)

    def inverse(self, estimator: Any, x: Node, *, name: str = "") -> Output:
        """What ``inverse_transform`` of ``estimator`` makes of ``x``; `Unsupported` unless it is native as a whole."""
        with self._inside(estimator, name):
            if is_sparse(given := self.plain(x)):
                raise Unsupported(f"the inverse of {type(estimator).__name__} on sparse rows")
            if self._called and ".".join(self._path) in self._called:
                raise LastBits
            made = inverse_for(estimator)(estimator, given, self)
            output = Output(made) if isinstance(made, Node) else made
            check_inverse(estimator, width_of(output.node))
            self._take(output)
            if not has_trait(estimator, "checks_inverse"):
                self._rowless.update(set(toposort([output.node])) - set(toposort([given])))
            elif not is_composition(estimator):
                self._checked.add(output.node)
        return output

    # -- inside ------------------------------------------------------------------------------------------------------

    def _methods(self, estimator: Any, x: Node, only: tuple[str, ...]) -> Methods:
        note_missing(self.missing, self.texts, estimator, x)
        present = [method for method in only if self._is_asked_for(estimator, method)]
        native: Mapping[str, Output] = {}
        reason = ""
        try:
            read = adapter_for(estimator)
            as_it_is = is_composition(estimator) or has_trait(estimator, "reads_forms")
            given = x if as_it_is else self.plain_for(estimator, x)
            if self._called and ".".join(self._path) in self._called:
                raise LastBits
            made = read(estimator, given, self)
            native = {"transform": Output(made)} if isinstance(made, Node) else made
            if not has_trait(estimator, "needs_rows"):
                before = set() if isinstance(given, Raw) else set(toposort([given]))
                self._rowless.update(set(toposort(output.node for output in native.values())) - before)
            elif not is_composition(estimator) and has_trait(estimator, "checks_input"):
                counts = not has_trait(estimator, "takes_tables")  # only their own nodes know
                self._checked.update(() if counts else (output.node for output in native.values()))
            check_fit(estimator, 0 if as_it_is else width_of(given))
            for output in native.values():
                self._take(output)
        except (Unsupported, OverflowError) as error:
            native, reason = {}, str(error)
        except AttributeError as error:
            native, reason = {}, why_missing(estimator, error)
        token = new_token()
        result: dict[str, Output] = {}
        for method in present:
            if method not in native:
                why = reason or f"{method} has no native form"
                result[method] = Output(self._opaque(estimator, method, x, why, token))
                continue
            output = native[method]
            result[method] = self._with_source_form(estimator, x, output) if method == "transform" else output
        more = [name for name in only if name in CALL_OPTIONS or not present]  # the latter of what a file holds
        return result | {name: native[name] for name in more if name in native}

    def _is_asked_for(self, estimator: Any, method: str) -> bool:
        """Whether the estimator has a method. The graph for requests of some dtypes has options without native form."""
        return answers(estimator, method) or (bool(self._requests) and takes_option(estimator, method))

    def plain_for(self, estimator: Any, x: Node) -> Node:
        """``x`` as the adapter of one estimator reads it."""
        x = self.plain(x)
        if makes_sparse(x):
            x = self.numeric(x)
        if self._sparse and is_sparse(x) and not has_trait(estimator, "takes_sparse"):
            raise Unsupported("it takes no sparse rows")
        return x

    def _argument(self, x: Node) -> Node:
        """What an opaque step is given.

        Columns that no step has read are taken for numbers at first: then what stands before stays native.
        """
        if isinstance(x, TwoForms) and x.first_for == "numbers" and not self._doubtful:
            with contextlib.suppress(Unsupported):
                numbers = self.plain(x)
                self._guessed = True
                return numbers
        return source_form(x)

    def _with_source_form(self, estimator: Any, x: Node, output: Output) -> Output:
        """The value of ``transform`` in both forms, where the source's is not an array of numbers."""
        container = frontend_of(estimator).output_container(estimator)
        keeps = has_trait(estimator, "keeps_container") and isinstance(x, Raw | TwoForms)
        if container != "default":
            reason, first_for = f"its result is a frame of {container}, which no native step reads", "none"
        elif keeps and source_form(x) is not output.node:
            reason, first_for = "its result has the type of its input", "arrays"
        elif isinstance(output.node, Beside):
            reason, first_for = "it passes columns of any type on", "numbers"
            with contextlib.suppress(Unsupported):
                self.plain(output.node)  # now, while the path names this step
        elif not isinstance(output.node, Raw | TwoForms) and output.node.schema().kind is Kind.CELLS:
            reason, first_for = "it returns the caller's own values", "none"
        else:
            return output
        source = self._opaque(estimator, "transform", x, reason, new_token())
        native = output.node.native if isinstance(output.node, TwoForms) else output.node
        return replace_fields(output, node=two_forms(native, source, new_token(), first_for))

    def require_rows(self, node: Node) -> Node:
        """Say that the step which makes ``node`` rejects a request without rows."""
        self._checked.add(node)
        return node

    def _needs_rows(self, output: Node) -> bool:
        """Whether a step that checks its input stands before ``output``."""
        nodes = toposort([output])
        return any(node in self._checked or (node.needs_rows and node not in self._rowless) for node in nodes)

    def _settled(self, method: str, raw: Node, output: Output) -> Output:
        """The form that callers get: the estimator's own where its result is not an array of numbers."""
        node = output.node
        if isinstance(node, TwoForms):
            with contextlib.suppress(Unsupported):  # text stands beside numbers
                first_for = "none" if self._doubtful else node.first_for
                if first_for != "none" and not isinstance(native := self.plain(node), Raw):
                    others = Output(node.source), first_for == "arrays", passed_on(node)
                    return Output(native, 2, None, None, self._needs_rows(native), *others)
            return Output(node.source)
        if isinstance(node, Raw) and not node.inputs:
            return Output(self._opaque(self._root, method, raw, "it returns the caller's own object", new_token()))
        if not isinstance(node, Raw | Opaque) and node.schema().kind is Kind.CELLS:
            return Output(self._opaque(self._root, method, raw, "it returns the caller's own values", new_token()))
        return replace_fields(output, needs_rows=self._needs_rows(output.node))

    def _with_otherwise(self, method: str, raw: Node, output: Output) -> Output:
        """``output`` with the estimator itself where a native step reads what an opaque one makes, of unknown form."""
        if output.otherwise is not None or not reads_unknown_form(output.node):
            return output
        reason = "what a step makes may be sparse rows, and the steps behind it depend on that"
        return replace_fields(output, otherwise=Output(self._opaque(self._root, method, raw, reason, new_token())))

    def _opaque(self, estimator: Any, method: str, x: Node, reason: str, token: int) -> Node:
        x = self._argument(x)
        if method != "transform":
            return self.note(opaque(estimator, method, x, reason, token))
        width = output_width(estimator)
        return Raw((self.note(opaque(estimator, method, x, reason, token, width)),), range(width))

    def _read_back(self, node: Opaque, width: int | None) -> Output:
        """The numbers in the result of an opaque method."""
        classes = getattr(node.estimator, "classes_", None)
        if node.method == "predict" and classes is not None:
            labels = tuple(map(np.asarray, classes)) if isinstance(classes, list) else (np.asarray(classes),)
            return Output(self._indices(node, labels), ndim=2 if isinstance(classes, list) else 1, labels=labels)
        if width is None and node.method in ("predict_proba", "predict_log_proba") and isinstance(classes, np.ndarray):
            width = len(classes) if len(classes) > 1 else None  # of a single class some classifiers tell two columns
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
