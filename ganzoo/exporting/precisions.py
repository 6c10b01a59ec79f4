"""The formats and precisions that there are, and what every module of exporting calls them. Imports nothing."""

FORMATS = ("savedmodel", "tflite")
PLAIN = ("none", "float16", "dynamic")
"""The precisions of TFLite that need no calibration, which are made by default."""
STATIC = {"int8": 8, "int16x8": 16}
"""Those that do, and the bits of their activations."""
PRECISIONS = (*PLAIN, *STATIC)


def name_of(precision: str) -> str:
    """What files and tables call it: `none` is float32."""
    return "float32" if precision == "none" else precision
