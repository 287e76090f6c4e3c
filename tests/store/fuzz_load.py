r"""Plan files and stores that were changed at random: rejected with an error of Pretzel, or loaded and asked.

``python -m tests.store.fuzz_load --runs 100000 --seed 1`` runs as many and stops at the first finding; the last line
of ``--verbose`` before a crash names the number that ``--first`` repeats. `tests.store.test_fuzz_load` runs
a fixed number.
Under the sanitizers, with a build that was made with ``PRETZEL_SANITIZE=address,undefined``::

    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1 \
    LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)" \
    python -m tests.store.fuzz_load --runs 100000

States and parameters alone are changed by `tests.native.mutated_states`, whose mutations are those of arrays here.
"""

from __future__ import annotations

import argparse
import base64
import collections
import copy
import faulthandler
import io
import json
import shutil
import signal
import struct
import tempfile
import warnings
import zipfile
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import PretzelError, StoreError
from pretzel.runtime import saved
from pretzel.runtime.stored_estimators import opaque_steps
from pretzel.schema import INVERSE
from pretzel.store.object_store import ObjectStore
from pretzel.store.plan_file import DESCRIPTION, OBJECTS
from tests.native.mutated_states import SAME_SIZE, mutated

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS = 60
STORES = 0.05
"""Part of the runs that change a file of a store, which cost twenty times as much."""
EXPENSIVE = ("wide", "opaque", "opaque end")
"""Models with many columns, or with estimators that are read, which cost several times as much as others."""
NUMBERS = (-1, 0, 1, 2, 3, 7, 64, 255, 2**16, 2**31 - 1, 2**31, 2**32, 2**53, 2**62, 2**63, 2**64, -(2**63), 2**70)
OTHERS = (None, True, 0, 1, -1, 0.5, "", "x", "object", "float32", "<f8", "é", "\0", "predict", [], {}, [0], [[0]])


@dataclass(frozen=True, eq=False)
class Case:
    """A model as a plan file and in a store, and requests of it."""

    name: str
    file: bytes
    store: dict[str, bytes]
    request: Any
    transformed: Any
    """What ``inverse_transform`` is asked; None of a model without it."""
    plan: Any


def models() -> Iterator[tuple[str, Any, Any, Any]]:
    """Every kind of input, result and state."""
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(120, 4))
    labels = np.where(numbers[:, 0] > 0.3, "b", np.where(numbers[:, 1] > 0, "a", "c"))
    cells = np.array([["x", "yy", "z"][i % 3] for i in range(240)], dtype=object).reshape(120, 2)
    words = [" ".join(rng.choice(["the cat", "hund", "été", "naïve", "x1"], 5)) for _ in range(120)]
    yield "linear", make_pipeline(StandardScaler(), LogisticRegression()), numbers, labels
    yield "forest", RandomForestClassifier(4, max_depth=4, random_state=0), numbers, labels
    yield "boosting", HistGradientBoostingClassifier(max_iter=3), numbers, labels
    yield "outputs", DecisionTreeClassifier(max_depth=3), numbers, np.c_[labels, np.roll(labels, 1)]
    yield "text", make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()), words, labels
    yield "categories", make_pipeline(OneHotEncoder(handle_unknown="ignore"), Ridge()), cells, numbers[:, 0]
    yield "bins", KBinsDiscretizer(3, encode="onehot-dense"), numbers, None
    yield "wide", Ridge(), np.tile(numbers, 800), numbers[:, 0]
    steps = (StandardScaler(), [0, 1]), (Nystroem("cosine", n_components=2), [1, 2, 3])
    yield "opaque", make_pipeline(make_column_transformer(*steps), StandardScaler(), Ridge()), numbers, numbers[:, 0]
    yield "opaque end", make_pipeline(StandardScaler(), SVC(kernel=rbf_kernel)), numbers, labels


@cache
def cases() -> tuple[Case, ...]:
    """All models, compiled and written."""
    found = []
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, model, X, y in models():
            plan = pretzel.compile(model.fit(X, y), store=ObjectStore())
            plan.save(Path(folder, name), opaque="skops")
            root = Path(folder, f"{name} store")
            pretzel.PlanStore(root).publish("m", plan, opaque="skops")
            files = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
            transformed = plan.transform(X[:5]) if INVERSE in plan.methods else None
            found.append(Case(name, Path(folder, name).read_bytes(), files, X[:5], transformed, plan))
    return tuple(found)


# ---- what is changed -------------------------------------------------------------------------------------------------


def unpacked(contents: bytes) -> tuple[Any, bytes]:
    """Description and objects of a plan file."""
    with zipfile.ZipFile(io.BytesIO(contents)) as archive:
        return json.loads(archive.read(DESCRIPTION)), archive.read(OBJECTS)


