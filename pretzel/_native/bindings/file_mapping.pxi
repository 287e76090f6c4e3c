# Files mapped into memory. The module `mmap` keeps a descriptor for each mapping, and a process has about a thousand.


@cython.final
cdef class FileMapping:
    """A file in memory, read-only, which is unmapped once nothing refers to it.

    Parameters
    ----------
    descriptor : int
        Of the file. It may be closed afterwards.
    path : str
        Names the file in errors.

    Raises
    ------
    OSError
    """

    cdef void* address
    cdef Py_ssize_t length

    def __cinit__(self, int descriptor, path):
        cdef struct_stat status
        cdef void* address
        if fstat(descriptor, &status) != 0:
            raise OSError(errno, os.strerror(errno), path)
        if status.st_size == 0:  # nothing to map
            return
        address = mmap(NULL, <size_t>status.st_size, PROT_READ, MAP_SHARED, descriptor, 0)
        if address == MAP_FAILED:
            raise OSError(errno, os.strerror(errno), path)
        self.address = address
        self.length = <Py_ssize_t>status.st_size

    def __dealloc__(self):
        if self.address != NULL:
            munmap(self.address, <size_t>self.length)

    def __getbuffer__(self, Py_buffer* view, int flags):
        # A view of no bytes points at this object, because some readers of buffers take NULL for an error.
        PyBuffer_FillInfo(view, self, <void*>self if self.address == NULL else self.address, self.length, 1, flags)

    def view(self):
        """The contents, which stay mapped as long as the view is there."""
        return memoryview(self)

    def advise(self, int advice, Py_ssize_t start, Py_ssize_t length):
        """Call ``madvise`` for a part that begins with a page; whether the system knows the advice."""
        cdef int failed
        if start < 0 or length < 0 or start > self.length or length > self.length - start:
            raise ValueError(f"no part of {self.length} bytes: {length} from {start}")
        if length == 0:
            return True
        with nogil:
            failed = madvise(<char*>self.address + start, <size_t>length, advice)
        return failed == 0
