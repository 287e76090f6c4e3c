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
        ``state_per_isa``.
    """
    return {kernel.name.decode(): signature_of(kernel) for kernel in all_kernels()}


def enumerations():
    """Names of the core's enumerations that Python reads, in their order: ``{"Status": ["ok", ...], ...}``."""
    return {"Status": enumerators(kStatusNames), "PackedKind": enumerators(kPackedKindNames),
            "Encoding": enumerators(kEncodingNames)}


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
    held = [np.ascontiguousarray(p) if p.ndim else p for p in params.values()]
    out.resize(len(held))
    for i, array in enumerate(held):
        describe(array, &out[0][i])
    return held


cdef View view_of(value):
    cdef View view
    kind, view.width = value
    view.kind = <ValueKind><uint8_t>VALUE_KINDS.index(kind)
    return view


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
    cdef const Kernel* found = find_kernel(kernel.encode())
    cdef vector[Array] arrays
    cdef vector[View] views
    cdef View written
    cdef LoadCall call
    held = describe_params(kernel, found, params, &arrays)
    for value in inputs:
        views.push_back(view_of(value))
    call.params = ArraySpan(arrays.data(), arrays.size())
    call.inputs = ViewSpan(views.data(), views.size())
    call.state = NULL
    call.state_bytes = -1  # nothing is bound
    call.out = NULL
    if output is not None:
        written = view_of(output)
        call.out = &written
    wrong = check_signature(found[0], call).decode()
    del held  # which the arrays point into
    return wrong


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
