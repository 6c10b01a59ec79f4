"""Files of a generator's weights, `.npz`: plain arrays by name, in half precision. Nothing in one is ever executed."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ganzoo.errors import RunError, reason
from ganzoo.files import npz
from ganzoo.files.atomic import replacing

if TYPE_CHECKING:
    import keras

STATISTICS = ("moving_mean", "moving_variance")
"""Variables that keep float32: a network divides by a variance, which float16 may round to nothing."""


def pack(network: "keras.Model", path: str | Path) -> None:
    """Writes a network's weights: float16 by `000:down1_conv/kernel` and so on, in the order of `network.weights`.

    Rounding moves a weight by at most 2^-11 of itself, or by 3e-8 where it is below 6e-5. The moving statistics of
    batch norms stay float32.

    Raises:
        RunError: for a value that is not finite, or beyond what float16 holds, 65,504.
    """
    arrays = {}
    for name, variable in _variables(network).items():
        values = variable.numpy().astype("float32")
        if not name.endswith(STATISTICS):
            with np.errstate(over="ignore"):
                values = values.astype("float16")
        if not np.isfinite(values).all():
            raise RunError(
                f"{network.name}: {name} holds what float16 can't, a value beyond 65,504 or none; train it with "
                "another seed or lower rates"
            )
        arrays[name] = values
    with replacing(Path(path)) as beside:
        np.savez(beside, **arrays)


def unpack(path: Path, network: "keras.Model") -> None:
    """Sets a network's weights to those in a file, as float32, or as what the network holds.

    Raises:
        RunError: when the file can't be read, or holds pickled objects, or other arrays than the network has; the
            network is then as it was.
    """
    variables = _variables(network)
    with _readable(path):
        # Before they are read: what is too large for the network is too large for the memory, too.
        _check_shapes(path, npz.shapes(path), network)
        arrays = npz.read(path)
        _check_numbers(arrays)
    for name, variable in variables.items():
        variable.assign(arrays[name].astype(variable.dtype))


def fits(path: Path, network: "keras.Model") -> bool:
    """Returns whether a file has the arrays that a network has. Raises RunError when it can't be read."""
    with _readable(path):
        return npz.shapes(path) == _shapes(network)


@contextlib.contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Raises RunError for a file that turns out to be damaged."""
    try:
        yield
    except (npz.Damaged, OSError) as error:
        raise RunError(f"{path}: can't be read as weights ({reason(error)}); get it again from where it came") from None


def _shapes(network: "keras.Model") -> dict[str, tuple[int, ...]]:
    return {name: tuple(variable.shape) for name, variable in _variables(network).items()}


def _check_shapes(path: Path, found: Mapping[str, tuple[int, ...]], network: "keras.Model") -> None:
    wanted = _shapes(network)
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            raise RunError(
                f"{path}: {name} is {_text(found.get(name))} there and {_text(wanted.get(name))} in {network.name}, "
                "which the config.yaml beside it describes; get both again from where they came"
            )


def _check_numbers(arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            raise npz.Damaged(f"{name} holds what are no finite numbers")


def _variables(network: "keras.Model") -> dict:
    """Returns variables by place, layer and own name: `012:conv/kernel`, whatever precedes these in their paths."""
    paths = ["/".join(variable.path.split("/")[-2:]) for variable in network.weights]
    return {
        f"{index:03d}:{path}": variable
        for index, (path, variable) in enumerate(zip(paths, network.weights, strict=True))
    }


def _text(shape: tuple[int, ...] | None) -> str:
    return "not" if shape is None else " x ".join(map(str, shape)) or "one number"
