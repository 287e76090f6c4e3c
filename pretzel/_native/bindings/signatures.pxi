# What kernels declare about themselves, and the enumerations of the core, as plain data.

import re


cdef list enumerators(const char* names):
    """``kOk, kNotANumber`` as ``["ok", "not_a_number"]``."""
    words = re.findall(r"\bk(\w+)", names.decode())
    return [re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", word).lower() for word in words]


cdef list VALUE_KINDS = enumerators(kValueKindNames)
cdef list DTYPE_NAMES = enumerators(kDTypeNames)
cdef dict DTYPES = {np.dtype(name): number for number, name in enumerate(DTYPE_NAMES)}


cdef str extent_text(const Extent& extent):
    cdef str symbol = extent.symbol.data()[:extent.symbol.size()].decode() if extent.symbol.size() else ""
    if not symbol:
        return str(extent.plus)
    return f"{symbol}+{extent.plus}" if extent.plus else symbol


cdef dict value_type(const ValueType& value):
    kinds = [kind for i, kind in enumerate(VALUE_KINDS) if value.kinds.bits >> i & 1]
    width = extent_text(value.width)
    return {"kinds": kinds, "width": None if width == "0" else width}


cdef dict signature_of(const Kernel* kernel):
    cdef const Param* param
    params = []
    for i in range(kernel.params.size()):
        param = &kernel.params[i]
        params.append({
            "name": param.name.decode(),
            "dtype": DTYPE_NAMES[<int>param.dtype],
            "shape": [extent_text(param.shape.extents[d]) for d in range(param.shape.rank)],
            "bind_only": bool(param.flags & kBindOnly),
            "may_be_empty": bool(param.flags & kMayBeEmpty),
            "choices": enumerators(param.choices),
            "into": extent_text(param.into) if param.flags & (kHoldsOffsets | kHoldsIndices) else None,
        })
    return {
        "params": params,
        "in": value_type(kernel.input),
        "out": value_type(kernel.output) if kernel.output.kinds.bits else None,
        "state_version": kernel.state_version,
        "has_state": bool(kernel.flags & kHasState),
        "state_per_isa": bool(kernel.flags & kStatePerIsa),
        "leaves_rows": bool(kernel.flags & kLeavesRows),
    }


def signatures():
    """What every kernel takes and gives, by name, as plain data.

    Returns
    -------
    dict of str to dict
        ``params``: for each parameter, in order, ``name``, ``dtype``, ``shape`` (a list of extents: symbols, numbers,
        ``"symbol+number"``; a symbol has one value in a call), ``bind_only`` (dropped once the state is built),
        ``may_be_empty``, ``choices`` (names of the numbers of an enumeration, else empty) and ``into`` (the extent that
        offsets or indices point into, else None). ``in`` and ``out``: ``kinds`` and ``width`` of the values read and
        written; ``out`` is None where nothing is. ``state_version`` and what is special about the state: ``has_state``,
        ``state_per_isa``. ``leaves_rows``: some rows are left to the source estimator.
    """
    return {kernel.name.decode(): signature_of(kernel) for kernel in all_kernels()}


def enumerations():
    """Names of the core's enumerations that Python reads, in their order: ``{"Status": ["ok", ...], ...}``."""
    return {"Status": enumerators(kStatusNames), "PackedKind": enumerators(kPackedKindNames),
            "Encoding": enumerators(kEncodingNames), "Reject": enumerators(kRejectNames)}


def state_key(str kernel):
    """What the state of a kernel depends on besides its parameters: name, version and, where it matters, the level."""
    cdef const Kernel* found = find_kernel(kernel.encode())
    if found == NULL:
        raise errors.KernelError(f"there is no kernel {kernel!r}")
    key = f"{kernel}/{found.state_version}"
    return f"{key}/{ISA_NAMES[found.isa]}" if found.flags & kStatePerIsa else key


cdef list describe_params(str kernel, const Kernel* found, params, vector[Array]* out):
    """Describe the parameters of a kernel; returns the arrays that must live as long as it is used."""
    if found == NULL:
        raise errors.KernelError(f"there is no kernel {kernel!r}")
    names = [found.params[i].name.decode() for i in range(found.params.size())]
    if list(params) != names:
        raise errors.KernelError(f"kernel {kernel!r} has the parameters {names}, not {list(params)}")
    held = [np.ascontiguousarray(p) if p is not None and p.ndim else p for p in params.values()]
    out.assign(len(held), Array())
    for i, array in enumerate(held):
        if array is not None:
            describe(array, &out[0][i])
    return held


cdef View view_of(value):
    cdef View view
    kind, view.width = value
    view.kind = <ValueKind><uint8_t>VALUE_KINDS.index(kind)
    return view


cdef class CallToCheck:
    """A call with everything that it points into."""

    cdef const Kernel* kernel
    cdef LoadCall native
    cdef vector[Array] arrays
    cdef vector[View] views
    cdef View written
    cdef list held

    def __init__(self, str kernel, params, inputs, output):
        self.kernel = find_kernel(kernel.encode())
        self.held = describe_params(kernel, self.kernel, params, &self.arrays)
        for value in inputs:
            self.views.push_back(view_of(value))
        self.native.params = ArraySpan(self.arrays.data(), self.arrays.size())
        self.native.inputs = ViewSpan(self.views.data(), self.views.size())
        self.native.state = NULL
        self.native.out = NULL
        if output is not None:
            self.written = view_of(output)
            self.native.out = &self.written


def check_call(str kernel, params, inputs, output):
    """What is wrong with a call, before its parameters are bound: their dtypes and shapes, widths and indices.

    Parameters
    ----------
    kernel : str
    params : mapping of str to ndarray
        By name, in the order of the kernel's signature.
    inputs : sequence of (str, int)
        Kind ("dense", "sparse" or "cells") and width of each value that is read.
    output : (str, int) or None
        The same of the value that is written.

    Returns
    -------
    str
        Empty: nothing is wrong.

    Raises
    ------
    KernelError
        There is no such kernel, or it has other parameters.
    """
    cdef CallToCheck call = CallToCheck(kernel, params, inputs, output)
    call.native.state_bytes = -1  # nothing is bound
    return check_signature(call.kernel[0], call.native).decode()


def check_state(str kernel, params, state, inputs, output):
    """What is wrong with a bound call that comes from outside this process, whose bytes may be anything.

    A program of calls with which nothing is wrong reads and writes nothing outside its arrays, and every request to it
    ends. The check must precede the loading of such a program, because loading trusts states.

    Parameters
    ----------
    kernel : str
    params : mapping of str to ndarray or None
        By name, in the order of the kernel's signature; those that only `bind` reads may be None.
    state : ndarray of uint8 or None
        Must be where it will be when the kernel runs: at a multiple of 64 bytes.
    inputs : sequence of (str, int)
        Kind ("dense", "sparse" or "cells") and width of each value that is read.
    output : (str, int) or None
        The same of the value that is written.

    Returns
    -------
    str
        Empty: nothing is wrong.

    Raises
    ------
    KernelError
        There is no such kernel, it has other parameters, or an array is no array of bytes or numbers.
    """
    cdef CallToCheck call = CallToCheck(kernel, params, inputs, output)
    cdef cnp.ndarray array
    cdef cpp_string wrong
    call.native.state_bytes = 0
    if state is not None:
        array = state
        if array.dtype != np.uint8 or array.ndim != 1 or not cnp.PyArray_ISCARRAY_RO(array):
            raise errors.KernelError("the state of a kernel is a row of bytes")
        call.native.state = <const uint8_t*>array.data
        call.native.state_bytes = array.nbytes
    if call.native.state_bytes > RELEASE_GIL_BYTES:
        with nogil:  # `call` and `state` keep the arrays
            wrong = check_signature_and_state(call.kernel[0], call.native)
    else:
        wrong = check_signature_and_state(call.kernel[0], call.native)
    return wrong.decode()


def bind(str kernel, params):
    """Build the read-only state of a kernel. Large ``params`` are read without the GIL; they must not change meanwhile.

    Parameters
    ----------
    kernel : str
    params : mapping of str to ndarray
        By name, in the order of the kernel's signature.

    Returns
    -------
    state : ndarray of uint8 or None
    run_params : int
        Bit ``i`` is set when the kernel reads the parameter of that position at run time.

    Raises
    ------
    KernelError
        A name, dtype, shape or index does not fit the kernel.
    """
    cdef const Kernel* found = find_kernel(kernel.encode())
    cdef vector[Array] arrays
    cdef vector[uint8_t] state
    cdef cpp_string wrong
    cdef BindCall call
    cdef const char* what = NULL
    cdef int64_t size
    cdef uint64_t run_params = 0
    held = describe_params(kernel, found, params, &arrays)
    for i in range(len(held)):
        if found.runs_with(i):
            run_params |= <uint64_t>1 << <int>i
    wrong = check_params(found[0], ArraySpan(arrays.data(), arrays.size()))
    if not wrong.empty():
        raise errors.KernelError(wrong.decode())
    if found.bind == NULL:
        return None, run_params
    call.params = arrays.data()
    call.state = &state
    size = sum([array.nbytes for array in held])
    if size > RELEASE_GIL_BYTES:
        with nogil:  # `held` keeps the arrays
            what = found.bind(call)
    else:
        what = found.bind(call)
    if what != NULL:
        raise errors.KernelError(f"kernel {kernel!r}: {what.decode()}")
    if not state.size():
        return None, run_params
    result = np.empty(state.size(), dtype=np.uint8)
    memcpy(cnp.PyArray_DATA(result), state.data(), state.size())
    return result, run_params
