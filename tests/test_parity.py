"""Every registered estimator gives scikit-learn's answers, whatever form, batch or instruction set they come in."""

from __future__ import annotations

import functools
import warnings

import numpy as np
import pytest
from scipy import sparse

import pretzel
from pretzel import _native
from pretzel.oven.frontends.registry import depends_on_batch, registered
from pretzel.schema import METHODS, RARE_METHODS
from pretzel.store.object_store import ObjectStore
from pretzel.verification import alone
from pretzel.verification.compare import compare
from tests import cases, releases

CASES = [i for i, case in enumerate(cases.CASES) if case.name in registered()]
EACH = pytest.mark.parametrize("index", CASES, ids=[cases.CASES[i].id for i in CASES])
BATCHES = (1, 2, cases.ROWS)
ALONE = 50  # rows that an estimator is asked about one by one
KNOWN = {
    # scikit-learn forgets its own check of NaN in this method
    ("GradientBoostingRegressor", "apply", "rejection"),
    # of rows far from all others it subtracts squares that agree in all their digits
    ("Isomap", "transform", "kernel"),
    ("Isomap", "transform", "import"),
    # of stored zeros it makes divergences of as many numbers as there are others
    ("NMF", "transform", "rejection"),
    ("MiniBatchNMF", "transform", "rejection"),
}
FRAMES = ("feature_engine.", "skrub.", "sklearn_pandas.")
"""Transformers that take or return frames alone: oven/frontends/test_feature_engine.py, test_skrub*.py and
test_sklearn_pandas.py."""
ALLOWED = (
    "it returns the caller's own",
    "counts that are not the sparse rows of a vectorizer",
    "uniform weights in this release",  # of a KNNImputer before scikit-learn 1.6
)

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]


def test_every_registered_estimator_has_a_case():
    there = {name for name in registered() if not releases.lacks(name)}
    fitted = {name for name in there if hasattr(cases.class_of(name), "fit")}
    in_frames = {name for name in fitted if name.startswith(FRAMES)}
    assert fitted - in_frames - {case.name for case in cases.CASES} == set()


@functools.cache
def compiled(index, named=False):
    return pretzel.compile(cases.fitted(index, named), store=ObjectStore())


def methods(estimator):
    found = [m for m in METHODS if callable(getattr(estimator, m, None))]
    found = found or [m for m in RARE_METHODS if hasattr(estimator, m) and m != "radius_neighbors"]
    by_row = not type(estimator).__module__.startswith("hiclass.")  # whose probabilities depend on the other rows
    return [m for m in found if by_row or m != "predict_proba"]


def head(X, rows):
    return X.iloc[rows] if hasattr(X, "iloc") else [X[i] for i in rows] if isinstance(X, list | tuple) else X[rows]


def forms(index):
    """What the rows are given as: name -> rows, and the rows whose answers are expected."""
    case = cases.CASES[index]
    X = cases.rows(case.data)[1]
    if case.data == "text":
        import pandas as pd

        array = np.array(X, dtype=object)
        return {"list": (X, X), "object array": (array, X), "series": (pd.Series(X), X)}
    if case.data.endswith("labels"):
        import pandas as pd

        return {"list": (X, X), "array": (np.array(X), X), "series": (pd.Series(X), X), "tuple": (tuple(X), X)}
    if case.data in ("records", "pairs", "tokens", "label sets"):
        array = np.empty(len(X), dtype=object)
        array[:] = X
        return {"list": (X, X), "object array": (array, X), "tuple": (tuple(X), X)}
    if case.data == "counts":
        dense = X.toarray()
        return {
            "csr": (X, X),
            "csc": (sparse.csc_matrix(X), X),
            "dense": (dense, X),
            "csr_array": (sparse.csr_array(X), X),
        }
    if case.data in ("cells", "holes"):
        return {"frame": (X, X)}
    wide = np.zeros((2 * X.shape[0], X.shape[1] + 3))
    wide[::2, 1:-2] = X
    frozen = X.copy()
    frozen.flags.writeable = False
    small = X.astype(np.float32)
    found = {
        "float64": (X, X),
        "float32": (small, small),
        "fortran": (np.asfortranarray(X), X),
        "strided": (wide[::2, 1:-2], X),
        "read-only": (frozen, X),
        "frame": (cases.as_frame(X), cases.as_frame(X)),
    }
    if not np.isnan(X).any():
        whole = np.rint(X).astype(np.int64)
        filled = np.where(np.abs(X) < 0.4, 0.0, X)
        plain = whole if case.name.startswith("sklearn.mixture.") else whole.astype(np.float64)  # they truncate
        found["int"], found["int32"] = (whole, plain), (whole.astype(np.int32), plain)
        if not case.name.endswith("RobustScaler"):  # whose transform forgets to centre sparse rows
            found["sparse"] = (sparse.csr_matrix(filled), filled)
    return found


