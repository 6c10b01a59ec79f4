"""In what precision networks are built."""

import contextlib

import keras


@contextlib.contextmanager
def dtype_policy(name: str):
    """Makes layers under a dtype policy, and inputs to suit it; restores the one before on exit."""
    policy, floatx = keras.config.dtype_policy(), keras.config.floatx()
    keras.config.set_dtype_policy(name)
    # `keras.Input` goes by this alone, and what comes in is rounded to it.
    keras.config.set_floatx("float64" if name == "float64" else "float32")
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)
