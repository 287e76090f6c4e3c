"""Answers with values that a transformer passes on, whatever they are: its program computes the other columns."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputTypeError
from pretzel.runtime.input.feature_names import check_unnamed, match
from pretzel.runtime.input.messages import described, package_of
from pretzel.runtime.input.source_form import frame_of_arrow, of_rows, select

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.input_spec import InputSpec
    from pretzel.plan import MethodPlan


class PassingOn:
    """The answer of a transformer as scikit-learn puts it together: parts that it computes beside parts that it has.

    Parameters
    ----------
    plan : MethodPlan
        It passes columns on.
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
        assert plan.program is not None
        assert not isinstance(plan.passed_on, str)
        self._passed = plan.passed_on
        self._columns = sorted(
            {column for each in self._passed for column in each.columns if column not in each.numbers}
        )
        self._width = plan.program.values[plan.program.output].width
        self._spec = spec
        self._name = name
        self._compute = load(replace(plan, passed_on=(), sparse=None, names_out=None), spec)

    def __call__(self, X: Any) -> Any:
        """Answer for every row of ``X``: frames of pandas and polars, arrays, rows, tables of Arrow.

        Raises
        ------
        InputError
            What is computed with, or the form of the table, does not fit.
        """
        table = self._table(X)
        computed = None
        if sum(len(each.columns) for each in self._passed) < self._width:
            computed = self._compute(self._with_numbers(table))
        parts, at = [], 0
        for each in self._passed:
            if at < each.start:
                assert computed is not None
                parts.append(computed[:, at : each.start])
            parts.append(select(self._spec, table, each.columns))
            at = each.start + len(each.columns)
        if at < self._width:
            assert computed is not None
            parts.append(computed[:, at:])
        return np.hstack(parts)

    def _table(self, X: Any) -> Any:
        """The request as a frame of pandas or polars, or an array."""
        if isinstance(X, list) and X:
            return of_rows(self._spec, X)
        if package_of(X) == "pyarrow":
            return frame_of_arrow(self._spec, X)
        if type(X) is np.ndarray or hasattr(X, "iloc") or _is_polars(X):
            return X
        raise InputTypeError(
            f"{self._name}: values that are no numbers are passed on in rows, arrays, and tables of pandas, polars and "
            f"Arrow, not in {described(X)}"
        )

    def _with_numbers(self, table: Any) -> Any:
        """The table with zeros in place of what is passed on."""
        if type(table) is np.ndarray:
            import pandas

            check_unnamed(self._spec, table.shape[1])
            table = pandas.DataFrame(table, columns=self._spec.names)  # in which each column has a type of its own
        places = match(self._spec, list(table.columns))
        at = [column if places is None else places[column] for column in self._columns]
        others = {str(dtype).lower() for place, dtype in enumerate(table.dtypes) if place not in at}
        zero = np.float32(0.0) if others == {"float32"} else 0.0  # chooses no other dtype of the result
        if _is_polars(table):
            zeros = np.full(table.shape[0], zero)
            return table.with_columns(**{table.columns[place]: zeros for place in at})
        made = table.copy(deep=False)
        for place in at:
            made.isetitem(place, zero)
        return made


def _is_polars(X: Any) -> bool:
    return type(X).__name__ == "DataFrame" and package_of(X) == "polars"
