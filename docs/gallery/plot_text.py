"""
Texts of any length
===================

A text model counts n-grams and sums their weights. A plan makes no sparse matrix on the way, so that a short text is
answered in microseconds, and the time grows with the text.
"""

from __future__ import annotations

from timeit import repeat

import matplotlib.pyplot as plt
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel import examples

texts = examples.texts(600, length=20)
pipeline = make_pipeline(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), LogisticRegression(max_iter=300)).fit(
    texts, ["cat" in text for text in texts]
)
plan = pretzel.compile(pipeline)

long = " ".join(texts)
lengths = [10, 40, 160, 640, 2560]
times = {"scikit-learn": [], "Pretzel": []}
for length in lengths:
    text = long[:length]
    assert plan.predict_one(text) == pipeline.predict([text])[0]
    for name, call, number in (
        ("scikit-learn", lambda text=text: pipeline.predict([text]), 5),
        ("Pretzel", lambda text=text: plan.predict_one(text), 50),
    ):
        times[name].append(min(repeat(call, repeat=3, number=number)) / number * 1e6)

# %%
# Both axes are logarithmic.

figure, axes = plt.subplots(figsize=(7, 3.2), layout="constrained")
for name, color in (("scikit-learn", "tab:gray"), ("Pretzel", "tab:blue")):
    axes.plot(lengths, times[name], "o-", color=color, label=name)
axes.set(xscale="log", yscale="log", xlabel="characters", ylabel="microseconds for one text")
axes.legend()
plt.show()
