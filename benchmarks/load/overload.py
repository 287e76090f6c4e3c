"""Three times as much as the machine can do: do accepted requests keep their deadlines, and reserved plans their time?

Batches with a deadline come at three times the rate of saturation. Beside them one plan, which has reserved a worker,
gets batches at a modest rate; its latency is compared with the one it has when nothing else is asked.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.bars import Verdict
from benchmarks.load import contenders
from benchmarks.load.arrivals import draw
from benchmarks.load.driver import ANSWERED, GIVEN_UP, REJECTED, UNANSWERED, Outcome, drive
from benchmarks.load.trial import Site, Trial, cores, in_child
from benchmarks.report import number, table

if TYPE_CHECKING:
    from collections.abc import Sequence

TIMES = 3.0
DEADLINE = 0.050  # seconds
RESERVED_RATE = 100.0  # requests per second
LIMIT = 120.0  # seconds for everything


class Reserved(contenders.Pretzel):
    """The runtime of `contenders.Pretzel` with one plan more, which has a worker of its own and no deadline."""

    def __init__(self, names: Sequence[str], plans: Sequence[Any], executors: int, chosen: int) -> None:
        import pretzel

        super().__init__(names, plans, executors, deadline=DEADLINE)
        reserve = pretzel.Reservation(workers=1, memory="64MB")
        self.reserved = self.runtime.register("reserved", plans[chosen], reserve=reserve)


class _Only:
    """A contender whose every model is the reserved one."""

    def __init__(self, whole: Reserved) -> None:
        self.rejections = whole.rejections
        self._submit = whole.reserved.submit
        self.arguments = whole.arguments

    def single(self, model: int) -> contenders.Call:
        return self._submit

    batch = single

    def close(self) -> None:
        pass


def measure(site: Site, plans: Sequence[Any], seconds: float, seed: int = 1) -> dict[str, Any]:
    """Everything under overload, in a process of its own.

    Parameters
    ----------
    site : Site
        Models and rows to serve.
    plans : sequence of Plan
        Its models, compiled.
    seconds : float
        Length of each part.
    seed : int
        Of the requests.
    """
    names = [member.name for member in site.members]
    chosen = int(np.argmax(site.shares))
    executors = max(1, cores() - 1)  # the reserved worker has a core, too

    def run() -> dict[str, Any]:
        with contextlib.closing(contenders.Pretzel(names, plans, executors)) as free:
            trial = Trial(free, site, seed)
            trial.warm()
            saturation = trial.saturation(seconds, batch_share=1.0)
        with contextlib.closing(Reserved(names, plans, executors, chosen)) as contender:
            return _overload(contender, site, chosen, saturation, seconds, seed)

    return {"seconds": seconds, "deadline": DEADLINE, "executors": executors, **in_child(run, LIMIT)}


def _overload(
    contender: Reserved, site: Site, chosen: int, saturation: float, seconds: float, seed: int
) -> dict[str, Any]:
    part, only = site.only([chosen]), _Only(contender)
    rate = TIMES * saturation
    mine = draw(part.shares, RESERVED_RATE, int(RESERVED_RATE * seconds * 2), seed, batch_share=1.0)
    others = draw(site.shares, rate, int(rate * seconds * 2), seed + 1, batch_share=1.0)
    found: dict[str, Outcome] = {}

    def send_others() -> None:
        found["others"] = drive(contender, site.members, site.rows, others, 2 * seconds)

    Trial(contender, site, seed).warm()
    alone = drive(only, part.members, part.rows, mine, 2 * seconds, clients=1)
    thread = threading.Thread(target=send_others)
    thread.start()
    beside = drive(only, part.members, part.rows, mine, 2 * seconds, clients=1)
    thread.join()
    return {
        "saturation": saturation,
        "load": accepted(found["others"], DEADLINE),
        "reserved": {"unloaded": waits(alone), "overloaded": waits(beside)},
        "engine": contender.runtime.stats()["engine"],
    }


def accepted(outcome: Outcome, deadline: float) -> dict[str, Any]:
    """Outcomes of requests with a deadline, which counts from the call.

    Requests that clients could not send in time are left out: ``sent_per_second`` is the rate that was reached.
    """
    sent = outcome.sent > 0
    state, waited = outcome.state[sent], (outcome.answered - outcome.sent)[sent] * 1e-9
    taken = state != REJECTED
    given_up = state == GIVEN_UP
    late = given_up | (((state == ANSWERED) | (state == UNANSWERED)) & (waited > deadline))
    span = float(outcome.sent.max()) * 1e-9 or 1.0
    return {
        "sent": int(sent.sum()),
        "sent_per_second": float(sent.sum()) / span,
        "answered_per_second": float(np.count_nonzero(state == ANSWERED)) / span,
        "rejected": float(np.mean(~taken)),
        "given_up": float(np.count_nonzero(given_up) / max(1, taken.sum())),
        "missed": float(np.count_nonzero(late & taken) / max(1, taken.sum())),
        "error": outcome.error,
    }


def waits(outcome: Outcome) -> dict[str, float]:
    """Latency of the reserved plan, in microseconds from the arrival."""
    latency = (outcome.answered - outcome.arrivals.seconds * 1e9)[outcome.state != REJECTED] * 1e-3
    return {"count": len(latency), **{f"p{at:g}": float(np.percentile(latency, at)) for at in (50, 99)}}


def judge(result: dict[str, Any]) -> list[Verdict]:
    """The bars."""
    if "reserved" not in result:
        return [Verdict("overload", "runs", "runs", result["error"], False)]
    others, reserved = result["load"], result["reserved"]
    times = others["sent_per_second"] / result["saturation"]
    ratio = reserved["overloaded"]["p99"] / reserved["unloaded"]["p99"]
    missed = f"{others['missed']:.2%} ({others['given_up']:.2%} given up), {others['rejected']:.1%} rejected"
    return [
        Verdict("overload", "load that clients sent", f"{TIMES:g}x saturation", f"{times:.2f}x", times > 0.9 * TIMES),
        Verdict("overload", "accepted requests that are late", "under 1 %", missed, others["missed"] < 0.01),
        Verdict("overload", "reserved plan: p99 / unloaded p99", "at most 1.2x", f"{ratio:.2f}x", ratio <= 1.2),
    ]


def markdown(result: dict[str, Any]) -> str:
    """The report."""
    verdicts = judge(result)
    words = {True: "met", False: "NOT MET", None: ""}
    parts = [
        "# Three times saturation",
        table(["what", "required", "measured", ""], [[v.what, v.required, v.measured, words[v.met]] for v in verdicts]),
    ]
    if "reserved" in result:
        rows = [
            [name, *(number(one[key]) for key in ("count", "p50", "p99"))] for name, one in result["reserved"].items()
        ]
        parts.append(table(["reserved plan, microseconds", "requests", "p50", "p99"], rows))
        parts.append(
            f"Saturation {number(result['saturation'])} batches/s with {result['executors']} executors; deadline "
            f"{result['deadline'] * 1e3:g} ms. By the count of the engine, before Python has the answers, "
            f"{result['engine']['overdue']:,} of {result['engine']['done']:,} were late and "
            f"{result['engine']['expired']:,} were not started in time. Other processes took "
            f"{result['others']:.2f} cores meanwhile."
        )
    return "\n\n".join(parts) + "\n"
