"""Models come and go: ``python tests/runtime/cycles.py 10000`` fails if they leave anything behind.

Each cycle registers a table model, a text model and one with a step that runs as it is, serves rows and tables, splits
calls between two versions, replaces, promotes and unregisters. Nothing but reference counts frees what is dropped: the
collector is off.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import pretzel
from pretzel._native import live

ALLOWED = 5 << 20
WARM = 100


def resident() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def sources() -> list[tuple[list[Any], Any, Any]]:
    """Pairs of versions, a row, a table."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(200, 6))
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    texts = [" ".join(rng.choice(words, 8)) for _ in range(200)]
    y = numbers[:, 0] > 0
    forest = [RandomForestRegressor(10, max_depth=6, random_state=n).fit(numbers, numbers[:, 1]) for n in (0, 1)]
    text = [make_pipeline(TfidfVectorizer(ngram_range=(1, n)), LogisticRegression()).fit(texts, y) for n in (1, 2)]
    opaque = [
        make_pipeline(FunctionTransformer(np.deg2rad), StandardScaler(), Ridge(alpha=n)).fit(numbers, numbers[:, 1])
        for n in (1, 2)
    ]
    return [(forest, numbers[3], numbers), (text, texts[3], texts), (opaque, numbers[3], numbers)]


def cycle(runtime: pretzel.Runtime, name: str, versions: list[Any], row: Any, table: Any) -> None:
    """The life of one model."""
    old, new = versions
    model = runtime.register(name, old)
    model.predict_one(row)
    model.predict(table)
    canary = runtime.register(name, new, default=False)
    live = runtime.alias("live", {name: 0.5, f"{name}@v2": 0.5})
    for _ in range(4):
        live.predict_one(row)
    canary.submit(table).result()
    runtime.promote(f"{name}@v2")
    runtime.unregister("live")
    runtime.unregister(f"{name}@v1")
    runtime.replace(name, old)
    runtime.predict_one(name, row)
    runtime.unregister(name)


def main(cycles: int) -> None:
    """Run them, print figures, and fail where something is left."""
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    kinds = sources()
    gc.collect()
    gc.disable()
    before = resident()
    start = time.perf_counter()
    for number in range(cycles + WARM):
        if number == WARM:  # code, arenas and the allocator's pools are there
            before, start = resident(), time.perf_counter()
        cycle(runtime, f"model {number}", *kinds[number % 3])
    seconds = time.perf_counter() - start
    grown = resident() - before
    print(f"{cycles} cycles in {seconds:.1f} s, resident {grown / 2**20:+.2f} MB, {runtime.store.stats()}, {live()}")
    assert grown <= ALLOWED, f"{grown} bytes more than before"
    assert not any(runtime.store.stats().values())
    assert not any(live().values())


if __name__ == "__main__":
    main(int(sys.argv[1]))
