"""One versus rest, one versus one and output codes against scikit-learn."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pretzel
from pretzel.oven.frontends.sklearn.compat import since
from tests.answers import assert_close, assert_identical, check_answers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
SCORE = X[:, 0] - X[:, 1] * X[:, 2]
LABELS = np.array(["de", "fr", "it", "nl"])[np.digitize(SCORE, [-0.8, 0.1, 0.8])]
BINARY = np.where(SCORE > 0, "yes", "no")
FLAGS = np.stack([SCORE > 0, X[:, 0] > 0.3, X[:, 1] + X[:, 2] > 0, X[:, 5] > 5], axis=1).astype(int)
MEMBERS = [
    LogisticRegression(),
    LinearSVC(dual=False),
    DecisionTreeClassifier(max_depth=4, random_state=0),
    RandomForestClassifier(4, random_state=0),
    HistGradientBoostingClassifier(max_iter=4),
    make_pipeline(StandardScaler(), LogisticRegression()),
    LinearRegression(),
    DecisionTreeRegressor(max_depth=2, random_state=0),
]
EACH = pytest.mark.parametrize("member", MEMBERS, ids=lambda each: type(each).__name__)
ANSWERS = ("predict", "predict_proba", "decision_function")

pytestmark = [pytest.mark.filterwarnings("ignore:Label not"), pytest.mark.filterwarnings("ignore:Label")]


@EACH
@pytest.mark.parametrize("y", [LABELS, BINARY, FLAGS, FLAGS[:, :2]], ids=["labels", "binary", "constant", "flags"])
def test_one_versus_rest(member: Any, y: Any) -> None:
    model = OneVsRestClassifier(member).fit(X, y)
    check_answers(model, X, strict=True, methods=ANSWERS)
    check_answers(model, X[:1], strict=True, methods=ANSWERS)
    if not isinstance(member, RandomForestClassifier | DecisionTreeClassifier | DecisionTreeRegressor):
        return
    small = X.astype(np.float32)
    check_answers(model, small, strict=True, methods=ANSWERS)


def test_a_first_member_that_is_constant_has_another_threshold() -> None:
    y = FLAGS[:, ::-1].copy()
    for column in (np.zeros(400, dtype=int), np.ones(400, dtype=int)):
        y[:, 0] = column
        check_answers(OneVsRestClassifier(LogisticRegression()).fit(X, y), X, strict=True, methods=ANSWERS)
        model = OneVsRestClassifier(DecisionTreeClassifier(max_depth=3)).fit(X, y)
        check_answers(model, X, methods=("predict", "predict_proba"))


def test_all_members_are_constant() -> None:
    with np.errstate(all="ignore"):
        check_answers(OneVsRestClassifier(LogisticRegression()).fit(X, np.ones((400, 2), dtype=int)), X)


@pytest.mark.parametrize("y", [LABELS, FLAGS], ids=["labels", "flags"])
def test_float32(y: Any) -> None:
    small = X.astype(np.float32)
    model = OneVsRestClassifier(LogisticRegression()).fit(small, y)
    plan = pretzel.compile(model, strict=True)
    for method in ANSWERS:
        got, expected = getattr(plan, method)(small), getattr(model, method)(small)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6) if got.dtype.kind == "f" else None


def test_ties_go_as_in_the_source() -> None:
    model = OneVsRestClassifier(DecisionTreeClassifier(max_depth=1, random_state=0)).fit(X, LABELS)
    first = model.estimators_[0]
    model.estimators_ = [first, first, model.estimators_[1], first]
    check_answers(model, X, methods=ANSWERS, exact=True)


def test_no_member_is_positive() -> None:
    model = OneVsRestClassifier(DecisionTreeClassifier(random_state=0)).fit(X, LABELS)
    model.estimators_ = [model.estimators_[0]] * 4
    assert (model.predict_proba(X)[SCORE > 0] == 0).any() or np.isnan(model.predict_proba(X)).any()
    check_answers(model, X, methods=ANSWERS)


def test_labels_of_sparse_targets_are_answered_by_the_source() -> None:
    model = OneVsRestClassifier(LogisticRegression()).fit(X, sparse.csr_matrix(FLAGS[:, :3]))
    plan = pretzel.compile(model)
    got = plan.predict(X)
    assert sparse.issparse(got)
    np.testing.assert_array_equal(got.toarray(), model.predict(X).toarray())
    assert [step.method for step in plan.opaque_steps] == ["predict"]
    check_answers(model, X, methods=("predict_proba", "decision_function"))


@EACH
@pytest.mark.parametrize("y", [LABELS, BINARY], ids=["labels", "binary"])
def test_one_versus_one(member: Any, y: Any) -> None:
    model = OneVsOneClassifier(member).fit(X, y)
    plan = check_answers(model, X, strict=True)
    check_answers(model, X[:1], strict=True)
    assert_close(plan.predict(X.astype(np.float32)), model.predict(X.astype(np.float32)))


def test_votes_of_pairs_are_exact() -> None:
    model = OneVsOneClassifier(DecisionTreeClassifier(max_depth=1, random_state=0)).fit(X, LABELS)
    check_answers(model, X, exact=True)


def test_precomputed_kernels() -> None:
    kernel = X @ X[:100].T
    model = OneVsOneClassifier(SVC(kernel="precomputed")).fit(kernel[:100], LABELS[:100])
    check_answers(model, kernel)


@EACH
def test_output_codes(member: Any) -> None:
    if not hasattr(member, "predict_proba") and not hasattr(member, "decision_function"):
        pytest.skip("needs scores")
    for size in (0.7, 1.5, 4):
        model = OutputCodeClassifier(member, code_size=size, random_state=1).fit(X, LABELS)
        check_answers(model, X, strict=True)
    check_answers(model, X.astype(np.float32), strict=True)


@pytest.mark.filterwarnings("ignore:overflow")
def test_codes_of_rows_far_away() -> None:
    model = OutputCodeClassifier(LogisticRegression(), code_size=4, random_state=1).fit(X, LABELS)
    far = np.vstack([np.where(np.eye(6, dtype=bool), value, X[:6]) for value in (1e9, -1e17, 1e100, 1e200, -1e300)])
    check_answers(model, far)


def test_equal_codes_and_constant_bits() -> None:
    model = OutputCodeClassifier(DecisionTreeClassifier(max_depth=2), code_size=0.6, random_state=3).fit(X, LABELS)
    check_answers(model, X, strict=True)
    model = OutputCodeClassifier(LogisticRegression(), code_size=3, random_state=0).fit(X, BINARY)
    assert any(type(each).__name__ == "_ConstantPredictor" for each in model.estimators_)
    check_answers(model, X, strict=True)


def test_half_opaque() -> None:
    near = KNeighborsClassifier(p=3)
    for kind in (OneVsRestClassifier, OneVsOneClassifier, partial(OutputCodeClassifier, random_state=0)):
        assert check_answers(kind(make_pipeline(StandardScaler(), near)).fit(X, LABELS), X).opaque_steps
        assert check_answers(kind(near).fit(X, LABELS), X).opaque_steps


def test_sparse_rows_and_frames() -> None:
    rows = sparse.csr_matrix(np.where(np.abs(X) < 0.7, 0.0, X))
    frame = pd.DataFrame(X, columns=list("abcdef"))
    for kind in (OneVsRestClassifier, OneVsOneClassifier, OutputCodeClassifier):
        check_answers(kind(LogisticRegression()).fit(rows, LABELS), rows)
        model = kind(LogisticRegression()).fit(frame, LABELS)
        plan = check_answers(model, frame, strict=True)
        records = frame.head(20).to_dict("records")
        np.testing.assert_array_equal([plan.predict_one(row) for row in records], model.predict(frame.head(20)))
        with pytest.raises(ValueError, match="NaN"):
            plan.predict(frame.where(frame > -1))


def test_texts(tmp_path: Any) -> None:
    words = ["red", "green", "blue", "car", "wine", "tea", "fast", "slow"]
    texts = [" ".join(RNG.choice(words, 6)) for _ in range(300)]
    y = np.array([text.split()[0] for text in texts])
    vectorizer = TfidfVectorizer(ngram_range=(1, 2))
    inside = OneVsRestClassifier(make_pipeline(vectorizer, LogisticRegression())).fit(texts, y)
    for model in (make_pipeline(vectorizer, OneVsRestClassifier(LogisticRegression())).fit(texts, y), inside):
        plan = check_answers(model, texts, strict=True, methods=ANSWERS)
        assert "LinearHeads" in plan.explain() or not since("1.8")
        plan.save(tmp_path / "plan.pretzel")
        loaded = pretzel.load(tmp_path / "plan.pretzel")
        for method in ANSWERS:
            assert_identical(getattr(loaded, method)(texts), getattr(plan, method)(texts))


def test_wide_regressors() -> None:
    check_answers(OneVsRestClassifier(Ridge()).fit(X, LABELS), X, strict=True)
