# One method of a registered model: calls go to whichever version is to answer them.

cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio
cdef uint64_t SPREAD = 0xD1342543DE82EF95  # odd: seeds start far from each other


@cython.final
cdef class Split:
    """Deals calls out by weight, at an addition and a few comparisons for each.

    Multiples of the golden ratio, without their whole parts, fill every part of [0, 1) evenly. So each share is right
    to within a few calls after any number of calls, and so it is for every second or every hundredth of them; taking
    turns in a cycle would give a caller that comes in a cycle of its own always the same version.
    """

    cdef vector[uint64_t] ends  # of the parts of [0, 2**64), but for the last
    cdef uint64_t position      # changed under the GIL

    def __init__(self, list weights, seed=0):
        if not weights or not all([0.0 < weight < float("inf") for weight in weights]):
            raise ValueError("expected weights that are positive and finite")
        self.position = <uint64_t>(seed & 0xFFFFFFFFFFFFFFFF) * SPREAD
        largest = max(weights)
        weights = [weight / largest for weight in weights]  # so that no sum overflows
        total = sum(weights)
        for i in range(1, len(weights)):
            self.ends.push_back(min(int(sum(weights[:i]) / total * 2.0**64), 0xFFFFFFFFFFFFFFFF))

    cpdef Py_ssize_t turn(self):
        """Number of the target that is to have the next call."""
        cdef size_t i = 0
        self.position += GOLDEN
        while i < self.ends.size() and self.position >= self.ends[i]:
            i += 1
        return <Py_ssize_t>i


@cython.final
cdef class Choice:
    """Stands as a target where several answer, each its share of the calls."""

    cdef Split split
    cdef tuple targets

    def __init__(self, Split split, tuple targets):
        if len(targets) != <Py_ssize_t>split.ends.size() + 1:
            raise ValueError("expected as many targets as weights")
        self.split = split
        self.targets = targets


@cython.final
cdef class Endpoint:
    """A callable that passes calls on to the method of the version that is to answer them.

    A call takes its own reference to that method first. So it is answered by one version from beginning to end, and
    a version that has been replaced lives until its last call returns. It is counted here and in the method.
    """

    cdef object target    # Method, OpaqueMethod, Choice of these, or what refuses calls
    cdef readonly int64_t calls  # counted under the GIL
    cdef LineSpan ahead  # what the target reads, where that is a Method; held here to be at hand a miss earlier

    def __cinit__(self):
        global live_endpoints
        live_endpoints += 1

    def __dealloc__(self):
        global live_endpoints
        live_endpoints -= 1

    def __init__(self, target):
        self.target = target
        self.ahead = lines_of(target)

    cdef inline object take(self):
        target = self.target
        if type(target) is Choice:
            target = (<Choice>target).targets[(<Choice>target).split.turn()]
        self.count(target)
        return target

    def pick(self):
        """What is to answer a call that is counted now."""
        return self.take()

    cpdef count(self, target):
        """Count a call that ``target`` is to answer."""
        self.calls += 1
        if type(target) is Method:
            (<Method>target).calls += 1
        else:
            target.calls += 1

    def __call__(self, X):
        """Answer for every row of ``X``."""
        return self.take()(X)

    def one(self, row):
        """Answer for one row."""
        cdef Arena* arena = &thread_arena()
        if arena.last != <void*>self.target:
            arena.last = <void*>self.target
            self.ahead.fetch()
        target = self.take()
        if type(target) is Method:
            return (<Method>target).one(row)
        return target.one(row)


cdef LineSpan lines_of(target) noexcept:
    cdef LineSpan nothing
    return (<Method>target).lines.span() if type(target) is Method else nothing


def switch(list endpoints, list targets):
    """Give every endpoint its new target; the old ones are in ``targets`` afterwards.

    Nothing in the loop allocates, frees or runs Python code, so no other thread sees it half done.
    """
    cdef Endpoint endpoint
    cdef Py_ssize_t i, n = len(endpoints)
    if len(targets) != n or not all([type(each) is Endpoint for each in endpoints]):
        raise TypeError("expected as many endpoints as targets")
    for i in range(n):
        endpoint = <Endpoint>endpoints[i]
        targets[i], endpoint.target = endpoint.target, targets[i]
        endpoint.ahead = lines_of(endpoint.target)
