# One method of a registered model: calls go to whichever version is current.


@cython.final
cdef class Endpoint:
    """A callable that passes calls on to the method of a model's newest version.

    A call takes its own reference to that method first. So it is answered by one version from beginning to end, and
    a version that has been replaced lives until its last call returns.
    """

    cdef object target    # Method, OpaqueMethod, or what refuses calls
    cdef public Scheduler scheduler  # where long calls go; None: they stay in the calling thread
    cdef public double long_call     # seconds of estimated work from which a call is long
    cdef readonly int64_t calls  # counted under the GIL

    def __init__(self, target):
        self.target = target

    def __call__(self, X):
        """Answer for every row of ``X``."""
        target = self.target
        self.calls += 1
        if self.scheduler is not None and type(target) is Method:
            return (<Method>target).call(X, self.scheduler, self.long_call)
        return target(X)

    def one(self, row):
        """Answer for one row."""
        target = self.target
        self.calls += 1
        if type(target) is Method:
            return (<Method>target).one(row)
        return target.one(row)


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
