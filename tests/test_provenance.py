import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import signed
import small
import yaml

import ganzoo
from ganzoo.config.parsing import to_document
from ganzoo.errors import RunError, UsageError
from ganzoo.generators import fixed_output, inference, pretrained, provenance
from ganzoo.generators.provenance import Provenance
from ganzoo.recipes import recipes
from ganzoo.training.callbacks import write_network

BEFORE = Path(__file__).parent / "before"
"""Files of releases that stored no provenance, and what they made then."""
MADE = json.loads((BEFORE / "made.json").read_text())


def write_config(folder: Path, *overrides: str, names=None) -> Path:
    folder.mkdir(exist_ok=True)
    document = to_document(recipes.load_recipe("cyclegan", overrides))
    run = {"run": {"names": names}} if names else {}
    (folder / "config.yaml").write_text(yaml.safe_dump({**document, **run}))
    return folder / "config.yaml"


def in_run(config: Path, network: str, step: int) -> Provenance:
    """Returns the provenance that training gives a network of this run."""
    document = yaml.safe_load(config.read_text())
    names = {key: tuple(names) for key, names in document.pop("run", {}).get("names", {}).items()}
    return Provenance(document["architecture"], network, document, names, step)


@pytest.fixture
def saved(tmp_path):
    """A generator as training writes it, in its run."""
    config = write_config(tmp_path / "run", "model.generator=mobile", "data.hints=3", names={"a": ["x", "y"]})
    path = tmp_path / "run/generator_ba.keras"
    network = small.create("cyclegan", generator="mobile").generator_ba
    write_network(network, path, in_run(config, "generator_ba", 7))
    return path


def test_training_writes_into_each_network_what_it_is_and_at_which_step(tmp_path):
    small_ones = ["model.image_size=32", "model.base_filters=4", "training.batch_size=2", "training.checkpoint_every=2"]
    recipe = recipes.load_recipe("dcgan_emoji", small_ones)
    gan = ganzoo.train(recipe, tmp_path / "run", steps=2, strategy="single")
    assert pretrained.find(tmp_path / "run").provenance.step == 2
    in_memory = provenance.of_model(gan.deployed()["generator"])
    assert in_memory.parsed == recipes.load_recipe(tmp_path / "run/config.yaml")
    assert in_memory.parsed.data.source == "embedded:emoji"
    shutil.move(tmp_path / "run/generator.keras", tmp_path / "mine.keras")
    found = pretrained.find(tmp_path / "mine.keras")
    assert found.provenance.step == 2
    assert found.provenance.network == "generator"
    assert found.recipe == recipes.load_recipe(tmp_path / "run/config.yaml")


