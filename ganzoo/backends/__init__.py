"""What Keras computes with: a room for TensorFlow, a room for JAX, and what both promise."""
