# Caches of results, and the computations whose results they hold.


@cython.final
cdef class ResultCache:
    """Results of single rows in at most ``budget`` bytes. Models that compute the same thing share its results.

    With a budget of 0 it holds no results and only counts the models that have a computation in common.
    """

    cdef Cache* native
    cdef object computations  # by key, while a program has them; a second object for one key would only be slower
    cdef Count numbers
    cdef object __weakref__

    @property
    def budget(self):
        """Bytes."""
        return self.native.budget()

    def __cinit__(self, int64_t budget):
        from weakref import WeakValueDictionary

        self.native = new Cache(budget)
        self.computations = WeakValueDictionary()

    def __dealloc__(self):
        del self.native

    cdef SharedComputation computation(self, bytes key):
        cdef SharedComputation computation = self.computations.get(key)
        if computation is None:
            computation = SharedComputation(self, self.numbers.add(1))
            computation = self.computations.setdefault(key, computation)
        return computation

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
cdef class SharedComputation:
    """A computation that programs have in common."""

    cdef CachedComputation* native
    cdef ResultCache cache
    cdef object __weakref__

    def __cinit__(self, ResultCache cache, uint64_t number):
        self.cache = cache
        self.native = new CachedComputation(cache.native, number)

    def __dealloc__(self):
        del self.native
