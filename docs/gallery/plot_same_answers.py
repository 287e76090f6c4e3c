"""
The same answers
================

A compiled forest has the same probability at every point of the plane as its source, to the bit.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel

X, y = make_moons(300, noise=0.25, random_state=0)
pipeline = make_pipeline(StandardScaler(), RandomForestClassifier(30, max_depth=6, random_state=0)).fit(X, y)
plan = pretzel.compile(pipeline)

x0, x1 = np.meshgrid(np.linspace(-2, 3, 150), np.linspace(-1.5, 2, 150))
grid = np.column_stack([x0.ravel(), x1.ravel()])
source, answer = pipeline.predict_proba(grid)[:, 1], plan.predict_proba(grid)[:, 1]
print(f"largest difference: {np.abs(source - answer).max()}")

# %%

figure, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for each, values, title in zip(axes, (source, answer), ("scikit-learn", "Pretzel"), strict=True):
    each.contourf(x0, x1, values.reshape(x0.shape), levels=20, cmap="RdBu_r")
    each.scatter(*X.T, c=y, s=8, cmap="RdBu_r", edgecolors="black", linewidths=0.3)
    each.set(title=title)
plt.show()
