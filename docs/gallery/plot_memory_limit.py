"""
A memory limit
==============

A store on disk has sixty models, and calls prefer some of them. The smaller the memory limit, the more often a call
finds that its model has left memory and loads it again.
"""

from __future__ import annotations

import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestRegressor

import pretzel
from pretzel import examples

folder = tempfile.TemporaryDirectory()
models = pretzel.PlanStore(folder.name)
for i in range(60):
    X, y = examples.regression(300, 6, seed=i)
    models.publish(f"price/{i}", RandomForestRegressor(5, random_state=i).fit(X, y))

row = tuple(X[0])
names = [f"price/{i}" for i in np.random.default_rng(0).zipf(1.5, 2000) % 60]
needed = sum(models.bytes_to_load(name) for name in models)

shares, loads = [0.3, 0.5, 0.7, 1.2], []
for share in shares:
    with pretzel.Runtime(store=folder.name) as unlimited:
        unlimited["price/0"].predict_one(row)
        beside = unlimited.stats()["memory"]["used"]
    with pretzel.Runtime(store=folder.name, memory_limit=int(beside + share * needed)) as runtime:
        for name in names:
            runtime[name].predict_one(row)
        loads.append(runtime.stats()["memory"]["loads"])

# %%

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
axes.plot(shares, loads, "o-", color="tab:blue")
axes.axhline(len(set(names)), color="tab:gray", linestyle="--", label="each model once")
axes.set(xlabel="memory limit, as a share of all models", ylabel=f"loads in {len(names):,} calls", ylim=0)
axes.legend()
plt.show()
