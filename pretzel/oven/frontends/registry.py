"""Which adapter turns which estimator into nodes, keyed by dotted name so that no library is imported for it.

Look-up is by *exact* type: a subclass may override anything, so it is opaque unless it is registered itself. The first
part of the name of an estimator's module chooses the frontend, a module or package beside this file, which is imported
when the first estimator of its library arrives.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

if TYPE_CHECKING:
    from pretzel.input_spec import Coding
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node, Output

LIBRARIES = (
    "catboost", "category_encoders", "feature_engine", "hiclass", "imblearn", "lightgbm", "sklearn",
    "sklearn_pandas", "skrub", "xgboost",
)  # fmt: skip
FRONTENDS = {library: f"pretzel.oven.frontends.{library}" for library in LIBRARIES}
"""Frontend of each library, by the first part of its modules' names."""

TRANSFORM = "transform of the composition"
"""What a child reads whose input is the value of ``transform`` of the composition itself."""

DEFAULT = "sklearn"
"""The library whose conventions objects of all other modules are taken to follow."""

BATCH_DEPENDENT = frozenset(
    {"sklearn.decomposition.MiniBatchNMF", "sklearn.decomposition.NMF", "sklearn.impute.KNNImputer"}
)
"""Estimators whose answer to a row depends on the other rows of a request. Their native forms answer each row as the
source answers it alone, so that it is compared with that."""

Adapter = Callable[[Any, "Node", "Importer"], "Node | Methods"]
"""``adapter(estimator, x, importer)`` returns the node of ``transform``, or the outputs of several methods.

It raises `Unsupported` when the estimator uses a parameter that has no native form, and `BrokenAttribute` when a fitted
attribute contradicts itself."""

AdapterT = TypeVar("AdapterT", bound=Adapter)

Inverse = Callable[[Any, "Node", "Importer"], "Node | Output"]
"""``inverse(estimator, x, importer)`` returns what ``inverse_transform`` makes of ``x``. It raises like an adapter."""

InverseT = TypeVar("InverseT", bound=Inverse)


class Unsupported(Exception):
    """This configuration of an estimator has no native form; the step becomes opaque, with this reason."""


class LastBits(Unsupported):
    """The source computes a step, because steps behind it depend on the last bits of its result."""

    def __init__(self) -> None:
        super().__init__("steps behind it depend on its last bits")


class BrokenAttribute(Exception):
    """A fitted attribute contradicts itself; the importer makes a `CompileError` of it, which names the step."""


class Frontend(Protocol):
    """The functions of a frontend besides its adapters."""

    def check_readable(self, estimator: Any) -> None:
        """Raise `CompileError` unless ``estimator`` can answer requests."""

    def output_container(self, estimator: Any) -> str:
        """Type of the result of ``transform``: ``"default"`` for arrays, else the name of a frame library."""


TRAITS = {
    "absent_is_missing": False,  # what sparse rows do not hold is missing, and not zero
    "as_booster": False,  # category dtypes of pandas are codes; names are not asked for where none were given
    "by_position": False,  # columns of frames are taken in their order, whatever their names
    "asks_for_floats": False,  # the input is converted to a float type
    "checks_input": True,  # a table must have the columns of the fit
    "checks_inverse": True,  # ``inverse_transform`` makes an array of its input, and rejects one without rows
    "checks_sparse": True,  # sparse rows are checked as dense ones are
    "checks_table": False,  # a composition checks its input before its parts see it
    "counts_rows": False,  # the input is anything that has a length, which alone counts
    "fails_at_frames": False,  # where the configuration asks for frames, a step fails because it makes sparse rows
    "densifies_inverse": False,  # ``inverse_transform`` makes the same of sparse rows as of dense ones
    "finds_columns": False,  # a table may have further columns, or its columns in another order
    "follows_configuration": False,  # the configuration of its library may ask for frames
    "keeps_container": False,  # ``transform`` takes any columns; its result has the type and the columns of its input
    "keeps_columns": False,  # ``transform`` makes one column of each, also where it names none
    "keeps_format": False,  # sparse rows leave ``transform`` in the format in which they came, else as CSR
    "makes_float64": False,  # ``transform`` of float32 is float64, of an estimator without native form
    "makes_sparse": False,  # ``transform`` makes sparse rows, also of an estimator without native form
    "names_missing_values": True,  # a parameter ``missing_values`` is what stands for them
    "needs_names": False,  # a table must have names of columns
    "records_names": True,  # what was fitted on a table with names of columns tells them
    "needs_rows": True,  # a request without rows is rejected
    "passes_texts_on": False,  # ``transform`` selects columns of any values, or passes all of them on
    "reads_forms": False,  # its adapter itself chooses how columns of any values are read
    "rounds_arrays": False,  # numbers in arrays other than float32 and float64 are rounded to float32
    "reads_columns": False,  # each column of a frame is read for itself
    "rejects_other_columns": False,  # a table whose columns are found has no further ones
    "passes_request_on": False,  # what it is given stands beside the answers of its members, as it came
    "rejects_sparse_nan": True,  # NaN in sparse rows is rejected, where it is not treated as in dense ones
    "sparse_apart": False,  # sparse rows are computed with in another way
    "takes_documents": False,  # the input is documents, and nothing else
    "takes_long_indices": True,  # sparse rows may have indices of 64 bits
    "takes_sparse": True,  # the input may be sparse rows
    "takes_sparse_frames": True,  # a frame of sparse columns is sparse rows
    "takes_sparse_nan": True,  # NaN in sparse rows is treated as in dense ones
    "takes_tables": True,  # the input is a table; else a sequence of documents, dicts, lists of tokens or labels
    "takes_text_arrays": True,  # numbers may be arrays of NumPy's own texts or bytes
    "takes_text_lists": True,  # numbers may be texts or bytes in lists
    "takes_vectors": False,  # the input is one column, or a vector
}
"""What is asked of the input and the result of an estimator, with the answer of frontends that do not say."""


