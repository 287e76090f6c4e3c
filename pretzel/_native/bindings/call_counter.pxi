# Counts calls of methods, and how those ended that were not answered.

cdef tuple ENDINGS = tuple(enumerators(kEndingNames))


cdef class CallCounter:
    """Base of methods: counts the calls that come through endpoints."""

    cdef Count counted
    cdef CallFailures failed
    cdef public object owner  # weak reference to the plan whose method this is, or None
    cdef public dict options  # methods that answer calls with an option, such as `raw_score=True`; or None

    @property
    def calls(self):
        """Calls that endpoints have forwarded."""
        return self.counted.get()

    @property
    def failures(self):
        """Those of them that ended without an answer, by ending; endings that did not occur are left out."""
        return {ENDINGS[i]: self.failed.ended(i) for i in range(len(ENDINGS)) if self.failed.ended(i)}

    def __reduce_ex__(self, protocol):
        return CALLBACKS.reduce_method(self)

    def __getattr__(self, str name):
        # ``plan.predict_one`` is a function of this object, which pickle looks up by its name.
        if self.owner is not None and name == f"{self.__name__}_one":
            return row_function(self, self.__name__)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


cdef Ending ending_of(error):
    """How a call ended that raised ``error``."""
    if isinstance(error, errors.InputError):
        return Ending.kInvalid
    if isinstance(error, (errors.Overloaded, errors.DeadlineExceeded)):
        return Ending.kRejected
    if not isinstance(error, Exception):
        return Ending.kCancelled  # KeyboardInterrupt, asyncio.CancelledError
    return Ending.kCancelled if type(error).__name__ == "CancelledError" else Ending.kFailed


cdef Ending failed(target, error):
    """How a call of ``target`` ended that raised ``error``, which is counted there."""
    cdef Ending ending = ending_of(error)
    (<CallCounter?>target).failed.add(ending)
    return ending
