"""Estimators of opaque steps in files: written by skops or cloudpickle, and read only as far as the caller trusts them.

A plan file holds them as one array of bytes, under its digest. The entry ``estimators`` of the description has their
``form``, the ``object``, the ``types`` of all of them in order, whether the last one is the ``source`` of the plan, and
the ``bytes`` that they take in memory.
"""

from __future__ import annotations

import importlib
import pickle
import threading
import tracemalloc
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import CorruptStoreError, OptionError, SaveError, StoreError, UntrustedError
from pretzel.options import check_option
from pretzel.runtime.programs import method_plans
from pretzel.runtime.skops_archive import repeatable
from pretzel.runtime.skops_size import unpacked_size
from pretzel.steps.analyzer import Analyzer
from pretzel.steps.inverse import Inverse
from pretzel.steps.skrub import ColumnSteps
from pretzel.store.digest import digest_array, is_digest

if TYPE_CHECKING:
    from pretzel.plan import OpaqueStep, PhysicalPlan
    from pretzel.store.plan_file import PlanFile
    from pretzel.store.stored_plan import StoredPlan

FORMS = ("skops", "cloudpickle")
INSTALL = {"skops": "'pretzel-serving[skops]'", "cloudpickle": "cloudpickle"}


_measuring = threading.Lock()


OWN = frozenset(f"{each.__module__}.{each.__name__}" for each in (Analyzer, ColumnSteps, Inverse))
"""Types of Pretzel itself among the estimators of opaque steps."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Which Python objects of a file may be made.

    Parameters
    ----------
    types : frozenset of str
        Full names of types besides those that skops trusts, or ``"package.*"`` for all that a package defines.
    pickle : bool
        Whether pickles are read, which run any code.
    """

    types: frozenset[str] = frozenset()
    pickle: bool = False

    @classmethod
    def of(cls, trusted: Iterable[str | type], allow_pickle: bool) -> Trust:
        """The trust that a caller has given.

        Raises
        ------
        OptionError
        """
        check_option("allow_pickle", allow_pickle, bool)
        names = [_name_of(each) for each in trusted] if _is_list(trusted) else [""]
        if not all(type(name) is str and name for name in names):
            raise OptionError(f"trusted is a list of types or of their full names, got {trusted!r:.100}")
        return cls(frozenset(names), allow_pickle)

    def includes(self, name: str) -> bool:
        """Whether the caller trusts a type, or the package that defines it."""
        packages = (each[:-1] for each in self.types if each.endswith(".*"))
        return name in self.types or any(name.startswith(package) for package in packages)


NOBODY = Trust()


def check_form(opaque: object) -> None:
    """Raise `OptionError` unless estimators can be written like that; None: they are not."""
    if opaque is not None and opaque not in FORMS:
        raise OptionError(f"opaque is None, {' or '.join(map(repr, FORMS))}, got {opaque!r}")


class Unread:
    """Stands for an estimator where a description is read without its estimators."""

    def __init__(self, type_name: str) -> None:
        self.type_name = type_name


def write_estimators(estimators: list[Any], source: Any, form: str) -> tuple[dict[str, Any], dict[bytes, Any]]:
    """The entry of estimators in a description, and the array of their bytes, under its digest.

    Parameters
    ----------
    estimators : list
        Those of opaque steps.
    source : estimator or None
        That of the plan, if it travels, too.
    form : {"skops", "cloudpickle"}

    Raises
    ------
    SaveError
        The form cannot hold one of them, or its package is not installed.
    """
    written = estimators if source is None else [*estimators, source]
    try:
        package = importlib.import_module("skops.io" if form == "skops" else "cloudpickle")
        contents = package.dumps(written)
        size = len(contents) if form == "skops" else _unpickled_size(contents)
        if form == "skops":
            contents = repeatable(contents)
            # What it cannot restore, skops finds only then.
            size = max(size, unpacked_size(contents))
            package.loads(contents, trusted=package.get_untrusted_types(data=contents))
    except ImportError as error:
        raise SaveError(f"opaque={form!r} needs a package: pip install {INSTALL[form]}") from error
    except Exception as error:
        names = ", ".join(dict.fromkeys(type(each).__name__ for each in written))
        other = "; opaque='cloudpickle' writes whatever can be pickled" if form == "skops" else ""
        raise SaveError(f"{form} cannot write the estimators of a plan ({names}): {_reason(error)}{other}") from error
    array = np.frombuffer(contents, np.uint8)
    digest, types = digest_array(array), [_name_of(type(each)) for each in written]
    entry = {"form": form, "object": digest.hex(), "types": types, "source": source is not None, "bytes": size}
    return {"estimators": entry}, {digest: array}


