"""The Python face of the native runtime: plans that answer, names, versions, statistics. Never imports the oven."""
