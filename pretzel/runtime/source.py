"""The estimator behind a plan: it answers itself what no program computes, as long as it exists."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from pretzel.errors import InputError, InputTypeError, InputValueError
from pretzel.input_spec import InputKind
from pretzel.runtime.input.messages import LeftRow, UnreadForm, listed
from pretzel.runtime.input.source_form import of_row, of_rows
from pretzel.schema import EXTRAS, METHODS, method_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.input_spec import InputSpec

_FITTING = (
    "fit",
    "fit_",
    "partial_fit",
    "set_",
)  # a name, and beginnings of names, of methods that change an estimator
PRIVATE = ("_estimator_type", "_get_tags")  # that scikit-learn before 1.6 reads
SCORES = ("ClassifierMixin", "RegressorMixin")
"""Classes of scikit-learn whose ``score`` needs nothing but predictions."""

_COMPILED = {*METHODS} - {*EXTRAS}  # which a plan has, if its estimator had them
_KEEP = "compile or register the model with keep_source=True, or keep the estimator yourself"
_GONE = f"it no longer exists, because nothing refers to it; {_KEEP}"  # one text for all models
SAVE = "compile the model with keep_source=True, and save it with opaque='skops'"
_KINDS = {
    "ClassifierMixin": "classifier",
    "RegressorMixin": "regressor",
    "ClusterMixin": "clusterer",
    "OutlierMixin": "outlier_detector",
    "DensityMixin": "density_estimator",
}


class Source:
    """The estimator that a plan was compiled from.

    Parameters
    ----------
    estimator : fitted estimator
    keep : bool
        Whether this object keeps the estimator alive. Otherwise it refers to it weakly.
    on_tables : callable, optional
        What it makes of the estimator takes tables.
    """

    __slots__ = ("_find", "_keeps", "_on_tables", "_why_gone", "kind", "score_of", "type_name")

    def __init__(self, estimator: Any, *, keep: bool, on_tables: Callable[[Any], Any] | None = None) -> None:
        self._on_tables = on_tables
        self._find: Callable[[], Any] = _reference(estimator, keep)
        self._keeps = keep
        self.type_name = type(estimator).__name__
        last = last_step(estimator)
        self.score_of = _score_of(last)
        self.kind = _kind_of(last)
        self._why_gone = _GONE

    @classmethod
    def saved(cls, type_name: str, kind: str | None, score_of: str | None) -> Source:
        """The estimator of a plan that was loaded from a file, which does not hold it."""
        source = cls.__new__(cls)
        source._find = lambda: None
        source._keeps = False
        source._on_tables = None
        source.type_name, source.kind, source.score_of = type_name, kind, score_of
        source._why_gone = f"it was not saved with the plan: {SAVE}"
        return source

    def described(self) -> dict[str, str | None]:
        """The entry of the estimator in a file; `saved` reads it."""
        return {"type": self.type_name, "kind": self.kind, "score": self.score_of}

    @property
    def exists(self) -> bool:
        """Whether something still refers to the estimator."""
        return self._find() is not None

    def kept(self) -> Any:
        """The estimator, if this object keeps it alive; else None."""
        return self._find() if self._keeps else None

    def get(self, plan: ActsAsEstimator, name: str) -> Any:
        """The attribute ``name`` of the estimator, for a plan that lacks it.

        Raises
        ------
        AttributeError
            It has no such attribute, or does not exist any more.
        """
        model = plan.name
        if name == "score" and self.score_of is not None:
            return partial(_score, self.score_of, plan)
        if name == "_estimator_type" and self.kind is not None:
            return "DensityEstimator" if self.kind == "density_estimator" else self.kind  # before scikit-learn 1.8
        if name.startswith("_") and name not in PRIVATE:
            raise AttributeError(f"{model} has no attribute {name!r}")
        if name == "fit":
            return _refusal(model, name)
        estimator = self._find()
        if estimator is None and name.removesuffix("_one") in _COMPILED:
            raise AttributeError(f"{model} has no attribute {name!r}")
        if estimator is None:
            gone = f"the {self.type_name} that may have it cannot be asked: {self._why_gone}"
            raise AttributeError(f"{model} has no attribute {name!r}, and {gone}")
        try:
            value = getattr(estimator, name)
        except AttributeError as error:
            raise AttributeError(f"{model} has no attribute {name!r}: {error}") from None
        return _refusal(model, name) if name.startswith(_FITTING) and callable(value) else value

    def call(self, model: str, method: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
        """The estimator's own answer to a call with more arguments than a table.

        Raises
        ------
        TypeError
            It does not take these arguments, or does not exist any more.
        """
        given = ", ".join(options) or f"{len(arguments)} arguments"
        estimator = self._living(TypeError, f"{model}: {method} with {given} is answered by")
        return getattr(self._taking_tables(estimator), method)(*arguments, **options)

    def answer(self, model: str, method: str, X: Any, reason: str, remedy: str = "") -> Any:
        """The estimator's own answer for a table that no program can compute with.

        Raises
        ------
        InputTypeError
            It does not exist any more.
        """
        estimator = self._living(InputTypeError, f"{model}: {reason} are answered by", remedy)
        return method_of(self._taking_tables(estimator), method)(X)

    def instead(self, model: str, method: str, X: Any, error: InputTypeError | InputValueError) -> Any:
        """The estimator's own answer for a table that a plan rejects with ``error``.

        Raises
        ------
        InputTypeError, InputValueError
            It rejects the table, too, or does not exist any more.
        """
        reason = f"{error.form} are answered by" if isinstance(error, UnreadForm) else ""
        if not reason and self._find() is None:
            raise error
        estimator = self._living(InputTypeError, f"{model}: {reason}")
        try:
            return method_of(self._taking_tables(estimator), method)(X)
        except InputError:
            raise
        except Exception as own:
            if not reason:
                raise error from own
            kind = InputValueError if isinstance(own, ValueError) else InputTypeError
            raise kind(f"{model}: {reason} the {self.type_name} itself, which rejects them: {own}") from own

    def estimator(self, model: str, what: str) -> Any:
        """The estimator, for something that no plan has.

        Raises
        ------
        TypeError
            It does not exist any more.
        """
        return self._living(TypeError, f"{model}: its {what} is that of")

    def tags(self) -> Any:
        """scikit-learn's tags of the estimator; once it is gone, the usual ones of its kind."""
        estimator = self._find()
        if estimator is not None:
            return estimator.__sklearn_tags__()
        from sklearn.utils import ClassifierTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type=self.kind,
            target_tags=TargetTags(required=self.kind in ("classifier", "regressor")),
            classifier_tags=ClassifierTags() if self.kind == "classifier" else None,
            regressor_tags=RegressorTags() if self.kind == "regressor" else None,
        )

    def names(self) -> list[str]:
        """Public methods and attributes of the estimator, as far as it exists."""
        return [name for name in dir(self._find()) if not name.startswith("_")]

    def _taking_tables(self, estimator: Any) -> Any:
        return estimator if self._on_tables is None else self._on_tables(estimator)

    def _living(self, error: type[Exception], sentence: str, remedy: str = "") -> Any:
        """The estimator, while it exists; else the error, whose sentence ends with it, and with the ``remedy``."""
        estimator = self._find()
        if estimator is None:
            raise error(f"{sentence} the {self.type_name} itself: {self._why_gone}{remedy}")
        return estimator


