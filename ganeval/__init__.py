"""Evaluate generative image models, and judge whether a picture is real."""
