# distutils: language = c++
# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: freethreading_compatible=True
"""The only door between Python and the native core. It reads requests, runs programs and wraps results, without
computing anything. It imports nothing of ``pretzel.runtime``: the runtime hands in what is needed (`set_callbacks`)."""

import inspect
import math
import os
import sys
import threading
from collections import deque
from functools import lru_cache
from types import SimpleNamespace

cimport cython
cimport numpy as cnp
from cpython.buffer cimport PyBuffer_FillInfo
from cpython.exc cimport PyErr_CheckSignals, PyErr_Clear, PyErr_Occurred
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Check, PyDict_CheckExact, PyDict_Next, PyDict_Size
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_CheckExact
from cpython.list cimport PyList_AsTuple, PyList_CheckExact, PyList_GET_ITEM, PyList_GET_SIZE
from cpython.long cimport PyLong_Check, PyLong_CheckExact
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_Check, PyTuple_CheckExact, PyTuple_GET_ITEM, PyTuple_GET_SIZE
from cpython.unicode cimport (
    PyUnicode_AsUTF8AndSize, PyUnicode_Check, PyUnicode_CheckExact, PyUnicode_Compare, PyUnicode_DecodeUTF8
)
from cython.operator cimport dereference as deref
from libc.errno cimport errno
from libc.math cimport NAN
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy
from libcpp cimport bool as cbool
from libcpp.vector cimport vector
from posix.mman cimport MAP_FAILED, MAP_SHARED, PROT_READ, madvise, mmap, munmap
from posix.stat cimport fstat, struct_stat

from native cimport *

import numpy as np

from pretzel import errors

cnp.import_array()

cdef int64_t CHUNK = 8192  # rows of cells unpacked at a time
cdef double RELEASE_GIL_NS = 20_000.0  # shorter requests keep the GIL, because handing it over costs more
cdef int64_t RELEASE_GIL_BYTES = 1 << 18  # the same for binding parameters
cdef Count live_programs
cdef Count live_methods
cdef Count live_endpoints

cdef tuple ISA_NAMES = ("baseline", "x86-64-v3", "x86-64-v4")


if registry_clash() != NULL:
    raise ImportError(f"two native kernels are called {registry_clash().decode()}")


def kernels():
    """Names of all kernels, sorted."""
    return [kernel.name.decode() for kernel in all_kernels()]


def isa():
    """The instruction-set level in use: "baseline", "x86-64-v3" or "x86-64-v4"."""
    return ISA_NAMES[active_isa()]


def set_isa(str level):
    """Use at most this level for programs built from now on. ``$PRETZEL_ISA`` does the same at import."""
    if level not in ISA_NAMES:
        raise ValueError(f"unknown instruction-set level {level!r}: expected one of {ISA_NAMES}")
    set_active_isa(ISA_NAMES.index(level))


if os.environ.get("PRETZEL_ISA"):
    set_isa(os.environ["PRETZEL_ISA"])


def arena_bytes():
    """Bytes held by the arenas of all threads."""
    return arena_bytes_()


def wait_for_growth(uint32_t seen):
    """Wait until the arena of a thread has grown, or `stop_waiting` was called, since this returned ``seen``."""
    with nogil:
        seen = wait_for_growth_(seen)
    return seen


def stop_waiting():
    """Let `wait_for_growth` return in all threads."""
    stop_waiting_()


def live():
    """How many programs, methods and endpoints there are in this process."""
    return {"programs": live_programs.get(), "methods": live_methods.get(), "endpoints": live_endpoints.get()}


cdef int describe(cnp.ndarray array, Array* out) except -1:
    """Describe a parameter array to a kernel."""
    code = DTYPES.get(array.dtype)
    if code is None:
        raise errors.KernelError(f"no kernel takes parameters of dtype {array.dtype}")
    if not cnp.PyArray_ISCARRAY_RO(array) or array.ndim > 2:
        raise errors.KernelError("kernel parameters are C-contiguous, aligned and at most two-dimensional")
    out.data = array.data
    out.size = array.size
    out.shape[0] = array.shape[0] if array.ndim > 0 else 1
    out.shape[1] = array.shape[1] if array.ndim > 1 else 1
    out.dtype = <DType><uint8_t>code
    out.rank = array.ndim
    out.element_bytes = array.itemsize
    return 0


include "signatures.pxi"

cdef object CALLBACKS = SimpleNamespace()


