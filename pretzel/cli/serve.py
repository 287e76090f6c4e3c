"""``pretzel serve``."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Any

import click

from pretzel.cli.models import is_store, trust
from pretzel.cli.output import printable
from pretzel.cli.workers import run, run_several
from pretzel.errors import OptionError
from pretzel.serving import app
from pretzel.serving.grpc import server
from pretzel.serving.logs import FORMATS, configuration

if TYPE_CHECKING:
    from pretzel.serving.application import Application


@click.command()
@click.argument("store")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at; 0.0.0.0 is all of them.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535))
@click.option("--grpc-port", type=click.IntRange(1, 65535), help="Answer over gRPC, too, at this port.")
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1),
    help="Processes over one socket; one that dies is replaced. Metrics are those of all.",
)
@click.option(
    "--threads", type=click.IntRange(1), help="Threads of each process for tables and long rows; by default all cores."
)
@click.option(
    "--watch", default=1.0, show_default=True, type=click.FloatRange(0), help="Seconds between looks at STORE; 0: none."
)
@click.option("--memory-limit", metavar="SIZE", help='Of each process, such as "2GB"; the least called models leave.')
@click.option("--max-bytes", default="64MB", show_default=True, metavar="SIZE", help="Longest body of a request.")
@click.option("--max-requests", default=1024, show_default=True, type=click.IntRange(1), help="Under way at once.")
@click.option("--drain", default=30.0, show_default=True, type=click.FloatRange(0), help="Seconds to finish requests.")
@click.option("--warm-up/--no-warm-up", default=True, help="Whether to load and try all models before being ready.")
@click.option("--manage", is_flag=True, help="Let callers load and unload models.")
@click.option("--root-path", default="", help="Path under which a proxy serves all this.")
@click.option("--access-log", is_flag=True, help="Write a line for each request.")
@click.option("--log-format", type=click.Choice(FORMATS), default="text", show_default=True, help="Of lines on stderr.")
@trust
def serve(
    store: str,
    host: str,
    port: int,
    workers: int,
    drain: float,
    root_path: str,
    access_log: bool,
    log_format: str,
    **settings: Any,
) -> None:
    """Answer requests for the models of STORE over HTTP, and gRPC if asked to, until told to stop (SIGTERM, Ctrl-C).

    Versions published in STORE later are served, too. Requests under way are finished at the end. The paths are
    described at /openapi.json, and / shows models, traffic, latency and memory.
    """
    if not is_store(store):
        raise click.UsageError(f"there is no store {store!r}: give the directory of one, or a URL")
    if settings["grpc_port"] is not None and importlib.util.find_spec("grpc") is None:
        raise click.UsageError("--grpc-port needs grpcio: pip install 'pretzel-serving[grpc]'")
    if workers > 1 and settings["manage"]:
        raise click.UsageError("--manage reaches one of several processes only: leave --workers at 1")
    settings |= {"store": store, "drain": drain, "host": host, "workers": workers}
    options: dict[str, Any] = {
        "host": host,
        "port": port,
        "root_path": root_path,
        "access_log": False,  # Pretzel's own tells more
        "log_config": configuration(log_format, requests=access_log),
        "log_level": "info" if access_log else "warning",
        "server_header": False,
        "timeout_graceful_shutdown": max(int(drain), 1),
    }
    try:
        served = made(settings)  # also where workers are asked for: what is wrong is told before they start
    except OptionError as error:
        raise click.UsageError(str(error)) from error
    names = len(served.runtime)
    several = f", {workers} processes" if workers > 1 else ""
    over_grpc = f" and grpc://{host}:{settings['grpc_port']}" if settings["grpc_port"] else ""
    where = f"http://{host}:{port}{root_path}{over_grpc}"

    def listening() -> None:
        click.echo(f"{names} model(s) of {printable(store)} at {where}{several}", err=True)

    if workers == 1:
        run(served, options, listening=listening)
    served.runtime.close()
    run_several(made, settings, options, workers, listening)


def made(settings: dict[str, Any]) -> Application:
    """The application over a store."""
    from pretzel.api import Runtime

    runtime = Runtime(
        store=settings["store"],
        watch=settings["watch"],
        memory_limit=settings["memory_limit"],
        executors=settings["threads"],
        trusted=settings["trusted"],
        allow_pickle=settings["allow_pickle"],
    )
    names = ("manage", "max_bytes", "max_requests", "drain", "warm_up")
    served = app(runtime, close=True, **{name: settings[name] for name in names})
    if settings["grpc_port"] is not None:
        host = f"[{settings['host']}]" if ":" in settings["host"] else settings["host"]
        shared = {"grpc.so_reuseport": int(settings["workers"] > 1)}  # by the processes
        server(served, f"{host}:{settings['grpc_port']}", options=[*shared.items()])
    return served
