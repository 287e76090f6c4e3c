# One method of a registered model: forwards calls to the method of the version that has to answer.

cdef uint64_t SPREAD = 0xD1342543DE82EF95  # odd, so that seeds start far from each other


@cython.final
cdef class WeightedRoute:
    """Deals calls out by weight, at an addition and a few comparisons for each.

    The fractional parts of multiples of the golden ratio fill every part of [0, 1) evenly. So each share is exact to
    within a few calls after any number of calls, and also among every second or every hundredth of them. Strict
    rotation would give a caller with a period of its own always the same version.
    """

    cdef vector[uint64_t] ends  # of the parts of [0, 2**64), except the last
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
        """Number of the target of the next call."""
        cdef size_t i = 0
        cdef uint64_t position = self.position.add(kGoldenRatio)
        while i < self.ends.size() and position >= self.ends[i]:
            i += 1
        return <Py_ssize_t>i


@cython.final
cdef class RoutedMethod:
    """A target that stands for several, each of which gets its share of the calls."""

    cdef WeightedRoute route
    cdef tuple targets

    def __init__(self, WeightedRoute route, tuple targets):
        if len(targets) != <Py_ssize_t>route.ends.size() + 1:
            raise ValueError("expected as many targets as weights")
        if not all([isinstance(target, CallCounter) for target in targets]):
            raise TypeError("expected targets that count their calls")
        self.route = route
        self.targets = targets

    @property
    def plan(self):
        """That of the first target."""
        return getattr(self.targets[0], "plan", None)


cdef object next_target(RoutedMethod routed):
    return routed.targets[routed.route.next()]


cdef object check_target(target):
    """Return ``target`` if calls may be forwarded to it."""
    if not isinstance(target, (CallCounter, RoutedMethod)):
        raise TypeError(f"expected a target that counts its calls, got {type(target).__name__}")
    return target


cdef int ROW_RARITY = 6  # one of 2**6 calls with a row is timed, because reading a clock takes as long as a short call
cdef int TABLE_RARITY = 3


cdef object TIMES_ARE_FOR = None


def watch_times(watcher):
    """Let ``watcher(endpoint, one, seconds)`` be told of each call that is timed, in its thread; None ends that."""
    global TIMES_ARE_FOR
    TIMES_ARE_FOR = watcher


@cython.final
cdef class Endpoint:
    """A callable that forwards calls to the method of the current version, and counts them here and there.

    A call first takes a reference of its own to that method. So one version answers it from beginning to end, and a
    replaced version lives until its last call returns.

    Parameters
    ----------
    target : Method, OpaqueMethod, RoutedMethod or a CallCounter that rejects calls
    method : str
        Name of the method, for documentation.
    """

    cdef object target
    cdef Mutex mutex  # of the target
    cdef CallStatistics rows
    cdef CallStatistics tables
    cdef str method
    cdef public dict exemplars  # traces of calls by bucket of their time: `pretzel.runtime.exemplars`; or None

    def __cinit__(self):
        live_endpoints.add(1)

    def __dealloc__(self):
        live_endpoints.add(<uint64_t>-1)

    def __reduce_ex__(self, protocol):
        CALLBACKS.reject_pickling(self)

    def __init__(self, target, str method="predict"):
        self.target = check_target(target)
        self.method = method

    cdef inline object load_target(self):
        self.mutex.lock()
        target = self.target
        self.mutex.unlock()
        return target

    cdef inline object take_target(self):
        """The target of one call, which is counted there."""
        target = self.load_target()
        if type(target) is RoutedMethod:
            target = next_target(<RoutedMethod>target)
        (<CallCounter>target).counted.add(1)
        return target

    cdef inline object take_answered(self):
        """The target of a row in a call of many models. The row counts as answered, even if it fails."""
        self.rows.begin(ROW_RARITY)
        self.rows.end(Ending.kAnswered)
        return self.take_target()

    @property
    def calls(self):
        """Number of calls so far."""
        return self.rows.begun() + self.tables.begun()

    @property
    def plan(self):
        """How the current target presents results; None for one that rejects calls."""
        return getattr(self.load_target(), "plan", None)

    @property
    def __doc__(self):
        return CALLBACKS.document(self.method, self.plan, False)

    @property
    def __signature__(self):
        return TABLE_SIGNATURE

    @property
    def __name__(self):
        return self.method

    def __call__(self, X=MISSING, *arguments, **options):
        """Answer for every row of ``X``; a method of an estimator may take further arguments."""
        cdef int64_t since = now_ns() if self.tables.begin(TABLE_RARITY) else 0
        target = self.take_target()
        try:
            if X is MISSING or arguments or options:
                answer = target(*given(X, arguments), **options)
            else:
                answer = target(X)
        except BaseException as error:
            self.tables.end(failed(target, error))
            raise
        self.tables.end(Ending.kAnswered)
        if since:
            self.time(False, now_ns() - since)
        return answer

    cpdef call_row(self, row):
        """Answer for one row."""
        return self.answer(self.take_target(), row)

    cpdef answer(self, target, row):
        """The answer of ``target`` for one row. The call is counted, and a few are timed."""
        cdef int64_t since = now_ns() if self.rows.begin(ROW_RARITY) else 0
        try:
            if type(target) is Method:
                answer = (<Method>target).call_row(row)
            else:
                answer = target.call_row(row)
        except BaseException as error:
            self.rows.end(failed(target, error))
            raise
        self.rows.end(Ending.kAnswered)
        if since:
            self.time(True, now_ns() - since)
        return answer

    cdef int time(self, bint one, int64_t nanoseconds) except -1:
        """Count the time of a call; what has been set with `watch_times` is told."""
        cdef CallStatistics* calls = &self.rows if one else &self.tables
        calls.time(nanoseconds)
        if TIMES_ARE_FOR is not None:
            TIMES_ARE_FOR(self, one, nanoseconds * 1e-9)
        return 0

    # -- calls that are answered later ---------------------------------------------------------------------------

    def pick(self):
        """The target of a call; `begin` or `answer` counts it here."""
        return self.take_target()

    def count(self, CallCounter target not None, bint one=False):
        """Count a call for one row, or for a table, that ``target`` will answer."""
        target.counted.add(1)
        self.begin(one)

    def begin(self, bint one):
        """Count a call for one row, or for a table; `end` counts how it ended."""
        if one:
            self.rows.begin(ROW_RARITY)
        else:
            self.tables.begin(TABLE_RARITY)

    def end(self, CallCounter target not None, bint one, error, double seconds):
        """Count how a call of ``target`` ended: with an exception, or None for an answer."""
        cdef CallStatistics* calls = &self.rows if one else &self.tables
        calls.end(Ending.kAnswered if error is None else failed(target, error))
        if error is None:
            self.time(one, <int64_t>(seconds * 1e9))

    def statistics(self):
        """For rows and for tables: calls by ending, seconds of all timed calls, and their number by bucket."""
        return calls_as_tuple(&self.rows), calls_as_tuple(&self.tables)


