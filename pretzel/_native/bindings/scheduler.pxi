# The batch engine: tables become tasks, which worker threads answer without the GIL.

cdef int64_t SIGNALS_NS = 50_000_000  # between two looks at signals while a caller waits


cdef void give_way() noexcept nogil:
    """What other threads wait for is the lock that the caller has released."""


@cython.final
cdef class Task:
    """One table on its way through a scheduler: everything that its morsels read and write."""

    cdef Method method
    cdef Job* job
    cdef Arena* arena
    cdef CsrResult* sparse
    cdef list held
    cdef object result
    cdef bint is_float32
    cdef bint by_row  # the answer is a list with what `Method.call_row` gives for each row
    cdef public object future

    def __cinit__(self):
        self.job = new Job()
        self.arena = new Arena()
        self.sparse = new CsrResult()

    def __dealloc__(self):
        del self.job
        del self.arena
        del self.sparse

    cdef int load(self, Method method, list columns, int64_t rows, bint is_float32) except -1:
        """Read all rows: nothing of the caller's may be looked at later without the GIL, but buffers that are held.

        Other threads get a turn now and then.
        """
        cdef LeafInput* leaves = NULL
        cdef int64_t units = 0, first = 0, count
        self.method = method
        self.is_float32 = is_float32
        self.held = [columns]
        try:
            leaves = open_leaves(method.readers, columns, rows, rows, self.arena, self.held)
            while first < rows:
                count = min(CHUNK, rows - first)
                units += fill_cells(method.readers, columns, leaves, first, count, first, self.held)
                first += count
                if first < rows:
                    with nogil:
                        give_way()
        except WrongField as error:
            method.raise_wrong_field(error)
        return self.prepare(leaves, rows, units)

    cdef int load_rows(self, Method method, list rows) except -1:
        """Read single rows, each as `Method.call_row` does, into one request."""
        cdef Arena* arena = self.arena
        cdef Arena.Mark start
        cdef int i, n = <int>len(method.readers)
        cdef int64_t r, n_rows = len(rows), units = 0
        cdef LeafInput* leaves = <LeafInput*>arena.alloc(sizeof(LeafInput) * (n + 1))
        cdef LeafInput* row = <LeafInput*>arena.alloc(sizeof(LeafInput) * (n + 1))
        cdef double* numbers
        cdef Reader reader
        self.method = method
        self.by_row = True
        self.held = [rows]
        if leaves == NULL or row == NULL:
            raise MemoryError
        for i in range(n):
            reader = method.readers[i]
            if reader.kind == LeafKind.kCells:
                leaves[i].form = LeafForm.kCells
                leaves[i].cells_from = 0
                leaves[i].cells = <Cell*>arena.alloc(sizeof(Cell) * (reader.width * n_rows + 1))
                if leaves[i].cells == NULL:
                    raise MemoryError
                continue
            leaves[i].form = LeafForm.kRows
            leaves[i].row_stride = reader.width
            leaves[i].rows = numbers = <double*>arena.alloc(sizeof(double) * (reader.width * n_rows + 1))
            if numbers == NULL:
                raise MemoryError
        try:
            for r in range(n_rows):
                start = arena.mark()
                each = rows[r]
                method.read_row(each, row, arena, self.held, &units)
                if n > 0 and row[0].form == LeafForm.kColumns:  # a vector of other numbers than float64
                    method.read_row(method.check_vector(each), row, arena, self.held, &units)
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
        """Everything else that a request needs."""
        cdef Method method = self.method
        cdef NativeProgram program = method.program
        cdef Job* job = self.job
        job.program = &program.program
        job.request.leaves = leaves
        job.request.first = 0
        job.request.rows = rows
        job.request.sparse_result = self.sparse
        job.request.tracer = NULL
        job.request.result = NULL
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

    def here(self):
        """Compute it in this thread, instead of handing it over; returns the answer."""
        cdef Job* job = self.job
        cdef Arena* arena = self.arena
        with nogil:
            job.result = run(job.program[0], job.request, arena[0])
        job.outcome = Outcome.kDone if job.result.status == Status.kOk else Outcome.kFailed
        return self.answer()

    @property
    def times(self):
        """Seconds on the clock of `time.monotonic` at which it arrived, began and ended."""
        return self.job.arrived * 1e-9, self.job.begun * 1e-9, self.job.ended * 1e-9

    def answer(self):
        """The result of a task that is over.

        Raises
        ------
        InputError
            A row is refused.
        DeadlineExceeded, WorkerLost, concurrent.futures.CancelledError
        """
        cdef Method method = self.method
        cdef Outcome outcome = self.job.outcome
        if outcome == Outcome.kDone:
            if self.by_row:
                return [method.answer(self.job.request.result + r * method.program.width)
                        for r in range(self.job.request.rows)]
            if method.sparse:
                return method.wrap_sparse(csr_arrays(self.sparse[0]), self.job.request.rows)
            return method.wrap(self.result, self.is_float32)
        if outcome == Outcome.kFailed:
            raise_error(method.program, method, &self.job.result)
        if outcome == Outcome.kLate:
            raise errors.DeadlineExceeded(f"{method.name}: the deadline passed before the request began")
        if outcome == Outcome.kLost:
            raise errors.WorkerLost(f"{method.name}: the worker that had the request died; the request may be repeated")
        from concurrent.futures import CancelledError

        raise CancelledError(f"{method.name}: the request was cancelled")


