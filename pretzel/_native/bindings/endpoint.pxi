# One method of a registered model: calls go to whichever version is to answer them.

cdef uint64_t GOLDEN = 0x9E3779B97F4A7C15  # 2**64 divided by the golden ratio
cdef uint64_t SPREAD = 0xD1342543DE82EF95  # odd: seeds start far from each other


@cython.final
cdef class WeightedRoute:
    """Deals calls out by weight, at an addition and a few comparisons for each.

    Multiples of the golden ratio, without their whole parts, fill every part of [0, 1) evenly. So each share is right
    to within a few calls after any number of calls, and so it is for every second or every hundredth of them; taking
    turns in a cycle would give a caller that comes in a cycle of its own always the same version.
    """

    cdef vector[uint64_t] ends  # of the parts of [0, 2**64), but for the last
    cdef Count position

    def __init__(self, list weights, seed=0):
        if not weights or not all([0.0 < weight < float("inf") for weight in weights]):
            raise ValueError("expected weights that are positive and finite")
        self.position.add(<uint64_t>(seed & 0xFFFFFFFFFFFFFFFF) * SPREAD)
        largest = max(weights)
        weights = [weight / largest for weight in weights]  # so that no sum overflows
        total = sum(weights)
        for i in range(1, len(weights)):
            self.ends.push_back(min(int(sum(weights[:i]) / total * 2.0**64), 0xFFFFFFFFFFFFFFFF))

    cpdef Py_ssize_t next(self):
        """Number of the target that is to have the next call."""
        cdef size_t i = 0
        cdef uint64_t position = self.position.add(GOLDEN)
        while i < self.ends.size() and position >= self.ends[i]:
            i += 1
        return <Py_ssize_t>i


@cython.final
cdef class RoutedMethod:
    """Stands as a target where several answer, each its share of the calls."""

    cdef WeightedRoute split
    cdef tuple targets

    def __init__(self, WeightedRoute split, tuple targets):
        if len(targets) != <Py_ssize_t>split.ends.size() + 1:
            raise ValueError("expected as many targets as weights")
        if not all([isinstance(target, CallCounter) for target in targets]):
            raise TypeError("expected targets that count their calls")
        self.split = split
        self.targets = targets


cdef object chosen(RoutedMethod choice):
    """Whose turn it is."""
    return choice.targets[choice.split.next()]


cdef object checked(target):
    """What calls may be passed on to."""
    if not isinstance(target, (CallCounter, RoutedMethod)):
        raise TypeError(f"expected a target that counts its calls, got {type(target).__name__}")
    return target


cdef int ROW_RARITY = 6  # of calls with one row, one of 2**6 is timed: to read a clock takes as long as a short call
cdef int TABLE_RARITY = 3
cdef tuple ENDINGS = ("answered", "invalid", "refused", "cancelled", "failed")  # in the order of Ending


cdef Ending ending_of(error):
    """What becomes of a call that ends with an exception."""
    if isinstance(error, errors.InputError):
        return Ending.kInvalid
    if isinstance(error, (errors.Overloaded, errors.DeadlineExceeded)):
        return Ending.kRefused
    if not isinstance(error, Exception):
        return Ending.kCancelled  # KeyboardInterrupt, asyncio.CancelledError
    return Ending.kCancelled if type(error).__name__ == "CancelledError" else Ending.kFailed


