"""Runs the command as `python -m ganzoo_lite` or `python -m ganzoo.lite`, where it is not on the path."""

from .cli import main

if __name__ == "__main__":
    main()
