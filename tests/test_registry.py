import dataclasses
import subprocess
import sys

import pytest

import ganzoo
from ganzoo.config import registration
from ganzoo.config.recipe import GANConfig, frozen_config
from ganzoo.errors import UsageError
from ganzoo.recipes import registry


@pytest.fixture(autouse=True)
def _forget_afterwards(monkeypatch):
    for name in registry.names():
        registry.get(name)
    monkeypatch.setattr(registration, "CLASSES", dict(registration.CLASSES))


@frozen_config
class TinyConfig(GANConfig):
    image_size: int = 8


class Tiny:
    """One layer, for tests.

    More words.
    """

    config_class = TinyConfig


def test_a_class_registered_by_hand_is_found_like_those_in_files():
    assert registry.register("tiny")(Tiny) is Tiny
    assert "tiny" in ganzoo.list_architectures()
    assert registry.get("tiny") is Tiny
    assert registry.config_class("tiny") is TinyConfig
    assert registry.summary("tiny") == "One layer, for tests."


def test_two_classes_can_not_have_one_name():
    registry.register("tiny")(Tiny)
    registry.register("tiny")(Tiny)  # The same again, as when a module is reloaded.
    with pytest.raises(UsageError, match="'tiny' is already registered, by .*Tiny; give .*Other another name"):
        registry.register("tiny")(type("Other", (), {}))


def test_the_names_of_files_are_taken():
    registry.get("dcgan")
    with pytest.raises(UsageError, match="'dcgan' is already registered"):
        registry.register("dcgan")(Tiny)


@pytest.mark.parametrize("ask", [registry.get, registry.config_class, registry.summary])
def test_an_unknown_architecture_is_told_the_nearest(ask):
    with pytest.raises(UsageError, match="unknown architecture 'pix2pics'; did you mean 'pix2pix'?"):
        ask("pix2pics")


@pytest.mark.parametrize("name", registry.names())
def test_the_config_read_without_keras_is_the_one_that_the_class_has(name):
    program = (
        f"from ganzoo.recipes import registry; import sys\n"
        f"print(registry.config_class({name!r}).__name__, 'keras' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    real = registry.get(name).config_class
    assert printed.split() == [real.__name__, "False"]

    def fields(config):
        return [(field.name, str(field.type), repr(field.default)) for field in dataclasses.fields(config)]

    assert fields(registry._read_config(*registration.found()[name])) == fields(real)


@pytest.mark.parametrize("name", registry.names())
def test_every_architecture_says_in_a_line_what_it_is(name):
    assert 10 < len(registry.summary(name)) < 100


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("LEAST = 4\n@frozen_config\nclass OddConfig(GANConfig):\n    size: int = LEAST\n", "OddConfig uses 'LEAST'"),
        ("class Odd:\n    pass\n", "no class whose name ends in Config"),
    ],
)
def test_settings_that_can_not_be_read_without_the_rest_of_the_file_are_told_in_a_line(
    tmp_path, monkeypatch, text, told
):
    file = tmp_path / "odd.py"
    file.write_text(f"from ganzoo.config.recipe import GANConfig, frozen_config\n{text}")
    monkeypatch.setattr(registration, "found", lambda: {"odd": ("odd", file)})
    with pytest.raises(UsageError, match=told) as error:
        registry.config_class("odd")
    assert "odd.py" in str(error.value)


def test_a_class_that_is_registered_by_another_name_than_its_file_has_is_told_in_a_line(tmp_path, monkeypatch):
    (tmp_path / "misnamed.py").write_text(
        "from ganzoo.recipes import registry\n@registry.register('other')\nclass A: pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registration, "found", lambda: {"misnamed": ("misnamed", tmp_path / "misnamed.py")})
    with pytest.raises(UsageError, match="'misnamed': misnamed registers no class of this name"):
        registry.get("misnamed")
