"""
Models that share
=================

Thirty customers have a model each, over one vocabulary. The vocabulary is in memory once; each further model adds the
weights that are its own.
"""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel import examples

texts = examples.texts(400, examples.vocabulary(3000), length=20)
vectorizer = TfidfVectorizer(ngram_range=(1, 2)).fit(texts)
rows = vectorizer.transform(texts)
rng = np.random.default_rng(0)

runtime = pretzel.Runtime(store=pretzel.ObjectStore())
logical, unique = [], []
for customer in range(30):
    head = RidgeClassifier(solver="sag", max_iter=5, tol=1.0).fit(rows, rng.integers(0, 2, 400))
    runtime.register(f"sentiment/{customer}", make_pipeline(vectorizer, head))
    stats = runtime.stats()
    logical.append(stats["logical_bytes"] / 1e6)
    unique.append(stats["unique_bytes"] / 1e6)

# %%

figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
axes.plot(range(1, 31), logical, color="tab:gray", label="if nothing were shared")
axes.plot(range(1, 31), unique, color="tab:blue", label="in memory")
axes.set(xlabel="models", ylabel="megabytes", ylim=0)
axes.legend()
plt.show()
