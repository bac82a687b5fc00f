"""Diagnostics of memorisation: copies of training images, and distributions that lie too close to them."""
