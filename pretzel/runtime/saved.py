"""Plans in files: what of a plan is written, and how a file becomes a plan that answers."""

from __future__ import annotations

import os
import platform
import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from pretzel import _native
from pretzel.errors import CorruptStoreError, KernelError, StoreError
from pretzel.runtime.model import Plan
from pretzel.runtime.portable import is_portable, portable, without_times
from pretzel.runtime.programs import programs_of
from pretzel.runtime.source import SCORES, Source
from pretzel.runtime.stored_estimators import (
    NOBODY,
    Trust,
    check_form,
    check_steps,
    estimator_bytes,
    read_estimators,
    write_estimators,
)
from pretzel.store.digest import digest_array, digest_parts
from pretzel.store.object_store import default_store
from pretzel.store.plan_check import check_plan
from pretzel.store.plan_data import Links, from_data, most_columns, to_data
from pretzel.store.plan_file import PlanFile, open_plan_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pretzel.plan import PhysicalPlan
    from pretzel.store.object_store import Lease, ObjectStore
    from pretzel.store.stored_plan import StoredPlan

    Relowering = Callable[[PhysicalPlan, ObjectStore, Mapping[str, int]], tuple[PhysicalPlan, Lease]]

_relower: Relowering | None = None  # set by `pretzel.upgrade`, so that no runtime needs the oven


def set_relowering(relower: Relowering) -> None:
    """Set how a plan for kernels of another release, whose states have some versions, becomes one of this release."""
    global _relower
    _relower = relower


OBJECT_BYTES, TEXT_BYTES = 390, 115
"""Measured bytes of the objects of a plan: for a hundred bytes of its description, and more for each text in an
attribute: names of columns and labels."""


def describe(plan: Plan, estimators: list[Any] | None = None) -> tuple[dict[str, Any], dict[bytes, Any]]:
    """What is written of a plan: its description, and its arrays by digest.

    Parameters
    ----------
    plan : Plan
    estimators : list, optional
        Takes the estimators that opaque steps call. Without it, the plan is described without what only they answer.

    Raises
    ------
    SaveError
        Something of the plan cannot be written.
    """
    physical = without_times(portable(plan.physical) if estimators is None else plan.physical)
    arrays = {name: plan.store.get(name) for name in physical.objects}
    digests = {name: digest_array(array) for name, array in arrays.items()}
    contents = {digests[name]: array for name, array in arrays.items()}
    most = most_columns(array.nbytes for array in contents.values())
    description = {
        "made": made_by(),
        "name": plan.name,
        "source": None if plan.source is None else plan.source.described(),
        "kernels": {kernel: layouts()[kernel] for kernel in sorted(_kernels(physical))},
        "plan": to_data(physical, Links(lambda name: digests.get(name, name), estimators, most=most)),
    }
    return description, contents


def describe_with(plan: Plan, opaque: str | None) -> tuple[dict[str, Any], dict[bytes, Any]]:
    """What is written of a plan: its description, and its arrays by digest.

    Parameters
    ----------
    plan : Plan
    opaque : {"skops", "cloudpickle"}, optional
        What writes the estimators of the plan, if one of its methods has an opaque step or it keeps its source: those
        that any opaque step calls, and the source. Any other plan is described without what only they answer.

    Raises
    ------
    SaveError
        Something of the plan cannot be written.
    """
    check_form(opaque)
    source = None if plan.source is None else plan.source.kept()
    if opaque is None or (source is None and is_portable(plan.physical)):
        return describe(plan)
    estimators: list[Any] = []
    description, arrays = describe(plan, estimators)
    entry, more = write_estimators(estimators, source, opaque)
    return {**description, **entry}, {**arrays, **more}


def unpickled(contents: bytes, estimators: list[Any], source: Any) -> Plan:
    """The plan that `Plan.__reduce_ex__` has written; ``source`` is its estimator, or None."""
    plan = plan_of(PlanFile(contents, "a pickled plan"), default_store(), estimators=estimators)
    if source is not None:
        return Plan(plan.physical, plan.store, plan.lease, plan.name, Source(source, keep=True))
    return plan