def _unpickled_size(contents: bytes) -> int:
    """Bytes that a pickle takes while it is loaded, of which nearly all stay; rounded up by 3 % at most.

    What native code allocates is not traced, but the arrays that it is copied from are, which live until then.
    """
    with _measuring:
        pickle.loads(contents)  # caches of its packages are filled the first time
        is_traced = tracemalloc.is_tracing()
        if not is_traced:
            tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            pickle.loads(contents)
            size = max(tracemalloc.get_traced_memory()[1] - before, len(contents))
        finally:
            if not is_traced:
                tracemalloc.stop()
    step = max(4096, 1 << (size.bit_length() - 6))  # so that few bytes more or less make no other file
    return -(-size // step) * step


def read_estimators(file: PlanFile | StoredPlan, trust: Trust) -> tuple[list[Any], Any]:
    """The estimators of a file: those of its opaque steps, and the source of the plan or None.

    Raises
    ------
    UntrustedError
        The caller does not trust all of them.
    CorruptStoreError
        They are damaged.
    StoreError
        A package is missing that they need.
    """
    entry = estimators_entry(file)
    if entry is None:
        return [], None
    array = file.array(bytes.fromhex(entry["object"]))
    if digest_array(array).hex() != entry["object"]:  # packages and estimators do not check what they read
        raise CorruptStoreError(f"{file.where}: its estimators are damaged")
    contents = array.tobytes()
    try:
        if entry["form"] == "skops":
            unpacked_size(contents, entry["bytes"])
            estimators = _read_skops(file.where, contents, trust)
        elif trust.pickle:
            estimators = pickle.loads(contents)
        else:
            raise UntrustedError(
                f"{file.where} holds {len(entry['types'])} estimator(s) as a pickle, which runs any code when it is "
                "loaded: pass allow_pickle=True if you trust whoever made the file"
            )
    except StoreError:
        raise
    except ImportError as error:
        raise StoreError(f"{file.where}: its estimators need a package that is missing: {error}") from error
    except Exception as error:
        raise CorruptStoreError(f"{file.where}: its estimators cannot be read: {_reason(error)}") from error
    if type(estimators) is not list or [_name_of(type(each)) for each in estimators] != entry["types"]:
        raise CorruptStoreError(f"{file.where}: its estimators are not those that it names")
    return (estimators[:-1], estimators[-1]) if entry["source"] else (estimators, None)


def _read_skops(where: str, contents: bytes, trust: Trust) -> Any:
    try:
        skops = importlib.import_module("skops.io")
    except ImportError as error:
        raise StoreError(
            f"{where}: its opaque steps are read by skops: pip install 'pretzel-serving[skops]'"
        ) from error
    named = skops.get_untrusted_types(data=contents)
    unknown = sorted(name for name in {*named} - OWN if not trust.includes(name))
    if unknown:
        raise UntrustedError(
            f"{where} holds estimators with types that are not trusted: {', '.join(unknown)}. Loading them runs their "
            f"code: pass trusted={unknown!r} if you trust it",
            tuple(unknown),
        )
    return skops.loads(contents, trusted=[*named])


def estimators_entry(file: PlanFile | StoredPlan) -> dict[str, Any] | None:
    """The entry of estimators in the description of a file; None: there are none.

    Raises
    ------
    CorruptStoreError
    """
    entry = file.description.get("estimators")
    if entry is None:
        return None
    kinds = {"form": str, "object": str, "types": list, "source": bool, "bytes": int}
    if type(entry) is not dict or any(type(entry.get(key)) is not kind for key, kind in kinds.items()):
        raise CorruptStoreError(f"{file.where}: the plan does not say what its estimators are")
    is_known = entry["form"] in FORMS and is_digest(entry["object"])
    if not is_known or any(type(each) is not str for each in entry["types"]):
        raise CorruptStoreError(f"{file.where}: the plan has estimators in a form that is not known")
    return entry


def estimator_bytes(file: PlanFile | StoredPlan) -> int:
    """Bytes that the estimators of a file take in memory: nearly none less, and few more."""
    entry = estimators_entry(file)
    return 0 if entry is None else max(entry["bytes"], 0)


def unread_estimators(file: PlanFile | StoredPlan) -> list[Any]:
    """What stands for the estimators of a file where these are not read."""
    entry = estimators_entry(file)
    return [] if entry is None else [Unread(name) for name in entry["types"]]


def opaque_steps(physical: PhysicalPlan) -> list[OpaqueStep]:
    """All opaque steps of a plan, of all methods and forms of requests."""
    return [step for method in physical.methods.values() for each in method_plans(method) for step in each.opaque]


def check_steps(physical: PhysicalPlan) -> None:
    """Check that estimators have the methods that opaque steps call.

    Raises
    ------
    CorruptStoreError
    """
    for step in opaque_steps(physical):
        if not callable(getattr(step.estimator, step.method, None)):
            raise CorruptStoreError(f"a {type(step.estimator).__name__} has no method {step.method}")


def _is_list(trusted: object) -> bool:
    return isinstance(trusted, Iterable) and not isinstance(trusted, str | bytes)


def _name_of(each: Any) -> Any:
    return f"{each.__module__}.{each.__name__}" if isinstance(each, type) else each


def _reason(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
