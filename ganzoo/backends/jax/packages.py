"""The packages of JAX."""

INSTALL = '"keras-ganzoo[jax]"'
COMPUTING = ("jax", "jaxlib")
