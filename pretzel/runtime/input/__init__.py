"""Everything that reads requests: feature names, rows, columns, tables."""
