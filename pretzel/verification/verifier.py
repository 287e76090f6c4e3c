"""Runs native plan, NumPy reference and estimator side by side and reports each departure once, at its origin."""

from __future__ import annotations

import warnings
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import Method
from pretzel.errors import CorruptStoreError, OptionError
from pretzel.options import Options
from pretzel.oven.compiler import Compiler
from pretzel.oven.frontends.registry import depends_on_batch, on_tables
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.graph import Output, Parity, toposort
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.rules import RULES
from pretzel.packed import REPORT
from pretzel.runtime.handle import Model
from pretzel.runtime.input.messages import listed
from pretzel.runtime.input.source_form import is_sparse
from pretzel.runtime.model import Plan
from pretzel.runtime.programs import leaves_rows
from pretzel.schema import EXTRAS, INVERSE, METHODS
from pretzel.store.object_store import ObjectStore
from pretzel.verification.alone import answer
from pretzel.verification.answers import difference_of
from pretzel.verification.boundary import boundary_rows, rows_of, split_rejected, stack, unread_rows
from pretzel.verification.compare import compare, magnitude
from pretzel.verification.localize import localize_import, localize_rule, to_method_result
from pretzel.verification.report import Divergence, MethodReport, Report
from pretzel.verification.requests import as_table, in_fit_order
from pretzel.verification.steps import check_steps

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node

ROWS = 100  # that came as rows and are asked alone: a call of the estimator for each


def verify(plan: Plan | Model, estimator: Any, X: Any, *, boundary: bool = True) -> Report:
    """Compare a plan with the estimator it was compiled from.

    Parameters
    ----------
    plan : Plan, or handle of a registered model
    estimator : fitted estimator
        The one that ``plan`` was compiled from, unchanged.
    X : table, documents, one row or a list of rows
        What the plan takes. Rows that the estimator rejects are left out, after it was checked that the plan does too;
        a table without rows is answered or rejected by both. The first hundred rows given as dicts, tuples or lists
        are also asked alone. All are where the estimator lets the answer to a row depend on the others, because plans
        answer as if a row were alone.
    boundary : bool
        Add rows on both sides of thresholds and of the edges of bins, special numbers (NaN, infinities, zeros,
        subnormals), unseen categories and awkward texts.

    Returns
    -------
    Report
        True when nothing departs; ``first_divergence`` names method, stage, operator, origin, row and column.

    Raises
    ------
    InputError
        A dict, tuple or list does not fit the model.
    OptionError
        ``plan`` is no plan.
    """
    if isinstance(plan, Model):
        plan = plan.plan
    if not isinstance(plan, Plan):
        swapped = "; plan and estimator are swapped" if isinstance(estimator, Plan | Model) else ""
        raise OptionError(f"verify(plan, estimator, X): expected a plan, got a {type(plan).__name__}{swapped}")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        table, rows = as_table(plan.physical.input, X)
        verifier = _Verifier(plan, estimator)
        report = verifier.run(table, rows[:ROWS], boundary)
        if INVERSE in plan.methods and "transform" in report.methods:
            report.methods[INVERSE] = verifier.inverse(table)
        return report


def options_of(plan: Plan) -> Options:
    """What the plan was compiled with."""
    found = plan.physical.report.unpack(REPORT)["options"]
    try:
        return Options(**{**found, "disable": tuple(found["disable"])})
    except (KeyError, TypeError, ValueError) as error:
        raise CorruptStoreError(f"{plan.name}: the options of the plan are damaged: {error}") from error


