"""Neighbours of sparse rows, by angles, and in order without a tree: as the source finds them, row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import normalize

import pretzel
from pretzel.errors import InputTypeError
from tests.answers import assert_close

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
DENSE, ASKED = RNG.normal(size=(300, 18)), RNG.normal(size=(70, 18))
FEW = sparse.random(300, 90, density=0.05, format="csr", random_state=1)
SPARSE_ASKED = sparse.random(70, 90, density=0.05, format="csr", random_state=2)
LABELS, TARGETS = np.arange(300) % 3, RNG.normal(size=(300, 2))
WORDS = [" ".join(RNG.choice([f"word{i}" for i in range(90)], 9)) for _ in range(300)]


def same(plan: Any, model: Any, X: Any) -> None:
    for method in ("predict", "predict_proba", "kneighbors"):
        if hasattr(model, method):
            assert_close(getattr(plan, method)(X), getattr(model, method)(X))


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation"])
def test_answers(metric: str, weights: str) -> None:
    """Stored rows are asked about, too: there rounding is large beside the distance."""
    for stored, asked in ((DENSE, ASKED), (FEW, SPARSE_ASKED)):
        if metric == "correlation" and stored is FEW:
            continue
        classifier = KNeighborsClassifier(4, metric=metric, weights=weights, algorithm="brute").fit(stored, LABELS)
        regressor = KNeighborsRegressor(4, metric=metric, weights=weights, algorithm="brute").fit(stored, TARGETS)
        for model in (classifier, regressor):
            plan = pretzel.compile(model, strict=True)
            for X in (asked, stored):
                same(plan, model, X)
                if stored is FEW:
                    same(plan, model, X.toarray())
                    same(plan, model, X.tocsc())


@pytest.mark.parametrize("options", [{"metric": "cosine"}, {"metric": "correlation"}, {"algorithm": "brute"}], ids=str)
def test_order(options: dict[str, Any]) -> None:
    model = NearestNeighbors(**options).fit(DENSE)
    plan = pretzel.compile(model)
    assert [step.method for step in plan.opaque_steps if step.method == "kneighbors"] == []
    same(plan, model, ASKED)
    same(plan, model, DENSE)


def test_rows_alone() -> None:
    model = KNeighborsClassifier(4, metric="cosine").fit(FEW, LABELS)
    plan = pretzel.compile(model, strict=True)
    together = plan.predict_proba(SPARSE_ASKED)
    for row in range(70):
        np.testing.assert_array_equal(plan.predict_proba(SPARSE_ASKED[[row]])[0], together[row])


@pytest.mark.parametrize("metric", ["cosine", "minkowski"])
def test_texts(metric: str) -> None:
    """A text of unknown words is as far from each stored one: the estimator is asked."""
    model = make_pipeline(TfidfVectorizer(), KNeighborsClassifier(4, metric=metric)).fit(WORDS, LABELS)
    plan = pretzel.compile(model, strict=True)
    texts = ["unknown", *WORDS[:40], "", "word1 word2 word3 word3"]
    np.testing.assert_array_equal(plan.predict(texts), model.predict(texts))
    np.testing.assert_array_equal(plan.predict_proba(texts), model.predict_proba(texts))
    assert [plan.predict_one(text) for text in texts] == model.predict(texts).tolist()


def test_a_file_has_no_estimator_to_ask(tmp_path: Path) -> None:
    model = make_pipeline(TfidfVectorizer(), KNeighborsClassifier(4, metric="cosine")).fit(WORDS, LABELS)
    pretzel.compile(model).save(tmp_path / "texts.pretzel")
    plan = pretzel.load(tmp_path / "texts.pretzel")
    np.testing.assert_array_equal(plan.predict(WORDS[:9]), model.predict(WORDS[:9]))
    with pytest.raises(InputTypeError, match=r"row 1.*equally far|row 1.*rounding"):
        plan.predict([WORDS[0], "unknown"])


def test_float32_and_whole_numbers() -> None:
    model = KNeighborsClassifier(4, metric="cosine").fit(DENSE, LABELS)
    plan = pretzel.compile(model)
    for X in (ASKED.astype(np.float32), np.round(3 * ASKED).astype(int)):
        same(plan, model, X)


def test_where_rounding_decides() -> None:
    """All stored rows are as far from zeros but for rounding, which is another in the source."""
    stored = normalize(np.random.default_rng(2).normal(size=(800, 20)))
    model = KNeighborsClassifier(5).fit(stored, np.arange(800) % 7)
    plan = pretzel.compile(model, strict=True)
    zeros = np.zeros((1, 20))
    same(plan, model, zeros)
    assert plan.predict_one(zeros[0]) == model.predict(zeros)[0]
    one = KNeighborsClassifier(5).fit(stored, np.zeros(800))  # whichever is nearest
    assert not pretzel.compile(one, strict=True).methods["predict"].rows_left(zeros)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
def test_whole_numbers(weights: str) -> None:
    """Products of whole numbers are exact: the order decides among rows that are equally far in the source, too."""
    asked = np.round(ASKED)
    model = KNeighborsClassifier(7, weights=weights).fit(np.round(DENSE), LABELS)
    plan = pretzel.compile(model, strict=True)
    same(plan, model, asked)
    assert plan.methods["predict"].rows_left(asked) == []


@pytest.mark.parametrize("k", [16, 19])
def test_equal_rows(k: int) -> None:
    """Which of several equal rows stay depends on the rounding of all that came before: they are left if it matters."""
    stored = np.repeat(np.random.default_rng(14).normal(size=(60, 21)), 5, axis=0)
    asked = np.vstack([(stored[:20:3] + stored[100:120:3]) / 2.0, ASKED[:, [*range(18), 0, 1, 2]]])
    model = KNeighborsRegressor(k).fit(stored, np.eye(300))
    plan = pretzel.compile(model, strict=True)
    together = plan.predict(asked)
    for row in range(len(asked)):  # the source rounds a row as those beside it have it
        assert_close(together[[row]], model.predict(asked[[row]]))
    assert plan.methods["predict"].rows_left(asked) != []
    alike = KNeighborsClassifier(k).fit(stored, np.repeat(LABELS[:60], 5))
    plan = pretzel.compile(alike, strict=True)
    same(plan, alike, asked)
    assert plan.methods["predict"].rows_left(asked) == []


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("whole", [True, False])
def test_sparse_rows_that_are_left_are_asked_for_together(
    metric: str, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ratings, of which many are equally far: the products of sparse rows do not depend on the rows beside."""
    ratings = sparse.vstack([FEW, FEW[:80]]).tocsr()
    ratings = sparse.csr_matrix(np.ceil(5 * ratings.toarray())) if whole else ratings
    model = NearestNeighbors(n_neighbors=9, metric=metric, algorithm="brute").fit(ratings)
    plan = pretzel.compile(model)
    alone = [model.kneighbors(ratings[[row]]) for row in range(100)]
    calls = []
    kneighbors = NearestNeighbors.kneighbors
    monkeypatch.setattr(NearestNeighbors, "kneighbors", lambda *args: calls.append(args) or kneighbors(*args))
    distances, numbers = plan.kneighbors(ratings[:100])
    assert len(calls) == 1
    assert_close(distances, np.vstack([each for each, _ in alone]))
    np.testing.assert_array_equal(numbers, np.vstack([each for _, each in alone]))
    plan.kneighbors(ratings[:20].toarray())
    assert len(calls) > 10  # dense rows are asked for one by one


