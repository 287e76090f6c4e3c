"""One contender under load, in a process of its own: its saturation, then its latency at rising rates."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import time
import traceback
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.load.arrivals import draw
from benchmarks.load.driver import ANSWERED, FAILED, GIVEN_UP, REJECTED, UNANSWERED, Outcome, bind, drive
from benchmarks.measure import Difference, compare

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.families import Member
    from benchmarks.load.contenders import Contender
    from benchmarks.load.rows import Rows

LATE = {"single": 0.010, "batch": 0.250}  # seconds after which an answer counts as late
UNLOADED = 0.05  # of saturation: requests rarely overlap
CHECKED = 60  # answers that are compared with the estimators' own
WARM = 20  # models of each kind that are called once before anything is timed
MOST = 200_000  # requests of a closed loop


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Parameters
    ----------
    saturation : float
        Seconds of one closed loop.
    repeats : int
        Closed loops; the median counts.
    point : float
        Seconds of one rate.
    fractions : tuple of float
        Rates, as shares of the contender's own saturation.
    """

    saturation: float
    repeats: int
    point: float
    fractions: tuple[float, ...]


@dataclass(frozen=True)
class Site:
    """Models with their popularity, and rows for each kind."""

    members: Sequence[Member]
    shares: np.ndarray
    rows: Sequence[Rows]

    def only(self, chosen: Sequence[int]) -> Site:
        """The same with some of the models."""
        used = {self.members[i].kind for i in chosen}
        shares = self.shares[list(chosen)]
        rows = [one for one in self.rows if one.kind in used]
        return Site([self.members[i] for i in chosen], shares / shares.sum(), rows)


def in_child(function: Callable[[], dict[str, Any]], limit: float) -> dict[str, Any]:
    """Result of a function that runs in a forked process, or ``{"error": ...}``.

    Threads and memory of a contender end with the process, and a contender that hangs is killed. ``"others"`` of the
    result is the number of cores that other processes took meanwhile, which should be zero.

    Parameters
    ----------
    function : callable
        Runs in the child.
    limit : float
        Seconds that it may take.
    """
    before, start = _others(), time.perf_counter()
    context = get_context("fork")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(theirs, function))
    process.start()
    theirs.close()
    group = process.pid or 0  # `_child` puts itself into a group of this number
    try:
        result: dict[str, Any] = {"error": f"not done after {limit:.0f} s"}
        if ours.poll(limit):
            result = ours.recv()
            process.join(5.0)
    except EOFError:
        result = {"error": "the process died"}
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)  # processes of its own, too
    process.join()
    return {**result, "others": (_others() - before) / (time.perf_counter() - start)}


def _others() -> float:
    """CPU seconds of other processes; zero if the system does not tell."""
    stat = Path("/proc/stat")
    if not stat.exists():
        return 0.0
    user, nice, system = (int(word) for word in stat.read_text().split(maxsplit=4)[1:4])
    mine, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own = mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - own


def _child(pipe: Any, function: Callable[[], dict[str, Any]]) -> None:
    os.setpgid(0, 0)
    try:
        result = function()
    except Exception as error:
        traceback.print_exc()
        result = {"error": f"{type(error).__name__}: {error}"}
    pipe.send(result)
    pipe.close()


