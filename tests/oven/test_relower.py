"""Plans of kernels with other parameters or states are lowered again from what travels with them: equal to the bit."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy import sparse
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel import _native
from pretzel.errors import CorruptStoreError, PretzelError, SaveError, StoreError
from pretzel.oven.ir import _text_state
from pretzel.oven.ir.serialize import operators
from pretzel.oven.relower import relower
from pretzel.packed import STRUCTURE, Packed
from pretzel.runtime import saved
from pretzel.runtime.programs import programs_of
from pretzel.store.digest import DIGEST, frozen
from pretzel.store.object_store import ObjectStore
from pretzel.store.plan_check import check_plan
from tests import cases
from tests.answers import assert_identical
from tests.native.mutated_states import SAME_SIZE

X = np.random.default_rng(0).normal(size=(300, 5))
Y = np.where(X[:, 0] > 0.3, "b", np.where(X[:, 1] > 0, "a", "c"))
TEXTS = ["the cat sat", "a dog", "on the mat", "naïve été, x1", "the the cat"] * 5
VERSIONS = {kernel: each["state_version"] for kernel, each in _native.signatures().items()}


@pytest.fixture
def other_layouts(monkeypatch):
    """No kernel of this process has the layout of a saved plan."""
    known = saved.layouts()
    monkeypatch.setattr(saved, "layouts", lambda: dict.fromkeys(known, "another"))


def lowered_again(plan, path):
    """The plan after it was saved and loaded, once as it is and once lowered again."""
    plan.save(path)
    loaded = pretzel.load(path, store=ObjectStore())
    with pytest.MonkeyPatch.context() as patch:
        known = saved.layouts()
        patch.setattr(saved, "layouts", lambda: dict.fromkeys(known, "another"))
        again = pretzel.load(path, store=ObjectStore())
    return loaded, again


def forms(rows):
    """Requests of every dtype and form for which a method may have another program."""
    yield rows
    if isinstance(rows, np.ndarray) and rows.dtype == np.float64:
        yield rows.astype(np.float32)
        yield np.nan_to_num(rows).astype(np.int64)
        yield sparse.csr_array(np.nan_to_num(rows))


def answer(plan, method, X):
    try:
        return getattr(plan, method)(X)
    except PretzelError as error:
        return type(error), str(error)


def check_equal(loaded, again, rows):
    assert again.methods.keys() == loaded.methods.keys()
    for method in loaded.methods:
        for request in forms(rows):
            assert_identical(answer(again, method, request), answer(loaded, method, request))


@pytest.mark.parametrize("isa", sorted({"baseline", _native.isa()}))
def test_every_case_answers_with_the_same_bits(tmp_path, isa):
    """The states of trees differ between levels of instructions."""
    kernels, before = set(), _native.isa()
    _native.set_isa(isa)
    try:
        for index, case in enumerate(cases.CASES):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                plan = pretzel.compile(cases.fitted(index), store=ObjectStore())
                try:
                    loaded, again = lowered_again(plan, tmp_path / "plan.pretzel")
                except SaveError:
                    continue
                kernels |= {call.kernel for program in programs_of(again.physical) for call in program.calls}
                rows = cases.rows(case.data)[1]
                check_equal(loaded, again, rows.iloc[:40] if hasattr(rows, "iloc") else rows[:40])
    finally:
        _native.set_isa(before)
    assert kernels >= {cls.kernel for cls in operators().values() if cls.states}


def test_every_kernel_that_keeps_a_state_can_be_read():
    """An operator whose kernel gets another layout names what reads the states of each layout it has had."""
    for cls in operators().values():
        signature = _native.signatures().get(cls.kernel)
        arrays = {each.name for each in fields(cls) if "Array" in str(each.type)}
        if signature and arrays & {each["name"] for each in signature["params"] if each["bind_only"]}:
            assert signature["state_version"] in cls.states, f"{cls.__name__}.states lacks the layout of {cls.kernel}"


MODELS = {
    "words": (make_pipeline(TfidfVectorizer(ngram_range=(1, 3), stop_words=["the"]), LogisticRegression()), TEXTS),
    "many words": (make_pipeline(TfidfVectorizer(), Ridge()), [f"w{i} w{i * 7 % 900} often" for i in range(900)]),
    "characters": (CountVectorizer(analyzer="char_wb", ngram_range=(1, 4)), TEXTS),
    "both": (make_union(CountVectorizer(), TfidfVectorizer(analyzer="char", ngram_range=(2, 3))), TEXTS),
    "other lengths": (CountVectorizer(vocabulary=["a dog", "cat", "the mat", "x y z"], stop_words=["the"]), TEXTS),
    "hashes": (HashingVectorizer(n_features=64, stop_words=["the", "été"]), TEXTS),
    "categories": (
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        np.array([["été", 1, "\U0001f600 and more"], ["longer than eight", 2.5, "b"], [None, -0.0, "ж"]] * 3, object),
    ),
    "forest": (RandomForestClassifier(9, random_state=0), X),
    "tree": (DecisionTreeClassifier(max_depth=5, random_state=0), X),
    "histogram tree": (HistGradientBoostingRegressor(max_iter=1), X),
    "small forest": (RandomForestClassifier(30, max_depth=4, random_state=0), X),
    "boosting": (GradientBoostingRegressor(n_estimators=20), X),
    "histograms": (HistGradientBoostingClassifier(max_iter=10, categorical_features=[3]), np.abs(X).round()),
    "scaled": (make_pipeline(StandardScaler(), Ridge()), X),
}


@pytest.mark.parametrize("name", MODELS)
def test_models_with_large_states(name, tmp_path):
    model, data = MODELS[name]
    y = np.resize(Y if name not in ("boosting", "histogram tree", "scaled", "many words") else X[:, 0], len(data))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plan = pretzel.compile(model.fit(data, y), store=ObjectStore())
    loaded, again = lowered_again(plan, tmp_path / "plan.pretzel")
    check_equal(loaded, again, data)
    if name == "many words":
        assert '"encoded"' in json.dumps(again.physical.graph.structure.unpack(STRUCTURE))


@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_vocabularies_of_the_layout_before_are_read(analyzer):
    """It had one factor for both tables of edges; the second of this vocabulary is empty."""
    plan = pretzel.compile(CountVectorizer(analyzer=analyzer, ngram_range=(1, 3)).fit(TEXTS), store=ObjectStore())
    (program,) = set(programs_of(plan.physical))
    (state,) = [plan.store.get(call.state) for call in program.calls if call.kernel == "ngrams"]
    new, old = _text_state._NGRAMS, _text_state._NGRAMS_2
    head, before = state[: new.itemsize].view(new)[0], np.zeros(1, old)
    for name in ("settings", "terms", "root", "codes", "words"):
        before[0][name] = head[name]
    for name in old["edges"].base.names:
        before[0]["edges"][name] = head["edges"][name]
    older = np.concatenate([before.view(np.uint8), state[old.itemsize :]])
    found = _text_state.ngrams_2(older, {"analyzer": analyzer})
    expected = _text_state.ngrams_3(state, {"analyzer": analyzer})
    assert found.keys() == expected.keys()
    assert_identical([*found.values()], [*expected.values()])
    assert found["terms"].size


def test_origins_and_names_stay(tmp_path):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    loaded, again = lowered_again(pretzel.compile(model, name="churn"), tmp_path / "plan")
    assert again.name == "churn"
    assert again.physical.methods["predict"].program.shape == loaded.physical.methods["predict"].program.shape
    assert re.sub("stage . [0-9a-f]+", "", again.explain()) == re.sub("stage . [0-9a-f]+", "", loaded.explain())
    with pytest.raises(pretzel.errors.InputValueError, match="standardscaler"):
        again.predict(np.full((1, 5), np.inf))
    again.save(tmp_path / "again")
    assert_identical(pretzel.load(tmp_path / "again").predict_proba(X), loaded.predict_proba(X))


def test_arrays_of_the_saved_plan_are_let_go(tmp_path):
    plan = pretzel.compile(MODELS["forest"][0].fit(X, Y), store=ObjectStore())
    again = lowered_again(plan, tmp_path / "plan")[1]
    assert again.store.nbytes == again.nbytes == again.exclusive_bytes
    assert again.nbytes == pytest.approx(plan.nbytes, rel=0.1)


LOADS = """
import sys

