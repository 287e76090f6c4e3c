"""Values of a graph that is being built, as adapters want to read them: numbers, cells, documents, some columns."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CompileError
from pretzel.oven.frontends.contradictions import check_labels, contradiction
from pretzel.oven.frontends.forms import (
    Beside,
    Columns,
    Dated,
    Relabelled,
    TwoForms,
    arranged,
    beside,
    made_for_checks,
    places_of,
    two_forms,
)
from pretzel.oven.frontends.registry import Unsupported, has_trait
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import (
    CellLeaf,
    ItemLeaf,
    NumericLeaf,
    Raw,
    RowLeaf,
    Select,
    SparseLeaf,
    TextLeaf,
    deciding_leaves,
)
from pretzel.oven.ir.concat import Concat, Densify
from pretzel.oven.ir.feature_selection import select_sparse
from pretzel.oven.ir.graph import Node, Output, replace, toposort
from pretzel.oven.ir.impute import imputed_together
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.opaque import Opaque
from pretzel.schema import Kind, Positions, as_positions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


DENSE_WIDTH = 256
"""Columns up to which the dense program of a single predictor reads sparse requests, too: the answers are the same."""

SEVERAL = "several"
"""Beside the dtypes that a graph is for: each of several leaves may have one of them, or another one."""

Refusal = tuple[frozenset[str], bool]
"""dtypes with which a step does not compute natively, and whether each column counts, because it is given frames."""


class ValueReader:
    """Turns values into leaves and other nodes, and remembers which part of the estimator made each node.

    Parameters
    ----------
    check : callable
        Is given every node that an adapter makes, and raises where the node does not fit its inputs.
    """

    def __init__(self, check: Callable[[Node], None], requests: frozenset[str] = frozenset()) -> None:
        self._check = check
        self._verified: set[Node] = set()
        self.origins: dict[Node, str] = {}
        self.excluded: set[str] = set()
        self.refusals: dict[Node, Refusal] = {}  # by the leaf
        self.interpolated: set[Node] = set()  # bins whose edges lie between values of the training data
        self._checks: dict[Node, Node] = {}  # what has become of each check: a chain makes a longer one for each link
        self._requests = requests
        self._path: list[str] = []
        self._loops = 0

    def new_loop(self) -> int:
        """A number that no other loop of this import has."""
        self._loops += 1
        return self._loops

    def exclude(self, x: Node, dtypes: Iterable[str], reason: str, *, each: bool = False) -> None:
        """Say that the native form of a step does not serve ``x`` where the columns that it reads have these dtypes.

        Parameters
        ----------
        x : Node
            What the step is given.
        dtypes : iterable of str
        reason : str
        each : bool
            The step is given frames as they are, in which each column has its own dtype.

        Raises
        ------
        Unsupported
            The graph is for such a request.
        """
        if not self.serves(x, dtypes, each=each):
            raise Unsupported(reason)

    def serves(self, x: Node, dtypes: Iterable[str], *, each: bool = False) -> bool:
        """Whether a method that is native but for requests of these dtypes is native in this graph: see `exclude`."""
        names = frozenset(dtypes)
        if not self._requests.isdisjoint(names):
            return False
        self.excluded |= names
        for leaf in deciding_leaves(x):
            known, known_each = self.refusals.get(leaf, (frozenset(), False))
            self.refusals[leaf] = known | names, known_each or each
        return True

    def is_of(self, x: Node, dtypes: Iterable[str], reason: str) -> bool:
        """Whether the graph is for requests in which all columns of ``x`` together have one of these dtypes.

        Raises
        ------
        Unsupported
            The dtype of several leaves decides about the graph.
        """
        if self.serves(x, dtypes):
            return False
        if SEVERAL in self._requests or len(set(deciding_leaves(x))) != 1:
            raise Unsupported(reason)
        return True

    def without_dtypes(self, x: Node) -> Node:
        """``x`` for a step that is given it as a frame of polars, in which scikit-learn does not recognise float32."""
        if not isinstance(x, TwoForms):
            return x
        parts = x.native.inputs if isinstance(x.native, Beside) else (x.native,)
        read = [self.dense(part) if isinstance(part, Raw) and part.columns else part for part in parts]
        numbers = [node for node in read if not isinstance(node, Raw) and node.schema().kind is not Kind.CELLS]
        short = [node for node in numbers if node.schema().dtype.dtype_for("float32") == np.float32]
        return x if all([self.serves(node, ["float16", "float32"]) for node in short]) else x.source

    def dense(self, x: Node) -> Node:
        """``x`` as a dense node of float64 columns."""
        x = self.plain(x)
        if isinstance(x, Raw):
            return self.note(NumericLeaf(x.inputs, _known(x)))
        kind = x.schema().kind
        if kind is Kind.SPARSE:
            return self.note(Densify((x,)))
        if kind is Kind.CELLS:
            raise Unsupported("text where numbers are expected")
        return x

    def numeric(self, x: Node) -> Node:
        """``x`` as numbers, sparse rows left sparse: for consumers that read both."""
        x = self.plain(x)
        if isinstance(x, Raw) and makes_sparse(x):
            return self.note(SparseLeaf(x.inputs, len(_known(x))))
        return x if not isinstance(x, Raw) and x.schema().kind is Kind.SPARSE else self.dense(x)

    def cells(self, x: Node) -> Node:
        """``x`` as cells: values as the caller wrote them."""
        x = self.plain(x)
        if isinstance(x, Raw):
            return self.note(CellLeaf(x.inputs, _known(x)))
        if x.schema().kind is not Kind.CELLS:
            raise Unsupported("numbers where the caller's own values are expected")
        return x

    def text(self, x: Node, vectorizer: Any, *, lower: bool, accents: str | None) -> Node:
        """``x`` as one column of documents, decoded as ``vectorizer`` does, and normalised as asked if not ASCII."""
        x = self.plain(x)
        if not isinstance(x, Raw) or len(x.columns) > 1:
            raise Unsupported("documents can only be read from the request or from an opaque step")
        column = x.columns[0] if x.columns else 0
        return self.note(TextLeaf(x.inputs, column, lower, accents, vectorizer.encoding, vectorizer.decode_error))

    def rows(self, x: Node) -> Node:
        """The rows of ``x``, for consumers that read none of its values."""
        x = self.plain(x)
        return self.note(RowLeaf(x.inputs)) if isinstance(x, Raw) else x

    def items(self, x: Node, form: str, separator: str) -> Node:
        """``x`` as items of this form: dicts of features, pairs, tokens or labels."""
        x = self.plain(x)
        if not isinstance(x, Raw) or x.inputs or x.columns:
            raise Unsupported("items can only be read from a request that is a list of them")
        return self.note(ItemLeaf((), form, separator))

    def finite(self, x: Node, estimator: Any, *, allow_nan: bool = False, float32: bool = False) -> Node:
        """``x`` after the check that ``estimator`` makes of its input.

        The check goes to the parts of a concatenation, so that rules see through it. It is left out where the value
        passes whatever the request holds; one that only earlier checks make superfluous is left to the rules.
        """
        check = CheckFinite((x,), type(estimator).__name__, allow_nan, float32)
        if check in self._checks:
            return self._checks[check]
        found: Node = check
        if check.passes(x.properties(checks=False)):
            found = x
        elif isinstance(x, Concat | Densify):
            checked = (self.finite(part, estimator, allow_nan=allow_nan, float32=float32) for part in x.inputs)
            found = replace(x, inputs=tuple(checked))
        self._checks[check] = found
        return found if found is x else self.note(found)

    def select(self, x: Node, columns: tuple[int, ...], *, scalar: bool = False) -> Node:
        """Some columns of ``x``."""
        if isinstance(x, TwoForms):
            native, source = (self.select(form, columns, scalar=scalar) for form in (x.native, x.source))
            return two_forms(native, source, x.token, x.first_for)
        if isinstance(x, Raw):
            return Raw(x.inputs, tuple(_known(x)[i] for i in columns), scalar, True)
        if isinstance(x, Columns):
            places = places_of(x)
            found = arranged([places[i] for i in columns], made_for_checks(x))
            return Raw(found.inputs, found.columns, scalar, True) if isinstance(found, Raw) else found
        if isinstance(x, Beside):
            return self._select_beside(x, columns, scalar)
        if x.schema().kind is Kind.SPARSE and list(columns) == sorted(set(columns)):
            return self.note(select_sparse(x, columns))
        if x.schema().kind is Kind.CELLS and as_positions(columns) == range(x.schema().width):
            return x
        return self.note(Select((self.dense(x),), columns))

    def _select_beside(self, x: Beside, columns: tuple[int, ...], scalar: bool) -> Node:
        """Columns of parts that stand side by side, in runs of columns of one part."""
        ends = np.cumsum(x.widths)
        runs: list[tuple[int, list[int]]] = []
        for column in columns:
            part = int(np.searchsorted(ends, column, side="right"))
            if not runs or runs[-1][0] != part:
                runs.append((part, []))
            runs[-1][1].append(column - int(ends[part] - x.widths[part]))
        found = [self.select(x.inputs[part], tuple(run), scalar=scalar) for part, run in runs]
        return beside(found, keep_sparse=x.keep_sparse)

    def concat(self, parts: list[Node], *, keep_sparse: bool = True) -> Node:
        """``parts`` side by side, as numbers."""
        parts = [self.numeric(part) for part in parts]
        if not keep_sparse:
            parts = [self.dense(part) for part in parts]
        return parts[0] if len(parts) == 1 else self.note(Concat(tuple(parts)))

    def plain(self, x: Node) -> Node:
        """``x`` in the form that adapters of single estimators read.

        Raises
        ------
        Unsupported
            Text stands beside numbers, or in place of other values.
        """
        if isinstance(x, TwoForms):
            return self.plain(x.native)
        if isinstance(x, Relabelled):
            raise Unsupported("labels that only an encoder behind them reads natively")
        if isinstance(x, Dated):
            raise Unsupported("dates that only an encoder of dates reads natively")
        if isinstance(x, Columns):
            found = self.concat(list(x.whole), keep_sparse=False)
            return found if x.order == tuple(range(found.schema().width)) else self.note(Select((found,), x.order))
        if not isinstance(x, Beside):
            return x
        texts = all(not isinstance(part, Raw) and part.schema().kind is Kind.CELLS for part in x.inputs)
        if texts and (together := imputed_together(x.inputs)) is not None:
            return self.note(together)
        return self.concat(list(x.inputs), keep_sparse=x.keep_sparse)

    def note(self, node: Node) -> Node:
        """Remember which part of the estimator made ``node``."""
        self.origins.setdefault(node, ".".join(self._path))
        return node

    def note_inputs(self, old: Node, new: Node) -> None:
        """Remember that what ``new`` reads is what ``old`` reads, with other fields."""
        for given, read in zip(old.inputs, new.inputs, strict=True):
            if given in self.origins:
                self.origins.setdefault(read, self.origins[given])

    def _take(self, output: Output) -> None:
        """Check and note what an adapter made."""
        for each in toposort([output.node], known=self._verified):
            self.note(each)
            if isinstance(each, Beside | Dated | Relabelled | TwoForms):
                continue
            self._check(each)
            self._verified.add(each)
            if isinstance(each, Linear) and not np.isfinite(each.weights).all():
                raise Unsupported("weights that are not finite, which sparse rows skip where they have no entry")
        check_labels(output)

    @contextlib.contextmanager
    def _inside(self, estimator: Any, name: str) -> Iterator[None]:
        """Extend the path that `note` records by a nested estimator."""
        self._path.append(name or type(estimator).__name__)
        try:
            with self._reading(estimator):
                yield
        finally:
            self._path.pop()

    @contextlib.contextmanager
    def _reading(self, estimator: Any) -> Iterator[None]:
        """Name the estimator in what goes wrong while it is read."""
        try:
            yield
        except (CompileError, Unsupported):
            raise
        except Exception as error:  # junk in an attribute raises anything
            raise contradiction(estimator, ".".join(self._path), error) from error


def _known(x: Raw) -> Positions:
    """The columns of ``x``."""
    if not x.columns:
        raise Unsupported("the number of columns that it receives is not known")
    return x.columns


def makes_sparse(x: Node) -> bool:
    """Whether ``x`` is the whole value, of known width, of an opaque step that makes sparse rows."""
    if not isinstance(x, Raw) or x.selected or not x.inputs or not x.columns:
        return False
    made = x.inputs[0]
    return isinstance(made, Opaque) and made.method == "transform" and has_trait(made.estimator, "makes_sparse")
