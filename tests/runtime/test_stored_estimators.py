"""Plans with opaque steps in files and stores: they answer as the live ones, and nothing untrusted is run."""

from __future__ import annotations

import builtins
import importlib
import json
import os
import pickle
import subprocess
import sys
import time
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.feature_extraction import DictVectorizer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC

import pretzel
from pretzel.errors import CorruptStoreError, OptionError, SaveError, StoreError, UntrustedError
from pretzel.runtime.saved import describe_with
from pretzel.runtime.stored_estimators import estimator_bytes
from pretzel.store.digest import digest_array
from pretzel.store.object_store import ObjectStore
from pretzel.store.plan_file import open_plan_file, plan_file
from tests.runtime.test_saved import form, rewritten

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.where(X[:, 0] > 0, "yes", "no")
FRAME = pd.DataFrame(
    {"age": np.abs(X[:, 0]) * 30, "rent": X[:, 1].astype(np.float32), "city": ["Bonn", "Köln", "Ulm"] * 20}
)
NEIGHBOURS = ["sklearn.metrics._dist_metrics.MinkowskiDistance64", "sklearn.neighbors._kd_tree.KDTree"]


class Ratio(TransformerMixin, BaseEstimator):
    """A stateless transformer of the user's own."""

    def fit(self, X: Any, y: Any = None) -> Ratio:
        return self

    def transform(self, X: Any) -> Any:
        return np.asarray(X, dtype=np.float64)[:, :1] / 7.0


def mixed() -> Any:
    columns = make_column_transformer(
        (make_pipeline(SplineTransformer(3, degree=1, extrapolation="linear"), StandardScaler()), ["age"]),
        (Ratio(), ["rent"]),
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
    )
    return make_pipeline(columns, LogisticRegression()).fit(FRAME, Y)


MODELS: dict[str, tuple[Any, list[Any]]] = {
    "neighbours": (
        make_pipeline(StandardScaler(), KNeighborsClassifier(p=3)).fit(X, Y),
        [X, X.astype(np.float32), X[:5].tolist(), sparse.csr_array(np.abs(X)), X.astype(np.float16), np.ones((2, 4))],
    ),
    "kernels": (
        make_pipeline(StandardScaler(with_mean=False), SVC(kernel=rbf_kernel, random_state=0), memory=None).fit(X, Y),
        [X, X.astype(np.float32), sparse.csr_matrix(X), pd.DataFrame(X)],
    ),
    "in the middle": (
        make_pipeline(StandardScaler(), Nystroem("cosine", n_components=2), StandardScaler(), Ridge()).fit(X, X[:, 0]),
        [X, X.astype(np.float32), X.astype(object), X[:0]],
    ),
    "mixed": (mixed(), [FRAME, FRAME[["city", "rent", "age"]], FRAME.to_dict("records"), FRAME.drop(columns="age")]),
    "documents of numbers": (
        make_pipeline(DictVectorizer(dtype=np.float32), LogisticRegression()).fit(
            [{"a": 1.0, "b": "x"}, {"a": 2.0, "b": "y"}], [0, 1]
        ),
        [[{"a": 1.5, "b": "y"}], [{"c": 1}]],
    ),
    "functions": (FunctionTransformer(np.log1p).fit(FRAME[["age"]]), [FRAME[["age"]], FRAME[["age"]].to_numpy()]),
}


def answers(plan: Any, requests: list[Any]) -> list[Any]:
    """Everything that a plan answers, errors too."""
    found = []
    for method in plan.methods:
        for request in requests:
            row = request.iloc[0].to_dict() if isinstance(request, pd.DataFrame) else None
            asked = [(method, request)]
            if isinstance(request, pd.DataFrame) and isinstance(request.columns[0], str):
                asked.append((f"{method}_one", row))
            elif isinstance(request, list | np.ndarray) and len(request):
                asked.append((f"{method}_one", request[0]))
            for name, X in asked:
                try:
                    answer = getattr(plan, name)(X)
                    found.append((name, answer.to_dict() if hasattr(answer, "to_dict") else form(answer)))
                except Exception as error:
                    found.append((name, type(error).__name__, str(error)))
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("opaque", ["skops", "cloudpickle"])
@pytest.mark.parametrize("name", MODELS)
def test_a_saved_plan_answers_as_the_live_one(name: str, opaque: Any, tmp_path: Any) -> None:
    model, requests = MODELS[name]
    live = pretzel.compile(model, keep_source=True, store=ObjectStore())
    live.save(tmp_path / "plan", opaque=opaque)
    trusted: tuple[str, ...] = ()
    try:
        pretzel.load(tmp_path / "plan", allow_pickle=True, store=ObjectStore())
    except UntrustedError as error:
        trusted = error.types
    again = pretzel.load(tmp_path / "plan", trusted=trusted, allow_pickle=True, store=ObjectStore())
    expected = answers(live, requests)
    assert answers(again, requests) == expected
    assert [*again.methods] == [*live.methods]
    again.save(tmp_path / "again", opaque=opaque)
    twice = pretzel.load(tmp_path / "again", trusted=trusted, allow_pickle=True, store=ObjectStore())
    assert answers(twice, requests) == expected


