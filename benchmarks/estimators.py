"""Every native estimator of scikit-learn, beside scikit-learn and onnxruntime: ``python -m benchmarks.estimators``.

Each has its default parameters, is fitted on `ROWS` rows of `WIDTH` columns, and is asked for its first native method
in one process, contenders taking turns, one thread each. One row is asked by ``predict_one`` and its like. At the end
stand all cases in which Pretzel is not ahead, with their profile: the kernels that take the time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import pretzel
from benchmarks import zoo
from benchmarks.measure import Contender, latencies
from benchmarks.onnx_peer import OnnxModel
from benchmarks.report import number, table
from benchmarks.versus import machine
from pretzel.coverage import fitted
from pretzel.errors import InputError
from pretzel.oven.frontends.registry import public_name, registered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS, WIDTH, CLASSES = 1000, 20, 3
BATCHES = 1, 32, 1024, 100_000
SLOWEST = 2.0
"""Seconds that scikit-learn may take for one call; larger batches are left out."""


class Measured(NamedTuple):
    """Median microseconds of one call, by contender.

    Parameters
    ----------
    estimator, method : str
    rows : int
    pretzel, source : float
    onnx : float or None
        None: skl2onnx or onnxruntime reject the model.
    profile : str
        Kernels that take a twentieth of the time of Pretzel or more, where it is not ahead.
    """

    estimator: str
    method: str
    rows: int
    pretzel: float
    source: float
    onnx: float | None
    profile: str = ""

    @property
    def is_behind(self) -> bool:
        """Whether another is faster than Pretzel."""
        return min(self.source, self.onnx or np.inf) < self.pretzel


def tables(cls: type) -> Iterator[tuple[Any, ...]]:
    """What ``fit`` may take: texts and records last, but for those that read them, of which some fit on anything."""
    if cls.__module__.startswith("sklearn.feature_extraction"):
        yield from _items(records_first=cls.__name__ in ("DictVectorizer", "FeatureHasher"))
    rng = np.random.default_rng(0)
    X = np.abs(rng.normal(size=(ROWS, WIDTH))) + 0.1
    y = np.arange(ROWS) % CLASSES
    X[:, 0] += y
    yield X, y
    yield X, (X[:, :2] > 1.0).astype(int)
    yield X, (y > 0).astype(int)
    yield X[:, :1], X[:, 1]
    yield X[:100] @ X[:100].T, y[:100]


def _items(*, records_first: bool) -> Iterator[tuple[Any, ...]]:
    rng, y = np.random.default_rng(0), np.arange(ROWS) % CLASSES
    words = rng.integers(0, 2000, size=(ROWS, 30))
    texts: list[Any] = [" ".join(f"word{each}" for each in row) for row in words]
    records: list[Any] = [{"colour": f"colour {row[0] % 9}", "size": float(row[1])} for row in words]
    for found in (records, texts) if records_first else (texts, records):
        yield found, y


def measure(cls: type, seconds: float) -> Iterator[Measured]:
    """The first native method of an estimator at all batch sizes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = fitted(cls, tables(cls))
        if found is None:
            return
        estimator, given = found
        if getattr(estimator, "n_features_in_", len(given)) not in np.shape(given):  # it was fitted before, on others
            return
        plan = pretzel.compile(estimator)
        native = [name for name, made in plan.physical.methods.items() if not made.opaque]
        if not native:
            return
        method, taken = native[0], 0.0
        onnx = _onnx(estimator, given, method)
        for rows in BATCHES:
            if taken * rows > SLOWEST * 1e6:
                return
            X = _repeated(given, rows)
            contenders = [_of_plan(plan, method, X), Contender("source", getattr(estimator, method), [X])]
            if onnx is not None:
                contenders.append(Contender("onnx", onnx[1], [onnx[0].feed(X)]))
            times = {name: each.p50 for name, each in latencies(contenders, 3, seconds).items()}
            taken = times["source"] / rows
            made = Measured(public_name(cls), method, rows, times["pretzel"], times["source"], times.get("onnx"))
            yield made._replace(profile=_profile(plan, method, X)) if made.is_behind else made


def _of_plan(plan: Any, method: str, X: Any) -> Contender:
    """One row is a row for Pretzel, as a service has it, and a table of one row for the others, which take no other."""
    row = getattr(plan, f"{method}_one", None) if len(X) == 1 else None
    return Contender("pretzel", getattr(plan, method), [X]) if row is None else Contender("pretzel", row, [X[0]])


def _profile(plan: Any, method: str, X: Any) -> str:
    try:
        stages = plan.explain("json", analyze=X)["analyzed"][method]["stages"]
    except InputError:  # rows of it are left to the estimator
        return "-"
    shares = sorted(((call["share"], call["kernel"]) for stage in stages for call in stage["calls"]), reverse=True)
    return ", ".join(f"{kernel} {share:.0%}" for share, kernel in shares if share >= 0.05)


def _repeated(given: Any, rows: int) -> Any:
    """The rows of the fit as often as it takes."""
    if isinstance(given, list):
        return (given * (rows // len(given) + 1))[:rows]
    return np.concatenate([given] * (rows // len(given) + 1))[:rows]


def _onnx(estimator: Any, given: Any, method: str) -> tuple[OnnxModel, Callable[[Any], Any]] | None:
    if isinstance(given, list) or method not in ("predict", "predict_proba"):
        return None
    try:
        model = OnnxModel(estimator, zoo.NUMBERS, given)
        call = model.run(method)
        call(model.feed(given))
    except Exception:
        return None
    return model, call


def summary(measured: list[Measured]) -> str:
    """Medians by batch size, and every case that is behind."""
    lines = []
    for rows in BATCHES:
        cases = [each for each in measured if each.rows == rows]
        ratios = [each.source / each.pretzel for each in cases]
        peers = [each.onnx / each.pretzel for each in cases if each.onnx is not None]
        if ratios:
            peer = f"{number(statistics.median(peers))} ({len(peers)})" if peers else "-"
            slower = sum(ratio < 1.0 for ratio in ratios)
            lines.append(
                [str(rows), str(len(ratios)), number(statistics.median(ratios)), number(min(ratios)), str(slower), peer]
            )
    header = ["rows", "estimators", "median: times scikit-learn", "least", "slower", "median: times onnxruntime"]
    rows_behind = [
        [f"{each.estimator}.{each.method}", str(each.rows), number(each.pretzel), number(each.source),
         "-" if each.onnx is None else number(each.onnx), each.profile]
        for each in measured if each.is_behind
    ]  # fmt: skip
    columns = ["microseconds", "rows", "pretzel", "scikit-learn", "onnxruntime", "kernels"]
    return f"{table(header, lines)}\n\nNot ahead:\n\n{table(columns, rows_behind)}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.estimators", description=__doc__)
    parser.add_argument("--only", default="", help="estimators whose name contains this text")
    parser.add_argument("--seconds", type=float, default=0.05, help="for each contender, batch size and turn")
    parser.add_argument("--json", type=Path, help="write all medians to this file")
    options = parser.parse_args()
    from sklearn.utils import all_estimators

    names = set(registered())
    measured: list[Measured] = []
    for _, cls in all_estimators():
        if public_name(cls) in names and options.only.lower() in cls.__name__.lower():
            measured += measure(cls, options.seconds)
    if options.json:
        found = {"machine": machine(), "measured": [each._asdict() for each in measured]}
        options.json.write_text(json.dumps(found, indent=1))
    print(summary(measured))


if __name__ == "__main__":
    main()
