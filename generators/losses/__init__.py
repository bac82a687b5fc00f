"""Losses by name: adversarial ones, penalties on discriminators, and terms that any model may add."""
