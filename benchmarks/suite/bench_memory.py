"""Bytes per model, alone and among models that share."""

from __future__ import annotations

from .common import Fitted


class OneModel(Fitted):
    """Memory of one compiled pipeline."""

    def track_bytes(self, name: str) -> int:
        return int(self.plan.nbytes)

    def peakmem_predict(self, name: str) -> None:
        getattr(self.plan, self.method)(self.X)

    track_bytes.unit = "bytes"  # type: ignore[attr-defined]


class ManyModels:
    """Two hundred text models over two vectorizers: what one more costs."""

    timeout = 600

    def setup_cache(self) -> dict[str, float]:
        from benchmarks import memory

        return memory.figures()

    def track_unique_bytes_per_extra_model(self, figures: dict[str, float]) -> float:
        return figures["unique_bytes_per_extra_model"]

    def track_resident_bytes_per_extra_model(self, figures: dict[str, float]) -> float:
        return figures["resident_bytes_per_extra_model"]

    track_unique_bytes_per_extra_model.unit = "bytes"  # type: ignore[attr-defined]
    track_resident_bytes_per_extra_model.unit = "bytes"  # type: ignore[attr-defined]
