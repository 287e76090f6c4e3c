# Reads single rows (dict, tuple, list and str) field by field into leaf inputs.

cdef enum ItemForm:  # what an item is: a label, which is one cell, or features: see item_reader.pxi
    NO_ITEM, LABEL, TEXT_LABEL, WHOLE_LABEL, CODE, NAMED, HASHED_DICT, HASHED_PAIRS, HASHED_TOKENS, LABEL_SET

cdef dict ITEM_FORMS = {
    "": ItemForm.NO_ITEM, "label": ItemForm.LABEL, "text label": ItemForm.TEXT_LABEL,
    "whole label": ItemForm.WHOLE_LABEL, "code": ItemForm.CODE, "named": ItemForm.NAMED,
    "dict": ItemForm.HASHED_DICT, "pair": ItemForm.HASHED_PAIRS, "string": ItemForm.HASHED_TOKENS,
    "label set": ItemForm.LABEL_SET,
}

cdef extern from *:
    """
    #ifdef Py_GIL_DISABLED
    #define PRETZEL_BORROWS_REFERENCES 0
    #else
    #define PRETZEL_BORROWS_REFERENCES 1
    #endif
    """
    const bint BORROWS_REFERENCES "PRETZEL_BORROWS_REFERENCES"  # borrowed values stay until Python code runs


cdef inline bint number_of(object value, double* out) noexcept:
    """Read a float, int, bool or None as float64; False for anything else and for integers beyond float64."""
    if PyFloat_CheckExact(value):
        out[0] = PyFloat_AS_DOUBLE(value)
        return True
    if value is None:
        out[0] = NAN
        return True
    if not PyLong_Check(value):
        return False
    out[0] = long_as_double(value)
    if out[0] == -1.0 and PyErr_Occurred() != NULL:
        PyErr_Clear()
        return False
    return True


cdef bint parsed_number_of(object value, double* out) except -1:
    """Read what `number_of` cannot, which may run Python code; False if it is no number."""
    number = CALLBACKS.as_number(value)
    if number is not None:
        out[0] = number
    return number is not None


cdef dict OTHER_CELLS = {"na": CellKind.kNA, "nat": CellKind.kNaT, "other": CellKind.kOther}


cdef bint other_cell_of(object value, Cell* out) except -1:
    """Read what is neither text, None nor a number of Python; False if it cannot be hashed, so that no set holds it."""
    found = CALLBACKS.as_cell(value)
    if found is None:
        return False
    if type(found) is str:
        out.kind = <CellKind><int>OTHER_CELLS[found]
    else:
        out.number = found
        out.kind = CellKind.kNaN if found != found else CellKind.kNumber
    return True


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


cdef dict EXPECTED_ITEMS = {
    ItemForm.LABEL: "a label", ItemForm.TEXT_LABEL: "a label that is a text",
    ItemForm.WHOLE_LABEL: "a label that is a whole number", ItemForm.CODE: "the number of a class",
}
cdef object NO_FIELD = object()
cdef tuple INTEGERS = (int, np.integer)
cdef tuple COMPLEX = (complex, np.complexfloating)


class MissingField(Exception):
    """A dict lacks a key; becomes `InputKeyError` with names."""


