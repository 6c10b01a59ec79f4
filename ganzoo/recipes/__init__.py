"""Recipes and architectures by name, and GANs made of them."""
