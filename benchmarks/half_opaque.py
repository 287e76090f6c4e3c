"""Pipelines with opaque steps against their sources: ``python -m benchmarks.half_opaque``.

Thirty pipelines that are native in part. A call of the plan may take what the source's call takes, 5 microseconds and
2 % more: for one row, as a table, and for a thousand. Both are called in turns, in one process; the difference is the
median of those between neighbouring calls, and a bound is missed where the 95 % interval of that median lies above it.
The last lines are of one sparse row with the same entries, among 1,000 and among 1,000,000 columns.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import tasks
from benchmarks.bars import Verdict
from benchmarks.costs import tasks_len
from benchmarks.measure import no_collection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROWS = 1000
FIXED, SHARE = 5.0, 1.02  # microseconds more than the source's, and times as much
WIDTHS = (1_000, 1_000_000)
WIDER = 3.0  # times as long a row of the widest table may take


@dataclass(frozen=True)
class Case:
    """One pipeline.

    Parameters
    ----------
    name : str
    source : fitted estimator
    X : table or documents of `ROWS` rows
    method : str
    """

    name: str
    source: Any
    X: Any
    method: str = "predict"


@dataclass(frozen=True)
class Point:
    """Microseconds of one pipeline at one number of rows."""

    name: str
    rows: int
    source: float
    difference: float
    error: float

    @property
    def ours(self) -> float:
        """Microseconds of the plan."""
        return self.source + self.difference

    @property
    def allowed(self) -> float:
        """The most that the plan may take."""
        return self.source * SHARE + FIXED

    @property
    def met(self) -> bool:
        """Whether the difference may be within the bound."""
        return self.ours - self.error <= self.allowed


def _splines() -> Any:
    """Splines without a native form."""
    from sklearn.preprocessing import SplineTransformer

    return SplineTransformer(degree=1, extrapolation="linear")


def _numbers() -> Iterator[Case]:
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.cluster import Birch
    from sklearn.ensemble import AdaBoostClassifier, BaggingRegressor, StackingClassifier, VotingRegressor
    from sklearn.feature_selection import SelectKBest
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import PairwiseKernel
    from sklearn.impute import SimpleImputer
    from sklearn.kernel_approximation import Nystroem, PolynomialCountSketch
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.metrics.pairwise import sigmoid_kernel
    from sklearn.model_selection import TunedThresholdClassifierCV
    from sklearn.naive_bayes import GaussianNB
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
    from sklearn.preprocessing import (
        FunctionTransformer,
        MinMaxScaler,
        PolynomialFeatures,
        PowerTransformer,
        StandardScaler,
    )
    from sklearn.svm import SVC

    class OwnBayes(GaussianNB):
        """Without a native form, because a subclass may override anything."""

    class OwnImputer(SimpleImputer):
        """The same."""

    class OwnSketch(PolynomialCountSketch):
        """The same."""

    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 10))
    y = X[:, 0] + X[:, 1] * X[:, 2]
    labels = np.digitize(y, [-0.5, 0.5])
    holes = np.where(rng.random(X.shape) < 0.1, np.nan, X)
    models = {
        "scale, neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(p=3)).fit(X, labels),
        "scale, neighbours of numbers": make_pipeline(MinMaxScaler(), KNeighborsRegressor(p=3)).fit(X, y),
        "scale, kernel machine": make_pipeline(StandardScaler(), SVC(kernel=sigmoid_kernel)).fit(X, labels),
        "scale, select, process": make_pipeline(
            StandardScaler(),
            SelectKBest(k=4),
            GaussianProcessRegressor(PairwiseKernel(metric="laplacian"), optimizer=None),
        ).fit(X[:200], y[:200]),
        "splines, ridge": make_pipeline(_splines(), Ridge()).fit(X, y),
        "scale, splines, ridge": make_pipeline(StandardScaler(), _splines(), Ridge()).fit(X, y),
        "kernel features, logistic": make_pipeline(Nystroem(np.dot, n_components=20), LogisticRegression()).fit(
            X, labels
        ),
        "scale, random features, ridge": make_pipeline(StandardScaler(), OwnSketch(), Ridge()).fit(X, y),
        "kernels of some rows, ridge": make_pipeline(Nystroem("cosine", n_components=4), Ridge()).fit(X[:200], y[:200]),
        "function, scale, logistic": make_pipeline(
            FunctionTransformer(np.sort), StandardScaler(), LogisticRegression()
        ).fit(X, labels),
        "function, powers, ridge": make_pipeline(FunctionTransformer(np.sort), PowerTransformer(), Ridge()).fit(X, y),
        "polynomials, neighbours": make_pipeline(PolynomialFeatures(), KNeighborsRegressor(p=3)).fit(X, y),
        "union with an opaque part": make_pipeline(make_union(StandardScaler(), _splines()), Ridge()).fit(X, y),
        "weighted union, neighbours": make_pipeline(
            FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())], transformer_weights={"a": 2.0, "b": 0.5}),
            KNeighborsRegressor(p=3),
        ).fit(X, y),
        "tuned threshold around neighbours": TunedThresholdClassifierCV(
            make_pipeline(StandardScaler(), KNeighborsClassifier(p=3)), cv=3
        ).fit(X, labels > 0),
        "scale, calibrated neighbours": make_pipeline(
            StandardScaler(), CalibratedClassifierCV(KNeighborsClassifier(p=3), cv=2)
        ).fit(X, labels),
        "vote with an opaque member": VotingRegressor(
            [("ridge", make_pipeline(StandardScaler(), Ridge())), ("near", KNeighborsRegressor(p=3))]
        ).fit(X, y),
        "scale, a stack": make_pipeline(
            StandardScaler(),
            StackingClassifier([("logistic", LogisticRegression()), ("near", KNeighborsClassifier(p=3))], cv=2),
        ).fit(X, labels),
        "scale, boosted naive Bayes": make_pipeline(
            StandardScaler(), AdaBoostClassifier(OwnBayes(), n_estimators=5)
        ).fit(X, labels),
        "scale, bagged neighbours": make_pipeline(
            StandardScaler(), BaggingRegressor(KNeighborsRegressor(p=3), n_estimators=3)
        ).fit(X, y),
        "scale, clusters": make_pipeline(StandardScaler(), Birch(n_clusters=3)).fit(X.astype(np.float32)),
    }
    for name, model in models.items():
        yield Case(name, model, X)
    yield Case(
        "impute, neighbours",
        make_pipeline(SimpleImputer(), KNeighborsClassifier(p=3)).fit(holes, labels),
        holes,
    )
    yield Case(
        "own imputer, logistic",
        make_pipeline(OwnImputer(), StandardScaler(), LogisticRegression()).fit(holes, labels),
        holes,
    )


def _frames() -> Iterator[Case]:
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    from pretzel import examples

    frame = examples.table(ROWS, missing=0.0)[["age", "pay", "city"]]
    labels = np.arange(ROWS) % 2
    codes = (OneHotEncoder(handle_unknown="ignore"), ["city"])
    scaled = make_pipeline(SimpleImputer(), StandardScaler())
    for name, columns, last in (
        ("columns, neighbours", [(scaled, ["age", "pay"]), codes], KNeighborsClassifier(p=3)),
        ("columns with an opaque branch", [(_splines(), ["age", "pay"]), codes], LogisticRegression()),
        (
            "columns with an opaque and a native branch",
            [(_splines(), ["age"]), (scaled, ["pay"]), codes],
            LogisticRegression(),
        ),
    ):
        yield Case(name, make_pipeline(make_column_transformer(*columns), last).fit(frame, labels), frame)


def _texts() -> Iterator[Case]:
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline, make_union

    from pretzel import examples

    texts = examples.texts(ROWS)
    labels = np.arange(ROWS) % 2
    other = r"(?=\w)[a-z]+|\d"
    for name, model in {
        "words of another pattern": make_pipeline(TfidfVectorizer(token_pattern=other), LogisticRegression()),
        "words, neighbours": make_pipeline(TfidfVectorizer(), KNeighborsClassifier(metric="manhattan")),
        "union with words of another pattern": make_pipeline(
            make_union(TfidfVectorizer(), CountVectorizer(token_pattern=other)), LogisticRegression()
        ),
        "words of a function": make_pipeline(
            CountVectorizer(analyzer=str.split), TfidfTransformer(), LogisticRegression()
        ),
    }.items():
        yield Case(name, model.fit(texts, labels), texts)


def cases() -> list[Case]:
    """All pipelines."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [*_numbers(), *_frames(), *_texts()]


