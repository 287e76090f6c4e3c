# Many models in one call: names and handles become methods, rows are read, and programs run grouped by shape.

from cpython.ref cimport Py_DECREF, Py_INCREF
from cpython.tuple cimport PyTuple_CheckExact
from cpython.unicode cimport PyUnicode_CheckExact

cdef enum:
    RESOLVE = 0
    READ = 1
    PRESENT = 2


@cython.final
cdef class ModelResolver:
    """Finds models by name, and their methods by handle.

    Parameters
    ----------
    names : dict of str to handle
    handle : type
        Class of handles, which have an `Endpoint` for each method in their ``__dict__``.
    find : callable
        ``find(name)`` returns the handle of a name that is not in ``names``, or raises.
    """

    cdef dict names
    cdef object handle
    cdef object find

    def __init__(self, dict names, handle, find):
        self.names = names
        self.handle = handle
        self.find = find


cdef inline object resolve(object model, str method, ModelResolver resolver):
    """The method of a model, in the version that answers now."""
    cdef object found
    if PyUnicode_CheckExact(model):
        found = resolver.names.get(model)
        model = resolver.find(model) if found is None else found
    if type(model) is resolver.handle:
        if method == "predict" and (<Handle>model).endpoint is not None:
            return (<Handle>model).endpoint.take_answered()
        found = PyObject_GenericGetDict(model, NULL).get(method)
        if type(found) is Endpoint:
            return (<Endpoint>found).take_answered()
    return resolve_other(model, method)


cdef object resolve_other(model, str method):
    """`resolve` for any other object with methods."""
    found = getattr(model, method, None)
    if type(found) is Endpoint:
        return (<Endpoint>found).take_answered()
    if type(found) is not Method and not hasattr(found, "call_row"):
        reject_model(model, method)
    return found


cdef int reject_model(model, str method) except -1:
    if not hasattr(model, "methods") and not hasattr(model, "plan"):
        raise TypeError(f"expected the name of a model, its handle or a plan, got {type(model).__name__}")
    getattr(model, method)
    raise AttributeError(f"{model!r} has no method {method!r} that takes rows")


def resolve_all(models, str method, ModelResolver resolver):
    """The methods of ``models``, given as names, handles or plans; each counts one call."""
    if PyUnicode_Check(models):
        raise TypeError(f"expected a list of names, handles or plans, got the str {models!r}")
    return [resolve(model, method, resolver) for model in models]


def answers(cnp.ndarray values, list methods, list firsts):
    """The answers of several methods for one row, whose values lie side by side; those of method ``i`` from column
    ``firsts[i]`` on."""
    cdef const double* row = <const double*>cnp.PyArray_DATA(values)
    cdef Py_ssize_t first, size = cnp.PyArray_SIZE(values)
    cdef Method method
    found = []
    for method, first in zip(methods, firsts, strict=True):
        if not 0 <= first <= size - method.n_out:
            raise errors.KernelError(f"column {first} of {size} is no place for {method.n_out} values")
        found.append(method.answer(row + first))
    return found


cdef list exact_pairs(pairs):
    """The pairs as tuples, so that no other thread can change them."""
    cdef list found
    if PyUnicode_Check(pairs):
        raise TypeError(f"expected a list of pairs of model and row, got the str {pairs!r}")
    found = list(pairs)
    for i in range(len(found)):
        pair = found[i]
        if not PyTuple_CheckExact(pair):
            found[i] = pair = tuple(pair)
        if PyTuple_GET_SIZE(pair) != 2:
            raise TypeError(f"item {i}: expected a pair of model and row, got {len(pair)} values")
    return found


@cython.final
cdef class MultiModelBatch:
    """The items of one call of `answer_many`; all but the results lie in the thread's arena.

    All methods are resolved before any of them runs, so a concurrent swap cannot mix versions.
    """

    cdef Arena* arena
    cdef BatchItem* items   # with a reference to the method of each
    cdef list pairs         # keeps the rows alive, which are read without copying
    cdef Py_ssize_t n
    cdef str method
    cdef ModelResolver resolver
    cdef list texts
    cdef list results
    cdef list failed        # positions whose result is an exception
    cdef double cost        # nanoseconds

    cdef int reserve(self) except -1:
        cdef Py_ssize_t i, n = len(self.pairs)
        self.items = <BatchItem*>allocate(self.arena, sizeof(BatchItem) * n)
        for i in range(n):
            self.items[i] = BatchItem()
        self.n = n
        self.texts = []
        self.results = [None] * n
        self.failed = []
        self.cost = 0.0
        return 0

    cdef Py_ssize_t each(self, int phase, Py_ssize_t n, bint all_of_them) except -1:
        """Do one phase for every item; returns the number of items done, which ends with the first that failed."""
        cdef Py_ssize_t i = 0
        while i < n:
            try:  # around the loop, because around each item it would cost as much as an item
                while i < n:
                    if phase == RESOLVE:
                        resolve_item(self, i)
                    elif phase == READ:
                        read_item(self, i)
                    else:
                        present_item(self, i)
                    i += 1
            except WrongField as error:
                self.fail(i, wrong_field_of(<Method>self.items[i].method, error))
            except Exception as error:
                self.fail(i, error)
            if i < n:
                i += 1
                if not all_of_them:
                    break
        return i

    cdef int fail(self, Py_ssize_t i, error) except -1:
        self.items[i].program = NULL
        self.results[i] = error
        self.failed.append(i)
        return 0

    cdef int run(self, Py_ssize_t n) except -1:
        if self.cost > RELEASE_GIL_NS:
            with nogil:
                run_multi_model_batch(self.items, n, self.arena[0])
        else:
            run_multi_model_batch(self.items, n, self.arena[0])
        return 0

    cdef int release_methods(self) except -1:
        cdef Py_ssize_t i
        cdef PyObject* method
        for i in range(self.n):
            method = <PyObject*>self.items[i].method
            if method != NULL:
                Py_DECREF(<object>method)
        return 0


