import pytest
import yaml

from ganzoo.config.parsing import parse_recipe, to_document
from ganzoo.config.recipe import Recipe
from ganzoo.errors import UsageError
from ganzoo.recipes.recipes import header, list_recipes, load_recipe, recipe_name
from ganzoo.recipes.registry import config_class, names


@pytest.fixture
def write(tmp_path):
    def write(text: str):
        path = tmp_path / "mine.yaml"
        path.write_text(text, "utf-8")
        return path

    return write


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_that_ships_has_no_mistake_and_says_how_to_run_it(name):
    assert isinstance(load_recipe(name), Recipe)
    short = {config_class(architecture).default_recipe: architecture for architecture in names()}
    assert f"ganzoo train {short.get(name, name)}" in header(name)


OTHERS = {
    "biggan": ("biggan_letters", "embedded:letters"),
    "improved_gan": ("improved_gan_mnist", "tfds:mnist"),
}
"""Architectures whose default recipes are not of avatars; what is not embedded is fetched once."""


@pytest.mark.parametrize("architecture", names())
def test_every_architecture_has_a_default_recipe_that_needs_no_network_but_for_those_known_for_other_data(architecture):
    recipe = load_recipe(architecture)
    expected = OTHERS.get(architecture, (f"{architecture}_avatars", "embedded:avatars"))
    assert (recipe_name(architecture), recipe.data.source) == expected
    assert recipe.architecture == architecture


@pytest.mark.parametrize("name", list_recipes())
def test_a_recipe_written_out_reads_back_the_same(name):
    recipe = load_recipe(name)
    document = to_document(recipe)
    again = parse_recipe(yaml.safe_load(yaml.safe_dump(document)), config_class(recipe.architecture), name)
    assert to_document(again) == document


def test_an_assignment_wins_over_the_file_and_over_data():
    recipe = load_recipe("pix2pix", ["training.steps=7", "data.flip=false", "data.source=folder:b"], data="folder:a")
    assert (recipe.training.steps, recipe.data.flip, recipe.data.source) == (7, False, "folder:b")


def test_another_source_does_not_inherit_the_image_sets_of_the_recipes_own():
    assert load_recipe("pix2pix").data.domains
    assert load_recipe("pix2pix", data="folder:mine").data.domains == ()
    assert load_recipe("pix2pix", data="folder:mine").data.flip == load_recipe("pix2pix").data.flip


def test_the_seed_of_the_run_reaches_the_networks():
    assert load_recipe("dcgan", ["training.seed=5"]).model.seed == 5


def test_a_file_is_read_where_it_lies(write):
    text = "architecture: dcgan\nmodel: {image_size: 32}\ntraining: {steps: 1, batch_size: 2}\n"
    path = write(f"# Mine.\n#\n#   more\n{text}")
    assert load_recipe(str(path)).model.image_size == 32
    assert recipe_name(path) == "mine"
    assert header(path) == "Mine.\n\n  more"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("architecture: dcgan\nmodel: [1\n", ["mine", "line 3", "not YAML"]),
        ("architecture: dcgan\n\tmodel: 1\n", ["mine", "line 2", "not YAML"]),
        ("just words", ["mine", "just words", "architecture, model, data, training"]),
        ("", ["mine", "None", "architecture, model, data, training"]),
        ("model: {}", ["mine", "no architecture"]),
        ("architecture: dcgn", ["mine", "dcgn", "did you mean 'dcgan'"]),
        ("architecture: [dcgan]", ["mine", "unknown architecture"]),
        ("architecture: dcgan\nmodle: {}", ["mine", "modle", "did you mean 'model'"]),
        ("architecture: dcgan\ndata: folder", ["mine", "data", "folder"]),
        ("architecture: dcgan\ntraining: {steps: 1}", ["mine", "training.batch_size", "missing"]),
        ("architecture: dcgan\ntraining: {steps: 1, batch_size: 0}", ["mine", "training.batch_size", "found 0"]),
        ("architecture: dcgan\nmodel: 3\ntraining: {steps: 1, batch_size: 1}", ["mine", "model", "3"]),
    ],
)
@pytest.mark.parametrize("data", [None, "folder:x"])
def test_a_mistake_in_a_file_is_named_with_what_is_allowed(write, text, parts, data):
    with pytest.raises(UsageError) as caught:
        load_recipe(write(text), data=data)
    assert all(part in str(caught.value) for part in parts), caught.value


def test_a_section_that_is_empty_can_be_set(write):
    path = write("architecture: dcgan\nmodel:\ndata:\ntraining: {steps: 1, batch_size: 1}\n")
    assert load_recipe(path, ["model.image_size=32", "data.flip=true"]).model.image_size == 32


@pytest.mark.parametrize("assignment", ["model=3", "training=[1]", "data=folder:x"])
def test_a_value_in_place_of_a_section_is_refused(assignment):
    with pytest.raises(UsageError, match="allowed are keys with values"):
        load_recipe("dcgan", [assignment])


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UsageError, match="UTF-8"):
        load_recipe(path)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("pix2px", ["'pix2px'", "did you mean 'pix2pix'"]),
        ("dcgan_emojis", ["did you mean 'dcgan_emoji'"]),
        ("zzz", ["allowed:", "dcgan", "pix2pix"]),
        ("gone.yaml", ["gone.yaml", "no such file"]),
    ],
)
def test_an_unknown_recipe_is_told_the_nearest(name, parts):
    with pytest.raises(UsageError) as caught:
        load_recipe(name)
    assert all(part in str(caught.value) for part in parts), caught.value
