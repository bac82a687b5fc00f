"""Statistics of real images, computed once and kept in a file: what metrics need of that side without its images."""

from ganeval.statistics.computing import compute_statistics
from ganeval.statistics.reading import read_statistics
from ganeval.statistics.statistics import KeptRows, Statistics
from ganeval.statistics.writing import write_statistics

__all__ = ["KeptRows", "Statistics", "compute_statistics", "read_statistics", "write_statistics"]
