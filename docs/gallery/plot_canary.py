"""
A canary
========

An alias gives a new version a growing share of the calls. The shares are exact to within a few calls, and no call is
dropped when they change.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from sklearn.linear_model import LinearRegression

import pretzel

old, new = (LinearRegression().fit([[0.0], [1.0]], [price, price]) for price in (1.0, 2.0))
runtime = pretzel.Runtime()
runtime.register("price", old)
runtime.register("price", new, default=False)

answers = []
for share in (0.0, 0.05, 0.2, 0.5, 1.0):
    live = runtime.alias("price/live", {"price@v1": 1 - share, "price@v2": share})
    answers += [live.predict_one([0.0]) for _ in range(200)]

# %%

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
share = np.convolve(np.array(answers) > 1.5, np.ones(40) / 40, mode="valid")
axes.plot(range(40, len(answers) + 1), share, color="tab:blue")
axes.set(xlabel="calls", ylabel="share of the new version", ylim=(-0.03, 1.03))
axes.grid(axis="y", alpha=0.3)
plt.show()
