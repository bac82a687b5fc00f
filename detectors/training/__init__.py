"""A detector of one's own: trained on two sets of images, measured on a part held back, kept in a folder."""