def test_verification_asks_about_rows_that_are_left_alone() -> None:
    model = KNeighborsRegressor(4, weights="distance").fit(DENSE, TARGETS)
    assert pretzel.verify(pretzel.compile(model), model, DENSE).ok
    other = KNeighborsRegressor(4, weights="distance").fit(DENSE, TARGETS + 1.0)
    assert not pretzel.verify(pretzel.compile(model), other, DENSE).ok


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean", "cosine"])
def test_votes_that_weigh_the_same(metric: str) -> None:
    """Which label wins is a matter of the last bits of distances that are equal."""
    rng = np.random.default_rng(2)
    stored, asked = rng.integers(-3, 4, (40, 4)) * 0.1, rng.integers(-4, 5, (100, 4)) * 0.3
    for k in (2, 4):
        model = KNeighborsClassifier(k, weights="distance", algorithm="brute", metric=metric)
        model.fit(stored, rng.integers(0, 3, 40))
        plan = pretzel.compile(model, strict=True)
        np.testing.assert_array_equal(plan.predict(asked), [model.predict(row[None])[0] for row in asked])


def test_sparse_rows_have_the_distances_of_the_source() -> None:
    stored = sparse.csr_array([[0.0, 0.0, 0.0, 0.0, 0.1, -0.2], [0.1, 0.2, 0.1, 0.2, -0.1, 0.0]])
    asked = sparse.csr_array([[0.1, 0.0, 0.0, -0.1, 0.0, 0.2]])
    model = KNeighborsClassifier(2, weights="distance", algorithm="brute").fit(stored, [1, 0])
    assert pretzel.compile(model, strict=True).predict(asked).tolist() == model.predict(asked).tolist() == [0]


@pytest.mark.parametrize("scale", [1e-20, 1e-162])
@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_rows_next_to_zero(metric: str, scale: float) -> None:
    """Squares lose their digits, and short rows are not divided by their length."""
    model = KNeighborsClassifier(5, algorithm="brute", metric=metric).fit(DENSE * scale, LABELS)
    expected = np.vstack([model.predict_proba(row[None]) for row in ASKED * scale])
    assert_close(pretzel.compile(model).predict_proba(ASKED * scale), expected)
    model.fit(DENSE, LABELS)
    assert_close(pretzel.compile(model).predict_proba(ASKED * scale), model.predict_proba(ASKED * scale))


def test_squares_of_rows_far_from_zero() -> None:
    model = NearestNeighbors(metric="sqeuclidean").fit(DENSE + 1e6)
    plan = pretzel.compile(model)
    for row in DENSE[:10] + 1e6:
        assert_close(plan.kneighbors(row[None]), model.kneighbors(row[None]))
