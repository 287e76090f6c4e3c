# Reads the columns of a table into leaf inputs. Kernels read buffers themselves, without the GIL; lists of Python
# objects are read here.


cdef LeafInput* open_leaves(tuple readers, list columns, int64_t rows, int64_t room, Arena* arena,
                            list held) except NULL:
    """Leaf inputs for ``rows`` rows of ``columns``, with space for ``room`` rows of the lists of Python objects."""
    cdef int i, n = <int>len(readers)
    cdef Reader reader
    cdef LeafInput* leaves = <LeafInput*>allocate(arena, sizeof(LeafInput) * n)
    for i in range(n):
        reader = readers[i]
        leaves[i].cells = NULL
        if reader.kind == LeafKind.kCells:
            open_cell_columns(columns[i], reader, &leaves[i], rows, room, arena)
        else:
            read_columns(columns[i], reader, &leaves[i], arena, held)
    return leaves


cdef bint reads_lists(const LeafInput* leaves, Py_ssize_t n) noexcept:
    """Whether any column is a list of Python objects."""
    cdef Py_ssize_t i
    for i in range(n):
        if leaves[i].cells != NULL:
            return True
    return False


cdef int64_t fill_cells(tuple readers, list columns, LeafInput* leaves, int64_t first, int64_t rows, int64_t at,
                        list held) except -1:
    """Read some rows of the lists, to place ``at``; returns the text code units and sparse entries of the rows."""
    cdef int i
    cdef int64_t units = 0
    cdef LeafInput* leaf
    for i in range(len(readers)):
        leaf = &leaves[i]
        leaf.cells_from = first - at
        if (<Reader>readers[i]).kind == LeafKind.kCells:
            read_cells(columns[i], readers[i], leaf, first, rows, at, held, &units)
        elif leaf.form == LeafForm.kCsr:
            units += count_entries(leaf.csr, first, rows)
    return units


cdef int column_type(cnp.ndarray array, ColumnType* out) except -1:
    """Type of the elements; 0 if they are not numbers in this machine's byte order."""
    cdef int kind = cnp.PyArray_TYPE(array)
    cdef int size = <int>cnp.PyArray_ITEMSIZE(array)
    if cnp.PyArray_ISBYTESWAPPED(array):
        return 0
    if kind == cnp.NPY_BOOL:
        out[0] = ColumnType.kBool
    elif cnp.PyTypeNum_ISFLOAT(kind) and size <= 8:
        out[0] = ColumnType.kF64 if size == 8 else (ColumnType.kF32 if size == 4 else ColumnType.kF16)
    elif cnp.PyTypeNum_ISSIGNED(kind) and cnp.PyTypeNum_ISINTEGER(kind):
        out[0] = ColumnType.kI64 if size == 8 else (
            ColumnType.kI32 if size == 4 else (ColumnType.kI16 if size == 2 else ColumnType.kI8))
    elif cnp.PyTypeNum_ISUNSIGNED(kind):
        out[0] = ColumnType.kU64 if size == 8 else (
            ColumnType.kU32 if size == 4 else (ColumnType.kU16 if size == 2 else ColumnType.kU8))
    else:
        return 0
    return 1


cdef bint find_numbers(cnp.ndarray array, NumberColumn* out) except -1:
    """Point at the elements of a 1-D array; False if they are not numbers in this machine's byte order."""
    if array.ndim != 1 or not column_type(array, &out.type):
        return False
    out.data = array.data
    out.stride = array.strides[0]
    return True


cdef inline ColumnType type_for(Reader reader, ColumnType type) noexcept:
    """As what the reader takes elements of this type."""
    if reader.float32 and type == ColumnType.kI64:
        return ColumnType.kI64AsF32
    if reader.float32 and type == ColumnType.kU64:
        return ColumnType.kU64AsF32
    return type


cdef int number_column(cnp.ndarray array, NumberColumn* out) except -1:
    if not find_numbers(array, out):
        raise TypeError(f"a column of dtype {array.dtype} cannot be read as numbers")
    return 0


