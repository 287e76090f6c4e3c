"""Calibration: run synthetic models, fit the weights of every kernel's terms, keep them where asked."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from pretzel._native import isa
from pretzel.calibration.fit import fit_weights
from pretzel.calibration.measure import Sample, samples
from pretzel.runtime.weights import Calibration

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable


def calibrate(*, quick: bool = False, passes: int = 7, save: bool | str | os.PathLike[str] = False) -> Calibration:
    """Measure what kernels cost on this machine, and estimate so from now on.

    Estimates are usable without: the shipped weights were measured on one machine, every process finds how fast its
    own is, and every model corrects its own by what its calls take. Takes some minutes, and needs scikit-learn.

    Parameters
    ----------
    quick : bool
        Fewer models: some seconds.
    passes : int
        How often each is timed; the fastest counts.
    save : bool or path
        Keep the result in a file; True: in that of `cache_file`, which other processes use from then on.

    Returns
    -------
    Calibration
        In use already, for models that are loaded from now on.
    """
    Calibration({}, isa()).use()
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
    """Weights of all kernels that were measured."""
    by_kernel: dict[str, list[Sample]] = {}
    for sample in measured:
        by_kernel.setdefault(sample.kernel, []).append(sample)
    ratios = [s.nanoseconds / s.counted.sum() for each in by_kernel.values() for s in each if s.counted.sum() > 0]
    prior = float(np.clip(np.median(ratios), 0.05, 50.0)) if ratios else 1.0
    weights = {}
    for kernel, each in sorted(by_kernel.items()):
        counted = np.array([s.counted for s in each])
        taken = np.array([s.nanoseconds for s in each])
        floor = np.array([s.precision for s in each])
        weights[kernel] = fit_weights(counted, taken, prior, floor).reshape(3, -1).tolist()
    return Calibration(weights, isa())


def as_header(found: Calibration) -> str:
    """A calibration as the weights that Pretzel ships: ``pretzel/_native/cost/cost_weights.h``."""
    lines = [
        "// Weights of the terms of kernels on the machine that the shipped estimates were measured on; kernels that",
        "// are not named weigh 1. Written by `python -m pretzel.calibration --header`.",
        "#pragma once",
        "",
        '#include "cost.h"',
        "",
        "namespace pretzel {",
        "",
        "struct ShippedWeights {",
        "  const char* kernel;",
        "  Weights weights;",
        "};",
        "",
        "constexpr ShippedWeights kShippedWeights[] = {",
    ]
    for kernel, regimes in found.weights.items():
        rows = ", ".join("{" + ", ".join(f"{value:.3g}" for value in regime) + "}" for regime in regimes)
        lines.append(f'    {{"{kernel}", {{{{{rows}}}}}}},')
    return "\n".join([*lines, "};", "", "}  // namespace pretzel", ""])
