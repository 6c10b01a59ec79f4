"""Trained generators by name, run directory or file."""

from pathlib import Path
from typing import TYPE_CHECKING

from ganzoo.config import nearest
from ganzoo.errors import RunError, UsageError
from ganzoo.lite.errors import reason

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
        UsageError: when there is no such model, or it is an exported one, which is no Keras model any more.
        RunError: when the file can't be read.
    """
    path = find_generator(name_or_path, direction)
    import keras

    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises anything from KeyError to BadZipFile at a broken file.
        raise RunError(f"{path}: can't be read as a Keras model ({reason(error)})") from error


def find_generator(name_or_path: str | Path, direction: str = "ab") -> Path:
    """The `.keras` file that `load` reads. Raises UsageError when there is none, saying what there is."""
    path = find_model(name_or_path, direction)
    if is_keras(path):
        return path
    raise UsageError(
        f"{path}: an exported model, to be run by `ganzoo generate` or, TFLite, by ganzoo-lite; "
        "give the run directory or .keras file that it was exported from"
    )


def find_model(name_or_path: str | Path, direction: str = "ab") -> Path:
    """The `.keras` file, SavedModel directory or `.tflite` file of a model.

    Args:
        name_or_path: a name from `list_pretrained()`, a run directory, a SavedModel directory, or a file.
        direction: which generator of a run directory that has two.

    Raises:
        UsageError: when there is no such model.
    """
    if direction not in DIRECTIONS:
        raise UsageError(f"direction {direction!r}{nearest(direction, DIRECTIONS)}")
    path = Path(name_or_path).expanduser()
    if is_saved_model(path) or (path.is_file() and (is_keras(path) or is_tflite(path))):
        return path
    if path.is_dir():
        return _in_run(path, direction)
    known = f"a pretrained name ({', '.join(list_pretrained()) or 'none in this release'})"
    raise UsageError(
        f"no model {str(name_or_path)!r}; "
        f"a model is a run directory, a .keras file, a SavedModel directory, a .tflite file or {known}"
    )


def is_keras(path: Path) -> bool:
    return path.suffix == ".keras"


def is_tflite(path: Path) -> bool:
    return path.suffix == ".tflite"


def is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").is_file()


def _in_run(path: Path, direction: str) -> Path:
    if (path / f"generator_{direction}.keras").is_file():
        return path / f"generator_{direction}.keras"
    exported = sorted(found.name for found in path.iterdir() if is_tflite(found) or is_saved_model(found))
    if exported:
        raise UsageError(f"{path}: a folder of exported models; name one of them: {', '.join(exported)}")
    if not (path / "generator.keras").is_file():
        raise UsageError(f"{path}: no generator in this folder; train one with: ganzoo train RECIPE --run-dir {path}")
    if direction != DIRECTIONS[0]:
        raise UsageError(f"{path}: has one generator, and no direction {direction!r}; leave the direction out")
    return path / "generator.keras"