class ActsAsEstimator:
    """What scikit-learn's scorers, inspection and meta-estimators ask of an estimator that is not fitted again."""

    name: str

    def __getitem__(self, key: Any) -> Any:
        return self._asked_for("subscript")[key]  # iteration ends with its IndexError

    def __len__(self) -> int:
        return len(self._asked_for("length"))

    def __bool__(self) -> bool:
        return True  # whatever the length

    def _asked_for(self, what: str) -> Any:
        source: Source | None = self.source  # type: ignore[attr-defined]
        if source is None:
            raise TypeError(f"{self.name} has no {what}")
        return source.estimator(self.name, what)

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_clone__(self) -> Any:
        return self  # as `sklearn.frozen.FrozenEstimator` does

    def __sklearn_tags__(self) -> Any:
        source: Source | None = self.source  # type: ignore[attr-defined]
        if source is None:
            raise AttributeError(f"{self.name} has no attribute '__sklearn_tags__'")
        return source.tags()


def answer_instead(method: Any, name: str, X: Any, error: InputTypeError | InputValueError) -> Any:
    """Answer for a table that a method rejects for the types of its values, or for its own, or for its objects.

    Objects may hold a None where the source does not look for it. The estimator answers as long as it exists, and
    ``error`` stands if that rejects the table, too. Documents are not asked for: iterating over a frame or a dict gives
    names, which no caller means. Of requests in any form, only those are that the first step has taken.
    """
    kinds = (InputKind.TABLE, InputKind.ITEMS, *[InputKind.ANY] * isinstance(error, UnreadForm))
    kinds += (InputKind.TEXT,) * isinstance(error, LeftRow)  # of documents that the program has read
    if method.source is None or method.spec.kind not in kinds:
        raise error
    if isinstance(error, InputValueError) and method.spec.kind is InputKind.TABLE and not _holds_objects(X):
        raise error
    return method.source.instead(method.name, name, in_source_form(method.spec, X), error)


def _holds_objects(X: Any) -> bool:
    """Whether a table is, or has, an array of objects."""
    if isinstance(X, list):
        return bool(X) and isinstance(X[0], list)
    dtypes = X.dtypes if hasattr(X, "iloc") else [getattr(X, "dtype", None)]
    return any(getattr(dtype, "kind", "") == "O" for dtype in dtypes)


