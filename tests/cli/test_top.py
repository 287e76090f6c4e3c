"""``pretzel top``: what it reads, what it shows, and how it outlives a server."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

import pretzel
import pretzel.serving
from pretzel.cli.group import cli
from pretzel.cli.scrape import NoServer, Scrape, rows, scraped, url_of
from pretzel.cli.top import ORDERS, View, follow
from tests.serving.conftest import call, churn

pytest.importorskip("prometheus_client")
console = pytest.importorskip("rich.console")

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.runtime import Runtime

ROW = {"age": 42, "city": "Bonn"}


@contextlib.contextmanager
def serving(app: Any, port: int = 0) -> Iterator[str]:
    """The URL of a server that answers GET requests by an ASGI application, until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = asyncio.run(call(app, "GET", self.path, headers=headers))
            self.send_response(answer.status)
            self.send_header("content-type", answer.headers["content-type"])
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def runtime() -> Iterator[Runtime]:
    """A runtime with two models, one of which has a version beside its default."""
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("churn/de", churn())
        runtime.register("churn/de", churn(("yes", "no")), default=False)
        runtime.register("idle", churn())
        yield runtime


def shown(view: View, width: int = 100, height: int | None = None) -> str:
    """A view as text."""
    file = io.StringIO()
    console.Console(file=file, width=width, force_terminal=False).print(view.picture(width, height))
    return file.getvalue()


def test_a_live_server(runtime: Runtime) -> None:
    with serving(pretzel.serving.app(runtime)) as url:
        view = View(url_of(url))
        view.look()
        assert "no model has been called" in shown(view)
        for _ in range(3):
            runtime["churn/de"].predict_one(ROW)
        runtime["churn/de@v2"].predict_one(ROW)
        with pytest.raises(pretzel.errors.InputError):
            runtime["churn/de"].predict_one({})
        view.look()
        (row,) = view.rows()
        assert (row.model, row.calls, row.failed) == ("churn/de", 5, 0)  # a row that does not fit is no failure
        assert row.rate is not None
        assert row.rate > 0
        assert row.versions == {"v1": 0.8, "v2": 0.2}
        assert row.p50 is not None
        text = shown(view)
        assert "2 models" in text
        assert "v1 80%, v2 20%" in text
        line = next(line for line in text.splitlines() if "churn/de" in line)
        assert line.split()[2:4] == ["5", "0"]
        assert max(map(len, text.splitlines())) <= 100
        view.look()
        (row,) = view.rows()
        assert (row.rate, row.calls) == (0.0, 5)
        assert row.versions == {"v1": 0.8, "v2": 0.2}  # as long as there is nothing newer


def test_a_server_that_starts_again(runtime: Runtime) -> None:
    with serving(pretzel.serving.app(runtime)) as url:
        view = View(url_of(url))
        for _ in range(7):
            runtime["churn/de"].predict_one(ROW)
        view.look()
        port = int(url.rpartition(":")[2])
    view.look()
    text = shown(view)
    assert f"no server at {url}/metrics" in text
    assert "trying again" in text
    assert "churn/de" in text  # what was there before
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as other:
        other.register("churn/de", churn()).predict_one(ROW)
        with serving(pretzel.serving.app(other), port):
            view.look()
    assert "no server" not in shown(view)
    (row,) = view.rows()
    assert row.calls == 1
    assert row.rate is not None
    assert row.rate > 0  # not less than nothing


