# Reads items (dicts of features, pairs, tokens, sets of labels) into cells of bytes, which the kernels of
# features.cpp take apart.
#
# For each feature: the number of bytes of its name (uint32), its value (float64), and its name as UTF-8.

from numbers import Number
from collections.abc import Iterable, Iterator, Mapping

cdef dict EXPECTED = {
    ItemForm.NAMED: "a dict of features", ItemForm.HASHED_DICT: "a dict of features",
    ItemForm.HASHED_PAIRS: "(name, value) pairs", ItemForm.HASHED_TOKENS: "an iterable of texts",
    ItemForm.LABEL_SET: "a collection of labels",
}
cdef object FLOAT64 = np.float64
cdef int64_t LONGEST_ITEM = 1 << 30  # bytes


def item_features(str form, str separator, item):
    """The features of an item as scikit-learn finds them: a list of names as UTF-8, and their values.

    Parameters
    ----------
    form : {"named", "dict", "pair", "string", "label set"}
        ``"named"`` is what DictVectorizer takes, ``"label set"`` what MultiLabelBinarizer takes; the others are the
        ``input_type`` of a FeatureHasher.
    separator : str
        Stands between the name of a feature and a value that is a text.
    item : object

    Raises
    ------
    InputTypeError, InputValueError
        The source rejects the item, or a value of it.
    """
    cdef ItemForm kind = ITEM_FORMS[form]
    try:
        if kind == ItemForm.NAMED:
            return named_features(item, separator)
        if kind == ItemForm.LABEL_SET:
            return label_features(item)
        return hashed_features(item, kind, separator)
    except UnicodeEncodeError as error:
        raise errors.InputValueError(f"a name cannot be encoded as UTF-8: {error}") from error
    except errors.InputError:
        raise
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise errors.InputTypeError(
            f"expected {EXPECTED[kind]}, got {type(item).__name__} ({type(error).__name__}: {error})") from error


cdef list named_features(item, str separator):
    found = []
    for name, value in list(item.items()):
        if isinstance(value, str):
            found.append((as_utf8("%s%s%s" % (name, separator, value)), 1.0))
        elif value is None or isinstance(value, Number):
            if isinstance(name, str):  # names of the vocabulary are texts
                found.append((as_utf8(name), float(np.float64(value))))
        elif isinstance(value, Iterable) and not isinstance(value, Mapping):
            for part in value:
                if not isinstance(part, str):
                    raise errors.InputTypeError(
                        f"feature {name!r:.60}: expected texts in its value, got {type(part).__name__}")
                found.append((as_utf8("%s%s%s" % (name, separator, part)), 1.0))
        else:
            raise errors.InputTypeError(
                f"feature {name!r:.60}: expected a number, a text or an iterable of texts, got {type(value).__name__}")
    return found


cdef list label_features(item):
    """The labels of a collection, each with the number 1. What can be iterated over once only is left as it is."""
    if isinstance(item, Iterator):
        raise errors.InputTypeError(f"expected a collection of labels, got {type(item).__name__}")
    return [(label_key(label), 1.0) for label in item]


cdef dict LABEL_MARKS = {"none": b"\xfe", "long": b"\xfd", "number": b"\xff"}  # which no UTF-8 begins with


def label_key(label):
    """Bytes that are those of another label where the two are equal: UTF-8 of a text, a mark and the bits of a number.

    Raises
    ------
    InputTypeError
        Other types may have an equality of their own, and NaN is itself as an object.
    """
    if type(label) is str or type(label) is np.str_:
        return as_utf8(label)
    if label is None:
        return LABEL_MARKS["none"]
    if type(label) in (int, bool) or isinstance(label, (np.integer, np.bool_)):
        whole = int(label)
        try:
            number = float(whole)
        except OverflowError:
            number = math.inf
        if number != whole:  # no class is such a number
            return LABEL_MARKS["long"]
    elif type(label) is float or isinstance(label, (np.float64, np.float32, np.float16)):
        number = float(label)
    else:
        raise errors.InputTypeError(f"expected labels that are texts or numbers, got {type(label).__name__}")
    if number != number:
        raise errors.InputTypeError("expected labels that are texts or numbers, got NaN")
    return LABEL_MARKS["number"] + np.float64(number + 0.0).tobytes()


