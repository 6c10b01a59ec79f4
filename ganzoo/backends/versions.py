"""The versions that decide on the last digits of a number."""

import importlib.metadata
import platform

from ganzoo.backends import backend


def versions(*more: str) -> dict[str, str]:
    """Returns by name Python's, those of the packages that compute, and of `more` packages."""
    names = ("keras-ganzoo", *backend.packages.COMPUTING, "keras", "numpy", *more)
    return {"python": platform.python_version(), **{name: importlib.metadata.version(name) for name in names}}
