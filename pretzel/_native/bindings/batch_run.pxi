# One run of a program over the rows of a request.


cdef int run_range(NativeProgram program, Request* request, ThreadContext* thread, int64_t units,
                   RunResult* result) except -1:
    cdef double nanoseconds = program.program.cost.estimate_ns(request.rows, units)
    if nanoseconds > RELEASE_GIL_NS:
        with nogil:
            result[0] = run_sampled(program.program, request[0], units, nanoseconds, thread[0])
    else:
        result[0] = run_sampled(program.program, request[0], units, nanoseconds, thread[0])
    return 0


cdef object run_batch(NativeProgram program, Method method, list columns, int64_t rows, Tracer* tracer,
                      int64_t* peak=NULL, list left=None):
    """The result of ``rows`` rows of columns: a matrix, or the arrays of a CSR matrix; into ``peak`` working memory.

    With a list for ``left``, rows run one by one, and those that are left to the source are put there.
    """
    cdef RequestScope scope
    cdef LeafInput* leaves
    cdef CsrResult sparse
    cdef Request request
    cdef RunResult stopped
    cdef list held = []
    cdef tuple readers = form_of(program.leaves, NO_SPEC).readers if method is None else method.readers
    cdef int64_t units, chunk = rows
    result = None if program.sparse_result else np.empty((rows, program.width))
    leaves = open_leaves(readers, columns, rows, min(rows, CHUNK), scope.arena, held)
    if reads_lists(leaves, len(readers)):
        chunk = min(rows, CHUNK)
    if left is not None:
        chunk = 1
    request.leaves = leaves
    if not program.sparse_result:
        request.result = <double*>cnp.PyArray_DATA(result)
    request.sparse_result = &sparse
    request.tracer = tracer
    while request.first < rows:
        request.rows = min(chunk, rows - request.first)
        texts = []
        units = fill_cells(readers, columns, leaves, request.first, request.rows, 0, texts)
        if peak != NULL:
            peak[0] = max(peak[0], run_measured(program.program, request, units, &stopped))
        else:
            run_range(program, &request, scope.thread, units, &stopped)
        if left is not None and leaves_row(stopped.status):
            left.append((request.first, stopped.status == Status.kTied))
            if not program.sparse_result:
                result[request.first] = 0.0  # the position of some label, until the source has answered
        elif stopped.status != Status.kOk:
            raise_error(program, method, &stopped)
        request.first += request.rows
    return csr_arrays(sparse) if program.sparse_result else result


cdef int raise_error(NativeProgram program, Method method, RunResult* result) except -1:
    if result.status == Status.kNoMemory:
        raise MemoryError
    CALLBACKS.raise_error(program.plan, None if method is None else method.spec, "" if method is None else method.name,
                          <int>result.status, program.buffers.steps[result.step].call, result.row, result.column)
