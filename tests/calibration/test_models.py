"""The models of a calibration run every kernel but those that run sub-plans, whose time is that of the sub-plans."""

from __future__ import annotations

import warnings

import pretzel
from pretzel._native import kernels
from pretzel.calibration.measure import native_methods
from pretzel.calibration.models import models


def test_every_kernel_is_measured():
    found = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for estimator, _ in models(quick=True):
            plan = pretzel.compile(estimator, store=pretzel.ObjectStore())
            for method in native_methods(plan):
                found.update(call.kernel for call in method.program.plan.calls)
    assert found == set(kernels()) - {"branch", "loop"}
