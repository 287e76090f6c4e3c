# Turns native values into the results of scikit-learn: labels, arrays, CSR matrices.


cdef tuple csr_arrays(CsrResult& result):
    """(data, indices, indptr) as ndarrays, with the index dtype SciPy would choose."""
    cdef int64_t nnz = <int64_t>result.indices.size()
    index_type = np.int32 if nnz < 2**31 else np.int64
    data = np.empty(nnz)
    indices = np.empty(nnz, dtype=np.int32)
    indptr = np.empty(result.indptr.size(), dtype=np.int64)
    memcpy(cnp.PyArray_DATA(data), result.data.data(), nnz * sizeof(double))
    memcpy(cnp.PyArray_DATA(indices), result.indices.data(), nnz * sizeof(int32_t))
    memcpy(cnp.PyArray_DATA(indptr), result.indptr.data(), result.indptr.size() * sizeof(int64_t))
    return data, indices.astype(index_type, copy=False), indptr.astype(index_type, copy=False)


cdef inline Py_ssize_t label_index(double value, Py_ssize_t n) except -1:
    """A label number that the model computed, as an index of ``n`` labels."""
    if not 0.0 <= value < n:  # NaN, too
        reject_label(value, n)
    return <Py_ssize_t>value


cdef int reject_label(double value, Py_ssize_t n) except -1:
    raise errors.KernelError(f"the model chose label number {value:g}, but has {n} label(s)")


cdef cnp.ndarray labels_of(cnp.ndarray values, int column, cnp.ndarray classes):
    """Labels of all rows of a float64 matrix with contiguous rows, from the label numbers in one column."""
    cdef Py_ssize_t i, n = cnp.PyArray_DIM(classes, 0)
    cdef cnp.npy_intp rows = cnp.PyArray_DIM(values, 0), width = cnp.PyArray_DIM(values, 1)
    cdef const double* numbers = <const double*>cnp.PyArray_DATA(values) + column
    cdef cnp.ndarray indices = cnp.PyArray_EMPTY(1, &rows, cnp.NPY_INTP, 0)
    cdef cnp.npy_intp* found = <cnp.npy_intp*>cnp.PyArray_DATA(indices)
    for i in range(rows):
        found[i] = label_index(numbers[i * width], n)
    return classes.take(indices)


cdef list split(array, widths):
    """The blocks of a multi-output result as a list of arrays."""
    parts = []
    first = 0
    for width in widths:
        parts.append(np.ascontiguousarray(array[..., first:first + width]))
        first += width
    return parts


class BeyondFloat64(errors.InputValueError):
    """Integers of the result are too large for the float64 in which it was computed."""


cdef object converted(result, dtype):
    """A result in the dtype that scikit-learn gives it."""
    if dtype.kind in "iu" and result.size:
        largest = np.abs(result).max()
        if not np.isfinite(largest):
            reject_integer(largest)
        if dtype.itemsize == 8 and largest >= 2.0 ** 53:
            raise BeyondFloat64("integers beyond 2**53")
    return result.astype(dtype)


cdef inline object whole_number(double value):
    """A result that is an integer."""
    if value - value != 0.0:  # NaN or infinite
        reject_integer(value)
    return int(value)


cdef int reject_integer(double value) except -1:
    raise errors.KernelError(f"the model computed {value:g}, which is no integer")