@dataclass(frozen=True, slots=True)
class Child:
    """One part of a composition: its input, and the method that is called.

    Parameters
    ----------
    name : str
        Its name in the paths of messages.
    estimator : fitted estimator or None
        None passes its input on.
    method : str or None
        None: the method that the composition is asked for. Its result is the composition's result.
    reads : str or None
        Name of the child whose result is its input. None: the input of the composition. `TRANSFORM`: what the
        composition makes of it.
    columns : tuple of int or None
        The columns that it receives. None: the whole input, in the form in which it came.
    scalar : bool
        It receives a single column, as a vector.
    named : bool
        Its columns were selected by name.
    width : int or None
        Columns of its result, where the composition knows them.
    reader : fitted estimator or None
        The only estimator that reads its result, in the form in which it comes.
    augments : bool
        Whoever reads its result is given its input, too, in front of the result.
    """

    name: str
    estimator: Any
    method: str | None = None
    reads: str | None = None
    columns: tuple[int, ...] | None = None
    scalar: bool = False
    named: bool = False
    width: int | None = None
    reader: Any = None
    augments: bool = False


Description = Callable[[Any], "tuple[Child, ...]"]
"""``description(estimator)`` returns the children of a fitted composition in the order in which they are called."""

DescriptionT = TypeVar("DescriptionT", bound=Description)

_adapters: dict[str, Adapter] = {}
_inverses: dict[str, Inverse] = {}
_descriptions: dict[str, Description] = {}


def adapter(*names: str) -> Callable[[AdapterT], AdapterT]:
    """Register an adapter for the classes with these public dotted names, e.g. ``sklearn.linear_model.Ridge``."""

    def register(function: AdapterT) -> AdapterT:
        _enter(_adapters, names, function)
        return function

    return register


def inverse(*names: str) -> Callable[[InverseT], InverseT]:
    """Register what ``inverse_transform`` of these classes computes."""

    def register(function: InverseT) -> InverseT:
        _enter(_inverses, names, function)
        return function

    return register


def composition(*names: str) -> Callable[[DescriptionT], DescriptionT]:
    """Register the description of the children of these classes."""

    def register(function: DescriptionT) -> DescriptionT:
        _enter(_descriptions, names, function)
        return function

    return register


def _enter(table: dict[str, Any], names: tuple[str, ...], function: Any) -> None:
    for name in names:
        if name in table:
            raise ValueError(f"{name} is registered twice")
        table[name] = function


def public_name(cls: type) -> str:
    """Dotted name without private modules: ``sklearn.tree._classes.ExtraTreeClassifier`` loses ``_classes``."""
    parts: list[str] = []
    for part in cls.__module__.split("."):
        if part.startswith("_"):
            break
        parts.append(part)
    return ".".join([*parts, cls.__qualname__])


def frontend_of(estimator: object) -> Frontend:
    """The frontend that reads ``estimator``."""
    return _load(_library(estimator))


