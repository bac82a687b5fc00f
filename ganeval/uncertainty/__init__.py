"""How sure a score is: influence of single images, standard errors, intervals, comparisons, repeated looks."""

from ganeval.uncertainty.influence import Influence, StandardError
from ganeval.uncertainty.interval import DEFAULT_LEVEL, Interval, normal_interval

__all__ = ["DEFAULT_LEVEL", "Influence", "Interval", "StandardError", "normal_interval"]