def load(
    path: str | os.PathLike[str],
    *,
    name: str = "",
    store: ObjectStore | None = None,
    trusted: Iterable[str | type] = (),
    allow_pickle: bool = False,
) -> Plan:
    """Load a plan from a file that `Plan.save` has written.

    Nothing of the file is run, and scikit-learn is not needed, unless it was saved with its estimators. The arrays stay
    in the file, which is mapped: processes that load one file share its memory.

    Parameters
    ----------
    path : str or path
    name : str, optional
        Name of the model in messages; by default, the one it was saved under.
    store : ObjectStore, optional
        Holds the arrays; the store of this process by default.
    trusted : list of str or type
        Types whose objects may be made of a file that was saved with ``opaque="skops"``, besides those that skops
        trusts: most of scikit-learn, SciPy and NumPy. ``"package.*"`` stands for all that a package defines.
    allow_pickle : bool
        Whether a file may be loaded that was saved with ``opaque="cloudpickle"``. It may run any code.

    Returns
    -------
    Plan
        It has the methods and attributes that were compiled. What only an estimator answers, and that was not saved,
        raises an error.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    CorruptStoreError
        The file is damaged, or no plan file.
    UntrustedError
        It holds estimators that are not trusted; its ``types`` names them.
    StoreError
        It was written by a later release of Pretzel, or by one whose kernels are not known any more.

    Notes
    -----
    A plan that was written for kernels with other parameters or states is lowered again, with the same answers. That
    takes a part of the time of compiling, and the arrays are this process's own then; `Plan.save` writes them anew.
    """
    trust = Trust.of(trusted, allow_pickle)
    return plan_of(open_plan_file(path), default_store() if store is None else store, name, trust=trust)


def plan_of(
    file: PlanFile | StoredPlan,
    store: ObjectStore,
    name: str = "",
    *,
    salt: bytes = b"",
    trust: Trust = NOBODY,
    estimators: list[Any] | None = None,
) -> Plan:
    """The plan of an open file.

    Parameters
    ----------
    file : PlanFile or StoredPlan
    store : ObjectStore
    name : str, optional
    salt : bytes, optional
        Goes into the names of the objects, because large ones are not compared with their digests. Plans of one salt
        share the objects whose bytes are the same.
    trust : Trust
        Which estimators of the file may be made.
    estimators : list, optional
        In place of those of the file. The caller trusts where the whole file comes from.

    Raises
    ------
    CorruptStoreError, UntrustedError, StoreError
        As `load`.
    """
    description = file.description
    is_checked = estimators is None
    other = _other_layouts(file)
    salt = salt or os.urandom(16)
    digest_of: dict[bytes, bytes] = {}

    def renamed(digest: bytes) -> bytes:
        found = _shared_name(salt, digest, file)
        digest_of[found] = digest
        return found

    lease, source = store.lease(), None
    if estimators is None:
        estimators, source = read_estimators(file, trust)
    try:
        links = Links(renamed, estimators, store.shared, most_columns(file.sizes.values()))
        physical = from_data(description.get("plan"), links)
        if is_checked:
            check_plan(physical)
            check_steps(physical)
        for each in physical.objects:
            store.hold(each, partial(file.array, digest_of[each]), lease)
        lease.complete()
        if other:
            physical, lease = _lowered_again(file, physical, store, other)
        if is_checked or other:
            check_plan(physical)
            _check_calls(physical, store)
        kept = source_of(description.get("source")) if source is None else Source(source, keep=True)
        plan = Plan(physical, store, lease, name or name_in(description), kept)
        if is_checked:
            _check_names(plan)
        plan.overhead_bytes = overhead_bytes(file) + estimator_bytes(file)
        return plan
    except CorruptStoreError as error:
        raise CorruptStoreError(f"{file.where}: {error}") from error
    except (KernelError, KeyError, IndexError, TypeError, ValueError, AttributeError, AssertionError) as error:
        raise CorruptStoreError(f"{file.where}: the plan contradicts itself: {error}") from error


def name_in(description: Mapping[str, Any]) -> str:
    """The name that a model was saved under."""
    found = description.get("name")
    if type(found) is not str:
        raise CorruptStoreError("the plan has no name")
    return found


def overhead_bytes(file: PlanFile | StoredPlan) -> int:
    """What `Plan.overhead_bytes` is without estimators: pages of files beside the arrays, and the plan's objects."""
    plan = file.description.get("plan")
    attributes = plan.get("attributes") if isinstance(plan, dict) else None
    return file.padding + OBJECT_BYTES * file.description_bytes // 100 + TEXT_BYTES * _count_texts(attributes)


def _count_texts(data: Any) -> int:
    """Texts in lists, however deep in what JSON holds."""
    texts, pending = 0, [data] if isinstance(data, dict | list) else []
    while pending:
        each = pending.pop()
        members = each.values() if isinstance(each, dict) else each
        texts += sum(type(member) is str for member in members) if isinstance(each, list) else 0
        pending += [member for member in members if isinstance(member, dict | list)]
    return texts


