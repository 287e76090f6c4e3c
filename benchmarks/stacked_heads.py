"""Members of an ensemble as one kernel: ``python -m benchmarks.stacked_heads [--quick]``.

64 one-versus-rest heads over the features of a text against scikit-learn and against one head; members of several
shapes with and without the rules that stack them; 64 models of one shape in one call against as many calls.
"""

from __future__ import annotations

import argparse
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

import pretzel
from benchmarks import tasks
from benchmarks.many import medians
from pretzel.examples import char_and_word

if TYPE_CHECKING:
    from collections.abc import Iterator

HEADS, TEXTS = 64, 3000
RULES = ["stack_members", "join_trees_of_members"]


def heads_of_texts(heads: int, texts: int) -> tuple[Any, Any, list[str]]:
    """A one-versus-rest classifier of so many classes behind the features of texts, one of its heads, and texts."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline

    known = tasks.sentiment()[0][:texts]
    features = char_and_word().fit(known)
    classes = np.random.default_rng(0).permutation(np.arange(texts) % heads)
    model = OneVsRestClassifier(LogisticRegression(solver="liblinear", max_iter=3)).fit(
        features.transform(known), classes
    )
    return make_pipeline(features, model), make_pipeline(features, model.estimators_[0]), known


def ensembles() -> Iterator[tuple[str, Any, int]]:
    """Fitted ensembles of several shapes, and their columns."""
    from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, BaggingRegressor
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.tree import DecisionTreeClassifier

    random = np.random.default_rng(0)
    for width in (5, 20, 100):
        X = random.normal(size=(400, width))
        y = X[:, 0] + random.normal(size=400)
        for count in (3, 10, 64):
            classes = random.permutation(np.arange(400) % count)
            yield "OneVsRest(LogisticRegression)", OneVsRestClassifier(LogisticRegression()).fit(X, classes), width
        for count in (10, 100):
            given = {"n_estimators": count, "random_state": 0}
            yield "Bagging(LogisticRegression)", BaggingClassifier(LogisticRegression(), **given).fit(X, y > 0), width
            yield "Bagging(Ridge)", BaggingRegressor(Ridge(), **given).fit(X, y), width
            tree = DecisionTreeClassifier(max_depth=4)
            yield (
                "Bagging(tree, half of the columns)",
                BaggingClassifier(tree, max_features=0.5, **given).fit(X, y > 0),
                width,
            )
            yield "AdaBoost(stump)", AdaBoostClassifier(**given).fit(X, y > 0), width


def shapes(rounds: int) -> None:
    """A line for each ensemble: microseconds of a row and of 1000 rows, one by one and stacked, which are bit-equal."""
    print("| ensemble | columns | members | row | stacked | 1000 rows | stacked |")
    print("|---|---|---|---|---|---|---|")
    for name, estimator, width in ensembles():
        plans = [pretzel.compile(estimator, disable_rules=rules) for rules in (RULES, [])]
        method = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
        X = np.random.default_rng(1).normal(size=(1000, width))
        exact = [pretzel.compile(estimator, numerics="strict", disable_rules=rules) for rules in (RULES, [])]
        one, other = (getattr(plan, method)(X) for plan in exact)
        assert one.tobytes() == other.tobytes(), name
        calls = {}
        for label, plan in zip(("single", "stacked"), plans, strict=True):
            call = getattr(plan, method)
            calls[f"{label} 1"] = lambda call=call, row=X[:1]: call(row)
            calls[f"{label} 1000"] = lambda call=call, rows=X: call(rows)
        taken = medians(calls, rounds)
        times = [taken[key] for key in ("single 1", "stacked 1", "single 1000", "stacked 1000")]
        cells = " | ".join(f"{time:.1f}" for time in times)
        print(f"| {name} | {width} | {len(estimator.estimators_)} | {cells} |", flush=True)


def texts(rounds: int) -> None:
    """One text: scikit-learn, 64 heads stacked and one by one, and one head."""
    model, head, known = heads_of_texts(HEADS, TEXTS)
    plans = {
        "stacked": pretzel.compile(model),
        "one by one": pretzel.compile(model, disable_rules=RULES),
        "one head": pretzel.compile(head),
    }
    text = sorted(known, key=len)[len(known) // 2]
    np.testing.assert_allclose(plans["stacked"].predict_proba([text]), model.predict_proba([text]), rtol=1e-9)
    for method in ("predict", "predict_proba"):
        calls = {name: lambda plan=plan, method=method: getattr(plan, method)([text]) for name, plan in plans.items()}
        taken = medians({**calls, "scikit-learn": lambda method=method: getattr(model, method)([text])}, rounds)
        print(f"{method}, {HEADS} heads, a text of {len(text)} characters:", {k: round(v, 1) for k, v in taken.items()})
        print(f"  1/{taken['scikit-learn'] / taken['stacked']:.0f} of scikit-learn,"
              f" {taken['stacked'] / taken['one head']:.2f} of one head")  # fmt: skip


def many(rounds: int) -> None:
    """A row for each of 64 models with 20 columns and 3 classes."""
    from sklearn.linear_model import LogisticRegression

    random = np.random.default_rng(0)
    X = random.normal(size=(HEADS, 20))
    runtime = pretzel.Runtime()
    for i in range(HEADS):
        y = np.digitize(X @ random.normal(size=20), [-1, 1])
        runtime.register(f"model {i}", LogisticRegression().fit(X, y))
    pairs = [(f"model {i}", X[i].copy()) for i in range(HEADS)]
    handles = [(runtime[name], row) for name, row in pairs]
    taken = medians(
        {
            "names": lambda: runtime.predict_many(pairs),
            "handles": lambda: runtime.predict_many(handles),
            "one by one": lambda: [handle.predict_one(row) for handle, row in handles],
        },
        rounds,
    )
    print(f"predict_many, {HEADS} models of 20 columns and 3 classes:", {k: round(v, 2) for k, v in taken.items()})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", choices=("shapes", "texts", "many"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    rounds = 50 if arguments.quick else 300
    for part in (shapes, texts, many):
        if arguments.only in (None, part.__name__):
            part(rounds if part is not many else 20 * rounds)
