# One method of a model: takes a request, returns scikit-learn's answer.


cdef int add_object(object found, PrefetchList* lines) except -1:
    """Add the cache lines of a Python object, without the header of the garbage collector."""
    lines.add(<void*>found, <size_t>min(found.__sizeof__(), 1024))
    return 0


cdef inline void prefetch_once(PrefetchSpan lines, ThreadContext* thread) noexcept:
    """Prefetch what a request will read, unless the thread's latest request has brought it into the caches."""
    if lines.lines != NULL and thread.last != <void*>lines.lines:
        thread.last = <void*>lines.lines
        lines.prefetch()


@cython.final
cdef class Method(CallCounter):
    """One method of a model as a callable; immutable, safe to call from any thread.

    Parameters
    ----------
    program : NativeProgram
    plan : pretzel.plan.MethodPlan
        How the result is presented.
    spec : pretzel.input_spec.InputSpec
    name : str
        Name of the model, for messages.
    read : callable
        ``read(spec, leaves, X)`` reads tables that are not read natively: (rows, columns of each leaf, their dtypes).
    method : str
        Name of the method, for documentation.
    variants : dict of str to Method or OpaqueMethod
        What answers requests whose typed columns have this dtype.
    """

    # Fields of single rows come first, in two cache lines.
    cdef readonly NativeProgram program
    cdef const Program* native  # that of `program`
    cdef tuple readers
    cdef tuple labels     # for each output column a tuple of its classes as Python objects
    cdef object label_type  # their dtype; None: those of a row have a common one
    cdef object result_type
    cdef int n_leaves, n_out, width
    cdef bint scalar, sparse
    cdef bint one_each    # a row is one value: a document, an item, or any object of which nothing is read
    cdef bint of_items    # a row is an item, also where it is a dict
    cdef bint follows     # the answer depends on the dtype of the request
    cdef bint numbers     # no leaf reads cells or dates
    cdef bint plain       # a float64 matrix can be read where it lies
    cdef tuple names      # of all columns, or None
    cdef bint takes_bare  # tables without names, without a word
    cdef bint rounds      # whole numbers in arrays to float32
    cdef object coder     # codes of the categories in a row; None: there are none
    cdef RowForm form
    cdef tuple required, unread  # of `form`
    cdef readonly object plan
    cdef readonly object spec
    cdef public str name
    cdef object read
    cdef object __weakref__
    cdef PrefetchList lines  # that every call reads
    cdef public Scheduler scheduler  # takes long calls; None: all are answered in the calling thread
    cdef public double long_call     # seconds of estimated work from which a call is long
    cdef public object engine        # runs submitted and awaited requests
    cdef public object batches       # rows that are awaited are collected there
    cdef public object others        # answers requests for which the program is not made; None: there are no such
    cdef public object source        # answers calls with further arguments; None: they are rejected
    cdef public object by_source     # answers requests for integers that no float64 holds
    cdef public object by_branch     # answers frames of which some leaves are float32; None: they do not differ
    cdef str method
    cdef tuple typed      # for each leaf, whether the dtype of its columns matters
    cdef dict by_type     # variants, by the number of the type
    cdef TypeChoice choice
    cdef bint knows_none  # None in a single row is None, and answered as in a table of objects
    cdef dict result_types  # by the number of the type; None: not asked for yet

    def __cinit__(self):
        live_methods.add(1)

    def __dealloc__(self):
        live_methods.add(<uint64_t>-1)

    def __init__(self, NativeProgram program, plan, spec, str name, read, str method="predict", variants=None):
        self.program = program
        self.native = &program.program
        self.n_leaves = <int>program.program.shape.leaves.size()
        self.n_out = program.width
        self.plan = plan
        self.spec = spec
        self.name = name
        self.read = read
        self.method = method
        self.form = form_of(program.leaves, spec)
        self.readers, self.required, self.unread = self.form.readers, self.form.required, self.form.unread
        for classes in plan.labels or ():
            if classes.ndim != 1:
                raise errors.KernelError(f"{name}: labels are one-dimensional, got shape {classes.shape}")
        self.labels = None if plan.labels is None else tuple(
            [tuple(map(interned, classes.tolist())) for classes in plan.labels])
        types = {classes.dtype for classes in plan.labels or ()}
        self.label_type = types.pop() if len(types) == 1 else None
        if self.n_out < (1 if self.labels is None and plan.ndim == 1 else len(self.labels or ())):
            raise errors.KernelError(f"{name}: {self.n_out} output(s) for {len(self.labels or ())} columns of labels")
        self.one_each = spec.kind.value != "table"
        self.of_items = spec.kind.value == "items"
        self.names = None if spec.names is None else tuple(spec.names)
        self.takes_bare = self.names is None or spec.by_position
        self.rounds = spec.rounds_arrays
        self.coder = None if spec.coding is None else CALLBACKS.row_coder(spec)
        self.scalar = plan.ndim == 1
        self.sparse = program.sparse_result
        self.width = spec.width
        self.result_types = None
        self.result_type = self.new_result_type(cnp.NPY_FLOAT64)
        self.typed = tuple([types.matters for types in plan.typed]) or (False,) * self.n_leaves
        self.by_type = {np.dtype(name).num: variant for name, variant in (variants or {}).items()}
        self.choice = TypeChoice(plan, self.readers, self.names, self.by_type)
        self.knows_none = cnp.NPY_OBJECT in self.by_type and {*spec.missing} == {None}
        self.follows = any(self.typed)
        self.numbers = all([(<Reader>reader).kind != LeafKind.kCells and not (<Reader>reader).is_date
                            for reader in self.readers])
        self.plain = len(self.readers) == 1 and (<Reader>self.readers[0]).whole_row and (
            (<Reader>self.readers[0]).kind != LeafKind.kCells)
        self.collect()

    @property
    def arrays(self):
        """The arrays that the program reads, by digest."""
        return self.program.arrays

    @property
    def variants(self):
        """What answers requests of certain dtypes, by their names."""
        return {cnp.PyArray_DescrFromType(num).name: variant for num, variant in self.by_type.items()}

    @property
    def __doc__(self):
        return CALLBACKS.document(self.method, self.plan, False)

    @property
    def __signature__(self):
        return TABLE_SIGNATURE

    @property
    def __name__(self):
        return self.method

    def __call__(self, X=MISSING, *arguments, **options):
        """Answer for every row of ``X``, with the shape and dtype that scikit-learn gives.

        Calls with further arguments go to the estimator itself, and so do tables that are rejected for their types, and
        objects that are rejected for their values.
        """
        if X is MISSING or arguments or options:
            return CALLBACKS.call_source(self, self.method, given(X, arguments), options)
        try:
            return self.others(X) if self.is_for_others(X) else self.plain_answer(X)
        except (errors.InputTypeError, errors.InputValueError) as error:
            return CALLBACKS.answer_instead(self, self.method, X, error)

    cpdef plain_answer(self, X):
        """The answer of the program, whatever the form of ``X``."""
        try:
            return self.whole_answer(X)
        except errors.InputTypeError as error:
            return CALLBACKS.answer_left_rows(self, self.method, X, error)

    def answer_apart(self, X):
        """The answer of the program; the numbers of the rows that it leaves to the source, and whether each is tied."""
        cdef int64_t rows
        cdef RequestTypes types
        cdef Method method = self
        cdef list left = [], columns = self.take(X, &rows, &types)
        if types.variant != ANY_TYPE and types.variant != SEVERAL_TYPES and (
                type(self.by_type[types.variant]) is Method):
            method = self.by_type[types.variant]
        return method.wrap(run_batch(method.program, method, columns, rows, NULL, NULL, left), types.result), left

    def rows_left(self, X):
        """The numbers of the rows at which the program stops; other rows are answered in vain."""
        cdef int64_t rows
        cdef RequestTypes types
        cdef list left = [], columns = self.take(X, &rows, &types)
        run_batch(self.program, self, columns, rows, NULL, NULL, left)
        return [row for row, _ in left]

    cdef object whole_answer(self, X):
        cdef int64_t rows
        cdef RequestTypes types
        try:
            columns = self.take(X, &rows, &types)
        except errors.InputTypeError as error:
            if self.others is not None and self.others.takes_values:
                return self.others.instead(X, error)
            if cnp.NPY_OBJECT not in self.by_type:
                raise
            try:
                return self.by_type[cnp.NPY_OBJECT](X)
            except Exception as own:  # libraries have types of their own
                raise error from own
        if types.variant == SEVERAL_TYPES:
            return self.by_branch(X)
        if types.variant != ANY_TYPE:
            variant = self.by_type[types.variant]
            if types.variant == cnp.NPY_OBJECT and self.method != "transform" and types.converts and (
                    not getattr(variant, "exists", True) and not holds_nan(columns)):
                return self.answer_columns(columns, rows, cnp.NPY_FLOAT64)  # steps keep nothing of objects but None
            if type(variant) is not Method or (<Method>variant).form is not self.form:
                return variant(X)
            return (<Method>variant).answer_columns(columns, rows, types.result)
        if types.result != cnp.NPY_FLOAT64 and self.labels is None and self.is_long(types.result):
            return self.answer_long(X, columns, rows, types.result)
        return self.answer_columns(columns, rows, types.result)

    cdef bint is_long(self, int type_num):
        """Whether the result has integers of 64 bits, which may be more than float64 holds."""
        dtype = self.result_type_for(type_num)
        return dtype is not None and dtype.kind in "iu" and dtype.itemsize == 8

    cdef object answer_long(self, X, list columns, int64_t rows, int type_num):
        """The answer of `is_long` methods."""
        try:
            return self.compute(columns, rows, type_num)
        except BeyondFloat64:
            if self.by_source is None:
                raise
            return self.by_source(X)

    cdef object answer_columns(self, list columns, int64_t rows, int type_num):
        """The answer for columns that `take` found, computed in this thread or by a worker."""
        cdef Task task
        if self.scheduler is not None and rows > 0 and (
                self.usual_estimate(rows) * 1e-9 >= self.long_call):
            task = Task.__new__(Task)
            task.load(self, columns, rows, type_num)
            if self.scheduler.run(task):
                return task.answer()
        return self.compute(columns, rows, type_num)

    cdef bint is_for_others(self, X):
        """Whether the form of a request alone decides that the program cannot read it."""
        return self.others is not None and (type(X) is not np.ndarray or self.others.takes_arrays) and (
            self.others.takes(X))

    def time(self, X, int64_t block, int passes):
        """Time the rows of ``X``, ``block`` at a time, ``passes`` times over: see `time_blocks`."""
        cdef int64_t rows
        cdef RequestTypes types
        columns = self.take(X, &rows, &types)
        return time_blocks(self, columns, rows, max(block, 1), max(passes, 1))

    def measure(self, X):
        """Rows of a request, and its text code units or sparse entries."""
        cdef RequestScope scope
        cdef LeafInput* leaves
        cdef int64_t rows
        cdef RequestTypes types
        cdef list held = [], columns = self.take(X, &rows, &types)
        try:
            leaves = open_leaves(self.readers, columns, rows, rows, scope.arena, held)
            return rows, fill_cells(self.readers, columns, leaves, 0, rows, 0, held)
        except WrongField as error:
            self.raise_wrong_field(error)

    cdef double usual_estimate(self, int64_t rows) noexcept:
        """Nanoseconds for ``rows`` rows with as many units as requests have had so far."""
        cdef double mean = self.native.cost.feedback().mean_payload()
        return self.native.cost.estimate_ns(rows, <int64_t>(rows * mean) if mean > 0 else 0)

    cdef list take(self, X, int64_t* rows, RequestTypes* types):
        """Read a table: the columns of each leaf."""
        cdef ColumnType of_array
        cdef set found
        self.choice.one(cnp.NPY_FLOAT64, types)
        if self.rounds and (cnp.PyArray_CheckExact(X) and cnp.PyArray_TYPE(X) != cnp.NPY_FLOAT64):
            X = CALLBACKS.as_rounded(X)
        if type(X) is np.ndarray and self.plain and self.takes_bare and X.ndim == 2 and X.dtype == np.float64 and (
                X.flags.c_contiguous and X.shape[1] == self.width and X.shape[0] > 0):
            rows[0] = X.shape[0]
            return [X]
        if self.numbers and self.takes_bare and cnp.PyArray_CheckExact(X) and cnp.PyArray_NDIM(X) == 2 and (
                self.spec.width == cnp.PyArray_DIM(X, 1) and cnp.PyArray_DIM(X, 0) > 0) and column_type(X, &of_array):
            rows[0] = cnp.PyArray_DIM(X, 0)
            if self.follows:
                self.choice.one(common_type(ANY_TYPE, cnp.PyArray_TYPE(X)), types)
            return [(X,)] * self.n_leaves
        if self.names is not None and self.spec.coding is None and is_frame(X):
            found = set()
            columns = frame_columns(X, self.names, self.readers, self.typed, rows, found)
            if columns is not None:
                self.choice.several(found, columns, self.by_branch, types)
                self.choice.among_objects(columns, types)
                return columns
        n, columns, dtypes = self.read(self.spec, self.program.leaves, X)
        if n == 0 and self.plan.needs_rows:
            CALLBACKS.fail_empty(self.spec, self.name)
        rows[0] = n
        if self.follows:
            found = {dtype.num for each, matters in zip(dtypes, self.typed) if matters for dtype in each}
            self.choice.several(found, dtypes, self.by_branch, types)
            if self.knows_none and type(X) is list and any([holds_none(row) for row in X]):
                types.variant = cnp.NPY_OBJECT
        self.choice.among_objects(columns, types)
        return columns

    cdef object compute(self, list columns, int64_t rows, int type_num):
        """The answer for columns that `take` found, computed in this thread."""
        try:
            result = run_batch(self.program, self, columns, rows, NULL)
        except WrongField as error:
            self.raise_wrong_field(error)
        return self.wrap_sparse(result, rows, type_num) if self.sparse else self.wrap(result, type_num)

    cdef int collect(self) except -1:
        """Collect the addresses that every call reads, from Python objects to the parameters of the last step."""
        cdef Reader reader
        add_object(self, &self.lines)
        add_object(self.program, &self.lines)
        add_object(self.readers, &self.lines)
        for reader in self.readers:
            add_object(reader, &self.lines)
            self.lines.add(reader.positions.data(), reader.positions.size() * sizeof(int))
        add_object(self.required, &self.lines)
        self.lines.add(self.form.required_at.data(), self.form.required_at.size() * sizeof(int))
        if self.labels is not None:
            add_object(self.labels, &self.lines)
            for classes in self.labels:
                add_object(classes, &self.lines)
        self.program.program.add_prefetch(&self.lines)
        self.lines.finish()
        return 0

    cpdef call_row(self, row):
        """Answer for one row, given as dict, tuple, list, 1-D array or str: a scalar, or a vector."""
        try:
            return self.plain_row(row)
        except (errors.InputTypeError, errors.InputValueError) as error:
            if self.of_items:
                return CALLBACKS.answer_item_instead(self, self.method, row, error)
            return CALLBACKS.answer_row_instead(self, self.method, row, error)

    cdef object plain_row(self, row):
        """The answer of the program for one row."""
        cdef RequestScope scope
        cdef NativeProgram program = self.program
        cdef Arena* arena = scope.arena
        cdef LeafInput* leaves
        cdef Request request
        cdef RunResult result
        cdef double* answer
        cdef list held = []
        cdef int64_t units = 0
        prefetch_once(self.lines.span(), scope.thread)
        if self.sparse:
            return self(CALLBACKS.one_row_table(self.spec, self.name, row))
        if self.follows and self.is_typed_row(row):
            return self.answer_typed_row(row)
        try:
            leaves = <LeafInput*>allocate(arena, sizeof(LeafInput) * self.n_leaves)
            answer = <double*>allocate(arena, sizeof(double) * program.width)
            self.read_row(row, leaves, arena, held, &units)
            request.leaves = leaves
            request.rows = 1
            request.result = answer
            run_range(program, &request, scope.thread, units, &result)
            if result.status != Status.kOk:
                raise_error(program, self, &result)
            return self.answer(answer)
        except WrongField as error:
            if self.others is None or not self.others.takes_values:
                self.raise_wrong_field(error)
            try:
                return self.others.call_row(row)
            except errors.InputError:
                raise
            except (TypeError, ValueError, OverflowError):
                self.raise_wrong_field(error)

    cpdef bint is_typed_row(self, row):
        """Whether the answer depends on the type of this row: an array of other numbers than float64, None, a bool."""
        cdef ColumnType type
        if self.follows and cnp.PyArray_CheckExact(row):
            return cnp.PyArray_TYPE(row) != cnp.NPY_FLOAT64 and cnp.PyArray_NDIM(row) == 1 and (
                cnp.PyArray_DIM(row, 0) == self.spec.width and column_type(row, &type))
        return self.choice.refuses_bool(row) or (self.knows_none and holds_none(row))

    cdef object answer_typed_row(self, row):
        """The answer for a row as a table of its own; names are those of the model."""
        cdef int64_t rows
        cdef int type_num
        cdef list columns
        if type(row) is not np.ndarray:
            return self.by_type[cnp.NPY_BOOL if self.choice.refuses_bool(row) else cnp.NPY_OBJECT].call_row(row)
        table = row[None]
        type_num = common_type(ANY_TYPE, cnp.PyArray_TYPE(row))
        if type_num in self.by_type:
            variant = self.by_type[type_num]
            if type(variant) is not Method:
                return variant.answer_typed_row(row)
            return (<Method>variant).first_row([(table,)] * (<Method>variant).n_leaves, type_num)
        try:
            return self.first_row([(table,)] * self.n_leaves, type_num)
        except BeyondFloat64:
            if self.by_source is None:
                raise
            return self.by_source.answer_typed_row(row)

    cdef object first_row(self, list columns, int type_num):
        """The answer for a table of one row, without the dimension of rows."""
        if not self.numbers:
            raise TypeError
        answer = self.compute(columns, 1, type_num)
        if isinstance(answer, list | tuple):
            return type(answer)([part[0] for part in answer])
        return answer[0].item() if self.scalar else answer[0]

    def estimate_one(self, row):
        """Predicted seconds for one row, before it is read."""
        return self.native.cost.estimate_ns(1, 0 if self.plain else units_of(row)) * 1e-9

    @property
    def sparse_result(self):
        """Whether results are CSR matrices."""
        return self.sparse

    cdef int read_row(self, row, LeafInput* leaves, Arena* arena, list held, int64_t* units) except -1:
        cdef int i, n = self.n_leaves
        cdef Reader reader
        cdef PyObject** values = NULL
        cdef object given = None  # the row before its categories became codes
        if self.one_each:
            return read_value(row, self.readers, leaves, arena, held, units)
        if self.coder is not None and not cnp.PyArray_CheckExact(row):
            given = row if type(row) in (dict, tuple, list) else self.as_row(row)
            row = self.coder(given)
            held.append(row)
        if cnp.PyArray_CheckExact(row):
            if self.read_vector(row, leaves, arena):
                return 0
            row = self.as_row(row)
        elif PyDict_Check(row):
            if self.names is None:
                CALLBACKS.fail_row(self.spec, self.name, row)
            if BORROWS_REFERENCES and PyDict_Size(row) == PyTuple_GET_SIZE(self.required):
                values = fields_in_order(row, self.required, self.form.required_at.data(), self.width, arena)
            if values == NULL and (self.unread or PyDict_Size(row) != PyTuple_GET_SIZE(self.required)):
                other = CALLBACKS.respelled(self.spec, row if given is None else given)
                if other is not None:
                    return self.read_row(other, leaves, arena, held, units)
                CALLBACKS.check_keys(self.spec, self.name, row)
        elif not PyTuple_Check(row) and not PyList_CheckExact(row):
            row = self.as_row(row)
        if PyList_CheckExact(row):
            row = PyList_AsTuple(row)  # a list may become shorter while its fields are read
            held.append(row)
        if self.plain and copy_floats(<PyObject*>row, self.width, leaves, arena):
            return 0
        if PyTuple_Check(row):
            if PyTuple_GET_SIZE(row) != self.width:
                CALLBACKS.fail_row(self.spec, self.name, row)
            values = items_of(row, 0)
        try:
            for i in range(n):
                read_fields(row, &values, <Reader>self.readers[i], &leaves[i], arena, held, units)
        except MissingField:
            other = CALLBACKS.respelled(self.spec, row if given is None else given)
            if other is not None:
                return self.read_row(other, leaves, arena, held, units)
            CALLBACKS.check_keys(self.spec, self.name, row)
            raise errors.InputKeyError(f"{self.name}: the row changed while it was being read")
        return 0

    cdef int read_vector(self, cnp.ndarray row, LeafInput* leaves, Arena* arena) except -1:
        """Point at the numbers of a 1-D array; 0 if it is not a vector of numbers of the right length."""
        cdef int i, j, n = self.n_leaves
        cdef Reader reader
        cdef NumberColumn* columns
        cdef NumberColumn origin
        if row.ndim != 1 or row.shape[0] != self.width:
            return 0
        if self.plain and point_at(<PyObject*>row, self.width, leaves):
            return 1
        if not column_type(row, &origin.type):
            return 0
        for i in range(n):
            if (<Reader>self.readers[i]).kind == LeafKind.kCells or (<Reader>self.readers[i]).is_date:
                return 0
        number_column(row, &origin)
        for i in range(n):
            reader = <Reader>self.readers[i]
            columns = <NumberColumn*>allocate(arena, sizeof(NumberColumn) * reader.width)
            for j in range(reader.width):
                columns[j] = origin
                columns[j].data = origin.data + position_of(reader, j) * origin.stride
            leaves[i].form = LeafForm.kColumns
            leaves[i].columns = columns
        return 1

    # -- results -------------------------------------------------------------------------------------------------

    cdef object answer(self, const double* values):
        """The result for one row."""
        cdef int i, width = self.n_out
        cdef cnp.npy_intp size = width
        cdef cnp.ndarray vector
        cdef tuple classes
        if self.labels is not None:
            if self.scalar:
                classes = <tuple>self.labels[0]
                return classes[label_index(values[0], PyTuple_GET_SIZE(classes))]
            return np.array([classes[label_index(values[i], PyTuple_GET_SIZE(classes))]
                             for i, classes in enumerate(self.labels)], dtype=self.label_type)
        if self.scalar:
            return values[0] if self.result_type is None or self.result_type.kind == "f" else whole_number(values[0])
        vector = cnp.PyArray_EMPTY(1, &size, cnp.NPY_FLOAT64, 0)
        memcpy(vector.data, values, sizeof(double) * width)
        if self.result_type is not None:
            if self.result_type.kind in "iu":
                for i in range(width):
                    whole_number(values[i])
            vector = vector.astype(self.result_type)
        return vector if self.plan.list_of is None else self.parts_of(vector)

    cdef object result_type_for(self, int type_num):
        """dtype of the result where the common type of the columns whose dtype matters is this; None: float64."""
        if self.result_types is None:
            self.result_types = {}
        try:
            return self.result_types[type_num]
        except KeyError:
            return self.result_types.setdefault(type_num, self.new_result_type(type_num))

    cdef object new_result_type(self, int type_num):
        dtype = self.plan.dtype.dtype_for(cnp.PyArray_DescrFromType(type_num))
        return None if dtype == np.float64 else dtype

    cdef object wrap(self, result, int type_num):
        """The result for a table."""
        if self.labels is not None:
            columns = [labels_of(result, i, classes) for i, classes in enumerate(self.plan.labels)]
            return columns[0] if self.scalar else np.stack(columns, axis=1)
        dtype = self.result_type if type_num == cnp.NPY_FLOAT64 else self.result_type_for(type_num)
        if dtype is not None:
            result = converted(result, dtype)
        if self.plan.list_of is not None:
            return self.parts_of(result)
        return result[:, 0] if self.scalar else result

    cdef object parts_of(self, result):
        """The blocks of a result: a list of arrays, or distances and numbers of rows that were found."""
        parts = split(result, self.plan.list_of)
        return (parts[0], parts[1].astype(np.int64)) if self.method == "kneighbors" and len(parts) == 2 else parts

    cdef object wrap_sparse(self, arrays, rows, int type_num):
        """The result for a table where the program writes sparse rows."""
        from scipy.sparse import csr_matrix

        data, indices, indptr = arrays
        dtype = self.result_type if type_num == cnp.NPY_FLOAT64 else self.result_type_for(type_num)
        if dtype is not None:
            data = converted(data, dtype)
        return csr_matrix((data, indices, indptr), shape=(rows, self.program.width))

    # -- unusual rows and errors: slow, in Python ------------------------------------------------------------------

    cdef object as_row(self, row):
        return CALLBACKS.as_row(self.spec, self.name, row)

    cdef int raise_wrong_field(self, error) except -1:
        CALLBACKS.raise_wrong_field(self.spec, self.name, *error.args)
