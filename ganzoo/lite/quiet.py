"""Keeps off the terminal what the interpreter's C++ code says to its developers, which no setting turns off."""

import os
import sys


def silence_libraries() -> None:
    """From now on standard error shows what Python writes to `sys.stderr`, and nothing that other code writes.

    For commands, whose process is their own.
    """
    sys.stderr.flush()
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    os.close(nowhere)
