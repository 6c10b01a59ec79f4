"""How many threads compute: the last bits of sums depend on it, as each thread adds up a part."""

import os

from ganzoo.lite.threads import all_threads


def computing(*variables: str) -> int:
    """Returns the first of these variables of the environment that is a number from 1 up; else one for each processor
    that this process may use, which can be fewer than the machine has."""
    said = (os.environ.get(name, "").strip() for name in variables)
    return next((int(text) for text in said if text.isdecimal() and int(text) > 0), all_threads())
