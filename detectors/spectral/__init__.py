"""Detectors that look at a picture's spectrum: lattices, radial power, DCT coefficients, peaks."""