cdef class Handle:
    """Base of handles of models. The endpoint of ``predict`` lies in the object, because a dict costs four misses."""

    cdef Endpoint endpoint       # of ``predict``; None: no version has had it
    cdef object predict_row      # its function for one row; None: the present version has no such method
    cdef PrefetchSpan prefetched  # memory that the current version reads; known here three cache misses earlier
    cdef Mutex mutex             # of the latter two

    def _keep(self, Endpoint endpoint not None, bint offered):
        """Set the endpoint of ``predict``, for good: it rejects calls that a version cannot answer."""
        target = endpoint.load_target()
        function = row_function(endpoint, "predict") if offered else None
        self.endpoint = endpoint
        self.mutex.lock()
        self.predict_row, function = function, self.predict_row
        self.prefetched = prefetch_span_of(target)
        self.mutex.unlock()

    @property
    def predict(self):
        """Answer for every row of a table."""
        if self.predict_row is None:
            raise AttributeError("predict")
        return self.endpoint

    @property
    def predict_one(self):
        """Answer for one row. The caller is about to use it, so the memory that a call reads is prefetched."""
        self.mutex.lock()
        function = self.predict_row
        if function is not None:
            prefetch(<PyObject*>self.endpoint)
            prefetch(<char*><PyObject*>self.endpoint + 64)
            prefetch_once(self.prefetched, &thread_context())
        self.mutex.unlock()
        if function is None:
            raise AttributeError("predict_one")
        return function


cdef object calls_as_tuple(CallStatistics* calls):
    endings = {ENDINGS[i]: calls.ended(i) for i in range(len(ENDINGS))}
    return endings, calls.nanoseconds() * 1e-9, [calls.timed(i) for i in range(kBuckets)]


def call_seconds():
    """Upper bounds of the time buckets of calls; the last bucket has none."""
    return [2.0 ** (kFirst + 2 * i) * 1e-9 for i in range(kBuckets - 1)]


cdef PrefetchSpan prefetch_span_of(target) noexcept:
    cdef PrefetchSpan nothing
    return (<Method>target).lines.span() if type(target) is Method else nothing


cdef Mutex swapping  # held by the one thread that may lock several endpoints


def swap_targets(list endpoints, list targets):
    """Give every endpoint its new target, all at once; ``targets`` holds the old ones afterwards.

    No endpoint may occur twice. Between the first lock and the last unlock nothing allocates, frees or runs Python
    code, so no other thread sees some endpoints with new and some with old targets.
    """
    cdef Endpoint endpoint
    cdef tuple each = tuple(endpoints)
    cdef Py_ssize_t i, n = len(each)
    if len(targets) != n or len({*each}) != n or not all([type(one) is Endpoint for one in each]):
        raise TypeError("expected as many endpoints as targets")
    for target in targets:
        check_target(target)
    swapping.lock()
    for i in range(n):
        (<Endpoint>each[i]).mutex.lock()
    for i in range(n):
        endpoint = <Endpoint>each[i]
        targets[i], endpoint.target = endpoint.target, targets[i]
    for i in range(n):
        (<Endpoint>each[i]).mutex.unlock()
    swapping.unlock()
