"""What all commands have in common: exit codes, errors in one line, completion; the installed command as a process."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import pretzel
from pretzel.cli.group import cli
from pretzel.errors import CorruptStoreError


def test_help_tells_exit_codes_and_commands(run):
    text = run("--help").output
    for word in ("Exit codes:", "STORE:NAME@VERSION", *cli.commands):
        assert word in text


@pytest.mark.parametrize("name", sorted(cli.commands))
def test_every_command_has_help(run, name):
    assert cli.commands[name].help
    assert "Usage: pretzel" in run(f"{name} --help").stdout


def test_release(run):
    assert run("--version").stdout == f"pretzel {pretzel.__version__}\n"


def test_an_error_is_one_line(run, folder):
    (folder / "bad.pretzel").write_bytes(b"no plan\nat all")
    done = run("inspect bad.pretzel", code=3)
    assert done.stdout == ""
    assert done.stderr.startswith("pretzel: bad.pretzel is no plan file")
    assert done.stderr.count("\n") == 1


def test_debug_shows_the_traceback(folder):
    (folder / "bad.pretzel").write_bytes(b"no plan")
    done = CliRunner().invoke(cli, ["--debug", "inspect", "bad.pretzel"])
    assert isinstance(done.exception, CorruptStoreError)


@pytest.mark.parametrize(
    "text", ["explain", "explain .", "explain nothing.pretzel", "explain nothing.joblib", "gc nowhere", "bake"]
)
def test_wrong_usage(run, text):
    assert "Error: " in run(text, code=2).stderr


def test_an_interrupt_is_no_finding(run, store, monkeypatch):
    def stop(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(pretzel.PlanStore, "gc", stop)
    run("gc models", code=130)


@pytest.mark.parametrize(("module", "extra"), [("skops", "skops"), ("joblib", "sklearn")])
def test_what_is_not_installed_is_named(run, folder, monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, "joblib", None)
    monkeypatch.setitem(sys.modules, "skops.io", None)
    (folder / "m.skops").write_bytes(b"")
    file = "m.skops" if module == "skops" else "m.joblib"
    error = run(f"compile {file} -o m.pretzel", code=3).stderr.splitlines()[-1]
    assert error == f"pretzel: {module} is not installed: pip install 'pretzel-serving[{extra}]'"


def in_process(*arguments, code=0, **environment):
    """Run the command as users do: the script beside Python where the wheel is tested, else the tree."""
    where = os.path.dirname(os.path.dirname(pretzel.__file__))
    script = [str(Path(sys.executable).with_name("pretzel"))]
    command = script if os.environ.get("PRETZEL_TEST_INSTALLED") else [sys.executable, "-m", "pretzel"]
    done = subprocess.run(
        [*command, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"PYTHONPATH": where} | environment,
    )
    assert done.returncode == code, done.stderr
    return done


def started(*arguments):
    """The command as a process that runs."""
    where = os.path.dirname(os.path.dirname(pretzel.__file__))
    return subprocess.Popen(
        [sys.executable, "-m", "pretzel", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": where},
    )


def test_from_a_pickle_to_predictions(folder, pipeline, table):
    assert "runs code of the file" in in_process("compile", "m.joblib", "-o", "models", "--name", "churn/de").stderr
    in_process("verify", "models:churn/de", "m.joblib", "d.csv")
    lines = in_process("predict", "models:churn/de@v1", "d.csv", "-o", "-").stdout.splitlines()
    assert lines == ["predict", *pipeline.predict(table)]
    done = in_process("inspect", "models:rent", code=3)
    assert done.stderr == f"pretzel: {folder}/models has no model 'rent'\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_is_stopped_leaves_nothing(folder, table, number):
    in_process("compile", "m.joblib", "-o", "m.pretzel")
    pd.concat([table] * 10_000).to_csv("long.csv", index=False)
    # Row by row it takes minutes, so that the signal comes before the end on any machine.
    running = started("predict", "m.pretzel", "long.csv", "-o", "out.csv", "--batch", "1")
    while running.poll() is None and not [*folder.glob(".out.csv.*")]:
        time.sleep(0.01)
    running.send_signal(number)
    error = running.communicate(timeout=60)[1]
    assert (running.returncode, error) == (128 + number, "")
    assert not [*folder.glob("*out.csv*")]


def test_a_reader_that_closes_the_output_is_no_error(folder, table):
    in_process("compile", "m.joblib", "-o", "m.pretzel")
    pd.concat([table] * 10_000).to_csv("long.csv", index=False)
    running = started("predict", "m.pretzel", "long.csv", "-o", "-")
    assert running.stdout.readline() == "predict\n"
    running.stdout.close()
    assert running.stderr.read() == ""
    assert running.wait(60) == 141


def test_the_shell_completes_commands(folder):
    done = in_process(_PRETZEL_COMPLETE="bash_complete", COMP_LINE="pretzel pre")
    assert done.stdout.split() == ["plain,predict"]
    done = in_process(_PRETZEL_COMPLETE="bash_complete", COMP_LINE="pretzel ")
    assert {"plain,predict", "plain,compile"} < {*done.stdout.split()}


def test_the_shell_completes_models(folder, pipeline):
    models = pretzel.PlanStore("models")
    for name in ("churn/de", "churn/fr", "rent/de"):
        models.publish(name, pipeline)
    for command in ("explain", "predict", "inspect", "coverage"):
        done = in_process(_PRETZEL_COMPLETE="zsh_complete", COMP_WORDS=f"pretzel {command} models:ch", COMP_CWORD="2")
        assert [line for line in done.stdout.split() if "models" in line] == ["models:churn/de", "models:churn/fr"]
    done = in_process(_PRETZEL_COMPLETE="zsh_complete", COMP_WORDS="pretzel explain mod", COMP_CWORD="2")
    assert done.stdout.split()[0] == "file"


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
@pytest.mark.parametrize(
    ("line", "breaks", "found"),
    [
        ("pretzel inspect models:ch", True, ["churn/de"]),
        ("pretzel inspect models:ch", False, ["models:churn/de"]),
        ("pretzel explain --json 'my models:", True, ["churn/de"]),
        ("pretzel insp", True, ["inspect"]),
    ],
)
def test_bash_completes_models(folder, pipeline, line, breaks, found):
    """bash divides words at colons, unless the user has taken that away."""
    for store in ("models", "my models"):
        pretzel.PlanStore(store).publish("churn/de", pipeline)
    (folder / "pretzel").write_text(f'#!/bin/sh\nexec {sys.executable} -m pretzel "$@"\n')
    (folder / "pretzel").chmod(0o755)
    script = """