class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("sklearn", "scipy", "pandas", "pyarrow"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Nothing())
import pretzel
from pretzel.runtime import saved
from pretzel.runtime.programs import programs_of
from pretzel.store.digest import DIGEST, frozen

known = saved.layouts()
for name in sys.argv[2:]:
    saved.layouts = lambda: known
    plan = pretzel.load(f"{sys.argv[1]}/{name}")
    assert not any(module.startswith("pretzel.oven") for module in sys.modules) or name != sys.argv[2]
    saved.layouts = lambda: dict.fromkeys(known, "another")
    assert plan.methods.keys() == pretzel.load(f"{sys.argv[1]}/{name}").methods.keys()
assert "pretzel.oven.relower" in sys.modules
assert not {"sklearn", "scipy", "pandas", "pyarrow"} & {*sys.modules}
"""


def test_neither_scikit_learn_nor_scipy_is_needed(tmp_path):
    names = ["words", "histograms", "scaled"]
    for name in names:
        model, data = MODELS[name]
        y = X[:, 0] if name == "scaled" else np.resize(Y, len(data))
        pretzel.compile(model.fit(data, y)).save(tmp_path / name)
    run = subprocess.run([sys.executable, "-c", LOADS, str(tmp_path), *names], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_a_store_lowers_again(tmp_path, other_layouts):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    pretzel.PlanStore(tmp_path / "store").publish("m", model)
    plan = pretzel.PlanStore(tmp_path / "store", store=ObjectStore()).load("m")
    assert_identical(plan.predict(X), pretzel.compile(model).predict(X))
    with pretzel.Runtime(store=tmp_path / "store") as runtime:
        assert runtime["m"].predict_one(X[0]) == model.predict(X[:1])[0]


# -- what nobody can read --------------------------------------------------------------------------------------------


def test_layouts_that_are_not_known(tmp_path, other_layouts):
    plan = pretzel.compile(MODELS["forest"][0].fit(X, Y), store=ObjectStore())
    with pytest.raises(StoreError, match="no state of version 99 of the kernel 'tree_ensemble'"):
        relower(plan.physical, plan.store, {**VERSIONS, "tree_ensemble": 99})
    with pytest.raises(StoreError, match="no graph"):
        relower(replace(plan.physical, graph=None), plan.store, VERSIONS)


def changed_graph(plan, change):
    """The plan with another graph."""
    data = plan.physical.graph.structure.unpack(STRUCTURE)
    change(data)
    return replace(plan.physical, graph=replace(plan.physical.graph, structure=Packed(data)))


def doubled(data):
    """Nodes that each read the one before twice: paths grow without bound."""
    for _ in range(200):
        data["nodes"].append(["concat/1", [len(data["nodes"]) - 1] * 2, {}])
    data["outputs"] = dict.fromkeys(data["outputs"], len(data["nodes"]) - 1)


CHANGES = {
    "an unknown operator": lambda d: d["nodes"][-1].__setitem__(0, "oracle/1"),
    "a node that reads itself": lambda d: d["nodes"][1].__setitem__(1, [1]),
    "a negative number": lambda d: d["nodes"][1].__setitem__(1, [-1]),
    "no node": lambda d: d["nodes"].clear(),
    "an output that is not there": lambda d: d["outputs"].update(predict=999),
    "no output": lambda d: d["outputs"].clear(),
    "a leaf of other columns": lambda d: d["nodes"][0][2].update(columns=[0, 1]),
    "a leaf without columns": lambda d: d["nodes"][0].__setitem__(2, {}),
    "another field": lambda d: d["nodes"][1][2].update(more=1),
    "a missing array": lambda d: d["nodes"][1][2].update(mean={"array": 10**6}),
    "a text in place of an array": lambda d: d["nodes"][1][2].update(mean="x", scale="y"),
    "a number in place of an array": lambda d: d["nodes"][1][2].update(mean=2**70),
    "an unknown kind of value": lambda d: d["nodes"][1][2].update(mean={"python": "print()"}),
    "a state in place of an array": lambda d: d["nodes"][1][2].update(mean={"state": 0}),
    "a huge leaf": lambda d: d["nodes"].insert(0, ["sparse_leaf/1", [], {"width": 2**60}]),
    "a step of Python": lambda d: d["nodes"].__setitem__(0, ["raw/1", [], {"columns": []}]),
    "doubled values": doubled,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_graphs_that_were_changed(change):
    plan = pretzel.compile(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), store=ObjectStore())
    with pytest.raises(StoreError):
        check_plan(relower(changed_graph(plan, change), plan.store, VERSIONS)[0])


@pytest.mark.parametrize("name", ["words", "characters", "categories", "forest", "small forest", "histograms"])
def test_states_that_were_changed_at_random(name):
    """Whatever is read from a damaged state is rejected, or is a plan whose states are sound."""
    model, data = MODELS[name]
    plan = pretzel.compile(model.fit(data, np.resize(Y, len(data))), store=ObjectStore())
    calls = {call for program in programs_of(plan.physical) for call in program.calls if call.state is not None}
    states = sorted({call.state for call in calls if call.kernel in ("ngrams", "category_codes", "tree_ensemble")})
    rng, outcomes = np.random.default_rng(0), set()
    for _ in range(150):
        store = ObjectStore()
        lease = store.lease()
        for each in plan.physical.objects:
            array = plan.store.get(each)
            if each in states:
                array = SAME_SIZE[rng.integers(len(SAME_SIZE))](rng, array.copy())
            store.hold(each, lambda array=array: frozen(array), lease)
        try:
            changed, _ = relower(plan.physical, store, VERSIONS)
            check_plan(changed)
            saved._check_calls(changed, store)
            outcomes.add("lowered")
        except CorruptStoreError:
            outcomes.add("rejected")
    assert outcomes == {"lowered", "rejected"}


def test_arrays_that_many_nodes_name_are_there_once(monkeypatch):
    plan = pretzel.compile(StandardScaler().fit(np.random.default_rng(0).normal(size=(3, 4000))), store=ObjectStore())
    graph = plan.physical.graph
    data = graph.structure.unpack(STRUCTURE)
    scale = next(node for node in data["nodes"] if node[0] == "sub_div/1")
    for _ in range(50):
        data["nodes"].append([scale[0], [len(data["nodes"]) - 1], scale[2]])
    data["outputs"] = dict.fromkeys(data["outputs"], len(data["nodes"]) - 1)
    changed = replace(plan.physical, graph=replace(graph, structure=Packed(data)))
    seen = []
    monkeypatch.setattr("pretzel.oven.stored_graph.frozen", lambda array: seen.append(array) or frozen(array))
    _, lease = relower(changed, plan.store, VERSIONS)
    assert len(seen) == len(graph.arrays) // DIGEST
    lease.close()


def test_arrays_of_a_graph_are_in_proportion_to_its_plan(monkeypatch):
    plan = pretzel.compile(StandardScaler().fit(X), store=ObjectStore())
    monkeypatch.setattr("pretzel.oven.relower.LARGEST", 0)
    monkeypatch.setattr("pretzel.oven.relower.MULTIPLE", 0)
    with pytest.raises(CorruptStoreError, match="much larger than its file"):
        relower(plan.physical, plan.store, VERSIONS)
