# Caches of results, and the computations whose results are kept there.


@cython.final
cdef class ResultCache:
    """Results of single rows in at most ``budget`` bytes; the same computation of several models is one memo.

    With a budget of 0 nothing is kept, and it is only known what models have in common.
    """

    cdef Cache* native
    cdef object memos  # by the key of the computation, for as long as a program has it; two would only be slower
    cdef Count numbers
    cdef object __weakref__

    @property
    def budget(self):
        """Bytes."""
        return self.native.budget()

    def __cinit__(self, int64_t budget):
        from weakref import WeakValueDictionary

        self.native = new Cache(budget)
        self.memos = WeakValueDictionary()

    def __dealloc__(self):
        del self.native

    cdef SharedMemo memo(self, bytes key):
        cdef SharedMemo memo = self.memos.get(key)
        if memo is None:
            memo = SharedMemo(self, self.numbers.add(1))
            memo = self.memos.setdefault(key, memo)
        return memo

    def counts(self):
        """Hits, misses and evictions so far, and what is held."""
        cdef CacheCounts counts = self.native.counts()
        return {"hits": counts.hits, "misses": counts.misses, "evictions": counts.evictions,
                "entries": counts.entries, "bytes": counts.bytes, "budget": self.native.budget()}

    def restart(self):
        """Begin anew, as far as need be, in a child process that has none of the threads."""
        self.native.restart()

    def clear(self):
        """Forget all results."""
        self.native.clear()


@cython.final
cdef class SharedMemo:
    """A computation that programs have in common."""

    cdef Memo* native
    cdef ResultCache cache
    cdef object __weakref__

    def __cinit__(self, ResultCache cache, uint64_t number):
        self.cache = cache
        self.native = new Memo(cache.native, number)

    def __dealloc__(self):
        del self.native
