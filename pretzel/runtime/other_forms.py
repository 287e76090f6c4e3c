"""Answers to requests for which the program of a method is not made: sparse rows, values that are no numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputTypeError
from pretzel.plan import MethodPlan
from pretzel.runtime.input.source_form import is_sparse, of_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.plan import InputSpec


class OtherForms:
    """The other answers of one method.

    Parameters
    ----------
    plan : MethodPlan
    spec : InputSpec
    name : str
        Name of the model in messages.
    load : callable
        ``load(plan, spec)`` makes a callable method of a plan.
    """

    def __init__(
        self,
        plan: MethodPlan,
        spec: InputSpec,
        name: str,
        load: Callable[[MethodPlan, InputSpec], Callable[[Any], Any]],
    ) -> None:
        self.spec = spec
        self.name = name
        self._rejection = plan.sparse if isinstance(plan.sparse, str) else ""
        # Sparse rows have no names, so that all columns are there, in the order of the fit.
        whole = replace(spec, required=tuple(range(spec.width)), any_order=False)
        self._sparse = load(plan.sparse, whole) if isinstance(plan.sparse, MethodPlan) else None
        # What the source makes itself has its form.
        self._takes_sparse = plan.sparse is not None
        self._presents = isinstance(plan.sparse, MethodPlan) and plan.sparse.program is not None
        self._keeps_format = plan.keeps_format
        self._arrays_only = plan.arrays_only
        self._otherwise = None if plan.otherwise is None else load(plan.otherwise, spec)

    @property
    def takes_values(self) -> bool:
        """Whether values that the program cannot hold have an answer."""
        return self._otherwise is not None

    def takes(self, X: Any) -> bool:
        """Whether the form of a request alone decides that it is answered here."""
        return (self._arrays_only and type(X) is not np.ndarray) or (self._takes_sparse and is_sparse(X))

    def __call__(self, X: Any) -> Any:
        """Answer for every row of ``X``, whose form is taken."""
        if not self._takes_sparse or not is_sparse(X):
            assert self._otherwise is not None
            return self._otherwise(X)
        if self._sparse is None:
            raise InputTypeError(f"{self.name}: {self._rejection}: send an array or a DataFrame")
        return self._presented(X, self._sparse(X))

    def _presented(self, X: Any, answer: Any) -> Any:
        """Sparse rows in the form of the request, which is a matrix or an array."""
        if not self._presents or not is_sparse(answer):
            return answer
        from scipy import sparse

        made = sparse.csr_array(answer) if isinstance(X, sparse.sparray) else answer
        return made.tocsc() if self._keeps_format and X.format == "csc" else made

    def instead(self, X: Any, error: InputTypeError) -> Any:
        """Answer for rows with values that the program rejects with ``error``, as it stands where the source fails."""
        assert self._otherwise is not None
        try:
            return self._otherwise(X)
        except (TypeError, ValueError, OverflowError) as own:
            raise error from own

    def call_row(self, row: Any) -> Any:
        """Answer for one row that the program cannot hold."""
        assert self._otherwise is not None
        answer = self._otherwise(of_row(self.spec, self.name, row))
        return answer.iloc[0] if hasattr(answer, "iloc") else answer[0]
