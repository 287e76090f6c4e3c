# Bindings of the scheduler: tables become tasks, which native worker threads run without the GIL.

cdef int64_t SIGNALS_NS = 50_000_000  # a waiting caller checks for signals in this interval
cdef list OUTCOMES = enumerators(kRequestOutcomeNames)  # "pending" comes first


cdef void yield_gil() noexcept nogil:
    """Does nothing: calling it ``with nogil`` lets other threads take the GIL."""


@cython.final
cdef class Task:
    """A table and its result, for a scheduler: everything that the morsels of the job read and write."""

    cdef Method method
    cdef Job job
    cdef Arena arena
    cdef CsrResult sparse
    cdef list held
    cdef object result
    cdef int type_num  # common one of the columns whose dtype matters
    cdef bint by_row  # the answer is a list of what `Method.call_row` returns for each row
    cdef public object future
    cdef Method asked    # the method that was called, of which `method` may be a variant
    cdef object request  # what it was called with; None: the caller keeps it

    cdef int load(self, Method method, list columns, int64_t rows, int type_num) except -1:
        """Read all rows, because workers cannot read Python objects; buffers are held and read by the workers.

        The GIL is released between two chunks of rows.
        """
        cdef LeafInput* leaves = NULL
        cdef int64_t units = 0, first = 0, count
        self.method = method
        self.type_num = type_num
        self.held = [columns]
        try:
            leaves = open_leaves(method.readers, columns, rows, rows, &self.arena, self.held)
            while first < rows:
                count = min(CHUNK, rows - first)
                units += fill_cells(method.readers, columns, leaves, first, count, first, self.held)
                first += count
                if first < rows:
                    with nogil:
                        yield_gil()
        except WrongField as error:
            method.raise_wrong_field(error)
        return self.prepare(leaves, rows, units)

    cdef int load_rows(self, Method method, list rows) except -1:
        """Read single rows, each as `Method.call_row` does, into one job."""
        cdef Arena* arena = &self.arena
        cdef Arena.Mark start
        cdef int i, n = <int>len(method.readers)
        cdef int64_t r, n_rows = len(rows), units = 0
        cdef LeafInput* leaves = <LeafInput*>allocate(arena, sizeof(LeafInput) * n)
        cdef LeafInput* row = <LeafInput*>allocate(arena, sizeof(LeafInput) * n)
        cdef Reader reader
        self.method = method
        self.by_row = True
        self.held = [rows]
        for i in range(n):
            reader = method.readers[i]
            if reader.kind == LeafKind.kCells:
                open_cells(&leaves[i], reader.width * n_rows, arena)
            else:
                open_rows(&leaves[i], reader.width, n_rows, arena)
        try:
            for r in range(n_rows):
                start = arena.mark()
                each = rows[r]
                method.read_row(each, row, arena, self.held, &units)
                if n > 0 and row[0].form == LeafForm.kColumns:  # a vector of other numbers than float64
                    method.read_row(method.as_row(each), row, arena, self.held, &units)
                for i in range(n):
                    reader = method.readers[i]
                    if reader.kind == LeafKind.kCells:
                        memcpy(leaves[i].cells + r * reader.width, row[i].cells, sizeof(Cell) * reader.width)
                    else:
                        memcpy(<double*>leaves[i].rows + r * reader.width, row[i].rows, sizeof(double) * reader.width)
                arena.release(start)
        except WrongField as error:
            method.raise_wrong_field(error)
        return self.prepare(leaves, n_rows, units)

    cdef int prepare(self, LeafInput* leaves, int64_t rows, int64_t units) except -1:
        """Fill in the job; allocate the result."""
        cdef Method method = self.method
        cdef NativeProgram program = method.program
        cdef Job* job = &self.job
        job.program = &program.program
        job.request.leaves = leaves
        job.request.rows = rows
        job.request.sparse_result = &self.sparse
        job.in_order = method.sparse
        job.units = units
        job.nanoseconds = program.program.cost.estimate_ns(rows, units)
        if not method.sparse:
            self.result = np.empty((rows, program.width))
            job.request.result = <double*>cnp.PyArray_DATA(self.result)
        return 0

    @property
    def estimate(self):
        """Predicted seconds of work."""
        return self.job.nanoseconds * 1e-9

    def run_inline(self):
        """Run the task in this thread instead of submitting it, and return the answer."""
        with nogil:
            self.job.result = run(self.job.program[0], self.job.request, self.arena)
        self.job.outcome = RequestOutcome.kDone if self.job.result.status == Status.kOk else RequestOutcome.kFailed
        return self.answer()

    def answer(self):
        """The result of a task that is over.

        Raises
        ------
        InputError
            A row is rejected.
        DeadlineExceeded, WorkerLost, concurrent.futures.CancelledError
        """
        cdef Method method = self.method
        cdef RequestOutcome outcome = self.job.outcome
        if outcome == RequestOutcome.kDone:
            if self.by_row:
                return [method.answer(self.job.request.result + r * method.program.width)
                        for r in range(self.job.request.rows)]
            if method.sparse:
                return method.wrap_sparse(csr_arrays(self.sparse), self.job.request.rows, self.type_num)
            return method.wrap(self.result, self.type_num)
        if outcome == RequestOutcome.kFailed:
            try:
                raise_error(method.program, method, &self.job.result)
            except errors.InputTypeError as error:
                if self.request is None or not leaves_row(self.job.result.status):
                    raise
                if self.by_row:
                    return [self.asked.call_row(row) for row in self.request]
                return CALLBACKS.answer_left_rows(self.asked, self.asked.method, self.request, error)
        if outcome == RequestOutcome.kExpired:
            raise errors.DeadlineExceeded(f"{method.name}: the deadline passed before the request started")
        if outcome == RequestOutcome.kLost:
            raise errors.WorkerLost(f"{method.name}: the worker died; the request may be repeated")
        from concurrent.futures import CancelledError

        raise CancelledError(f"{method.name}: the request was cancelled")


