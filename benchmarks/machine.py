"""Where a benchmark ran."""

import os
import platform
import re
from pathlib import Path


def machine(abouts: list[dict], cores: int | None = None) -> dict:
    """The device, its kind, how many processor cores, and versions.

    Args:
        abouts: what engines say `about` themselves.
        cores: how many they were allowed; None: all.
    """
    accelerators = [about["device"] for about in abouts if about["device"]]
    count = len(os.sched_getaffinity(0))
    versions = {"python": platform.python_version()}
    for about in abouts:
        versions |= about["versions"]
    return {
        "kind": "gpu" if accelerators else "cpu",
        "device": accelerators[0] if accelerators else processor(),
        "cores": min(cores or count, count),
        "versions": versions,
    }


def described(about: dict) -> str:
    """Returns what `machine` gives, in a line."""
    versions = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return f"{about['device']}, {about['cores']} processor cores; {versions}"


def processor() -> str:
    names = re.findall(r"^model name\s*: (.+)$", _read("/proc/cpuinfo"), re.MULTILINE)
    return names[0] if names else platform.processor() or platform.machine()


def available_memory() -> int:
    """Bytes that can be had without swapping; 8 GiB where the system does not say."""
    found = re.search(r"^MemAvailable:\s+(\d+) kB", _read("/proc/meminfo"), re.MULTILINE)
    return int(found[1]) * 1024 if found else 8 * 2**30


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
