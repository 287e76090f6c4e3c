# How the rows of models that read the same fields are read: models with one form share what was read.


@cython.final
cdef class RowForm:
    """How rows are read; shared by all models of one kind over the same columns."""

    cdef tuple readers
    cdef tuple required  # names that a row must have
    cdef vector[int] required_at  # their positions
    cdef tuple unread    # names that no leaf reads
    cdef object __weakref__

    def __init__(self, leaves, spec):
        self.required, self.unread = (), ()
        if spec.names is not None:
            if len(spec.names) != spec.width:
                raise errors.KernelError(f"{len(spec.names)} names for {spec.width} columns")
            used = {c for leaf in leaves if leaf.source == 0 for c in leaf.columns}
            if not used <= {*spec.required} or not all([0 <= c < spec.width for c in spec.required]):
                raise errors.KernelError("a leaf reads a column that requests need not have")
            self.required_at = spec.required
            self.required = tuple([interned(spec.names[c]) for c in spec.required])
            self.unread = tuple([spec.names[c] for c in spec.required if c not in used])
        self.readers = tuple([Reader(leaf, spec) for leaf in leaves])


FORMS = WeakValueDictionary()  # by their content, as long as a method uses them


cdef RowForm form_of(leaves, spec):
    """The form of rows for these leaves. Of two that threads make at once, one is kept."""
    key = (leaves, spec.width, spec.names, spec.required, spec.missing)
    found = FORMS.get(key)
    return found if found is not None else FORMS.setdefault(key, RowForm(leaves, spec))


NO_SPEC = SimpleNamespace(width=-1, names=None, required=(), missing=())


cdef inline bint point_at(PyObject* row, int width, LeafInput* leaf) noexcept:
    """Point at the numbers of a 1-D float64 array without copying; False for anything else."""
    if not cnp.PyArray_CheckExact(<object>row):
        return False
    if cnp.PyArray_NDIM(<cnp.ndarray>row) != 1 or cnp.PyArray_DIMS(<cnp.ndarray>row)[0] != width or (
            cnp.PyArray_TYPE(<cnp.ndarray>row) != cnp.NPY_FLOAT64) or (
            cnp.PyArray_STRIDES(<cnp.ndarray>row)[0] != sizeof(double)) or not (
            cnp.PyArray_ISBEHAVED_RO(<cnp.ndarray>row)):
        return False
    leaf.form = LeafForm.kRows
    leaf.rows = <const double*>cnp.PyArray_DATA(<cnp.ndarray>row)
    leaf.row_stride = width
    return True


cdef inline bint copy_floats(PyObject* row, int width, LeafInput* leaf, Arena* arena) except -1:
    """Copy the numbers of a tuple of floats; False for anything else."""
    if not PyTuple_CheckExact(<object>row) or PyTuple_GET_SIZE(<object>row) != width:
        return False
    return leading_floats(items_of(<object>row, 0), width, open_rows(leaf, width, 1, arena)) == width
