import keras
import numpy as np
import pytest
import signed

import ganzoo
from ganzoo.errors import RunError, UsageError
from ganzoo.generators.pretrained import find, find_all, load


def times(factor: float) -> keras.Model:
    latents = keras.Input((2,))
    return keras.Model(latents, latents * factor)


@pytest.fixture
def one_way(tmp_path):
    times(2).save(tmp_path / "generator.keras")
    return tmp_path


@pytest.fixture
def both_ways(tmp_path):
    times(2).save(tmp_path / "generator_ab.keras")
    times(3).save(tmp_path / "generator_ba.keras")
    return tmp_path


def factor(model: keras.Model) -> float:
    return float(np.asarray(model(np.ones((1, 2), "float32")))[0, 0])


def test_a_run_gives_its_generator(one_way):
    assert factor(ganzoo.load(one_way)) == 2
    assert factor(ganzoo.load(str(one_way / "generator.keras"))) == 2


def test_a_direction_picks_one_of_two_generators(both_ways):
    assert factor(load(both_ways)) == 2
    assert factor(load(both_ways, direction="ba")) == 3


def test_a_network_is_picked_by_its_name(both_ways):
    assert factor(ganzoo.load(both_ways, network="generator_ba")) == 3
    assert factor(ganzoo.load(both_ways, network="generator_ab")) == 2


def test_a_network_that_is_not_deployed_is_told_which_there_are(both_ways):
    with pytest.raises(UsageError, match="no deployed network 'discriminator_a', only generator_ab, generator_ba$"):
        load(both_ways, network="discriminator_a")
    with pytest.raises(UsageError, match="generator_ab.keras: holds generator_ab, and no 'generator_ba'"):
        load(both_ways / "generator_ab.keras", network="generator_ba")


def test_of_networks_without_a_direction_the_first_that_the_architecture_declares_is_taken(tmp_path, monkeypatch):
    signed.register(monkeypatch)
    (tmp_path / "config.yaml").write_text("architecture: signed\n")
    # Not in the order of their names.
    for build in (signed.classifier, signed.player):
        build().save(tmp_path / f"{build.__name__}.keras")
    assert find(tmp_path).name == "player"
    assert find(tmp_path, "classifier").signature.made == "classes"
    assert [found.name for found in find_all(tmp_path)] == ["player", "classifier"]
    with pytest.raises(UsageError, match="has player, classifier, and no direction 'ba'"):
        find(tmp_path, direction="ba")


def test_a_direction_that_is_not_there_is_not_passed_over(one_way):
    with pytest.raises(UsageError, match="has one generator"):
        load(one_way, direction="ba")
    with pytest.raises(UsageError, match="'abc'.*did you mean 'ab'"):
        load(one_way, direction="abc")


@pytest.mark.parametrize("name", ["pix2pix/emoij", "gone.keras", "gone"])
def test_a_model_that_is_not_there_is_named_with_what_there_is(name):
    with pytest.raises(UsageError, match=f"no model '{name}'; .*run directory"):
        find(name)


def test_a_folder_without_a_generator_says_how_to_get_one(tmp_path):
    with pytest.raises(UsageError, match="no generator in this folder; train one"):
        find(tmp_path)


def test_a_file_that_is_cut_off_is_named(one_way):
    path = one_way / "generator.keras"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(RunError, match=r"generator\.keras: can't be read as a Keras model"):
        load(one_way)


def test_an_exported_model_is_found_and_is_no_keras_model(tmp_path):
    (tmp_path / "x_savedmodel").mkdir()
    (tmp_path / "x_savedmodel/saved_model.pb").touch()
    (tmp_path / "x.tflite").touch()
    for name in ("x_savedmodel", "x.tflite"):
        assert find(tmp_path / name).path == tmp_path / name
        with pytest.raises(UsageError, match=rf"{name}: an exported model, .*ganzoo generate.*\.keras file"):
            load(tmp_path / name)
    with pytest.raises(UsageError, match="a folder of exported models; name one of them: x.tflite, x_savedmodel"):
        find(tmp_path)
