"""Sound in .wav files of whole numbers (PCM), by the standard library: any number of channels, mixed to one."""

import contextlib
import os
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ganzoo.errors import RunError
from ganzoo.lite import clips
from ganzoo.lite.errors import reason

EXTENSIONS = (clips.SUFFIX,)


def header(file: Path) -> tuple[int, int]:
    """(how many values a channel has, how many of them a second has). Raises RunError that names the file."""
    with _opened(file) as sound:
        return sound.getnframes(), sound.getframerate()


def verify(file: Path) -> None:
    """Raises RunError, naming the file, unless it holds as much sound as it says, and some."""
    with _opened(file) as sound:
        frames, frame_size = sound.getnframes(), sound.getnchannels() * sound.getsampwidth()
        if not frames:
            raise ValueError("it holds no sound")
        if frames * frame_size > os.path.getsize(file):
            raise ValueError("it ends early")


def read_clip(file: Path, start: int, count: int) -> np.ndarray:
    """`count` values from value `start` on: float32 (count, 1) in [-1, 1], filled up with silence.

    Raises:
        RunError: names the file that is missing, is no PCM or ends before it says.
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
    """The open file. Turns whatever its reader raises into a RunError that names it."""
    try:
        # A pipe would be waited for.
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
