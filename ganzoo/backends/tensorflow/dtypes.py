"""The dtypes that TensorFlow has."""

WHOLE_NUMBERS = "int64"
"""TensorFlow keeps smaller ones off a GPU."""
SEEDS = "int64"


def check_precision(precision: str) -> None:
    """Raises nothing: TensorFlow has all precisions."""
