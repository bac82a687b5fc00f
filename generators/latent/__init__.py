"""What can be done with the latent space of a trained generator."""