def packed(description: Any, objects: bytes) -> bytes:
    """A plan file of these."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr(DESCRIPTION, json.dumps(description), zipfile.ZIP_DEFLATED)
        member = zipfile.ZipInfo(OBJECTS)
        padding = -(sink.tell() + 30 + len(OBJECTS) + 4) % 64
        member.extra = struct.pack("<2H", 0xD935, padding) + bytes(padding)
        archive.writestr(member, objects)
    return sink.getvalue()


def places(data: Any) -> tuple[list[Any], Any]:
    """Every list and object within that has members, and how many members there are up to each."""
    found, remaining = [], [data]
    while remaining:
        each = remaining.pop()
        if type(each) in (dict, list) and each:
            found.append(each)
            inside = each.values() if type(each) is dict else each
            remaining += [value for value in inside if type(value) in (dict, list)]
    return found, np.cumsum([len(each) for each in found])


def place(rng: np.random.Generator, holders: list[Any], counts: Any) -> tuple[Any, Any]:
    """A container and the key of one of its members, each member as likely as another."""
    at = int(rng.integers(counts[-1]))
    which = int(np.searchsorted(counts, at, side="right"))
    holder, at = holders[which], at - int(counts[which] - len(holders[which]))
    return holder, at if type(holder) is list else [*holder][at]


def changed_json(rng: np.random.Generator, data: Any) -> Any:
    """``data`` itself, with values swapped, left out, repeated or replaced."""
    for _ in range(int(rng.choice([1, 1, 1, 2, 4]))):
        holders, counts = places(data)
        if not holders:
            return data
        holder, key = place(rng, holders, counts)
        other, other_key = place(rng, holders, counts)
        value, kind = holder[key], rng.random()
        if kind < 0.1:
            del holder[key]
        elif kind < 0.2 and isinstance(holder, list):
            holder.insert(int(key), copy.deepcopy(value))
        elif kind < 0.3 and isinstance(holder, dict):
            holder[str(rng.choice(["save", "_input", "predict", "x", other_key]))] = holder.pop(key)
        elif kind < 0.5:
            holder[key] = copy.deepcopy(other[other_key])
        elif kind < 0.8 and type(value) is int:
            holder[key] = int(rng.choice([value - 1, value + 1, 2 * value])) if rng.random() < 0.5 else number(rng)
        elif kind < 0.8 and type(value) is str and value:
            at = int(rng.integers(len(value)))
            holder[key] = value[:at] + str(rng.choice(["", "0", "f", "é", value])) + value[at + 1 :]
        elif kind < 0.8 and isinstance(value, list):
            holder[key] = value[::-1] if rng.random() < 0.5 else value[: len(value) // 2]
        else:
            holder[key] = copy.deepcopy(OTHERS[int(rng.integers(len(OTHERS)))])
    return data


def number(rng: np.random.Generator) -> int:
    return NUMBERS[int(rng.integers(len(NUMBERS)))]


def changed_bytes(rng: np.random.Generator, contents: bytes, *, same_size: bool = False) -> bytes:
    """Bits flipped, words changed, a part left out or put in."""
    data = np.frombuffer(contents, dtype=np.uint8).copy()
    if not data.size:
        return contents
    if same_size:
        return SAME_SIZE[int(rng.integers(len(SAME_SIZE)))](rng, data).tobytes()
    return mutated(rng, data).tobytes()


def changed_array(rng: np.random.Generator, description: Any, objects: bytes) -> bytes:
    """Objects of which one array has other, often extreme, values."""
    index = [each for each in description["objects"].values() if np.prod(each[2])]
    if not index:
        return objects
    offset, dtype, shape = index[int(rng.integers(len(index)))]
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    part = objects[offset : offset + size]
    values = np.frombuffer(part, dtype=dtype).copy()
    if values.dtype.kind == "f" and rng.random() < 0.5:
        values[int(rng.integers(values.size))] = rng.choice(
            [np.nan, np.inf, -np.inf, 1e300, -1e300, 5e-324, 0.0, 2**53]
        )
        part = values.tobytes()
    else:
        part = changed_bytes(rng, part, same_size=True)
    return objects[:offset] + part + objects[offset + size :]


def changed_file(rng: np.random.Generator, contents: bytes) -> bytes:
    """A plan file with another description, other arrays or other bytes."""
    kind = rng.random()
    if kind < 0.2:
        return changed_bytes(rng, contents)
    description, objects = unpacked(contents)
    if kind < 0.35:
        graph = description["plan"]["graph"]
        nodes = json.loads(zlib.decompress(base64.b64decode(graph["structure"])))
        changed = zlib.compress(json.dumps(changed_json(rng, nodes)).encode())
        graph["structure"] = base64.b64encode(changed).decode()
        return packed(description, objects)
    if kind < 0.7:
        return packed(changed_json(rng, description), objects)
    return packed(description, changed_array(rng, description, objects))


# ---- what happens ----------------------------------------------------------------------------------------------------


def answers(plan: pretzel.Plan, case: Case) -> str:
    """ "answers", or "stops" where a method says that it does not; estimators say it in words of their own."""
    found = "answers"
    has_opaque = any(opaque_steps(plan.physical))
    expected = Exception if has_opaque else PretzelError
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for method in plan.methods:
            request = case.request if method != INVERSE or case.transformed is None else case.transformed
            row = tuple(request[0]) if isinstance(request, np.ndarray) else request[0]
            for name, asked in ((method, request), (f"{method}_one", row)):
                try:
                    getattr(plan, name)(asked)
                except expected:
                    found = "stops"
        try:
            plan.explain()
        except PretzelError:
            found = "stops"
    return found


def outcome_of_file(rng: np.random.Generator, case: Case, folder: Path) -> str:
    """What a changed plan file does, as it is or as one of kernels with other layouts."""
    path = folder / "plan"
    path.unlink(missing_ok=True)
    path.write_bytes(changed_file(rng, case.file))
    known = saved.layouts()
    again = rng.random() < 0.4
    layouts = dict.fromkeys(known, "another") if again else known
    ask, saved.layouts = saved.layouts, lambda: layouts  # a mock would take a tenth of the run
    try:
        plan = pretzel.load(path, store=ObjectStore())
    except StoreError:
        return "rejected" if not again else "rejected while lowered again"
    finally:
        saved.layouts = ask
    return answers(plan, case) + " lowered again" * again


def outcome_of_store(rng: np.random.Generator, case: Case, folder: Path) -> str:
    """What a store with a changed file does: it is checked, loaded from, and published to."""
    names = [name for name in case.store if not name.startswith("lock")]
    chosen = names[int(rng.integers(len(names)))]
    root = folder / "store"
    shutil.rmtree(root, ignore_errors=True)
    for name, contents in case.store.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == chosen and name.endswith(".json") and rng.random() < 0.7:
            contents = json.dumps(changed_json(rng, json.loads(contents))).encode()
        elif name == chosen:
            contents = changed_file(rng, contents) if name.endswith(".pretzel") else changed_bytes(rng, contents)
        path.write_bytes(contents)
    for room in ("names", "plans", "objects", "aside"):
        (root / room).mkdir(exist_ok=True)
    found = "rejected"
    try:
        store = pretzel.PlanStore(root, create=False, store=ObjectStore())
        store.fsck()
    except StoreError:
        return found
    try:
        found = answers(store.load("m"), case)
    except PretzelError:
        found = "rejected"
    try:
        store.publish("again", case.plan, opaque="skops")
        assert answers(store.load("again"), case) == "answers", "a plan that was just published does not answer"
        store.gc()
    except StoreError:
        pass  # a damaged name
    return found


def run(number_of_run: int, seed: int, folder: Path) -> tuple[str, str]:
    """Name and outcome of one changed file."""
    rng = np.random.default_rng([seed, number_of_run])
    case = case_of(number_of_run)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)  # then tracebacks are dumped, and the process ends
    try:
        of_store = rng.random() < STORES
        return case.name, (outcome_of_store if of_store else outcome_of_file)(rng, case, folder)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def case_of(number_of_run: int) -> Case:
    """Models in turn; `EXPENSIVE` ones, which stand last, are taken in one of four turns."""
    turn, place = divmod(number_of_run, len(cases()))
    cheap = len(cases()) - len(EXPENSIVE)
    return cases()[turn % cheap if turn % 4 > 0 and place >= cheap else place]


def run_many(runs: int, seed: int, first: int = 0, *, verbose: bool = False) -> collections.Counter[str]:
    """Outcomes of as many."""
    counts: collections.Counter[str] = collections.Counter()
    faulthandler.register(signal.SIGALRM, chain=True)
    with tempfile.TemporaryDirectory() as folder:
        for each in range(first, first + runs):
            if verbose:
                print(each, case_of(each).name, flush=True)
            try:
                counts[run(each, seed, Path(folder))[1]] += 1
            except Exception as error:
                raise AssertionError(f"number {each} of seed {seed}: {type(error).__name__}: {error}") from error
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.store.fuzz_load", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--runs", type=int, default=100000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--verbose", action="store_true", help="print each number before it is run")
    options = parser.parse_args()
    for what, count in run_many(options.runs, options.seed, options.first, verbose=options.verbose).most_common():
        print(f"{count:8d}  {what}")


if __name__ == "__main__":
    main()