def bytes_to_load(file: StoredPlan, store: ObjectStore, salt: bytes) -> int:
    """Bytes that `plan_of` will add to a store: arrays that are not there yet, estimators, and the plan itself."""
    sizes = file.sizes.items()
    arrays = sum(nbytes for digest, nbytes in sizes if _shared_name(salt, digest, file) not in store)
    return arrays + overhead_bytes(file) + estimator_bytes(file)


def _shared_name(salt: bytes, digest: bytes, file: PlanFile | StoredPlan) -> bytes:
    """How the object store of this process names an object of a file: plans of one salt share what has one name."""
    return digest_parts(salt, digest, file.location_of(digest))


def made_by() -> dict[str, str]:
    """What wrote a file: releases and machine."""
    sklearn = sys.modules.get("sklearn")
    return {
        "pretzel": sys.modules["pretzel"].__version__,
        "sklearn": getattr(sklearn, "__version__", ""),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


@cache
def _signatures() -> dict[str, Any]:
    return _native.signatures()


@cache
def layouts() -> dict[str, str]:
    """What each kernel reads: the version of its state, and its parameters."""
    found = {}
    for kernel, signature in _signatures().items():
        params = [f"{each['name']}:{each['dtype']}" for each in signature["params"]]
        found[kernel] = f"{signature['state_version']}({','.join(params)})"
    return found


def _kernels(physical: PhysicalPlan) -> set[str]:
    return {call.kernel for program in programs_of(physical) for call in program.calls}


def _check_calls(physical: PhysicalPlan, store: ObjectStore) -> None:
    """Check parameters and states, which kernels trust from now on; each call once, however many methods make it."""
    checked = set()
    signatures = _signatures()
    for program in programs_of(physical):
        values = [(value.kind.value, value.width) for value in program.values]
        for call, step in zip(program.calls, program.steps, strict=True):
            inputs = tuple(values[value] for value in step.inputs)
            output = values[step.output] if step.output >= 0 else None
            if (call, inputs, output) in checked:
                continue
            checked.add((call, inputs, output))
            names = [each["name"] for each in signatures[call.kernel]["params"]]
            arrays = [None if param is None else store.get(param) for param in call.params]
            params = dict(zip(names, arrays, strict=True))
            state = None if call.state is None else store.get(call.state)
            wrong = _native.check_state(call.kernel, params, state, inputs, output)
            if wrong:
                raise CorruptStoreError(wrong)


def _check_names(plan: Plan) -> None:
    """Check that methods and attributes are not called like something that every plan has."""
    methods, attributes = plan.physical.methods, plan.physical.attributes
    for name in (*methods, *attributes):
        is_taken = name.endswith("_one") or hasattr(Plan, name) or name in vars(plan)
        if is_taken or not name.isidentifier() or name.startswith("_"):
            raise CorruptStoreError(f"a plan has no place for a method or attribute {name!r:.100}")
    both = methods.keys() & attributes.keys()
    if both:
        raise CorruptStoreError(f"{min(both)!r:.100} is a method and an attribute")


def _other_layouts(file: PlanFile | StoredPlan) -> dict[str, str]:
    """Layouts of the kernels of a file, if one of them is none of this release; else nothing."""
    kernels = file.description.get("kernels")
    if type(kernels) is not dict or not all(type(layout) is str for layout in kernels.values()):
        raise CorruptStoreError(f"{file.where}: the plan names no kernels")
    known = layouts()
    return {} if all(known.get(kernel) == layout for kernel, layout in kernels.items()) else kernels


def _lowered_again(
    file: PlanFile | StoredPlan, physical: PhysicalPlan, store: ObjectStore, layouts: Mapping[str, str]
) -> tuple[PhysicalPlan, Lease]:
    """The plan for the kernels of this release, and what holds its arrays."""
    versions = {kernel: int(layout.partition("(")[0]) for kernel, layout in layouts.items()}
    try:
        if _relower is None:
            raise StoreError("open it with pretzel.load")
        return _relower(physical, store, versions)
    except CorruptStoreError:
        raise
    except StoreError as error:
        made = f"{file.description.get('made')!r:.200}"
        raise StoreError(
            f"{file.where} was made for the kernels of another release of Pretzel ({made}), and cannot be lowered "
            f"again: {error}; compile the estimator again"
        ) from error


def source_of(data: Any) -> Source | None:
    """What a plan was compiled from, by its description."""
    if data is None:
        return None
    known = type(data) is dict and type(data.get("type")) is str and type(data.get("kind")) in (str, type(None))
    if not known or data.get("score") not in (None, *SCORES):
        raise CorruptStoreError("the plan does not say what it was compiled from")
    return Source.saved(data["type"], data["kind"], data.get("score"))