def set_callbacks(**functions):
    """Set the Python functions that the bindings call: for errors, unusual rows and documentation."""
    CALLBACKS.__dict__.update(functions)


cdef inline void* allocate(Arena* arena, size_t size) except NULL:
    """Memory of an arena; raises MemoryError."""
    cdef void* found = arena.alloc(size + 1)  # an empty arena has no memory for 0 bytes
    if found == NULL:
        raise MemoryError
    return found


include "store_lock.pxi"
include "file_mapping.pxi"
include "condition.pxi"
include "cache.pxi"
include "program_shape.pxi"


@cython.no_gc_clear  # `__dealloc__` needs its computations
cdef class NativeProgram:
    """A program that is ready to run, built once from a `pretzel.plan.Program` and the arrays of a store or a dict.

    ``owner`` is the lease that keeps the arrays in the store; the program keeps it alive. Programs in one store share
    the native form of their sub-plans.
    """

    cdef Program program
    cdef readonly object plan
    cdef SharedShape shape
    cdef tuple held  # arrays that the program points into
    cdef readonly tuple bodies  # sub-plans of all calls in their order
    cdef object __weakref__
    cdef tuple computations, counted
    cdef object owner
    cdef readonly bint sparse_result
    cdef readonly int width

    def __cinit__(self):
        live_programs.add(1)
        self.computations = self.counted = ()

    def __dealloc__(self):
        cdef SharedComputation computation
        live_programs.add(<uint64_t>-1)
        for computation in self.counted:
            computation.native.users.fetch_add(-1)

    def __init__(self, plan, store, owner=None, bint is_subplan=False):
        cdef NativeProgram body
        cdef Array array
        cdef State state
        cdef cpp_string wrong
        held = []
        self.plan = plan
        self.owner = owner
        self.bodies = subplans_of(plan, store)
        for body in self.bodies:
            self.program.bodies.push_back(&body.program)
        self.shape = shape_of(plan, is_subplan, self.bodies)
        self.program.shape = &self.shape.shape
        for call in self.shape.buffers.calls(plan):
            for digest in call.params:
                if digest is None:
                    array = Array()
                else:
                    data = store.get(digest)
                    held.append(data)
                    describe(data, &array)
                self.program.params.push_back(array)
            state = State()
            if call.state is not None:
                data = store.get(call.state)
                held.append(data)
                state.data = <const uint8_t*>cnp.PyArray_DATA(data)
                state.bytes = data.nbytes
            self.program.states.push_back(state)
        self.held = tuple(held)
        wrong = self.program.check()
        if not wrong.empty():
            raise errors.KernelError(wrong.decode())
        self.program.finish()
        self.sparse_result = plan.values[plan.output].kind.value == "sparse"
        self.width = plan.values[plan.output].width

    @property
    def leaves(self):
        """The leaves, into which requests are read."""
        return self.plan.leaves

    @property
    def buffers(self):
        """Where values lie: the `pretzel.buffers.BufferPlan`, which programs of one shape share."""
        return self.shape.buffers

    def cache_range(self, ResultCache cache, key, int begin, int end, int output, inputs, bint counted=True):
        """Cache the results of some steps for single rows. Call it before the first request.

        Parameters
        ----------
        cache : ResultCache
        key : bytes
            Names the computation; equal computations of several models have one key.
        begin, end : int
            The steps, as an interval.
        output : int
            The slot that they write.
        inputs : sequence of int
            The slots that they read.
        counted : bool
            Whether this program counts as a user of the computation. A part of a program is looked up only while
            several models have it.
        """
        cdef SharedComputation computation = cache.computation(key)
        self.program.cache_range(computation.native, begin, end, output, inputs)
        self.computations += (computation,)
        if counted:
            computation.native.users.fetch_add(1)
            self.counted += (computation,)

    @property
    def arrays(self):
        """The arrays that the program and its sub-plans read, by digest."""
        cdef NativeProgram program
        found = {}
        programs = [self]
        seen = set()
        while programs:
            program = programs.pop()
            calls = program.plan.calls
            digests = [digest for call in calls for digest in (*call.params, call.state) if digest is not None]
            found.update(zip(digests, program.held))
            programs += [body for body in program.bodies if body not in seen]
            seen.update(program.bodies)
        return found

    def estimate(self, int64_t rows, int64_t units=0):
        """Estimated seconds for ``rows`` rows with ``units`` text code units or sparse entries in all."""
        return self.program.cost.estimate_ns(rows, units) * 1e-9

    def observe(self, int64_t rows, int64_t units, double seconds):
        """Report the measured time of a request, which corrects later estimates."""
        self.program.cost.observe(rows, units, seconds * 1e9)

    def refresh_price(self):
        """Price with the coefficients in use now, unless a request has been timed already."""
        cdef NativeProgram program
        stack, done = [self], set()
        while stack:
            program = stack[len(stack) - 1]
            missing = [body for body in program.bodies if body not in done]
            stack += missing
            if not missing:
                program.program.cost.refresh(program.program)
                done.add(stack.pop())

    def terms(self):
        """For each step, then for the overhead: kernel, terms, payload per unit and per row of a request, sub-plans.

        The terms are three dicts (first row of a tile, further row, unit of payload) of nominal seconds by name, the
        sub-plans that a step runs three numbers of estimated seconds.
        """
        cdef vector[StepCost] costs = step_costs(self.program)
        cdef const CostTerms* terms
        cdef Nanoseconds inside
        cdef size_t s
        cdef int r, t
        found = []
        for s in range(costs.size()):
            regimes = []
            for r in range(3):
                terms = &costs[s].cost.terms[r]
                regimes.append({term_name(costs[s].kernel, <Regime>r, terms.at[t].name).decode(): terms.at[t].ns * 1e-9
                                for t in range(terms.size)})
            inside = costs[s].subplans
            seconds = (inside.first_row * 1e-9, inside.row * 1e-9, inside.payload * 1e-9)
            found.append((costs[s].kernel.decode(), tuple(regimes), costs[s].per_payload, costs[s].per_row, seconds))
        return found

    @property
    def counts_units(self):
        """Whether requests have text or sparse entries to count."""
        return any([leaf.kind.value not in ("numeric", "rows") for leaf in self.leaves])

    @property
    def mean_units(self):
        """Units of a row, as a running mean over requests that were timed; -1 before the first."""
        return self.program.cost.feedback().mean_payload()

    def arena_bytes(self, int64_t rows, int64_t units=0):
        """Upper bound for the working memory of such a request."""
        return self.program.cost.arena_bytes(rows, units)

    def peak_bytes(self, columns, int64_t rows):
        """Working memory that a request took, without what was read for it: for tests of `arena_bytes`."""
        cdef int64_t peak = 0
        run_batch(self, None, columns, rows, NULL, &peak)
        return peak

    def profile(self):
        """For each step: seconds, rows and calls, extrapolated from the requests that were timed step by step."""
        cdef const StepTimer* timer
        cdef size_t s
        found = []
        for s in range(self.program.shape.steps.size()):
            timer = &self.program.timers[s]
            found.append((<int64_t>timer.ns * 1e-9, <int64_t>timer.rows, <int64_t>timer.runs))
        return found

    def trace(self, columns, int64_t rows):
        """Output of every step for the columns of a request: ndarray, CSR triple or None."""
        cdef Tracer* tracer = new Tracer(self.program, rows)
        cdef int i
        try:
            run_batch(self, None, columns, rows, tracer)
            found = []
            for i in range(<int>self.program.shape.steps.size()):
                found.append(traced(self, tracer, i, rows))
            return found
        finally:
            del tracer


cdef object traced(NativeProgram program, Tracer* tracer, int i, int64_t rows):
    cdef int32_t slot = program.program.shape.steps[i].output
    cdef vector[double]* values
    if slot < 0:
        return None
    if program.program.shape.slots[slot].kind == ValueKind.kSparse:
        return csr_arrays(tracer.sparse[i])
    if program.program.shape.slots[slot].kind == ValueKind.kCells:
        return None
    values = &tracer.dense[i]
    array = np.empty((rows, program.program.shape.slots[slot].width))
    if values.size():
        memcpy(cnp.PyArray_DATA(array), values.data(), values.size() * sizeof(double))
    return array


include "row_reader.pxi"
include "item_reader.pxi"
include "leaf_types.pxi"
include "table_reader.pxi"
include "dataframe.pxi"
include "result.pxi"
include "row_function.pxi"
include "row_form.pxi"
include "call_counter.pxi"
include "batch_run.pxi"
include "method.pxi"
include "scheduler.pxi"
include "endpoint.pxi"
include "multi_model.pxi"
include "costs.pxi"
include "tensor_texts.pxi"