def same(want, got):
    if getattr(got, "dtype", None) == np.float32:  # up to the last digits of sums, exp and log
        if sparse.issparse(got):
            want, got = want.toarray(), got.toarray()
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-30)
        return
    difference = compare(want, got, exact=False)
    assert difference is None, difference


def dtype(answer):
    if hasattr(answer, "iloc"):
        return answer.to_numpy().dtype
    return [a.dtype for a in answer] if isinstance(answer, list | tuple) else answer.dtype


@EACH
def test_native(index):
    """It has a native form at all: a case that compiles to an opaque step tests nothing."""
    estimator = cases.fitted(index)
    plan = compiled(index)
    served = [m for m in ("predict", "predict_proba", "decision_function", "transform") if hasattr(estimator, m)]
    served = served or methods(estimator)
    if cases.CASES[index].name.startswith("hiclass."):
        served.remove("predict_proba")  # what it says of a row may depend on the others
    opaque = {s.reason for m in served for s in plan.physical.methods[m].opaque}
    assert {reason for reason in opaque if not reason.startswith(ALLOWED)} == set()


@EACH
def test_forms_and_batches(index):
    case = cases.CASES[index]
    answers = {}
    for form, (X, plain) in forms(index).items():
        named = form == "frame"
        estimator, plan = cases.fitted(index, named), compiled(index, named)
        if form == "float32" and depends_on_batch(estimator):
            continue  # the estimator answers, which looks at all rows
        for method in methods(estimator):
            try:
                want, expected = answer(answers, estimator, method, plain), answer(answers, estimator, method, X)
            except (TypeError, ValueError):
                assert form in ("sparse", "dense", "csc", "csr_array", "float32"), form
                continue
            if form in ("int", "int32") and dtype(expected) != dtype(want):
                want = expected  # features in the dtype of the rows
            if form == "sparse":
                want = np.asarray(expected.toarray()) if sparse.issparse(expected) else expected
            for size in BATCHES:
                got = getattr(plan, method)(head(X, np.arange(size)))
                if form == "sparse" and sparse.issparse(got):
                    got = got.toarray()
                try:
                    got = got[:ALONE] if depends_on_batch(estimator) else got
                    same([w[:size] for w in want] if isinstance(want, list | tuple) else want[:size], got)
                    if size == cases.ROWS and not (form in ("int", "int32") and method == "transform"):
                        assert dtype(got) == dtype(expected)
                except AssertionError as error:
                    raise AssertionError(f"{case.id}.{method}, {form}, {size} rows: {error}") from error


def answer(answers, estimator, method, X):
    """What the estimator says, asked once; of few rows, each alone, where they depend on each other."""
    key = (id(estimator), method, id(X))
    if key not in answers:
        if depends_on_batch(estimator):
            answers[key] = (alone.answer(estimator, method, head(X, np.arange(ALONE)), alone=True), X)
        else:
            answers[key] = (getattr(estimator, method)(X), X)
    return answers[key][0]


