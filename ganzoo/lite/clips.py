"""Reads `.wav` files of PCM into one channel of values from -1 to 1, and writes samples of sound to them."""

import contextlib
import wave
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from .errors import RunError, reason
from .files import replacing
from .jobs import names_file
from .samples import told, written
from .tiling import Progress

SUFFIX = ".wav"
WIDTHS = (1, 2, 3, 4)
"""The sizes of values that are read, in bytes."""
LARGEST = 32_767
"""The largest value of 16 bits."""
PAUSE = 0.25
"""Seconds of silence between clips in one file."""


class UnreadableClip(RunError):
    """A file is missing, truncated or not sound that can be read."""


def read(path: Path, rate: int | None = None) -> np.ndarray:
    """Reads a `.wav` file of 8, 16, 24 or 32 bits: float32 (length,) in [-1, 1], its channels mixed.

    Args:
        path: the file.
        rate: the values per second that it must have; None: any number.

    Raises:
        UnreadableClip: when it is not such a file, or has another rate.
    """
    with opened(path) as file:
        found, values = file.getframerate(), decoded(file, file.getnframes())
    if rate not in (None, found):
        raise UnreadableClip(f"{path}: has {found} values a second, and {rate} are wanted; convert it")
    return values.astype("float32")


@contextlib.contextmanager
def opened(path: Path) -> Iterator[wave.Wave_read]:
    """Opens a `.wav` file; turns whatever its reader raises into an UnreadableClip that names it."""
    try:
        # Opening a pipe would wait for its writer.
        if path.exists() and not path.is_file():
            raise OSError("not a regular file")
        with wave.open(str(path), "rb") as file:
            if file.getsampwidth() not in WIDTHS:
                raise ValueError(f"its values have {8 * file.getsampwidth()} bits, and 8, 16, 24 and 32 are read")
            yield file
    except (MemoryError, RunError):
        raise
    except Exception as error:  # wave.Error, EOFError, OSError, ValueError: all mean a broken file here
        why = reason(error)
        remedy = "; convert it to PCM of 16 bits" if "format" in why or "bits" in why else ""
        raise UnreadableClip(f"{path}: can't be read as a .wav file of PCM ({why}){remedy}") from error


def decoded(file: wave.Wave_read, count: int) -> np.ndarray:
    """Reads up to `count` frames: float64 (length,), the mean of all channels, from -1 to just below 1.

    An incomplete last frame is dropped.
    """
    width, channels, data = file.getsampwidth(), file.getnchannels(), file.readframes(count)
    data = data[: len(data) // (width * channels) * width * channels]
    if width == 1:  # The only width without a sign: 128 is silence.
        values = np.frombuffer(data, "uint8").astype("int16") - 128
    elif width == 3:
        wide = np.zeros((len(data) // 3, 4), "uint8")
        wide[:, 1:] = np.frombuffer(data, "uint8").reshape(-1, 3)
        values = wide.view("<i4")[:, 0] >> 8
    else:
        values = np.frombuffer(data, f"<i{width}")
    return values.reshape(-1, channels).mean(axis=1, dtype="float64") / 2 ** (8 * width - 1)


def fitted(values: np.ndarray, length: int) -> np.ndarray:
    """Cuts a sound to `length` or pads it with silence: float32 (length, 1)."""
    return np.pad(values[:length], (0, max(length - len(values), 0)))[:, None].astype("float32")


def write(path: Path, values: np.ndarray, rate: int) -> None:
    """Writes sound, (length,) or (length, 1) in [-1, 1], in 16 bits. Values outside are clipped."""
    numbers = np.rint(np.clip(np.nan_to_num(values.reshape(-1), nan=0.0), -1.0, 1.0) * LARGEST)
    with replacing(path) as beside, wave.open(str(beside), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(numbers.astype("<i2").tobytes())


def is_file(out: Path) -> bool:
    """Tells whether `out` names a sound, not a folder. Raises UsageError when it seems to name another file."""
    return names_file(out, lambda path: path.suffix.lower() == SUFFIX, "a sound", SUFFIX)


def write_samples(
    batches: Iterable[np.ndarray], out: Path, names: Sequence[str], rate: int, progress: Progress | None = None
) -> str:
    """Writes all clips one after the other to the file `out`, or each to a file of its own in the folder `out`.

    Args:
        batches: float32 (n, length, 1), as they are made.
        out: see `is_file`.
        names: one for each clip, without suffix.
        rate: values per second.
        progress: receives the count of clips.

    Returns:
        What was written, in words.
    """
    clips = (clip for batch in told(batches, len(names), progress) for clip in batch)
    if is_file(out):
        pause = np.zeros((round(PAUSE * rate), 1), "float32")
        parts = [part for clip in clips for part in (clip, pause)]
        write(out, np.concatenate(parts[:-1]), rate)
        return str(out)
    for name, clip in zip(names, clips, strict=True):
        write(out / f"{name}{SUFFIX}", clip, rate)
    return written(out, names, SUFFIX, "clips")
