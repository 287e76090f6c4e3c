"""The native core: kernels, plans and the executor behind one extension module."""

# ruff: noqa: I001  (isort would import every name in a statement of its own)

from __future__ import annotations

from pretzel._native._core import (
    CallCounter as CallCounter,
    Endpoint as Endpoint,
    Handle as Handle,
    Method as Method,
    ModelResolver as ModelResolver,
    NativeProgram as NativeProgram,
    ResultCache as ResultCache,
    RoutedMethod as RoutedMethod,
    Scheduler as Scheduler,
    StoreLock as StoreLock,
    Task as Task,
    UninterruptedCondition as UninterruptedCondition,
    WeightedRoute as WeightedRoute,
    answer_many as answer_many,
    answers as answers,
    arena_bytes as arena_bytes,
    bind as bind,
    call_seconds as call_seconds,
    check_call as check_call,
    check_state as check_state,
    cost_coefficients as cost_coefficients,
    enumerations as enumerations,
    frame_array as frame_array,
    isa as isa,
    kernels as kernels,
    live as live,
    resolve_all as resolve_all,
    row_function as row_function,
    set_callbacks as set_callbacks,
    set_cost_coefficients as set_cost_coefficients,
    set_isa as set_isa,
    signatures as signatures,
    speed_factor as speed_factor,
    state_key as state_key,
    swap_targets as swap_targets,
)
