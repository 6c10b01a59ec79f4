"""The provenance of a trained network: what it is, and of what. It is stored with every file; file names tell nothing.

A run directory has it in its `config.yaml`. A `.keras` file has it inside, as `ganzoo.json`, so that a copy of it still
knows; Keras alone opens the file as any other. An exported file has it in its entry of `card.json`. A Keras model that
ganzoo made or opened carries it as its attribute `provenance`.

Imports no Keras.
"""

import dataclasses
import functools
import hashlib
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import TypeAdapter

from ganzoo.config.parsing import parse_recipe, parse_section
from ganzoo.config.recipe import SECTIONS, Recipe
from ganzoo.core import kinds
from ganzoo.data.fields import Field, Signature, fields_of
from ganzoo.errors import RunError, UsageError
from ganzoo.files import redaction
from ganzoo.recipes import recipes, registry

if TYPE_CHECKING:
    import keras

MEMBER = "ganzoo.json"
"""The name of the member of a `.keras` file that holds the provenance."""
OWN = "embedded:"
"""The prefix of sources that come with ganzoo."""
LARGEST = 16 * 2**20
"""Bytes of it: the words of a vocabulary may be many."""
_DATE = (1980, 1, 1, 0, 0, 0)
"""The date of the member, so that the same provenance is the same bytes."""


@dataclasses.dataclass(frozen=True)
class Provenance:
    """The identity of a trained network and its origin."""

    architecture: str
    """The architecture's name, as it is registered."""
    network: str
    """Its key in the architecture's `deployed`, as `generator_ab`, or among the parts of one of those."""
    recipe: Mapping = dataclasses.field(default_factory=dict)
    """The recipe's document, as `config.yaml` has it; of what no recipe made, its `model` alone or nothing."""
    names: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    """The meanings of whole numbers, by their key in a batch: class names, or words."""
    step: int | None = None
    """The step of training, where that is known."""
    where: str = dataclasses.field(default="", compare=False)
    """The place of the recipe, for errors."""
    travelled: bool = dataclasses.field(default=False, compare=False)
    """The recipe came inside a file or a card, which anyone may have written: what it names elsewhere is not opened."""
    fits: bool = dataclasses.field(default=True, compare=False)
    """The config has the sizes of the network; that of defaults may have others."""

    @functools.cached_property
    def parsed(self) -> Recipe | None:
        """The recipe, where all of it is known.

        Raises:
            UsageError: when it is none that this release reads.
        """
        if "training" not in self.recipe:
            return None
        document = {"architecture": self.architecture, **self.recipe}
        return parse_recipe(document, self._config_class, self._place)

    @property
    def config(self):
        """The architecture's config; None where nobody knows its sizes. Raises UsageError as `parsed`."""
        return self._settings if self.fits else None

    @property
    def unopened(self) -> str | None:
        """The source that it was trained on, where that is not opened unless a user names it; None for any other.

        Raises:
            UsageError: as `parsed`.
        """
        source = self.parsed.data.source if self.travelled and self.parsed else OWN
        return None if source.startswith(OWN) else source

    @property
    def variant(self) -> str | None:
        """Which of its generators the architecture built; None where it has but one."""
        return getattr(self._settings, "generator", None)

    @property
    def signature(self) -> Signature:
        """Tells what the network takes and gives."""
        deployed = self._settings.deployed
        parts = {name: part for signature in deployed.values() for name, part in signature.parts.items()}
        return {**parts, **deployed}[self.network]

    @property
    def floors(self) -> dict[str, float]:
        """The dB by precision that an export must reach, where these differ from the usual ones."""
        return self._settings.floors

    def at(self, step: int) -> "Provenance":
        """Returns the same at a step of training."""
        return dataclasses.replace(self, step=step)

    def to_document(self) -> dict:
        """Returns the plain values that `ganzoo.json` and `card.json` hold, with what follows from them.

        Of places on this machine the last names alone: files travel.
        """
        recipe = redaction.without_places(self.recipe)
        return {
            "architecture": self.architecture,
            "network": self.network,
            "variant": self.variant,
            "step": self.step,
            "names": {key: list(names) for key, names in self.names.items()},
            "recipe": recipe,
            "recipe_sha256": hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest(),
        }

    @functools.cached_property
    def _settings(self):
        if self.parsed:
            return self.parsed.model
        return parse_section(self._config_class, self.recipe.get("model"), f"{self._place}: model")

    @property
    def _place(self) -> str:
        return self.where or f"{self.architecture} {self.network}"

    @property
    def _config_class(self) -> type:
        return registry.config_class(self.architecture)


