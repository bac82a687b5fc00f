"""Training of image classifiers from scratch, resumable and on any number of processes, for the accuracy score."""