cdef bytes as_utf8(text):
    """A name, which may hold lone surrogates, because it is looked up and not hashed."""
    return str.__str__(text).encode("utf-8", "surrogatepass")


cdef list hashed_features(item, ItemForm kind, str separator):
    cdef double number
    found = []
    if kind == ItemForm.HASHED_DICT:
        pairs = list(item.iteritems() if hasattr(item, "iteritems") else item.items())
    elif kind == ItemForm.HASHED_PAIRS:
        pairs = item
    elif isinstance(item, str):  # scikit-learn takes the letters of all texts but the first
        raise errors.InputTypeError("expected an iterable of texts, got one text")
    else:
        pairs = [(name, 1) for name in item]
    for name, value in pairs:
        if isinstance(value, str):
            name, number = "%s%s%s" % (name, separator, value), 1.0
        else:
            number = value
        if number == 0.0:
            continue
        if isinstance(name, str):
            name = str.__str__(name).encode("utf-8")
        elif not isinstance(name, bytes):
            raise errors.InputTypeError(f"expected names that are texts, got {type(name).__name__}")
        found.append((name, number))
    return found


cdef inline Py_ssize_t put_feature(char* out, Py_ssize_t at, double number, const char* name, Py_ssize_t size,
                                   const char* separator, Py_ssize_t gap, const char* value, Py_ssize_t rest) noexcept:
    """Write a feature at a place, unless ``out`` is NULL; returns where the next one begins."""
    cdef uint32_t total = <uint32_t>(size + gap + rest)
    if out != NULL:
        out += at
        memcpy(out, &total, sizeof(uint32_t))
        memcpy(out + sizeof(uint32_t), &number, sizeof(double))
        out += sizeof(uint32_t) + sizeof(double)
        memcpy(out, name, size)
        memcpy(out + size, separator, gap)
        memcpy(out + size + gap, value, rest)
    return at + <Py_ssize_t>(sizeof(uint32_t) + sizeof(double)) + total


cdef inline const char* utf8_of(PyObject* text, Py_ssize_t* size) noexcept:
    """The bytes of a str; NULL for anything else, and for one that has no UTF-8."""
    cdef const char* found
    if not PyUnicode_CheckExact(<object>text):
        return NULL
    if PyUnicode_IS_ASCII(<object>text):
        size[0] = PyUnicode_GET_LENGTH(<object>text)
        return <const char*>PyUnicode_DATA(<object>text)
    found = utf8_or_null(text, size)
    if found == NULL:
        PyErr_Clear()
    return found


cdef inline bint plain_number_of(PyObject* value, double* out) noexcept:
    """Read a number whose type is Python's own, or float64 of NumPy; False for anything else."""
    if PyFloat_CheckExact(<object>value) or type(<object>value) is FLOAT64:
        out[0] = PyFloat_AS_DOUBLE(<object>value)
        return True
    if PyLong_CheckExact(<object>value) or <object>value is True or <object>value is False:
        return number_of(<object>value, out)
    return False


cdef Py_ssize_t put_pair(char* out, Py_ssize_t at, PyObject* name, PyObject* value, Reader reader) noexcept:
    """Write what a name and its value are; -1 if that takes Python code."""
    cdef Py_ssize_t size, rest, i, n
    cdef const char* key = utf8_of(name, &size)
    cdef const char* text
    cdef PyObject** parts
    cdef double number
    if key == NULL:
        return -1
    if plain_number_of(value, &number):
        if number == 0.0 and reader.item_form != ItemForm.NAMED:
            return at
        return put_feature(out, at, number, key, size, NULL, 0, NULL, 0)
    text = utf8_of(value, &rest)
    if text != NULL:
        return put_feature(out, at, 1.0, key, size, reader.gap, reader.gap_size, text, rest)
    if reader.item_form != ItemForm.NAMED:
        return -1
    if <object>value is None:
        return put_feature(out, at, NAN, key, size, NULL, 0, NULL, 0)
    if not sequence_of(<object>value, &parts, &n):
        return -1
    for i in range(n):
        text = utf8_of(parts[i], &rest)
        if text == NULL:
            return -1
        at = put_feature(out, at, 1.0, key, size, reader.gap, reader.gap_size, text, rest)
    return at


