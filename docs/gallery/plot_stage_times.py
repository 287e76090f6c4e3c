"""
Where the time goes
===================

``explain(analyze=rows)`` runs a request and measures each kernel of each stage.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel import examples

frame = examples.table(2000, missing=0.0)
columns = make_column_transformer((StandardScaler(), ["age", "pay"]), (OneHotEncoder(), ["city", "kind"]))
pipeline = make_pipeline(columns, GradientBoostingClassifier(n_estimators=30, random_state=0))
plan = pretzel.compile(pipeline.fit(frame, (frame["pay"] > 12) & (frame["city"] != "Bonn")))

found = plan.explain("json", analyze=frame)["analyzed"]["predict_proba"]
calls = [
    (f"stage {number}: {call['kernel']}", call["seconds"] * 1e6)
    for number, stage in enumerate(found["stages"])
    for call in stage["calls"]
]

# %%

figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
names, times = zip(*reversed(calls), strict=True)
axes.barh(names, times, color="tab:blue")
axes.set(xlabel=f"microseconds for {found['rows']} rows", title=f"predict_proba on {found['isa']}")
plt.show()
