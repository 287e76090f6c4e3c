"""Programs: what a plan runs natively, as plain data in SSA form. Arrays are named by digest."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pretzel.dates import WIDTH
from pretzel.schema import Positions, as_positions

if TYPE_CHECKING:
    from pretzel.schema import Kind


class LeafKind(enum.Enum):
    """How columns of a request are read."""

    NUMERIC = "numeric"
    CELLS = "cells"
    TEXT = "text"
    DATES = "dates"
    ITEMS = "items"
    ROWS = "rows"  # none of their columns: how many there are
    SPARSE = "sparse"


LABEL_FORMS = ("label", "text label", "whole label", "code")
"""Items that are labels: any, texts, whole numbers, and the integers that an encoder has made of labels."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """How one leaf of a program is read.

    Parameters
    ----------
    kind : LeafKind
    columns : tuple of int, or range
        Columns of the source, as `pretzel.schema.as_positions` makes them.
    source : int
        0 is the request; 1, 2, ... are the outputs of opaque steps. Of a sub-plan: which value of the call that runs
        it, counted behind the codes of a branch.
    lower, accents : bool, str or None
        Whether texts are converted to lower case, and how accents are stripped from them.
    encoding, decode_error : str
        How texts that come as bytes are decoded.
    float32 : bool
        The numbers are compared as float32 only: whole numbers are rounded to it at once.
    verbatim : bool
        The values reach a result as they came: texts are not parsed.
    form : str
        What the items are: ``"named"``, dicts of features as DictVectorizer takes them, the ``input_type`` of a
        FeatureHasher, ``"label set"``, labels as MultiLabelBinarizer takes them, or one of `LABEL_FORMS`. Empty where
        there are none.
    separator : str
        Stands between the name of a feature and a value that is a text.
    missing : bool
        Documents may be missing; what is no text is left to the step behind.
    zone, unit : str
        Time zone in which a column of dates is read, and what they are rounded down to: see `pretzel.dates`.
    """

    kind: LeafKind
    columns: Positions
    source: int = 0
    lower: bool = False
    accents: str | None = None
    encoding: str = "utf-8"
    decode_error: str = "strict"
    float32: bool = False
    verbatim: bool = False
    form: str = ""
    separator: str = "="
    missing: bool = False
    zone: str = ""
    unit: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", as_positions(self.columns))

    @property
    def width(self) -> int:
        """Numbers or cells of a row."""
        return WIDTH if self.kind is LeafKind.DATES else len(self.columns)


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
    bodies : tuple of SubPlan
        What the calls ``branch`` and ``loop`` run: a sub-plan for each code, or one.
    """

    kernel: str
    params: tuple[bytes | None, ...]
    state: bytes | None
    label: str
    columnwise: bool = False
    bodies: tuple[SubPlan, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class SubPlan:
    """A program that calls of other programs run. A store has one object for equal ones.

    Parameters
    ----------
    shape : ProgramShape
        Its leaves are values of the call, and its result is dense.
    calls : tuple of Call
        In the order of ``shape.steps``.
    """

    shape: ProgramShape
    calls: tuple[Call, ...]

    @property
    def program(self) -> Program:
        """The sub-plan as a program of one stage."""
        return Program(self.shape, (Stage(b"", self.calls),))


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

    @property
    def subplans(self) -> tuple[SubPlan, ...]:
        """All sub-plans, each once and behind those that it runs."""
        return subplans_of(self.calls)

    @property
    def all_calls(self) -> tuple[Call, ...]:
        """All calls, then those of all sub-plans."""
        return (*self.calls, *(call for subplan in self.subplans for call in subplan.calls))


def subplans_of(calls: tuple[Call, ...]) -> tuple[SubPlan, ...]:
    """The sub-plans that some calls run, each once and behind those that it runs itself."""
    found: dict[SubPlan, None] = {}
    stack = [body for call in reversed(calls) for body in reversed(call.bodies)]
    while stack:
        inside = [] if stack[-1] in found else [body for call in stack[-1].calls for body in call.bodies]
        missing = [body for body in inside if body not in found]
        stack += reversed(missing)
        if not missing:
            found[stack.pop()] = None
    return tuple(found)
