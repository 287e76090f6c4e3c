# Texts in tensors of the Open Inference Protocol: each is its length in four bytes, little-endian, then UTF-8.


def read_texts(const uint8_t[::1] data not None, Py_ssize_t count):
    """``count`` texts, which fill the data.

    Raises
    ------
    IndexError
        They do not.
    UnicodeDecodeError
    """
    cdef Py_ssize_t size = data.shape[0]
    cdef const uint8_t* at = &data[0] if size else NULL
    cdef const uint8_t* end = at + size
    cdef uint32_t length
    cdef list found = []
    if count < 0 or count > size // 4:
        raise IndexError(f"{size} bytes are too few for {count} texts")
    while count:
        if end - at < 4:
            raise IndexError(f"the data end before the length of text {len(found)}")
        memcpy(&length, at, 4)
        at += 4
        if length > end - at:
            raise IndexError(f"the data end within text {len(found)}")
        found.append(PyUnicode_DecodeUTF8(<const char*> at, length, NULL))
        at += length
        count -= 1
    if at != end:
        raise IndexError(f"{end - at} bytes are left behind the texts")
    return found


def write_texts(list texts not None):
    """Bytes that `read_texts` reads.

    Raises
    ------
    UnicodeEncodeError
        A text has half of a surrogate pair.
    OverflowError
        A text is too long for its length.
    """
    cdef Py_ssize_t size, total = 0
    cdef const char* text
    cdef uint32_t length
    cdef char* at
    cdef bytes found
    for each in texts:
        PyUnicode_AsUTF8AndSize(each, &size)
        if size > 0xffffffff:
            raise OverflowError("a text of a tensor is longer than four bytes can tell")
        total += size + 4
    found = PyBytes_FromStringAndSize(NULL, total)
    at = PyBytes_AS_STRING(found)
    for each in texts:
        text = PyUnicode_AsUTF8AndSize(each, &size)
        length = <uint32_t> size
        memcpy(at, &length, 4)
        memcpy(at + 4, text, size)
        at += size + 4
    return found
