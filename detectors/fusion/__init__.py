"""From the evidence of several detectors to one calibrated probability and a verdict, or to "inconclusive"."""
