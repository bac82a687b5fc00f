"""How good verdicts are: measures with intervals on images whose class is known, as they are and perturbed."""
