"""The precision that networks are built in."""

import contextlib

import keras


@contextlib.contextmanager
def dtype_policy(name: str):
    """Makes layers, and inputs to suit them, under a dtype policy; restores the previous one on exit."""
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_dtype_policy(name)
    # `keras.Input` uses floatx alone, and rounds inputs to it.
    keras.config.set_floatx("float64" if name == "float64" else "float32")
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
