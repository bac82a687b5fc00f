"""From raw scores to log-likelihood ratios and p-values, against reference pictures that weren't trained on."""
