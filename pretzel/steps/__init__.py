"""Classes of Pretzel's own whose objects are steps in Python: files of plans name them, so they stay where they are."""
