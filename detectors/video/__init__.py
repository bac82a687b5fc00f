"""A video: frames spread evenly over it are examined one by one, and what is said of them over time is put together."""

from ganeval.detectors.video.examining import ExaminesSpecimens, examine_clip
from ganeval.detectors.video.verdict import LIMITS, ClipVerdict, Moment, stretches, summary

__all__ = ["LIMITS", "ClipVerdict", "ExaminesSpecimens", "Moment", "examine_clip", "stretches", "summary"]