cdef class Reader:
    """How one leaf reads a row: the fields, their names, and the normalisation of text."""

    cdef int width
    cdef LeafKind kind
    cdef bint is_text
    cdef bint is_date  # one column, of which each value is several numbers
    cdef str zone, unit  # in which dates are read
    cdef bint may_miss  # documents may be missing; what is no text is left to the step behind
    cdef ItemForm item_form
    cdef str form, separator  # of items
    cdef bytes gap_bytes      # the separator as UTF-8
    cdef const char* gap
    cdef Py_ssize_t gap_size
    cdef str encoding  # of documents that are bytes
    cdef str decode_error
    cdef tuple missing  # what None stands for in the columns of a single row; None: always itself, NaN among numbers
    cdef bint lower
    cdef bint verbatim   # texts are not parsed
    cdef bint float32    # whole numbers of tables are rounded to float32 at once
    cdef bint whole_row  # all columns of the request, in order
    cdef object accents
    cdef object columns  # a tuple, or the range of the first
    cdef tuple keys  # names of the columns, or None
    cdef vector[int] positions  # of the columns; empty where they are the first

    def __init__(self, leaf, spec):
        if leaf.source == 0 and spec.width >= 0 and not are_below(leaf.columns, spec.width):
            raise errors.KernelError(f"a leaf reads columns {leaf.columns} of a request with {spec.width}")
        self.columns = leaf.columns
        self.width = leaf.width
        self.is_date = leaf.kind.value == "dates"
        self.zone, self.unit = leaf.zone, leaf.unit
        self.kind = LeafKind.kNumeric if leaf.kind.value in ("numeric", "dates", "rows") else (
            LeafKind.kSparse if leaf.kind.value == "sparse" else LeafKind.kCells)
        self.is_text = leaf.kind.value == "text"
        self.may_miss = leaf.missing
        self.item_form = ITEM_FORMS[leaf.form]
        self.form, self.separator = leaf.form, leaf.separator
        self.gap_bytes = leaf.separator.encode()
        self.gap, self.gap_size = PyBytes_AS_STRING(self.gap_bytes), len(self.gap_bytes)
        self.lower = leaf.lower
        self.float32, self.verbatim = leaf.float32, leaf.verbatim
        self.encoding, self.decode_error = leaf.encoding, leaf.decode_error
        self.missing = None
        if spec.missing and leaf.source == 0 and not self.is_date:
            missing = tuple([spec.missing[c] for c in leaf.columns])
            if self.kind == LeafKind.kCells:
                self.missing = missing if any([value is not None for value in missing]) else None
            else:
                missing = tuple([value if type(value) is float else math.nan for value in missing])
                self.missing = missing if any([value == value for value in missing]) else None
        self.accents = leaf.accents
        self.whole_row = not self.is_date and self.width == spec.width and leaf.columns == range(self.width)
        self.keys = None  # values of opaque steps have no names
        if spec.names is not None and leaf.source == 0:
            self.keys = tuple([interned(spec.names[c]) for c in leaf.columns])
        if type(leaf.columns) is not range:
            self.positions = leaf.columns


cdef inline int position_of(Reader reader, int i) noexcept:
    """Position of column ``i`` of a leaf."""
    return i if reader.positions.empty() else reader.positions[i]


cdef bint are_below(columns, int width):
    """Whether columns are some of so many."""
    if type(columns) is range:
        return len(columns) <= width
    return all([0 <= c < width for c in columns])


cdef object interned(name):
    """One object for all equal names, so that many models share cache lines."""
    return sys.intern(name) if type(name) is str else name


cdef bint is_label(object value, ItemForm form) except -1:
    """Whether a label is a text, or a whole number; codes are integers."""
    if form == ItemForm.TEXT_LABEL:
        return PyUnicode_Check(value)
    return isinstance(value, INTEGERS) or (
        form == ItemForm.WHOLE_LABEL and PyFloat_CheckExact(value) and value.is_integer())


cdef int cell_of(object value, Cell* out, Reader reader, list held) except -1:
    """Read any value as a cell. Non-ASCII text is normalised here; ``held`` keeps the result alive."""
    cdef double number
    if reader.item_form >= ItemForm.NAMED:
        return item_cell(value, out, reader, held)
    if reader.item_form > ItemForm.LABEL and not is_label(value, reader.item_form):
        return -2
    if reader.is_text and not reader.may_miss and PyBytes_Check(value):
        try:
            value = CALLBACKS.decode(value, reader.encoding, reader.decode_error)
        except errors.InputValueError as error:
            raise WrongField(reader.columns[0], error, "a text")
        held.append(value)
    if PyUnicode_Check(value):
        if reader.is_text and not PyUnicode_IS_ASCII(value) and (reader.lower or reader.accents is not None):
            value = normalize(value, reader.lower, reader.accents)
            held.append(value)
            text_cell(value, out, True)
        else:
            text_cell(value, out, False)
        return 0
    if reader.is_text and not reader.may_miss:
        return -2
    if value is None:
        out.kind = CellKind.kNone
        return 0
    if number_of(value, &number):
        out.number = number
        out.kind = CellKind.kNaN if number != number else CellKind.kNumber
        return 0
    return 0 if other_cell_of(value, out) else -2


