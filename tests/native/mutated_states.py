r"""Programs whose states and parameters were changed at random: rejected by `check_state`, or run without harm.

``python -m tests.native.mutated_states --count 100000`` runs as many, and stops at the first fault. Under the
sanitizers, with a build that was made with ``PRETZEL_SANITIZE=address,undefined``::

    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1 \
    LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)" \
    python -m tests.native.mutated_states --count 100000

With ``--verbose`` the last line before a crash names the number that ``--first`` repeats.
"""

from __future__ import annotations

import argparse
import collections
import copy
import faulthandler
import itertools
import warnings
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.cluster import Birch, KMeans
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.feature_extraction import DictVectorizer, FeatureHasher
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.kernel_approximation import PolynomialCountSketch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, LocalOutlierFactor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MultiLabelBinarizer,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pretzel
from pretzel._native import NativeProgram, _core, arena_bytes, bind, check_state, signatures
from pretzel.buffers import plan_buffers
from pretzel.errors import PretzelError
from pretzel.runtime.input.table_reader import read
from pretzel.store.digest import frozen
from pretzel.store.object_store import ObjectStore
from tests.native.vector_states import VectorTrees

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pretzel.buffers import BufferPlan
    from pretzel.program import Program

Arrays = dict[bytes, np.ndarray]

HEAD = 640
"""Bytes at the begin of a state that are changed as often as all others together."""

MOST_MEMORY = 64 << 20
"""Bytes that no request of these cases may take."""

SECONDS = 60.0
"""That no case takes."""

NUMBERS = itertools.count()

EXTREMES = [0, 1, 2, 7, 8, 15, 16, 63, 64, 65, 127, 128, 255, 256, 2**15, 2**16 - 1, 2**16, 2**31 - 1, 2**31, 2**32 - 8]
EXTREMES += [2**32 - 2, 2**32 - 1, 2**32, 2**40, 2**61, 2**62, 2**63 - 1, 2**63, 2**64 - 64, 2**64 - 1]


@dataclass(frozen=True)
class Case:
    """A program with requests to it: for each the columns of the leaves, and the number of rows."""

    name: str
    program: Program
    arrays: Arrays
    requests: tuple[tuple[list[Any], int], ...]