cdef int read_columns(object found, Reader reader, LeafInput* leaf, Arena* arena, list held) except -1:
    """A numeric or sparse leaf of a batch: a 2-D float64 array, a CSR matrix, a list of 1-D arrays, or a tuple with the
    2-D array of the whole request."""
    cdef NumberColumn* columns
    cdef ColumnType type
    cdef int i
    held.append(found)
    if isinstance(found, list):
        columns = <NumberColumn*>allocate(arena, sizeof(NumberColumn) * reader.width)
        for i in range(reader.width):
            number_column(found[i], &columns[i])
            columns[i].type = type_for(reader, columns[i].type)
        leaf.form = LeafForm.kColumns
        leaf.columns = columns
    elif isinstance(found, np.ndarray):
        leaf.form = LeafForm.kRows
        leaf.rows = <const double*>cnp.PyArray_DATA(found)
        leaf.row_stride = found.strides[0] // <int>sizeof(double) if found.shape[0] > 1 else found.shape[1]
    elif isinstance(found, tuple):
        found = (<tuple>found)[0]
        columns = <NumberColumn*>allocate(arena, sizeof(NumberColumn) * reader.width)
        column_type(found, &type)
        type = type_for(reader, type)
        for i in range(reader.width):
            columns[i].type = type
            columns[i].stride = cnp.PyArray_STRIDES(found)[0]
            columns[i].data = <char*>cnp.PyArray_DATA(found) + position_of(reader, i) * cnp.PyArray_STRIDES(found)[1]
        leaf.form = LeafForm.kColumns
        leaf.columns = columns
    else:
        read_csr(found, reader, leaf, held)
    return 0


cdef int read_csr(object matrix, Reader reader, LeafInput* leaf, list held) except -1:
    cdef cnp.ndarray data = contiguous(matrix.data, cnp.NPY_FLOAT64)
    cdef cnp.ndarray indptr = index_array(matrix.indptr)
    cdef cnp.ndarray indices = index_array(matrix.indices)
    held += [data, indptr, indices]  # another thread may give the matrix other arrays
    leaf.form = LeafForm.kCsr
    leaf.csr.data = <const double*>data.data
    leaf.csr.indptr32 = leaf.csr.indices32 = NULL
    leaf.csr.indptr64 = leaf.csr.indices64 = NULL
    if cnp.PyArray_ITEMSIZE(indptr) == 4:
        leaf.csr.indptr32 = <const int32_t*>indptr.data
    else:
        leaf.csr.indptr64 = <const int64_t*>indptr.data
    if cnp.PyArray_ITEMSIZE(indices) == 4:
        leaf.csr.indices32 = <const int32_t*>indices.data
    else:
        leaf.csr.indices64 = <const int64_t*>indices.data
    if not fits(leaf.csr, indptr.size - 1, min(indices.size, data.size), reader.width):
        raise errors.InputValueError("the indices of a sparse matrix point outside of it")
    return 0


cdef object index_array(cnp.ndarray found):
    """Index array of a sparse matrix as SciPy makes it: int32 or int64."""
    return contiguous(found, cnp.NPY_INT32 if cnp.PyArray_TYPE(found) == cnp.NPY_INT32 else cnp.NPY_INT64)


cdef object contiguous(object found, int type_num):
    """The array itself where it has these elements one after the other, in this machine's byte order; else a copy."""
    return cnp.PyArray_FROM_OTF(found, type_num, cnp.NPY_ARRAY_IN_ARRAY | cnp.NPY_ARRAY_FORCECAST)


cdef int64_t count_entries(const CsrMatrix& matrix, int64_t first, int64_t rows) noexcept:
    """Number of entries in some rows."""
    if matrix.indptr64 != NULL:
        return matrix.indptr64[first + rows] - matrix.indptr64[first]
    return matrix.indptr32[first + rows] - matrix.indptr32[first]


cdef int open_cell_columns(list columns, Reader reader, LeafInput* leaf, int64_t rows, int64_t room,
                           Arena* arena) except -1:
    """A leaf of cells: its columns, and space for ``room`` rows of those that are lists."""
    cdef int c, width = reader.width, lists = 0
    cdef CellColumn* found = <CellColumn*>allocate(arena, sizeof(CellColumn) * width)
    cdef Cell* cells
    for c in range(width):
        if not point_at_column(columns[c], reader, rows, &found[c]):
            if not isinstance(columns[c], list):
                columns[c] = list_of(columns[c])
            found[c].form = CellForm.kCells
            lists += 1
    leaf.form = LeafForm.kCells if lists == width else LeafForm.kCellColumns
    leaf.cell_columns = found
    if lists == 0:
        return 0
    leaf.cells = cells = <Cell*>allocate(arena, sizeof(Cell) * lists * room)
    for c in range(width):
        if leaf.form == LeafForm.kCellColumns and found[c].form == CellForm.kCells:
            found[c].cells = cells
            cells += room
    return 0


