"""The generators that come with ganzoo: each is whole, paints what it painted, and is as good as its card says.

A zoo of one's own is checked by GANZOO_WEIGHTS=FOLDER pytest tests/test_weights.py.
"""

import functools

import numpy as np
import pytest
import small

import ganzoo
from ganzoo.generators import fixed_output, zoo

NAMES = ganzoo.list_pretrained()
MEASURED = [name for name in NAMES if zoo.card(name)["check"]]
"""All but those that need classes which no data that comes with ganzoo has."""
QUICK = ("dcgan/fashion_mnist", "srgan/photos_mobile")
"""Those that are measured anew at every change; that each paints what it painted is tested of all."""
RELATIVE = 0.02
"""Another machine's rounding moves a pixel here and there by one of 255, and with it the metrics of a few images."""


networks = functools.cache(fixed_output.networks)


@pytest.mark.parametrize("name", NAMES)
def test_the_files_are_those_of_the_manifest(name):
    assert {zoo.CONFIG, zoo.CARD, "sample.png"} <= set(zoo.files(name))
    for file, entry in zoo.files(name).items():
        assert zoo.fetch(name, file).stat().st_size == entry.bytes


@pytest.mark.parametrize("name", NAMES)
def test_it_loads_in_float32_and_paints_what_it_painted(name):
    card = zoo.card(name)["fixed_output"]
    found = fixed_output.describe(networks(name))
    assert all(weight.dtype == "float32" for network in networks(name).values() for weight in network.weights)
    assert found["input"] == card["input"]
    for network in networks(name):
        lattices = [one["lattice"][network] if len(networks(name)) > 1 else one["lattice"] for one in (found, card)]
        np.testing.assert_allclose(*lattices, rtol=0, atol=fixed_output.TOLERANCE)


@pytest.mark.parametrize("name", NAMES)
def test_its_card_says_all_and_names_files_that_are_there(name):
    card = zoo.card(name)
    assert tuple(card) == zoo.CARD_KEYS
    assert card["name"] == name
    assert card["summary"] and "\n" not in card["summary"]
    assert card["intended_use"] and card["weaknesses"] and card["data"]
    assert card["licence"]["weights"] and card["licence"]["data"]
    assert card["parameters"] == sum(network.count_params() for network in networks(name).values())
    assert card["files"]["float16"] == sum(file.bytes for file in zoo.weights(name).values())
    training = {"recipe", "commands", "commit", "steps", "minutes", "hardware", "versions"}
    assert training <= card["training"].keys()


@pytest.mark.parametrize("name", small.each(MEASURED, {*MEASURED} - {*QUICK}))
def test_its_numbers_are_those_of_its_card(name):
    check = zoo.card(name)["check"]
    document = ganzoo.evaluate(name, check["data"], count=check["count"])
    found = {result["key"]: result["value"] for result in document["results"]}
    assert check["metrics"]
    assert {key: found[key] for key in check["metrics"]} == pytest.approx(check["metrics"], rel=RELATIVE, abs=1e-4)
