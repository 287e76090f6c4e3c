# Costs of programs: terms and coefficients, timings. Python sees seconds.


def cost_coefficients():
    """Coefficients in use: by term ("kernel.regime.term"), and that of terms which were not measured."""
    cdef shared_ptr[const Coefficients] found = native_coefficients()
    by_term = {}
    for term in deref(found).by_term:
        by_term[term.first.decode()] = term.second
    return by_term, deref(found).unmeasured


def set_cost_coefficients(by_term=None, double unmeasured=1.0):
    """Price programs with these coefficients from now on, and forget the speed factor.

    Parameters
    ----------
    by_term : dict of str to float, optional
        By "kernel.regime.term"; by default the shipped ones.
    unmeasured : float
        Coefficient of all other terms.

    Raises
    ------
    ValueError
        A coefficient is negative or not finite; nothing has changed.
    """
    cdef shared_ptr[Coefficients] found
    if by_term is not None:
        found = make_shared[Coefficients]()
        deref(found).unmeasured = checked_coefficient("unmeasured", unmeasured)
        for term, value in by_term.items():
            deref(found).by_term[term.encode()] = checked_coefficient(term, value)
    native_set_coefficients(<shared_ptr[const Coefficients]>found)
    native_speed_factor.reset()


def speed_factor():
    """Measured by estimated time of requests, learnt from the first timed requests of every program."""
    return native_speed_factor.get()


cdef double checked_coefficient(term, value) except -1:
    cdef double number = value
    if not 0 <= number < float("inf"):
        raise ValueError(f"the coefficient of {term!r} must be finite and >= 0, not {number}")
    return number


cdef object time_blocks(Method method, list columns, int64_t rows, int64_t block, int passes):
    """Run all rows in blocks, several times over; the time of reading the clock is subtracted.

    Returns
    -------
    rows, units : ndarray of int
        Of each block.
    seconds : ndarray
        Least time of each block.
    step_seconds : ndarray
        Least time of each step for all rows together.
    tiles : int
        All blocks were cut into.
    """
    cdef NativeProgram program = method.program
    cdef RequestScope scope
    cdef Arena* arena = scope.arena
    cdef LeafInput* leaves
    cdef CsrResult* sparse
    cdef Request request
    cdef RunResult outcome
    cdef int64_t first, n, since, taken, reading = reading_ns()
    cdef size_t k, n_steps = program.program.shape.steps.size()
    cdef int p
    cdef vector[int64_t] steps
    held = []
    result = np.empty((rows, max(program.width, 1)))
    sizes = [min(block, rows - first) for first in range(0, rows, block)]
    least = np.full(len(sizes), np.inf)
    least_steps = np.full(n_steps, np.inf)
    units = np.zeros(len(sizes), dtype=np.int64)
    steps.resize(n_steps + 1)
    leaves = open_leaves(method.readers, columns, rows, rows, arena, held)
    first = 0
    for i, n in enumerate(sizes):
        units[i] = fill_cells(method.readers, columns, leaves, first, n, first, held)
        first += n
    request.leaves = leaves
    request.result = <double*>cnp.PyArray_DATA(result)
    request.tracer = NULL
    for p in range(2 * passes):  # in turn whole requests and single steps, because reading the clock takes time
        request.step_times = steps.data() if p % 2 else NULL
        for k in range(n_steps):
            steps[k] = 0
        first = 0
        for i, n in enumerate(sizes):
            request.first = first
            request.rows = n
            sparse = new CsrResult()
            request.sparse_result = sparse
            with nogil:
                since = now_ns()
                outcome = run(program.program, request, arena[0])
                taken = now_ns() - since - reading
            del sparse
            if outcome.status != Status.kOk:
                raise_error(program, method, &outcome)
            if p % 2 == 0:
                least[i] = min(least[i], max(taken, 1))
            first += n
        if p % 2:
            for k in range(n_steps):
                least_steps[k] = min(least_steps[k], steps[k])
    tiles = sum(-(-n // program.program.shape.tile) for n in sizes)
    return np.array(sizes), units, least * 1e-9, least_steps * 1e-9, tiles
