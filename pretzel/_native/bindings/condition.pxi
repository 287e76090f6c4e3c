# The condition of futures. It is native for the reason that `StoreLock` is: an interrupt while a Python frame of
# `threading.Condition` takes or releases the lock would leave the lock taken, and who completes the future would wait.


class UninterruptedCondition(threading.Condition):
    """A condition whose lock is released exactly once, whenever an interrupt reaches the thread that waits."""

    def __enter__(self):
        return self._lock.__enter__()

    def __exit__(self, *arguments):
        return self._lock.__exit__(*arguments)

    def wait(self, timeout=None):
        """See `threading.Condition.wait`."""
        waiter = threading.Lock()
        waiter.acquire()
        self._waiters.append(waiter)
        saved = self._lock._release_save()
        notified = False
        try:
            if timeout is None:
                notified = waiter.acquire()
            else:
                notified = waiter.acquire(True, timeout) if timeout > 0 else waiter.acquire(False)
        finally:
            self._lock._acquire_restore(saved)
            if not notified and waiter in self._waiters:
                self._waiters.remove(waiter)
        return notified