# The work for each item is in functions, because the compiler does not inline methods of the class.

cdef inline PyObject* pair_of(MultiModelBatch batch, Py_ssize_t i) noexcept:
    return PyList_GET_ITEM(batch.pairs, i)


cdef inline PyObject* row_of(MultiModelBatch batch, Py_ssize_t i) noexcept:
    return PyTuple_GET_ITEM(<object>pair_of(batch, i), 1)


cdef inline int resolve_item(MultiModelBatch batch, Py_ssize_t i) except -1:
    """Resolve the method of an item."""
    cdef PyObject* pair = pair_of(batch, i)
    cdef object target
    target = resolve(<object>PyTuple_GET_ITEM(<object>pair, 0), batch.method, batch.resolver)
    Py_INCREF(target)
    batch.items[i].method = <PyObject*>target
    return 0


cdef inline int read_item(MultiModelBatch batch, Py_ssize_t i) except -1:
    """Read the row of an item, or answer it at once if only Python can."""
    cdef BatchItem* item = &batch.items[i]
    cdef PyObject* row = row_of(batch, i)
    cdef PyObject* method = <PyObject*>item.method  # a name of type Method would count its references
    cdef const Program* program
    cdef LeafInput* leaves
    cdef int n_leaves
    cdef int64_t units = 0
    if method == NULL:
        return 0
    if type(<object>method) is not Method or (<Method>method).sparse:
        batch.results[i] = (<object>method).call_row(<object>row)
        return 0
    if (<Method>method).follows and (<Method>method).is_typed_row(<object>row):
        batch.results[i] = (<Method>method).answer_typed_row(<object>row)
        return 0
    program = (<Method>method).native
    n_leaves = (<Method>method).n_leaves
    leaves = <LeafInput*>allocate(batch.arena, sizeof(LeafInput) * n_leaves + sizeof(double) * (<Method>method).n_out)
    item.leaves = leaves
    item.answer = <double*>&leaves[n_leaves]
    if not (<Method>method).plain or not (
            point_at(row, (<Method>method).width, leaves) or
            copy_floats(row, (<Method>method).width, leaves, batch.arena)):
        (<Method>method).read_row(<object>row, leaves, batch.arena, batch.texts, &units)
    batch.cost += program.cost.row_price_ns(units)
    item.program = program
    return 0


cdef inline int present_item(MultiModelBatch batch, Py_ssize_t i) except -1:
    """Turn the values of an item into its result."""
    cdef BatchItem* item = &batch.items[i]
    if item.program == NULL:
        return 0
    if leaves_row(item.result.status):
        batch.results[i] = (<Method>item.method).call_row(<object>row_of(batch, i))
        return 0
    if item.result.status != Status.kOk:
        raise_error((<Method>item.method).program, <Method>item.method, &item.result)
    batch.results[i] = (<Method>item.method).answer(item.answer)
    return 0


cdef object wrong_field_of(Method method, error):
    """The exception that a caller sees for a value of the wrong type."""
    try:
        method.raise_wrong_field(error)
    except Exception as seen:
        return seen


def answer_many(pairs, str method, ModelResolver resolver, bint collect):
    """Answer one row for each of many models.

    Parameters
    ----------
    pairs : iterable
        A name, handle or plan, and a row that its ``predict_one`` takes.
    method : str
    resolver : ModelResolver
    collect : bool
        Put exceptions into the list instead of raising the first.
    """
    cdef RequestScope scope
    cdef MultiModelBatch batch = MultiModelBatch.__new__(MultiModelBatch)
    cdef Py_ssize_t n
    batch.pairs = exact_pairs(pairs)
    batch.method = method
    batch.resolver = resolver
    batch.arena = scope.arena
    try:
        batch.reserve()
        n = batch.each(RESOLVE, batch.n, collect)
        n = batch.each(READ, n, collect)
        batch.run(n)
        batch.each(PRESENT, n, True)
    finally:
        batch.release_methods()
    if batch.failed and not collect:
        first = min(batch.failed)
        error = batch.results[first]
        error.add_note(f"item {first} of {batch.n}")
        raise error
    return batch.results
