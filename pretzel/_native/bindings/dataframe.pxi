# Data frames of pandas as their blocks lie. pandas' public ways to a column cost microseconds for each, many more when
# they are not in the caches, and all threads wait for the GIL meanwhile. Where anything is not as it is known here,
# `pretzel.runtime.input.table_reader` reads the frame in the public ways.

cdef object frame_type = None  # pandas.DataFrame, when one has been seen: pandas is never imported


cdef bint is_frame(object X):
    """Whether ``X`` is a DataFrame, and no subclass, which may override anything."""
    global frame_type
    if frame_type is None and type(X).__name__ == "DataFrame" and type(X).__module__.partition(".")[0] == "pandas":
        frame_type = type(X)
    return type(X) is frame_type


cdef int64_t frame_rows(object X) except -1:
    """Rows of a DataFrame."""
    return len(X._mgr.axes[1]) if hasattr(X, "_mgr") else len(X)


cdef tuple blocks_of(object X):
    """Blocks of a DataFrame, for each column the number of its block and its place there; None in another pandas."""
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
    """The array that column ``i`` is: of numpy with one dimension, or of pandas; None: the frame is changing."""
    cdef cnp.npy_intp number = (<cnp.npy_intp*>cnp.PyArray_DATA(blocks[1]))[i]
    cdef cnp.npy_intp place = (<cnp.npy_intp*>cnp.PyArray_DATA(blocks[2]))[i]
    if not 0 <= number < len(<tuple>blocks[0]):
        return None
    values = (<tuple>blocks[0])[number].values
    if not cnp.PyArray_CheckExact(values) or cnp.PyArray_NDIM(values) != 2:
        return values
    return values[place] if 0 <= place < cnp.PyArray_DIM(values, 0) else None


def frame_array(X, Py_ssize_t i):
    """The array in which a DataFrame of pandas keeps column ``i``; None where it is not as it is known here."""
    cdef tuple blocks = blocks_of(X)
    return None if blocks is None or not 0 <= i < cnp.PyArray_SIZE(blocks[1]) else array_of(blocks, i)


cdef list frame_columns(object X, tuple names, tuple readers, int64_t* rows, bint* is_float32):
    """What each leaf reads of a DataFrame with just these columns, as `pretzel.runtime.input.table_reader.read` gives it.

    None where something is not as usual.
    """
    cdef Reader reader
    cdef int i
    cdef tuple blocks = blocks_of(X)
    if blocks is None or cnp.PyArray_SIZE(blocks[1]) != len(names) or not are_names(X._mgr.axes[0], names):
        return None
    rows[0] = -1
    is_float32[0] = len(readers) > 0
    found = []
    for reader in readers:
        columns = []
        for i in range(reader.width):
            column = usual(array_of(blocks, reader.positions[i]), reader.kind == LeafKind.kCells, is_float32)
            if column is None or len(column) == 0 or (rows[0] >= 0 and len(column) != rows[0]):
                return None
            rows[0] = len(column)
            columns.append(column)
        found.append(columns)
    return None if rows[0] < 0 else found


cdef object usual(object array, bint is_cells, bint* is_float32):
    """An array as a leaf can read it: an ndarray, a list or an array of pyarrow. None where that takes more thought."""
    cdef ColumnType type
    if not cnp.PyArray_CheckExact(array):
        is_float32[0] = False
        return only_chunk(array) if is_cells else None
    is_float32[0] = is_float32[0] and not is_cells and cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT32
    if column_type(array, &type):
        return array
    return array.tolist() if is_cells and cnp.PyArray_TYPE(array) == cnp.NPY_OBJECT else None


cdef object only_chunk(object values):
    """The array of pyarrow in which pandas keeps texts, where it is one, or None."""
    chunked = getattr(values, "_pa_array", None)
    if chunked is None or chunked.num_chunks != 1:
        return None
    chunk = chunked.chunk(0)
    return chunk if type(chunk).__name__ == "LargeStringArray" else None  # some versions keep dictionaries, too


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
