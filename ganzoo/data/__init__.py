"""Turns a source into batches: `pipeline.open_pipeline(...).batch(step)`. Imports no TensorFlow."""
