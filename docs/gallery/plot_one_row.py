"""
One row
=======

A call with one row costs scikit-learn mostly checks and conversions. A plan reads the row field by field into native
memory and runs its kernels there.
"""

from __future__ import annotations

from timeit import repeat

import matplotlib.pyplot as plt
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel

X, y = load_iris(return_X_y=True)
models = {
    "logistic regression": LogisticRegression(),
    "perceptron": MLPClassifier((20,), max_iter=1000, random_state=0),
    "forest of 50 trees": RandomForestClassifier(50, random_state=0),
}

# %%
# The row is an array for scikit-learn, which takes nothing else, and a tuple for the plan.


def microseconds(call, argument, number):
    """Shortest mean time of a call."""
    return min(repeat(lambda: call(argument), repeat=5, number=number)) / number * 1e6


times = {}
for name, model in models.items():
    pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    plan = pretzel.compile(pipeline)
    assert plan.predict_one(tuple(X[0])) == pipeline.predict(X[:1])[0]
    times[name] = microseconds(pipeline.predict, X[:1], 20), microseconds(plan.predict_one, tuple(X[0]), 1000)

# %%
# The axis is logarithmic.

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for i, (source, plan_time) in enumerate(times.values()):
    axes.barh(i + 0.2, source, 0.4, color="tab:gray", label="scikit-learn" if i == 0 else None)
    axes.barh(i - 0.2, plan_time, 0.4, color="tab:blue", label="Pretzel" if i == 0 else None)
axes.set(yticks=range(len(times)), yticklabels=times, xscale="log", xlabel="microseconds for one row")
axes.legend()
plt.show()
