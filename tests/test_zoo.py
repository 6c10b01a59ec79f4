"""Generators by name: what a name stands for, and what is refused."""

import shutil
import tracemalloc
from pathlib import Path

import keras
import numpy as np
import pytest
import small
import yaml
import zoos
from servers import serving_files

import ganzoo
from ganzoo.errors import RunError, UsageError
from ganzoo.files.downloads import CHUNK
from ganzoo.generators import pretrained, weight_files, zoo
from ganzoo.generators.pretrained import find, load
from ganzoo.training import teachers


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A zoo and the GANs that were packed into it, by name."""
    folder = tmp_path_factory.mktemp("made")
    return folder, {
        "dcgan/tiny": zoos.add(folder, "dcgan/tiny", "dcgan", ema_decay=0.9, base_filters=16),
        "cyclegan/tiny": zoos.add(folder, "cyclegan/tiny", "cyclegan", seed=1),
    }


@pytest.fixture
def folder(made, tmp_path, monkeypatch) -> Path:
    """A copy of the zoo, which ganzoo takes for its own."""
    shutil.copytree(made[0], tmp_path / "zoo")
    monkeypatch.setenv("GANZOO_WEIGHTS", str(tmp_path / "zoo"))
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "zoo"


@pytest.fixture
def elsewhere(folder, tmp_path):
    """A server of the weights of `dcgan/tiny`, which the zoo does not hold but names."""
    with serving_files(tmp_path / "served") as server:
        zoos.write_manifest(folder, {"dcgan/tiny/generator.npz": f"{server.address}/generator.npz"})
        server.folder.mkdir()
        (folder / "dcgan/tiny/generator.npz").rename(server.folder / "generator.npz")
        yield server


def check_rounded(network, packed):
    """Half precision keeps 11 binary digits, and below 2^-14 the digits down to 2^-25."""
    for found, weight in zip(network.weights, packed.weights, strict=True):
        found, wanted = found.numpy(), weight.numpy()
        assert found.dtype == "float32"
        assert np.all(np.abs(found - wanted) <= np.maximum(2.0**-11 * np.abs(wanted), 2.0**-25)), weight.path


def test_a_name_gives_the_packed_network_in_float32(made, folder):
    packed = made[1]["dcgan/tiny"].deployed()["generator"]
    network = ganzoo.load("dcgan/tiny")
    check_rounded(network, packed)
    assert network.name == packed.name
    latents = np.ones((2, 8), "float32")
    np.testing.assert_allclose(network(latents), packed(latents), atol=2e-3)


def test_each_direction_has_its_own_weights(made, folder):
    for direction in ("ab", "ba"):
        check_rounded(load("cyclegan/tiny", direction), made[1]["cyclegan/tiny"].networks()[f"generator_{direction}"])


def test_a_direction_that_a_name_does_not_have_is_refused(folder):
    with pytest.raises(UsageError, match="dcgan/tiny: has one generator, and no direction 'ba'"):
        load("dcgan/tiny", "ba")


def test_small_variances_and_small_weights_survive(tmp_path):
    gan = small.create("dcgan")
    (tiny,) = [v for v in gan.generator.weights if v.path == "norm4x4/moving_variance"]
    tiny.assign(np.full(tiny.shape, 1e-9))
    weight_files.pack(gan.generator, tmp_path / "generator.npz")
    zoos.write_config(tmp_path, gan)
    found = {v.path: v.numpy() for v in load(tmp_path).weights}
    np.testing.assert_array_equal(found["norm4x4/moving_variance"], np.float32(1e-9))


def test_names_are_listed_and_a_misspelt_one_is_told_the_nearest(folder):
    assert ganzoo.list_pretrained() == ["cyclegan/tiny", "dcgan/tiny"]
    with pytest.raises(UsageError, match=r"no model 'dcgan/tyni'; did you mean 'dcgan/tiny'\?.*cyclegan/tiny, dcgan"):
        load("dcgan/tyni")


def test_a_name_is_not_a_folder_but_a_folder_can_be_meant(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    latents = keras.Input((2,))
    (tmp_path / "dcgan/tiny").mkdir(parents=True)
    keras.Model(latents, latents * 2).save(tmp_path / "dcgan/tiny/generator.keras")
    assert find("dcgan/tiny").path == folder / "dcgan/tiny/generator.npz"
    for path in ("./dcgan/tiny", Path("dcgan/tiny")):
        assert find(path).path == Path("dcgan/tiny/generator.keras")


def test_a_folder_of_weights_loads_by_its_path_too(made, folder):
    check_rounded(load(folder / "dcgan/tiny"), made[1]["dcgan/tiny"].deployed()["generator"])
    assert find(folder / "cyclegan/tiny", direction="ba").path.name == "generator_ba.npz"


@pytest.mark.parametrize("file", ["generator.npz", "config.yaml"])
def test_a_file_that_was_changed_is_refused_by_name(folder, file):
    path = folder / "dcgan/tiny" / file
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(
        RunError, match=rf"dcgan/tiny/{file}: its sha256 is .{{64}}, the manifest says .*; refused; put"
    ):
        load("dcgan/tiny")


def test_weights_from_elsewhere_are_fetched_once_though_the_connection_breaks(made, folder, elsewhere, tmp_path):
    assert not zoo.is_here("dcgan/tiny")
    elsewhere.cuts = [CHUNK]
    check_rounded(load("dcgan/tiny"), made[1]["dcgan/tiny"].deployed()["generator"])
    assert elsewhere.ranges == [None, f"bytes={CHUNK}-"]
    assert zoo.is_here("dcgan/tiny")
    assert not list((tmp_path / "cache/downloads").iterdir())  # nothing is kept twice
    load("dcgan/tiny")
    assert len(elsewhere.ranges) == 2


def test_weights_that_were_damaged_in_the_cache_are_fetched_anew(made, folder, elsewhere, tmp_path):
    load("dcgan/tiny")
    (path,) = tmp_path.glob("cache/weights/*/generator.npz")
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    check_rounded(load("dcgan/tiny"), made[1]["dcgan/tiny"].deployed()["generator"])


def test_other_weights_at_the_address_are_refused_and_removed(folder, elsewhere, tmp_path):
    (elsewhere.folder / "generator.npz").write_bytes(bytes((elsewhere.folder / "generator.npz").stat().st_size))
    with pytest.raises(RunError, match=r"/generator\.npz: its sha256 is .* the download was removed"):
        load("dcgan/tiny")
    assert not [path for path in (tmp_path / "cache").rglob("*.npz*") if path.is_file()]


def test_weights_that_lie_nowhere_say_what_to_do_in_one_line(folder, monkeypatch):
    (folder / "dcgan/tiny/generator.npz").unlink()
    assert not zoo.is_here("dcgan/tiny")
    with pytest.raises(RunError, match="dcgan/tiny: generator.npz is not on this machine, .*put it right in") as error:
        load("dcgan/tiny")
    assert "\n" not in str(error.value)
    # Of the zoo that comes with ganzoo, the repository has them all.
    monkeypatch.delenv("GANZOO_WEIGHTS")
    monkeypatch.setattr(zoo, "_root", lambda: folder)
    with pytest.raises(
        RunError, match=r"weights/: in a checkout of that install with `pip install -e \.`, or set GANZOO_WEIGHTS"
    ):
        load("dcgan/tiny")


class Boom:
    """Unpickling it would make a folder."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


