"""Every hyper-parameter of every estimator that has a native form: does the plan honour it, whatever its value?

Two ways lead to an estimator with another value: it is fitted with it, or it is set after the fit, which some
estimators heed and others do not. `TABLE` lists all parameters; those that a fitted estimator heeds have a star.

``python -m tests.conformance.hyper_parameters NAME...`` tries estimators of these names, or all of them, prints where a
plan does not answer as its source, and writes the table.
"""

from __future__ import annotations

import copy
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pretzel.oven.frontends.registry import depends_on_batch
from pretzel.verification.alone import answer
from tests.conformance import compare as cmp
from tests.conformance.estimators import Subject, builders, fitted, valid_values
from tests.conformance.run import METHODS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.estimators import Fitted

TABLE = Path(__file__).with_suffix(".txt")
TABLE = Path(__file__).with_suffix(".txt")
ROWS = 20
ASKED = tuple(name for name in METHODS if name != "staged_predict")  # an iterator is equal to none
SILENT = frozenset({"verbose", "n_jobs", "pre_dispatch", "memory", "return_train_score", "error_score"})
"""Parameters about how an estimator is fitted, of which no value is tried: they print, or start processes."""


KNOWN = {
    ("KernelDensity", "leaf_size", "fitted"): "the source's bounds over its tree lose the densities of far rows",
    ("OneClassSVM", "kernel", "fitted"): "decisions are differences of sums that are 1e4 times as large",
    ("PolynomialCountSketch", "degree", "fitted"): "the source's Fourier transforms leave noise where zeros are",
    ("PolynomialCountSketch", "gamma", "fitted"): "the source's Fourier transforms leave noise where zeros are",
    ("PolynomialCountSketch", "gamma", "set"): "the source's Fourier transforms leave noise where zeros are",
    ("PolynomialFeatures", "include_bias", "set"): "columns of the source's answer are never filled",
    ("PolynomialFeatures", "interaction_only", "set"): "columns of the source's answer are never filled",
}
"""Estimators, parameters and ways for which answers differ, and why."""


class Difference(NamedTuple):
    """Where a plan does not answer as its source.

    Parameters
    ----------
    parameter : str
    value : str
    when : {"fitted", "set"}
        Fitted with the value, or set to it afterwards.
    what : str
    """

    parameter: str
    value: str
    when: str
    what: str


class Tried(NamedTuple):
    """What came of the hyper-parameters of one estimator.

    Parameters
    ----------
    read : set of str
        Parameters that change what a fitted estimator answers.
    differences : list of Difference
    """

    read: set[str]
    differences: list[Difference]


def subjects() -> dict[str, str]:
    """Name of a subject for each class of scikit-learn with an adapter, by the public name of the class."""
    from pretzel.oven.frontends.registry import public_name, registered

    known, found = set(registered()), {}
    for name, build in builders().items():
        public = public_name(type(build()))
        if public in known:
            found.setdefault(public, name)
    return found


def parameters(subject: str) -> list[str]:
    """Names of the parameters of the constructor."""
    return sorted(builders()[subject]().get_params(deep=False))


def try_out(subject: str) -> Tried:
    """Ask an estimator and its plan with every value of every parameter that scikit-learn's own check names."""
    read: set[str] = set()
    found: list[Difference] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        plain = _fitted(subject)
        answers = {} if plain is None else _answers(plain)
        for name in parameters(subject):
            for value in () if name in SILENT else valid_values(builders()[subject](), name):
                if (refitted := _fitted(subject, **{name: value})) is not None:
                    found += [Difference(name, repr(value), "fitted", what) for what in _differences(refitted)]
                if plain is None:
                    continue
                after = replace(plain, estimator=copy.deepcopy(plain.estimator).set_params(**{name: value}))
                if _changed(_answers(after), answers):
                    read.add(name)
                found += [Difference(name, repr(value), "set", what) for what in _differences(after)]
    return Tried(read, [each for each in found if (subject, each.parameter, each.when) not in KNOWN])


def _fitted(subject: str, **changed: Any) -> Fitted | None:
    """The estimator, fitted; None where it cannot be fitted with these parameters."""
    try:
        return fitted(Subject(subject, lambda: builders()[subject]().set_params(**changed), "array"))
    except Exception:  # combinations that it rejects, and those for which the rows are none
        return None


def _answers(asked: Fitted) -> dict[str, cmp.Outcome]:
    """What the methods of an estimator answer."""
    methods = [name for name in ASKED if hasattr(asked.estimator, name)]
    return {name: cmp.ask(_call, asked.estimator, name, asked) for name in methods}


def _differences(asked: Fitted) -> Iterator[str]:
    """Where the plan does not answer as the estimator. A model need not compile that has no method, or one that
    fails."""
    import pretzel
    from pretzel.errors import PretzelError

    expected = _answers(asked)
    try:
        plan = pretzel.compile(copy.deepcopy(asked.estimator), keep_source=True)
    except PretzelError as error:
        if expected and all(outcome.error is None for outcome in expected.values()):
            yield f"is not compiled: {error}"
        return
    for name, outcome in expected.items():
        if hasattr(plan, name) or outcome.error is None:
            kind, detail = cmp.difference(cmp.ask(_call, plan, name, asked), outcome)
            if kind:
                yield f"{name}: {kind}, {detail}"


def _call(model: Any, method: str, asked: Fitted) -> Any:
    alone = depends_on_batch(asked.estimator)
    return answer(model, method, copy.deepcopy(asked.rows.values[:ROWS]), alone=alone)


def _changed(found: dict[str, cmp.Outcome], before: dict[str, cmp.Outcome]) -> bool:
    """Whether an estimator answers otherwise than before."""
    return found.keys() != before.keys() or any(any(cmp.difference(found[name], before[name])) for name in found)


def read_table() -> dict[str, dict[str, bool]]:
    """Parameters of each class, and whether a fitted estimator heeds them."""
    lines = (line.split(": ") for line in TABLE.read_text().splitlines())
    return {public: {name.rstrip("*"): name.endswith("*") for name in names.split()} for public, names in lines}


def _write_table(table: dict[str, dict[str, bool]]) -> None:
    starred = {public: (f"{name}{'*' * read}" for name, read in found.items()) for public, found in table.items()}
    TABLE.write_text("".join(f"{public}: {' '.join(names)}\n" for public, names in sorted(starred.items())))


def main(asked: list[str]) -> int:
    """Try estimators; 1 if one differs."""
    table, n = read_table() if TABLE.exists() else {}, 0
    for public, subject in sorted(subjects().items()):
        if asked and public.rpartition(".")[2] not in asked:
            continue
        started = time.monotonic()
        tried = try_out(subject)
        n += len(tried.differences)
        table[public] = {name: name in tried.read for name in parameters(subject)}
        print(f"{public}: {time.monotonic() - started:.0f} seconds", *tried.differences, sep="\n    ", flush=True)
        _write_table(table)
    return min(n, 1)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
