"""Whether samples are of use to train on: the classification accuracy score."""
