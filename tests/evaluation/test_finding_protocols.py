"""Which protocol an architecture is measured by: ganzoo's own, a package's, or one that is registered by hand."""

import dataclasses
import sys
from typing import ClassVar

import plugins
import pytest

from ganzoo.config.recipe import EvaluationConfig
from ganzoo.data.fields import Image, Latents, Signature, Stream, fields_of
from ganzoo.errors import UsageError
from ganzoo.evaluation import during, protocol, protocols
from ganzoo.recipes import registry


@pytest.fixture
def fresh(monkeypatch):
    """Forgets protocols that the test registered after it, but for ganzoo's own."""
    for name in protocols.names():
        protocols.get(name)
    monkeypatch.setattr(protocol, "REGISTERED", dict(protocol.REGISTERED))
    monkeypatch.setattr(protocols, "REGISTERED", protocol.REGISTERED)
    protocol.modules.cache_clear()
    yield
    protocol.modules.cache_clear()


@pytest.mark.parametrize("name", registry.names())
def test_exactly_one_protocol_fits_each_architecture(name):
    config = registry.config_class(name)
    fitting = [found for found in protocols.names() if protocols.get(found).fits(config)]
    expected = {"dcgan": "samples", "pix2pix": "pairs", "cyclegan": "translation", "srgan": "super_resolution"}
    assert len(fitting) == 1 and fitting[0] == expected.get(name, fitting[0])


def test_an_encoder_and_its_decoder_are_measured_by_what_comes_back(recipe):
    with plugins.built("made_up"):
        assert protocols.protocol_of(recipe("made_up")).name == "reconstruction"


def test_a_recipe_that_still_names_its_protocol_is_read(recipe):
    named = recipe("dcgan", evaluation={"protocol": "samples", "samples": 5})
    assert named == recipe("dcgan", evaluation={"samples": 5})


def test_a_run_is_told_of_a_wrong_metric_before_keras_is_loaded(ganzoo, tmp_path):
    options = ["--set", "evaluation.every=50", "--set", "evaluation.metrics=[pnsr]"]
    done = ganzoo("train", "dcgan", *options, "--run-dir", tmp_path / "run", KERAS_BACKEND="none")
    assert done.returncode == 2 and "found 'pnsr'" in done.stderr and done.stderr.count("\n") == 1


class Lonely:
    """The config of an architecture whose network makes latents of latents, which nothing measures."""

    batch = (Stream(image=Image()),)
    deployed: ClassVar = {"encoder": Signature({"latents": Latents()}, {"latents": Latents()})}


def test_a_network_that_nothing_measures_trains_until_it_is_measured_by_a_protocol_of_its_own(recipe, fresh):
    settings = dataclasses.replace(recipe("dcgan"), architecture="lonely", model=Lonely())
    during.check(settings)
    measured = dataclasses.replace(settings, evaluation=EvaluationConfig(every=1, metrics=("size",)))
    with pytest.raises(UsageError, match="lonely: no protocol measures what its networks take and give; there are"):
        during.check(measured)

    @protocol.register("own", fits=lambda config: "encoder" in config.deployed, metrics=("size",))
    def own(setting):
        yield from ()

    during.check(measured)
    assert protocols.protocol_of(settings).measure is own


def test_metrics_of_another_protocol_are_refused_with_those_that_there_are(recipe):
    def asking(architecture, *metrics):
        return recipe(architecture, evaluation={"every": 50, "metrics": list(metrics)})

    during.check(asking("cyclegan", "a_to_b_psnr", "b_to_a_fd_mine", "b_to_a_lpips", "a_to_b_cycle_error"))
    for architecture, metric in (("srgan", "kid"), ("dcgan", "psnr"), ("cyclegan", "psnr"), ("srgan", "fd_mine")):
        with pytest.raises(UsageError, match=f"evaluation.metrics: found '{metric}'"):
            during.check(asking(architecture, metric))


def test_one_that_is_registered_by_hand_comes_first_where_it_fits_and_takes_no_name(recipe, fresh):
    @protocol.register("mine", fits=lambda config: "input" in fields_of(config), metrics=("size",))
    def mine(setting):
        yield from ()

    assert protocols.protocol_of(recipe("dcgan")).name == "samples"
    assert protocols.protocol_of(recipe("pix2pix")).measure is mine
    with pytest.raises(UsageError, match="protocol 'samples' is already registered, by ganzoo.evaluation.protocols"):
        protocol.register("samples", fits=lambda config: True)(mine)

    def other(setting):
        yield from ()

    with pytest.raises(UsageError, match="protocol 'mine' is already registered, by .*mine; give .*other another name"):
        protocol.register("mine", fits=lambda config: True)(other)


MODULE = """
from ganzoo.evaluation.protocol import register

@register("counted", fits=lambda config: "noise" in config.batch, metrics=("number",))
def counted(setting):
    yield from ()
"""


def install(site, module: str, *entries: str) -> None:
    """A package of one module, with entry points of protocols."""
    (site / f"{module}.py").write_text(MODULE)
    metadata = site / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("\n".join([f"[{protocol.GROUP}]", *entries]))


def test_a_package_brings_a_protocol_of_its_own(recipe, fresh, tmp_path, monkeypatch):
    install(tmp_path, "counting", "counted = counting", "miscounted = counting", "pairs = counting")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    with pytest.warns(UserWarning, match=r"protocol 'pairs' of counting is left out: the name is taken by ganzoo\."):
        assert "counted" in protocols.names()
    # Nobody's module is run for what ganzoo measures.
    assert protocols.protocol_of(recipe("dcgan")).name == "samples" and "counting" not in sys.modules
    assert protocols.get("counted").metrics == ("number",)
    with pytest.raises(UsageError, match="protocol 'miscounted': counting registers none of this name; put @register"):
        protocols.get("miscounted")


def test_a_protocol_whose_module_is_not_there_is_left_out(fresh, tmp_path, monkeypatch):
    install(tmp_path, "counting", "absent = counting.absent")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.warns(UserWarning, match=r"protocol 'absent' of counting\.absent is left out: there is no such module"):
        assert "absent" not in protocols.names()
