"""Comparisons of sets of generated images or of reports, and how many images a verdict takes."""
