"""A trained network and what is known of it, whatever it lies in: one class for all that ganzoo opens."""

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.backends.quiet import import_tensorflow, is_installed
from ganzoo.config.recipe import Recipe
from ganzoo.core import kinds
from ganzoo.data.fields import Field, Signature
from ganzoo.errors import RunError, UsageError, reason
from ganzoo.generators import programs, provenance, zoo
from ganzoo.generators.provenance import Provenance
from ganzoo.lite import card
from ganzoo.recipes import registry

if TYPE_CHECKING:
    import keras

    from ganzoo.gan.gan import GAN
    from ganzoo.lite.network import Network


@dataclasses.dataclass(frozen=True)
class Generator:
    """A trained network. All but `model`, `network` and `open` is known without loading Keras, which takes seconds."""

    title: str
    """The name for it in errors: a path or a name, as the user gave it."""
    path: Path | None = None
    """A `.keras`, `.npz` or `.tflite` file, or a SavedModel directory; None: it is in memory."""
    given: "keras.Model | None" = dataclasses.field(default=None, repr=False)
    """The model that is in memory."""
    run: Path | None = None
    """The run directory, where it was given as one."""
    of_gan: Provenance | None = None
    """Which network of the whole GAN in a `.keras` file it is; None: the file holds one network."""
    whole: "Generator | None" = None
    """The generator that it is a part of, if it is one."""

    @functools.cached_property
    def provenance(self) -> Provenance | None:
        """None where nobody knows.

        Raises:
            RunError: when a card is missing or broken, or what a file says of itself is garbled.
        """
        if self.path is None:
            return provenance.of_model(self.given)
        if self.of_gan:
            return self.of_gan
        return provenance.of_entry(self.entry, self.path) if self.is_exported else provenance.of_file(self.path)

    @property
    def name(self) -> str:
        """Its key among the deployed networks, as `generator_ab`."""
        if self.provenance:
            return self.provenance.network
        return self.path.stem if self.path and not self.is_exported else "generator"

    @property
    def direction(self) -> str:
        """`ba`, or else `ab`: short for the network's name where one translates each way."""
        return "ba" if self.name.endswith("_ba") else "ab"

    @property
    def signature(self) -> Signature | None:
        """Tells what it takes and gives; None where its architecture is unknown."""
        return self.provenance.signature if self.provenance else None

    @property
    def recipe(self) -> Recipe | None:
        """The recipe by which it was trained; None where that is unknown. Raises UsageError if it can't be read."""
        return self.provenance.parsed if self.provenance else None

    @property
    def unopened(self) -> str | None:
        """The source of the recipe, where only a user may name it: see `Provenance.unopened`. Raises as `recipe`."""
        return self.provenance.unopened if self.provenance else None

    @property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """Tells what whole numbers stand for, by the keys that they have in a batch."""
        return self.provenance.names if self.provenance else {}

    @property
    def config(self) -> Any:
        """Its architecture's config, None where that is unknown. Raises UsageError as `recipe`."""
        return self.provenance.config if self.provenance else None

    @property
    def is_exported(self) -> bool:
        """Whether it is a TFLite file or a SavedModel, which is no Keras model any more."""
        return self.path is not None and (is_tflite(self.path) or is_saved_model(self.path))

    @functools.cached_property
    def entry(self) -> Mapping:
        """Returns what `card.json` says of an exported one.

        Raises:
            UsageError: for a SavedModel where there is no TensorFlow to run it.
            RunError: when the card is missing or broken.
        """
        if is_saved_model(self.path) and not is_installed("tensorflow"):
            raise UsageError(f"{self.path}: a SavedModel, which needs TensorFlow: pip install tensorflow")
        return card.read(self.path)

    @functools.cached_property
    def taken(self) -> Mapping[str, tuple[str, ...]]:
        """The kinds of what it takes, each with what its numbers stand for; empty where no file tells."""
        if self.is_exported:
            return card.interface(self.entry, self.path).takes
        if self.signature:
            return {field.kind: self._names_of(key, field) for key, field in self.signature.takes.items()}
        return dict.fromkeys(kinds.within(self.path) if self.path else (), ())

    def _names_of(self, key: str, field: Field) -> tuple[str, ...]:
        return provenance.names_of(self.provenance, key, field) if field.kind in card.NAMED else ()

    @property
    def works_on(self) -> str | None:
        """The kind of what it changes or looks at, a picture or a clip; None where it makes something of noise."""
        return next((kind for kind in self.taken if kind in kinds.WORKED_ON), None)

    @property
    def gives(self) -> str:
        """The kind of what it gives; pictures, where no file tells."""
        if self.is_exported:
            return card.interface(self.entry, self.path).output.kind
        return self.signature.made if self.signature else "image"

    @functools.cached_property
    def model(self) -> "keras.Model":
        """The Keras model, which carries its provenance.

        Raises:
            UsageError: for an exported one.
            RunError: when the file can't be read.
        """
        self.check_keras()
        model = self.given if self.path is None else _opened(self.path, self.provenance)
        if self.provenance:
            model.provenance = self.provenance
        return model

    def parts(self) -> "list[Generator]":
        """Returns each part of a network that is in two parts; of any other nothing. Raises as `model`."""
        return [self._part(name) for name in (self.signature.parts if self.signature else ())]

    def _part(self, name: str) -> "Generator":
        model = self.model.get_layer(name)
        model.provenance = dataclasses.replace(self.provenance, network=name)
        return Generator(f"{self.title}: {name}", given=model, whole=self)

    def check_keras(self) -> None:
        """Raises a UsageError for an exported one, which is no Keras model any more."""
        if self.is_exported:
            raise UsageError(
                f"{self.path}: an exported model, to be run by `ganzoo generate` or, TFLite, by ganzoo-lite; "
                "give the run directory or .keras file that it was exported from"
            )

    @functools.cached_property
    def network(self) -> "Network":
        """Ready to run. Raises UsageError when ganzoo can't run it, RunError when its file or its card is broken."""
        return self.open()

    def open(self, threads: int | None = None) -> "Network":
        """Opens it anew, ready to run; a TFLite file on so many threads. None: on as many as there are cores."""
        from ganzoo.generators import (
            keras_network,  # NumPy takes a fifth of a second, and the commands import this module.
        )
        from ganzoo.lite import runner

        if self.path and is_tflite(self.path):
            return runner.open_tflite(self.path, threads)
        if self.is_exported:
            return _saved_model(self.path, card.interface(self.entry, self.path))
        return keras_network.of_model(self.model, self.provenance)