class Known(NamedTuple):
    """The sizes and names that a signature leaves open, where no provenance has them."""

    names: Mapping[str, Sequence[str]] = MappingProxyType({})
    config: Any = None


def names_of(known: Provenance | Known, key: str, field: Field) -> tuple[str, ...]:
    """Returns what the numbers of a label, tokens or logits stand for; logits go by the label of as many classes.

    Classes that have no names are called by their numbers.
    """
    if key in known.names:
        return tuple(known.names[key])
    counted = "words" if field.kind == "tokens" else "classes"
    batch = fields_of(known.config).items() if hasattr(known.config, "batch") else ()
    same = (other for other, found in batch if getattr(found, counted, 0) == getattr(field, counted))
    numbers = range(0 if field.kind == "tokens" else getattr(known.config, field.classes, 0))
    return tuple(next((known.names[place] for place in same if place in known.names), map(str, numbers)))


def of_config(architecture: str, network: str, config) -> Provenance:
    """Returns the provenance of a network that no recipe made, but a config alone."""
    model = TypeAdapter(type(config)).dump_python(config, mode="json")
    return Provenance(architecture, network, {"model": model})


def of_gan(path: Path) -> tuple[Provenance, ...]:
    """Returns the provenance of each deployed network of the GAN in a `.keras` file; empty if it holds no known one.

    Raises:
        RunError: when what the file says is garbled.
    """
    found = kinds.config_within(path) if path.suffix == ".keras" else {}
    architecture, model = found.get("architecture"), found.get("model")
    if architecture not in registry.names():
        return ()
    if not isinstance(model, Mapping):
        raise _garbled(f"{path}: its config")
    return tuple(
        Provenance(architecture, network, {"model": model}, where=str(path), travelled=True)
        for network in registry.config_class(architecture).deployed
    )


def of_file(path: Path) -> Provenance | None:
    """Returns the provenance of a `.keras` or `.npz` file, by itself or, where it says nothing, by its run.

    In the run that it is of, the recipe is the one in `config.yaml`, which knows where its data lie. None for a file of
    no architecture that is known here.

    Raises:
        RunError: when what the file says of itself is garbled.
    """
    config, run = recipes.run_of(path) or (None, None)
    network = re.sub(r"_step_\d+$", "", path.stem)
    is_deployed = run and network in registry.config_class(run["architecture"]).deployed
    of_run = _of_run(run, network, str(config)) if is_deployed else None
    if path.suffix != ".keras":
        return of_run
    inside = _inside(path)
    if inside and of_run and _are_of_one_network(inside, of_run):
        return dataclasses.replace(of_run, names=inside.names or of_run.names, step=inside.step)
    if inside or of_run:
        return inside or of_run
    model = kinds.config_within(path)
    return of_before(model.get("name"), run, str(config), kinds.shapes_in(model))


def of_entry(entry: Mapping, path: Path) -> Provenance | None:
    """Returns the provenance of an exported file, by its entry in `card.json`. None and errors as for `of_file`."""
    if "provenance" in entry:
        return _read(entry["provenance"], f"{path}: its provenance in card.json")
    config, run = recipes.run_of(path) or (None, None)
    return of_before(entry.get("model"), run, str(config))


def of_model(model: "keras.Model") -> Provenance | None:
    """Returns the provenance of a Keras model; None for one of no architecture that is known here."""
    found = getattr(model, "provenance", None)
    if isinstance(found, Provenance):
        return found
    tensors = (*(model.inputs or ()), *(model.outputs or ()))
    return of_before(model.name, shapes=[tensor.shape for tensor in tensors])


