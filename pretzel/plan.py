"""The physical plan: the contract between oven and runtime. Plain data, no behaviour.

Arrays are named by content digest and live in an object store; the plan holds digests only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pretzel.input_spec import ANY_TABLE, InputSpec
from pretzel.packed import Packed
from pretzel.program import Program  # noqa: TC001  (readers of plan files ask for the types)
from pretzel.schema import FLOAT64

if TYPE_CHECKING:
    import numpy.typing as npt

    from pretzel.schema import DTypeRule


Estimator = Annotated[Any, "is called from Python"]
"""A fitted estimator that a plan holds, because a step of it has no native form."""


@dataclass(frozen=True, slots=True)
class LeafTypes:
    """What the common dtype of a leaf's columns decides, or that of ``each``, where a step is given frames as they are.

    It ``matters`` to how a result is computed, or ``decides`` about the dtype of the result. Where it is one that the
    leaf ``refuses``, another plan answers; float32 is refused beside what is not float32: another leaf, or a column
    where ``each`` counts.
    """

    matters: bool = True
    decides: bool = True
    refuses: tuple[str, ...] = ()
    each: bool = False


@dataclass(frozen=True, slots=True)
class OpaqueStep:
    """A call of the estimator itself.

    ``program`` computes its argument, with ``dtype`` and ``typed`` as in `MethodPlan`; without one it takes columns of
    a source as they are (``columns`` None: the whole object). ``result`` says how its result is read: a width of 0 is
    not known, and a vector is one column. Where ``makes_float64``, its dtype is known, and chooses no variant.
    """

    estimator: Estimator
    method: str
    output: int  # number of the source this makes
    program: Program | None = None
    source: int = 0
    columns: tuple[int, ...] | None = None
    scalar: bool = False
    origin: str = ""
    reason: str = ""
    result: InputSpec = ANY_TABLE
    dtype: DTypeRule = FLOAT64
    typed: tuple[LeafTypes, ...] = ()
    makes_float64: bool = False

    @property
    def name(self) -> str:
        """Class and method, for messages."""
        return f"{type(self.estimator).__name__}.{self.method}"


@dataclass(frozen=True, slots=True)
class PassedOn:
    """Columns of a result, from ``start`` on, that are ``columns`` of the request as they came, whatever they hold.

    From those that are ``numbers``, other columns of the result are computed.
    """

    start: int
    columns: tuple[int, ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class MethodPlan:
    """One method of the estimator: opaque steps first, then the program that makes the result.

    Without a program the last opaque step's value is the result as it is. ``otherwise`` answers requests with values
    that the program cannot hold, and all but arrays if ``arrays_only``. Without it, values that are ``passed_on`` may
    be anything; a text says why they may not. ``sparse`` answers sparse requests, or is the reason why the source
    rejects them; None where the program reads them. Its result has the format of the request where ``keeps_format``.
    ``names_out`` are the names of its columns, where scikit-learn's configuration may ask for frames. ``input`` says
    what its requests are where they are not those of the plan: ``inverse_transform`` takes results of ``transform``.
    The other fields are those of ``pretzel.oven.ir.graph.Output``.

    Parameters
    ----------
    dtype : DTypeRule
        dtype of the result.
    typed : tuple of LeafTypes
        One for each leaf; none where no dtype matters.
    variants : dict of str to MethodPlan
        The plans for requests of which a leaf refuses one of these dtypes, or whose leaves all have it. Columns of the
        values of opaque steps count like those of the request.
    from_source : tuple of str
        Such dtypes for which there is no plan: scikit-learn computes in them, or passes them on.
    """

    program: Program | None
    opaque: tuple[OpaqueStep, ...] = ()
    ndim: int = 2
    labels: tuple[npt.NDArray[Any], ...] | None = None
    dtype: DTypeRule = FLOAT64
    list_of: tuple[int, ...] | None = None
    typed: tuple[LeafTypes, ...] = ()
    needs_rows: bool = True
    otherwise: MethodPlan | None = None
    arrays_only: bool = False
    passed_on: tuple[PassedOn, ...] | str = ()
    sparse: MethodPlan | str | None = None
    keeps_format: bool = False
    names_out: Packed | None = None
    variants: dict[str, MethodPlan] = field(default_factory=dict)
    from_source: tuple[str, ...] = ()
    input: InputSpec | None = None


@dataclass(frozen=True, slots=True)
class StoredGraph:
    """The optimized logical graph of all methods, from which a plan can be lowered again.

    Parameters
    ----------
    structure : Packed
        Operators by their stable names, and how they are connected: one object for models that differ in arrays only.
    arrays : bytes
        Digests of the arrays that ``structure`` refers to, sixteen bytes each. The store holds those that kernels read
        at run time.
    estimators : tuple
        The estimators that opaque nodes call, in the order of these nodes.
    """

    structure: Packed
    arrays: bytes
    estimators: tuple[Estimator, ...] = ()


@dataclass(frozen=True, slots=True)
class PhysicalPlan:
    """A compiled estimator.

    Parameters
    ----------
    input : InputSpec
    methods : dict of str to MethodPlan
    attributes : dict
        Fitted attributes that callers of the estimator read: ``classes_``, ``n_features_in_``, ...
    objects : tuple of bytes
        Digests of everything in the store that the programs refer to.
    report : Packed
        What ``explain`` shows: graphs, rule trace, options, compile time.
    graph : StoredGraph or None
    names_out : Packed or None
        What ``get_feature_names_out`` of the source returns, where that are texts.
    columns : Packed or None
        What each column of a request holds.
    """

    input: InputSpec
    methods: dict[str, MethodPlan]
    attributes: dict[str, Any] = field(default_factory=dict)
    objects: tuple[bytes, ...] = ()
    report: Packed = field(default_factory=lambda: Packed({}))
    graph: StoredGraph | None = None
    names_out: Packed | None = None
    columns: Packed | None = None
