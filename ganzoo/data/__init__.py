"""Images from a source to batches: `open_pipeline(...).batch(step)`. Imports no TensorFlow."""

from ganzoo.data.pipeline import Pipeline, open_pipeline

__all__ = ["Pipeline", "open_pipeline"]
