"""The GAN: its networks, its phases, and the one step that trains them."""
