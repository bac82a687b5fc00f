"""Samples: image i is a function of the model, the seed and i alone."""
