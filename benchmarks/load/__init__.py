"""Load generator and serving benchmark: ``python -m benchmarks.load``."""
