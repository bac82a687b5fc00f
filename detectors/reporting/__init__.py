"""Verdicts for people and programs: the console, JSON of a fixed schema, HTML that loads nothing."""