def normalize(text, bint lower, accents):
    """Lower-case and strip accents as scikit-learn's vectorizers do before they split a document.

    Of a subclass of `str`, as NumPy's is, the characters alone count.
    """
    import unicodedata

    text = str.__str__(text)
    if lower:
        text = text.lower()
    if accents == "ascii":
        return unicodedata.normalize("NFKD", text).encode("ASCII", "ignore").decode("ASCII")
    if accents == "unicode" and not text.isascii():
        text = "".join([c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)])
    return text


cdef inline bint is_plain(object value) noexcept:
    """Whether reading the value runs no Python code."""
    return PyFloat_CheckExact(value) or PyLong_CheckExact(value) or value is None or (
        PyUnicode_CheckExact(value) and PyUnicode_IS_ASCII(value))


cdef inline bint is_name(object key, object name) noexcept:
    """Whether a key is this string. Most names are ASCII; then it is one comparison of bytes."""
    cdef Py_ssize_t size = PyUnicode_GET_LENGTH(name)
    if key is name:
        return True
    if not PyUnicode_CheckExact(key) or PyUnicode_GET_LENGTH(key) != size:
        return False
    if not PyUnicode_IS_ASCII(key) or not PyUnicode_IS_ASCII(name):
        return PyUnicode_Compare(key, name) == 0
    return memcmp(PyUnicode_DATA(key), PyUnicode_DATA(name), size) == 0


cdef PyObject** fields_in_order(object row, tuple names, const int* positions, int width, Arena* arena) except? NULL:
    """Borrowed values of a dict by the position of their column, if its keys are just these names in this order.

    Walking through a dict takes half the time of looking up all keys. NULL: the caller has to look them up.
    """
    cdef Py_ssize_t at = 0, i = 0
    cdef PyObject* key
    cdef PyObject* value
    cdef PyObject** found = <PyObject**>allocate(arena, sizeof(PyObject*) * width)
    while PyDict_Next(row, &at, &key, &value):
        if not is_name(<object>key, <object>PyTuple_GET_ITEM(names, i)):
            return NULL
        found[positions[i]] = value
        i += 1
    return found


cdef inline int leading_floats(PyObject** values, int n, double* out) noexcept:
    """Read the leading values that are floats; returns their number."""
    cdef int i
    for i in range(n):
        if not PyFloat_CheckExact(<object>values[i]):
            return i
        out[i] = PyFloat_AS_DOUBLE(<object>values[i])
    return n


cdef inline double* open_rows(LeafInput* leaf, int width, int64_t rows, Arena* arena) except NULL:
    """Space for the numbers of a leaf, row by row."""
    cdef double* numbers = <double*>allocate(arena, sizeof(double) * width * rows)
    leaf.form = LeafForm.kRows
    leaf.rows = numbers
    leaf.row_stride = width
    return numbers


cdef inline Cell* open_cells(LeafInput* leaf, int64_t n, Arena* arena) except NULL:
    """Space for the cells of a leaf, row by row."""
    leaf.form = LeafForm.kCells
    leaf.cells_from = 0
    leaf.cells = <Cell*>allocate(arena, sizeof(Cell) * n)
    return leaf.cells


cdef object field_of(object row, PyObject** values, Reader reader, int i):
    """Field ``i`` of a leaf."""
    if values != NULL:
        return <object>values[position_of(reader, i)]
    value = (<dict>row).get(reader.keys[i], NO_FIELD)
    if value is NO_FIELD:
        raise MissingField
    return value


cdef int64_t units_of(object row) except -1:
    """Code units of the texts of a row."""
    cdef int64_t units = 0
    if PyUnicode_Check(row):
        return len(row)
    if PyDict_Check(row) or PyTuple_Check(row) or PyList_CheckExact(row):
        for value in list(row.values() if PyDict_Check(row) else row):
            if PyUnicode_Check(value):
                units += len(value)
    return units


