import numpy as np
import pytest
from keras import layers

from ganzoo.errors import UsageError
from ganzoo.metrics import inception
from ganzoo.metrics.networks import open_feature_network
from scripts.inception_reference import INDICES, draw_images, draw_tensors


def drawn(model):
    """Weights by the names that they have in the published file, but for the classifier's."""
    shapes = {}
    for layer in model.layers:
        if isinstance(layer, layers.Conv2D):
            height, width, channels, filters = layer.kernel.shape
            shapes[f"{layer.name}.conv.weight"] = (filters, channels, height, width)
            shapes |= {f"{layer.name}.bn.{part}": (filters,) for part in ("weight", "bias")}
            shapes |= {f"{layer.name}.bn.running_{part}": (filters,) for part in ("mean", "var")}
    return draw_tensors(shapes)


def test_its_features_are_torch_fidelitys_at_any_size(monkeypatch):
    # Printed by scripts/inception_reference.py.
    expected = [
        [4.109018, 0.031703, 2.572751, 4.551192, 7.690206, 0.611729],
        [4.937901, 0.077711, 3.482768, 5.749826, 9.143129, 0.490798],
        [8.09501, 0.089814, 5.530928, 9.371285, 14.312519, 1.069772],
        [7.331036, 0.057258, 4.886508, 8.229372, 12.511127, 0.991683],
    ]
    model = inception.build()
    inception.set_weights(model, drawn(model))
    monkeypatch.setattr(inception, "load", lambda: model)
    network = open_feature_network("inception")
    features = np.concatenate([network(image[None]) for image in draw_images()])
    assert features.shape == (4, network.length) and (network.frechet_name, network.kernel_name) == ("FID", "KID")
    np.testing.assert_allclose(features[:, list(INDICES)], expected, rtol=5e-5, atol=1e-6)


def test_where_its_weights_can_not_be_fetched_the_user_is_told_what_to_put_where(monkeypatch, tmp_path):
    (tmp_path / "cache/networks").mkdir(parents=True)
    (tmp_path / "cache/networks/weights-inception-2015-12-05-6726825d.pth").write_bytes(b"cut")
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    with pytest.raises(
        UsageError, match=r"networks/weights-inception-.*\.pth: .*expected 6726825d0.*https://github\.com"
    ):
        open_feature_network("inception")
