"""What becomes of a tampered estimator: the answers of its source, an error of Pretzel, or a finding."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse

from pretzel.oven.frontends.registry import depends_on_batch
from pretzel.verification.alone import answer
from tests import cases

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.tampering.generator import Tampered

N_ROWS = 6
GOOD = ("right", "refused", "refused with cause", "not made")
ODD = ("source crashes", "source hangs", "answers where the source raises")
"""Outcomes that are no faults, because the source gives no answer."""
KNOWN = (
    # Its requests are checked as those of every other step.
    ("FunctionTransformer().n_features_in_", "transform_one raises InputShapeError where the source answers"),
    # scikit-learn's squares of such centres overflow.
    ("KMeans(n_clusters=4,n_init=1,random_state=0).cluster_centers_: one ", "transform differs"),
)
"""Parts of names and outcomes of differences that stay."""


def is_fault(name: str, found: str) -> bool:
    """Whether an outcome must not be."""
    if found in GOOD or found.startswith(ODD):
        return False
    return not any(part in name and found.startswith(start) for part, start in KNOWN)


def ask(model: Any, method: str, X: Any, *, alone: bool = False) -> Any:
    """The answer, or the exception; ``alone``: of a request for each row."""
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return answer(model, method, X, alone=alone)
    except Exception as error:
        return error


def some_rows(data: str) -> Any:
    """A few rows of a case."""
    X = cases.rows(data)[1]
    return X.iloc[:N_ROWS] if hasattr(X, "iloc") else X[:N_ROWS]


def one_row(X: Any) -> Any:
    """The first row alone."""
    return X.iloc[:1] if hasattr(X, "iloc") else X[:1]


def as_row(X: Any, named: bool) -> Any:
    """The first row as `*_one` takes it: a dict if the model knows names."""
    if hasattr(X, "iloc"):
        return X.iloc[0].to_dict() if named else tuple(X.iloc[0])
    if sparse.issparse(X):
        return X[:1].toarray()[0]
    return X[0]


def outcome(case: Tampered, phase: Callable[[str], None] = lambda _: None) -> str:
    """ "right", "refused", or a finding."""
    import pretzel
    from pretzel.errors import CompileError, PretzelError
    from pretzel.schema import METHODS
    from pretzel.store.object_store import ObjectStore

    phase("compile")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            plan = pretzel.compile(case.estimator, store=ObjectStore())
    except CompileError as error:
        return "refused" if type(error) is not CompileError or error.__cause__ is None else "refused with cause"
    except Exception as error:
        return f"compile raises {type(error).__name__}: {str(error)[:200]}"
    X = some_rows(cases.CASES[case.index].data)
    methods = [m for m in METHODS if callable(getattr(plan, m, None))]
    by_row = depends_on_batch(case.estimator)
    opaque = "; opaque" if "opaque" in plan.explain() else ""

    def source() -> dict[str, Any]:
        answers = {}
        for method in methods:
            phase(f"source {method}")
            answers[method] = ask(case.estimator, method, X, alone=by_row)
            answers[f"{method}_one"] = ask(case.estimator, method, one_row(X))
        return answers

    wanted = source() if opaque else {}  # first, because where it crashes or hangs, an opaque step does so, too
    found = {}
    for method in methods:
        phase(f"ask {method}{opaque}")
        got = found[method] = ask(plan, method, X, alone=by_row)
        if isinstance(got, Exception) and not isinstance(got, PretzelError) and not opaque:
            return f"{method} raises {type(got).__name__}: {str(got)[:200]}"
        alone = ask(plan, f"{method}_one", as_row(X, plan.physical.input.names is not None))
        if isinstance(alone, Exception) and not isinstance(alone, PretzelError) and not opaque:
            return f"{method}_one raises {type(alone).__name__}: {str(alone)[:200]}"
        found[f"{method}_one"] = alone
    raised = ""
    wanted = wanted or source()
    for method in methods:
        want, got = wanted[method], found[method]
        if isinstance(want, Exception) and isinstance(got, Exception):
            continue
        if isinstance(want, Exception):
            raised = raised or f"answers where the source raises: {method}: {type(want).__name__}: {str(want)[:100]}"
            continue
        if isinstance(got, Exception):
            return f"{method} raises {type(got).__name__} where the source answers: {str(got)[:200]}"
        if problem := different(want, got):
            return f"{method} differs: {problem}"
        alone, first = found[f"{method}_one"], wanted[f"{method}_one"]
        if isinstance(alone, Exception) and not isinstance(first, Exception):
            return f"{method}_one raises {type(alone).__name__} where the source answers: {str(alone)[:200]}"
    return raised or "right"


def different(want: Any, got: Any) -> str:
    """How two answers differ; empty: they do not."""
    from pretzel.verification.compare import compare

    if isinstance(want, np.ndarray) and isinstance(got, np.ndarray) and want.dtype.kind != got.dtype.kind:
        return f"dtype {want.dtype} became {got.dtype}"
    try:
        with np.errstate(all="ignore"):
            found = compare(want, got, exact=False)
    except Exception as error:
        try:
            compare(want, want, exact=False)
        except Exception:
            return ""  # the source's own answer is broken
        return f"cannot be compared: {type(error).__name__}: {error}"
    if found is None:
        return ""
    if isinstance(want, np.ndarray) and "f" in (want.dtype.kind, getattr(got, "dtype", want.dtype).kind):
        low = np.float32 in (want.dtype, getattr(got, "dtype", None)) or want.dtype == np.float16
        if low and want.shape == got.shape and np.allclose(want, got, rtol=1e-4, atol=1e-5, equal_nan=True):
            return ""
    return str(found)[:200]
