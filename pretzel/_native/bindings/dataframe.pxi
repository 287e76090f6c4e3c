# Fast path for pandas DataFrames: reads their blocks directly. The public interface of pandas holds the GIL for
# microseconds for each column, longer with cold caches. If a frame is not laid out as expected here,
# `pretzel.runtime.input.table_reader` reads it through the public interface.

cdef object frame_type = None  # pandas.DataFrame, once one has been seen; pandas is never imported


cdef bint is_frame(object X):
    """Whether ``X`` is a DataFrame. A subclass may override anything, so it is none."""
    global frame_type
    if frame_type is None and type(X).__name__ == "DataFrame" and type(X).__module__.partition(".")[0] == "pandas":
        frame_type = type(X)
    return type(X) is frame_type


cdef int64_t frame_rows(object X) except -1:
    """Rows of a DataFrame."""
    return len(X._mgr.axes[1]) if hasattr(X, "_mgr") else len(X)


cdef tuple blocks_of(object X):
    """Blocks of a DataFrame, and for each column its block and its place there; None if they are not as expected."""
    try:
        manager = X._mgr
        blocks, numbers, places = manager.blocks, manager.blknos, manager.blklocs
    except AttributeError:
        return None
    if type(blocks) is not tuple or not are_indices(numbers) or not are_indices(places):
        return None
    return (blocks, numbers, places) if cnp.PyArray_SIZE(numbers) == cnp.PyArray_SIZE(places) else None


cdef bint are_indices(object array):
    return cnp.PyArray_CheckExact(array) and cnp.PyArray_TYPE(array) == cnp.NPY_INTP and cnp.PyArray_ISCARRAY_RO(array)


cdef object array_of(tuple blocks, Py_ssize_t i):
    """The array of column ``i``: a 1-D ndarray or an extension array; None if another thread changes the frame."""
    cdef cnp.npy_intp number = (<cnp.npy_intp*>cnp.PyArray_DATA(blocks[1]))[i]
    cdef cnp.npy_intp place = (<cnp.npy_intp*>cnp.PyArray_DATA(blocks[2]))[i]
    if not 0 <= number < len(<tuple>blocks[0]):
        return None
    values = (<tuple>blocks[0])[number].values
    if not cnp.PyArray_CheckExact(values):
        return values[place] if getattr(values, "ndim", 1) == 2 else values  # periods and dates with a time zone
    if cnp.PyArray_NDIM(values) != 2:
        return values
    return values[place] if 0 <= place < cnp.PyArray_DIM(values, 0) else None


def frame_array(X, Py_ssize_t i):
    """The array in which a pandas DataFrame keeps column ``i``; None if it is not laid out as expected."""
    cdef tuple blocks = blocks_of(X)
    return None if blocks is None or not 0 <= i < cnp.PyArray_SIZE(blocks[1]) else array_of(blocks, i)


cdef list frame_columns(object X, tuple names, tuple readers, tuple typed, int64_t* rows, set types):
    """The columns of each leaf, as `pretzel.runtime.input.table_reader.read` returns them; None if that has to do it.

    The frame must have just the columns ``names``. Types of the columns of the ``typed`` leaves are added to ``types``.
    """
    cdef Reader reader
    cdef int i, last = ANY_TYPE
    cdef bint is_typed
    cdef Py_ssize_t n
    cdef tuple blocks = blocks_of(X)
    if blocks is None or cnp.PyArray_SIZE(blocks[1]) != len(names) or not are_names(X._mgr.axes[0], names):
        return None
    rows[0] = -1
    found = []
    for reader, is_typed in zip(readers, typed):
        if reader.is_date:
            columns = CALLBACKS.date_columns(array_of(blocks, position_of(reader, 0)), reader.zone, reader.unit)
            n = 0 if columns is None else len(columns[0])
            if n == 0 or (rows[0] >= 0 and n != rows[0]):
                return None
            rows[0] = n
            found.append(columns)
            continue
        columns = []
        for i in range(reader.width):
            column = readable_array(array_of(blocks, position_of(reader, i)), reader.kind == LeafKind.kCells)
            if column is None:
                return None
            n = len((<tuple>column)[0] if isinstance(column, tuple) else column)
            if n == 0 or (rows[0] >= 0 and n != rows[0]):
                return None
            rows[0] = n
            columns.append(column)
            if is_typed and cnp.PyArray_CheckExact(column) and cnp.PyArray_TYPE(column) != last:
                last = cnp.PyArray_TYPE(column)
                types.add(last)
        found.append(columns)
    return None if rows[0] < 0 else found


cdef bint holds_nan(list columns) except -1:
    """Whether a number is missing, in columns of leaves."""
    return any([np.isnan(each).any() for leaf in columns for each in leaf
                if cnp.PyArray_CheckExact(each) and each.dtype.kind == "f"])


cdef list types_of(list leaves):
    """The types of the columns of each leaf, as far as they are arrays or dtypes."""
    return [{cnp.PyArray_TYPE(each) if cnp.PyArray_CheckExact(each) else each.num for each in leaf
             if cnp.PyArray_CheckExact(each) or cnp.PyArray_DescrCheck(each)} for leaf in leaves]


cdef object readable_array(object array, bint is_cells):
    """An array as a leaf can read it: an ndarray, a list or a pyarrow array; None if it needs conversion."""
    cdef ColumnType type
    if not cnp.PyArray_CheckExact(array):
        return texts_of(array) if is_cells else None
    if column_type(array, &type):
        return array
    return array.tolist() if is_cells and cnp.PyArray_TYPE(array) == cnp.NPY_OBJECT else None


cdef object texts_of(object values):
    """The pyarrow array in which pandas keeps texts, with what a missing one is for pandas, or None."""
    chunk = only_chunk(values)
    return chunk if chunk is None or not chunk.null_count else (chunk, values.dtype.na_value)


cdef object only_chunk(object values):
    """The pyarrow array in which pandas keeps texts, or None if there are several."""
    chunked = getattr(values, "_pa_array", None)
    if chunked is None or chunked.num_chunks != 1:
        return None
    chunk = chunked.chunk(0)
    return chunk if type(chunk).__name__ == "LargeStringArray" else None  # some versions also keep dictionaries


cdef bint are_names(object labels, tuple names) except -1:
    """Whether an Index holds just these names, in this order."""
    cdef TextColumn texts
    cdef const char* name
    cdef Py_ssize_t i, size, n = len(names)
    if type(labels).__name__ != "Index":
        return False
    data = getattr(labels, "_data", None)
    if cnp.PyArray_CheckExact(data):
        return cnp.PyArray_TYPE(data) == cnp.NPY_OBJECT and data.tolist() == list(names)
    chunk = only_chunk(data)
    if chunk is None or len(chunk) != n or not text_column(chunk, &texts):
        return False
    for i in range(n):
        name = PyUnicode_AsUTF8AndSize(names[i], &size)
        if texts.offsets64[texts.start + i + 1] - texts.offsets64[texts.start + i] != size or (
                memcmp(texts.data + texts.offsets64[texts.start + i], name, size) != 0):
            return False
    return True
