"""The catalog as plain values: the lists that `ganzoo list` prints, and what `ganzoo show` prints of one thing."""

from ganzoo.config.parsing import to_document
from ganzoo.errors import UsageError, nearest, quoted
from ganzoo.generators import generator, pretrained, zoo
from ganzoo.recipes import recipes, registry


def catalog() -> dict:
    """Returns architectures, recipes and pretrained generators, each a list of {name, summary}. Imports no TensorFlow.

    Of a pretrained generator also `bytes`, the size of its weights, and `here`, whether they are on this machine.

    Raises:
        RunError: when a pretrained generator's card can't be read.
    """
    return {
        "architectures": [{"name": name, "summary": registry.summary(name)} for name in registry.readable()],
        "recipes": [
            {"name": name, "summary": recipes.header(name).partition("\n")[0]} for name in recipes.list_recipes()
        ],
        "pretrained": [_entry(name) for name in pretrained.list_pretrained()],
    }


def describe(name_or_path: str) -> dict:
    """Returns {recipe, header, settings} of a recipe, {card, settings} of a generator. Imports no TensorFlow.

    The settings are those of the recipe.

    Raises:
        UsageError: when there is no such recipe or pretrained generator, or something in a recipe is wrong.
        RunError: when the card or the recipe of a pretrained generator can't be read.
    """
    if pretrained.is_name(name_or_path):
        recipe = recipes.load_recipe(zoo.config(name_or_path))
        return {"card": {"name": name_or_path, **zoo.card(name_or_path)}, "settings": to_document(recipe)}
    _check_name(name_or_path)
    return {
        "recipe": recipes.recipe_name(name_or_path),
        "header": recipes.header(name_or_path),
        "settings": to_document(recipes.load_recipe(name_or_path)),
    }


def networks(name_or_path: str) -> dict:
    """The networks of what `describe` describes, by name: {parameters, layers}, the layers in order.

    Raises:
        UsageError, RunError: as `describe`.
    """
    if pretrained.is_name(name_or_path):
        found = generator.untrained(recipes.load_recipe(zoo.config(name_or_path))).released()
    else:
        recipe = recipes.load_recipe(name_or_path)
        found = registry.get(recipe.architecture)(recipe.model).networks()
    return {name: _describe_network(network) for name, network in found.items()}


def _entry(name: str) -> dict:
    files = zoo.weights(name)
    # What is there besides, for who trains on, is no part of it.
    size = sum(files[f"{network}{zoo.WEIGHTS}"].bytes for network in pretrained.networks(name))
    return {"name": name, "summary": zoo.card(name).get("summary", ""), "bytes": size, "here": zoo.is_here(name)}


def _check_name(name: str) -> None:
    """Raises a UsageError that suggests a recipe or a pretrained generator, for what is the name of neither."""
    try:
        recipes.recipe_name(name)
    except UsageError:
        known = [*registry.names(), *recipes.list_recipes(), *pretrained.list_pretrained()]
        raise UsageError(f"unknown recipe or pretrained generator {quoted(name)}{nearest(name, known)}") from None


def _describe_network(network) -> dict:
    return {
        "parameters": network.count_params(),
        "layers": [
            {
                "name": layer.name,
                "kind": type(layer).__name__,
                "output": list(layer.output.shape[1:]),
                "parameters": layer.count_params(),
            }
            for layer in network.layers
        ],
    }
