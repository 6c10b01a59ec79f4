"""The values of `--strategy`; here, because `--help` shows it and must not wait for TensorFlow."""

STRATEGIES = ("auto", "single", "mirrored", "multi-worker", "tpu")
