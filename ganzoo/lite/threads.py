"""How many threads there can be."""

import os


def all_threads() -> int:
    """The number of processors that this process may use, where the system tells."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
