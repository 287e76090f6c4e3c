"""Calibration: run synthetic models, fit the coefficients of every kernel's terms, and keep them."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from pretzel._native import isa
from pretzel.calibration.fit import fit_coefficients
from pretzel.calibration.measure import Sample, samples
from pretzel.runtime.calibration_file import Calibration

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import numpy.typing as npt


def calibrate(*, quick: bool = False, passes: int = 7, save: bool | str | os.PathLike[str] = False) -> Calibration:
    """Measure the cost coefficients of this machine, and estimate with them from now on.

    Estimates are usable without: every process learns how fast its machine is from the first requests, and every model
    corrects its own estimates by the time of its requests. Takes some minutes and needs scikit-learn.

    Parameters
    ----------
    quick : bool
        Fewer models: some seconds.
    passes : int
        How often each model is timed; the fastest pass counts.
    save : bool or path
        Keep the result in a file. True: in that of `cache_file`, which other processes of this machine use.

    Returns
    -------
    Calibration
        In use already, for models that are loaded from now on.
    """
    found = fit(measure(quick, passes))
    found.use()
    if save is not False:
        found.save(None if save is True else save)
    return found


def measure(quick: bool = False, passes: int = 7) -> list[Sample]:
    """Timings of all steps of synthetic models."""
    from pretzel.api import compile
    from pretzel.calibration.models import models
    from pretzel.store.object_store import ObjectStore

    found: list[Sample] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, X in models(quick):
            plan = compile(estimator, store=ObjectStore())
            for block in (1, 24, 512):
                found += samples(plan, X, block, passes)
    return found


def fit(measured: Iterable[Sample]) -> Calibration:
    """Coefficients of all terms that were measured."""
    by_kernel: dict[str, list[Sample]] = {}
    for sample in measured:
        by_kernel.setdefault(sample.kernel, []).append(sample)
    nominal = [(s.seconds, sum(s.counted.values())) for each in by_kernel.values() for s in each]
    ratios = [seconds / counted for seconds, counted in nominal if counted > 0]
    prior = float(np.clip(np.median(ratios), 0.05, 50.0)) if ratios else 1.0
    coefficients: dict[str, float] = {}
    for _, each in sorted(by_kernel.items()):
        terms, counted = _matrix(each)
        taken = np.array([s.seconds for s in each])
        floor = np.array([s.precision for s in each])
        fitted = fit_coefficients(counted, taken, prior, floor).tolist()
        coefficients.update((term, float(f"{value:.3g}")) for term, value in zip(terms, fitted, strict=True))
    return Calibration(coefficients, float(f"{prior:.3g}"), isa())


def _matrix(each: list[Sample]) -> tuple[list[str], npt.NDArray[np.float64]]:
    """The terms that were counted at least once, and how much of each there was in every sample."""
    terms = sorted({term for s in each for term, value in s.counted.items() if value > 0})
    return terms, np.array([[s.counted.get(term, 0.0) for term in terms] for s in each]).reshape(len(each), -1)


def as_header(found: Calibration) -> str:
    """A calibration as the coefficients that Pretzel ships: ``pretzel/_native/cost/default_coefficients.h``.

    To be formatted with clang-format.
    """
    kernels: dict[str, dict[str, list[float]]] = {}
    for name in sorted(found.coefficients):
        kernel, _, term = name.split(".")
        values = [found.coefficients.get(f"{kernel}.{regime}.{term}", 0.0) for regime in REGIMES]
        kernels.setdefault(kernel, {})[term] = np.trim_zeros(values, "b")
    entries = ""
    for kernel, terms in kernels.items():
        listed = [f'{{"{term}", {", ".join(f"{x:.3g}" for x in each)}}}' for term, each in sorted(terms.items())]
        entries += f'    {{"{kernel}", {{{", ".join(listed)}}}}},\n'
    return HEADER.format(unmeasured=found.unmeasured, entries=entries)


REGIMES = ("first_row", "row", "payload")
HEADER = """\
// Coefficients on the machine that the shipped estimates were measured on; a term without an entry was not measured.
// Written by `python -m pretzel.calibration --header`.
#pragma once

namespace pretzel {{

struct DefaultCoefficients {{
  const char* kernel;
  struct {{
    const char* term;
    double first_row = 0, row = 0, payload = 0;  // 0: not measured
  }} terms[12];
}};

constexpr double kUnmeasured = {unmeasured:.3g};

constexpr DefaultCoefficients kDefaultCoefficients[] = {{
{entries}}};

}}  // namespace pretzel
"""
