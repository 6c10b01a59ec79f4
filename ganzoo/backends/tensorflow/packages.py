"""The packages of TensorFlow."""

INSTALL = "tensorflow"
COMPUTING = ("tensorflow",)
