"""Small plan files with requests and answers, which later releases must give: ``python -m tests.store.write_corpus``.

The files of a release lie in ``tests/store/corpus/<format>-<release>``. They are written anew until it is released, and
never changed again: `tests.store.test_corpus` asks all of them. Together they have a call of every kernel. Beside them,
some files claim that all kernels had other parameters. With ``--add``, files for new kernels join those that are there.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from catboost import CatBoostRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans, MeanShift
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import NMF, LatentDirichletAllocation, MiniBatchNMF, SparseCoder, TruncatedSVD
from sklearn.discriminant_analysis import QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    RandomForestRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RationalQuadratic
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_approximation import PolynomialCountSketch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.manifold import Isomap, LocallyLinearEmbedding
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import CategoricalNB, MultinomialNB
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    NearestCentroid,
    RadiusNeighborsClassifier,
    RadiusNeighborsRegressor,
    RadiusNeighborsTransformer,
)
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MultiLabelBinarizer,
    OneHotEncoder,
    SplineTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from skrub import DatetimeEncoder, SquashingScaler, TableVectorizer
from xgboost import XGBClassifier, XGBRegressor

import pretzel
from pretzel.errors import PretzelError, SaveError
from pretzel.runtime.programs import programs_of
from pretzel.runtime.saved import describe, layouts
from pretzel.store.object_store import ObjectStore
from pretzel.store.plan_file import plan_file
from tests import cases
from tests.store.corpus_files import CORPUS, NEWEST, answers

if TYPE_CHECKING:
    from collections.abc import Iterator

OTHERS = ("texts", "imputed", "scaled")
ROWS, MOST = 4, 50_000  # rows of a request, bytes of a file


def requests(data: Any) -> list[dict[str, Any]]:
    """The rows in every dtype in which they are asked about; as JSON has them."""
    if isinstance(data, list):
        return [{"dtype": None, "rows": data}]
    dtypes = ["float64", "float32"] if data.dtype == np.float64 else [data.dtype.str]
    return [{"dtype": dtype, "rows": data.astype(dtype).tolist()} for dtype in dtypes]


def models() -> Iterator[tuple[str, Any, Any]]:
    """Pipelines with kernels that no case alone has, fitted, with rows."""
    rng = np.random.default_rng(0)
    numbers = np.abs(rng.normal(size=(60, 3))) + 0.1
    letters = np.array([[*pair] for pair in zip("abcd" * 15, "xyyz" * 15, strict=True)], dtype=object)
    missing = np.where(letters == "c", None, letters)
    texts = ["the cat sat", "a dog", "on the mat", "red fish"] * 15
    words = make_union(
        TfidfVectorizer(ngram_range=(1, 2), token_pattern="[a-z]+"),
        CountVectorizer(token_pattern="[^,]+"),
        HashingVectorizer(n_features=8, token_pattern="[a-z][a-z]+|x"),
    )
    rounded = HashingVectorizer(n_features=8, token_pattern="[a-z]+", dtype=np.float32)
    imputer = SimpleImputer(missing_values=None, strategy="constant", fill_value="m")
    for name, model, data in (
        ("texts", make_pipeline(words, Ridge()), texts),
        ("rounded texts", rounded, texts),
        ("imputed", make_pipeline(imputer, OneHotEncoder(handle_unknown="ignore"), Ridge()), missing),
        ("logarithms", make_pipeline(FunctionTransformer(np.log1p), Ridge()), numbers),
        ("curve", IsotonicRegression(out_of_bounds="clip"), numbers[:, :1].astype(np.float32)),
        ("scaled", make_pipeline(StandardScaler(), RandomForestRegressor(2, max_depth=2, random_state=0)), numbers),
    ):
        yield name, model.fit(data, numbers[:, 0]), data[:ROWS]
    bagged = BaggingClassifier(MultinomialNB(), 3, random_state=0)
    items = [{"t": float(i), "city": "abc"[i % 3]} for i in range(60)]
    features = make_union(DictVectorizer(), FeatureHasher(3))
    yield "features", make_pipeline(features, Ridge()).fit(items, numbers[:, 0]), items[:ROWS]
    yield "label sets", MultiLabelBinarizer().fit([["a", "b"]]), [["a", "b"], [], ["b"]]
    yield "bagged", bagged.fit(numbers, np.arange(60) % 3), numbers[:ROWS]
    classes = np.where(np.arange(60) < 6, 2, np.arange(60) % 2)
    folds = [(np.arange(6, 40), np.r_[:6, 40:60]), (np.r_[:6, 40:60], np.arange(6, 40))]  # one lacks a class
    calibrated = CalibratedClassifierCV(LogisticRegression(), cv=folds)
    yield "calibrated", calibrated.fit(numbers, classes), numbers[:ROWS]
    boosted = XGBRegressor(booster="gblinear", n_estimators=2, n_jobs=1)
    counted = CatBoostRegressor(iterations=2, depth=2, verbose=False, allow_writing_files=False, cat_features=[0, 1])
    yield "categories", counted.fit(letters, numbers[:, 0]), letters[:ROWS]
    yield "boosted", boosted.fit(numbers, numbers[:, 0]), numbers[:ROWS]
    small = {"n_estimators": 1, "max_depth": 1, "n_jobs": 1}
    averaged = BaggingRegressor(XGBRegressor(**small), 2, random_state=0)
    yield "averaged", averaged.fit(numbers, numbers[:, 0]), numbers[:ROWS]
    divided = OneVsRestClassifier(XGBClassifier(**small))
    yield "divided", divided.fit(numbers, np.digitize(numbers[:, 0], [0.5, 1.0])), numbers[:ROWS]
    when = pd.date_range("1999-12-31T23:59:58", periods=6, freq="2777777777ms")
    dates = [{"when": None if i == 1 else str(each)} for i, each in enumerate(when)]
    dated = make_pipeline(TableVectorizer(datetime=DatetimeEncoder(resolution="year")), SquashingScaler())
    yield "dates", dated.fit(when.to_frame(name="when")), dates[:2]
    texts = [{"when": None if i == 1 else each} for i, each in enumerate(when.strftime("%Y-%m-%d %H:%M"))]
    dated = make_pipeline(TableVectorizer(datetime=DatetimeEncoder(resolution="year")), SquashingScaler())
    yield "date_texts", dated.fit(pd.DataFrame({"when": when.strftime("%Y-%m-%d %H:%M")})), texts[:2]
    yield from comparisons()
    yield "coded", SparseCoder(np.tri(3) * rng.random((3, 3)), transform_n_nonzero_coefs=2).fit(numbers), numbers[:ROWS]
    projections = make_union(KMeans(2, n_init=1, random_state=0), TruncatedSVD(1, random_state=0))
    yield "projected", make_pipeline(OneHotEncoder(), projections).fit(letters), letters[:ROWS]


def comparisons() -> Iterator[tuple[str, Any, Any]]:
    """Models that compare rows with stored ones or with centres, many kernels in each because every file takes room."""
    codes = np.indices((4, 2)).reshape(2, -1).T.astype(np.float64)
    far = LocalOutlierFactor(2, algorithm="brute", metric="manhattan", novelty=True)
    yield "outliers", far.fit(codes[:4]), codes[:1]
    votes = VotingClassifier([("radius", RadiusNeighborsClassifier(1.0, algorithm="brute"))])
    means = VotingRegressor([("radius", RadiusNeighborsRegressor(1.0, algorithm="brute"))])
    yield "radius", make_union(votes, means).fit(codes, np.arange(8) % 3), codes[:1]
    options = {"n_components": 2, "init": "random", "random_state": 0, "max_iter": 5}
    factorizations = (NMF(**options), NMF(solver="mu", **options), MiniBatchNMF(beta_loss=1, **options))
    yield "factorizations", make_union(*factorizations).fit(codes), codes[1:3]
    graphs = (KNeighborsTransformer(n_neighbors=1), RadiusNeighborsTransformer(algorithm="brute", mode="connectivity"))
    yield "graphs", make_union(*(each.set_params(metric="manhattan") for each in graphs)).fit(codes), codes[:1]
    yield "ellipse", EmpiricalCovariance().fit(codes), codes[:1]
    labels = np.arange(8) % 2
    yield "process", GaussianProcessClassifier(optimizer=None).fit(codes, labels), codes[:1]
    yield "centroids", NearestCentroid(priors="empirical").fit(codes, labels), codes[:1]
    machine = make_pipeline(OneHotEncoder(handle_unknown="ignore"), SVC(probability=True, C=0.1, random_state=0))
    votes = VotingClassifier([("machine", machine)])
    posteriors = VotingClassifier(
        [
            ("neighbors", KNeighborsClassifier(3, algorithm="brute")),
            ("codes", CategoricalNB()),
            ("quadratic", QuadraticDiscriminantAnalysis(reg_param=0.5)),
            ("machine", machine),
        ],
        voting="soft",
    )
    process = GaussianProcessRegressor(RationalQuadratic(2.0) ** 2, alpha=0.5, optimizer=None)
    regressions = VotingRegressor([("process", process), ("neighbors", KNeighborsRegressor(3, algorithm="brute"))])
    topics = LatentDirichletAllocation(2, max_iter=2, random_state=0)
    embeddings = (
        Isomap(n_neighbors=3, n_components=1, neighbors_algorithm="brute"),
        LocallyLinearEmbedding(n_neighbors=3, n_components=1, neighbors_algorithm="brute", eigen_solver="dense"),
    )
    columns = make_union(SplineTransformer(2, degree=1), topics, votes, posteriors, regressions, *embeddings)
    bounds = {"min_value": 0.0, "max_value": 1.0, "random_state": 0}
    imputer = cases.build("sklearn.impute.IterativeImputer", estimator=Ridge(), max_iter=1, tol=0.0, **bounds)
    mixture = GaussianMixture(2, covariance_type="diag", max_iter=2, reg_covar=0.1, random_state=0)
    model = make_pipeline(imputer, columns, mixture).fit(codes, np.arange(8) % 3)
    yield "mixture", model, np.array([[np.nan, 1.0]])
    sketch = PolynomialCountSketch(n_components=3, random_state=0)
    yield "sketch", sketch.fit(codes), np.array([[0.1, 0.9]])
    yield "decided", KNeighborsRegressor(1, algorithm="brute").fit(codes[[0, 3]], [0, 1]), np.array([[0.2, 0.7]])
    yield "nearest", MeanShift(bandwidth=9.0).fit(codes[:2, 1:]), np.array([[0.2]])
    yield "donors", KNNImputer(n_neighbors=1).fit(codes[[0, 3, 5]]), np.array([[np.nan, 0.1]])


def candidates() -> list[tuple[str, Any, Any]]:
    """Plans that can be asked without pandas, with rows; of the cases, those with many kernels first."""
    options = {"disable_rules": ("impute_into_codes",), "store": ObjectStore()}  # a kernel that this rule mostly spares
    first = [(name, pretzel.compile(model, **options), rows) for name, model, rows in models()]
    found = []
    for index, case in enumerate(cases.CASES):
        rows = cases.rows(case.data)[1][:ROWS]
        if hasattr(rows, "iloc"):
            rows = rows.to_numpy(dtype=object)
        elif hasattr(rows, "toarray"):
            rows = rows.toarray()
        plan = pretzel.compile(cases.fitted(index), store=ObjectStore())
        found.append((f"{index:03d}-{case.name.rpartition('.')[2]}", plan, rows))
    return [*first, *sorted(found, key=lambda each: -len(kernels_of(each[1])))]


def kernels_of(plan: Any) -> set[str]:
    """All kernels that a plan calls."""
    return {call.kernel for program in programs_of(plan.physical) for call in program.calls}


def main(*, add: bool) -> None:
    folder, other = CORPUS / NEWEST, CORPUS / f"{NEWEST}-other-parameters"
    written = json.loads((folder / "layouts.json").read_text()) if add else {}
    covered = {kernel for kernel, layout in written.items() if layouts().get(kernel) == layout}
    for each in (folder, other):
        if not add:
            shutil.rmtree(each, ignore_errors=True)
        each.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, plan, rows in candidates():
            path = folder / f"{name}.pretzel"
            if path.exists() or kernels_of(plan) <= covered:
                continue
            with contextlib.suppress(SaveError):
                plan.save(path)
            if not path.exists():
                continue
            saved = pretzel.load(path, store=ObjectStore())
            expected = []
            for each in requests(rows):
                with contextlib.suppress(PretzelError):  # of a dtype that only the estimator answers
                    expected.append({**each, "answers": answers(saved, each)})
            text = json.dumps(expected, separators=(",", ":"))
            if not expected or kernels_of(saved) <= covered or path.stat().st_size + len(text) > MOST:
                path.unlink()
                continue
            covered |= kernels_of(saved)
            path.with_suffix(".json").write_text(text + "\n")
            if name in OTHERS:
                description, arrays = describe(plan)
                kernels = {kernel: f"{layout.partition('(')[0]}(other)" for kernel, layout in layouts().items()}
                (other / path.name).write_bytes(plan_file({**description, "kernels": kernels}, arrays))
                (other / f"{name}.json").write_text(text + "\n")
    known = {kernel: layout for kernel, layout in layouts().items() if kernel in covered}
    (folder / "layouts.json").write_text(json.dumps(known, indent=0) + "\n")
    size = sum(path.stat().st_size for path in CORPUS.glob("*/*"))
    print(f"{folder}: {size:,} bytes; without", *sorted(layouts().keys() - covered))


if __name__ == "__main__":
    main(add="--add" in sys.argv)
