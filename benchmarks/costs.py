"""Predicted against actual time: ``python -m benchmarks.costs``.

The zoo on its real data and random pipelines, none of which calibration has seen. A prediction is compared with the
fastest of a few passes over the same rows, in native code: once before the first call of a model, with the speed factor
that the calls of the models before it have taught, and once after a handful of its own calls.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import tasks, zoo
from benchmarks.bars import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = (1, 32, 1024, 10_000)
ROWS = 2048  # at least, for every size: caches and branch predictors learn a few rows, and a service gets new ones
HANDFUL = 6  # live calls
MEDIAN, P95 = 0.10, 0.25


@dataclass(frozen=True)
class Point:
    """One pipeline at one batch size: seconds of a call, on average."""

    case: str
    size: int
    learnt: bool
    actual: float
    predicted: float

    @property
    def error(self) -> float:
        """Of the prediction, relative to the actual time."""
        return self.predicted / self.actual - 1


def points(case: str, plan: Any, X: Any, passes: int) -> Iterator[Point]:
    """Predictions for one plan at every size."""
    from pretzel._native import NativeProgram

    method = plan.methods["predict"]
    program = NativeProgram(method.program.plan, plan.store, plan.lease)  # without observations
    tables = {size: tasks.take(X, np.arange(min(tasks_len(X), max(size, ROWS)))) for size in SIZES}
    for learnt in (False, True):
        for size, table in tables.items():
            rows, units, least, _, _ = method.time(table, size, passes)
            predicted = sum(program.estimate(*each) for each in zip(rows.tolist(), units.tolist(), strict=True))
            yield Point(case, size, learnt, float(least.sum()) / len(rows), predicted / len(rows))
        for size, table in tables.items():
            rows, units, taken, _, _ = method.time(table, size, 1)  # other calls than those that are predicted
            for i in range(HANDFUL):
                at = i * len(rows) // HANDFUL
                program.observe(int(rows[at]), int(units[at]), float(taken[at]))


def tasks_len(X: Any) -> int:
    """Rows of a table or of a list of texts."""
    return len(X) if isinstance(X, list) else X.shape[0]


def random_models(count: int, seed: int) -> Iterator[tuple[str, Any, Any]]:
    """Pipelines of random kind and size, fitted on random data: 10,000 rows each."""
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingRegressor, RandomForestRegressor
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    rng = np.random.default_rng(seed)
    for i in range(count):
        kind = i % 7
        width, depth, trees = int(rng.integers(3, 120)), int(rng.integers(3, 14)), int(rng.integers(10, 120))
        X = rng.normal(size=(10_000, width))
        y = X[:, 0] + X[:, 1] * X[:, 2] + rng.normal(size=len(X))
        fit, target = X[:1500], y[:1500]
        classes = np.digitize(target, np.quantile(target, np.linspace(0, 1, int(rng.integers(3, 12)))[1:-1]))
        name = f"random {i}"
        if kind == 0:
            yield f"{name} logistic", make_pipeline(StandardScaler(), LogisticRegression()).fit(fit, classes), X
        elif kind == 1:
            forest = RandomForestRegressor(trees, max_depth=depth, max_features=0.3, random_state=i)
            yield f"{name} forest", forest.fit(fit, target), X
        elif kind == 2:
            extra = ExtraTreesClassifier(trees, max_depth=depth, random_state=i)
            yield f"{name} extra trees", make_pipeline(MinMaxScaler(), extra).fit(fit, classes), X
        elif kind == 3:
            made = {"max_leaf_nodes": int(rng.integers(6, 40)), "max_depth": None, "max_features": 0.3}
            boosting = GradientBoostingRegressor(n_estimators=trees, **made)
            yield f"{name} boosting", boosting.fit(fit, target), X
        elif kind == 4:
            network = MLPRegressor(
                hidden_layer_sizes=tuple(rng.integers(5, 90, 2).tolist()), max_iter=3, random_state=i
            )
            yield f"{name} network", make_pipeline(StandardScaler(), network).fit(fit, target), X
        elif kind == 5:
            steps = (PCA(min(width, 10)), KMeans(int(rng.integers(3, 40)), n_init=1), Ridge())
            yield f"{name} pca, k-means", make_pipeline(*steps).fit(fit, target), X
        else:
            count = rng.integers(200, 20000)
            words = np.array(["".join(rng.choice(list("abcdefghij"), rng.integers(2, 9))) for _ in range(count)])
            texts = [" ".join(rng.choice(words, rng.integers(1, 60))) for _ in range(10_000)]
            vectorizer = (
                TfidfVectorizer(analyzer="char", ngram_range=(1, int(rng.integers(2, 5))))
                if rng.random() < 0.5
                else CountVectorizer(ngram_range=(1, int(rng.integers(1, 3))))
            )
            model = make_pipeline(vectorizer, LogisticRegression(max_iter=5))
            yield f"{name} text", model.fit(texts[:1500], classes > 1), texts


def measure(quick: bool, only: list[str]) -> list[Point]:
    """All points."""
    import pretzel

    found: list[Point] = []
    passes = 2 if quick else 5

    def add(name: str, estimator: Any, X: Any) -> None:
        plan = pretzel.compile(estimator, store=pretzel.ObjectStore())
        if plan.methods["predict"].plan.program is not None and not plan.methods["predict"].plan.opaque:
            found.extend(points(name, plan, X, passes))
            print(f"  {name}", file=sys.stderr, flush=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in zoo.CASES:
            if only and case.name not in only:
                continue
            X, _ = case.load()
            rows = np.random.default_rng(1).permutation(tasks_len(X))[:10_000]
            add(case.name, case.fit(), tasks.take(X, rows))
        if not only:
            for each in random_models(14 if quick else 42, seed=7):
                add(*each)
    return found


def judge(found: list[Point]) -> Iterator[Verdict]:
    """Median and 95th percentile, against the bars; and for each size, without a bar."""
    for learnt in (False, True):
        when = f"after {HANDFUL} live calls" if learnt else "before the first call"
        errors = [abs(point.error) for point in found if point.learnt == learnt]
        for what, bar, value in (
            ("median", MEDIAN, float(np.median(errors))),
            ("95th percentile", P95, float(np.quantile(errors, 0.95))),
        ):
            yield Verdict("all plans", f"error of estimates, {when}, {what}", f"{bar:.0%}", f"{value:.1%}", value < bar)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="*", default=[], help="cases of the zoo")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--calibration", type=Path, help="a file that pretzel.calibrate has saved")
    arguments = parser.parse_args()
    if arguments.calibration:
        from pretzel.calibration import Calibration

        Calibration.load(arguments.calibration).use()
    found = measure(arguments.quick, arguments.only)
    verdicts = list(judge(found))
    for learnt in (False, True):
        print("worst, learnt:" if learnt else "worst, priced:")
        for point in sorted((p for p in found if p.learnt == learnt), key=lambda p: -abs(p.error))[:8]:
            print(f"  {point.case:28s} {point.size:6d} rows: {point.actual * 1e6:10.2f} us, "
                  f"predicted {point.predicted * 1e6:10.2f} us ({point.error:+.0%})")  # fmt: skip
    for size in SIZES:
        errors = [[abs(p.error) for p in found if p.size == size and p.learnt == learnt] for learnt in (False, True)]
        print(
            f"{size:6d} rows: "
            + ", ".join(f"median {np.median(e):.1%}, p95 {np.quantile(e, 0.95):.1%}" for e in errors)
        )
    for verdict in verdicts:
        print(f"{'met' if verdict.met else 'MISSED':7s}{verdict.what}: {verdict.measured} (bar {verdict.required})")
    if arguments.json:
        data = {"points": [vars(point) for point in found], "verdicts": [v.as_dict() for v in verdicts]}
        arguments.json.write_text(json.dumps(data, indent=1))
    return 0 if all(verdict.met for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
