"""What networks and losses are made of, whatever the GAN."""
