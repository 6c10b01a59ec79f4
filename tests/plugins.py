"""An architecture in one file that is no part of the package: registered for a while, or as a package of its own."""

import contextlib
import importlib
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import contract
import pytest
import small

from ganzoo.config import registration

PROMISES = [
    contract.every_trainable_weight_gets_a_gradient,
    contract.each_phase_changes_its_own_networks_and_no_other,
    contract.the_seed_alone_decides_on_the_initial_weights,
    contract.a_step_is_a_function_of_the_state,
    contract.every_variable_of_training_is_in_the_state,
    contract.fit_trains_in_a_graph_what_a_step_trains_eagerly,
    contract.predict_gives_what_each_deployed_network_makes_whatever_the_size_of_its_batches,
    contract.evaluating_changes_nothing_and_says_the_same_again,
    contract.a_wrong_batch_is_refused,
    contract.spectral_norm_bounds_every_layer_of_the_discriminators,
]
"""Those of the contract that are kept or broken by a GAN alone."""

keeps_each_promise = pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)


@contextlib.contextmanager
def built(name: str, **changes):
    """Gives a small GAN of the module of that name, and a copy of its state; the module is registered until the end."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(registration, "CLASSES", dict(registration.CLASSES))
        patched.delitem(sys.modules, name, raising=False)
        importlib.import_module(name)
        gan = small.create(name, **changes)
        yield gan, small.arrays(gan)


def install(site: Path, package: str, file: Path, entries: Iterable[str]) -> None:
    """Makes a package of the file, as `network`, in a folder for PYTHONPATH, with entry points of architectures."""
    metadata = site / f"{package}-1.0.dist-info"
    (site / package).mkdir(parents=True)
    metadata.mkdir()
    (site / package / "__init__.py").write_text("")
    shutil.copy(file, site / package / "network.py")
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text("\n".join(["[ganzoo.architectures]", *entries]))