cdef int64_t deadline_at(deadline) except -1:
    """A deadline in seconds from now, on the clock of the scheduler; None: never."""
    return kNever if deadline is None else max(now_ns() + <int64_t>(min(max(float(deadline), -1e9), 1e9) * 1e9), 0)


cdef int64_t rows_of(X) except -1:
    """Rows of a table; 0: they are not known before it is read."""
    if is_frame(X):
        return frame_rows(X)
    shape = getattr(X, "shape", None)
    return shape[0] if shape else len(X) if isinstance(X, list) else 0


@cython.final
cdef class Scheduler:
    """Worker threads with their queue. The first task starts the threads.

    Parameters
    ----------
    workers : int
    queue_capacity : int
        Number of tasks that may wait.
    memory : int
        Bytes of working memory that each worker allocates in advance.
    background : bool
        Whether the workers lower their priority, so that threads that answer single rows go first. Otherwise, the
        workers and the collecting thread raise it, if the process may.
    """

    cdef NativeScheduler* native
    cdef dict tasks  # accepted and not collected, by the addresses of their jobs
    cdef readonly int workers
    cdef int64_t queue_capacity
    cdef size_t memory
    cdef bint background

    def __cinit__(self, int workers, int64_t queue_capacity, size_t memory=0, bint background=False):
        self.workers = workers
        self.queue_capacity = queue_capacity
        self.memory = memory
        self.background = background
        self.tasks = {}
        self.native = new NativeScheduler(workers, queue_capacity, memory, background)

    def __dealloc__(self):
        with nogil:
            del self.native

    def task(self, Method method, X):
        """Read a table for ``method``; None: it has no rows, or something else than its program may answer it."""
        cdef Task task
        cdef int64_t rows
        cdef RequestTypes types
        if method.is_for_others(X):
            return None
        try:
            columns = method.take(X, &rows, &types)
        except errors.InputTypeError:
            if method.source is None and (method.others is None or not method.others.takes_values):
                raise
            return None
        if rows == 0 or types.variant == SEVERAL_TYPES:
            return None
        if types.variant != ANY_TYPE:
            variant = method.by_type[types.variant]
            task = self.task(variant, X) if isinstance(variant, Method) else None
            if task is not None:
                task.asked = method
            return task
        if types.result != cnp.NPY_FLOAT64 and method.labels is None and method.is_long(types.result):
            return None
        task = Task.__new__(Task)
        task.load(method, columns, rows, types.result)
        task.asked, task.request = method, X
        return task

    def task_of_rows(self, Method method, list rows):
        """Read single rows for ``method``, which has dense results; the answer is a list as of `Method.call_row`."""
        cdef Task task = Task.__new__(Task)
        if method.sparse:
            raise TypeError(f"{method.name}: rows with sparse results cannot be batched")
        task.asked, task.request = method, list(rows)
        task.load_rows(method, task.request)
        return task

    def submit(self, Task task, deadline=None):
        """Queue a task; `collect` returns it when it is over.

        Parameters
        ----------
        task : Task
        deadline : float, optional
            Seconds from now.

        Raises
        ------
        Overloaded
            The queue is full.
        DeadlineExceeded
            The deadline cannot be met, or only by making an accepted task miss its own.
        """
        cdef Admission admission
        cdef int64_t expected = 0
        task.job.deadline = deadline_at(deadline)
        self.tasks[<size_t>&task.job] = task
        try:
            if self.background:
                admission = self.native.submit(&task.job, &expected)
            else:  # a worker of higher priority may preempt this thread at once, which must not hold the GIL then
                with nogil:
                    admission = self.native.submit(&task.job, &expected)
            if admission != Admission.kAccepted:
                self.reject(task.method, admission, &task.job, expected)
        except BaseException:
            del self.tasks[<size_t>&task.job]
            raise

    def check_admission(self, Method method, X, deadline=None):
        """Reject a table as `submit` would, but by its length alone, before it is read."""
        cdef Job job
        cdef Admission admission
        cdef int64_t expected = 0, rows = 1 if deadline is None else rows_of(X)
        job.program = method.native
        job.request.rows = max(rows, 1)
        job.nanoseconds = method.usual_estimate(rows)
        job.deadline = deadline_at(deadline)
        admission = self.native.check_admission(&job, &expected)
        if admission != Admission.kAccepted:
            self.reject(method, admission, &job, expected)

    cdef int reject(self, Method method, Admission admission, Job* job, int64_t expected) except -1:
        cdef int64_t now = now_ns()
        if admission == Admission.kClosed:
            raise RuntimeError("this runtime has been closed")
        if admission == Admission.kQueueFull:
            raise errors.Overloaded(f"{method.name}: {self.queue_capacity} requests are waiting, which is the limit")
        raise errors.DeadlineExceeded(
            f"{method.name}: the answer is expected in {(expected - now) * 1e-6:.2f} ms, the deadline is in "
            f"{max(job.deadline - now, 0) * 1e-6:.2f} ms; the request itself takes {job.nanoseconds * 1e-6:.2f} ms")

    cdef bint run(self, Task task) except -1:
        """Queue a task and wait until it is over; False: it was rejected."""
        cdef int64_t expected = 0
        cdef cbool over = False
        task.job.awaited = True
        if self.native.submit(&task.job, &expected) != Admission.kAccepted:
            return False
        try:
            while not over:
                with nogil:
                    over = self.native.wait(&task.job, SIGNALS_NS)
                if not over:
                    PyErr_CheckSignals()
        except BaseException:
            with nogil:
                self.native.cancel(&task.job)
                self.native.wait(&task.job, kNever)
            raise
        return True

    def cancel(self, Task task):
        """Cancel a task; False: it is over."""
        return self.native.cancel(&task.job)

    def collect(self):
        """Wait, without the GIL, for tasks that are over; an empty list: there will be no more."""
        cdef vector[Job*] jobs
        cdef NativeScheduler* native = self.native
        with nogil:
            native.collect(&jobs)
        return [self.tasks.pop(<size_t>job) for job in jobs]

    def close(self, bint drain=False):
        """Reject everything from now on, complete what is left (``drain``) or cancel it, and join the threads."""
        with nogil:
            self.native.close(drain)

    def load(self):
        """Counts of requests and morsels, and seconds of estimated work in the queue."""
        cdef SchedulerStats stats = self.native.stats()
        return {
            "waiting": stats.waiting, "started": stats.started, "seconds": stats.nanoseconds * 1e-9,
            "estimate_error_ratio": stats.error_ratio, "accepted": stats.accepted,
            "rejected_overload": stats.rejected_overload, "rejected_deadline": stats.rejected_deadline,
            **{name: stats.ended[i] for i, name in enumerate(OUTCOMES) if i}, "overdue": stats.overdue,
            "morsels": stats.morsels, "preempted": stats.preempted, "prefix_batched": stats.prefix_batched,
        }

    def restart(self):
        """Start over in a forked child, which has none of the threads; the parent keeps the tasks."""
        self.tasks = {}
        # The old one is leaked, because its threads and the state of its mutex stay with the parent.
        self.native = new NativeScheduler(self.workers, self.queue_capacity, self.memory, self.background)

    def inject_fault(self):
        """The next worker to take a morsel dies; for tests."""
        self.native.inject_fault()

    def pause(self, bint paused=True):
        """Workers take nothing more from the queue, or go on; for tests."""
        self.native.pause(paused)
