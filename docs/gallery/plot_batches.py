"""
From one row to many
====================

The cost of a call is spread over the rows of a table. A plan has little to spread, so that its rows cost nearly the
same in a table of any length.
"""

from __future__ import annotations

from timeit import repeat

import matplotlib.pyplot as plt
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor

import pretzel

X, y = load_diabetes(return_X_y=True)
model = HistGradientBoostingRegressor(max_iter=50, random_state=0).fit(X, y)
plan = pretzel.compile(model)

sizes = [1, 4, 16, 64, 256]
times = {"scikit-learn": [], "Pretzel": []}
for size in sizes:
    for name, predict in (("scikit-learn", model.predict), ("Pretzel", plan.predict)):
        rows, number = X[:size], 5
        best = min(repeat(lambda predict=predict, rows=rows: predict(rows), repeat=3, number=number))
        times[name].append(best / number / size * 1e6)

# %%
# Both axes are logarithmic.

figure, axes = plt.subplots(figsize=(7, 3.5), layout="constrained")
for name, color in (("scikit-learn", "tab:gray"), ("Pretzel", "tab:blue")):
    axes.plot(sizes, times[name], "o-", color=color, label=name)
axes.set(xscale="log", yscale="log", xlabel="rows in a table", ylabel="microseconds for each row")
axes.legend()
plt.show()