def timed(name: str, source: Any, ours: Any, requests: Sequence[Any], seconds: float) -> Point:
    """Calls in turns, each pair in the other order than the one before."""
    clock = time.perf_counter_ns
    calls = (source, ours)
    taken: list[tuple[int, int]] = []
    for call in calls:
        call(requests[0])
    with no_collection():
        stop = clock() + int(seconds * 1e9)
        while len(taken) < 10 or clock() < stop:
            request, pair = requests[len(taken) % len(requests)], [0, 0]
            for which in (0, 1) if len(taken) % 2 else (1, 0):
                start = clock()
                calls[which](request)
                pair[which] = clock() - start
            taken.append((pair[0], pair[1]))
    times = np.array(taken) / 1e3
    differences = times[:, 1] - times[:, 0]
    low, middle, high = np.quantile(differences, (0.25, 0.5, 0.75))
    error = 1.57 * (high - low) / np.sqrt(len(taken))  # of a median
    return Point(name, tasks_len(requests[0]), float(np.median(times[:, 0])), float(middle), float(error))


def points(case: Case, quick: bool) -> Iterator[Point]:
    """Source and plan, at one row and at all."""
    import pretzel

    plan = pretzel.compile(case.source, store=pretzel.ObjectStore())
    for size in (1, ROWS):
        requests = [tasks.take(case.X, np.arange(at, at + size)) for at in (range(20) if size == 1 else range(1))]
        yield timed(
            case.name, getattr(case.source, case.method), getattr(plan, case.method), requests, 0.5 if quick else 3.0
        )


