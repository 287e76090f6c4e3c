"""The physical plan: the contract between oven and runtime. Plain data, no behaviour.

Arrays are named by content digest and live in an object store; the plan holds digests only.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from pretzel.input_spec import ANY_TABLE
from pretzel.input_spec import InputKind as InputKind
from pretzel.input_spec import InputSpec as InputSpec
from pretzel.packed import Packed
from pretzel.schema import FLOAT64

if TYPE_CHECKING:
    import numpy.typing as npt

    from pretzel.schema import DTypeRule, Kind


Estimator = Annotated[Any, "is called from Python"]
"""A fitted estimator that a plan holds, because a step of it has no native form."""


class LeafKind(enum.Enum):
    """How columns of a request are read."""

    NUMERIC = "numeric"
    CELLS = "cells"
    TEXT = "text"
    SPARSE = "sparse"


@dataclass(frozen=True, slots=True)
class Leaf:
    """How one leaf of a program is read.

    Parameters
    ----------
    kind : LeafKind
    columns : tuple of int
        Columns of the source.
    source : int
        0 is the request; 1, 2, ... are the outputs of opaque steps.
    lower, accents : bool, str or None
        Whether texts are converted to lower case, and how accents are stripped from them.
    encoding, decode_error : str
        How texts that come as bytes are decoded.
    float32 : bool
        The numbers are compared as float32 only: whole numbers are rounded to it at once.
    verbatim : bool
        The values reach a result as they came: texts are not parsed.
    """

    kind: LeafKind
    columns: tuple[int, ...]
    source: int = 0
    lower: bool = False
    accents: str | None = None
    encoding: str = "utf-8"
    decode_error: str = "strict"
    float32: bool = False
    verbatim: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """Type of one value of a program.

    Parameters
    ----------
    kind : Kind
    width : int
        Columns per row.
    parts : tuple of int
        For a concatenation, the numbers of the values that lie side by side in it. No call makes such a value.
    """

    kind: Kind
    width: int
    parts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Call:
    """A kernel with its parameters.

    Parameters
    ----------
    kernel : str
    params : tuple of bytes or None
        Digest of each parameter that is read at run time, else None.
    state : bytes or None
        Digest of what the kernel was bound to.
    label : str
        The computation in words.
    columnwise : bool
        Column j of the result comes from column j of the only input alone.
    """

    kernel: str
    params: tuple[bytes | None, ...]
    state: bytes | None
    label: str
    columnwise: bool = False


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Stage:
    """Calls between two pipeline breakers; a row tile runs through all of them.

    ``digest`` names the computation together with everything before it, down to the columns it reads: stages of two
    models with one digest give one result for one row, and are one object in the store.
    """

    digest: bytes
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """How a program connects one call.

    Parameters
    ----------
    inputs : tuple of int
        Numbers of the values that the call reads.
    output : int
        Number of the value that it makes; -1 for a check, which makes none.
    origin : str
        Part of the source estimator that the call comes from.
    """

    inputs: tuple[int, ...]
    output: int
    origin: str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class ProgramShape:
    """The data flow of a program in SSA form; models that differ in numbers only have the same one.

    Every value has one number and is made once. The leaves come first: leaf ``i`` is value ``i``. Whatever a value is
    made from has a smaller number.

    Parameters
    ----------
    leaves : tuple of Leaf
    values : tuple of Value
        Types of all values, by number.
    steps : tuple of Step
        One for each call, in the order in which the calls run.
    output : int
        Number of the result.
    """

    leaves: tuple[Leaf, ...]
    values: tuple[Value, ...]
    steps: tuple[Step, ...]
    output: int


@dataclass(frozen=True, slots=True)
class Program:
    """A native program: leaves are read, stages run in order, one value is the result.

    Parameters
    ----------
    shape : ProgramShape
    stages : tuple of Stage
        The calls, in the order of ``shape.steps``.
    """

    shape: ProgramShape
    stages: tuple[Stage, ...]

    @property
    def leaves(self) -> tuple[Leaf, ...]:
        """How the leaves are read."""
        return self.shape.leaves

    @property
    def values(self) -> tuple[Value, ...]:
        """Types of all values, by number."""
        return self.shape.values

    @property
    def steps(self) -> tuple[Step, ...]:
        """How each call is connected."""
        return self.shape.steps

    @property
    def output(self) -> int:
        """Number of the result."""
        return self.shape.output

    @property
    def calls(self) -> tuple[Call, ...]:
        """All calls, in the order in which they run."""
        return tuple(call for stage in self.stages for call in stage.calls)


@dataclass(frozen=True, slots=True)
class LeafTypes:
    """What the common dtype of a leaf's columns decides, or that of ``each``, where a step is given frames as they are.

    It ``matters`` to how a result is computed, or ``decides`` about the dtype of the result. Where it is one that the
    leaf ``refuses``, another plan answers; float32 is refused beside leaves that are not float32.
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
class MethodPlan:
    """One method of the estimator: opaque steps first, then the program that makes the result.

    Without a program the last opaque step's value is the result as it is. ``otherwise`` answers requests with values
    that the program cannot hold, and all but arrays if ``arrays_only``. ``sparse`` answers sparse requests, or is the
    reason why the source rejects them; None where the program reads them. Its result has the format of the request
    where ``keeps_format``. ``names_out`` are the names of its columns, where scikit-learn's configuration may ask for
    frames. The other fields are those of ``pretzel.oven.ir.graph.Output``.

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
    sparse: MethodPlan | str | None = None
    keeps_format: bool = False
    names_out: Packed | None = None
    variants: dict[str, MethodPlan] = field(default_factory=dict)
    from_source: tuple[str, ...] = ()


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
    """

    input: InputSpec
    methods: dict[str, MethodPlan]
    attributes: dict[str, Any] = field(default_factory=dict)
    objects: tuple[bytes, ...] = ()
    report: Packed = field(default_factory=lambda: Packed({}))
    graph: StoredGraph | None = None
    names_out: Packed | None = None
