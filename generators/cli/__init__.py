"""Commands of the generators, one a file; no computation."""
