"""Plans in files: what is loaded answers as what was saved, in a process without scikit-learn; damage is told."""

from __future__ import annotations

import base64
import contextlib
import gc
import inspect
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tracemalloc
import warnings
import zipfile
import zlib

import joblib
import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import CorruptStoreError, InputTypeError, InputValueError, KernelError, SaveError, StoreError
from pretzel.input_spec import MOST_UNREAD
from pretzel.packed import REPORT
from pretzel.runtime.model import Plan
from pretzel.schema import Follows
from pretzel.store.digest import frozen
from pretzel.store.object_store import ObjectStore
from pretzel.store.plan_file import DESCRIPTION, OBJECTS, PlanFile, plan_file
from tests import cases
from tests.answers import assert_identical

X = np.random.default_rng(0).normal(size=(60, 3))
Y = np.where(X[:, 0] > 0, "yes", "no")

LOADS = """
import pickle, sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "sklearn":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nothing())
import warnings
import numpy as np
import pretzel

warnings.simplefilter("ignore")
FORM
folder, wrong = sys.argv[1], []
with open(f"{folder}/requests.pickle", "rb") as file:
    requests = pickle.load(file)
for name, (X, answers) in requests.items():
    plan = pretzel.load(f"{folder}/{name}.pretzel")
    for method, expected in answers.items():
        if form(getattr(plan, method)(X)) != expected:
            wrong.append(f"{name}.{method}")
print(len(requests), "plans,", sum(len(a) for _, a in requests.values()), "methods; wrong:", wrong)
assert not wrong, wrong
assert "sklearn" not in sys.modules
"""


def form(answer):
    """Everything of an answer, bit by bit."""
    if isinstance(answer, list):
        return [form(each) for each in answer]
    if hasattr(answer, "toarray"):
        return type(answer).__name__, form(answer.toarray())
    array = np.asarray(answer)
    content = array.tolist() if array.dtype.kind in "OU" else array.tobytes()
    return type(answer).__name__, array.dtype.str, array.shape, content


WITHOUT_NATIVE_FORM = {
    "FunctionTransformer()",
    "SplineTransformer()",
    "SimpleImputer(strategy=most_frequent)",
    "TfidfTransformer()",
    "TfidfTransformer(norm=l1,smooth_idf=False)",
}


PARTLY_NATIVE = "LocalClassifier"
"""Whose probabilities depend on the other rows of a request, so that only the estimator itself has them."""


LEAVES_ROWS = "KNNImputer", "KNeighbors", "NearestNeighbors"
"""Which leaves rows to the estimator: those about which rounding decides, or the order of equal distances."""


def answered(saved, rows):
    """The rows that a plan answers without its estimator."""
    found = []
    for i in range(len(rows)):
        with contextlib.suppress(InputTypeError):
            for method in saved.input_schema.outputs:
                getattr(saved, method)(rows[i : i + 1])
            found.append(i)
    assert len(found) > len(rows) // 2
    return rows[found]


def test_every_registered_estimator_comes_back_without_scikit_learn(tmp_path):
    requests, refused = {}, set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for index, case in enumerate(cases.CASES):
            plan = pretzel.compile(cases.fitted(index), store=ObjectStore())
            rows = cases.rows(case.data)[1]
            rows = rows[:50] if not hasattr(rows, "iloc") else rows.iloc[:50]
            try:
                plan.save(tmp_path / f"{index}.pretzel")
            except SaveError:
                refused.add(case.id)
                continue
            saved = pretzel.load(tmp_path / f"{index}.pretzel", store=ObjectStore())
            if case.id.startswith(LEAVES_ROWS):
                rows = answered(saved, rows)
            answers = {method: form(getattr(plan, method)(rows)) for method in saved.input_schema.outputs}
            requests[str(index)] = (rows, answers)
    assert {each for each in refused if not each.startswith(PARTLY_NATIVE)} <= WITHOUT_NATIVE_FORM
    (tmp_path / "requests.pickle").write_bytes(pickle.dumps(requests))
    script = LOADS.replace("FORM", inspect.getsource(form))
    run = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.fixture
def saved(tmp_path):
    plan = pretzel.compile(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), name="churn")
    plan.save(tmp_path / "churn.pretzel")
    return tmp_path / "churn.pretzel"


