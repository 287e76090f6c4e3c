r"""Fitted estimators whose attributes were tampered with, compiled and asked: the answers of their source, or an error.

``python -m tests.tampering --count 20000`` runs as many, in worker processes that are replaced when one of them crashes
or hangs, and prints the findings. `tests.test_tampered_models` runs a sample. Under the sanitizers, with a build
that was made with ``PRETZEL_SANITIZE=address,undefined``::

    ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1 UBSAN_OPTIONS=halt_on_error=1 \
    LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)" \
    python -m tests.tampering --count 20000
"""

from __future__ import annotations