cdef list list_of(object column):
    """A column as a list of Python objects, with its own missing value."""
    if not isinstance(column, tuple):
        return column.tolist()
    array, missing = column
    return [missing if value is None else value for value in array.to_pylist()]


cdef bint point_at_column(object column, Reader reader, int64_t rows, CellColumn* out) except -1:
    """Point at a column that can be read without Python; False if it cannot."""
    if isinstance(column, list) or reader.item_form != ItemForm.NO_ITEM:
        return False
    if isinstance(column, np.ndarray):
        out.form = CellForm.kNumbers
        return not reader.is_text and find_numbers(column, &out.numbers)
    out.form = CellForm.kTexts
    out.texts.missing = CellKind.kNone
    if isinstance(column, tuple):
        column, missing = column
        out.texts.missing = CellKind.kNaN if isinstance(missing, float) else CellKind.kNA
    if not text_column(column, &out.texts):
        return False
    if reader.is_text and out.texts.valid != NULL:
        return False
    return not (reader.lower or reader.accents is not None) or all_ascii(&out.texts, rows)


cdef const char* EMPTY = ""


cdef bint text_column(object array, TextColumn* out) except -1:
    """Point at the strings of a pyarrow array; False for an array of anything else."""
    cdef str kind = type(array).__name__
    if kind != "LargeStringArray" and kind != "StringArray":
        return False
    validity, offsets, values = array.buffers()
    if offsets is None:  # possible without rows
        return False
    out.start = array.offset
    out.valid = NULL
    if validity is not None and array.null_count:
        out.valid = <const uint8_t*><size_t>validity.address
    out.data = <const uint8_t*>EMPTY
    if values is not None:
        out.data = <const uint8_t*><size_t>values.address
    out.offsets32 = NULL
    out.offsets64 = NULL
    if kind == "LargeStringArray":
        out.offsets64 = <const int64_t*><size_t>offsets.address
    else:
        out.offsets32 = <const int32_t*><size_t>offsets.address
    return True


cdef bint all_ascii(const TextColumn* texts, int64_t rows):
    """Whether all texts of a column are ASCII. The GIL is released for a long one."""
    cdef bint found
    if text_units(texts[0], 0, rows) < RELEASE_GIL_BYTES:
        return is_ascii(texts[0], 0, rows)
    with nogil:
        found = is_ascii(texts[0], 0, rows)
    return found


cdef int read_cells(list columns, Reader reader, LeafInput* leaf, int64_t first, int64_t rows, int64_t at, list held,
                    int64_t* units) except -1:
    """Rows ``first`` .. ``first + rows`` of a leaf of cells, column by column."""
    cdef int c, width = reader.width
    cdef CellColumn* found
    for c in range(width):
        found = &leaf.cell_columns[c]
        if leaf.form == LeafForm.kCells:
            read_list(columns[c], reader, c, leaf.cells + at * width + c, width, first, rows, held, units)
        elif found.form == CellForm.kCells:
            read_list(columns[c], reader, c, found.cells + at, 1, first, rows, held, units)
        elif found.form == CellForm.kTexts:
            units[0] += text_units(found.texts, first, rows)
    return 0


cdef int read_list(list column, Reader reader, int c, Cell* cells, int stride, int64_t first, int64_t rows, list held,
                   int64_t* units) except -1:
    """Rows ``first`` .. ``first + rows`` of column ``c`` of a leaf from Python objects."""
    cdef int64_t r
    cdef Cell* cell
    part = column[first:first + rows]  # a copy, because the list may be the caller's and change
    if len(part) != rows:
        raise errors.InputShapeError("a column became shorter while it was being read")
    held.append(part)
    for r in range(rows):
        cell = &cells[r * stride]
        value = <object>PyList_GET_ITEM(part, r)
        if reader.item_form >= ItemForm.NAMED:
            try:
                item_cell(value, cell, reader, held)
            except WrongField as error:
                raise WrongField(*error.args, first + r)
        elif cell_of(value, cell, reader, held) == -2:
            expected = EXPECTED_ITEMS.get(reader.item_form, "a str" if reader.is_text else "a str or a number")
            raise WrongField(reader.columns[c], value, expected, first + r)
        if cell.kind == CellKind.kText:
            units[0] += cell.size
    return 0
