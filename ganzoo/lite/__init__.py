"""Runs networks that ganzoo exported, with NumPy, Pillow and ai-edge-litert alone.

`GanzooLite` is imported when it is first used.
"""

__all__ = ["GanzooLite", "__version__"]

__version__ = "0.1.0"


def __getattr__(name: str):
    if name != "GanzooLite":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .runner import GanzooLite

    return GanzooLite
