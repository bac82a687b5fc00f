"""The random streams of training and sampling: what the first number of each one's key stands for."""

from __future__ import annotations

from ganeval.random_streams import DRAWINGS as DRAWINGS
from ganeval.random_streams import random_stream as random_stream

#: First number of the key of each use; that of `DRAWINGS` is the next.
WEIGHTS, ORDER, TRAINING, SAMPLES, STATISTICS, AUGMENTATION = range(6)
