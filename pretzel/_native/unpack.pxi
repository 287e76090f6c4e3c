# Reading requests: Python objects to leaf inputs. Rows are read field by field from dict, tuple, list, str and
# ndarray as they are; tables arrive as columns that pretzel.runtime.inputs has found.


cdef inline int number_of(object value, double* out) except -1:
    """float, int, bool or None as float64; anything else goes the slow way, which also names what is wrong."""
    if PyFloat_CheckExact(value):
        out[0] = PyFloat_AS_DOUBLE(value)
        return 1
    if value is None:
        out[0] = NAN
        return 1
    if PyLong_Check(value):
        out[0] = PyLong_AsDouble(value)
        return 1
    return 0


cdef inline void text_cell(object text, Cell* out, bint normalized) noexcept:
    """Borrow the buffer of a str."""
    cdef int kind = PyUnicode_KIND(text)
    out.kind = CellKind.kText
    out.text = PyUnicode_DATA(text)
    out.size = PyUnicode_GET_LENGTH(text)
    out.normalized = normalized
    if PyUnicode_IS_ASCII(text):
        out.encoding = Encoding.kAscii
    elif kind == 1:
        out.encoding = Encoding.kLatin1
    elif kind == 2:
        out.encoding = Encoding.kUcs2
    else:
        out.encoding = Encoding.kUcs4


cdef object NO_FIELD = object()


class MissingField(Exception):
    """A dict has no such key; turned into `InputKeyError` with names."""


cdef class Reader:
    """How one leaf reads a row: which fields, under which names, and what to do with text."""

    cdef int width
    cdef LeafKind kind
    cdef bint is_text
    cdef bint lower
    cdef bint whole_row  # all columns of the request, in order
    cdef object accents
    cdef tuple columns
    cdef tuple keys  # names of the columns, or None
    cdef vector[int] positions

    def __init__(self, leaf, spec):
        self.columns = leaf.columns
        self.width = len(leaf.columns)
        self.kind = LeafKind.kNumeric if leaf.kind.value == "numeric" else (
            LeafKind.kSparse if leaf.kind.value == "sparse" else LeafKind.kCells)
        self.is_text = leaf.kind.value == "text"
        self.lower = leaf.lower
        self.accents = leaf.accents
        self.whole_row = leaf.columns == tuple(range(spec.width))
        self.keys = None if spec.names is None else tuple([interned(spec.names[c]) for c in leaf.columns])
        for column in leaf.columns:
            self.positions.push_back(column)


cdef object interned(name):
    """The one object of all equal names, so that those of many models stay in the caches."""
    return sys.intern(name) if type(name) is str else name


cdef int cell_of(object value, Cell* out, Reader reader, list held) except -1:
    """Any value as a cell; text that is not ASCII is normalised here, and what that makes is kept in ``held``."""
    cdef double number
    if PyUnicode_Check(value):
        if reader.is_text and not PyUnicode_IS_ASCII(value) and (reader.lower or reader.accents is not None):
            value = normalize(value, reader.lower, reader.accents)
            held.append(value)
            text_cell(value, out, True)
        else:
            text_cell(value, out, False)
        return 0
    if reader.is_text:
        return -2
    if value is None:
        out.kind = CellKind.kNone
        return 0
    if PyFloat_CheckExact(value) or PyLong_Check(value):
        number_of(value, &number)
    elif is_missing(value):
        number = NAN
    else:
        if isinstance(value, (bytes, bytearray)) or not hasattr(value, "__float__"):
            return -2
        number = float(value)
    out.number = number
    out.kind = CellKind.kNaN if number != number else CellKind.kNumber
    return 0


cdef bint is_missing(object value):
    """pandas.NA and NaT, told without importing pandas."""
    return type(value).__name__ in ("NAType", "NaTType")


def normalize(str text, bint lower, accents):
    """Lower-case and strip accents as scikit-learn's vectorizers do before they split a document."""
    import unicodedata

    if lower:
        text = text.lower()
    if accents == "ascii":
        return unicodedata.normalize("NFKD", text).encode("ASCII", "ignore").decode("ASCII")
    if accents == "unicode" and not text.isascii():
        text = "".join([c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)])
    return text


