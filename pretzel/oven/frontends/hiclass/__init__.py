"""hiclass: local classifiers of a hierarchy, which route each row along its nodes."""

from __future__ import annotations

from pretzel.oven.frontends.sklearn import check_readable
from pretzel.oven.frontends.sklearn.compat import output_container

__all__ = ["check_readable", "output_container"]