def test_a_loaded_plan_is_verified_registered_explained_and_saved_again(saved, tmp_path):
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    plan = pretzel.load(saved)
    assert (plan.name, list(plan.classes_), plan.n_features_in_) == ("churn", ["no", "yes"], 3)
    assert pretzel.verify(plan, estimator, X).ok
    assert "CheckedLinear" in plan.explain()
    with pretzel.Runtime() as runtime:
        assert runtime.register("tenant", plan).predict_one(X[0]) == estimator.predict(X[:1])[0]
    plan.save(tmp_path / "again.pretzel")
    sizes = [
        [member.file_size for member in zipfile.ZipFile(path).infolist()]
        for path in (saved, tmp_path / "again.pretzel")
    ]
    assert sizes[0] == sizes[1]  # before compression, because digests compress by chance
    np.testing.assert_array_equal(pretzel.load(tmp_path / "again.pretzel").predict(X), estimator.predict(X))
    assert pretzel.load(saved, name="other").name == "other"


def test_a_process_that_predicts_imports_numpy_and_the_extension_alone(saved):
    script = f"""
import sys
import pretzel
print(pretzel.load({str(saved)!r}).predict_one((0.5, 1.0, -2.0)))
print({{"sklearn", "scipy", "pandas", "pyarrow", "joblib"}} & {{*sys.modules}})
print([name for name in sys.modules if name.startswith("pretzel.oven")])
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split("\n")[1:3] == ["set()", "[]"]


def test_a_loaded_plan_holds_its_file_and_lets_go(saved):
    store = ObjectStore()
    plan = pretzel.load(saved, store=store)
    saved.unlink()
    assert plan.predict_one(X[0]) in ("no", "yes")
    assert plan.nbytes == store.stats()["unique_bytes"] > 0
    del plan
    assert store.stats()["unique_bytes"] == 0


def test_arrays_are_mapped_and_shared_with_nothing_compiled(saved):
    store = ObjectStore()
    compiled = pretzel.compile(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), store=store)
    loaded = pretzel.load(saved, store=store)
    assert not {*compiled.physical.objects} & {*loaded.physical.objects}  # what a file claims is not trusted
    for name in loaded.physical.objects:
        assert not store.get(name).flags.writeable
        assert store.get(name).ctypes.data % 64 == 0


def test_zip_and_arrow_tools_read_the_file(saved):
    with zipfile.ZipFile(saved) as archive:
        assert archive.testzip() is None
        description = json.loads(archive.read(DESCRIPTION))
        table = pa.ipc.open_file(archive.read(OBJECTS)).read_all()
    assert description["made"]["pretzel"] == pretzel.__version__
    plan = pretzel.load(saved)
    file = PlanFile(saved.read_bytes(), "churn")
    assert table.num_rows == len(plan.physical.objects) == len(file.locations)
    for row in table.to_pylist():
        read = np.frombuffer(row["data"], row["dtype"], int(np.prod(row["shape"]))).reshape(row["shape"])
        np.testing.assert_array_equal(file.array(row["name"]), read)


def test_steps_that_run_as_the_estimator_are_named(tmp_path):
    plan = pretzel.compile(make_pipeline(StandardScaler(), KNeighborsClassifier(p=3)).fit(X, Y))
    with pytest.raises(SaveError, match=r"predict cannot be saved.*kneighborsclassifier: the metric 'minkowski'"):
        plan.save(tmp_path / "plan.pretzel")
    assert list(tmp_path.iterdir()) == []


def test_methods_that_few_want_are_left_out(tmp_path):
    plan = pretzel.compile(GradientBoostingClassifier(n_estimators=3).fit(X, Y))
    plan.save(tmp_path / "plan.pretzel")
    loaded = pretzel.load(tmp_path / "plan.pretzel")
    np.testing.assert_array_equal(loaded.predict(X), plan.predict(X))
    with pytest.raises(AttributeError, match="it was not saved with the plan"):
        loaded.apply(X)


def test_what_only_the_estimator_answers_says_so(tmp_path):
    import pandas as pd

    frame = pd.DataFrame(np.abs(X), columns=["a", "b", "c"])
    plans = {
        "logarithms": FunctionTransformer(np.log1p).fit(frame),
        "mixed": make_column_transformer((StandardScaler(), ["a"]), ("passthrough", ["b"])).fit(frame),
        "scaled": StandardScaler().fit(X),
    }
    for name, estimator in plans.items():
        pretzel.compile(estimator).save(tmp_path / name)
    plans = {name: pretzel.load(tmp_path / name) for name in plans}
    with pytest.raises(InputTypeError, match="not saved with the plan"):
        plans["logarithms"].transform(frame)
    with pytest.raises(InputTypeError, match="'a'"):
        plans["mixed"].transform(frame.assign(a="text"))
    with pytest.raises(InputTypeError, match=r"float16 are answered by .* not saved"):
        plans["scaled"].transform(X.astype(np.float16))
    with pytest.raises(AttributeError, match="it was not saved"):
        plans["scaled"].mean_  # noqa: B018


def test_names_of_columns_are_saved(tmp_path):
    import pandas as pd

    frame = pd.DataFrame(np.abs(X), columns=["a", "b", "c"])
    texts = ["one cat", "two dogs", "one été"]
    for make, data in (
        (lambda: make_pipeline(StandardScaler(), PCA(2)), frame),
        (lambda: make_column_transformer((StandardScaler(), ["a", "c"]), (OneHotEncoder(), ["b"])), frame.round()),
        (CountVectorizer, texts),
        (StandardScaler, X),
    ):
        estimator = make().fit(data)
        names = estimator.get_feature_names_out()
        live = pretzel.compile(estimator)
        live.save(tmp_path / "plan")
        plan = pretzel.load(tmp_path / "plan")
        assert_identical(plan.get_feature_names_out(), names)
        assert "get_feature_names_out" in dir(plan)
        assert_identical(live.get_feature_names_out(), names)
        if hasattr(data, "columns"):
            assert_identical(plan.get_feature_names_out(["a", "b", "c"]), names)
            with pytest.raises(InputValueError, match=r"\['x', 'y', 'z'\].* was fitted on \['a', 'b', 'c'\]"):
                plan.get_feature_names_out(["x", "y", "z"])
        del estimator
        gc.collect()
        assert_identical(live.get_feature_names_out(), names)
    pretzel.compile(LogisticRegression().fit(X, Y)).save(tmp_path / "plan")
    with pytest.raises(AttributeError, match="it was not saved"):
        pretzel.load(tmp_path / "plan").get_feature_names_out()


@pytest.mark.parametrize("width", [3, MOST_UNREAD + 1])
def test_columns_without_names_that_no_step_reads_are_saved(tmp_path, width):
    rows = sparse.csr_array(X, shape=(len(X), width)) if width > 3 else X
    scaled = make_column_transformer((StandardScaler(with_mean=False), [0, 2]))
    model = make_pipeline(scaled, LogisticRegression()).fit(rows, Y)
    pretzel.compile(model).save(tmp_path / "plan.pretzel")
    loaded = pretzel.load(tmp_path / "plan.pretzel")
    np.testing.assert_array_equal(loaded.predict(rows), model.predict(rows))
    if width == 3:
        assert loaded.predict_one(X[0].tolist()) == model.predict(X[:1])[0]
        with pytest.raises(pretzel.errors.InputShapeError):
            loaded.predict(X[:, :2])


def test_the_first_columns_are_written_as_their_number(tmp_path):
    path, width = tmp_path / "plan.pretzel", 20_000
    rows = sparse.random(40, width, density=0.001, format="csr", random_state=0)
    model = LogisticRegression().fit(rows, np.arange(40) % 2)
    pretzel.compile(model).save(path)
    assert path.stat().st_size < 8 * width + 20_000
    loaded = pretzel.load(path)
    assert loaded.physical.input.required == range(width)

    def as_lists(description):  # as before
        description["plan"]["input"]["required"] = [*range(width)]
        for shape in description["plan"]["tables"]["shapes"]:
            shape["leaves"][0]["columns"] = [*range(width)]

    listed = tmp_path / "listed.pretzel"
    listed.write_bytes(path.read_bytes())
    rewritten(listed, as_lists)
    before = pretzel.load(listed)
    assert before.physical.input == loaded.physical.input
    assert before.physical.methods["predict"].program.shape == loaded.physical.methods["predict"].program.shape
    for plan in (loaded, before):
        np.testing.assert_array_equal(plan.predict(rows), model.predict(rows))
        np.testing.assert_array_equal(plan.predict(rows.toarray()), model.predict(rows))


def test_a_loaded_plan_is_scored(tmp_path, monkeypatch):
    weight = np.random.default_rng(1).random(len(X))
    regression = HistGradientBoostingRegressor(max_iter=3)
    for estimator, y in ((make_pipeline(StandardScaler(), LogisticRegression()), Y), (regression, X[:, 1])):
        pretzel.compile(estimator.fit(X, y)).save(tmp_path / "plan")
        plan = pretzel.load(tmp_path / "plan")
        assert plan.score(X, y) == pytest.approx(estimator.score(X, y), rel=1e-12)
        assert plan.score(X, y, sample_weight=weight) == pytest.approx(estimator.score(X, y, weight), rel=1e-12)
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match="score is that of scikit-learn: pip install scikit-learn"):
        plan.score(X, y)
    monkeypatch.undo()
    pretzel.compile(PCA(2).fit(X)).save(tmp_path / "plan")
    with pytest.raises(AttributeError, match="it was not saved"):
        pretzel.load(tmp_path / "plan").score(X)


def test_objects_without_none_are_numbers(tmp_path):
    """An imputer of numbers keeps None among objects; nothing else of an object reaches a prediction."""
    X = np.array([[1.0, 5.0], [2.0, 7.0], [np.nan, 6.0], [2.0, 9.0]])
    imputer, y = SimpleImputer(strategy="most_frequent"), [1.0, 3.0, 2.0, 4.0]
    columns = make_column_transformer((imputer, [0]), (StandardScaler(), [1]))
    model = make_pipeline(columns, HistGradientBoostingRegressor(min_samples_leaf=1)).fit(X, y)
    pretzel.compile(model).save(tmp_path / "imputed.pretzel")
    plan = pretzel.load(tmp_path / "imputed.pretzel")
    for request in (X[:2].tolist(), X[:2].astype(object)):
        np.testing.assert_array_equal(plan.predict(request), model.predict(request))
    for request in ([[None, 5.0]], np.array([[None, 5.0]], dtype=object)):
        with pytest.raises(InputTypeError, match="requests of object are answered by the Pipeline itself"):
            plan.predict(request)


def test_labels_of_any_plain_kind_come_back(tmp_path):
    for classes in ([3, 7], [1.0, 2.0], [True, False], ["a", "bé"], np.array(["x", 1], dtype=object)[[0, 0]]):
        y = np.array([classes[i % 2] for i in range(60)], dtype=getattr(classes, "dtype", None))
        if len({*y.tolist()}) < 2:
            y = np.array(["left", "right"] * 30, dtype=object)
        plan = pretzel.compile(LogisticRegression().fit(X, y))
        plan.save(tmp_path / "plan")
        loaded = pretzel.load(tmp_path / "plan")
        assert form(loaded.predict(X)) == form(plan.predict(X))
        assert form(loaded.classes_) == form(plan.classes_)


def test_a_label_that_is_no_plain_value_is_named(tmp_path):
    import datetime

    y = np.array([datetime.date(2024, 1, 1 + i % 2) for i in range(60)], dtype=object)
    plan = pretzel.compile(OneHotEncoder().fit([[1], [2]]))
    plan.physical.attributes["classes_"] = y
    with pytest.raises(SaveError, match="type date has no plain form"):
        plan.save(tmp_path / "plan")


def test_a_file_that_cannot_be_written_leaves_the_one_before(saved, monkeypatch):
    before = saved.read_bytes()
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        pretzel.load(saved).save(saved)
    assert saved.read_bytes() == before
    assert [each.name for each in saved.parent.iterdir()] == [saved.name]


def test_files_have_the_permissions_that_the_umask_leaves(saved, tmp_path):
    before = os.umask(0o027)
    try:
        pretzel.load(saved).save(tmp_path / "plan")
    finally:
        os.umask(before)
    assert (tmp_path / "plan").stat().st_mode & 0o777 == 0o640


def test_a_file_that_is_replaced_hands_its_permissions_on_and_a_link_is_followed(saved, tmp_path):
    plan, path, link = pretzel.load(saved), tmp_path / "plan", tmp_path / "link"
    plan.save(path)
    path.chmod(0o600)
    link.symlink_to(path)
    before = path.stat().st_ino
    plan.save(link)
    assert link.is_symlink()
    assert path.stat().st_ino != before
    assert path.stat().st_mode & 0o777 == 0o600
    link.unlink()
    link.symlink_to(tmp_path / "new")
    plan.save(link)
    assert pretzel.load(tmp_path / "new").name == plan.name


@pytest.mark.parametrize("kind", ["folder", "fifo", "nothing"])
def test_what_is_no_file_is_not_replaced(saved, tmp_path, kind):
    path = tmp_path / "there"
    if kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    given = "" if kind == "nothing" else str(path)
    with pytest.raises(OSError, match="written to a file, and this is none") as error:
        pretzel.load(saved).save(given)
    assert error.value.filename == given
    assert path.is_fifo() == (kind == "fifo")
    assert len(list(tmp_path.iterdir())) == (kind != "nothing") + (saved.parent == tmp_path)


# -- damage ----------------------------------------------------------------------------------------------------------


def rewritten(path, change):
    """The file with another description."""
    with zipfile.ZipFile(path) as archive:
        description, objects = json.loads(archive.read(DESCRIPTION)), archive.read(OBJECTS)
    change(description)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(DESCRIPTION, json.dumps(description), zipfile.ZIP_DEFLATED)
        member = zipfile.ZipInfo(OBJECTS)
        padding = -(archive.fp.tell() + 30 + len(OBJECTS) + 4) % 64  # contents are aligned, as those of ours
        member.extra = struct.pack("<2H", 0xD935, padding) + bytes(padding)
        archive.writestr(member, objects)


def plain(description):
    """Shape and stages of `predict`."""
    program, tables = description["plan"]["methods"]["predict"]["program"], description["plan"]["tables"]
    return {"shape": tables["shapes"][program["shape"]], "stages": [tables["stages"][i] for i in program["stages"]]}


def nested(depth):
    found = 1
    for _ in range(depth):
        found = {"a": {"variants": found}}
    return found


CHANGES = {
    "no format": lambda d: d.pop("format"),
    "no plan": lambda d: d.pop("plan"),
    "a list": lambda d: d.update(plan=[]),
    "another field": lambda d: d["plan"].update(more=1),
    "no method": lambda d: d["plan"]["methods"]["predict"].pop("program"),
    "no tables": lambda d: d["plan"].pop("tables"),
    "shape that is not there": lambda d: d["plan"]["methods"]["predict"]["program"].update(shape=99),
    "negative number": lambda d: d["plan"]["methods"]["predict"]["program"].update(stages=[-1]),
    "short digests": lambda d: d["plan"]["tables"].update(digests="00"),
    "value out of range": lambda d: plain(d)["shape"]["steps"][0].update(inputs=[99]),
    "negative value": lambda d: plain(d)["shape"]["steps"][0].update(inputs=[-1]),
    "value made twice": lambda d: plain(d)["shape"]["steps"][1].update(output=0),
    "result not made": lambda d: plain(d)["shape"].update(output=77),
    "width": lambda d: plain(d)["shape"]["values"][0].update(width=4),
    "huge width": lambda d: d["plan"]["input"].update(width=2**40),
    "column": lambda d: plain(d)["shape"]["leaves"][0].update(columns=[0, 1, 7]),
    "columns": lambda d: plain(d)["shape"]["leaves"][0].update(columns=4),
    "negative columns": lambda d: plain(d)["shape"]["leaves"][0].update(columns=-1),
    "columns for which no array pays": lambda d: d["plan"]["input"].update(width=2**30, required=2**30),
    "more columns than any table": lambda d: plain(d)["shape"]["leaves"][0].update(columns=2**70),
    "kernel": lambda d: plain(d)["stages"][0]["calls"][0].update(kernel="nothing"),
    "other kernel": lambda d: plain(d)["stages"][0]["calls"][-1].update(kernel="relu"),
    "missing object": lambda d: d["objects"].clear(),
    "object not named": lambda d: d["plan"].update(objects=[]),
    "offset": lambda d: next(iter(d["objects"].values())).__setitem__(0, 2**30),
    "shape": lambda d: [each.__setitem__(2, [2**50]) for each in d["objects"].values()],
    "dtype": lambda d: [each.__setitem__(1, "O") for each in d["objects"].values()],
    "labels": lambda d: d["plan"]["methods"]["predict"].update(labels=[]),
    "dimensions": lambda d: d["plan"]["methods"]["predict"].update(ndim=3),
    "dtype of a variant": lambda d: d["plan"]["methods"]["predict"].update(from_source=["what"]),
    "refused dtype": lambda d: d["plan"]["methods"]["predict"].update(typed=[{"refuses": ["what"]}]),
    "leaf types": lambda d: d["plan"]["methods"]["predict"].update(typed=[{}] * 5),
    "report": lambda d: d["plan"].update(report="?"),
    "name": lambda d: d.update(name=5),
    "huge empty shape": lambda d: [each.__setitem__(2, [0, 2**70]) for each in d["objects"].values()],
    "padded labels": lambda d: d["plan"]["attributes"].update(x={"array": ["<U250000000", [1], ["a"]]}),
    "dtype of fields": lambda d: d["plan"]["attributes"].update(x={"array": ["f8,", [0], ""]}),
    "nested deep": lambda d: d["plan"].update(methods=nested(300)),
    "a bomb": lambda d: d["plan"].update(bomb=[0] * 20_000_000),
    "source": lambda d: d.update(source={"type": 1}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_contradictions_are_found(saved, change):
    rewritten(saved, lambda _: None)
    pretzel.load(saved)
    rewritten(saved, change)
    with pytest.raises(CorruptStoreError, match=r"churn\.pretzel"):
        pretzel.load(saved)


def repacked(plan, field, content):
    plan[field] = base64.b64encode(content).decode()


REPORTS = {
    "no data": b"junk",
    "nothing": zlib.compress(b"{}"),
    "a list": zlib.compress(b"[]"),
    "deep": zlib.compress(b"[" * 100_000),
    "no text": zlib.compress(b"\xff"),
    "other forms": zlib.compress(b'{"logical": 1, "optimized": [], "rules": {}, "options": [], "seconds": ""}'),
    "a bomb": zlib.compress(b'{"logical":"' + b"x" * 200_000_000 + b'"}'),
}


@pytest.mark.parametrize("content", REPORTS.values(), ids=REPORTS)
def test_what_is_packed_within_a_plan_is_checked_when_it_is_read(saved, tmp_path, content):
    rewritten(saved, lambda d: repacked(d["plan"], "report", content))
    plan = pretzel.load(saved, store=ObjectStore())
    assert plan.predict_one(X[0]) in ("no", "yes")
    tracemalloc.start()
    for act in (plan.explain, lambda: plan.explain("json"), lambda: pretzel.verify(plan, LogisticRegression(), X)):
        with pytest.raises(CorruptStoreError, match="is damaged"):
            act()
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()
    rewritten(saved, lambda d: repacked(d["plan"]["graph"], "structure", content))
    with pytest.raises(CorruptStoreError, match="is damaged"):
        pretzel.load(saved, store=ObjectStore()).save(tmp_path / "again")


@pytest.mark.parametrize("outputs", [{"predict": 99}, {"predict": -1}])
def test_a_graph_that_contradicts_itself_is_not_saved_again(saved, tmp_path, outputs):
    structure = json.dumps({"nodes": [["input", [], {}]], "outputs": outputs}).encode()
    rewritten(saved, lambda d: repacked(d["plan"]["graph"], "structure", zlib.compress(structure)))
    with pytest.raises(CorruptStoreError, match="is damaged"):
        pretzel.load(saved).save(tmp_path / "again")


def test_options_of_a_damaged_report_are_told(saved):
    data = pretzel.load(saved).physical.report.unpack(REPORT)
    data["options"]["what"] = 1
    rewritten(saved, lambda d: repacked(d["plan"], "report", zlib.compress(json.dumps(data).encode())))
    with pytest.raises(CorruptStoreError, match="options of the plan are damaged"):
        pretzel.verify(pretzel.load(saved), LogisticRegression(), X)


NAMES = [
    "save",
    "physical",
    "_input",
    "__class__",
    "predict_one",
    "predict_proba_one",
    "name",
    "engine",
    "a b",
    "",
    "é-",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_every_plan_has_are_no_methods_or_attributes(saved, name):
    rewritten(saved, lambda d: d["plan"]["methods"].update({name: d["plan"]["methods"]["predict"]}))
    with pytest.raises(CorruptStoreError, match="no place for a method or attribute"):
        pretzel.load(saved)
    rewritten(saved, lambda d: (d["plan"]["methods"].pop(name), d["plan"]["attributes"].update({name: 1})))
    with pytest.raises(CorruptStoreError, match="no place for a method or attribute"):
        pretzel.load(saved)
    rewritten(saved, lambda d: (d["plan"]["attributes"].pop(name), d["plan"]["attributes"].update(predict=1)))
    with pytest.raises(CorruptStoreError, match="'predict' is a method and an attribute"):
        pretzel.load(saved)


@pytest.mark.parametrize("n_outputs", [1, 2])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_no_integer_is_told_alike_for_rows_and_tables(saved, number, n_outputs):
    """Numbers of a damaged file may make a result that is no integer, where its dtype is one."""
    target = np.column_stack([X[:, 0]] * n_outputs) if n_outputs > 1 else X[:, 0]
    pretzel.compile(LinearRegression().fit(X, target)).save(saved)

    def change(description):
        description["plan"]["methods"]["predict"]["dtype"] = {"follows": Follows.NOTHING.value, "least": "int64"}

    rewritten(saved, change)
    plan = pretzel.load(saved, store=ObjectStore())
    assert plan.predict(X).dtype == np.int64
    store = plan.store
    for name in plan.physical.objects:
        array = store._entries[name].array
        if array.dtype == float and array.size == n_outputs:
            store._entries[name].array = frozen(np.full_like(array, number))
    plan = Plan(plan.physical, store, plan.lease, "odd")
    with pytest.raises(KernelError, match="which is no integer"):
        plan.predict_one(X[0])
    with pytest.raises(KernelError, match="which is no integer"):
        plan.predict(X)


def test_a_plan_of_another_release_is_refused_by_name(saved):
    rewritten(saved, lambda d: d.update(format=99))
    with pytest.raises(StoreError, match="format 99 of a later release"):
        pretzel.load(saved)
    rewritten(saved, lambda d: d.update(format=1, kernels={"linear": "zero"}))
    with pytest.raises(CorruptStoreError, match="contradicts itself"):
        pretzel.load(saved)
    rewritten(saved, lambda d: (d.update(kernels={"linear": "0()"}), d["plan"].pop("graph")))
    with pytest.raises(StoreError, match=r"another release of Pretzel.*no graph.*compile the estimator again"):
        pretzel.load(saved)


def test_descriptions_that_compress_like_a_bomb_are_rejected():
    def contents(method):
        sink = io.BytesIO()
        with zipfile.ZipFile(sink, "w") as archive:
            archive.writestr("plan.json", b'{"format": 1, "more": [' + b"[]," * 500_000 + b"[]]}", method)
            archive.writestr("objects.arrow", b"")
        return sink.getvalue()

    with pytest.raises(CorruptStoreError, match="a description of"):
        PlanFile(contents(zipfile.ZIP_DEFLATED), "a bomb")


def test_descriptions_that_compress_well_are_written_as_they_are():
    description = {"more": [[]] * 500_000}
    assert PlanFile(plan_file(description, {}), "a plan").description["more"] == description["more"]
    assert len(plan_file({"more": [[]] * 1000}, {})) < 3000


def test_truncated_files_are_rejected(saved):
    contents = saved.read_bytes()
    for length in [*range(0, len(contents), 97), len(contents) - 1]:
        saved.write_bytes(contents[:length])
        with pytest.raises(CorruptStoreError, match=r"churn\.pretzel"):
            pretzel.load(saved)


def test_flipped_bits_are_rejected_or_change_numbers_only(saved):
    contents = bytearray(saved.read_bytes())
    rng = np.random.default_rng(1)
    outcomes = {"rejected": 0, "loaded": 0}
    for at in rng.integers(0, len(contents), 400):
        bit = 1 << int(rng.integers(8))
        contents[at] ^= bit
        saved.write_bytes(contents)
        try:
            plan = pretzel.load(saved)
            outcomes["loaded"] += 1
            with np.errstate(all="ignore"):
                plan.predict_proba(X)
        except StoreError:
            outcomes["rejected"] += 1
        except pretzel.errors.InputError:
            pass  # the range that the first step accepts was changed
        contents[at] ^= bit
    assert min(outcomes.values()) > 20, outcomes


def test_what_is_no_plan_file_says_what_it_is(saved, tmp_path):
    model = LinearRegression().fit(X, X[:, 0])
    pretzel.PlanStore(tmp_path / "models").publish("churn/de", model)
    with pytest.raises(StoreError, match=r"is no plan file but a store: pretzel.PlanStore\('.*models'\).load\(name"):
        pretzel.load(tmp_path / "models")
    with pytest.raises(StoreError, match="is no plan file but a folder"):
        pretzel.load(tmp_path)
    joblib.dump(model, tmp_path / "m.joblib")
    with pytest.raises(CorruptStoreError, match="is a pickle, and no plan file: compile the estimator"):
        pretzel.load(tmp_path / "m.joblib")
