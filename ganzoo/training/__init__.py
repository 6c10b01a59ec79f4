"""Running a recipe: `train` and `plan`."""

from ganzoo.training.run import plan, train

__all__ = ["plan", "train"]
