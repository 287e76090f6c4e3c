"""`get_feature_names_out` of plans whose estimator is gone, or was not saved: its names were written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputValueError
from pretzel.packed import NAMES_OUT

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from pretzel.runtime.model import Plan


def feature_names_out(plan: Plan, input_features: Sequence[str] | None = None) -> npt.NDArray[Any]:
    """Names of the columns of ``transform``.

    Parameters
    ----------
    plan : Plan
        That knows them.
    input_features : sequence of str, optional
        The columns that the estimator was fitted on.

    Raises
    ------
    InputValueError
        ``input_features`` are others.
    """
    known = plan.physical.input.names
    if input_features is not None and (known is None or list(input_features) != list(known)):
        fitted = "no names" if known is None else f"{list(known)!r:.200}"
        raise InputValueError(
            f"{plan.name}: input_features are {list(input_features)!r:.200}, and the estimator, which is gone, "
            f"was fitted on {fitted}"
        )
    assert plan.physical.names_out is not None
    return np.array(plan.physical.names_out.unpack(NAMES_OUT)["names"], dtype=object)
