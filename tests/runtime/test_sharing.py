"""Many models in one process: what they share is held once, what they do not is all that each one costs."""

from __future__ import annotations

import copy
import gc
import json
import os
import statistics
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import pretzel
from pretzel._native import _core

COUNT = 60
WIDTH = 50
POWERS = 1 + WIDTH + WIDTH * (WIDTH + 1) // 2


def regressions(count: int) -> list[Pipeline]:
    """Ridge regressions over one polynomial expansion of scaled numbers; the scaler cannot be folded into them."""
    rng = np.random.default_rng(0)
    X = rng.normal(3, 2, size=(200, WIDTH))
    scaler = StandardScaler().fit(X)
    powers = PolynomialFeatures(2).fit(X)
    first = Ridge().fit(powers.transform(scaler.transform(X)), rng.normal(size=200))
    heads = [copy.copy(first) for _ in range(count)]
    for number, head in enumerate(heads):
        head.coef_ = first.coef_ + rng.normal(size=POWERS)
        head.intercept_ = first.intercept_ + number
    return [make_pipeline(scaler, powers, head) for head in heads]


def test_bytes_are_what_a_hand_counts() -> None:
    """Mean and scale once, 1326 weights and an intercept each, and what the expansion needs once."""
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    sources = regressions(21)
    runtime.register("first", sources[0], strict=True)
    first = runtime.stats()
    for number, source in enumerate(sources[1:]):
        runtime.register(f"model {number}", source, strict=True)
    stats = runtime.stats()
    own = 8 * POWERS + 8
    assert stats["unique_bytes"] == first["unique_bytes"] + 20 * own
    assert stats["logical_bytes"] == 21 * first["unique_bytes"]
    assert stats["objects"] == first["objects"] + 20 * 2
    assert {model["exclusive_bytes"] for model in stats["models"].values()} == {own}
    assert first["unique_bytes"] - own >= 2 * 8 * WIDTH
    for name in list(runtime):
        before = runtime.store.stats()["unique_bytes"]
        exclusive = runtime[name].exclusive_bytes
        runtime.unregister(name)
        assert before - runtime.store.stats()["unique_bytes"] == exclusive
    assert runtime.store.stats() == {"objects": 0, "stages": 0, "unique_bytes": 0, "logical_bytes": 0}


