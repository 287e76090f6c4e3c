"""Frontends: fitted objects of other libraries to graphs. One package or module for each library."""
