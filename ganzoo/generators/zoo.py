"""The zoo of trained generators: its manifest, their files, verified, and their cards.

It is `ganzoo.weights`, or the folder $GANZOO_WEIGHTS, of the same form:

    manifest.yaml           by name of a generator: `files:` by file name: `sha256`, `bytes`, and perhaps `url`
    pix2pix/emoji/          a folder of that name, with those of its files that don't lie at their url alone
        generator.npz       the weights; of one that translates both ways, generator_ab.npz and generator_ba.npz
        discriminator.npz   perhaps: for who trains on
        config.yaml         the recipe that it was trained by
        card.yaml           what it is for, of what quality, and under which licence
        sample.png          what it paints

Imports no TensorFlow.
"""

import dataclasses
import os
import re
import shutil
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

from ganzoo.errors import RunError, UsageError, quoted, reason
from ganzoo.files import downloads
from ganzoo.files.atomic import replacing
from ganzoo.files.documents import FASTEST, read_yaml

VARIABLE = "GANZOO_WEIGHTS"
"""The environment variable that names a folder in place of the zoo that comes with ganzoo."""
MANIFEST = "manifest.yaml"
CONFIG = "config.yaml"
CARD = "card.yaml"
CARD_KEYS = (
    "name",
    "summary",
    "intended_use",
    "weaknesses",
    "licence",
    "data",
    "credits",
    "training",
    "parameters",
    "files",
    "evaluation",
    "exports",
    "fixed_output",
    "check",
)
"""All that a card holds, in this order."""
WEIGHTS = ".npz"
"""The extension of files of weights."""


@dataclasses.dataclass(frozen=True)
class Entry:
    """A file of a generator, as the manifest has it."""

    sha256: str
    bytes: int
    url: str | None = None

    def __post_init__(self):
        if not (isinstance(self.sha256, str) and re.fullmatch("[0-9a-f]{64}", self.sha256)):
            raise ValueError(f"found sha256 {quoted(self.sha256)}")
        if not isinstance(self.bytes, int) or not isinstance(self.url, str | None):
            raise ValueError(f"found bytes {quoted(self.bytes)}, url {quoted(self.url)}")


def names() -> list[str]:
    """The names of the generators, sorted."""
    return sorted(_manifest())


def files(name: str) -> dict[str, Entry]:
    """Returns what the manifest says of a generator's files, by file name.

    Raises:
        RunError: when the manifest is not of its form.
    """
    try:
        found = {file: Entry(**entry) for file, entry in _manifest()[name]["files"].items()}
        if any(Path(file).name != file for file in found):
            raise ValueError("a file's name leads elsewhere")
        return found
    except (KeyError, TypeError, AttributeError, ValueError):
        raise RunError(
            f"{_root() / MANIFEST}: {name}: found {quoted(_manifest().get(name))}; it holds files by name, each with "
            f"sha256, bytes and perhaps url; {_remedy()}"
        ) from None


def weights(name: str) -> dict[str, Entry]:
    """Returns the files that hold weights. Raises RunError when there are none."""
    found = {file: entry for file, entry in files(name).items() if file.endswith(WEIGHTS)}
    if not found:
        raise RunError(f"{_root() / MANIFEST}: {name}: has no {WEIGHTS} file; {_remedy()}")
    return found


def is_here(name: str) -> bool:
    """Returns whether its weights are on this machine, so that nothing need be fetched."""
    places = ((_root() / name / file, _cached(file, entry)) for file, entry in weights(name).items())
    return all(inside.is_file() or cached.is_file() for inside, cached in places)


def find(name: str, file: str) -> Path:
    """Returns the path of a file of its weights, verified, the recipe beside it; downloaded if it has to be.

    Raises:
        RunError: when the file has another checksum than the manifest says, or can't be had.
    """
    recipe = config(name)
    path = fetch(name, file)
    beside = path.with_name(CONFIG)
    if beside != recipe:
        with downloads.locked(beside):
            if not beside.is_file() or beside.read_bytes() != recipe.read_bytes():
                with replacing(beside) as copy:
                    shutil.copyfile(recipe, copy)
    return path


def config(name: str) -> Path:
    """Returns the path of its recipe, verified. Raises RunError as `find`."""
    return fetch(name, CONFIG)


def card(name: str) -> dict:
    """Its card. Raises RunError as `find`, or when it is not YAML."""
    path = fetch(name, CARD)
    found = _read(path)
    if not isinstance(found, Mapping):
        raise RunError(f"{path}: found {quoted(found)}; a card holds keys with values; {_remedy()}")
    return dict(found)


def fetch(name: str, file: str) -> Path:
    """Returns the path of one of its files, verified: in the zoo or the cache. Raises RunError as `find`."""
    entry = files(name).get(file)
    if entry is None:
        raise RunError(f"{_root() / MANIFEST}: {name} has no {file} there; {_remedy()}")
    path = _root() / name / file
    if path.is_file():
        _verify(path, entry)
        return path
    if entry.url is None:
        raise RunError(f"{name}: {file} is not on this machine, and can't be fetched; {_remedy()}")
    try:
        return _fetched(file, entry)
    except (UsageError, RunError) as error:
        raise RunError(f"{name}: {file} can't be had: {error}; or {_remedy()}") from None


def _verify(path: Path, entry: Entry) -> None:
    found = downloads.file_sha256(path)
    if found != entry.sha256:
        raise RunError(f"{path}: its sha256 is {found}, the manifest says {entry.sha256}; refused; {_remedy()}")


def _fetched(file: str, entry: Entry) -> Path:
    path = _cached(file, entry)
    with downloads.locked(path):
        # What is damaged in the cache is fetched anew.
        if not path.is_file() or downloads.file_sha256(path) != entry.sha256:
            fetched = downloads.fetch_file(entry.url, entry.sha256, entry.bytes)
            with replacing(path) as beside:
                shutil.copyfile(fetched, beside)
            if not downloads.is_local(entry.url):
                fetched.unlink(missing_ok=True)
    return path


def _cached(file: str, entry: Entry) -> Path:
    return downloads.cache_folder() / "weights" / entry.sha256[:32] / file


def _remedy() -> str:
    """Tells what to do where something of the zoo is missing or damaged."""
    if VARIABLE in os.environ:
        return f"put it right in {_root()}, which {VARIABLE} names"
    return (
        "it lies in ganzoo's repository under weights/: in a checkout of that install with `pip install -e .`, or set "
        f"{VARIABLE} to the folder weights/ of the checkout"
    )


def _root() -> Path:
    if VARIABLE in os.environ:
        return Path(os.environ[VARIABLE]).expanduser()
    return Path(str(resources.files("ganzoo.weights")))


def _manifest() -> dict[str, dict]:
    path = _root() / MANIFEST
    if not path.is_file():
        if VARIABLE in os.environ:
            raise UsageError(
                f"{VARIABLE}: found {quoted(os.environ[VARIABLE])}, which holds no {MANIFEST}; give a zoo's folder"
            )
        raise RunError(f"{path}: not there; {_remedy()}")
    found = _read(path)
    if not isinstance(found, dict) or not all(isinstance(name, str) and _is_plain(name) for name in found):
        raise RunError(f"{path}: found {quoted(found)}; it holds generators by name; {_remedy()}")
    return found


def _is_plain(name: str) -> bool:
    """Returns whether a name stays within the folder that it is looked up in."""
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def _read(path: Path):
    try:
        return read_yaml(path.read_text("utf-8"), FASTEST)
    except ValueError as error:  # So is what is not UTF-8.
        raise RunError(f"{path}: can't be read as YAML ({reason(error)}); {_remedy()}") from None
