"""One file per family of computations: node classes with their NumPy reference, and the adapters that build them.

A kernel family in ``_native/kernels`` has the same base name.
"""