cdef inline bint sequence_of(object found, PyObject*** parts, Py_ssize_t* n) noexcept:
    """The parts of a list or tuple; False for anything else."""
    if PyTuple_CheckExact(found):
        n[0] = PyTuple_GET_SIZE(found)
        parts[0] = items_of(found, 0) if n[0] else NULL
        return True
    if PyList_CheckExact(found):
        n[0] = PyList_GET_SIZE(found)
        parts[0] = list_items(found)
        return True
    return False


cdef double EXACT = 2.0**53  # integers below are numbers of their own

cdef inline Py_ssize_t put_label(char* out, Py_ssize_t at, PyObject* label) noexcept:
    """Write a label as `label_key` does; -1 if that takes Python code."""
    cdef Py_ssize_t size
    cdef double number
    cdef const char* text = utf8_of(label, &size)
    if text != NULL:
        return put_feature(out, at, 1.0, text, size, NULL, 0, NULL, 0)
    if not plain_number_of(label, &number) or number != number or not -EXACT < number < EXACT:
        return -1
    number += 0.0  # so that zero has one sign
    return put_feature(out, at, 1.0, b"\xff", 1, <const char*>&number, sizeof(double), NULL, 0)


cdef inline object listed_labels(object item):
    """The labels of a set or an array as a list; anything else as it is."""
    if type(item) is set or type(item) is frozenset:
        return list(item)
    if cnp.PyArray_CheckExact(item) and cnp.PyArray_NDIM(item) == 1 and item.dtype.kind in "iubOU":
        return item.tolist()
    return item


cdef Py_ssize_t put_item(char* out, object item, Reader reader) noexcept:
    """Write an item, or only count its bytes if ``out`` is NULL; -1 if that takes Python code."""
    cdef Py_ssize_t at = 0, place = 0, i, n, size, two
    cdef PyObject* name
    cdef PyObject* value
    cdef PyObject** parts
    cdef PyObject** pair
    cdef const char* text
    if reader.item_form == ItemForm.NAMED or reader.item_form == ItemForm.HASHED_DICT:
        if not PyDict_CheckExact(item):
            return -1
        while PyDict_Next(item, &place, &name, &value):
            at = put_pair(out, at, name, value, reader)
            if at < 0:
                return -1
        return at
    if not sequence_of(item, &parts, &n):
        return -1
    for i in range(n):
        if reader.item_form == ItemForm.LABEL_SET:
            at = put_label(out, at, parts[i])
            if at < 0:
                return -1
            continue
        if reader.item_form == ItemForm.HASHED_TOKENS:
            text = utf8_of(parts[i], &size)
            if text == NULL:
                return -1
            at = put_feature(out, at, 1.0, text, size, NULL, 0, NULL, 0)
            continue
        if not sequence_of(<object>parts[i], &pair, &two) or two != 2:
            return -1
        at = put_pair(out, at, pair[0], pair[1], reader)
        if at < 0:
            return -1
    return at


cdef bytes encoded_item(object item, Reader reader):
    """The bytes of an item."""
    cdef Py_ssize_t size = -1
    cdef bytes found
    cdef char* out
    if reader.item_form == ItemForm.LABEL_SET:
        item = listed_labels(item)
    if BORROWS_REFERENCES:  # else another thread may change the item between two steps
        size = put_item(NULL, item, reader)
    if 0 <= size < LONGEST_ITEM:
        found = PyBytes_FromStringAndSize(NULL, size)
        put_item(PyBytes_AS_STRING(found), item, reader)
        return found
    features = item_features(reader.form, reader.separator, item)
    size = sum([12 + len(name) for name, _ in features])
    if size >= LONGEST_ITEM:
        raise errors.InputValueError(f"its features take {size} bytes")
    found = PyBytes_FromStringAndSize(NULL, size)
    out = PyBytes_AS_STRING(found)
    size = 0
    for name, number in features:
        size = put_feature(out, size, number, PyBytes_AS_STRING(name), len(name), NULL, 0, NULL, 0)
    return found


cdef int item_cell(object item, Cell* out, Reader reader, list held) except -1:
    """Read an item as a cell of bytes, which ``held`` keeps alive."""
    cdef bytes found
    try:
        found = encoded_item(item, reader)
    except errors.InputError as error:
        raise WrongField(reader.columns[0], error, "an item")
    held.append(found)
    out.kind = CellKind.kText
    out.text = PyBytes_AS_STRING(found)
    out.size = len(found)
    out.encoding = Encoding.kAscii
    out.normalized = True
    return 0
