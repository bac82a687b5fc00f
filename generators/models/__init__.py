"""Architectures of generative models, one a file."""
