"""Reads .wav files of integers (PCM) with the standard library, and mixes their channels to one."""

import os
from pathlib import Path

import numpy as np

from ganzoo.lite import clips

EXTENSIONS = (clips.SUFFIX,)


def header(file: Path) -> tuple[int, int]:
    """Returns (values of a channel, values per second). Raises RunError that names the file."""
    with clips.opened(file) as sound:
        return sound.getnframes(), sound.getframerate()


def verify(file: Path) -> None:
    """Raises RunError, naming the file, unless it holds sound, and as much of it as its header says."""
    with clips.opened(file) as sound:
        frames, frame_size = sound.getnframes(), sound.getnchannels() * sound.getsampwidth()
        if not frames:
            raise ValueError("it holds no sound")
        if frames * frame_size > os.path.getsize(file):
            raise ValueError("it ends early")


def read_clip(file: Path, start: int, count: int) -> np.ndarray:
    """Reads `count` values from value `start` on: float32 (count, 1) in [-1, 1], padded with silence.

    Raises:
        RunError: when the file is missing, not PCM or truncated; names the file.
    """
    with clips.opened(file) as sound:
        wanted = max(min(count, sound.getnframes() - start), 0)
        sound.setpos(min(start, sound.getnframes()))
        values = clips.decoded(sound, wanted)
        if len(values) < wanted:
            raise ValueError("it ends early")
    return clips.fitted(values, count)
