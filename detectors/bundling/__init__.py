"""Makes the weights that ship: ``python -m ganeval.detectors.bundling``."""
