"""JAX's errors in words."""

import contextlib
from collections.abc import Iterator

import jax

from ganzoo.errors import RunError


@contextlib.contextmanager
def in_words() -> Iterator[None]:
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        line = next(iter(str(error).strip().splitlines()), "it says no more")
        raise RunError(f"JAX failed: {line}") from error