class Trial:
    """A contender and its requests.

    Parameters
    ----------
    contender : Contender
        Answers the requests.
    site : Site
        Models and rows to serve.
    seed : int
        Of the requests: the same for all contenders.
    """

    def __init__(self, contender: Contender, site: Site, seed: int = 1) -> None:
        self.contender, self.site, self.seed = contender, site, seed

    def warm(self) -> None:
        """Call the most popular models once in both ways."""
        ranked = np.argsort(-self.site.shares)
        for rows in self.site.rows:
            single, batch = (form[0] for form in self.contender.arguments(rows))
            for model in [i for i in ranked if self.site.members[i].kind == rows.kind][:WARM]:
                _wait(self.contender.single(model)(single))
                _wait(self.contender.batch(model)(batch))

    def check(self) -> dict[str, Any]:
        """Differences between the answers of the contender and those of the estimators."""
        requests = draw(self.site.shares, 1.0, CHECKED, self.seed)
        calls, arguments = bind(self.contender, self.site.members, self.site.rows, requests)
        rows = {one.kind: one for one in self.site.rows}
        total = Difference()
        for i, model in enumerate(requests.model.tolist()):
            member = self.site.members[model]
            form = rows[member.kind].batches if requests.batch[i] else rows[member.kind].singles
            expected = member.estimator.predict(form[requests.row[i] % len(form)])
            got = np.reshape(_wait(calls[i](arguments[i])), expected.shape)
            total += compare(got, expected, hasattr(member.estimator, "classes_"))
        return asdict(total)

    def saturation(self, seconds: float, repeats: int = 1, batch_share: float = 0.5) -> float:
        """Requests per second when there is always more to do; median of some runs."""
        rates = []
        for repeat in range(repeats):
            requests = draw(self.site.shares, 1.0, MOST, self.seed + repeat, batch_share)
            outcome = drive(self.contender, self.site.members, self.site.rows, requests, seconds, closed=True)
            rates.append(int(np.count_nonzero(outcome.state == ANSWERED)) / outcome.seconds)
        return float(np.median(rates))

    def point(self, rate: float, seconds: float, least: int = 1) -> dict[str, Any]:
        """Latencies at one rate.

        Parameters
        ----------
        rate : float
            Requests per second.
        seconds : float
            How long they arrive.
        least : int
            Requests at least, for slow contenders, if that takes no more than three times as long.
        """
        count = max(int(rate * seconds), min(least, int(rate * seconds * 3)), 2)
        requests = draw(self.site.shares, rate, count, self.seed)
        end = float(requests.seconds[-1]) + 0.5
        return summary(drive(self.contender, self.site.members, self.site.rows, requests, end), rate)

    def curve(self, effort: Effort, rates: Sequence[float] = ()) -> dict[str, Any]:
        """Everything about one contender.

        Parameters
        ----------
        effort : Effort
            How long to measure.
        rates : sequence of float
            Rates beside the shares of its own saturation.
        """
        self.warm()
        differences = self.check()
        saturation = self.saturation(effort.saturation, effort.repeats)
        unloaded = self.point(UNLOADED * saturation, effort.point, least=200)
        points = []
        for share in effort.fractions:  # of what it can do just then: a machine may be slower a minute later
            rate = share * self.saturation(effort.saturation)
            points.append({"fraction": share, **self.point(rate, effort.point)})
        points += [{"fraction": rate / saturation, **self.point(rate, effort.point)} for rate in rates]
        return {
            "models": len(self.site.members),
            "differences": differences,
            "saturation": saturation,
            "unloaded": unloaded,
            "points": points,
        }


def _wait(answer: Any) -> Any:
    return answer.result() if isinstance(answer, Future) else answer


def summary(outcome: Outcome, rate: float) -> dict[str, Any]:
    """Figures of one rate; latencies in microseconds from the time at which requests were to arrive.

    Requests that were not answered count with the time that they had waited by the end; rejected and failed ones have
    no latency. Under ``"own"`` is the time since a client took the request, where it was answered.
    """
    due = outcome.arrivals.seconds * 1e9
    latency = (outcome.answered - due) * 1e-3
    answered = int(np.count_nonzero(outcome.state == ANSWERED))
    span = max(outcome.seconds, float(outcome.arrivals.seconds[-1]))
    sent = outcome.sent > 0
    result: dict[str, Any] = {
        "rate": rate,
        "answered_per_second": answered / span,
        "saturated": answered / span < 0.95 * len(outcome.arrivals) / float(outcome.arrivals.seconds[-1]),
        "error": outcome.error,
        "sent_late_us": _percentiles((outcome.sent - due)[sent] * 1e-3),
    }
    for name, chosen in (("single", ~outcome.arrivals.batch), ("batch", outcome.arrivals.batch)):
        state = outcome.state[chosen]
        waited = latency[chosen][(state == ANSWERED) | (state == UNANSWERED)]
        served = (outcome.answered - outcome.sent)[chosen][state == ANSWERED] * 1e-3
        count = max(1, len(state))
        result[name] = {
            "count": len(state),
            **_percentiles(waited),
            "own": _percentiles(served),
            "rejected": np.count_nonzero((state == REJECTED) | (state == GIVEN_UP)) / count,
            "failed": np.count_nonzero(state == FAILED) / count,
            "unanswered": np.count_nonzero(state == UNANSWERED) / count,
            "late": np.count_nonzero(waited > LATE[name] * 1e6) / count,
        }
    return result


def _percentiles(values: np.ndarray) -> dict[str, float | None]:
    names = {"p50": 50, "p99": 99, "p99.9": 99.9}
    if not len(values):
        return dict.fromkeys(names)
    return {name: float(np.percentile(values, at)) for name, at in names.items()}


def cores() -> int:
    """Cores of the machine: client threads, and workers of every peer."""
    return os.cpu_count() or 1