@pytest.mark.parametrize("file", MADE)
def test_a_file_of_before_makes_what_it_made(file):
    generator, wanted = pretrained.find(BEFORE / file), MADE[file]
    model = generator.model
    assert model.name == wanted["model"]
    found = fixed_output.lattice(model(*fixed_output.fixed_inputs(model), training=False))
    np.testing.assert_allclose(found, wanted["lattice"], rtol=0, atol=3e-5)
    if generator.works_on:
        shape = (32, 32, model.input_shape[-1])
        picture = inference.translate(BEFORE / file, np.random.default_rng(2).integers(0, 256, shape, dtype="uint8"))
    else:
        picture = inference.sample(BEFORE / file, 1, 3)
    seen = picture.reshape(-1)[:: max(1, picture.size // 16)][:16].astype(int)
    assert np.abs(seen - wanted["picture"]).max() <= 1


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("dcgan.keras", ("dcgan", "generator", "dcgan")),
        ("pix2pix_mobile.keras", ("pix2pix", "generator", "mobile")),
        ("cyclegan.keras", ("cyclegan", "generator_ba", "mobile")),
        ("srgan.keras", ("srgan", "generator", "srresnet")),
    ],
)
def test_a_file_of_before_is_told_by_the_name_of_its_model_without_keras(file, expected):
    program = (
        "import sys; from ganzoo.generators import pretrained\n"
        f"found = pretrained.find({str(BEFORE / file)!r}).provenance\n"
        "print(found.architecture, found.network, found.variant, 'keras' in sys.modules)"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split() == [*expected, "False"]


def test_a_file_that_was_copied_away_and_renamed_knows_what_it_is(saved, tmp_path):
    shutil.copy(saved, tmp_path / "mine.keras")
    generator = pretrained.find(tmp_path / "mine.keras")
    found = generator.provenance
    assert (found.architecture, found.network, found.variant, found.step) == ("cyclegan", "generator_ba", "mobile", 7)
    assert found.names == {"a": ("x", "y")}
    assert generator.recipe == recipes.load_recipe(saved.with_name("config.yaml"))
    assert generator.recipe.data.hints == 3
    assert generator.model.provenance == found


def test_in_its_run_a_file_is_of_the_recipe_that_the_run_states_now(saved, tmp_path):
    write_config(saved.parent, "model.generator=mobile", "data.source=folder:elsewhere")
    assert pretrained.find(saved).recipe.data.source == "folder:elsewhere"
    best = saved.parent / "checkpoints/best/generator_ba_step_0000007.keras"
    best.parent.mkdir(parents=True)
    shutil.copy(saved, best)
    assert pretrained.find(best).recipe.data.source == "folder:elsewhere"
    # One that no run writes so is what it says itself.
    shutil.copy(saved, saved.with_name("mine.keras"))
    assert pretrained.find(saved.with_name("mine.keras")).recipe.data.source == "embedded:avatars"


def test_in_a_run_of_other_settings_a_file_is_what_it_says_itself(saved):
    write_config(saved.parent, "model.generator=resnet", "data.source=folder:elsewhere", names={"a": ["z"]})
    found = pretrained.find(saved).provenance
    assert (found.variant, found.names, found.parsed.data.source) == ("mobile", {"a": ("x", "y")}, "embedded:avatars")


def test_in_a_run_of_another_architecture_a_file_is_what_it_says_itself(saved):
    document = to_document(recipes.load_recipe("dcgan"))
    (saved.parent / "config.yaml").write_text(yaml.safe_dump(document))
    saved.rename(saved.with_name("generator.keras"))
    found = pretrained.find(saved.with_name("generator.keras")).provenance
    assert (found.architecture, found.network, found.step) == ("cyclegan", "generator_ba", 7)


def test_in_its_run_a_file_has_its_own_step_and_names(saved):
    write_config(saved.parent, "model.generator=mobile", names={"a": ["other"]})
    found = pretrained.find(saved).provenance
    assert (found.step, found.names) == (7, {"a": ("x", "y")})


def test_keras_opens_the_file_without_ganzoo(saved):
    program = (
        "import keras, sys\n"
        f"model = keras.models.load_model({str(saved)!r})\n"
        "print(model.name, any(name.startswith('ganzoo') for name in sys.modules))"
    )
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["cyclegan_mobile_generator_ba", "False"]


def test_the_same_provenance_is_the_same_bytes_whenever_it_is_written(tmp_path, monkeypatch):
    members = []
    for name in ("a", "b"):
        path = tmp_path / f"{name}.zip"
        zipfile.ZipFile(path, "w").close()
        names = {"label": ("x",), "tokens": ("y",)}
        provenance.write(path, Provenance("dcgan", "generator", {}, dict(sorted(names.items(), reverse=name == "b"))))
        members.append(path.read_bytes())
        monkeypatch.setattr("time.time", lambda: 2e9)
    assert members[0] == members[1]


def test_a_gan_that_was_created_says_of_its_networks_what_they_are():
    gan = small.create("dcgan", generator="mobile", ema_decay=0.5)
    found = provenance.of_model(gan.deployed()["generator"])
    assert (found.architecture, found.network, found.variant) == ("dcgan", "generator", "mobile")
    assert found.config.latent_dim == gan.config.latent_dim
    assert found.parsed is None


def test_what_is_known_is_no_part_of_the_model(tmp_path):
    gan = small.create("dcgan")
    gan.generator.save(tmp_path / "plain.keras")
    with zipfile.ZipFile(tmp_path / "plain.keras") as archive:
        assert "provenance" not in archive.read("config.json").decode()
        assert provenance.MEMBER not in archive.namelist()


def with_member(path: Path, text: bytes) -> Path:
    shutil.copy(BEFORE / "dcgan.keras", path)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(provenance.MEMBER, text)
    return path


@pytest.mark.parametrize(
    "text",
    [b"no JSON", b"[]", b"{}", b'{"architecture": "dcgan", "network": 3, "recipe": {}, "names": {}}', b"[" * 100_000],
)
def test_a_garbled_provenance_is_told_in_a_line(tmp_path, text):
    path = with_member(tmp_path / "x.keras", text)
    with pytest.raises(RunError, match=r"x\.keras: its ganzoo\.json is garbled; .*get the file again") as error:
        ganzoo.load(path)
    assert "\n" not in str(error.value)


def test_a_provenance_of_what_is_not_here_tells_nothing_and_the_model_opens(tmp_path):
    document = {"architecture": "theirs", "network": "generator", "recipe": {}, "names": {}}
    path = with_member(tmp_path / "x.keras", json.dumps(document).encode())
    assert isinstance(ganzoo.load(path), keras.Model)


def test_a_recipe_that_this_release_does_not_read_is_named_with_its_file_when_it_is_asked_for(tmp_path):
    recipe = {"architecture": "dcgan", "model": {"stripes": 3}, "training": {"steps": 1, "batch_size": 1}}
    document = {"architecture": "dcgan", "network": "generator", "recipe": recipe, "names": {}}
    generator = pretrained.find(with_member(tmp_path / "x.keras", json.dumps(document).encode()))
    assert isinstance(generator.model, keras.Model)
    with pytest.raises(UsageError, match=r"x\.keras: its ganzoo\.json: model\.stripes: unknown key"):
        assert generator.recipe


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cyclegan_mobile_generator_ab", ("cyclegan", "generator_ab")),
        ("srgan_discriminator", ("srgan", "generator")),
        ("model", None),
        ("dcgan", None),
    ],
)
def test_of_a_model_of_before_the_name_tells(name, expected):
    found = provenance.of_before(name)
    assert (found and (found.architecture, found.network)) == expected


