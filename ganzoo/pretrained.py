"""Trained generators by name, run directory or file."""

from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.config import nearest
from ganzoo.errors import RunError, UsageError

if TYPE_CHECKING:
    import keras

DIRECTIONS = ("ab", "ba")


def list_pretrained() -> list[str]:
    """The names of the trained generators that `load` fetches, sorted. This release has none."""
    return []


def load(name_or_path: str | Path, direction: str = "ab") -> "keras.Model":
    """A trained generator, ready to call: latents (batch, latent_dim), or images (batch, height, width, channels).

    Args:
        name_or_path: a name from `list_pretrained()`, a run directory, or a `.keras` file.
        direction: `ab` or `ba`: which generator of a run directory that has both. A file is what it is.

    Raises:
        UsageError: when there is no such model.
        RunError: when the file can't be read.
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"direction {direction!r}{nearest(direction, DIRECTIONS)}")
    path = find_generator(name_or_path, direction)
    import keras

    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises anything from KeyError to BadZipFile at a broken file.
        reason = str(error).strip().partition("\n")[0]
        raise RunError(f"{path}: can't be read as a Keras model ({reason})") from error


def find_generator(name_or_path: str | Path, direction: str = "ab") -> Path:
    """The `.keras` file that `load` reads. Raises UsageError when there is none, saying what there is."""
    path = Path(name_or_path).expanduser()
    if path.is_dir():
        return _in_run(path, direction)
    if path.suffix == ".keras" and path.is_file():
        return path
    known = f"a pretrained name ({', '.join(list_pretrained()) or 'none in this release'})"
    raise UsageError(f"no model {str(name_or_path)!r}; a model is a run directory, a .keras file or {known}")


def _in_run(path: Path, direction: str) -> Path:
    if (path / f"generator_{direction}.keras").is_file():
        return path / f"generator_{direction}.keras"
    if not (path / "generator.keras").is_file():
        raise UsageError(f"{path}: no generator in this folder; train one with: ganzoo train RECIPE --run-dir {path}")
    if direction != DIRECTIONS[0]:
        raise UsageError(f"{path}: has one generator, and no direction {direction!r}; leave the direction out")
    return path / "generator.keras"
