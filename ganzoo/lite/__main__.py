"""`python -m ganzoo_lite`, or `python -m ganzoo.lite`: the command, where it is not on the path."""

from .cli import main

if __name__ == "__main__":
    main()
