"""What a verification found."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place at which two values differ, and by how much they differ at most.

    Parameters
    ----------
    row, column : int
        -1 where the shapes differ.
    expected, got : object
    ulps : int or None
        Doubles between the two; None for what is not a number.
    count : int
        Cells that differ.
    largest : float
        Largest absolute difference of all cells.
    """

    row: int
    column: int
    expected: Any
    got: Any
    ulps: int | None = None
    count: int = 1
    largest: float = 0.0


@dataclass(frozen=True, slots=True)
class Divergence:
    """One fault, blamed on one place.

    Parameters
    ----------
    kind : str
        ``"structure"``: the plan was not compiled from this estimator with these options.
        ``"parameters"``: a step has other parameters than the estimator's.
        ``"input"``: a leaf does not read what the estimator reads.
        ``"kernel"``: a native step departs from its reference on the same inputs.
        ``"rule"``: a rewrite changed the value of the graph.
        ``"import"``: the imported graph is not what the estimator computes.
        ``"answer"``: everything before agrees, but the answer is presented otherwise.
        ``"rejection"``: one side rejects the input, the other does not.
    method : str
        Method of the estimator.
    stage : int or None
        Number of the stage in the program of the method.
    operator : str
        Operator, rule or estimator that is to blame.
    origin : str
        Which part of the estimator it came from.
    difference : Difference or None
    note : str
    """

    kind: str
    method: str
    stage: int | None = None
    operator: str = ""
    origin: str = ""
    difference: Difference | None = None
    note: str = ""

    @property
    def row(self) -> int | None:
        """Row of the first cell that differs."""
        return None if self.difference is None else self.difference.row

    @property
    def column(self) -> int | None:
        """Column of the first cell that differs."""
        return None if self.difference is None else self.difference.column

    @property
    def expected(self) -> Any:
        """What should be there."""
        return None if self.difference is None else self.difference.expected

    @property
    def got(self) -> Any:
        """What is there."""
        return None if self.difference is None else self.difference.got

    @property
    def ulps(self) -> int | None:
        """Doubles between expected and got."""
        return None if self.difference is None else self.difference.ulps

    def __str__(self) -> str:
        where = f"{self.method}: {self.kind}"
        if self.stage is not None:
            where += f" in stage {self.stage}"
        if self.operator:
            where += f", {self.operator}"
        if self.origin:
            where += f" [{self.origin}]"
        d = self.difference
        if d is not None:
            ulps = "" if d.ulps is None else f" ({d.ulps:,} ulps apart)"
            cell = f": row {d.row}, column {d.column}" if d.row >= 0 else ""  # else it is the form that differs
            where += f"{cell}: expected {d.expected!r}, got {d.got!r}{ulps}"
            if d.count > 1:
                where += f"; {d.count:,} cells differ, by {d.largest:.3g} at most"
        return f"{where}{'; ' if self.note and d is not None else ': ' if self.note else ''}{self.note}"


@dataclass(slots=True)
class MethodReport:
    """How one method came out: largest differences from the estimator, labels that differ, faults."""

    method: str
    rows: int = 0
    largest_absolute: float = 0.0
    largest_relative: float = 0.0
    label_mismatches: int = 0
    steps: int = 0
    opaque: int = 0
    divergences: list[Divergence] = field(default_factory=list)

    def __str__(self) -> str:
        verdict = "ok" if self.rows else "nothing compared"
        if self.divergences:
            verdict = f"{len(self.divergences)} fault(s)"
        return (
            f"{self.method}: {verdict}; {self.rows:,} rows, {self.steps} native and {self.opaque} opaque step(s); "
            f"largest difference {self.largest_absolute:.3g} absolute, {self.largest_relative:.3g} relative, "
            f"{self.label_mismatches} label(s) differ"
        )


@dataclass(slots=True)
class Report:
    """The outcome of `verify`; true when rows were compared and nothing departs.

    ``other_kind`` says which methods or labels plan and estimator have, where these differ.
    """

    model: str
    methods: dict[str, MethodReport] = field(default_factory=dict)
    boundary_rows: int = 0
    rejected_rows: int = 0
    rejection: str = ""
    other_kind: str = ""

    @property
    def divergences(self) -> list[Divergence]:
        """All faults of all methods."""
        return [fault for method in self.methods.values() for fault in method.divergences]

    @property
    def first_divergence(self) -> Divergence | None:
        """The first fault, or None."""
        return next(iter(self.divergences), None)

    @property
    def ok(self) -> bool:
        """Nothing departs, and not every row was rejected by both sides."""
        return not self.divergences and not self._nothing_compared

    @property
    def _nothing_compared(self) -> bool:
        return self.rejected_rows > 0 and not any(method.rows for method in self.methods.values())

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        extra = f" ({self.boundary_rows} of them on boundaries)" if self.boundary_rows else ""
        rejected = f"; {self.rejected_rows} row(s) rejected by both sides" if self.rejected_rows else ""
        rows = max((method.rows for method in self.methods.values()), default=0)
        lines = [f"{self.model}: {'DIVERGES' if self.divergences else 'ok'} on {rows:,} rows{extra}{rejected}"]
        if self._nothing_compared and not self.divergences:
            lines = [f"{self.model}: NOTHING COMPARED{rejected}: {self.rejection}"]
        if self.divergences and self.other_kind:
            lines.append(f"  another kind of model: {self.other_kind}")
        for method in self.methods.values():
            lines.append(f"  {method}")
            lines += [f"    {fault}" for fault in method.divergences]
        return "\n".join(lines)
