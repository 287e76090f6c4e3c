"""Many models in one call: ``python -m benchmarks.many [--quick] [--json FILE]``.

256 small linear models with a row of their own each, and 64 text models over two vectorizers with one text, against
as many calls of scikit-learn and as many separate calls of Pretzel. For wide models the table shows where one call for
all stops to pay.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import pretzel
from benchmarks.bars import Verdict
from benchmarks.measure import no_collection

if TYPE_CHECKING:
    from collections.abc import Callable

MODELS, COLUMNS, HEADS = 256, 20, 64
SKLEARN_BAR, SEPARATE_BAR = 300, 3
HEADS_BAR, SHARING_BAR = 60, 0.8
WIDTHS = (20, 100, 1000, 10_000, 100_000)


def medians(calls: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Microseconds of each call, taking turns; the first of each turn is not timed."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    with no_collection():
        for _ in range(rounds):
            for name, call in calls.items():
                call()
                start = time.perf_counter()
                call()
                taken[name].append((time.perf_counter() - start) * 1e6)
    return {name: float(np.median(times)) for name, times in taken.items()}


def linear_models(kind: str, count: int, width: int, named: bool = False) -> list[Any]:
    """Fitted models with weights of their own; only the first is fitted on data, the others are given weights."""
    import copy

    import pandas as pd
    from sklearn.linear_model import LogisticRegression, Ridge

    random = np.random.default_rng(0)
    X: Any = random.normal(size=(64, width))
    y = X[:, 0]
    if named:
        X = pd.DataFrame(X, columns=[f"column {i}" for i in range(width)])
    first = Ridge().fit(X, y) if kind == "Ridge" else LogisticRegression(max_iter=20, tol=0.1).fit(X, y > 0)
    found = []
    for _ in range(count):
        other = copy.copy(first)
        other.coef_ = random.normal(size=first.coef_.shape)
        found.append(other)
    return found


def rows_as(form: str, X: Any) -> list[Any]:
    """Rows of a matrix as ndarrays, tuples or dicts, each an object of its own."""
    if form == "ndarray":
        return [row.copy() for row in X]
    if form == "tuple":
        return [tuple(row) for row in X.tolist()]
    return [{f"column {i}": value for i, value in enumerate(row)} for row in X.tolist()]


def small(kind: str, form: str, rounds: int) -> dict[str, float]:
    """`predict_many` against separate calls and scikit-learn's, in microseconds for all models."""
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    sources = linear_models(kind, MODELS, COLUMNS, named=form == "dict")
    handles = [runtime.register(f"model {i}", source) for i, source in enumerate(sources)]
    X = np.random.default_rng(1).normal(size=(MODELS, COLUMNS))
    rows = rows_as(form, X)
    pairs = list(zip(handles, rows, strict=True))
    named = list(zip(runtime, rows, strict=True))
    tables = [X[i : i + 1] for i in range(MODELS)]
    if form == "dict":
        import pandas as pd

        tables = [pd.DataFrame([row]) for row in rows]
    calls: dict[str, Callable[[], Any]] = {
        "together": lambda: runtime.predict_many(pairs),
        "separate": lambda: [handle.predict_one(row) for handle, row in pairs],
        "together, by name": lambda: runtime.predict_many(named),
        "separate, by name": lambda: [runtime.predict_one(name, row) for name, row in named],
    }
    if len({str(call()) for call in calls.values()}) > 1:
        raise AssertionError("answers differ")
    found = medians(calls, rounds)
    sklearn = {"scikit-learn": lambda: [s.predict(table) for s, table in zip(sources, tables, strict=True)]}
    return {**found, **medians(sklearn, max(2, rounds // 20))}


def wide(width: int, rounds: int) -> dict[str, float]:
    """The same for wide Ridge models, fewer where they would not fit into memory."""
    count = max(4, min(MODELS, 4_000_000 // width))
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    handles = [runtime.register(f"m{i}", source) for i, source in enumerate(linear_models("Ridge", count, width))]
    pairs = list(zip(handles, np.random.default_rng(1).normal(size=(count, width)), strict=True))
    found = medians(
        {
            "together": lambda: runtime.predict_many(pairs),
            "separate": lambda: [handle.predict_one(row) for handle, row in pairs],
        },
        max(5, min(rounds, 200_000 // width)),
    )
    return {"models": count, **{name: value / count for name, value in found.items()}}


def heads(rounds: int, count: int = HEADS) -> dict[str, float]:
    """`predict_all` of text models that differ in weights only, in microseconds; a median over texts."""
    from benchmarks import families, tasks

    members = list(families.sentiment_heads(count))
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    handles = [runtime.register(member.name, member.estimator) for member in members]
    texts = list(tasks.sentiment()[0][:rounds])
    taken: dict[str, list[float]] = {"together": [], "separate": [], "scikit-learn": []}
    for number, text in enumerate(texts):
        calls: dict[str, Callable[[], Any]] = {
            "together": lambda text=text: runtime.predict_all(text, handles),
            "separate": lambda text=text: [handle.predict_one(text) for handle in handles],
        }
        if number % 20 == 0:
            calls["scikit-learn"] = lambda text=text: [m.estimator.predict([text])[0] for m in members]
        answers = []
        for name, call in calls.items():
            start = time.perf_counter()
            answers.append(call())
            taken[name].append((time.perf_counter() - start) * 1e6)
        if any(answer != answers[0] for answer in answers):
            raise AssertionError("answers differ")
    before, after = runtime.sharing(handles)
    return {**{name: float(np.median(times)) for name, times in taken.items()}, "calls": before, "distinct": after}


def judge(document: dict[str, Any]) -> list[Verdict]:
    """Figures against the bars."""
    found = []
    for name, t in document["small"].items():
        for other, bar in (("scikit-learn", SKLEARN_BAR), ("separate", SEPARATE_BAR)):
            ratio = t[other] / t["together"]
            what = f"predict_many of {MODELS} against separate calls" + (" of scikit-learn" * (other != "separate"))
            found.append(Verdict(name, what, f"{bar}x", f"{ratio:,.1f}x", ratio >= bar))
    t = document["heads"]
    ratio = t["scikit-learn"] / t["together"]
    what = f"predict_all of {HEADS} against separate calls of scikit-learn"
    found.append(Verdict("sentiment", what, f"{HEADS_BAR}x", f"{ratio:,.0f}x", ratio >= HEADS_BAR))
    theory, reached = t["calls"] / t["distinct"], t["separate"] / t["together"]
    text = f"{reached:.2f}x of {theory:.2f}x ({t['calls']} calls, {t['distinct']} distinct)"
    found.append(Verdict("sentiment", "sharing", f"{SHARING_BAR:.0%}", text, reached >= SHARING_BAR * theory))
    return found


def markdown(document: dict[str, Any]) -> str:
    """The report."""
    lines = [f"## predict_many: {MODELS} linear models of {COLUMNS} columns, ns for each", ""]
    columns = list(next(iter(document["small"].values())))
    lines += ["| models, rows | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for name, t in document["small"].items():
        lines.append(f"| {name} | " + " | ".join(f"{t[c] * 1000 / MODELS:,.0f}" for c in columns) + " |")
    lines += ["", "## Wide models, ndarray rows, us for each", "", "| columns | models | together | separate | ratio |"]
    lines.append("|---|---|---|---|---|")
    for width, t in document["wide"].items():
        ratio = t["separate"] / t["together"]
        figures = f"{t['together']:.3f} | {t['separate']:.3f} | {ratio:.2f}x"
        lines.append(f"| {int(width):,} | {t['models']:.0f} | {figures} |")
    t = document["heads"]
    lines += ["", f"## predict_all: {HEADS} text models over two vectorizers, us for all", ""]
    lines += [f"- {name}: {t[name]:,.0f}" for name in ("together", "separate", "scikit-learn")]
    lines += ["", "| case | what | required | measured | |", "|---|---|---|---|---|"]
    for bar in document["bars"]:
        verdict = "met" if bar["met"] else "NOT MET"
        lines.append(f"| {bar['case']} | {bar['what']} | {bar['required']} | {bar['measured']} | {verdict} |")
    return "\n".join(lines) + "\n"


def measure(rounds: int, widths: tuple[int, ...] = WIDTHS) -> dict[str, Any]:
    """All figures and verdicts."""
    document: dict[str, Any] = {"small": {}, "wide": {}}
    for kind in ("Ridge", "LogisticRegression"):
        for form in ("ndarray", "tuple", "dict"):
            document["small"][f"{kind}, {form}"] = small(kind, form, rounds)
    for width in widths:
        document["wide"][str(width)] = wide(width, rounds)
    document["heads"] = heads(rounds)
    document["bars"] = [verdict.as_dict() for verdict in judge(document)]
    return document


def main(arguments: list[str] | None = None) -> int:
    """Measure, report, and return 1 if a bar is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements")
    options = parser.parse_args(arguments)
    document = measure(60 if options.quick else 400)
    print(markdown(document))
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return int(not all(bar["met"] for bar in document["bars"]))


if __name__ == "__main__":
    sys.exit(main())