def in_source_form(spec: InputSpec, X: Any) -> Any:
    """A table as the estimator takes it: lists of rows that only Pretzel knows become frames."""
    if spec.kind is InputKind.ITEMS or spec.items or not isinstance(X, list) or not X:
        return X
    is_rows = isinstance(X[0], Mapping) or (spec.by_name and isinstance(X[0], tuple))
    return of_rows(spec, X) if is_rows else X


class BySource:
    """Answers requests in whose dtype the estimator computes, and no program does, by the estimator itself.

    Parameters
    ----------
    model, method : str
    source : Source
    reason : str
        Kind of the request.
    spec : InputSpec
    """

    __slots__ = ("_method", "_model", "_reason", "_source", "_spec")

    def __init__(self, model: str, method: str, source: Source, reason: str, spec: InputSpec) -> None:
        self._model, self._method, self._source, self._reason = model, method, source, reason
        self._spec = spec

    @property
    def exists(self) -> bool:
        """Whether the estimator exists."""
        return self._source.exists

    def __call__(self, X: Any) -> Any:
        """The estimator's answer for a table.

        Raises
        ------
        InputTypeError
            The estimator does not exist any more.
        """
        reason, remedy = self._reason, ""
        if not self.exists and (several := _several_dtypes(self._spec, X)):
            reason, remedy = f"{reason}, here {several},", "; or cast these columns to float64"
        return self._source.answer(self._model, self._method, in_source_form(self._spec, X), reason, remedy)

    def answer_typed_row(self, row: Any) -> Any:
        """The estimator's answer for a 1-D array."""
        return self(row[None])[0]

    def call_row(self, row: Any) -> Any:
        """The estimator's answer for a row of values."""
        return self(of_row(self._spec, self._model, row))[0]


def _several_dtypes(spec: InputSpec, X: Any) -> str:
    """The dtypes of the columns that a model reads of a frame, with their names; empty where it is one dtype."""
    schema: Any = X.dtypes if hasattr(X, "iloc") else getattr(X, "schema", {})  # of polars, or of Arrow
    dtypes = zip(schema.names, schema.types, strict=True) if hasattr(schema, "types") else schema.items()
    read = None if spec.names is None else {spec.names[i] for i in spec.required}
    found: dict[str, list[Any]] = {}
    for name, dtype in dtypes:
        if read is None or name in read:
            found.setdefault(str(dtype), []).append(name)
    return " beside ".join(f"{dtype} ({listed(names)})" for dtype, names in found.items()) if len(found) > 1 else ""


def _reference(estimator: Any, keep: bool) -> Callable[[], Any]:
    if not keep:
        try:
            return weakref.ref(estimator)
        except TypeError:  # a class with slots alone
            pass
    return lambda: estimator


def last_step(estimator: Any) -> Any:
    """The step of a pipeline that predicts, or the estimator."""
    while type(estimator).__module__ == "sklearn.pipeline" and getattr(estimator, "steps", None):
        estimator = estimator.steps[-1][1]
    return estimator


def _score_of(estimator: Any) -> str | None:
    """The class of scikit-learn whose ``score`` is that of the estimator: it predicts and compares. None for others."""
    base = sys.modules.get("sklearn.base")
    found = getattr(type(estimator), "score", None)
    return next((name for name in SCORES if found and getattr(getattr(base, name, None), "score", None) is found), None)


def _score(mixin: str, plan: ActsAsEstimator, X: Any, y: Any, sample_weight: Any = None) -> float:
    """scikit-learn's ``score``, accuracy or R squared, of what a plan predicts."""
    try:
        from sklearn import base
    except ImportError as error:
        raise ImportError(f"{plan.name}: score is that of scikit-learn: pip install scikit-learn") from error
    found: float = getattr(base, mixin).score(plan, X, y, sample_weight=sample_weight)
    return found


def _kind_of(estimator: Any) -> str | None:
    """``estimator_type``, in linear time: the tags of a composition ask each part several times."""
    base = sys.modules.get("sklearn.base")
    while estimator is not None:
        for mixin, kind in _KINDS.items():
            if isinstance(estimator, getattr(base, mixin, ())):
                return kind
        own: str | None = getattr(estimator, "_estimator_type", None)
        if own is not None:
            return own
        estimator = last_step(getattr(estimator, "estimator", None))  # of a search, for example
    return None


def _refusal(model: str, name: str) -> Callable[..., NoReturn]:
    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise TypeError(
            f"{model}: a plan cannot be changed, so it has no {name}: call it on the estimator and compile that again; "
            "where scikit-learn fits what it is given, pass sklearn.frozen.FrozenEstimator(plan)"
        )

    refuse.__name__ = name
    return refuse