@pytest.fixture
def neighbours(tmp_path: Any) -> Any:
    path = tmp_path / "churn.pretzel"
    pretzel.compile(MODELS["neighbours"][0], name="churn").save(path, opaque="skops")
    return path


def test_types_are_trusted_by_name_or_as_they_are(neighbours: Any) -> None:
    with pytest.raises(UntrustedError, match=r"MinkowskiDistance64, sklearn\.neighbors\._kd_tree\.KDTree") as caught:
        pretzel.load(neighbours)
    assert caught.value.types == tuple(NEIGHBOURS)
    with pytest.raises(UntrustedError, match=r"not trusted: sklearn\.neighbors\._kd_tree\.KDTree\. "):
        pretzel.load(neighbours, trusted=NEIGHBOURS[:1])
    from sklearn.neighbors import KDTree

    plan = pretzel.load(neighbours, trusted=[NEIGHBOURS[0], KDTree])
    np.testing.assert_array_equal(plan.predict(X), MODELS["neighbours"][0].predict(X))
    assert "KNeighborsClassifier" in plan.explain()
    assert pretzel.verify(plan, MODELS["neighbours"][0], X).ok
    for wrong in ("sklearn.neighbors._kd_tree.KDTree", [""], 5, [None]):
        with pytest.raises(OptionError, match="trusted is a list"):
            pretzel.load(neighbours, trusted=wrong)  # type: ignore[arg-type]


def test_types_that_skops_trusts_need_no_list(tmp_path: Any) -> None:
    distances = euclidean_distances(X)
    model = KNeighborsClassifier(metric="precomputed").fit(distances, Y)
    pretzel.compile(model).save(tmp_path / "plan", opaque="skops")
    np.testing.assert_array_equal(pretzel.load(tmp_path / "plan").predict(distances), model.predict(distances))


def test_without_opaque_saving_names_the_step_and_the_argument(tmp_path: Any) -> None:
    plan = pretzel.compile(MODELS["neighbours"][0])
    with pytest.raises(SaveError, match=r"kneighborsclassifier: the metric 'minkowski'.* opaque='skops'"):
        plan.save(tmp_path / "plan")
    with pytest.raises(OptionError, match="opaque is None, 'skops' or 'cloudpickle'"):
        plan.save(tmp_path / "plan", opaque="pickle")  # type: ignore[arg-type]
    assert [*tmp_path.iterdir()] == []


def test_what_cannot_be_restored_is_refused_when_it_is_saved(tmp_path: Any) -> None:
    plan = pretzel.compile(make_pipeline(FunctionTransformer(lambda X: X + 1), Ridge()).fit(X, X[:, 0]))
    with pytest.raises(SaveError, match=r"skops cannot write the estimators of a plan \(FunctionTransformer"):
        plan.save(tmp_path / "plan", opaque="skops")
    plan.save(tmp_path / "plan", opaque="cloudpickle")
    loaded = pretzel.load(tmp_path / "plan", allow_pickle=True)
    np.testing.assert_array_equal(loaded.predict(X), plan.predict(X))


