"""A zoo of GANs for TensorFlow and Keras.

The public functions are imported when they are first used: `import ganzoo` alone loads neither TensorFlow nor Keras.
"""

import importlib
import importlib.metadata
from typing import TYPE_CHECKING

from ganzoo.generators.keras_files import tell_keras

if TYPE_CHECKING:
    from ganzoo.evaluation.evaluate import evaluate
    from ganzoo.exporting.export import export
    from ganzoo.generators.augmenting import augment
    from ganzoo.generators.creation import create
    from ganzoo.generators.finding import directions
    from ganzoo.generators.generation import generate
    from ganzoo.generators.pretrained import list_pretrained, load
    from ganzoo.generators.projecting import project
    from ganzoo.recipes.recipes import list_recipes
    from ganzoo.recipes.registry import names as list_architectures
    from ganzoo.training import train

    __version__: str

__all__ = [
    "augment",
    "create",
    "directions",
    "evaluate",
    "export",
    "generate",
    "list_architectures",
    "list_pretrained",
    "list_recipes",
    "load",
    "project",
    "train",
]

_HOMES = {
    "augment": ("ganzoo.generators.augmenting", "augment"),
    "create": ("ganzoo.generators.creation", "create"),
    "directions": ("ganzoo.generators.finding", "directions"),
    "evaluate": ("ganzoo.evaluation.evaluate", "evaluate"),
    "export": ("ganzoo.exporting.export", "export"),
    "generate": ("ganzoo.generators.generation", "generate"),
    "list_architectures": ("ganzoo.recipes.registry", "names"),
    "list_pretrained": ("ganzoo.generators.pretrained", "list_pretrained"),
    "list_recipes": ("ganzoo.recipes.recipes", "list_recipes"),
    "load": ("ganzoo.generators.pretrained", "load"),
    "project": ("ganzoo.generators.projecting", "project"),
    "train": ("ganzoo.training", "train"),
}

tell_keras()


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


if not TYPE_CHECKING:  # Or else every name would be there to whoever checks types.

    def __getattr__(name: str):
        if name == "__version__":
            return importlib.metadata.version("keras-ganzoo")
        if name not in _HOMES:
            raise AttributeError(f"module 'ganzoo' has no attribute {name!r}")
        module, attribute = _HOMES[name]
        return getattr(importlib.import_module(module), attribute)
