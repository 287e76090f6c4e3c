# The lock of the object stores. It is native because no interrupt divides a native call: a `KeyboardInterrupt` between
# `acquire` and the return of a Python `__enter__` would leave the lock taken for good.


@cython.final
cdef class StoreLock:
    """A lock, and the queue of what closed and collected leases held.

    A lease may be collected at any allocation, even while its own thread holds the lock. So what leases held goes
    into the queue, which is emptied at once or, where the lock is taken, by the thread that releases it. A fork waits
    for the lock, so that a child never inherits it locked.
    """

    cdef object lock
    cdef object queue  # of (store, digests)

    def __cinit__(self):
        self.lock = threading.Lock()
        self.queue = deque()
        os.register_at_fork(before=self.lock.acquire, after_in_parent=self.release, after_in_child=self.release)

    @property
    def is_taken(self):
        """Whether a thread has taken the lock."""
        return self.lock.locked()

    def __enter__(self):
        self.lock.acquire()

    def __exit__(self, *_):
        self.release()

    def release(self):
        """Release the lock, then empty the queue."""
        self.lock.release()
        self.empty_queue()

    def release_soon(self, store, digests):
        """Take one reference from each of ``digests``, and the digests from what holds them. Never waits."""
        self.queue.append((store, digests))
        self.empty_queue()

    cdef int empty_queue(self) except -1:
        while self.queue and self.lock.acquire(blocking=False):
            try:
                while self.queue:
                    store, digests = self.queue.popleft()
                    store._release(digests)
            finally:
                self.lock.release()
        return 0