cdef inline int float_field(object row, Reader reader, int i, double* out) except -1:
    """The quick way to field ``i`` of a leaf: 0 where a dict or tuple has no float there."""
    cdef PyObject* value  # a tuple keeps what it lends
    if PyDict_Check(row):
        return float_item(row, reader.keys[i], out)
    value = <PyObject*>PyTuple_GET_ITEM(row, reader.positions[i])
    if not PyFloat_CheckExact(<object>value):
        return 0
    out[0] = PyFloat_AS_DOUBLE(<object>value)
    return 1


cdef object field_of(object row, Reader reader, int i):
    """Field ``i`` of a leaf from a dict or tuple."""
    if not PyDict_Check(row):
        return <object>PyTuple_GET_ITEM(row, reader.positions[i])
    value = item_or(row, reader.keys[i], NO_FIELD)
    if value is NO_FIELD:
        raise MissingField
    return value


cdef int read_fields(object row, Reader reader, LeafInput* leaf, Arena* arena, list held, int64_t* units) except -1:
    """One row of a leaf from a dict or tuple.

    Another thread, or the ``__float__`` of a later field, may take a text out of a dict while it is being used.
    """
    cdef int i, status
    cdef double* numbers
    cdef object value
    if reader.kind == LeafKind.kCells:
        leaf.form = LeafForm.kCells
        leaf.cells = <Cell*>arena.alloc(sizeof(Cell) * reader.width)
        if leaf.cells == NULL:
            raise MemoryError
        for i in range(reader.width):
            value = field_of(row, reader, i)
            status = cell_of(value, &leaf.cells[i], reader, held)
            if status == -2:
                raise WrongField(reader.columns[i], value, "a str" if reader.is_text else "a str or a number")
            if leaf.cells[i].kind == CellKind.kText:
                units[0] += leaf.cells[i].size
                if PyDict_Check(row):
                    held.append(value)
        return 0
    leaf.form = LeafForm.kRows
    leaf.row_stride = reader.width
    numbers = <double*>arena.alloc(sizeof(double) * reader.width)
    if numbers == NULL:
        raise MemoryError
    for i in range(reader.width):
        if float_field(row, reader, i, &numbers[i]):
            continue
        value = field_of(row, reader, i)
        if number_of(value, &numbers[i]):
            continue
        if is_missing(value):
            numbers[i] = NAN
        elif isinstance(value, (str, bytes, bytearray, complex)) or not hasattr(value, "__float__"):
            raise WrongField(reader.columns[i], value, "a number")
        else:
            numbers[i] = float(value)
    leaf.rows = numbers
    return 0


class WrongField(Exception):
    """A field has a value of the wrong type; turned into `InputTypeError` with names."""


cdef int column_type(cnp.ndarray array, ColumnType* out) except -1:
    """How elements are read; 0 when they are not numbers of this machine's byte order."""
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


cdef int number_column(cnp.ndarray array, NumberColumn* out) except -1:
    if array.ndim != 1 or not column_type(array, &out.type):
        raise TypeError(f"a column of dtype {array.dtype} cannot be read as numbers")
    out.data = array.data
    out.stride = array.strides[0]
    return 0


cdef int read_columns(object found, Reader reader, LeafInput* leaf, Arena* arena, list held) except -1:
    """A numeric or sparse leaf of a batch: a 2-D float64 array, a CSR matrix, or a list of 1-D arrays."""
    cdef NumberColumn* columns
    cdef int i
    held.append(found)
    if isinstance(found, list):
        columns = <NumberColumn*>arena.alloc(sizeof(NumberColumn) * (reader.width + 1))
        if columns == NULL:
            raise MemoryError
        for i in range(reader.width):
            number_column(found[i], &columns[i])
        leaf.form = LeafForm.kColumns
        leaf.columns = columns
    elif isinstance(found, np.ndarray):
        leaf.form = LeafForm.kRows
        leaf.rows = <const double*>cnp.PyArray_DATA(found)
        leaf.row_stride = found.strides[0] // <int>sizeof(double) if found.shape[0] > 1 else found.shape[1]
    else:
        read_csr(found, reader, leaf, held)
    return 0


cdef int read_csr(object matrix, Reader reader, LeafInput* leaf, list held) except -1:
    cdef cnp.ndarray data = np.ascontiguousarray(matrix.data, dtype=np.float64)
    cdef cnp.ndarray indptr = index_array(matrix.indptr)
    cdef cnp.ndarray indices = index_array(matrix.indices)
    held += [data, indptr, indices]  # the matrix may be given others meanwhile
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


