"""PyTorch's files of weights, read without PyTorch and without running anything that is in them.

Both formats that `torch.save` writes: the zip archive (since 1.6), and before it a sequence of pickles followed by the
storages. Either pickles a dictionary of tensors; a tensor is a view (offset, shape, strides) of a storage.
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from ganzoo.errors import RunError, reason

MAGIC = 0x1950A86A20F9469CFC6C
"""First in a file of the older format."""
PROTOCOL = 1001
NUMBERS = {"FloatStorage": "<f4", "DoubleStorage": "<f8", "HalfStorage": "<f2", "LongStorage": "<i8"}
"""torch's classes of storages that are read, and NumPy's names of what they hold."""


def read_tensors(path: str | Path) -> dict[str, np.ndarray]:
    """The tensors of a state dict by name: float16, float32, float64 or int64, as saved.

    Raises:
        RunError: when the file is missing, broken, no dictionary of such tensors, or asks for anything but tensors;
            nothing of the file is run.
    """
    try:
        with Path(path).open("rb") as file:
            return _read_zip(file) if zipfile.is_zipfile(file) else _read_legacy(file)
    except Exception as error:  # a broken pickle raises anything
        raise RunError(f"{path}: can't be read as PyTorch weights ({reason(error)})") from error


class _Storage(NamedTuple):
    key: str
    numbers: str


class _Tensor(NamedTuple):
    """A tensor as the pickle describes it. It becomes an array when its storage is read."""

    storage: _Storage
    offset: int
    shape: tuple
    strides: tuple


class _Unpickler(pickle.Unpickler):
    """Knows dictionaries, storages and tensors, and refuses all else by name."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _checked_tensor
        if (module, name) == ("torch._utils", "_rebuild_parameter"):
            return lambda tensor, *_: tensor
        if module == "torch" and name in NUMBERS:
            return NUMBERS[name]
        raise ValueError(f"it asks for {module}.{name}, which is refused")

    def persistent_load(self, identity):
        _, numbers, key = identity[:3]
        # The older format could save a storage as a part of another; nothing that is published uses it.
        if any(view is not None for view in identity[5:]):
            raise ValueError("it holds views of storages")
        # A pickle can write any text where a class of torch is to stand, also that of pointers.
        if numbers not in NUMBERS.values() or not isinstance(key, str):
            raise ValueError("it holds a storage of no numbers that are known")
        return _Storage(key, numbers)


def _checked_tensor(storage, offset, shape, strides, *_) -> _Tensor:
    """Returns a tensor as torch rebuilds it. Raises ValueError for what torch would not have written."""
    is_tensor = isinstance(storage, _Storage) and isinstance(shape, tuple) and isinstance(strides, tuple)
    if not is_tensor or any(type(number) is not int or number < 0 for number in (offset, *shape, *strides)):
        raise ValueError("it holds a tensor whose place, shape or strides are no whole numbers")
    return _Tensor(storage, offset, shape, strides)


def _read_zip(file: BinaryIO) -> dict[str, np.ndarray]:
    with zipfile.ZipFile(file) as archive:
        pickled = next((name for name in archive.namelist() if name.endswith("/data.pkl")), None)
        if pickled is None:
            raise ValueError("a zip archive, but not of torch.save")
        folder = pickled.removesuffix("data.pkl")
        if folder + "byteorder" in archive.namelist() and archive.read(folder + "byteorder") != b"little":
            raise ValueError("its numbers are big-endian")
        tensors = _named_tensors(_Unpickler(io.BytesIO(archive.read(pickled))).load())
        keys = {tensor.storage.key for tensor in tensors.values()}
        return _arrays(tensors, {key: archive.read(f"{folder}data/{key}") for key in keys})


def _read_legacy(file: BinaryIO) -> dict[str, np.ndarray]:
    file.seek(0)
    magic, protocol, system = (_Unpickler(file).load() for _ in range(3))
    if (magic, protocol) != (MAGIC, PROTOCOL):
        raise ValueError("neither a zip archive nor a file of torch.save")
    if not system["little_endian"]:
        raise ValueError("its numbers are big-endian")
    tensors = _named_tensors(_Unpickler(file).load())
    storages = {tensor.storage.key: tensor.storage for tensor in tensors.values()}
    contents = {}
    for key in _Unpickler(file).load():
        length = int.from_bytes(file.read(8), "little")
        contents[key] = file.read(length * np.dtype(storages[key].numbers).itemsize)
    return _arrays(tensors, contents)


def _named_tensors(found) -> dict[str, _Tensor]:
    if not isinstance(found, dict) or not all(isinstance(tensor, _Tensor) for tensor in found.values()):
        raise ValueError("it is no dictionary of tensors; save the network's state_dict() alone")
    return found


def _arrays(tensors: dict[str, _Tensor], contents: dict[str, bytes]) -> dict[str, np.ndarray]:
    return {name: _array(tensor, contents[tensor.storage.key]) for name, tensor in tensors.items()}


def _array(tensor: _Tensor, content: bytes) -> np.ndarray:
    """A contiguous copy. NumPy refuses shapes and strides that lead out of the storage."""
    numbers = np.dtype(tensor.storage.numbers)
    # Strides of 0 could make much of little.
    if math.prod(tensor.shape) * numbers.itemsize > len(content):
        raise ValueError("it holds a tensor that is larger than its storage, or was cut")
    strides = [stride * numbers.itemsize for stride in tensor.strides]
    return np.ndarray(tensor.shape, numbers, content, tensor.offset * numbers.itemsize, strides).copy("C")
