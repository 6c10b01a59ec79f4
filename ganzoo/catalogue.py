"""What there is, as plain values: the lists that `ganzoo list` prints and the description that `ganzoo show` prints."""

from ganzoo import recipes, registry
from ganzoo.config import to_document
from ganzoo.pretrained import list_pretrained


def catalogue() -> dict:
    """Architectures, recipes and pretrained generators, each a list of {name, summary}. Imports no TensorFlow."""
    return {
        "architectures": [{"name": name, "summary": registry.summary(name)} for name in registry.names()],
        "recipes": [
            {"name": name, "summary": recipes.header(name).partition("\n")[0]} for name in recipes.list_recipes()
        ],
        "pretrained": [{"name": name, "summary": ""} for name in list_pretrained()],
    }


def describe(name_or_path: str) -> dict:
    """A recipe: {recipe, header, settings, networks}. A network is {parameters, layers}, its layers in order.

    Raises:
        UsageError: when there is no such recipe, or something in it is wrong.
    """
    recipe = recipes.load_recipe(name_or_path)
    gan = registry.get(recipe.architecture)(recipe.model)
    return {
        "recipe": recipes.recipe_name(name_or_path),
        "header": recipes.header(name_or_path),
        "settings": to_document(recipe),
        "networks": {name: _describe_network(network) for name, network in gan.networks().items()},
    }


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