def small_models(count: int) -> list[LogisticRegression]:
    """Of one kind and over the same columns, with weights of their own."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(50, 20)), columns=[f"c{i}" for i in range(20)])
    first = LogisticRegression().fit(X, X["c0"] > 0)
    models = [copy.copy(first) for _ in range(count)]
    for model in models:
        model.coef_ = rng.normal(size=first.coef_.shape)
    return models


def test_models_of_one_kind_have_one_shape() -> None:
    gc.collect()
    shared = (len(_core.SHAPES), len(_core.FORMS))
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    one, other = (runtime.register(f"m{i}", model).plan for i, model in enumerate(small_models(2)))
    held = (len(_core.SHAPES), len(_core.FORMS))
    assert one.methods.keys() == {"predict", "predict_proba", "predict_log_proba", "decision_function"}
    for method in one.methods:
        programs = [plan.methods[method].plan.program for plan in (one, other)]
        assert programs[0].shape is programs[1].shape
    runtime.register("m2", small_models(3)[2])
    assert (len(_core.SHAPES), len(_core.FORMS)) == held
    del one, other, programs
    for name in list(runtime):
        runtime.unregister(name)
    gc.collect()
    assert (len(_core.SHAPES), len(_core.FORMS)) == shared


def test_a_small_model_costs_a_few_kilobytes() -> None:
    """Four methods over twenty columns: what Python allocates for each, which is most of it."""
    assert statistics.median(_alone("small")) < 14_000  # a table of the process that grows meanwhile is none of theirs


def _costs_of_small_models() -> list[float]:
    """Bytes of each of twenty models, again and again."""
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    models = small_models(150)
    for number, model in enumerate(models[:50]):
        runtime.register(f"before {number}", model)
    costs = []
    gc.collect()
    tracemalloc.start()
    try:
        for start in range(50, 150, 20):
            before = tracemalloc.get_traced_memory()[0]
            for number in range(start, start + 20):
                runtime.register(f"model {number}", models[number])
            gc.collect()
            costs.append((tracemalloc.get_traced_memory()[0] - before) / 20)
    finally:
        tracemalloc.stop()
    return costs


def _alone(what: str) -> Any:
    """What a process of its own measures, because memory of one that ran other tests means nothing."""
    where = str(Path(pretzel.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": where}
    done = subprocess.run(
        [sys.executable, __file__, what], capture_output=True, text=True, timeout=250, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_compiling_leaves_nothing_for_the_collector() -> None:
    """Graphs hold copies of the weights: they must go when the compiler is done, not when the collector comes."""
    from pretzel.oven.ir.graph import _HashConsing

    sources = regressions(2)
    gc.collect()
    before = len(_HashConsing._known.nodes)
    gc.disable()
    try:
        plans = [pretzel.compile(source) for source in sources]
        assert len(_HashConsing._known.nodes) == before
    finally:
        gc.enable()
    del plans


@pytest.mark.skipif("LD_PRELOAD" in os.environ, reason="memory is counted with the system's allocator")
def test_sentiment_models_share_their_vectorizers() -> None:
    """Many models over two vectorizers."""
    if not Path("/proc/self/statm").exists():
        pytest.skip("resident memory is read from /proc")
    found = _alone("sentiment")
    own = found["weights"]
    assert found["exclusive"] == [own]
    assert found["unique"] == found["first"] + (COUNT - 1) * own
    assert found["logical"] == COUNT * found["first"]
    assert found["resident"] <= 1.2 * own, found


def _sentiment_models() -> dict[str, Any]:
    """What the models hold; the resident bytes are those of each of the last two thirds."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_union

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefghijklmnopqrstuvwxyz"), 6)) for _ in range(8000)]
    texts = [" ".join(rng.choice(words, 30)) for _ in range(1500)]
    features = make_union(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), TfidfVectorizer(ngram_range=(1, 2)))
    head = LogisticRegression(max_iter=5).fit(features.fit_transform(texts), rng.integers(0, 2, 1500))
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    marks = {}
    for number in range(1, COUNT + 1):
        other = copy.copy(head)
        other.coef_ = head.coef_ + rng.normal(size=head.coef_.shape)
        other.intercept_ = head.intercept_ + number
        runtime.register(str(number), Pipeline([("features", features), ("head", other)]), strict=True)
        del other
        marks[number] = resident(), runtime.stats()["unique_bytes"] if number == 1 else 0
    stats = runtime.stats()
    exclusive = {model["exclusive_bytes"] for model in stats["models"].values()}
    return {
        "weights": head.coef_.nbytes + head.intercept_.nbytes,
        "first": marks[1][1],
        "unique": stats["unique_bytes"],
        "logical": stats["logical_bytes"],
        "exclusive": sorted(exclusive),
        "resident": (marks[COUNT][0] - marks[COUNT // 3][0]) / (COUNT - COUNT // 3),
    }


if __name__ == "__main__":
    print(json.dumps(_costs_of_small_models() if sys.argv[1] == "small" else _sentiment_models()))


def test_models_called_in_turn_answer_as_each_alone() -> None:
    """Calls fetch ahead what the target reads: another one's, a replaced one's and a removed one's is nobody's harm."""
    runtime = pretzel.Runtime()
    rows = np.random.default_rng(1).normal(3, 2, size=(20, WIDTH))
    pipelines = regressions(6)
    handles = [runtime.register(f"m{i}", pipeline) for i, pipeline in enumerate(pipelines)]
    expected = [pipeline.predict(rows) for pipeline in pipelines]
    for turn in range(60):
        i = turn * 5 % 6
        if turn % 7 == 0:  # a new version takes the place of what was fetched before
            runtime.register(f"m{i}", pipelines[i])
            gc.collect()
        assert handles[i].predict_one(rows[turn % 20]) == pytest.approx(expected[i][turn % 20], rel=1e-9)
    for i in range(6):
        runtime.unregister(f"m{i}")
        with pytest.raises(pretzel.errors.ModelNotFoundError):
            handles[i].predict_one(rows[0])