def test_a_pickled_object_is_refused_and_not_opened(folder, tmp_path):
    path = folder / "dcgan/tiny/generator.npz"
    np.savez(path, **{"000:conv4x4/kernel": np.array([Boom(tmp_path / "executed")], object)})
    with pytest.raises(RunError, match=r"can't be read as weights \(000:conv4x4/kernel.npy holds object, no"):
        load(path)
    assert not (tmp_path / "executed").exists()


def test_a_file_that_is_cut_off_is_named(folder):
    path = folder / "dcgan/tiny/generator.npz"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(RunError, match=r"generator\.npz: can't be read as weights"):
        load(path)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"000:conv4x4/kernel": np.zeros((2, 2), "float16")}, "000:conv4x4/kernel is 2 x 2 there and 4 x 4 x"),
        ({"099:more/kernel": np.zeros(3, "float16")}, "099:more/kernel is 3 there and not in dcgan_generator"),
        ({"000:conv4x4/kernel": None}, "000:conv4x4/kernel is not there and 4 x 4 x"),
        ({"001:norm4x4/gamma": np.full(64, np.nan, "float16")}, r"001:norm4x4/gamma holds what are no finite"),
    ],
)
def test_other_arrays_than_the_recipes_are_refused_by_name(folder, change, told):
    path = folder / "dcgan/tiny/generator.npz"
    arrays = {**np.load(path), **change}
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(RunError, match=rf"generator\.npz: .*{told}"):
        load(path)


