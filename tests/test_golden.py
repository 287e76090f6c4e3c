"""How ten whole pipelines compile: a refactoring leaves this untouched, a new rule shows what it does.

``pytest tests/test_golden.py --update-golden`` writes the files anew; the difference belongs in the review.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import pretzel
from pretzel.examples import NUMBERS, Example, small_examples, small_numbers
from pretzel.store.object_store import ObjectStore

GOLDEN = Path(__file__).parent / "golden"


class Unknown(TransformerMixin, BaseEstimator):
    """A step without a native form."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.asarray(X) * 2

    def get_feature_names_out(self, input_features=None):
        return np.array([f"u{i}" for i in range(self.n_features_in_)], dtype=object)


STEPS = [("scale", StandardScaler()), ("unknown", Unknown()), ("same", FunctionTransformer())]
OPAQUE = Example("opaque", NUMBERS, Pipeline([*STEPS, ("model", LogisticRegression())]), small_numbers)
EXAMPLES = (*small_examples(), OPAQUE)


def masked(text: str) -> str:
    """Without what differs from run to run (digests, times) and what is a kernel's own business (its bytes)."""
    text = re.sub(r"^(  stage \d+) [0-9a-f]{12}", r"\1 <digest>", text, flags=re.M)
    text = re.sub(r"[\d,]+ B  ", "<bytes>  ", text)
    text = re.sub(r"^bytes: .*$", "bytes: <bytes>", text, flags=re.M)
    text = re.sub(r"^  memory .*$", "  memory    <bytes>", text, flags=re.M)
    return re.sub(r"[\d,]+(\.\d+)? (ms|us|ns)\b", "<time>", text)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_explain(example, request):
    path = GOLDEN / f"{example.name}.txt"
    text = masked(pretzel.compile(example.fit(), store=ObjectStore()).explain()) + "\n"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert path.exists(), "run pytest with --update-golden"
    assert text == path.read_text()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
@pytest.mark.parametrize("numerics", ["fast", "strict"])
def test_verified(example, numerics):
    estimator = example.fit()
    rows, _ = example.load()
    report = pretzel.verify(pretzel.compile(estimator, numerics=numerics), estimator, rows, boundary=True)
    assert report.ok, str(report)


def test_no_golden_file_is_left_over():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {example.name for example in EXAMPLES}
