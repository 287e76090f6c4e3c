"""Keeps equal things once, whatever model they came from."""
