"""From a source to batches: `pipeline.open_pipeline(...).batch(step)`. Imports no TensorFlow."""
