"""Detectors that are neural networks, or a line drawn through the features of one."""