def adapter_for(estimator: object) -> Adapter:
    """The adapter registered for exactly this type.

    Raises
    ------
    Unsupported
        There is none.
    """
    _load(_library(estimator))
    name = public_name(type(estimator))
    found = _adapters.get(name)
    if found is None:
        raise Unsupported(f"{name} has no native form")
    return found


def inverse_for(estimator: object) -> Inverse:
    """The inverse registered for exactly this type.

    Raises
    ------
    Unsupported
        There is none.
    """
    _load(_library(estimator))
    found = _inverses.get(public_name(type(estimator)))
    if found is None:
        raise Unsupported(f"the inverse of {type(estimator).__name__} has no native form")
    return found


def has_trait(estimator: object, name: str) -> bool:
    """Whether an estimator has one of `TRAITS`; a frontend says so in a function of that name."""
    answer = getattr(frontend_of(estimator), name, None)
    return TRAITS[name] if answer is None else bool(answer(estimator))


def is_composition(estimator: object) -> bool:
    """Whether the children of the estimator are described."""
    return public_name(type(estimator)) in _descriptions


def children(estimator: object) -> tuple[Child, ...]:
    """The parts of a fitted composition; empty for other estimators."""
    _load(_library(estimator))
    describe = _descriptions.get(public_name(type(estimator)))
    return () if describe is None else describe(estimator)


def answers(estimator: object, method: str) -> bool:
    """Whether an estimator has a method that does not fail whatever the request is."""
    return callable(getattr(estimator, method, None)) and not _refuses(estimator, method)


def _refuses(estimator: object, method: str) -> bool:
    """Whether a method of an estimator, or of the part of it that answers, always fails; a frontend says so."""
    tell = getattr(frontend_of(estimator), "refuses", None)
    if tell is not None and tell(estimator, method):
        return True
    parts = (child.estimator for child in children(estimator) if child.method is None)
    return any(_refuses(part, method) for part in parts if part is not None)


def depends_on_batch(estimator: object) -> bool:
    """Whether an estimator, or a part of it, is one of `BATCH_DEPENDENT`."""
    if public_name(type(estimator)) in BATCH_DEPENDENT:
        return True
    return any(depends_on_batch(child.estimator) for child in children(estimator) if child.estimator is not None)


def registered() -> tuple[str, ...]:
    """Dotted names of all estimators with an adapter, sorted."""
    for library in FRONTENDS:
        _load(library)
    return tuple(sorted(_adapters))


def invertible() -> tuple[str, ...]:
    """Dotted names of all estimators whose inverse has a native form, sorted."""
    for library in FRONTENDS:
        _load(library)
    return tuple(sorted(_inverses))


def _library(estimator: object) -> str:
    module = type(estimator).__module__
    for package in (__package__, "pretzel.steps"):  # of what a frontend has read from a file, or made of an estimator
        module = module.removeprefix(f"{package}.")
    library = module.partition(".")[0]
    return library if library in FRONTENDS else DEFAULT


def coding_of(estimator: object) -> Coding | None:
    """Columns of a category dtype of pandas that an estimator takes as codes of its training."""
    tell = getattr(frontend_of(estimator), "coding_of", None)
    found: Coding | None = None if tell is None else tell(estimator)
    return found


def fitted_columns(estimator: object) -> tuple[Any, Any]:
    """Number and names of the columns that an estimator was fitted on; None: it does not say."""
    tell = getattr(frontend_of(estimator), "fitted_columns", None)
    if tell is None:
        return getattr(estimator, "n_features_in_", None), getattr(estimator, "feature_names_in_", None)
    width, names = tell(estimator)
    return width, names


def selected_names(estimator: object) -> tuple[str, ...]:
    """Names of the columns that an estimator finds in any table, of which it knows no others; of most, none."""
    tell = getattr(frontend_of(estimator), "selected_names", None)
    return () if tell is None else tuple(tell(estimator))


def on_tables(estimator: object) -> Any:
    """An estimator whose methods take tables: of a library whose objects take something else, another object."""
    make = getattr(frontend_of(estimator), "on_tables", None)
    return estimator if make is None else make(estimator)


@functools.cache
def _load(library: str) -> Frontend:
    """Import every module of a frontend once: an estimator is added by adding its function, or its file."""
    frontend = importlib.import_module(FRONTENDS[library])
    for module in pkgutil.iter_modules(getattr(frontend, "__path__", ())):
        importlib.import_module(f"{frontend.__name__}.{module.name}")
    return cast("Frontend", frontend)
