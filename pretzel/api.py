"""``pretzel.compile``, and the runtimes and stores that compile with it: where oven, store and runtime meet."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Literal

from pretzel.errors import CompileError, KernelError
from pretzel.options import Options, check_option
from pretzel.runtime.log import logger
from pretzel.runtime.model import Plan
from pretzel.runtime.plan_store import PlanStore
from pretzel.runtime.prepare import set_compiler
from pretzel.runtime.programs import leaves_rows
from pretzel.runtime.runtime import Runtime
from pretzel.runtime.source import ActsAsEstimator, Source
from pretzel.runtime.summary import summary
from pretzel.store.object_store import ObjectStore, default_store
from pretzel.upgrade import load

__all__ = ["PlanStore", "Runtime", "compile", "load"]


def compile(
    estimator: Any,
    *,
    strict: bool = False,
    numerics: Literal["fast", "strict"] = "fast",
    disable_rules: tuple[str, ...] = (),
    none: Literal["missing", "exact"] = "missing",
    name: str = "",
    keep_source: bool = False,
    store: ObjectStore | None = None,
) -> Plan:
    """Compile a fitted estimator.

    Parameters
    ----------
    estimator : fitted estimator, str or path
        A Pipeline, a ColumnTransformer, a single model, a booster, ... It is never changed, and the caller
        should not change it either. A text or path names a model file: LightGBM's text format, and XGBoost's JSON
        and UBJSON, are read without the library.
    strict : bool
        Raise `OpaqueStepError` if a step has no native form, instead of calling it from Python.
    numerics : {"fast", "strict"}
        ``"strict"`` leaves out rewrites that change the order of a sum.
    disable_rules : tuple of str
        Names of rewrite rules to leave out.
    none : {"missing", "exact"}
        What None means in a single row and in a list of dicts, which scikit-learn does not know. ``"missing"``: the
        missing value that the fitted column knows, which is a missing category of its encoder, else ``missing_values``
        of its imputer, else NaN among numbers. ``"exact"``: None, as in a column of objects. Tables are not concerned:
        None, NaN, ``pandas.NA`` and null of polars are there what they are for scikit-learn.
    name : str, optional
        Name of the model in messages; the class name by default.
    keep_source : bool
        Keep the estimator for what has no native form: its other methods and attributes (``score``, ``coef_``), and
        calls with further arguments (``predict(X, return_std=True)``). By default, the plan refers to it weakly: it
        answers these while the caller keeps the estimator, whose memory is free afterwards. Steps without a native
        form are always kept, and so is an estimator to which a step leaves some rows (`KNNImputer`).
    store : ObjectStore, optional
        Holds the parameters, shared with other plans; the store of this process by default.

    Returns
    -------
    Plan
        Gives the estimator's answers, to rtol 1e-9 and atol 1e-12 in float64; labels are equal.

    Raises
    ------
    UnfittedError, OpaqueStepError, ModelFileError, CompileError
    ValueError
        ``numerics`` is neither of the two, or there is no rule of a name in ``disable_rules``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> import pretzel
    >>> X = np.array([[0.0, 1.0], [1.0, 1.0], [2.0, 0.0]])
    >>> plan = pretzel.compile(LinearRegression().fit(X, [1.0, 2.0, 3.0]))
    >>> round(plan.predict_one((3.0, 0.0)), 6)
    4.0
    """
    from pretzel.oven import compile_estimator
    from pretzel.oven.frontends.registry import on_tables

    is_file = isinstance(estimator, str | os.PathLike)
    if is_file:
        from pretzel.oven.frontends.model_files import read_model_file

        estimator = read_model_file(estimator)
    if isinstance(estimator, ActsAsEstimator):
        raise CompileError(f"{estimator.name} is compiled already: compile its estimator")
    check_option("name", name, str)
    check_option("keep_source", keep_source, bool)
    check_option("store", store, ObjectStore | None)
    options = Options(strict=strict, numerics=numerics, none=none)
    if isinstance(disable_rules, str):
        raise TypeError(f"disable_rules is a tuple of names, got the string {disable_rules!r}")
    options = replace(options, disable=(*options.disable, *disable_rules))
    store = default_store() if store is None else store
    physical, lease = compile_estimator(estimator, options, store)
    try:
        keeps = keep_source or leaves_rows(physical)
        plan = Plan(
            physical, store, lease, name, None if is_file else Source(estimator, keep=keeps, on_tables=on_tables)
        )
    except KernelError as error:
        raise CompileError(f"{type(estimator).__name__}: {error}") from error
    if plan.opaque_steps:
        logger.info("%s", summary(plan))
    return plan


set_compiler(compile)