class _Verifier:
    """One run of `verify`."""

    def __init__(self, plan: Plan, estimator: Any) -> None:
        self.plan = plan
        self.estimator = estimator
        self.source = on_tables(estimator)
        self.alone = depends_on_batch(estimator)
        self.options = options_of(plan)
        self.in_fit_order = partial(in_fit_order, plan.physical.input)
        self.store = ObjectStore()
        compiler = Compiler(self.options, self.store)
        self.graphs = compiler.graphs(estimator)
        self.expected, lowering = compiler.lower(self.graphs)
        self._lease = lowering.lease

    def run(self, X: Any, rows: list[Any], boundary: bool) -> Report:
        """See `verify`; ``rows`` are those of ``X`` that came as rows."""
        names = [name for name in self.graphs.optimized if name in self.plan.methods or name not in EXTRAS]
        report = Report(self.plan.name, {name: MethodReport(name) for name in names})
        report.other_kind = self._other_kind()
        for name in report.methods:
            for i, row in enumerate(rows):
                self._row(name, rows_of(X, [i]), row, report.methods[name])
        if not _rows(X):
            self._nothing(X, report)
            return report
        if boundary:
            extra = boundary_rows(self.graphs.imported, X, self.in_fit_order)
            report.boundary_rows = _rows(extra)
            X = stack(X, extra)
        X = self._without_rejected(X, report)
        if _rows(X):
            try:
                reference = self._references(X)
            except (ValueError, TypeError):  # texts or dates among numbers, which the estimator passes on
                self._answers(X, report)
                return report
            for name in report.methods:
                self._method(name, X, reference, report.methods[name])
        return report

    def inverse(self, X: Any) -> MethodReport:
        """What comes back of the results of ``transform``: the answers alone are compared."""
        report = MethodReport(INVERSE)
        made, rejected = _call(self.source, "transform", X)
        if rejected is None:
            report.rows = _rows(made)
            want, theirs = _call(self.source, INVERSE, made)
            got, ours = _call(self.plan, INVERSE, made)
            if theirs is None and ours is None:
                self._answer(want, got, report)
            else:
                self._rejection(report, theirs, ours)
        return report

    def _expected(self, name: str, X: Any) -> Any:
        return answer(self.source, name, X, alone=self.alone)

    def _other_kind(self) -> str:
        """In which methods and labels plan and estimator differ."""
        found = []
        ours, theirs = (
            [name for name in METHODS if name in methods and name not in EXTRAS]
            for methods in (self.plan.methods, self.graphs.optimized)
        )
        if ours != theirs:
            found.append(f"the plan has {', '.join(ours)}; {type(self.estimator).__name__} has {', '.join(theirs)}")
        both = self.plan.physical.attributes.get("classes_"), getattr(self.estimator, "classes_", None)
        labels = [each for each in both if isinstance(each, np.ndarray)]
        if len(labels) == 2 and labels[0].tolist() != labels[1].tolist():
            mine, other = (f"{listed(each.tolist())} ({each.dtype})" for each in labels)
            found.append(f"the plan has the labels {mine}, the estimator {other}")
        return "; ".join(found)

    def _answers(self, X: Any, report: Report) -> None:
        """A table that no graph holds: the answers alone are compared."""
        for name, method in report.methods.items():
            method.rows = _rows(X)
            got, error = _call(self.plan, name, X, alone=self.alone)
            if error is None:
                self._answer(self._expected(name, X), got, method)
            else:
                self._rejection(method, None, error)

    def _row(self, name: str, X: Any, row: Any, report: MethodReport) -> None:
        """One row that came as such, beside the table of it."""
        want, theirs = _call(self.source, name, X)
        got, ours = _call(self.plan, f"{name}_one", row)
        if theirs is not None or ours is not None:
            self._rejection(report, theirs, ours)
            return
        node, values = self._values(name, X)
        difference = difference_of(name, want, _as_one_row(got), node, values)
        if difference is not None:
            report.divergences.append(Divergence("answer", name, difference=difference, note="of one row"))

    def _nothing(self, X: Any, report: Report) -> None:
        """A table without rows."""
        for name, method in report.methods.items():
            want, theirs = _call(self.source, name, X)
            got, ours = _call(self.plan, name, X)
            if theirs is not None or ours is not None:
                self._rejection(method, theirs, ours)
            else:
                self._answer(want, got, method)

    @staticmethod
    def _rejection(report: MethodReport, theirs: Exception | None, ours: Exception | None) -> None:
        if (theirs is None) != (ours is None):
            note = f"estimator: {_shown(theirs) or 'accepts'}; plan: {_shown(ours) or 'accepts'}"
            report.divergences.append(Divergence("rejection", report.method, note=note))

    def _without_rejected(self, X: Any, report: Report) -> Any:
        """Rows that every method of the estimator takes; the plan has to reject the others, one by one."""
        methods = list(report.methods)
        accepted, rejected = split_rejected(X, lambda part: [self._expected(m, part) for m in methods])
        for row in rejected:
            for name in methods:
                theirs, ours = _call(self.source, name, row)[1], _call(self.plan, name, row)[1]
                self._rejection(report.methods[name], theirs, ours)
                report.rejection = report.rejection or " ".join(_shown(theirs).split())
        report.rejected_rows = len(rejected)
        report.boundary_rows = max(report.boundary_rows - len(rejected), 0)
        return accepted

    def _references(self, X: Any) -> dict[Node, Any]:
        outputs = [*self.graphs.imported.methods.values(), *self.graphs.optimized.values()]
        return interpret([output.node for output in outputs], self.in_fit_order(X))

    def _values(self, name: str, X: Any) -> tuple[Node | None, dict[Node, Any] | None]:
        """What makes the answer of a method, with all values of the graph; none where no graph holds the request."""
        node = self.graphs.imported.methods[name].node
        try:
            return node, interpret([node], self.in_fit_order(X))
        except (ValueError, TypeError):
            return None, None

    def _method(self, name: str, X: Any, reference: dict[Node, Any], report: MethodReport) -> None:
        report.rows = _rows(X)
        want = self._expected(name, X)
        got, error = _call(self.plan, name, X, alone=self.alone)
        found = report.divergences
        if error is not None:
            found.append(Divergence("rejection", name, note=f"the plan stops where the estimator does not: {error}"))
        left = [] if error is not None else self._left(name, X)
        some = rows_of(X, [row for row in range(_rows(X)) if row not in {*left}]) if left else X
        if left:
            reference = self._references(some) if _rows(some) else {}
        if error is None and _rows(some):
            ordered = self.in_fit_order(some)
            check_steps(self.plan, name, self.graphs, self.expected[name], self.store, some, ordered, report)
        if _rows(some):
            self._graphs(name, some, want if some is X else self._expected(name, some), reference, report)
        if error is not None:
            return
        node = self.graphs.imported.methods[name].node
        if not left or self._knows_labels(name):
            self._answer(want, got, report, node, reference)
            return
        for part, alone in ((some, self.alone), (rows_of(X, left), True)):  # of rows that are left, each is asked alone
            if _rows(part):
                want, (got, _) = answer(self.source, name, part, alone=alone), _call(self.plan, name, part, alone=alone)
                self._answer(want, got, report, node, reference)

    def _knows_labels(self, name: str) -> bool:
        """Whether a program stops at labels that it does not know, without which the plan itself answers."""
        method = self.plan.methods[name]
        return isinstance(method, Method) and any(leaf.form == "label set" for leaf in method.program.leaves)

    def _left(self, name: str, X: Any) -> list[int]:
        """The rows that a program stops at: the estimator answers those, or the plan without unknown labels."""
        method = self.plan.methods[name]
        if not isinstance(method, Method):
            return []
        if self._knows_labels(name):
            return [*method.rows_left(X)]
        unread = unread_rows(method, X)
        if unread or method.sparse_result or not leaves_rows(self.plan.physical):
            return unread
        return [row for row, _ in method.answer_apart(X)[1]]

    def _graphs(self, name: str, X: Any, want: Any, reference: dict[Node, Any], report: MethodReport) -> None:
        """Rewritten graph against imported graph against estimator, all in NumPy."""
        imported, optimized = self.graphs.imported.methods[name], self.graphs.optimized[name]
        other = self.graphs.sparse.get(name)
        if isinstance(other, Output) and is_sparse(X):
            self._sparse_graph(name, X, want, other, report)
            return
        if isinstance(imported.node, Opaque | Raw):
            return
        before, after = reference[imported.node], reference[optimized.node]
        exact = imported.node.properties().integral or self._is_exact(imported.node, optimized.node)
        difference = compare(before, after, exact=exact)
        if difference is not None:
            ordered = self.in_fit_order(X)
            rule = localize_rule(self.estimator, self.options, self.graphs.trace, name, ordered, before, exact)
            report.divergences.append(Divergence("rule", name, None, rule, difference=difference))
        made = to_method_result(imported, before)
        if self.alone and any(isinstance(node, Opaque) for node in toposort([imported.node])):
            return  # an opaque step saw all rows
        difference = difference_of(name, want, made, imported.node, reference)
        if difference is not None and (wide := _in_float64(X)) is not None:  # graphs compute in float64
            theirs, error = _call(self.source, name, wide, alone=self.alone)
            difference = difference if error is not None else compare(theirs, made, exact=False)
        if difference is not None:
            operator, origin = localize_import(self.estimator, self.in_fit_order(X), name)
            report.divergences.append(Divergence("import", name, None, operator, origin, difference))

    def _sparse_graph(self, name: str, X: Any, want: Any, output: Output, report: MethodReport) -> None:
        """The graph that answers sparse requests against the estimator, in NumPy."""
        if isinstance(output.node, Opaque | Raw):
            return
        values = interpret([output.node], X)
        found = to_method_result(output, values[output.node])
        want, found = (each.toarray() if is_sparse(each) else each for each in (want, found))
        difference = difference_of(name, want, found, output.node, values)
        if difference is not None:
            operator = type(self.estimator).__name__
            report.divergences.append(Divergence("import", name, None, operator, operator, difference))

    def _is_exact(self, *outputs: Node) -> bool:
        parity = {rule.name: rule.parity for rule in RULES}
        fired = {change.rule for change in self.graphs.trace}
        rules = all(parity.get(rule) is Parity.EXACT for rule in fired)
        return rules and all(node.parity is Parity.EXACT for node in toposort(outputs))

    def _answer(
        self,
        want: Any,
        got: Any,
        report: MethodReport,
        node: Node | None = None,
        reference: dict[Node, Any] | None = None,
    ) -> None:
        difference = difference_of(report.method, want, got, node, reference)
        if difference is None or difference.row >= 0:
            report.largest_absolute, report.largest_relative = magnitude(want, got)
            report.label_mismatches = _label_mismatches(want, got)
        if report.divergences:
            return
        if difference is not None:
            report.divergences.append(Divergence("answer", report.method, difference=difference))
        elif _dtype(want) != _dtype(got):
            note = f"expected dtype {_dtype(want)}, got {_dtype(got)}"
            report.divergences.append(Divergence("answer", report.method, note=note))


