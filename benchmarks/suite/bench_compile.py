"""From a fitted estimator to a plan that answers."""

from __future__ import annotations

from .common import Fitted


class Compile(Fitted):
    """Time and peak memory of ``pretzel.compile``."""

    def setup(self, name: str) -> None:
        super().setup(name)
        del self.plan  # nothing may be left in the store to share

    def time_compile(self, name: str) -> None:
        import pretzel

        pretzel.compile(self.estimator, strict=True)

    def peakmem_compile(self, name: str) -> None:
        import pretzel

        pretzel.compile(self.estimator, strict=True)
