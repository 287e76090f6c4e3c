"""Asks a plan and its source in every form, in a process of its own: a crash or a hang is a result like any other."""

from __future__ import annotations

import multiprocessing as mp
import os
import time
import warnings
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import depends_on_batch
from pretzel.verification.alone import answer
from tests.conformance import compare as cmp
from tests.conformance.estimators import Subject, fitted, subjects
from tests.conformance.forms import CONFIGURED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from multiprocessing.connection import Connection
    from multiprocessing.process import BaseProcess

    from tests.conformance.data import Rows
    from tests.conformance.estimators import Fitted
    from tests.conformance.forms import Form

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function", "transform", "score_samples", "apply",
           "decision_path", "kneighbors", "staged_predict", "mahalanobis", "get_leaf_indices")  # fmt: skip
CORE = METHODS[:7]  # those that have a form for one row, natively or not
SECONDS, START = 60.0, 300.0  # without a word from a worker, and until the first


@dataclass(frozen=True)
class Case:
    """One request and what came of it.

    Parameters
    ----------
    subject, fit, method, form : str
    kind : str
        Of the difference; empty where there is none.
    detail : str
    native : bool
        The method has no opaque step.
    """

    subject: str
    fit: str
    method: str
    form: str
    kind: str
    detail: str = ""
    native: bool = False