cdef int64_t absolute(deadline) except -1:
    """Seconds from now on the scheduler's clock; None: never."""
    return kNever if deadline is None else max(now_ns() + <int64_t>(min(max(float(deadline), -1e9), 1e9) * 1e9), 0)


cdef int64_t length(X) except -1:
    """Rows of a table; 0 where they do not show at once."""
    if is_frame(X):
        return frame_rows(X)
    shape = getattr(X, "shape", None)
    return shape[0] if shape else len(X) if isinstance(X, list) else 0


@cython.final
cdef class Scheduler:
    """Worker threads and their queues. Threads are started by the first task.

    Parameters
    ----------
    workers : int
    places : int
        Tasks that may wait.
    memory : int
        Bytes of working memory that each worker gets in advance.
    yielding : bool
        The system is to prefer other threads, which answer single rows, to the workers; otherwise the workers.
    """

    cdef NativeScheduler* native
    cdef dict tasks  # accepted and not collected, by the address of their jobs
    cdef readonly int workers
    cdef int64_t places
    cdef size_t memory
    cdef bint yielding

    def __cinit__(self, int workers, int64_t places, size_t memory=0, bint yielding=False):
        self.workers = workers
        self.places = places
        self.memory = memory
        self.yielding = yielding
        self.tasks = {}
        self.native = new NativeScheduler(workers, places, memory, yielding)

    def __dealloc__(self):
        with nogil:
            del self.native

    def task(self, Method method, X):
        """Read a table for ``method``; None when it has no rows, so that there is nothing to schedule."""
        cdef Task task
        cdef int64_t rows
        cdef bint is_float32
        columns = method.take(X, &rows, &is_float32)
        if rows == 0:
            return None
        task = Task.__new__(Task)
        task.load(method, columns, rows, is_float32)
        return task

    def task_of_rows(self, Method method, list rows):
        """Read single rows for ``method``, whose results are dense; the answer is a list as of `Method.call_row`."""
        cdef Task task = Task.__new__(Task)
        if method.sparse:
            raise TypeError(f"{method.name}: rows of sparse results are computed one by one")
        task.load_rows(method, list(rows))
        return task

    def submit(self, Task task, deadline=None):
        """Hand over a task; `collect` returns it when it is over.

        Parameters
        ----------
        task : Task
        deadline : float, optional
            Seconds from now.

        Raises
        ------
        Overloaded
            No place is free.
        DeadlineExceeded
            The deadline could not be met, or only at the cost of others that were promised theirs.
        """
        cdef Verdict verdict
        cdef int64_t expected = 0
        task.job.deadline = absolute(deadline)
        self.tasks[<size_t>task.job] = task
        try:
            if self.yielding:
                verdict = self.native.submit(task.job, &expected)
            else:  # the worker may take the core of this thread at once, and others need the lock of Python
                with nogil:
                    verdict = self.native.submit(task.job, &expected)
            if verdict != Verdict.kAccepted:
                self.refuse(task.method, verdict, task.job, expected)
        except BaseException:
            del self.tasks[<size_t>task.job]
            raise

    def foresee(self, Method method, X, deadline=None):
        """Refuse a table as `submit` would, before it is read, as far as its length shows."""
        cdef Job job
        cdef Verdict verdict
        cdef int64_t expected = 0, rows = 1 if deadline is None else length(X)
        job.program = method.native
        job.request.rows = max(rows, 1)
        job.nanoseconds = method.usual_estimate(rows)
        job.deadline = absolute(deadline)
        verdict = self.native.foresee(&job, &expected)
        if verdict != Verdict.kAccepted:
            self.refuse(method, verdict, &job, expected)

    cdef int refuse(self, Method method, Verdict verdict, Job* job, int64_t expected) except -1:
        cdef int64_t now = now_ns()
        if verdict == Verdict.kClosed:
            raise RuntimeError("this runtime has been closed")
        if verdict == Verdict.kFull:
            raise errors.Overloaded(f"{method.name}: {self.places} requests are waiting, which is the limit")
        raise errors.DeadlineExceeded(
            f"{method.name}: the answer is expected in {(expected - now) * 1e-6:.2f} ms, the deadline is in "
            f"{max(job.deadline - now, 0) * 1e-6:.2f} ms; the request itself takes {job.nanoseconds * 1e-6:.2f} ms")

    cdef bint run(self, Task task) except -1:
        """Hand over a task and wait until it is over; False when it is not taken."""
        cdef int64_t expected = 0
        cdef cbool over = False
        task.job.awaited = True
        if self.native.submit(task.job, &expected) != Verdict.kAccepted:
            return False
        try:
            while not over:
                with nogil:
                    over = self.native.wait(task.job, SIGNALS_NS)
                if not over:
                    PyErr_CheckSignals()
        except BaseException:
            with nogil:
                self.native.cancel(task.job)
                self.native.wait(task.job, kNever)
            raise
        return True

    def cancel(self, Task task):
        """End a task that is not over; False when it is."""
        return self.native.cancel(task.job)

    def collect(self):
        """Tasks that are over, at least one; none when nothing more will come. Waits without the GIL."""
        cdef vector[Job*] jobs
        cdef NativeScheduler* native = self.native
        with nogil:
            native.collect(&jobs)
        return [self.tasks.pop(<size_t>job) for job in jobs]

    def close(self, bint drain=False):
        """Accept nothing more; finish what is left or cancel it; end the threads."""
        with nogil:
            self.native.close(drain)

    def load(self):
        """What there is to do, and what has been done, as counts and seconds."""
        cdef Load load = self.native.load()
        return {
            "waiting": load.waiting, "begun": load.begun, "seconds": load.nanoseconds * 1e-9, "pace": load.pace,
            "accepted": load.accepted, "overloaded": load.full, "refused": load.too_late, "done": load.done,
            "overdue": load.overdue, "failed": load.failed, "late": load.late, "cancelled": load.cancelled,
            "lost": load.lost, "morsels": load.morsels, "put_aside": load.put_aside,
            "together": load.together,
        }

    def restart(self):
        """Begin anew in a child process, which has none of the threads; returns the tasks that will not be answered."""
        lost = list(self.tasks.values())
        self.tasks = {}
        # The old one is of no use to anybody.
        self.native = new NativeScheduler(self.workers, self.places, self.memory, self.yielding)
        return lost

    def poison(self):
        """The next morsel ends its worker; for tests."""
        self.native.poison()

    def hold(self, bint held=True):
        """Workers begin nothing more, or go on; for tests."""
        self.native.hold(held)