eval "$(_PRETZEL_COMPLETE=bash_source pretzel)"
compopt() { :; }
COMP_WORDBREAKS=$1; COMP_LINE=$2; COMP_POINT=${#2}
_pretzel_completion pretzel
printf '%s\\n' "${COMPREPLY[@]}"
"""
    where = os.path.dirname(os.path.dirname(pretzel.__file__))
    environment = os.environ | {"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": where}
    divides = " \n:=" if breaks else " \n="
    done = subprocess.run(
        ["bash", "--norc", "-c", script, "bash", divides, line], capture_output=True, text=True, env=environment
    )
    assert done.stdout.splitlines() == found, done.stderr


def test_without_click(folder):
    hidden = """
import sys
from pathlib import Path

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Hidden())
import pretzel.cli
sys.exit(pretzel.cli.main())
"""
    where = os.path.dirname(os.path.dirname(pretzel.__file__))
    done = subprocess.run(
        [sys.executable, "-c", hidden], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": where}
    )
    assert (done.returncode, done.stderr) == (
        3,
        "pretzel: the command line needs click: pip install 'pretzel-serving[cli]'\n",
    )


def test_the_readme_shows_commands_that_work(run, folder):
    """The block of commands in README runs as it stands."""
    readme = Path(__file__).resolve().parents[2] / "README.md"
    block = re.search(r"^```sh\n(pretzel .*?)^```", readme.read_text(), re.M | re.S)[1]
    (folder / "model.joblib").write_bytes((folder / "m.joblib").read_bytes())
    frame = pd.read_csv("d.csv")
    frame.to_csv("customers.csv")
    frame.to_parquet("customers.parquet")
    for line in block.splitlines():
        run(line.partition("#")[0].removeprefix("pretzel "))
    assert (folder / "answers.csv").read_text().startswith("id,predict_proba_no,")
