"""Hides what the interpreter's C++ code writes to the terminal for its developers, which no setting turns off."""

import os
import sys


def silence_libraries() -> None:
    """Makes standard error show only what Python writes to `sys.stderr`, for the rest of the process: for commands."""
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
