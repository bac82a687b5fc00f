"""Metrics inside training loops: `torchmetrics.Metric` classes and a suite over the functions of `ganeval.score`."""
