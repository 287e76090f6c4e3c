"""
Deadlines
=========

Forty tables arrive at once at one worker. A table that cannot be in time is rejected at once, by the estimated work of
those before it. One that was accepted is dropped if its deadline passes before it begins, which happens where other
processes take the worker's core.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
from sklearn.ensemble import RandomForestRegressor

import pretzel
from pretzel import examples

X, y = examples.regression(2000, 8)
forest = RandomForestRegressor(30, random_state=0).fit(X, y)

deadlines = [0.005, 0.02, 0.08, 0.32]
counts = []
with pretzel.Runtime(executors=1) as runtime:
    model = runtime.register("forest", forest)
    model.submit(X).result()
    for deadline in deadlines:
        answers, rejected, late = [], 0, 0
        for _ in range(40):
            try:
                answers.append(model.submit(X, deadline=deadline))
            except pretzel.errors.DeadlineExceeded:
                rejected += 1
        for answer in answers:
            late += isinstance(answer.exception(), pretzel.errors.DeadlineExceeded)
        counts.append((len(answers) - late, late, rejected))

# %%

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
labels, left = [f"{1000 * deadline:.0f} ms" for deadline in deadlines], [0] * len(deadlines)
for part, name, color in zip(
    zip(*counts, strict=True),
    ("answered", "accepted, not begun in time", "rejected at once"),
    ("tab:blue", "tab:orange", "tab:gray"),
    strict=True,
):
    axes.barh(labels, part, left=left, label=name, color=color)
    left = [a + b for a, b in zip(left, part, strict=True)]
axes.set(xlabel="requests", ylabel="deadline")
axes.legend()
plt.show()
