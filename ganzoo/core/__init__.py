"""The building blocks of networks and losses, whatever the GAN."""
