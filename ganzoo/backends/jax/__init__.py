"""The step, the devices, the feeding and the compiled calls of JAX."""
