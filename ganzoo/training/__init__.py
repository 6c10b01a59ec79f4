"""Running a recipe: `train`."""

from ganzoo.training.run import train

__all__ = ["train"]
