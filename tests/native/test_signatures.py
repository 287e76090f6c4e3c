"""Kernels take what their signatures say: names, dtypes, shapes, numbers of enumerations and indices in range."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, OrdinalEncoder, PolynomialFeatures

import pretzel
from pretzel._native import NativeProgram, bind, enumerations, isa, kernels, set_isa, signatures, state_key
from pretzel.errors import KernelError
from pretzel.oven.ir import _cells, _text, calendar, date_texts, encode, idf, normalize, pairwise, unary_function
from pretzel.oven.ir._cells import pack
from pretzel.store.object_store import ObjectStore
from tests import cases

ROOT = Path(__file__).resolve().parents[2]
SCALARS = {"float64": 1.0, "uint8": 1, "int32": 1}


def choices(kernel: str, param: str) -> tuple[str, ...]:
    """Names of the numbers that a parameter may hold."""
    (found,) = [p["choices"] for p in signatures()[kernel]["params"] if p["name"] == param]
    return tuple(found)


def array(dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.zeros(shape, dtype=dtype) if shape else np.array(SCALARS[dtype], dtype=dtype)


def example(kernel: str, **sizes: int) -> dict[str, np.ndarray]:
    """Parameters of a kernel that fit its signature: zeros, and every symbol 3 unless it is given."""

    def extent(text: str) -> int:
        symbol, _, plus = text.partition("+")
        return int(text) if text.isdigit() else sizes.get(symbol, 3) + int(plus or 0)

    return {p["name"]: array(p["dtype"], tuple(map(extent, p["shape"]))) for p in signatures()[kernel]["params"]}


def rejected(kernel: str, params: dict[str, Any]) -> str:
    with pytest.raises(KernelError) as caught:
        bind(kernel, params)
    return str(caught.value)


# ---- what the table says ---------------------------------------------------------------------------------------------


def test_a_signature_is_plain_data() -> None:
    assert signatures()["linear"] == {
        "params": [
            {
                "name": "weights",
                "dtype": "float64",
                "shape": ["width", "n_out"],
                "bind_only": False,
                "may_be_empty": False,
                "choices": [],
                "into": None,
            },
            {
                "name": "bias",
                "dtype": "float64",
                "shape": ["n_out"],
                "bind_only": False,
                "may_be_empty": False,
                "choices": [],
                "into": None,
            },
        ],
        "in": {"kinds": ["dense", "sparse"], "width": "width"},
        "out": {"kinds": ["dense"], "width": "n_out"},
        "state_version": 1,
        "has_state": False,
        "state_per_isa": False,
        "leaves_rows": False,
    }
    assert list(signatures()) == kernels()
    assert [p["shape"] for p in signatures()["bins"]["params"]] == [["n_edges"], ["width+1"]]
    assert [p["into"] for p in signatures()["bins"]["params"]] == [None, "n_edges"]
    assert signatures()["check_finite"]["out"] is None


def test_only_kernels_with_a_state_drop_parameters() -> None:
    for name, signature in signatures().items():
        if any(p["bind_only"] for p in signature["params"]):
            assert signature["has_state"], name


def test_a_kernel_has_one_meaning_for_each_name() -> None:
    for name, signature in signatures().items():
        names = [p["name"] for p in signature["params"]]
        assert len(set(names)) == len(names), name


# ---- enumerations ----------------------------------------------------------------------------------------------------


def test_python_and_the_kernels_number_alike() -> None:
    assert choices("unary_function", "function") == unary_function.FUNCTIONS
    assert choices("calendar", "features") == calendar.FEATURES
    assert choices("date_texts", "parts") == date_texts.PARTS
    assert choices("date_texts", "library") == date_texts.LIBRARIES
    assert choices("date_texts", "unit") == tuple(map(str.lower, date_texts.UNIT_NAMES))
    assert choices("pairwise", "function") == pairwise.FUNCTIONS
    assert choices("unit_norm", "norm") == normalize.NORMS
    assert choices("tfidf", "norm") == choices("tfidf_linear", "norm") == tuple(str(n).lower() for n in idf.NORMS)
    assert choices("ngrams", "analyzer") == choices("hashing", "analyzer") == _text.ANALYZERS
    assert {name: 1 << bit for bit, name in enumerate(enumerations()["Reject"])} == {
        "unknown": encode.REJECT_UNKNOWN,
        "nan": encode.REJECT_NAN,
        "na": encode.REJECT_NA,
        "none": encode.REJECT_NONE,
        "object": encode.REJECT_OBJECT,
        "numbers_to_nan": encode.NUMBERS_TO_NAN,
    }


def test_packed_cells_are_numbered_alike() -> None:
    kinds = enumerations()["PackedKind"]
    assert [kinds[k] for k in pack([None, float("nan"), 1.0, "a", "é", "€", "😀"]).kinds] == kinds
    assert {kinds[kind] for kind in _cells._CODECS} == set(enumerations()["Encoding"]) - {"utf8"}


def test_levels_of_instructions_are_those_that_are_built() -> None:
    setup = (ROOT / "setup.py").read_text()
    for level in ("x86-64-v3", "x86-64-v4"):
        assert f"-march={level}" in setup


# ---- every node passes what its kernel takes -------------------------------------------------------------------------


class Recorder(ObjectStore):
    """A store that notes what is bound."""

    def __init__(self, seen: dict[str, dict[str, np.ndarray]]) -> None:
        super().__init__()
        self.seen = seen

    def bind(self, kernel: str, params: Any, lease: Any) -> Any:
        self.seen[kernel] = dict(params)
        return super().bind(kernel, params, lease)


def more_pipelines() -> list[tuple[Any, Any]]:
    """Fitted pipelines with the kernels that no single estimator has."""
    rng = np.random.default_rng(0)
    numbers, letters = rng.normal(size=(60, 3)), rng.choice(list("abc"), size=(60, 2)).astype(object)
    y = (numbers[:, 0] > 0).astype(int)
    texts = [" ".join(rng.choice(["red", "tea", "sun"], size=4)) for _ in range(60)]
    both = make_column_transformer((OneHotEncoder(), [0, 1]), (SimpleImputer(strategy="most_frequent"), [0]))
    return [
        make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(letters, y),
        make_pipeline(PolynomialFeatures(), LogisticRegression()).fit(numbers, y),
        make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, y),
        both.fit(letters),
    ]


def test_every_node_passes_what_its_kernel_takes() -> None:
    """By compiling every estimator that there is; `bind` would reject other names, dtypes or shapes."""
    seen: dict[str, dict[str, np.ndarray]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(len(cases.CASES)):
            pretzel.compile(cases.fitted(i), store=Recorder(seen))
        for pipeline in more_pipelines():
            pretzel.compile(pipeline, store=Recorder(seen))
    for kernel, params in seen.items():
        declared = signatures()[kernel]["params"]
        assert {p["name"]: p["dtype"] for p in declared} == {name: a.dtype.name for name, a in params.items()}
        assert [len(p["shape"]) for p in declared] == [a.ndim for a in params.values()]
    assert set(seen) >= {name for name, signature in signatures().items() if signature["has_state"]}


# ---- what bind rejects -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kernel", [name for name, signature in signatures().items() if signature["params"]])
def test_names_dtypes_and_ranks_are_checked(kernel: str) -> None:
    params = example(kernel)
    first = next(iter(params))
    assert "has the parameters" in rejected(kernel, dict(reversed(params.items())) if len(params) > 1 else {})
    assert "has the parameters" in rejected(kernel, {**params, "more": params[first]})
    for name, good in params.items():
        other = good.astype(np.float64 if good.dtype == np.float32 else np.float32)
        assert f"parameter '{name}' is {other.dtype}" in rejected(kernel, {**params, name: other})
        wrong = good[None] if good.ndim < 2 else good[0]
        assert f"parameter '{name}'" in rejected(kernel, {**params, name: np.ascontiguousarray(wrong)})


def test_a_symbol_has_one_value() -> None:
    params = {"weights": np.zeros((4, 2)), "bias": np.zeros(3)}
    assert rejected("linear", params) == (
        "kernel 'linear': parameter 'bias' is float64[3], expected float64[n_out = 2]"
    )
    edges = {"edges": np.zeros(3), "starts": np.zeros(0, dtype=np.int32)}
    assert "'starts' is int32[0], expected int32[width+1]" in rejected("bins", edges)


def test_numbers_of_enumerations_are_checked() -> None:
    assert "'function' holds 25, expected a number below 25" in rejected(
        "unary_function", {"function": np.array(25, dtype=np.uint8)}
    )
    kinds = {**example("category_codes"), "kinds": np.full(3, 7, dtype=np.uint8)}
    assert "'kinds' holds 7" in rejected("category_codes", kinds)
    assert "'reject' has bits" in rejected("category_codes", {**CODES, "reject": np.full(1, 64, dtype=np.uint8)})


def starts(*numbers: int) -> np.ndarray:
    return np.array(numbers, dtype=np.int32)


CODES = {**example("category_codes", width=1), "starts": starts(0, 3)}
TREES = {
    **example("tree_ensemble", n_nodes=1, n_trees=1, n_leaves=2, n_values=1, n_out=1, n_sets=0, n_words=8),
    "children": np.array([[-1, -2]], dtype=np.int32),
    "category_set": starts(-1),
}
TEXT = {
    **example(
        "ngrams",
        n_pages=4352,
        n_flags=256,
        n_terms=1,
        term_bytes=1,
        n_stop_words=0,
        stop_bytes=0,
        n_rows=0,
        n_entries=0,
    ),
    "term_offsets": starts(0, 1),
}
HASHING = example("hashing", n_pages=4352, n_flags=256, n_stop_words=0, stop_bytes=0, n_rows=0, n_entries=0)
MATCHED = {
    **TEXT,
    "class_flags": np.full(256, 5, dtype=np.uint8),
    "pattern": np.array([[2, 513, 513, 0, 0, 0]], dtype=np.uint16),
}

BAD_INDICES = [
    ("bins", {**example("bins", width=2, n_edges=3), "starts": starts(0, 2, 4)}, "'starts'"),
    ("bins", {**example("bins", width=2, n_edges=3), "starts": starts(0, -1, 3)}, "'starts'"),
    ("bins", {**example("bins", width=2, n_edges=3), "starts": starts(1, 2, 3)}, "'starts'"),
    ("category_codes", {**CODES, "starts": starts(0, 4)}, "'starts'"),
    ("category_codes", {**CODES, "kinds": np.full(3, 3, np.uint8), "sizes": np.full(3, 2**62)}, "outside 'text'"),
    ("category_codes", {**CODES, "kinds": np.full(3, 3, np.uint8), "offsets": np.full(3, -1)}, "outside 'text'"),
    ("category_codes", {**CODES, "kinds": np.full(3, 6, np.uint8), "sizes": np.full(3, 1)}, "outside 'text'"),
    ("one_hot", {"offsets": starts(0, 3, 2)}, "'offsets'"),
    ("one_hot", {"offsets": starts(0, 3, -2)}, "'offsets'"),
    ("embedding_sum", {**example("embedding_sum", total=3, width=2), "offsets": starts(0, 2, 4)}, "'offsets'"),
    ("sub_div", {"mean": np.empty(0), "scale": np.empty(0)}, "neither"),
    ("tfidf", {**example("tfidf"), "idf_codes": np.array([0, 3, 1], dtype=np.uint16)}, "'idf_codes' holds 3"),
    ("majority", {"classes": np.array(0, dtype=np.int32), "weights": np.ones(2)}, "'classes'"),
    ("ngrams", {**TEXT, "term_offsets": starts(0, 2)}, "'term_offsets'"),
    ("ngrams", {**TEXT, "stop_offsets": starts(1)}, "'stop_offsets'"),
    ("ngrams", {**TEXT, "class_pages": np.ones(4352, dtype=np.uint16)}, "'class_pages'"),
    ("ngrams", {**TEXT, "class_pages": np.zeros(17, dtype=np.uint16)}, "Unicode"),
    ("ngrams", {**TEXT, "min_n": np.array(0, dtype=np.int32)}, "'min_n'"),
    ("ngrams", {**MATCHED, "class_flags": np.full(256, 3, dtype=np.uint8)}, "'pattern'"),
    ("ngrams", {**MATCHED, "class_flags": np.full(256, 6, dtype=np.uint8)}, "'pattern'"),
    ("ngrams", {**MATCHED, "pattern": MATCHED["pattern"] + np.uint16(3)}, "'pattern'"),
    ("ngrams", {**MATCHED, "pattern": np.array([[2, 5, 0, 0, 0, 0]], dtype=np.uint16)}, "'pattern'"),
    ("hashing", {**HASHING, "n_columns": np.array(0, dtype=np.int32)}, "'n_columns'"),
    ("hashing", {**HASHING, "max_n": np.array(0, dtype=np.int32)}, "'max_n'"),
    ("tree_ensemble", {**TREES, "feature": starts(-1)}, "'feature'"),
    ("tree_ensemble", {**TREES, "category_set": starts(0)}, "'category_set'"),
    ("tree_ensemble", {**TREES, "children": np.array([[1, -1]], dtype=np.int32)}, "'children'"),
    ("tree_ensemble", {**TREES, "children": np.array([[-3, -1]], dtype=np.int32)}, "'children'"),
    ("tree_ensemble", {**TREES, "children": np.array([[0, -1]], dtype=np.int32)}, "reach"),
    ("tree_ensemble", {**TREES, "roots": starts(1)}, "'roots'"),
    ("tree_ensemble", {**TREES, "columns": starts(1)}, "'columns'"),
    ("tree_ensemble", {**TREES, "threshold": np.array([np.nan])}, "'threshold'"),
]


def test_the_examples_are_good_but_for_what_is_changed() -> None:
    for kernel, params in (
        ("category_codes", CODES),
        ("tree_ensemble", TREES),
        ("ngrams", TEXT),
        ("hashing", HASHING),
        ("ngrams", MATCHED),
    ):
        assert bind(kernel, params)[0] is not None


@pytest.mark.parametrize(("kernel", "params", "message"), BAD_INDICES)
def test_indices_are_checked_when_they_are_bound(kernel: str, params: dict[str, Any], message: str) -> None:
    assert message in rejected(kernel, params)


# ---- what loading rejects --------------------------------------------------------------------------------------------


def program_of(estimator: Any, method: str = "predict") -> NativeProgram:
    program: NativeProgram = getattr(pretzel.compile(estimator, store=ObjectStore(), strict=True), method).program
    return program


def reload(program: NativeProgram, kernel: str, param: str, change: Any) -> NativeProgram:
    """The program once more, with one parameter changed."""
    position = [p["name"] for p in signatures()[kernel]["params"]].index(param)
    (call,) = [call for call in program.plan.calls if call.kernel == kernel]
    arrays = dict(program.arrays)
    arrays[call.params[position]] = change(arrays[call.params[position]].copy())
    return NativeProgram(program.plan, arrays)


ROWS = np.random.default_rng(0).normal(size=(60, 3))
LETTERS = np.random.default_rng(0).choice(list("abc"), size=(60, 2)).astype(object)
WORDS = ["red tea", "sun", "tea tea sun", "blue"] * 15
Y = np.arange(60) % 2

BAD_LOADS = [
    (
        make_pipeline(PolynomialFeatures(), Ridge()),
        ROWS,
        "polynomial",
        "runs",
        lambda a: a + np.int32([99, 0, 0]),
        "reads",
    ),
    (
        make_pipeline(PolynomialFeatures(), Ridge()),
        ROWS,
        "polynomial",
        "runs",
        lambda a: a + np.int32([0, 3, 0]),
        "multiplies",
    ),
    (make_pipeline(PolynomialFeatures(), Ridge()), ROWS, "polynomial", "full_width", lambda a: np.array(a + 1), "fill"),
    (Ridge(), ROWS, "checked_linear", "weights", lambda a: a[:2], "width 3, expected width = 2"),
    (make_pipeline(OneHotEncoder(), Ridge()), LETTERS, "embedding_sum", "offsets", lambda a: a[:2], "width"),
    (make_pipeline(CountVectorizer(), Ridge()), WORDS, "linear", "weights", lambda a: a[:-1], "width"),
]


@pytest.mark.parametrize(("estimator", "X", "kernel", "param", "change", "message"), BAD_LOADS)
def test_what_does_not_fit_its_values_is_not_loaded(
    estimator: Any, X: Any, kernel: str, param: str, change: Any, message: str
) -> None:
    program = program_of(estimator.fit(X, Y))
    assert reload(program, kernel, param, lambda a: a).plan is program.plan
    with pytest.raises(KernelError, match=f"kernel '{kernel}': .*{message}"):
        reload(program, kernel, param, change)


def test_columns_that_the_input_has_not_are_not_loaded() -> None:
    gaps = np.where(ROWS > 1.0, np.nan, ROWS)
    program = program_of(MissingIndicator().fit(gaps), "transform")
    with pytest.raises(KernelError, match=r"'columns' holds .*, no index below width = 3"):
        reload(program, "missing_mask", "columns", lambda a: a + np.int32(7))


def test_a_state_that_reads_other_columns_is_not_loaded() -> None:
    """The state of a model with more columns, in the program of one with fewer."""
    for kernel, estimator, X in (
        ("tree_ensemble", RandomForestRegressor(4, random_state=0), ROWS),
        ("category_codes", OrdinalEncoder(), LETTERS),
    ):
        method = "transform" if kernel == "category_codes" else "predict"
        wide, narrow = (program_of(clone(estimator).fit(X[:, :n], Y), method) for n in (X.shape[1], 1))
        ours, theirs = (next(c for c in p.plan.calls if c.kernel == kernel).state for p in (narrow, wide))
        with pytest.raises(KernelError, match=f"kernel '{kernel}': "):
            NativeProgram(narrow.plan, {**narrow.arrays, ours: wide.arrays[theirs]})


# ---- what running rejects --------------------------------------------------------------------------------------------


def test_codes_that_no_table_has_stop_a_request() -> None:
    """Codes come from the parameters of another kernel, so their range is checked when they are used."""
    model = make_pipeline(OrdinalEncoder(), KBinsDiscretizer(3, encode="onehot-dense", strategy="uniform"))
    plan = pretzel.compile(model.fit(LETTERS), store=ObjectStore(), strict=True)
    assert plan.transform(LETTERS).shape == (60, 6)
    encoder = make_pipeline(OneHotEncoder(), Ridge()).fit(LETTERS, Y)
    program = program_of(encoder)
    bad = reload(program, "embedding_sum", "offsets", lambda a: np.array([0, 1, 6], dtype=np.int32))
    with pytest.raises(KernelError, match="does not know"):
        bad.trace([[LETTERS[:, 0], LETTERS[:, 1]]], len(LETTERS))


# ---- states and instruction sets -------------------------------------------------------------------------------------


def test_the_key_of_a_state_names_what_its_bytes_depend_on() -> None:
    assert state_key("linear") == "linear/1"
    assert state_key("tree_ensemble") == f"tree_ensemble/2/{isa()}"
    with pytest.raises(KernelError, match="no kernel"):
        state_key("nonsense")


def test_an_ensemble_bound_at_one_level_is_not_taken_at_another() -> None:
    """Both ways the answers have the same bits; the state of each level is bound for it."""
    forest = RandomForestRegressor(12, max_leaf_nodes=8, random_state=0).fit(ROWS, Y)
    active, levels = isa(), ["baseline", isa(), "baseline"]
    answers, keys = [], []
    store = ObjectStore()
    try:
        for level in levels:
            set_isa(level)
            plan = pretzel.compile(forest, store=store, strict=True)
            keys.append(set(store._bound))
            answers.append((plan.predict(ROWS), np.array([plan.predict_one(row) for row in ROWS])))
            last = plan
    finally:
        set_isa(active)
    for whole, rows in answers:
        assert np.array_equal(whole, answers[0][0])
        assert np.array_equal(rows, answers[0][0])
    if active != "baseline":
        assert keys[0] != keys[1]
    del last