def test_a_screen(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is drawn again and again, until it is interrupted."""
    file = io.StringIO()
    looks = []

    def interrupt(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("pretzel.cli.top.time.sleep", interrupt)
    runtime["churn/de"].predict_one(ROW)
    with serving(pretzel.serving.app(runtime)) as url, pytest.raises(KeyboardInterrupt):
        follow(View(url_of(url)), console.Console(file=file, width=90, height=20, force_terminal=True), 0.5)
    assert looks == [0.5, 0.5]
    assert file.getvalue().count("churn/de") == 2
    assert "every 0.5 s" in file.getvalue()


def test_once(runtime: Runtime) -> None:
    runtime["churn/de"].predict_one(ROW)
    with serving(pretzel.serving.app(runtime)) as url:
        for arguments in ([url, "--once"], [url.removeprefix("http://")], [f"{url}/metrics"]):
            done = CliRunner().invoke(cli, ["top", *arguments])
            assert done.exit_code == 0, done.output
            assert "churn/de" in done.stdout
        found = json.loads(CliRunner().invoke(cli, ["top", url, "--json"]).stdout)
        assert found["server"]["models"] == 2
        assert [(row["model"], row["calls"], row["rate"]) for row in found["models"]] == [("churn/de", 1, None)]
        nothing = CliRunner().invoke(cli, ["top", f"{url}/ml", "--once"])
        assert (nothing.exit_code, "answers 404" in nothing.stderr) == (3, True)
    done = CliRunner().invoke(cli, ["top", url, "--once"])
    assert done.exit_code == 3
    assert done.stderr == f"pretzel: no server at {url}/metrics (Connection refused)\n"
    for bad in ("ftp://x", "file:///etc/passwd", "http://"):
        assert CliRunner().invoke(cli, ["top", bad]).exit_code == 2


def metrics_of(body: bytes) -> Any:
    """An application that answers with these metrics."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def test_other_servers(runtime: Runtime, monkeypatch: pytest.MonkeyPatch) -> None:
    for body in (
        b"up 1\n",
        b"<html>",
        b"{}",
        b"\xff",
        b"# TYPE pretzel_models gauge\npretzel_models NaN\n",
        b'pretzel_models{model="a", =x="x"} 5\n',
    ):
        with serving(metrics_of(body)) as url, pytest.raises(NoServer, match="no metrics of Pretzel"):
            scraped(url_of(url))
    with monkeypatch.context() as patch, serving(pretzel.serving.app(runtime)) as url:
        patch.setattr("pretzel.serving.prometheus.text", None)
        with pytest.raises(NoServer, match="answers 500: internal error"):
            scraped(url_of(url))


def test_samples_that_are_no_figures_are_left_out() -> None:
    text = "# TYPE pretzel_models gauge\npretzel_models 2\npretzel_processes NaN\n"
    text += "".join(f'pretzel_memory_bytes{{kind="{kind}"}} -Inf\n' for kind in ("used", "limit"))
    for model, value in (("a", "5"), ("b", "NaN"), ("c", "+Inf"), ("d", "1e308"), ("e", "7")):
        text += f'pretzel_requests_total{{model="{model}",outcome="answered"}} {value}\n'
        text += f'pretzel_version_calls_total{{model="{model}",version="v1"}} {value}\n'
    for edge in ("-Inf", "NaN", "abc", "", "0.001", "+Inf"):
        text += f'pretzel_request_seconds_bucket{{model="a",le="{edge}"}} 5\n'
    text += 'pretzel_request_seconds_bucket{model="a"} 5\npretzel_request_seconds_bucket{model="a",le="0.01"} NaN\n'
    with serving(metrics_of(text.encode())) as url:
        view = View(url_of(url), "calls")
        for _ in range(2):
            view.look()
            assert [(row.model, row.calls) for row in view.rows()] == [("e", 7), ("a", 5)]
            assert "2 models" in shown(view)
        assert view.rows()[1].p50 == pytest.approx(0.0005)
        assert view.data()["server"]["memory"] is None
        done = CliRunner().invoke(cli, ["top", url, "--once", "--json"])
    assert done.exit_code == 0
    assert [each["model"] for each in json.loads(done.stdout)["models"]] == ["e", "a"]


def scrape(when: float, calls: dict[str, tuple[int, int]], times: dict[str, list[int]]) -> Scrape:
    """Metrics with calls (answered, failed) and cumulative buckets (1 ms, 10 ms, more) of models."""
    requests = {
        (("method", "predict"), ("model", model), ("outcome", outcome)): float(count)
        for model, counts in calls.items()
        for outcome, count in zip(("answered", "failed"), counts, strict=True)
    }
    buckets = {
        (("le", edge), ("method", "predict"), ("model", model)): float(count)
        for model, counts in times.items()
        for edge, count in zip(("0.001", "0.01", "+Inf"), counts, strict=True)
    }
    return Scrape({"pretzel_requests_total": requests, "pretzel_request_seconds_bucket": buckets}, when)


def test_rates_and_quantiles_are_those_between_two_looks() -> None:
    before = scrape(10.0, {"a": (100, 2), "b": (10, 0)}, {"a": [100, 100, 100], "b": [10, 10, 10]})
    now = scrape(12.0, {"a": (120, 4), "b": (10, 0), "c": (6, 0)}, {"a": [100, 120, 120], "b": [10, 10, 10]})
    a, b, c = rows(now, before)
    assert (a.rate, b.rate, c.rate) == (11.0, 0.0, 3.0)
    assert (a.calls, a.failed) == (124, 4)
    assert a.p50 == pytest.approx(0.0055)
    assert b.p50 == pytest.approx(0.0005)
    assert c.p50 is None
    assert [row.rate for row in rows(now, None)] == [None] * 3


def test_orders() -> None:
    view = View("", "rate")
    view.before = scrape(0.0, {"a": (100, 0), "b": (1, 0)}, {})
    view.now = scrape(1.0, {"a": (101, 0), "b": (9, 3), "c": (5, 0)}, {"c": [0, 0, 9]})
    found = {}
    for view.sort in ORDERS:
        found[view.sort] = "".join(row.model for row in view.rows())
    assert found == {"rate": "bca", "calls": "abc", "failed": "bac", "p50": "cab", "p99": "cab", "model": "abc"}


def test_narrow_and_short_screens() -> None:
    view = View("")
    view.now = scrape(0.0, {f"model{i:02}" + "x" * 50: (i, 0) for i in range(30)}, {})
    lines = shown(view, 60, 12).splitlines()
    assert max(map(len, lines)) <= 60
    assert len(lines) <= 12
    assert "and 25 more" in lines[-1]


@pytest.mark.parametrize("width", [100, 80, 60, 50, 40, 30])
def test_names_and_figures_are_readable_on_narrow_screens(width: int) -> None:
    view = View("")
    view.before = scrape(0.0, {"tenant/03": (5, 0)}, {})
    view.now = scrape(1.0, {"tenant/03": (1_234_567, 36)}, {"tenant/03": [3, 4, 900]})
    text = shown(view, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    (line,) = (line.split() for line in text.splitlines() if "tenant" in line)
    figures = ["1,234,598.0", "1,234,603", "36", "10", "ms", "10", "ms"]
    assert line[0] == "tenant/03"
    narrow = {60: [figures[0], *figures[2:]], 50: [figures[0], *figures[2:5]], 40: [figures[0], "10", "ms"]}
    assert line[1:] == (figures if width >= 80 else narrow.get(width, figures[:1]))
    assert "answers none" in " ".join(text.split())


def test_several_processes_are_told() -> None:
    view = View("")
    for count, is_told in ((1.0, False), (4.0, True)):
        view.now = Scrape({"pretzel_processes": {(): count}})
        assert ("4 processes" in shown(view)) is is_told


def test_answers_that_were_counted_are_whole_numbers() -> None:
    view = View("")
    view.now = Scrape({"pretzel_http_responses_total": {(("status", "200"),): 1043.0, (("status", "404"),): 2.5}})
    assert "answers 200: 1,043, 404: 2.5" in " ".join(shown(view, 200).split())


def test_names_steer_no_terminal() -> None:
    view = View("")
    view.now = scrape(0.0, {"\x1b[2J[red]x": (1, 0)}, {})
    text = shown(view)
    assert "\x1b" not in text
    assert "[red]x" in text