cdef bint holds_none(object row):
    """Whether a value of a row is None."""
    values = row.values() if isinstance(row, dict) else row if isinstance(row, (tuple, list)) else ()
    return any([value is None for value in values])


cdef int read_fields(object row, PyObject*** values, Reader reader, LeafInput* leaf, Arena* arena, list held,
                     int64_t* units) except -1:
    """Read one row of a leaf from a dict or tuple.

    ``values`` are its fields by position, or NULL if they have to be looked up. Fields borrowed from a dict are valid
    until Python code runs, because another thread, or the ``__float__`` of a field, may then change the dict.
    """
    cdef int i, status, first = 0
    cdef double* numbers
    cdef object value
    if reader.kind == LeafKind.kCells:
        open_cells(leaf, reader.width, arena)
        for i in range(reader.width):
            value = field_of(row, values[0], reader, i)
            if PyDict_Check(row) and not is_plain(value):
                values[0] = NULL
            if value is None and reader.missing is not None:
                value = reader.missing[i]
            if reader.keys is None and not is_plain(value) and isinstance(value, COMPLEX):
                raise WrongField(reader.columns[i], value, "a str or a number")  # an array of them is rejected
            status = cell_of(value, &leaf.cells[i], reader, held)
            if status == -2:
                raise WrongField(reader.columns[i], value, "a str" if reader.is_text else "a str or a number")
            if leaf.cells[i].kind == CellKind.kText:
                units[0] += leaf.cells[i].size
                if PyDict_Check(row):
                    held.append(value)
        return 0
    numbers = open_rows(leaf, reader.width, 1, arena)
    if reader.is_date:
        value = field_of(row, values[0], reader, 0)
        if PyDict_Check(row):
            values[0] = NULL
        read_date(value, reader, numbers)
        return 0
    if reader.whole_row and values[0] != NULL:
        first = leading_floats(values[0], reader.width, numbers)
    for i in range(first, reader.width):
        if values[0] != NULL and PyFloat_CheckExact(<object>values[0][position_of(reader, i)]):
            numbers[i] = PyFloat_AS_DOUBLE(<object>values[0][position_of(reader, i)])
            continue
        value = field_of(row, values[0], reader, i)
        if value is None and reader.missing is not None:
            value = reader.missing[i]
        if number_of(value, &numbers[i]):
            continue
        if PyDict_Check(row):
            values[0] = NULL
        if (reader.verbatim and isinstance(value, (str, bytes))) or not parsed_number_of(value, &numbers[i]):
            raise WrongField(reader.columns[i], value, "a number")
    return 0


cdef int read_value(object row, tuple readers, LeafInput* leaves, Arena* arena, list held, int64_t* units) except -1:
    """Read a row that is one value, as one cell of each leaf; a leaf that counts rows reads nothing."""
    cdef Reader reader
    cdef int i
    for i in range(<int>len(readers)):
        reader = readers[i]
        if reader.kind != LeafKind.kCells:
            open_rows(&leaves[i], reader.width, 1, arena)
            continue
        if cell_of(row, open_cells(&leaves[i], 1, arena), reader, held) == -2:
            raise WrongField(0, row, EXPECTED_ITEMS.get(reader.item_form, "a str"))
        units[0] += leaves[i].cells.size
    return 0


cdef int read_date(object value, Reader reader, double* out) except -1:
    """Read a date as its numbers, which runs Python code."""
    cdef int i
    try:
        parts = CALLBACKS.date_parts(value, reader.zone, reader.unit)
    except errors.InputValueError as error:
        raise WrongField(reader.columns[0], error, CALLBACKS.a_date)
    if parts is None:
        raise WrongField(reader.columns[0], value, CALLBACKS.a_date)
    for i in range(reader.width):
        out[i] = (<tuple>parts)[i]
    return 0


class WrongField(Exception):
    """A field has a value of the wrong type; becomes `InputTypeError` with names."""
