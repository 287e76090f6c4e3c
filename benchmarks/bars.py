"""What must be reached, held against what was measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from benchmarks import zoo

if TYPE_CHECKING:
    from collections.abc import Iterator

COMPILE_MS = {zoo.TEXT: 1000.0, zoo.NUMBERS: 50.0, zoo.TABLE: 50.0}


@dataclass(frozen=True)
class Verdict:
    """One bar.

    Parameters
    ----------
    case : str
        Pipeline.
    what : str
        What was measured.
    required, measured : str
        The bar and the figure.
    met : bool or None
        ``None``: there is nothing to measure against, and `measured` says why.
    """

    case: str
    what: str
    required: str
    measured: str
    met: bool | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def judge(case: zoo.Case, result: dict[str, Any]) -> Iterator[Verdict]:
    """All bars of one pipeline."""
    if "error" in result:
        yield Verdict(case.name, "compiles and runs", "strict", result["error"], False)
        return
    yield from _parity(case, result["parity"])
    least, taken = COMPILE_MS[case.kind], result["compile_ms"]
    yield Verdict(case.name, "compile", f"at most {least:.0f} ms", f"{taken:.1f} ms", taken <= least)
    yield from _latency(case, result)
    yield from _throughput(case, result["throughput"])


def _parity(case: zoo.Case, parity: dict[str, Any]) -> Iterator[Verdict]:
    ours = parity["pretzel"]
    text = f"{ours['mismatches']} labels, {ours['outside']} numbers; max difference {ours['largest']:.1e}"
    same = ours["mismatches"] == 0 and ours["outside"] == 0
    yield Verdict(case.name, f"parity on {parity['rows']:,} rows", "0 labels, 0 numbers outside", text, same)
    invariant = parity["batch_invariant"]
    yield Verdict(case.name, "batch invariance", "same bits", "same" if invariant else "different", invariant)


def _latency(case: zoo.Case, result: dict[str, Any]) -> Iterator[Verdict]:
    p50 = {name: one["p50"] for name, one in result["latency"].items()}
    suffix = " dict" if case.kind == zoo.TABLE else ""
    pairs = [
        ("one row against scikit-learn", case.bars.sklearn, "scikit-learn", "pretzel"),
        ("one row against onnxruntime", case.bars.onnx, f"onnxruntime{suffix}", "pretzel"),
        ("one-row DataFrame against scikit-learn", case.bars.frame, "scikit-learn", "pretzel frame"),
    ]
    for what, bar, other, ours in pairs:
        if bar is None:
            continue
        if other not in p50:
            yield Verdict(case.name, what, f"{bar:g}x", f"not convertible: {result['onnx_reason']}", None)
        else:
            ratio = p50[other] / p50[ours]
            yield Verdict(
                case.name, what, f"{bar:g}x", f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.1f}x", ratio >= bar
            )


def _throughput(case: zoo.Case, throughput: dict[str, Any]) -> Iterator[Verdict]:
    size = max(throughput, key=int)
    rates = {name: one["rows_per_second"] for name, one in throughput[size].items()}
    ours = rates.pop("pretzel")
    # On a busy machine more threads can be slower; the bar is the better of the two.
    ratio = ours / max(rates["scikit-learn"], rates["scikit-learn, all threads"])
    what = f"batch of {int(size):,}, one thread, against scikit-learn"
    yield Verdict(case.name, what, f"{case.bars.batch:g}x", f"{ratio:.2f}x", ratio >= case.bars.batch)
    if case.bars.trees:
        ratio = ours / max(rates.values())
        yield Verdict(case.name, f"batch of {int(size):,} against the best", "3x", f"{ratio:.2f}x", ratio >= 3)
