"""The main job: images through features and metrics to a report."""
