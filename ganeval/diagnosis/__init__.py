"""What fails in a generator: lost parts of the data, copies of training images, samples that are of no use."""
