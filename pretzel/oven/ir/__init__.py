"""The intermediate representation: one file per family of computations, node classes with their NumPy reference.

A kernel family in ``_native/kernels`` has the same base name.
"""
