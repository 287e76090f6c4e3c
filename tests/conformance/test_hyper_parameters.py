"""Every hyper-parameter is known, and a sample of the estimators, another one for each commit, honours all values."""

from __future__ import annotations

import pytest

from tests.conformance.hyper_parameters import parameters, read_table, subjects, try_out
from tests.conformance.rotation import draw

ESTIMATORS = 5  # of one run
SLOW = frozenset({"HistGradientBoostingClassifier", "HistGradientBoostingRegressor", "LogisticRegressionCV", "RFECV",
                  "DictionaryLearning", "SequentialFeatureSelector"})  # fmt: skip
"""Fitted for minutes with all values: ``python -m tests.conformance.hyper_parameters`` tries them."""


def test_no_parameter_is_new() -> None:
    """A parameter that scikit-learn adds must be honoured, proven irrelevant or refused before it is in the table."""
    table = read_table()
    for public, subject in subjects().items():
        assert public in table, f"{public} is new: see tests/conformance/hyper_parameters.py"
        new = set(parameters(subject)) - table[public].keys()
        assert not new, f"{public} has new parameters: see tests/conformance/hyper_parameters.py"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("public", draw(sorted(set(read_table()) & set(subjects())), ESTIMATORS))
def test_every_value_is_honoured(public: str) -> None:
    if public.rpartition(".")[2] in SLOW:
        pytest.skip("it is fitted for too long")
    tried = try_out(subjects()[public])
    assert not tried.differences
    heeded = {name for name, is_read in read_table()[public].items() if is_read}
    assert tried.read <= heeded
