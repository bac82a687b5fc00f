"""Diagnostics of mode collapse: lost classes and bins, repeated images, narrowed variety, unused latent vectors."""