def _call(model: Any, method: str, X: Any, *, alone: bool = False) -> tuple[Any, Exception | None]:
    try:
        return answer(model, method, X, alone=alone), None
    except Exception as error:  # whatever it is, it is what the report has to say
        return None, error


def _in_float64(X: Any) -> Any:
    """A frame of several dtypes, or of float32, with all numbers and booleans as float64, or rows of float32 likewise;
    None for all else."""
    if getattr(X, "dtype", None) == np.float32:
        return X.astype(np.float64)
    if not hasattr(X, "iloc") or X.ndim != 2 or (X.dtypes.nunique() < 2 and not (X.dtypes == np.float32).any()):
        return None
    return X.astype({name: np.float64 for name, dtype in X.dtypes.items() if dtype.kind in "fiub"})


def _shown(error: Exception | None) -> str:
    return "" if error is None else f"{type(error).__name__}: {error!s:.200}"


def _as_one_row(answer: Any) -> Any:
    """The answer for one row as the answer for a table of it."""
    if isinstance(answer, list | tuple):
        return [_as_one_row(part) for part in answer]
    return answer if is_sparse(answer) else np.asarray([answer])


def _rows(X: Any) -> int:
    if X is None:
        return 0
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)


def _dtype(answer: Any) -> str:
    if isinstance(answer, list | tuple):
        return ", ".join(_dtype(part) for part in answer)
    if hasattr(answer, "dtypes") and not hasattr(answer, "dtype"):
        return str(list(answer.dtypes))
    return str(answer.dtype if hasattr(answer, "dtype") else np.asarray(answer).dtype)


def _label_mismatches(want: Any, got: Any) -> int:
    a = np.asarray(want) if not hasattr(want, "tocsr") and not isinstance(want, list) else None
    if a is None or a.dtype.kind in "fc":
        return 0
    difference = compare(want, got, exact=True)
    return 0 if difference is None else difference.count