cdef object index_array(object found):
    """Index array of a sparse matrix as SciPy makes it: int32 or int64."""
    return np.ascontiguousarray(found, dtype=np.int32 if found.dtype == np.int32 else np.int64)


cdef int read_cells(list columns, Reader reader, Cell* cells, int64_t first, int64_t rows, list held,
                    int64_t* units) except -1:
    """Rows ``first`` .. ``first + rows`` of a cell leaf, column by column."""
    cdef int c
    cdef int64_t r
    cdef Cell* cell
    cdef int width = reader.width
    for c in range(width):
        column = columns[c]
        if isinstance(column, list):
            part = (<list>column)[first:first + rows]  # the list may be the caller's, and change meanwhile
            if len(part) != rows:
                raise errors.InputShapeError("a column became shorter while it was being read")
            held.append(part)
            for r in range(rows):
                cell = &cells[r * width + c]
                value = <object>PyList_GET_ITEM(part, r)
                if cell_of(value, cell, reader, held) == -2:
                    raise WrongField(reader.columns[c], value, "a str" if reader.is_text else "a str or a number",
                                     first + r)
                if cell.kind == CellKind.kText:
                    units[0] += cell.size
        elif isinstance(column, np.ndarray):
            read_number_cells(column, cells + c, width, first, rows)
        else:
            read_arrow_cells(column, reader, cells + c, first, rows, held, units)
    return 0


cdef int read_number_cells(cnp.ndarray column, Cell* cells, int width, int64_t first, int64_t rows) except -1:
    cdef cnp.ndarray part = np.asarray(column[first:first + rows], dtype=np.float64)
    cdef int64_t r, stride = part.strides[0]
    cdef double x
    for r in range(rows):
        x = (<double*>(part.data + r * stride))[0]
        cells[r * width].number = x
        cells[r * width].kind = CellKind.kNaN if x != x else CellKind.kNumber
    return 0


cdef int read_arrow_cells(object column, Reader reader, Cell* cells, int64_t first, int64_t rows, list held,
                          int64_t* units) except -1:
    """Text of a pyarrow array (string or large_string, one chunk) straight from its buffers."""
    cdef const uint8_t* valid = NULL
    cdef const char* data = NULL
    cdef const int32_t* offsets32 = NULL
    cdef const int64_t* offsets64 = NULL
    cdef int64_t r, at, begin, end, base = column.offset
    cdef int width = reader.width
    cdef Cell* cell
    validity, offsets, values = column.buffers()
    if validity is not None and column.null_count:
        valid = <const uint8_t*><size_t>validity.address
    if values is not None:
        data = <const char*><size_t>values.address
    if type(column).__name__ == "LargeStringArray":
        offsets64 = <const int64_t*><size_t>offsets.address
    else:
        offsets32 = <const int32_t*><size_t>offsets.address
    for r in range(rows):
        at = base + first + r
        cell = &cells[r * width]
        if valid != NULL and not (valid[at >> 3] >> (at & 7)) & 1:
            if reader.is_text:
                raise WrongField(reader.columns[0], None, "a str", first + r)
            cell.kind = CellKind.kNaN
            continue
        begin = offsets64[at] if offsets64 != NULL else offsets32[at]
        end = offsets64[at + 1] if offsets64 != NULL else offsets32[at + 1]
        cell.kind = CellKind.kText
        cell.text = data + begin if data != NULL else <const char*>b""
        cell.size = end - begin
        cell.encoding = Encoding.kAscii if is_ascii(<const char*>cell.text, cell.size) else Encoding.kUtf8
        cell.normalized = False
        units[0] += cell.size
        if reader.is_text and cell.encoding == Encoding.kUtf8 and (reader.lower or reader.accents is not None):
            text = normalize((<const char*>cell.text)[:cell.size].decode("utf-8"), reader.lower, reader.accents)
            held.append(text)
            text_cell(text, cell, True)
    return 0


cdef bint is_ascii(const char* text, int64_t size) noexcept nogil:
    cdef int64_t i = 0
    cdef uint64_t word
    while i + 8 <= size:
        memcpy(&word, text + i, 8)
        if word & <uint64_t>0x8080808080808080:
            return False
        i += 8
    while i < size:
        if <uint8_t>text[i] & 0x80:
            return False
        i += 1
    return True
