"""Does a plan answer as its estimator does, and if not, where does it first depart?

A plan is compared at three levels, so that a fault is blamed on the layer that made it: each native step with its
NumPy reference on the very inputs that the step had, the rewritten graph with the imported one, and the answers with
the estimator's.
"""

from __future__ import annotations

from pretzel.verification.report import Difference, Divergence, MethodReport, Report
from pretzel.verification.verifier import verify

__all__ = ["Difference", "Divergence", "MethodReport", "Report", "verify"]
