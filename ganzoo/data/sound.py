"""Reads .wav files of integers (PCM) with the standard library, and mixes their channels to one."""

import contextlib
import os
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ganzoo.errors import RunError, reason
from ganzoo.lite import clips

EXTENSIONS = (clips.SUFFIX,)


def header(file: Path) -> tuple[int, int]:
    """Returns (values of a channel, values per second). Raises RunError that names the file."""
    with _opened(file) as sound:
        return sound.getnframes(), sound.getframerate()


def verify(file: Path) -> None:
    """Raises RunError, naming the file, unless it holds sound, and as much of it as its header says."""
    with _opened(file) as sound:
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
    with _opened(file) as sound:
        wanted = max(min(count, sound.getnframes() - start), 0)
        sound.setpos(min(start, sound.getnframes()))
        values = clips.decoded(sound.readframes(wanted), sound.getsampwidth(), sound.getnchannels())
    if len(values) < wanted:
        raise RunError(f"{file}: can't be read as sound (it ends early)")
    clip = np.zeros((count, 1), np.float32)
    clip[: len(values), 0] = values
    return clip


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[wave.Wave_read]:
    """Opens a file; turns whatever its reader raises into a RunError that names it."""
    try:
        # Opening a pipe would wait for its writer.
        if file.exists() and not file.is_file():
            raise OSError("not a regular file")
        with wave.open(str(file), "rb") as sound:
            clips.check_width(sound.getsampwidth())
            yield sound
    except (MemoryError, RunError):
        raise
    except Exception as error:  # wave.Error, EOFError, OSError, ValueError: all mean a broken file here
        why = reason(error)
        remedy = "; convert it to PCM of 16 bits" if "unknown format" in why else ""
        raise RunError(f"{file}: can't be read as sound ({why}){remedy}") from error
