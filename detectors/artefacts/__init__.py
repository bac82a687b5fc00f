"""Simulated traces of generators on photographs, and the random histories that both classes go through in training."""