def wide(quick: bool) -> Iterator[Point]:
    """One sparse row, of which 30 columns hold something, in tables of growing width."""
    from scipy import sparse
    from sklearn.linear_model import SGDClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MaxAbsScaler

    import pretzel

    rng = np.random.default_rng(0)
    for width in WIDTHS:
        table = sparse.csr_matrix(
            (rng.random(50 * 30), rng.integers(0, width, 50 * 30), np.arange(0, 50 * 30 + 1, 30)), shape=(50, width)
        )
        table.sum_duplicates()
        model = make_pipeline(MaxAbsScaler(), SGDClassifier(random_state=0)).fit(table, np.arange(50) % 2)
        plan = pretzel.compile(model, store=pretzel.ObjectStore())
        rows = [table[[i]] for i in range(50)]
        yield timed(f"a sparse row of {width:,} columns", model.predict, plan.predict, rows, 0.2 if quick else 1.0)


def judge(found: list[Point], sparse_rows: list[Point]) -> Iterator[Verdict]:
    """Every point against its bound, and the widest sparse row against the narrowest."""
    for point in found:
        yield Verdict(
            point.name,
            f"{point.rows:,} row(s), beside the source's {point.source:,.1f} us",
            f"{point.allowed:,.1f} us",
            f"{point.ours:,.1f} us ± {point.error:,.1f}",
            point.met,
        )
    if sparse_rows:
        ratio = sparse_rows[-1].ours / sparse_rows[0].ours
        yield Verdict(
            "sparse rows", "time at 1,000 times the width", f"{WIDER:.0f} x", f"{ratio:.2f} x", ratio <= WIDER
        )


def show(point: Point, write: Callable[[str], Any]) -> None:
    """One line of the table."""
    mark = "" if point.met else "  MISSED"
    times = f"{point.source:12,.1f}{point.ours:12,.1f}{point.difference:+12,.1f} ±{point.error:8,.1f}"
    write(f"{point.name:44s}{point.rows:6,d}{times}{mark}\n")


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", default=[], help="names of pipelines, or parts of them")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(f"{'pipeline':44s}{'rows':>6s}{'source us':>12s}{'ours us':>12s}{'difference':>12s}")
    found: list[Point] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in cases():
            if options.only and not any(part in case.name for part in options.only):
                continue
            for point in points(case, options.quick):
                found.append(point)
                show(point, sys.stdout.write)
        sparse_rows = [] if options.only else list(wide(options.quick))
    for point in sparse_rows:
        show(point, sys.stdout.write)
    verdicts = list(judge(found, sparse_rows))
    for verdict in verdicts:
        if not verdict.met:
            print(f"MISSED {verdict.case}: {verdict.what}: {verdict.measured} (bar {verdict.required})")
    print(f"{sum(verdict.met for verdict in verdicts)} of {len(verdicts)} bars met")
    if options.json:
        data = {
            "points": [asdict(point) for point in (*found, *sparse_rows)],
            "verdicts": [v.as_dict() for v in verdicts],
        }
        options.json.write_text(json.dumps(data, indent=1))
    return 0 if all(verdict.met for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
