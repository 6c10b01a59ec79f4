"""The number of threads to run on."""

import os


def all_threads() -> int:
    """Returns the number of processors that this process may use, as far as the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