@pytest.mark.parametrize("package", ["skops.io", "cloudpickle"])
def test_a_package_that_is_missing_is_named(package: str, neighbours: Any, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    plan = pretzel.compile(MODELS["neighbours"][0])
    with pytest.raises(SaveError, match="needs a package: pip install"):
        plan.save(neighbours, opaque=package.partition(".")[0])  # type: ignore[arg-type]
    if package == "skops.io":
        with pytest.raises(StoreError, match=r"read by skops: pip install 'pretzel-serving\[skops\]'"):
            pretzel.load(neighbours, trusted=NEIGHBOURS)


class Evil:
    def __reduce__(self) -> Any:
        return builtins.setattr, (builtins, "pretzel_was_run", True)


def test_a_pickle_is_read_only_if_it_is_allowed(tmp_path: Any) -> None:
    model = make_pipeline(StandardScaler(), SVC(kernel=rbf_kernel)).fit(X, Y)
    model[1].note = Evil()
    pretzel.compile(model).save(tmp_path / "plan", opaque="cloudpickle")
    del builtins.pretzel_was_run  # type: ignore[attr-defined]  # its memory was measured
    with pytest.raises(UntrustedError, match="pass allow_pickle=True if you trust") as caught:
        pretzel.load(tmp_path / "plan", trusted=["sklearn.svm._classes.SVC"])
    assert caught.value.types == ()
    with pytest.raises(OptionError, match="allow_pickle"):
        pretzel.load(tmp_path / "plan", allow_pickle="yes")  # type: ignore[arg-type]
    assert not hasattr(builtins, "pretzel_was_run")


def test_nothing_is_imported_for_types_that_are_not_trusted(tmp_path: Any, monkeypatch: Any) -> None:
    (tmp_path / "tenant_steps.py").write_text(
        "from sklearn.base import BaseEstimator, TransformerMixin\n"
        "class Half(TransformerMixin, BaseEstimator):\n"
        "    def fit(self, X, y=None): return self\n"
        "    def transform(self, X): return X / 2\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    half = importlib.import_module("tenant_steps").Half
    pretzel.compile(make_pipeline(half(), Ridge()).fit(X, X[:, 0])).save(tmp_path / "plan", opaque="skops")
    monkeypatch.delitem(sys.modules, "tenant_steps")
    with pytest.raises(UntrustedError, match=r"not trusted: tenant_steps\.Half"):
        pretzel.load(tmp_path / "plan")
    assert "tenant_steps" not in sys.modules
    assert pretzel.load(tmp_path / "plan", trusted=["tenant_steps.Half"]).predict(X).shape == (60,)
    assert "tenant_steps" in sys.modules
    monkeypatch.delitem(sys.modules, "tenant_steps")
    monkeypatch.setattr(sys, "path", [each for each in sys.path if each != str(tmp_path)])
    with pytest.raises(StoreError, match="No module named 'tenant_steps'"):
        pretzel.load(tmp_path / "plan", trusted=["tenant_steps.Half"])


def test_the_source_travels_where_the_plan_keeps_it(tmp_path: Any) -> None:
    model = make_pipeline(StandardScaler(), SVC(kernel=rbf_kernel)).fit(X, Y)
    for keep in (False, True):
        pretzel.compile(model, keep_source=keep).save(tmp_path / "plan", opaque="skops")
        plan = pretzel.load(tmp_path / "plan", trusted=["sklearn.metrics.pairwise.rbf_kernel"])
        assert plan.source is not None
        assert plan.source.exists is keep
        assert hasattr(plan, "named_steps") is keep
    native = pretzel.compile(LogisticRegression().fit(X, Y), keep_source=True)
    native.save(tmp_path / "native")
    with pytest.raises(AttributeError, match="it was not saved"):
        pretzel.load(tmp_path / "native").coef_  # noqa: B018
    native.save(tmp_path / "native", opaque="skops")
    assert pretzel.load(tmp_path / "native").coef_.shape == (1, 3)


def test_a_native_plan_needs_no_estimators_for_methods_that_few_want(tmp_path: Any) -> None:
    model = GradientBoostingClassifier(n_estimators=3).fit(X, Y)
    pretzel.compile(model).save(tmp_path / "plan", opaque="skops")
    with pytest.raises(AttributeError, match="it was not saved with the plan"):
        pretzel.load(tmp_path / "plan").apply(X)
    plan = pretzel.compile(model, keep_source=True)
    plan.save(tmp_path / "plan", opaque="skops")
    with pytest.raises(UntrustedError) as caught:
        pretzel.load(tmp_path / "plan")
    loaded = pretzel.load(tmp_path / "plan", trusted=caught.value.types)
    np.testing.assert_array_equal(loaded.apply(X), plan.apply(X))


def test_a_plan_without_estimators_is_the_same_file(tmp_path: Any) -> None:
    plan = pretzel.compile(make_pipeline(StandardScaler(), Ridge()).fit(X, X[:, 0]))
    plan.save(tmp_path / "plain")
    plan.save(tmp_path / "plan", opaque="skops")
    sizes = [(tmp_path / name).stat().st_size for name in ("plain", "plan")]
    with zipfile.ZipFile(tmp_path / "plan") as archive:
        assert "estimators" not in json.loads(archive.read("plan.json"))
    assert sizes[0] <= sizes[1]


# -- stores ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def models(tmp_path: Any) -> Any:
    models = pretzel.PlanStore(tmp_path / "models", store=ObjectStore())
    models.publish("churn/de", MODELS["neighbours"][0], opaque="skops")
    models.publish("rent/de", make_pipeline(StandardScaler(), Ridge()).fit(X, X[:, 0]), opaque="skops")
    return models


def test_a_store_loads_what_is_trusted(models: Any, tmp_path: Any) -> None:
    expected = MODELS["neighbours"][0].predict(X)
    with pytest.raises(UntrustedError, match="KDTree"):
        models.load("churn/de")
    np.testing.assert_array_equal(models.load("churn/de", trusted=NEIGHBOURS).predict(X), expected)
    with pretzel.Runtime(store=models) as runtime:
        assert runtime["rent/de"].predict_one(X[0]) == models.load("rent/de").predict_one(X[0])
        with pytest.raises(UntrustedError, match="KDTree"):
            runtime["churn/de"]
        assert sorted(runtime) == ["churn/de", "rent/de"]
    with pretzel.Runtime(store=os.fspath(tmp_path / "models"), trusted=NEIGHBOURS) as runtime:
        np.testing.assert_array_equal(runtime["churn/de"].predict(X), expected)
        assert runtime["churn/de"].predict_one(X[3]) == expected[3]


def test_trust_is_for_a_store_on_disk() -> None:
    for options in ({"trusted": NEIGHBOURS}, {"allow_pickle": True}):
        with pytest.raises(OptionError, match="for models of a store on disk"):
            pretzel.Runtime(**options)


def test_a_pickle_in_a_store_needs_its_own_argument(models: Any) -> None:
    models.publish("churn/fr", MODELS["neighbours"][0], opaque="cloudpickle")
    with pytest.raises(UntrustedError, match="allow_pickle=True"):
        models.load("churn/fr", trusted=NEIGHBOURS)
    models.load("churn/fr", allow_pickle=True)
    with pretzel.Runtime(store=models, allow_pickle=True) as runtime:
        assert runtime["churn/fr"].predict_one(X[0]) in ("no", "yes")


def test_versions_are_compared_without_their_estimators(models: Any) -> None:
    """Publishing and promoting run nothing of the store, and refuse what callers would notice all the same."""
    models.publish("churn/de", MODELS["neighbours"][0], opaque="skops", default=False)
    models.promote("churn/de", "v2")
    narrow = make_pipeline(StandardScaler(), KNeighborsClassifier(p=3)).fit(X[:, :2], Y)
    with pytest.raises(pretzel.errors.RegistrationError, match="it has 2 columns and not 3"):
        models.publish("churn/de", narrow, opaque="skops")
    models.publish("churn/de", narrow, opaque="skops", default=False)
    with pytest.raises(pretzel.errors.RegistrationError, match="it has 2 columns and not 3"):
        models.promote("churn/de", "v3")


def test_estimators_are_collected_checked_and_copied_with_their_plan(models: Any, tmp_path: Any) -> None:
    rng = np.random.default_rng(1)
    wide = rng.normal(size=(500, 8))  # so many bytes have a file of their own
    models.publish("wide", KNeighborsClassifier(p=3).fit(wide, wide[:, 0] > 0), opaque="skops")
    objects = [*(tmp_path / "models" / "objects").rglob("*.arrow")]
    assert models.fsck().ok
    assert models.fsck().unused == 0
    assert models.gc() == 0
    models.push(f"file://{tmp_path}/there")
    other = pretzel.PlanStore(tmp_path / "other", store=ObjectStore())
    other.pull(f"file://{tmp_path}/there")
    row = wide[0]
    assert other.load("wide", trusted=NEIGHBOURS).predict_one(row) == (row[0] > 0)
    models.remove("wide")
    assert models.gc() > 8 * wide.size
    assert [*(tmp_path / "models" / "objects").rglob("*.arrow")] != objects
    path = next((tmp_path / "other" / "objects").rglob("*.arrow"))
    contents = bytearray(path.read_bytes())
    contents[len(contents) // 2] ^= 1
    path.write_bytes(contents)
    assert any("is damaged" in fault for fault in other.fsck().faults)


def test_small_estimators_lie_in_the_file_of_their_plan(models: Any, tmp_path: Any) -> None:
    (path,) = [path for path in (tmp_path / "models" / "plans").rglob("*") if path.stat().st_size > 8_000]
    assert path.stat().st_size < 16_000
    assert not [*(tmp_path / "models" / "objects").rglob("*.arrow")]


def test_estimates_count_estimators(models: Any) -> None:
    sizes = {name: models.bytes_to_load(name) for name in ("churn/de", "rent/de")}
    assert sizes["churn/de"] > sizes["rent/de"] + 10_000
    plan = models.load("churn/de", trusted=NEIGHBOURS)
    assert plan.nbytes + plan.overhead_bytes <= sizes["churn/de"] * 1.1


# -- damage ----------------------------------------------------------------------------------------------------------


def program_step(description: dict[str, Any]) -> dict[str, Any]:
    return description["plan"]["methods"]["predict"]["opaque"][0]


def shape_of(description: dict[str, Any]) -> dict[str, Any]:
    return description["plan"]["tables"]["shapes"][program_step(description)["program"]["shape"]]


CHANGES = {
    "no entry": lambda d: d.pop("estimators"),
    "no object": lambda d: d["objects"].pop(d["estimators"]["object"]),
    "another object": lambda d: d["estimators"].update(
        object=next(each for each in d["objects"] if each != d["estimators"]["object"])
    ),
    "no bytes": lambda d: d["estimators"].pop("bytes"),
    "no digest": lambda d: d["estimators"].update(object="zz"),
    "another form": lambda d: d["estimators"].update(form="joblib"),
    "types": lambda d: d["estimators"].update(types=[5]),
    "other types": lambda d: d["estimators"].update(types=["sklearn.svm.SVC"]),
    "a source that is none": lambda d: d["estimators"].update(source=True),
    "no number": lambda d: program_step(d).update(estimator=7),
    "another method": lambda d: program_step(d).update(method="fit"),
    "a private method": lambda d: program_step(d).update(method="__class__"),
    "a method that it lacks": lambda d: program_step(d).update(method="transform"),
    "a value made twice": lambda d: program_step(d).update(output=0),
    "a value that nobody reads": lambda d: program_step(d).update(output=5),
    "a source that no step makes": lambda d: (program_step(d).pop("program"), program_step(d).update(source=3)),
    "a column that is not there": lambda d: (program_step(d).pop("program"), program_step(d).update(columns=[9])),
    "a leaf of no step": lambda d: shape_of(d)["leaves"][0].update(source=1),
    "a width": lambda d: shape_of(d)["values"][0].update(width=9),
    "typed": lambda d: program_step(d).update(typed=[True, False]),
    "dtype": lambda d: program_step(d).update(dtype={"follows": "", "least": "what"}),
    "width of the result": lambda d: program_step(d)["result"].update(width=-1),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_contradictions_are_found(neighbours: Any, change: Any) -> None:
    rewritten(neighbours, change)
    with pytest.raises(CorruptStoreError, match=r"churn\.pretzel"):
        pretzel.load(neighbours, trusted=NEIGHBOURS)


def test_a_plan_of_other_kernels_is_refused(neighbours: Any) -> None:
    """Its graph calls estimators, so that it is not lowered again."""
    rewritten(neighbours, lambda d: d["kernels"].update(dict.fromkeys(d["kernels"], "99()")))
    with pytest.raises(StoreError, match="no graph without estimators travels with it; compile the estimator again"):
        pretzel.load(neighbours, trusted=NEIGHBOURS)


def test_damaged_estimators_are_told(neighbours: Any) -> None:
    contents = neighbours.read_bytes()
    at = contents.index(b"schema.json")
    for place in range(at - 2000, at + 400, 61):
        damaged = bytearray(contents)
        damaged[place] ^= 255
        neighbours.write_bytes(damaged)
        with pytest.raises(CorruptStoreError, match=r"churn\.pretzel: its estimators are damaged"):
            pretzel.load(neighbours, trusted=NEIGHBOURS)


def test_estimators_that_are_none_are_told(neighbours: Any, tmp_path: Any) -> None:
    """Bytes under their digest, which skops does not read, or reads as something else."""
    plan = pretzel.compile(MODELS["neighbours"][0])
    for written in (b"no zip archive", skops.io.dumps([StandardScaler()]), skops.io.dumps({})):
        description, arrays = describe_with(plan, "skops")
        array = np.frombuffer(written, np.uint8)
        arrays[digest_array(array)] = array
        description["estimators"]["object"] = digest_array(array).hex()
        neighbours.write_bytes(plan_file(description, arrays))
        with pytest.raises(CorruptStoreError, match=r"churn\.pretzel: its estimators (cannot be read|are not those)"):
            pretzel.load(neighbours, trusted=NEIGHBOURS)


SAVES = """
import pickle, sys
import pretzel

folder = sys.argv[1]
for number, model in enumerate(pickle.load(open(folder + "/models", "rb"))):
    for opaque in ("skops", "cloudpickle"):
        pretzel.compile(model, keep_source=number > 0).save(f"{folder}/{opaque}{number}", opaque=opaque)
"""


def test_the_same_model_is_the_same_file(tmp_path):
    """Also in another process, with other addresses and another order of sets."""
    models = [MODELS[name][0] for name in ("neighbours", "kernels")]
    models.append(make_pipeline(OneHotEncoder(), LogisticRegression()).fit(FRAME[["city"]], Y))
    (tmp_path / "models").write_bytes(pickle.dumps(models))
    found = []
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        subprocess.run([sys.executable, "-c", SAVES, str(tmp_path)], env=environment, check=True)
        found.append({path.name: path.read_bytes() for path in tmp_path.iterdir()})
    assert [name for name in found[0] if found[0][name] != found[1][name]] == []
    assert len(found[0]) == 7


@pytest.mark.parametrize("opaque", [None, "skops"])
def test_publishing_again_makes_no_new_files(tmp_path, opaque):
    model = MODELS["neighbours"][0] if opaque else LogisticRegression().fit(X, Y)
    models = pretzel.PlanStore(tmp_path)
    for _ in range(2):
        models.publish("m", model, opaque=opaque)
        time.sleep(0.01)
    assert [*models.versions("m").plans] == ["v1", "v2"]
    assert len({*models.versions("m").plans.values()}) == 1


WORDS = [f"a word of {i}" for i in range(20_000)]


class Words(Ratio):
    """Keeps many small objects."""

    def fit(self, X: Any, y: Any = None) -> Words:
        self.places_ = {word: 10_000 + i for i, word in enumerate(WORDS)}
        return self


@pytest.mark.parametrize("is_traced", [False, True])
def test_a_pickle_counts_with_what_it_takes_in_memory(tmp_path: Any, is_traced: bool) -> None:
    if is_traced:
        tracemalloc.start()
    try:
        pretzel.compile(make_pipeline(Words(), Ridge()).fit(X, X[:, 0])).save(tmp_path / "plan", opaque="cloudpickle")
        assert tracemalloc.is_tracing() == is_traced
    finally:
        tracemalloc.stop()
    counted = estimator_bytes(open_plan_file(tmp_path / "plan"))
    taken = sys.getsizeof(dict.fromkeys(WORDS)) + sum(map(sys.getsizeof, WORDS)) + len(WORDS) * sys.getsizeof(10_000)
    assert taken < counted < 1.2 * taken


def test_all_types_of_a_package_are_trusted_at_once(tmp_path):
    path = tmp_path / "plan"
    pretzel.compile(MODELS["neighbours"][0]).save(path, opaque="skops")
    for trusted in (["sklearn"], ["sklearn.neighbors.*"], ["sklear.*"], ["*"], [".*"], ["numpy.*"]):
        with pytest.raises(UntrustedError):
            pretzel.load(path, trusted=trusted)
    for trusted in (["sklearn.*"], ["sklearn.neighbors.*", "sklearn.metrics.*"]):
        plan = pretzel.load(path, trusted=trusted)
        np.testing.assert_array_equal(plan.predict(X), MODELS["neighbours"][0].predict(X))
