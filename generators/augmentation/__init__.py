"""What the discriminator sees of images: differentiable augmentations, chosen by name."""
