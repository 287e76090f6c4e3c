# What programs cost: counted terms, weights that calibration found, timings.

REGIMES = ("one", "row", "unit")


def kernel_weights(str kernel):
    """Weights of a kernel's terms at pace 1, 3 x 6: of the first row of a tile, further rows, and units."""
    cdef Weights weights = weights_of(kernel.encode())
    cdef int i, j
    return np.array([[weights.of[i][j] for j in range(6)] for i in range(3)])


def machine_pace():
    """How long things take on this machine just now, beside the one of weight 1; estimates follow."""
    pace.find()
    return pace.factor()


def use_weights(dict weights):
    """Weigh the terms of kernels so in programs built from now on, others as shipped; forget how requests differed."""
    cdef Weights each
    cdef int i, j
    found = {}
    for kernel, values in weights.items():
        values = np.asarray(values, dtype=np.float64)
        if values.shape != (3, 6) or not np.isfinite(values).all() or (values < 0).any():
            raise ValueError(f"weights of {kernel!r} are 3 x 6 finite numbers, none of them negative")
        found[kernel] = values
    forget_weights()
    pace.reset()
    for kernel, values in found.items():
        for i in range(3):
            for j in range(6):
                each.of[i][j] = values[i, j]
        set_weights(kernel.encode(), each)


cdef object cost_terms(NativeProgram program):
    cdef vector[StepCost] costs = program.program.costs()
    cdef size_t s
    cdef int i, j
    found = []
    for s in range(costs.size()):
        terms = np.array([[costs[s].cost.terms[i][j] for j in range(6)] for i in range(3)])
        found.append((costs[s].kernel.decode(), terms, costs[s].unit_entries, costs[s].row_entries))
    return found


cdef list step_meters(NativeProgram program):
    cdef size_t s
    cdef const StepMeter* step
    found = []
    for s in range(program.program.layout.steps.size()):
        step = &program.program.meter.step(s)
        found.append((<int64_t>step.nanoseconds * 1e-9, <int64_t>step.rows, <int64_t>step.runs))
    return found


cdef object time_blocks(Method method, list columns, int64_t rows, int64_t block, int passes):
    """Run all rows in blocks, several times over.

    Returns the rows, units and least nanoseconds of each block, the least nanoseconds that each step took for all rows
    together, and how many tiles the blocks were cut into. What reading the clock takes is no part of them.
    """
    cdef NativeProgram program = method.program
    cdef RequestScope scope
    cdef Arena* arena = scope.arena
    cdef LeafInput* leaves
    cdef CsrResult* sparse
    cdef Request request
    cdef RunResult outcome
    cdef int64_t first, n, since, taken, reading = reading_ns()
    cdef size_t k, n_steps = program.program.layout.steps.size()
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
    for p in range(2 * passes):  # whole requests and single steps by turns: reading the clock takes time, too
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
    tiles = sum(-(-n // program.program.layout.tile) for n in sizes)
    return np.array(sizes), units, least, least_steps, tiles


cdef int64_t units_of(Method method, list columns, int64_t rows) except -1:
    """Text code units and sparse entries of a request."""
    cdef RequestScope scope
    cdef Arena* arena = scope.arena
    cdef LeafInput* leaves
    held = []
    try:
        leaves = open_leaves(method.readers, columns, rows, rows, arena, held)
        return fill_cells(method.readers, columns, leaves, 0, rows, 0, held)
    except WrongField as error:
        method.raise_wrong_field(error)
        return 0
