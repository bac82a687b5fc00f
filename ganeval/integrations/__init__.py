"""Adapters between `ganeval.metrics.MetricSuite` and the libraries that training loops are written with.

Nothing here is imported by the rest of ganeval, and each library only by the module that has its name.
"""
