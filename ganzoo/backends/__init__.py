"""The backends that Keras computes with: a room for TensorFlow and a room for JAX, which `interface` describes.

`backend` says which of them is active, and gives its parts: `backend.trainer`, the step; `backend.devices`, and so on.
"""
