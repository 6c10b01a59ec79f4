"""Sound in `.wav` files of PCM, of one channel and values from -1 to 1; and samples of it written to them."""

import wave
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from .errors import RunError, reason
from .files import replacing
from .jobs import names_file
from .samples import told, written
from .tiling import Progress

SUFFIX = ".wav"
LARGEST = 32_767
"""Of 16 bits."""
PAUSE = 0.25
"""Seconds of silence between clips in one file."""


class UnreadableClip(RunError):
    """A file that is missing, truncated or no sound that can be taken."""


def read(path: Path, rate: int | None = None) -> np.ndarray:
    """The sound in a `.wav` file of 8, 16, 24 or 32 bits, float32 (length,) in [-1, 1]; its channels are mixed.

    Args:
        path: of the file.
        rate: how many values a second it must have; None: any number.

    Raises:
        UnreadableClip: when it is none, or of another rate.
    """
    try:
        with wave.open(str(path), "rb") as file:
            channels, width, found = file.getnchannels(), file.getsampwidth(), file.getframerate()
            data = file.readframes(file.getnframes())
    except (wave.Error, EOFError, OSError) as error:
        raise UnreadableClip(f"{path}: can't be read as a .wav file of PCM ({reason(error)})") from error
    if rate not in (None, found):
        raise UnreadableClip(f"{path}: has {found} values a second, and {rate} are wanted; convert it")
    frame = width * channels
    values = _values(data[: len(data) // frame * frame], width)
    return values.reshape(-1, channels).mean(axis=1, dtype="float32")


def fitted(values: np.ndarray, length: int) -> np.ndarray:
    """The first values of a sound, float32 (length, 1); where it is shorter, silence follows."""
    return np.pad(values[:length], (0, max(length - len(values), 0)))[:, None].astype("float32")


def write(path: Path, values: np.ndarray, rate: int) -> None:
    """Writes sound, (length,) or (length, 1) in [-1, 1], in 16 bits. What lies outside is clipped."""
    numbers = np.rint(np.clip(np.nan_to_num(values.reshape(-1), nan=0.0), -1.0, 1.0) * LARGEST)
    with replacing(path) as beside, wave.open(str(beside), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(numbers.astype("<i2").tobytes())


def is_file(out: Path) -> bool:
    """Whether `out` names a sound, and not a folder. Raises UsageError when it seems to name another file."""
    return names_file(out, lambda path: path.suffix.lower() == SUFFIX, "a sound", SUFFIX)


def write_samples(
    batches: Iterable[np.ndarray], out: Path, names: Sequence[str], rate: int, progress: Progress | None = None
) -> str:
    """Writes clips into the file `out`, one after the other, or each into the folder `out` as a file of its name.

    Args:
        batches: float32 (n, length, 1), as they are made.
        out: see `is_file`.
        names: one for each clip, without suffix.
        rate: values a second.
        progress: is told of the clips.

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


def _values(data: bytes, width: int) -> np.ndarray:
    if width == 1:  # Of 8 bits alone, 128 is silence.
        return (np.frombuffer(data, "uint8").astype("float32") - 128) / 128
    if width == 3:
        parts = np.frombuffer(data, "uint8").reshape(-1, 3)
        # As the upper bytes of 32 bits, which have the sign.
        data = np.concatenate([np.zeros_like(parts[:, :1]), parts], axis=1).tobytes()
    bits = 8 * width if width != 3 else 32
    return (np.frombuffer(data, f"<i{bits // 8}") / 2.0 ** (bits - 1)).astype("float32")
