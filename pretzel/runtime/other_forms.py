"""Answers to requests for which the program of a method is not made: sparse rows, values that are no numbers."""

from __future__ import annotations

import sys
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CorruptStoreError, InputError, InputTypeError, InputValueError
from pretzel.packed import NAMES_OUT
from pretzel.plan import MethodPlan
from pretzel.runtime.input.messages import UnreadForm, package_of
from pretzel.runtime.input.source_form import frame_of_arrow, is_sparse, is_sparse_frame, of_row, sparse_rows
from pretzel.runtime.passed_on import PassingOn
from pretzel.runtime.source import in_source_form

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel._native import Method
    from pretzel.input_spec import InputSpec
    from pretzel.runtime.opaque import OpaqueMethod


_SHORT_FLOATS = ("float16", "float32", "halffloat", "float")  # the latter are those of Arrow


class OtherForms:
    """The other answers of one method.

    Parameters
    ----------
    method : Method or OpaqueMethod
        Its program answers all other requests.
    spec : InputSpec
    name : str
        Name of the model in messages.
    load : callable
        ``load(plan, spec)`` makes a callable method of a plan.
    """

    def __init__(
        self,
        method: Method | OpaqueMethod,
        spec: InputSpec,
        name: str,
        load: Callable[[MethodPlan, InputSpec], Callable[[Any], Any]],
    ) -> None:
        plan = method.plan
        self.spec = spec
        self.name = name
        self._method = weakref.ref(method)  # which holds this object
        self._rejection = plan.sparse if isinstance(plan.sparse, str) else ""
        # Sparse rows have no names, so that all columns are there, in the order of the fit.
        whole = spec if spec.names is None else replace(spec, required=range(spec.width))
        self._sparse = load(plan.sparse, whole) if isinstance(plan.sparse, MethodPlan) else None
        self._takes_sparse = plan.sparse is not None
        self._is_source = isinstance(plan.sparse, MethodPlan) and all(
            program is None for program in (plan.sparse.program, *(step.program for step in plan.sparse.opaque))
        )
        # What the source makes itself has its form.
        self._presents = isinstance(plan.sparse, MethodPlan) and plan.sparse.program is not None
        self._keeps_format = plan.keeps_format
        self._arrays_only = plan.arrays_only
        self._passed_on = plan.passed_on  # or why no values are passed on
        self._otherwise: Callable[[Any], Any] | None = None
        if plan.otherwise is not None:
            self._otherwise = load(plan.otherwise, spec)
        elif plan.passed_on and not isinstance(plan.passed_on, str):
            self._otherwise = PassingOn(plan, spec, name, load)
        self._names_out = plan.names_out
        self._rounds = bool(plan.typed or plan.variants)
        # The inverse of a `LabelBinarizer` takes arrays of several widths, and vectors.
        self._is_of_labels = spec.vectors and spec.by_position and plan.labels is not None

    @property
    def takes_values(self) -> bool:
        """Whether values that the program cannot hold have an answer, or an error that names the reason."""
        return self._otherwise is not None or bool(self._passed_on)

    @property
    def takes_arrays(self) -> bool:
        """Whether arrays may be answered here, too."""
        return self._names_out is not None or self._is_of_labels

    def takes(self, X: Any) -> bool:
        """Whether the form of a request alone, or the configuration, decides that it is answered here."""
        if self._names_out is not None and configured_output() != "default":
            return True
        return (
            (self._arrays_only and type(X) is not np.ndarray)
            or self._has_other_width(X)
            or (self._takes_sparse and (is_sparse(X) or is_sparse_frame(self.spec, X)))
        )

    def _has_other_width(self, X: Any) -> bool:
        """Whether an array has other columns than what ``transform`` makes, where the source takes several widths."""
        if not self._is_of_labels or type(X) is not np.ndarray:
            return False
        is_vector = X.ndim == 1 and self.spec.width == 1
        return X.shape[1:] != (self.spec.width,) and not is_vector

    def __call__(self, X: Any) -> Any:
        """Answer for every row of ``X``, whose form is taken."""
        container = configured_output() if self._names_out is not None else "default"
        if container == "polars" and self._rounds and _has_short_floats(X):
            return self._source_frame(X)
        answer = self._answer(X)
        return answer if container == "default" else self._framed(X, answer, container)

    def _source_frame(self, X: Any) -> Any:
        """The estimator's own frame of polars: a step that is given such a frame computes in float64, others do not."""
        method = self._method()
        assert method is not None
        if method.source is None:
            raise InputTypeError(f"{self.name}: frames of polars are not made of float32: configure another output")
        return method.source.answer(self.name, "transform", in_source_form(self.spec, X), "frames of polars of float32")

    def _answer(self, X: Any) -> Any:
        if self._arrays_only and type(X) is not np.ndarray:
            if self._otherwise is None:
                raise InputTypeError(
                    f"{self.name}: only arrays are answered, because the estimator itself, which answers other tables, "
                    "was not saved with the plan"
                )
            return self._otherwise(X)
        if self._has_other_width(X):
            raise UnreadForm(self.spec.estimator, f"arrays with other columns than the {self.spec.width} of transform")
        if self._takes_sparse and is_sparse_frame(self.spec, X):
            rows = sparse_rows(self.spec, X)
            if self._is_source:
                assert self._sparse is not None
                return self._sparse(X)
            X = rows
        if not self._takes_sparse or not is_sparse(X):
            method = self._method()
            assert method is not None
            return method.plain_answer(X)
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

    def _framed(self, X: Any, answer: Any, container: str) -> Any:
        """The answer as a frame with names, and with the index of the request."""
        names = None if self._names_out is None else self._names_out.unpack(NAMES_OUT)["names"]
        if is_sparse(answer) or names == []:
            rows = "the result is" if is_sparse(answer) else "a step makes"
            raise InputTypeError(
                f"{self.name}: {rows} sparse rows, of which scikit-learn makes no frame: configure "
                f"transform_output='default' instead of {container!r}"
            )
        if not isinstance(answer, np.ndarray) or names is None:
            return answer
        if isinstance(self._otherwise, PassingOn) and answer.dtype.kind not in "fiub":
            raise InputTypeError(
                f"{self.name}: no {container} frame is made of values that are passed on, because the estimator itself "
                "was not saved with the plan: configure transform_output='default'"
            )
        width = 1 if answer.ndim == 1 else answer.shape[1]
        if len(names) != width:
            raise CorruptStoreError(f"{self.name}: {len(names)} names of {width} columns")
        if container == "polars":
            import polars

            return polars.DataFrame(answer, schema=names, orient="row")
        import pandas

        return pandas.DataFrame(answer, index=X.index if hasattr(X, "iloc") else None, columns=names)

    def instead(self, X: Any, error: InputTypeError) -> Any:
        """Answer for rows with values that the program rejects with ``error``, as it stands where the source fails."""
        if self._otherwise is None:
            raise InputTypeError(f"{error}; {self._passed_on}") from error
        if isinstance(self._otherwise, PassingOn) and isinstance(error, UnreadForm):
            raise error
        if self._passed_on and package_of(X) == "pyarrow":
            X = frame_of_arrow(self.spec, X)  # scikit-learn finds no columns in a table of Arrow
        try:
            return self._otherwise(X)
        except InputError:
            raise
        except (TypeError, ValueError, OverflowError) as own:
            if not isinstance(error, UnreadForm):
                raise error from own
            kind = InputValueError if isinstance(own, ValueError) else InputTypeError
            raise kind(f"{self.name}: {error.form} are rejected by the source estimator: {own}") from own

    def call_row(self, row: Any) -> Any:
        """Answer for one row that the program cannot hold."""
        if self._otherwise is None:
            rows = "rows with values that are no numbers are not answered"
            raise InputTypeError(f"{self.name}: {rows}; {self._passed_on}")
        answer = self._otherwise(of_row(self.spec, self.name, row))
        return answer.iloc[0] if hasattr(answer, "iloc") else answer[0]


def _has_short_floats(X: Any) -> bool:
    """Whether a table has floats of less than 64 bits, in a column at least."""
    dtypes: Any = getattr(getattr(X, "schema", None), "types", None)  # of Arrow
    if dtypes is None:
        dtypes = getattr(X, "dtypes", [getattr(X, "dtype", None)])
    return any(str(dtype).lower().partition("[")[0] in _SHORT_FLOATS for dtype in dtypes)


def configured_output() -> str:
    """What scikit-learn's configuration selects for results of ``transform``, if it has been imported."""
    sklearn = sys.modules.get("sklearn")
    return "default" if sklearn is None else str(sklearn.get_config()["transform_output"])
