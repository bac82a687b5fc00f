"""The random streams of a classifier's training: what the first number of each one's key stands for."""

from __future__ import annotations

from ganeval.random_streams import random_stream as random_stream
from ganeval.random_streams import stream_seed as stream_seed

#: First number of the key of each use.
WEIGHTS, ORDER, AUGMENTATION, DROPOUT = range(4)