class Recorder(ObjectStore):
    """A store that notes what is bound."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, np.ndarray]]] = []

    def bind(self, kernel: str, params: Any, lease: Any) -> Any:
        """Bind, and note it."""
        self.seen.append((kernel, dict(params)))
        return super().bind(kernel, params, lease)


# ---- models ----------------------------------------------------------------------------------------------------------


def words(rng: np.random.Generator, n: int) -> list[str]:
    """Texts of ASCII, and some of wider characters."""
    known = [
        "red",
        "tea",
        "sun",
        "a",
        "blue",
        "internationalisation",
        "naïve",
        "straße",
        "茶道",
        "日本語",
        "😀😀",
        "x1",
    ]
    spaces = np.array([" ", "  ", "-", ", ", "\t"])
    texts = [
        "".join(word + space for word, space in zip(rng.choice(known, 9), rng.choice(spaces, 9), strict=True))
        for _ in range(n)
    ]
    return ["", "zebra", *texts[2:]]


def letters(rng: np.random.Generator, n: int) -> Any:
    """Columns of categories: texts of all widths, and numbers with missing values."""
    columns = [
        rng.choice(["a", "b", "a long name of a category", "another long name of a category"], n),
        rng.choice(["é", "茶", "茶道の長い名前", "😀", "😀 and some more"], n),
        rng.choice(np.array([1, 2.5, np.nan, None], dtype=object), n),
    ]
    return np.stack([column.astype(object) for column in columns], axis=1)


def models() -> Iterator[tuple[str, Any, Any, Any, str]]:
    """Name, estimator, rows, target and method."""
    rng = np.random.default_rng(0)
    n = 400
    numbers, wide, texts, cells = rng.normal(size=(n, 5)), rng.normal(size=(n, 90)), words(rng, n), letters(rng, n)
    real, labels = numbers[:, 0] + rng.normal(size=n), np.arange(n) % 3
    gaps = np.where(numbers > 1.2, np.nan, numbers)
    holes = np.where(rng.random((n, 2)) < 0.1, np.nan, cells[:, :2])
    whole = np.abs(np.round(3 * numbers))
    few = {"n_estimators": 40, "max_depth": None, "random_state": 0}
    forest = {"random_state": 0, "n_jobs": 1}
    members = [
        ("a", LogisticRegression()),
        ("b", LogisticRegression(C=0.01)),
        ("c", DecisionTreeClassifier(max_depth=3, random_state=0)),
    ]
    yield "weighted squares", GaussianNB(), numbers, labels, "predict_joint_log_proba"
    yield "distances", KMeans(5, n_init=1, random_state=0), numbers, None, "transform"
    yield "nearest centre", Birch(threshold=0.1, n_clusters=None), numbers, None, "predict"
    yield "kernels", SVC(), numbers, labels, "predict"
    near = KNeighborsClassifier(weights="distance")
    yield "neighbors of boxes", near, numbers, labels, "predict"
    yield "neighbors of balls", clone(near).set_params(algorithm="ball_tree", p=1), numbers, labels, "predict_proba"
    yield "sorted neighbors", NearestNeighbors(), whole, real, "kneighbors"
    yield "neighbors", KNeighborsRegressor(algorithm="brute", metric="manhattan"), numbers, real, "predict"
    yield "decided neighbors", KNeighborsRegressor(algorithm="brute"), numbers, real, "predict"
    scaled = NearestNeighbors(metric="mahalanobis", metric_params={"V": np.cov(numbers.T)})
    yield "neighbors by covariance", scaled, numbers, None, "kneighbors"
    yield "sketches", PolynomialCountSketch(n_components=7, degree=3, random_state=0), numbers, None, "transform"
    yield "nearest donors", KNNImputer(weights="distance"), gaps, None, "transform"
    yield "outliers", LocalOutlierFactor(novelty=True), numbers, None, "score_samples"
    yield "codes", OrdinalEncoder(), cells[:, :2], None, "transform"
    yield (
        "codes of unknown",
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        cells,
        None,
        "transform",
    )
    yield "one hot", make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge()), cells, real, "predict"
    yield (
        "imputed cells",
        make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder()),
        holes,
        None,
        "transform",
    )
    yield "words", CountVectorizer(ngram_range=(1, 3), stop_words=["tea", "naïve"]), texts, None, "transform"
    yield "matched words", CountVectorizer(token_pattern=r"[^,]+", stop_words=["tea"]), texts, None, "transform"
    yield "hashed matches", HashingVectorizer(n_features=64, token_pattern=r"[a-z]+|\d"), texts, None, "transform"
    yield "word pairs", CountVectorizer(ngram_range=(2, 2)), texts, None, "transform"
    yield "characters", CountVectorizer(analyzer="char", ngram_range=(1, 4)), texts, None, "transform"
    yield "bounded", CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)), texts, None, "transform"
    items = [{word: float(i), "text": word} for i, text in enumerate(texts) for word in text.split()[:1] or [""]]
    yield "features", DictVectorizer(), items, None, "transform"
    yield "dense features", DictVectorizer(sparse=False), items, None, "transform"
    yield "label sets", MultiLabelBinarizer(), [text.split() for text in texts], None, "transform"
    yield "hashed features", FeatureHasher(64), items, None, "transform"
    yield "hashed words", HashingVectorizer(n_features=64, stop_words=["tea", "naïve"]), texts, None, "transform"
    yield "hashed", HashingVectorizer(n_features=64, analyzer="char_wb", ngram_range=(3, 4)), texts, None, "transform"
    yield "tfidf", TfidfVectorizer(sublinear_tf=True), texts, None, "transform"
    yield "tfidf of float32", TfidfVectorizer(dtype=np.float32), texts, None, "transform"
    yield "tfidf linear", make_pipeline(TfidfVectorizer(), LogisticRegression()), texts, labels == 1, "predict_proba"
    yield "tfidf classes", make_pipeline(TfidfVectorizer(norm="l1"), LogisticRegression()), texts, labels, "predict"
    many = [f"{text} {' '.join(f'w{i}x{k}' for k in range(9))}" for i, text in enumerate(texts)]
    yield "encoded weights", make_pipeline(TfidfVectorizer(), LogisticRegression()), many, labels == 1, "predict"
    yield "encoded rows", make_pipeline(TfidfVectorizer(), LogisticRegression()), many, labels, "predict"
    yield "encoded idf", TfidfVectorizer(), many, None, "transform"
    yield "deep trees", RandomForestRegressor(20, **forest), numbers, real, "predict"
    yield "one tree of float32", DecisionTreeRegressor(max_depth=6, random_state=0), gaps, real, "predict"
    yield "one tree", HistGradientBoostingRegressor(max_iter=1, random_state=0), gaps, real, "predict"
    if find_spec("xgboost") is not None:
        from xgboost import XGBRegressor

        yield "float32 sums", XGBRegressor(n_estimators=9, max_depth=3, n_jobs=1), gaps, real, "predict"
    if find_spec("skrub") is not None:
        from skrub import TableVectorizer

        dates = pd.DataFrame({"when": pd.date_range("1960-01-01", periods=n, freq="1237h")})
        yield "dates", make_pipeline(TableVectorizer(), Ridge()), dates, real, "predict"
        texts = dates.assign(when=dates["when"].dt.strftime("%d/%m/%Y %H:%M"))
        yield "dates that are texts", make_pipeline(TableVectorizer(), Ridge()), texts, real, "predict"
    yield "sparse columns", RandomForestRegressor(9, max_depth=4, **forest), wide, real, "predict"
    yield "trees of 8", RandomForestClassifier(21, max_leaf_nodes=8, **forest), numbers, labels, "predict_proba"
    yield "trees of 16", RandomForestClassifier(21, max_leaf_nodes=16, **forest), numbers, labels, "predict"
    yield "trees of 32", GradientBoostingRegressor(max_leaf_nodes=31, **few), numbers, real, "predict"
    yield "histograms", HistGradientBoostingRegressor(max_iter=20, random_state=0), gaps, real, "predict"
    yield (
        "bitsets",
        HistGradientBoostingClassifier(max_iter=9, categorical_features=[1, 3], random_state=0),
        whole,
        labels,
        "predict",
    )
    yield (
        "deep tables of trees of 32",
        GradientBoostingRegressor(max_leaf_nodes=31, **few),
        numbers[:, :2],
        real,
        "predict",
    )
    line = np.arange(150000.0)
    yield "wide nodes", DecisionTreeRegressor(random_state=0), line[:, None], line, "predict"
    yield "polynomial", make_pipeline(PolynomialFeatures(3, interaction_only=True), Ridge()), numbers, real, "predict"
    yield "bins", make_pipeline(KBinsDiscretizer(4, encode="onehot-dense"), Ridge()), numbers, real, "predict"
    yield "quantiles", QuantileTransformer(n_quantiles=20, output_distribution="normal"), numbers, None, "transform"
    yield "vote", VotingClassifier(members), numbers, labels, "predict"
    yield "mean", VotingClassifier(members, voting="soft"), numbers, labels, "predict"
    yield (
        "selected",
        make_pipeline(SimpleImputer(add_indicator=True), Normalizer(), SelectKBest(k=3)),
        gaps,
        labels,
        "transform",
    )
    yield (
        "mixed",
        make_column_transformer((StandardScaler(), [0, 1]), (KBinsDiscretizer(3), [2, 3])),
        numbers,
        None,
        "transform",
    )


def fit(model: Any, X: Any, y: Any) -> Any:
    """The model, fitted; those of labels take nothing else."""
    return model.fit(X) if y is None else model.fit(X, y)


def case_of(name: str, estimator: Any, X: Any, y: Any, method: str) -> Iterator[Case]:
    """Fit and compile; the requests are single rows, half a tile and more than one."""
    store = Recorder()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = fit(estimator, X, y)
        plan = pretzel.compile(fitted, store=store, strict=True, disable_rules=("impute_into_codes",))
    native = getattr(plan, method)
    requests = []
    for chosen in (slice(0, 1), slice(2, 3), slice(0, 9), slice(0, 37)):
        rows, columns, _ = read(native.spec, native.program.leaves, X[chosen])
        requests.append((columns, rows))
    case = Case(name, native.program.plan, dict(native.program.arrays), tuple(requests))
    yield case
    if "trees of" in name:
        (digest,) = states_of(case)
        trees = [params for kernel, params in store.seen if kernel == "tree_ensemble"]
        params = next(p for p in trees if np.array_equal(bind("tree_ensemble", p)[0], case.arrays[digest]))
        state = frozen(VectorTrees(params, int(name.rpartition(" ")[2])).state())
        yield Case(f"{name}, vectors", case.program, {**case.arrays, digest: state}, case.requests)


@cache
def cases() -> tuple[Case, ...]:
    """Between them they have every kernel with a state, in every layout of it."""
    return tuple(case for model in models() for case in case_of(*model))


# ---- what is changed -------------------------------------------------------------------------------------------------


def place(rng: np.random.Generator, size: int, unit: int) -> int:
    """Where a word of ``unit`` bytes begins; the begin of the data is more likely."""
    end = max(size - unit + 1, 1)
    at = int(rng.integers(min(end, HEAD) if rng.random() < 0.5 else end))
    return at - at % unit if rng.random() < 0.9 else at


def put(data: np.ndarray, at: int, number: int, unit: int) -> None:
    word = np.frombuffer((number % 2**64).to_bytes(8, "little")[:unit], dtype=np.uint8)
    data[at : at + unit] = word[: max(data.size - at, 0)]


def flip_bits(rng: np.random.Generator, data: np.ndarray) -> np.ndarray:
    for _ in range(int(rng.integers(1, 9))):
        data[place(rng, data.size, 1)] ^= np.uint8(1 << int(rng.integers(8)))
    return data


def write_extreme(rng: np.random.Generator, data: np.ndarray) -> np.ndarray:
    unit = int(rng.choice([1, 2, 4, 4, 8, 8]))
    put(data, place(rng, data.size, unit), int(EXTREMES[int(rng.integers(len(EXTREMES)))]), unit)
    return data


def add_little(rng: np.random.Generator, data: np.ndarray) -> np.ndarray:
    unit = int(rng.choice([2, 4, 8]))
    at = place(rng, data.size, unit)
    number = int.from_bytes(data[at : at + unit].tobytes(), "little")
    put(data, at, number + int(rng.integers(-70, 70)), unit)
    return data


def swap_words(rng: np.random.Generator, data: np.ndarray) -> np.ndarray:
    unit = int(rng.choice([4, 8, 32]))
    a, b = place(rng, data.size, unit), place(rng, data.size, unit)
    if max(a, b) + unit <= data.size:
        data[a : a + unit], data[b : b + unit] = data[b : b + unit].copy(), data[a : a + unit].copy()
    return data


def fill_range(rng: np.random.Generator, data: np.ndarray) -> np.ndarray:
    at = place(rng, data.size, 4)
    data[at : at + int(rng.integers(1, 257))] = rng.choice([0, 255, 32, 1, int(rng.integers(256))])
    return data


def scatter(rng: np.random.Generator, data: np.ndarray) -> np.ndarray:
    at = place(rng, data.size, 4)
    part = data[at : at + int(rng.integers(1, 65))]
    part[...] = rng.integers(256, size=part.size)
    return data


def truncate(rng: np.random.Generator, data: np.ndarray) -> np.ndarray:
    end = int(rng.integers(data.size + 1))
    return data[: end - end % int(rng.choice([1, 4, 8, 64]))]


def extend(rng: np.random.Generator, data: np.ndarray) -> np.ndarray:
    more = rng.integers(256, size=int(rng.choice([1, 4, 8, 63, 64, 1024])), dtype=np.uint8)
    return np.concatenate([data, more if rng.random() < 0.5 else 0 * more])


MUTATIONS: tuple[Callable[[np.random.Generator, np.ndarray], np.ndarray], ...] = (
    flip_bits, write_extreme, write_extreme, add_little, add_little, swap_words, fill_range, scatter, truncate, extend,
)  # fmt: skip
SAME_SIZE = tuple(each for each in MUTATIONS if each not in (truncate, extend))


def mutated(rng: np.random.Generator, state: np.ndarray) -> np.ndarray:
    data = state.copy()
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        if data.size:
            data = MUTATIONS[int(rng.integers(len(MUTATIONS)))](rng, data)
    return data


def mutated_param(rng: np.random.Generator, param: np.ndarray) -> np.ndarray:
    """Other bytes, or fewer or more elements along the first axis, or another shape or dtype."""
    kind = rng.random()
    if kind < 0.8 and param.size:
        data = np.ascontiguousarray(param).reshape(-1).view(np.uint8).copy()
        return SAME_SIZE[int(rng.integers(len(SAME_SIZE)))](rng, data).view(param.dtype).reshape(param.shape)
    if kind < 0.9 and param.ndim:
        end = int(rng.integers(len(param) + 3))
        return np.concatenate([param, param[: end - len(param)]]) if end > len(param) else param[:end]
    if kind < 0.95:
        with np.errstate(invalid="ignore"):
            return param.astype(rng.choice(["u1", "i4", "i8", "f4", "f8"]))
    others = [param.reshape(-1), param[None], param.T]
    return others[int(rng.integers(len(others)))]


def exact(data: np.ndarray) -> np.ndarray:
    """The same at a multiple of 64 bytes, with nothing behind it that a sanitizer would let pass."""
    flat = np.ascontiguousarray(data).reshape(-1).view(np.uint8) if data.size else np.empty(0, np.uint8)
    for _ in range(16):
        for before in range(0, 64, 16):
            memory = np.empty(flat.size + before, dtype=np.uint8)
            if (memory.ctypes.data + before) % 64 == 0:
                memory[before:] = flat
                return memory[before:].view(data.dtype).reshape(data.shape)
    memory = np.empty(flat.size + 64, dtype=np.uint8)
    start = -memory.ctypes.data % 64
    memory[start : start + flat.size] = flat
    return memory[start : start + flat.size].view(data.dtype).reshape(data.shape)


# ---- what happens ----------------------------------------------------------------------------------------------------


def fault_of_call(program: Program, number: int, arrays: Mapping[bytes, np.ndarray]) -> str:
    """What `check_state` says of one call."""
    call, step = program.calls[number], program.steps[number]
    names = [param["name"] for param in signatures()[call.kernel]["params"]]
    params = {name: None if digest is None else arrays[digest] for name, digest in zip(names, call.params, strict=True)}
    state = None if call.state is None else arrays[call.state]
    types = [(value.kind.value, value.width) for value in program.values]
    output = types[step.output] if step.output >= 0 else None
    return check_state(call.kernel, params, state, [types[i] for i in step.inputs], output)


def fault_of(program: Program, arrays: Mapping[bytes, np.ndarray]) -> str:
    """The first fault of its calls."""
    for number in range(len(program.calls)):
        if fault := fault_of_call(program, number, arrays):
            return fault
    return ""


def outcome(case: Case, arrays: Arrays) -> str:
    """ "rejected", "stops" or "answers"."""
    try:
        if fault_of(case.program, arrays):
            return "rejected"
    except PretzelError:
        return "rejected"
    return answer(case, NativeProgram(case.program, arrays))


def answer(case: Case, native: NativeProgram) -> str:
    """ "stops" or "answers"."""
    found = "answers"
    for columns, rows in case.requests:
        try:
            native.trace(columns, rows)
        except PretzelError:
            found = "stops"
        assert arena_bytes() < MOST_MEMORY, "a request takes too much memory"
    return found


def states_of(case: Case) -> list[bytes]:
    """Digests of its states."""
    return list(dict.fromkeys(call.state for call in case.program.calls if call.state is not None))


def params_of(case: Case) -> list[bytes]:
    """Digests of what is read at run time."""
    return list(dict.fromkeys(d for call in case.program.calls for d in call.params if d is not None))


def run(number: int, seed: int = 0) -> tuple[Case, str]:
    """The outcome of one changed state or parameter."""
    case = cases()[number % len(cases())]
    rng = np.random.default_rng([seed, number])
    states, params = states_of(case), params_of(case)
    arrays = dict(case.arrays)
    if states and (not params or rng.random() < 0.85):
        digest = states[int(rng.integers(len(states)))]
        arrays[digest] = exact(mutated(rng, arrays[digest]))
    else:
        digest = params[int(rng.integers(len(params)))]
        arrays[digest] = exact(mutated_param(rng, arrays[digest]))
    faulthandler.dump_traceback_later(SECONDS, exit=True)
    try:
        return case, outcome(case, arrays)
    finally:
        faulthandler.cancel_dump_traceback_later()


def with_leaves_of_its_own(program: Program) -> Program:
    """The same program with a shape that no other program shares."""
    leaves = tuple(replace(leaf, decode_error=f"number {next(NUMBERS)}") for leaf in program.leaves)
    return replace(program, shape=replace(program.shape, leaves=leaves))


def mutated_buffers(rng: np.random.Generator, buffers: BufferPlan) -> BufferPlan:
    """The same with a number changed, or a step left out or repeated."""
    changed = copy.deepcopy(buffers)
    number = int(rng.choice([-2, -1, 0, 1, 2, 3, 5, 8, 100, 2**27, 2**30, 2**31 - 1, int(rng.integers(12))]))
    slot, step = int(rng.integers(len(changed.slots))), int(rng.integers(max(len(changed.steps), 1)))
    kind = int(rng.integers(7))
    if kind == 0 and changed.steps:
        inputs = changed.steps[step].inputs
        changed.steps[step] = replace(changed.steps[step], inputs=(number, *inputs[int(rng.integers(2)) :]))
    elif kind == 1 and changed.steps:
        changed.steps[step] = replace(changed.steps[step], output=number)
    elif kind == 2 and changed.steps:
        if rng.random() < 0.5:
            del changed.steps[step]
        else:
            changed.steps.insert(step, changed.steps[int(rng.integers(len(changed.steps)))])
        changed.stage_ends[:] = [len(changed.steps)]
    elif kind == 3:
        changed.stage_ends[int(rng.integers(len(changed.stage_ends))) :] = [number, len(changed.steps)]
    elif kind == 4 and changed.buffers:
        changed.buffers[int(rng.integers(len(changed.buffers)))] = number
    elif kind == 5:
        other = changed.slots[int(rng.integers(len(changed.slots)))]
        changed.slots[slot] = replace(changed.slots[slot], kind=other.kind)
    else:
        field = str(rng.choice(["width", "buffer", "offset"]))
        fields: dict[str, Any] = {field: number}
        changed.slots[slot] = replace(changed.slots[slot], **fields)
    return changed


def run_program(number: int, seed: int = 0) -> tuple[Case, str]:
    """The outcome of one changed program, whose states and parameters are good."""
    case = cases()[number % len(cases())]
    rng = np.random.default_rng([seed, number])
    program = with_leaves_of_its_own(case.program)
    buffers = mutated_buffers(rng, plan_buffers(program))
    before = _core.plan_buffers
    _core.plan_buffers = lambda _: buffers
    try:
        native = NativeProgram(program, case.arrays)
    except (PretzelError, OverflowError):
        return case, "rejected"
    finally:
        _core.plan_buffers = before
    return case, answer(case, native)


def run_extremes(case: Case, words: int = HEAD // 4) -> collections.Counter[str]:
    """Outcomes of every extreme number in place of each of the first words of each state."""
    found: collections.Counter[str] = collections.Counter()
    for digest in states_of(case):
        good = case.arrays[digest]
        for unit in (4, 8):
            for at in range(0, min(good.size - unit, 4 * words), unit):
                for number in EXTREMES:
                    data = exact(good)
                    put(data, at, number, unit)
                    found[outcome(case, {**case.arrays, digest: data})] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.native.mutated_states", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--count", type=int, default=100000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--extremes", action="store_true", help="extreme numbers in the first words of all states, too")
    parser.add_argument("--programs", action="store_true", help="change programs instead of states and parameters")
    parser.add_argument("--verbose", action="store_true", help="print each number before it is run")
    options = parser.parse_args()
    counts: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
    for case in cases() if options.extremes else ():
        print("extremes", case.name, flush=True)
        counts[case.name].update(run_extremes(case))
    for number in range(options.first, options.first + options.count):
        if options.verbose:
            print(number, cases()[number % len(cases())].name, flush=True)
        case, found = (run_program if options.programs else run)(number, options.seed)
        counts[case.name][found] += 1
    for name, found_of in counts.items():
        print(f"{name:20s}", *(f"{count:8d} {what}" for what, count in sorted(found_of.items())))
    total = sum(counts.values(), collections.Counter())
    print(f"{'all':20s}", *(f"{count:8d} {what}" for what, count in sorted(total.items())))


if __name__ == "__main__":
    main()