@cython.final
cdef class Endpoint:
    """A callable that passes calls on to the method of the version that is to answer them.

    A call takes its own reference to that method first. So it is answered by one version from beginning to end, and
    a version that has been replaced lives until its last call returns. It is counted here and in the method.
    """

    cdef object target  # Method, OpaqueMethod, RoutedMethod of these, or what refuses calls
    cdef Latch latch    # of the target
    cdef CallStatistics rows
    cdef CallStatistics tables

    def __cinit__(self):
        live_endpoints.add(1)

    def __dealloc__(self):
        live_endpoints.add(<uint64_t>-1)

    def __init__(self, target):
        self.target = checked(target)

    cdef inline object peek(self):
        self.latch.lock()
        target = self.target
        self.latch.unlock()
        return target

    cdef inline object take(self):
        """What is to answer a call."""
        target = self.peek()
        if type(target) is RoutedMethod:
            target = chosen(<RoutedMethod>target)
        (<CallCounter>target).counted.add(1)
        return target

    cdef inline object count_answered(self):
        """What answers a row that is asked together with others; it counts as answered, whatever becomes of it."""
        self.rows.begin(ROW_RARITY)
        self.rows.end(Ending.kAnswered)
        return self.take()

    @property
    def calls(self):
        """CallStatistics that have come."""
        return self.rows.begun() + self.tables.begun()

    def __call__(self, X):
        """Answer for every row of ``X``."""
        cdef int64_t since = now_ns() if self.tables.begin(TABLE_RARITY) else 0
        target = self.take()
        try:
            answer = target(X)
        except BaseException as error:
            self.tables.end(ending_of(error))
            raise
        self.tables.end(Ending.kAnswered)
        if since:
            self.tables.time(now_ns() - since)
        return answer

    def call_row(self, row):
        """Answer for one row."""
        return self.answer(self.take(), row)

    cpdef answer(self, target, row):
        """The answer of ``target`` for one row, counted and now and then timed."""
        cdef int64_t since = now_ns() if self.rows.begin(ROW_RARITY) else 0
        try:
            if type(target) is Method:
                answer = (<Method>target).call_row(row)
            else:
                answer = target.call_row(row)
        except BaseException as error:
            self.rows.end(ending_of(error))
            raise
        self.rows.end(Ending.kAnswered)
        if since:
            self.rows.time(now_ns() - since)
        return answer

    # -- calls that are answered later ---------------------------------------------------------------------------

    def pick(self):
        """What is to answer a call, which is begun with `begin` or `answer`."""
        return self.take()

    def count(self, CallCounter target not None, bint one=False):
        """Count a call that ``target`` is to answer."""
        target.counted.add(1)
        self.begin(one)

    def begin(self, bint one):
        """Count a call for one row, or for a table, of which `end` tells what became of it."""
        if one:
            self.rows.begin(ROW_RARITY)
        else:
            self.tables.begin(TABLE_RARITY)

    def end(self, bint one, error, double seconds):
        """Count what became of a call: the exception, or None for an answer."""
        cdef CallStatistics* calls = &self.rows if one else &self.tables
        calls.end(Ending.kAnswered if error is None else ending_of(error))
        if error is None:
            calls.time(<int64_t>(seconds * 1e9))

    def statistics(self):
        """For rows and for tables: endings by name, seconds in all of the calls that were timed, and their number by
        bucket."""
        return calls_as_tuple(&self.rows), calls_as_tuple(&self.tables)


cdef class Handle:
    """Base of handles of models. The endpoint that most calls go to is at hand, where a dict is four misses away."""

    cdef Endpoint endpoint  # of ``predict``; None: no version has had it
    cdef object call_row    # its method; None: the present version has no such method
    cdef PrefetchSpan ahead     # what the present version reads; here it is at hand three misses earlier
    cdef Latch latch        # of the latter two

    def _keep(self, Endpoint endpoint not None, bint offered):
        """Know the endpoint of ``predict``, for good, for it refuses what a version cannot answer."""
        target = endpoint.peek()
        one = endpoint.call_row if offered else None
        self.endpoint = endpoint
        self.latch.lock()
        self.call_row, one = one, self.call_row
        self.ahead = lines_of(target)
        self.latch.unlock()

    @property
    def predict(self):
        """Answer for every row of a table."""
        if self.call_row is None:
            raise AttributeError("predict")
        return self.endpoint

    @property
    def predict_one(self):
        """Answer for one row. Whoever asks for this is about to call it."""
        self.latch.lock()
        one = self.call_row
        if one is not None:
            prefetch(<PyObject*>self.endpoint)
            prefetch(<char*><PyObject*>self.endpoint + 64)
            fetch_ahead(self.ahead, &thread_context())
        self.latch.unlock()
        if one is None:
            raise AttributeError("predict_one")
        return one


cdef object calls_as_tuple(CallStatistics* calls):
    endings = {ENDINGS[i]: calls.ended(i) for i in range(len(ENDINGS))}
    return endings, calls.nanoseconds() * 1e-9, [calls.timed(i) for i in range(kBuckets)]


def call_seconds():
    """Upper ends of the buckets in which calls are counted by time; the last has none."""
    return [2.0 ** (kFirst + 2 * i) * 1e-9 for i in range(kBuckets - 1)]


cdef PrefetchSpan lines_of(target) noexcept:
    cdef PrefetchSpan nothing
    return (<Method>target).lines.span() if type(target) is Method else nothing


cdef Latch switching  # who has it may wait for several endpoints


def swap_targets(list endpoints, list targets):
    """Give every endpoint, each of which is there once, its new target; the old ones are in ``targets`` afterwards.

    Nothing from the first lock to the last allocates, frees or runs Python code, so no other thread sees it half done.
    """
    cdef Endpoint endpoint
    cdef tuple each = tuple(endpoints)
    cdef Py_ssize_t i, n = len(each)
    if len(targets) != n or len({*each}) != n or not all([type(one) is Endpoint for one in each]):
        raise TypeError("expected as many endpoints as targets")
    for target in targets:
        checked(target)
    switching.lock()
    for i in range(n):
        (<Endpoint>each[i]).latch.lock()
    for i in range(n):
        endpoint = <Endpoint>each[i]
        targets[i], endpoint.target = endpoint.target, targets[i]
    for i in range(n):
        (<Endpoint>each[i]).latch.unlock()
    switching.unlock()