def test_arrays_that_would_fill_the_memory_are_refused_before_they_do(folder):
    path = folder / "dcgan/tiny/generator.npz"
    np.savez_compressed(path, **{**np.load(path), "000:conv4x4/kernel": np.zeros(1 << 25, "float16")})
    tracemalloc.start()
    try:
        with pytest.raises(RunError, match="can't be read as weights .its arrays are larger than the file"):
            load(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1 << 25


def test_weights_without_their_recipe_say_what_is_missing(folder):
    (folder / "dcgan/tiny/config.yaml").unlink()
    with pytest.raises(UsageError, match=r"generator\.npz: weights alone; the config\.yaml .* must lie beside"):
        load(folder / "dcgan/tiny")


@pytest.mark.parametrize("value", [65520.0, -1e9, np.nan, np.inf])
def test_what_half_precision_can_not_hold_is_not_packed(tmp_path, value):
    generator = small.create("dcgan").generator
    generator.get_layer("conv4x4").kernel.assign(np.full(generator.get_layer("conv4x4").kernel.shape, value))
    with pytest.raises(RunError, match="dcgan_generator: 000:conv4x4/kernel holds what float16 can't"):
        weight_files.pack(generator, tmp_path / "generator.npz")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("- dcgan/tiny", r"manifest\.yaml: found \['dcgan/tiny'\]; it holds generators by name"),
        ("a: [", r"manifest\.yaml: can't be read as YAML"),
        (
            yaml.safe_dump({"dcgan/tiny": {"files": {"generator.npz": {"md5": "1"}}}}),
            "dcgan/tiny: found .*sha256, bytes",
        ),
        (yaml.safe_dump({"dcgan/tiny": {"files": {}}}), r"dcgan/tiny: has no \.npz file"),
    ],
)
def test_a_manifest_that_is_none_is_named(folder, manifest, told):
    (folder / "manifest.yaml").write_text(manifest)
    with pytest.raises(RunError, match=told):
        load("dcgan/tiny")


def test_a_folder_that_is_no_zoo_is_refused(monkeypatch, tmp_path):
    monkeypatch.setenv("GANZOO_WEIGHTS", str(tmp_path))
    with pytest.raises(UsageError, match=r"GANZOO_WEIGHTS: found .* holds no manifest\.yaml; give a zoo's folder"):
        ganzoo.list_pretrained()


def test_a_discriminator_that_a_name_has_besides_is_for_who_trains_on_and_no_network_to_load(made, folder):
    packed = made[1]["dcgan/tiny"]
    weight_files.pack(packed.networks()["discriminator"], folder / "dcgan/tiny/discriminator.npz")
    zoos.write_manifest(folder)
    assert pretrained.networks("dcgan/tiny") == ("generator",)
    gan = small.create("dcgan", base_filters=16, seed=7)
    teachers.initialize(gan, "dcgan/tiny")
    check_rounded(gan.networks()["discriminator"], packed.networks()["discriminator"])
    check_rounded(gan.networks()["generator"], packed.deployed()["generator"])
