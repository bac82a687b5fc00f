"""``ganeval detect`` and ``ganeval detectors``: one file a command, no computation."""
