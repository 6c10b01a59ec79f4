"""How Keras opens a `.keras` file of a whole GAN: it is told of, as soon as both Keras and ganzoo are imported.

Imports nothing but what Python has, because `import ganzoo` imports it.
"""

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Mapping
from types import ModuleType

NAME = "ganzoo>GAN"
"""The name by which `ganzoo.gan.saving` registers the class of every GAN."""


class Opener:
    """Stands for the class of every GAN in Keras's files: it imports the architecture of the one that is opened."""

    @staticmethod
    def from_config(config: Mapping):
        """Returns the GAN of what its `get_config` gave. Raises UsageError for an architecture that is not here."""
        from ganzoo.generators import creation

        return creation.of_document(config["architecture"], config["model"])


class _WhenKerasComes(importlib.abc.MetaPathFinder):
    """Finds Keras as Python does, and tells it of `Opener` once it is imported."""

    def find_spec(self, name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if name == "keras" else None
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_tell(module: ModuleType) -> None:
                execute(module)
                _tell(module)

            spec.loader.exec_module = execute_and_tell
        return spec


def tell_keras() -> None:
    """Has `keras.models.load_model` open files of GANs: at once, or when Keras, which takes seconds, is imported."""
    if "keras" in sys.modules:
        _tell(sys.modules["keras"])
    else:
        sys.meta_path.insert(0, _WhenKerasComes())


def _tell(keras: ModuleType) -> None:
    keras.saving.get_custom_objects()[NAME] = Opener
