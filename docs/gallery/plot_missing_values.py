"""
Missing values in rows
======================

None in a row means missing. The plot asks a plan for every age, and once for no age, which is the imputer's.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import pretzel
from pretzel import examples

frame = examples.table(1500, missing=0.2)
rng = np.random.default_rng(0)
rent = 300 + 8 * frame["age"].fillna(30) * (frame["city"] == "Paris") + rng.normal(0, 30, len(frame))
columns = make_column_transformer(
    (SimpleImputer(strategy="median"), ["age", "pay"]), (OneHotEncoder(handle_unknown="ignore"), ["city", "kind"])
)
plan = pretzel.compile(make_pipeline(columns, GradientBoostingRegressor(random_state=0)).fit(frame, rent))

# %%

figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
ages = range(18, 80)
for city, color in (("Paris", "tab:blue"), ("Bonn", "tab:orange")):
    row = {"pay": 12.0, "city": city, "kind": "x"}
    axes.plot(ages, [plan.predict_one({"age": age, **row}) for age in ages], color=color, label=city)
    axes.axhline(plan.predict_one({"age": None, **row}), color=color, linestyle=":", label=f"{city}, age is None")
axes.set(xlabel="age", ylabel="predicted rent")
axes.legend()
plt.show()
