"""The versions that decide on the last digits of a number."""

import importlib.metadata
import platform

from ganzoo.backends import backend

OF_BACKEND = {"tensorflow": ("tensorflow",), "jax": ("jax", "jaxlib")}


def versions(*more: str) -> dict[str, str]:
    """By name: Python's, those of the packages that compute, and of `more` packages."""
    names = ("keras-ganzoo", *OF_BACKEND[backend.name()], "keras", "numpy", *more)
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names}}