def test_a_file_that_travels_tells_nothing_of_the_folders_of_the_machine_that_it_was_trained_on(tmp_path):
    config = write_config(
        tmp_path / "run", "data.source=folder:/home/ada/faces/ink,~/faces/color", "model.teacher=/home/ada/runs/large"
    )
    path = tmp_path / "run/generator_ab.keras"
    write_network(small.create("cyclegan").generator_ab, path, in_run(config, "generator_ab", 7))
    copy = tmp_path / "generator_ab.keras"
    shutil.copy(path, copy)
    found = provenance.of_file(copy)
    assert found.parsed.data.source == "folder:ink,color"
    assert found.config.teacher == "large"
    with zipfile.ZipFile(copy) as archive:
        assert b"ada" not in archive.read(provenance.MEMBER)
    # In its run it is known where they lie.
    assert provenance.of_file(path).parsed.data.source == "folder:/home/ada/faces/ink,~/faces/color"


def test_what_is_stored_of_a_recipe_is_what_its_checksum_is_of(saved):
    with zipfile.ZipFile(saved) as archive:
        document = json.loads(archive.read(provenance.MEMBER))
    text = json.dumps(document["recipe"], sort_keys=True)
    assert document["recipe_sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_a_default_config_of_other_sizes_is_not_taken_for_that_of_a_model(tmp_path, monkeypatch):
    signed.register(monkeypatch)

    def named(classes: int) -> keras.Model:
        image = keras.Input((8, 8, 1), name="image")
        logits = keras.layers.Dense(classes)(keras.layers.Flatten()(image))
        return keras.Model(image, logits, name="signed_classifier")

    assert provenance.of_model(named(3)).config.classes == 3
    found = provenance.of_model(named(5))
    assert (found.network, found.config) == ("classifier", None)
    answers = pretrained.find(named(5)).network.interface.output
    assert (answers.kind, len(answers.names)) == ("classes", 0)
    # Of a file its inputs tell, without Keras.
    small.create("dcgan").generator.save(tmp_path / "plain.keras")
    found = pretrained.find(tmp_path / "plain.keras").provenance
    assert (found.architecture, found.variant, found.config) == ("dcgan", "dcgan", None)
