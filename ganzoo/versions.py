"""The versions that decide on the last digits of a number."""

import importlib.metadata
import platform

PACKAGES = ("keras-ganzoo", "tensorflow", "keras", "numpy")


def versions(*more: str) -> dict[str, str]:
    """By name: Python's, those of the packages that compute, and of `more` packages."""
    names = (*PACKAGES, *more)
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names}}
