"""scikit-learn: one module of adapters for each of its modules."""