@EACH
def test_no_rows(index):
    """A request without rows is rejected where scikit-learn rejects it, and has the same empty answer elsewhere."""
    X = head(cases.rows(cases.CASES[index].data)[1], np.arange(0))
    plan, estimator = compiled(index), cases.fitted(index)
    for method in methods(estimator):
        try:
            expected = getattr(estimator, method)(X)
        except (ValueError, StopIteration) as error:  # FeatureHasher asks for the first document before it looks
            with pytest.raises((ValueError, type(error))):
                getattr(plan, method)(X)
            continue
        found, several = getattr(plan, method)(X), isinstance(expected, list)
        for got, want in zip(found if several else [found], expected if several else [expected], strict=True):
            if not cases.CASES[index].name.startswith("xgboost."):  # whose matrices without rows have one dimension
                assert got.shape == want.shape
            assert got.shape[0] == want.shape[0]
            if not cases.CASES[index].name.startswith("category_encoders."):  # whose columns without rows are objects
                assert got.dtype == want.dtype


def bits(answer):
    """An answer as something that is equal only when every bit is; NaN equals NaN."""
    if isinstance(answer, list | tuple):
        return [bits(a) for a in answer]
    if sparse.issparse(answer):
        return [answer.data.tobytes(), answer.indices.tolist(), answer.indptr.tolist()]
    return answer.tobytes() if answer.dtype.kind in "fiu" else answer.tolist()


def pick(answer, rows):
    return [a[rows] for a in answer] if isinstance(answer, list | tuple) else answer[rows]


@EACH
def test_batch_invariance(index):
    """A row's answer has the same bits alone, in a batch, and among shuffled neighbours."""
    X = cases.rows(cases.CASES[index].data)[1]
    plan = compiled(index)
    shuffled = np.random.default_rng(5).permutation(cases.ROWS)
    for method in methods(cases.fitted(index)):
        if plan.physical.methods[method].opaque:
            continue  # scikit-learn itself: its sums depend on the shape
        call = getattr(plan, method)
        together = call(X)
        assert bits(call(head(X, shuffled))) == bits(pick(together, shuffled))
        for row in (0, 1, 2, 15, 16, 17, 63, 64, 511, 513, cases.ROWS - 1):
            assert bits(call(head(X, [row]))) == bits(pick(together, [row])), (method, row)


@EACH
def test_instruction_sets(index):
    """The same bits on every level that this machine has."""
    X = cases.rows(cases.CASES[index].data)[1]
    active = _native.isa()
    levels = ("baseline", "x86-64-v3", "x86-64-v4")
    answers = {}
    try:
        for level in levels[: levels.index(active) + 1]:
            _native.set_isa(level)
            plan = pretzel.compile(cases.fitted(index), store=ObjectStore())
            native = [m for m in methods(cases.fitted(index)) if not plan.physical.methods[m].opaque]
            answers[level] = [bits(getattr(plan, m)(X)) for m in native]
    finally:
        _native.set_isa(active)
    for level, answer in answers.items():
        assert answer == answers["baseline"], level


@EACH
def test_verified(index):
    """Native plan, interpreter and estimator agree step by step, on ordinary and on boundary rows."""
    case = cases.CASES[index]
    estimator = cases.fitted(index)
    X = cases.rows(case.data)[1]
    report = pretzel.verify(compiled(index), estimator, head(X, np.arange(60)), boundary=True)
    faults = [f for f in report.divergences if (case.name.rpartition(".")[2], f.method, f.kind) not in KNOWN]
    assert not faults, str(report)


@EACH
def test_one_row(index):
    """``m_one`` gives what ``m`` gives for that row."""
    X = cases.rows(cases.CASES[index].data)[1]
    plan = compiled(index)
    for row in (0, 1, 2, 3):
        one = X[row] if isinstance(X, list) else None
        if one is None:
            if sparse.issparse(X):
                continue
            one = X.iloc[row].to_dict() if hasattr(X, "iloc") else X[row]
        for method in methods(cases.fitted(index)):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                want = getattr(plan, method)(head(X, [row]))
                got = getattr(plan, f"{method}_one")(one)
            if sparse.issparse(want):
                assert bits(got) == bits(want)
            elif isinstance(want, list | tuple):
                for a, b in zip(want, got, strict=True):
                    np.testing.assert_array_equal(a[0], b)
            else:
                np.testing.assert_array_equal(want[0], got)