def of_before(
    name: str | None, run: Mapping | None = None, where: str = "", shapes: Sequence[Sequence[int | None]] = ()
) -> Provenance | None:
    """Returns the provenance of what says nothing itself, as of an earlier release, by the name of the Keras model.

    It begins with the architecture and ends with the network: `cyclegan_mobile_generator_ab`.

    Args:
        run: the document of the run that the file lies in, and `where` that stands.
        shapes: of the tensors that the model takes and gives, as far as they are known, in that order.
    """
    name = str(name)
    known = [architecture for architecture in registry.names() if name.startswith(f"{architecture}_")]
    if not known:
        return None
    architecture = max(known, key=len)
    config_class = registry.config_class(architecture)
    deployed = list(config_class.deployed)
    network = next((network for network in deployed if name.endswith(network)), deployed[0] if deployed else None)
    if network is None:
        return None
    if run and run["architecture"] == architecture:
        return _of_run(run, network, where)
    is_mobile = name.startswith(f"{architecture}_mobile_") and hasattr(config_class, "generator")
    found = Provenance(architecture, network, {"model": {"generator": "mobile"}} if is_mobile else {})
    try:
        return dataclasses.replace(found, fits=_fit(found, shapes))
    except UsageError:  # It has settings without a default, and nobody knows those.
        return None


def write(path: Path, provenance: Provenance) -> None:
    """Adds it to a `.keras` file that Keras has saved."""
    text = json.dumps(provenance.to_document(), sort_keys=True, ensure_ascii=False)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(zipfile.ZipInfo(MEMBER, _DATE), text.encode())


def _of_run(document: Mapping, network: str, where: str) -> Provenance:
    run = document.get("run")
    names = run.get("names") if isinstance(run, Mapping) else None
    recipe = {key: document[key] for key in SECTIONS if document.get(key) is not None}
    names = _names(names) if isinstance(names, Mapping) else {}
    return Provenance(document["architecture"], network, recipe, names, where=where)


def _are_of_one_network(one: Provenance, other: Provenance) -> bool:
    """Returns whether two were made by the same settings, wherever the files that these name lie."""
    return (one.architecture, one.network, _model(one)) == (other.architecture, other.network, _model(other))


def _model(found: Provenance):
    document = redaction.without_places(found.recipe.get("model"))
    try:
        # A later release writes out more of the defaults.
        return parse_section(registry.config_class(found.architecture), document, "")
    except UsageError:
        return document


def _fit(found: Provenance, shapes: Sequence[Sequence[int | None]]) -> bool:
    """Returns whether tensors of these shapes fit the network's config. Raises UsageError as `Provenance.config`."""
    fields = (*found.signature.takes.values(), *found.signature.gives.values())
    wanted = [field.shape(found.config) for field in fields]
    pairs = [(tuple(shape[1:]), sides) for shape, sides in zip(shapes, wanted, strict=False)]
    return all(
        len(shape) == len(sides) and all(side in (None, other) for side, other in zip(shape, sides, strict=True))
        for shape, sides in pairs
    )


def _inside(path: Path) -> Provenance | None:
    """Returns what a `.keras` file says about itself."""
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return None
            if archive.getinfo(MEMBER).file_size > LARGEST:
                raise _garbled(f"{path}: its {MEMBER}")
            document = json.loads(archive.read(MEMBER))
    except (OSError, zipfile.BadZipFile):
        return None  # What opens the model says what is wrong.
    except (ValueError, RecursionError):
        raise _garbled(f"{path}: its {MEMBER}") from None
    return _read(document, f"{path}: its {MEMBER}")


def _read(document, where: str) -> Provenance | None:
    """Raises RunError, beginning with `where`, for what is no provenance."""
    try:
        architecture, network, step = document["architecture"], document["network"], document.get("step")
        recipe, names = dict(document["recipe"]), _names(document["names"])
        if not (isinstance(architecture, str) and isinstance(network, str) and isinstance(step, int | None)):
            raise TypeError
    except (LookupError, TypeError, ValueError, AttributeError):
        raise _garbled(where) from None
    if architecture not in registry.names() or network not in registry.config_class(architecture).deployed:
        return None
    return Provenance(architecture, network, recipe, names, step, where, travelled=True)


def _names(found: Mapping) -> dict[str, tuple[str, ...]]:
    return {str(key): tuple(map(str, names)) for key, names in found.items()}


def _garbled(where: str) -> RunError:
    return RunError(f"{where} is garbled; save or export the model again, or get the file again from where it came")
