"""Documented differences: cases in which a plan does not answer as its source, each with the reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.conformance.run import Case


@dataclass(frozen=True)
class Known:
    """Cases that differ for one reason; every text is a regular expression that must match the whole name.

    Parameters
    ----------
    reason : str
    subject, fit, method, form, kind : str
    """

    reason: str
    subject: str = ".*"
    fit: str = ".*"
    method: str = ".*"
    form: str = ".*"
    kind: str = ".+"

    def covers(self, case: Case) -> bool:
        """Whether the case is one of these."""
        fields = ("subject", "fit", "method", "form", "kind")
        return all(re.fullmatch(getattr(self, field), getattr(case, field)) for field in fields)


KNOWN: tuple[Known, ...] = (Known("the estimator cannot be fitted on these rows", form="fit", kind="not fitted"),)


def reason(case: Case) -> str | None:
    """Why a case differs; None if nothing is known."""
    return next((known.reason for known in KNOWN if known.covers(case)), None)