def of_model(model: "keras.Model") -> Generator:
    """Returns the generator of a Keras model in memory. Raises UsageError for a whole GAN, not one of its networks."""
    if is_gan(model):
        raise UsageError(f"{model.name}: a GAN; give one of its generators, as gan.{model.deployed_names[0]}")
    if not getattr(model, "built", False) or not hasattr(model, "output_shape"):
        raise UsageError(f"{model!r}: no Keras model that is ready to be called; give a generator, a run or a file")
    return Generator(model.name, given=model)


def is_gan(model: "keras.Model") -> bool:
    """Returns whether a Keras model is a whole GAN."""
    return isinstance(getattr(model, "deployed_names", None), tuple)


def opens_in_keras(path: Path) -> bool:
    """Returns whether a file, by its name, holds a network that runs in Keras: saved by Keras, or as weights."""
    return path.suffix in (".keras", zoo.WEIGHTS)


def is_tflite(path: Path) -> bool:
    return path.suffix == ".tflite"


def is_saved_model(path: Path) -> bool:
    return (path / "saved_model.pb").is_file()


def untrained(recipe: Recipe) -> "GAN":
    """The GAN of a recipe with new weights, in float32, whose `released` networks are those that are saved."""
    model = dataclasses.replace(recipe.model, ema_decay=0.0, precision="float32")
    return registry.get(recipe.architecture)(model)


def _opened(path: Path, found: Provenance | None) -> "keras.Model":
    if path.suffix == zoo.WEIGHTS:
        return _with_weights(path, found)
    import keras

    from ganzoo.core import initial_weights

    try:
        # Keras gives layers weights before it reads those of the file; they had better be made quickly.
        with initial_weights.by_numpy():
            model = keras.models.load_model(path, compile=False)
        return model.released()[found.network] if is_gan(model) else model
    except MemoryError:
        raise
    except Exception as error:  # Keras raises anything from KeyError to BadZipFile at a broken file.
        raise RunError(f"{path}: can't be read as a Keras model ({reason(error)})") from error


def _with_weights(path: Path, found: Provenance | None) -> "keras.Model":
    """The network whose weights are in a file beside its recipe."""
    if found is None or found.parsed is None:
        raise UsageError(
            f"{path}: weights alone; the config.yaml of the run that they are of must lie beside them, and the file "
            f"have the name of its network, as generator{zoo.WEIGHTS}"
        )
    from ganzoo.generators import weight_files

    network = untrained(found.parsed).released()[found.network]
    weight_files.unpack(path, network)
    return network


def _saved_model(path: Path, interface: card.Interface) -> "Network":
    from ganzoo.lite.network import Network

    programs.warn_of_stranger(path)
    tf = import_tensorflow()
    try:
        loaded = tf.saved_model.load(str(path))
        signature = loaded.signatures[interface.signature]
    except MemoryError:
        raise
    except Exception as error:  # TensorFlow raises anything from OSError to KeyError and DecodeError.
        raise RunError(f"{path}: can't be read as a SavedModel ({reason(error)})") from error

    def call(values):
        # Bound here, for a signature alone doesn't keep its variables.
        assert loaded is not None
        named = values if isinstance(values, Mapping) else {interface.input.name: values}
        try:
            return signature(**{name: tf.constant(value) for name, value in named.items()})[
                interface.output.name
            ].numpy()
        except (tf.errors.OpError, TypeError, ValueError, KeyError) as error:
            raise RunError(f"{path}: can't be run as its card says ({reason(error)})") from error

    return Network(str(path), interface, call)
