"""`python -m ganzoo`: the command, where it is not on the path."""

from ganzoo.cli import main

if __name__ == "__main__":
    main()
