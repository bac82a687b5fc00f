"""Evidence about single pictures lives here: provenance, spectral and CNN detectors, calibration, localisation."""
