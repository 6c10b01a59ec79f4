"""The types that a user's editor and type checker read. `mypy` itself, over `tests/typed.py`, is run by `.ci/run`."""

import configparser
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import ganzoo
from ganzoo.data import fields
from ganzoo.gan.gan import GAN
from ganzoo.gan.phases import Phase
from ganzoo.generators.generator import Generator

CLASSES = [GAN, Phase, Generator, fields.Signature, fields.Stream, *fields.Field.__args__, fields.Crop, fields.Smaller]


def public() -> Iterator[tuple[str, object]]:
    """The functions of `ganzoo` and the methods of its classes, but for Keras's and the backends', by their names."""
    yield from ((name, getattr(ganzoo, name)) for name in ganzoo.__all__)
    for owner in CLASSES:
        for name in (name for name in dir(owner) if not name.startswith("_") or name == "__init__"):
            found = inspect.getattr_static(owner, name)
            function = getattr(found, "fget", None) or getattr(found, "func", None) or getattr(found, "__func__", found)
            of_backend = getattr(function, "__module__", "").startswith("ganzoo.backends.")
            if inspect.isfunction(function) and function.__module__.startswith("ganzoo.") and not of_backend:
                yield f"{owner.__name__}.{name}", function


@pytest.mark.parametrize(("name", "function"), [pytest.param(*found, id=found[0]) for found in public()])
def test_no_parameter_or_result_of_what_users_call_is_without_a_type(name, function):
    signature = inspect.signature(function)
    first = {"self", "cls"}
    missing = [
        parameter.name
        for parameter in signature.parameters.values()
        if parameter.annotation is inspect.Parameter.empty and parameter.name not in first
    ]
    assert missing == []
    assert name.endswith("__init__") or signature.return_annotation is not inspect.Signature.empty


def test_the_mark_that_there_are_types_is_in_the_wheel():
    root = Path(ganzoo.__file__).parent
    setup = configparser.ConfigParser()
    setup.read(root.parent / "setup.cfg")
    assert setup["options.package_data"]["ganzoo"].split() == ["py.typed"]
    assert (root / "py.typed").is_file()