@dataclass(frozen=True)
class Selection:
    """Which cases are run: a text that names must contain, and how many of the rest are drawn.

    Parameters
    ----------
    estimator, form : str
    sample : int or None
        So many cases of each subject.
    seed : int
    subjects : tuple of str, optional
        Identifiers of the only subjects.
    """

    estimator: str = ""
    form: str = ""
    sample: int | None = None
    seed: int = 0
    subjects: tuple[str, ...] = ()

    def draw(self, subject: Subject, cases: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """The cases of one subject that are run, in their order."""
        found = [case for case in cases if self.form.lower() in case[1].lower()]
        if self.sample is None or len(found) <= self.sample:
            return found
        rng = np.random.default_rng([self.seed, *subject.id.encode()])
        return [found[i] for i in sorted(rng.choice(len(found), self.sample, replace=False))]


def all_subjects(selection: Selection) -> list[Subject]:
    """Estimators and compositions of a selection."""
    from tests.conformance import compositions, dates, registered

    mixed = [Subject(name, int, "mixed") for name in compositions.COMPOSITIONS]
    mixed += [Subject(name, int, "dates") for name in dates.COMPOSITIONS]
    every = (*subjects(), *registered.subjects(), *mixed)
    found = [subject for subject in every if selection.estimator.lower() in subject.id.lower()]
    return [subject for subject in found if not selection.subjects or subject.id in selection.subjects]


def forms_of(kind: str) -> tuple[Mapping[str, Form], Mapping[str, Form]]:
    """Forms of tables, and of single rows, for one kind of rows."""
    from tests.conformance import dates, forms, mixed, sequences

    return {
        "matrix": (forms.MATRIX, forms.ROW),
        "column": (sequences.COLUMN, {}),
        "documents": (sequences.DOCUMENTS, {"row: text": lambda rows: rows.values[0]}),
        "records": (sequences.RECORDS, {"row: dict": lambda rows: dict(rows.values[0])}),
        "labels": (sequences.LABELS, {}),
        "label_sets": (sequences.LABEL_SETS, {}),
        "images": (sequences.IMAGES, {}),
        "cells": (mixed.CELLS, mixed.MIXED_ROW),
        "mixed": (mixed.MIXED, mixed.MIXED_ROW),
        "dates": (dates.FORMS, dates.ROW),
    }[kind]


def run_subject(subject: Subject, selection: Selection, skip: Iterable[tuple[str, str]] = ()) -> Iterator[Case | tuple]:
    """Every case of a subject; before each the pair (method, form) that is tried."""
    os.environ.setdefault("PRETZEL_CALIBRATION", os.devnull)
    import pretzel

    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    yield "", "fit"
    try:
        model = fitted(subject)
    except Exception:
        return  # the tags promise what the estimator does not take
    yield "", "compile"
    try:
        plan = pretzel.compile(model.estimator)
        explained = plan.explain("json")["physical"]
    except Exception as error:
        askable = any(hasattr(model.estimator, method) for method in METHODS)
        kind = "not compiled" if askable or not isinstance(error, pretzel.errors.CompileError) else ""
        yield Case(subject.name, subject.fit, "", "compile", kind, f"{type(error).__name__}: {error}"[:200])
        return
    done = set(skip)
    for method, form in selection.draw(subject, list(cases_of(model))):
        if (method, form) in done:
            continue
        yield method, form
        native = method in explained and not explained[method]["opaque"]
        try:
            kind, detail = _difference(plan, model, method, form)
        except Exception as error:  # the comparison itself failed: shown, never swallowed
            kind, detail = "not compared", f"{type(error).__name__}: {error}"[:200]
        yield Case(subject.name, subject.fit, method, form, kind, detail, native)


def cases_of(model: Fitted) -> Iterator[tuple[str, str]]:
    """Methods and forms of a fitted estimator."""
    tables, rows = forms_of(model.kind)
    for method in METHODS:
        if hasattr(model.estimator, method):
            yield method, "method"
            yield from ((method, form) for form in tables if method == "transform" or form not in CONFIGURED)
            named_columns = model.kind != "matrix" or hasattr(model.estimator, "feature_names_in_")
            yield from ((method, form) for form in rows if named_columns or "dict" not in form)
    for method in ("get_feature_names_out", "score", "inverse_transform"):
        if hasattr(model.estimator, method):
            yield method, "method"


def _difference(plan: Any, model: Fitted, method: str, form: str) -> tuple[str, str]:
    source = model.estimator
    tables, rows = forms_of(model.kind)
    if form == "method":
        return _plain(plan, model, method, list(tables.values())[:2])
    if not hasattr(plan, method):
        return cmp.SAME, ""  # told once, by the form "method"
    if form in rows and not hasattr(plan, method + "_one") and method not in CORE:
        return cmp.SAME, ""
    if form in rows:
        first = type(model.rows)(model.rows.values[:1], model.rows.names)
        row = rows[form](first)
        of_source = _table_of(row, source) if isinstance(row, np.ndarray) else next(iter(tables.values()))(first)
        found = cmp.ask(lambda: getattr(plan, method + "_one")(row))
        expected = cmp.ask(lambda: getattr(source, method)(of_source))
        return cmp.compare_row(found, expected, 4 if "float32" in form else 8)
    make = tables[form]
    if form in CONFIGURED:
        from sklearn import config_context

        with config_context(transform_output=CONFIGURED[form]):
            return _of_table(plan, source, method, make, model.rows)
    return _of_table(plan, source, method, make, model.rows)


def _of_table(plan: Any, source: Any, method: str, make: Form, rows: Rows) -> tuple[str, str]:
    request, of_source = make(rows), make(rows)
    width = cmp.narrowest(request)
    found, expected = (
        cmp.ask(lambda model=model, X=X: _list(answer(model, method, X, alone=depends_on_batch(source))))
        for model, X in ((plan, request), (source, of_source))
    )
    if cmp.fingerprint(request) not in (cmp.fingerprint(make(rows)), cmp.fingerprint(of_source)):
        return "request changed", ""
    return cmp.difference(found, expected, width)


def _table_of(row: Any, source: Any) -> Any:
    """A table of one row that is an array."""
    if not hasattr(source, "feature_names_in_"):
        return row[None]
    import pandas as pd

    return pd.DataFrame(row[None], columns=source.feature_names_in_)


def _plain(plan: Any, model: Fitted, method: str, forms: list[Form]) -> tuple[str, str]:
    """Whether the plan has the method; for those that take no other forms, whether it answers alike.

    The source answers one of the forms.
    """
    if not hasattr(plan, method):
        return "no method", method
    arguments: tuple[Any, ...] = ()
    if method == "score":
        arguments = (forms[0](model.rows), model.y)
    elif method == "inverse_transform":
        answers = [cmp.ask(lambda make=make: model.estimator.transform(make(model.rows))) for make in forms]
        arguments = (next(answer.value for answer in answers if answer.error is None),)
    elif method in METHODS:
        return cmp.SAME, ""
    return cmp.difference(*(cmp.ask(lambda m=m: getattr(m, method)(*arguments)) for m in (plan, model.estimator)))


def _list(answer: Any) -> Any:
    return list(answer) if hasattr(answer, "__next__") else answer


def _work(subject: Subject, selection: Selection, skip: list[tuple[str, str]], pipe: Connection) -> None:
    for message in run_subject(subject, selection, skip):
        pipe.send(message)
    pipe.send(None)


def run(
    selection: Selection, workers: int | None = None, found: list[Subject] | None = None, seconds: float = SECONDS
) -> Iterator[Case]:
    """The cases of a selection, each subject in a process of its own, which is killed after ``seconds`` of silence."""
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(["tests.conformance.preload"])
    waiting = [(subject, []) for subject in reversed(all_subjects(selection) if found is None else found)]
    running: dict[Connection, _Running] = {}
    while waiting or running:
        while waiting and len(running) < (workers or os.cpu_count() or 1):
            worker = _Running(context, selection, *waiting.pop())
            running[worker.pipe] = worker
        ready = wait(list(running), seconds)
        now = time.monotonic()
        for pipe, worker in list(running.items()):
            if pipe not in ready and now - worker.heard < (seconds if worker.began else START):
                continue
            message = worker.receive() if pipe in ready else "hang"
            if isinstance(message, Case):
                yield message
            elif message is None:
                del running[pipe]
            elif isinstance(message, str):
                del running[pipe]
                yield worker.lost(message)
                if worker.at[0]:
                    waiting.append((worker.subject, [*worker.skip, *worker.done, worker.at]))


class _Running:
    """A worker process and how far it has come."""

    def __init__(self, context: Any, selection: Selection, subject: Subject, skip: list[tuple[str, str]]) -> None:
        self.subject, self.skip = subject, skip
        self.done: list[tuple[str, str]] = []
        self.at = ("", "start")
        self.began = False
        self.pipe, child = context.Pipe(duplex=False)
        self.heard = time.monotonic()
        arguments = (subject, selection, skip, child)
        self.process: BaseProcess = context.Process(target=_work, args=arguments, daemon=True)
        self.process.start()
        child.close()

    def receive(self) -> Any:
        """The next case, None at the end, ``"crash"``, or a pair (method, form) that is begun."""
        self.heard, self.began = time.monotonic(), True
        try:
            message = self.pipe.recv()
        except EOFError:
            return "crash"
        if isinstance(message, Case):
            self.done.append((message.method, message.form))
        elif message is not None:
            self.at = message
        if message is None:
            self.process.join()
        return message

    def lost(self, kind: str) -> Case:
        """The case at which the process died or stopped."""
        self.process.kill()
        self.process.join()
        detail = f"exit code {self.process.exitcode}" if kind == "crash" else "no answer in time"
        return Case(self.subject.name, self.subject.fit, *self.at, kind, detail)
