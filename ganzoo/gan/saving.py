"""A GAN as Keras saves it: its config, and all that training changes, in one `.keras` file without code or pickles."""

from collections.abc import Mapping, MutableMapping
from typing import Self

import keras
from pydantic import TypeAdapter

from ganzoo.config import registration
from ganzoo.config.parsing import parse_section
from ganzoo.errors import UsageError

PACKAGE, NAME = "ganzoo", "GAN"
"""The name of every GAN's class in Keras's files, which `ganzoo.generators.keras_files` opens by the architecture."""


class Saving:
    """The part of `ganzoo.gan.gan.GAN` that `save`, `load_model`, `save_weights` and `clone_model` of Keras call.

    Keras itself goes through the networks, the averages and the optimizers.
    """

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        objects = keras.saving.get_custom_objects()
        opener = objects.get(f"{PACKAGE}>{NAME}")
        keras.saving.register_keras_serializable(PACKAGE, NAME)(cls)
        # Keras now has the class for what it finds by the name, and not what opens all architectures.
        objects[f"{PACKAGE}>{NAME}"] = opener

    def get_config(self) -> dict:
        """Returns the name of the architecture, None of one that is not registered, and its config as plain values."""
        names = (name for name, known in registration.CLASSES.items() if known is type(self))
        model = TypeAdapter(type(self.config)).dump_python(self.config, mode="json")
        return {"architecture": next(names, None), "model": model}

    @classmethod
    def from_config(cls, config: Mapping) -> Self:
        """Returns a GAN with new weights, not compiled, of what `get_config` gave.

        Raises:
            UsageError: for settings that the architecture does not have, as those of another release.
        """
        return cls(parse_section(cls.config_class, config["model"], cls.config_class.__name__))

    def save_own_variables(self, store: MutableMapping) -> None:
        """Saves what Keras does not find: the step, how often the run was rolled back, pools, and seeds of dropout."""
        for name, variable in self._overlooked().items():
            store[name] = variable.numpy()

    def load_own_variables(self, store: Mapping) -> None:
        """Restores what `save_own_variables` saved. Raises UsageError when it is of other settings."""
        own = self._overlooked()
        if own.keys() != set(store.keys()):
            raise UsageError(
                f"{self.name}: the file holds of the run {', '.join(sorted(store.keys())) or 'nothing'}, and the model "
                f"needs {', '.join(own)}; give a file of the same architecture and settings"
            )
        for name, variable in own.items():
            variable.assign(store[name])

    def _overlooked(self) -> dict[str, keras.Variable]:
        return {
            key.replace("/", "."): variable
            for key, variable in self.state().items()
            if key.startswith("run/") or variable.name == "seed_generator_state"
        }
