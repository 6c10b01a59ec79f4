import numpy as np
import pytest
from lite.networks import blur, identity, network, smooth

from ganzoo import create
from ganzoo.lite import card, tiling
from ganzoo.lite.card import ModelError
from ganzoo.lite.network import Network, paint
from ganzoo.lite.tiling import blended, strips


def painted(network, image, **options):
    return np.concatenate(list(strips(network, image, **options)))


@pytest.mark.parametrize("size", [(1, 1), (1, 50), (37, 211), (64, 64), (65, 63), (200, 90), (129, 300)])
@pytest.mark.parametrize("network", [identity(size=(64, 48)), identity(multiple=4)], ids=["one size", "multiples of 4"])
def test_a_picture_of_any_size_comes_back_whole_and_in_place(monkeypatch, network, size):
    monkeypatch.setattr(tiling, "TILE", 64)
    image = smooth(*size)
    assert (painted(network, image) == image).all()


@pytest.mark.parametrize("scale", [1, 3])
@pytest.mark.parametrize("size", [(150, 333), (32, 500), (401, 65)])
def test_tiles_paint_what_the_network_paints_of_the_whole(monkeypatch, size, scale):
    monkeypatch.setattr(tiling, "TILE", 64 * scale)
    image = smooth(*size)
    by_tiles = np.concatenate(list(blended(blur(scale=scale), image)))
    assert by_tiles.shape == (size[0] * scale, size[1] * scale, 3)
    assert np.abs(by_tiles - paint(blur(scale=scale), image)).max() < 1e-3


def test_no_step_across_the_edge_of_a_tile_is_larger_than_those_within(monkeypatch):
    monkeypatch.setattr(tiling, "TILE", 64)
    rows = np.concatenate(list(blended(blur(), smooth(96, 160))))[8:-8, 8:-8]
    # Tiles of 64 pixels, 32 apart: their edges, and the middles of what they share.
    edges = np.arange(16, 160, 16) - 8
    steps = np.abs(np.diff(rows, axis=1)).max(axis=(0, 2))
    across = steps[[edge - 1 for edge in edges if edge < len(steps)]]
    assert across.max() <= np.delete(steps, edges[edges < len(steps)] - 1).max()


@pytest.mark.parametrize("options", [{"size": (64, 64)}, {"multiple": 8}], ids=["one size", "multiples of 8"])
def test_tiles_lie_on_the_grid_of_a_network_that_halves(monkeypatch, options):
    monkeypatch.setattr(tiling, "TILE", 64)

    def pattern(image):
        y, x = np.mgrid[: image.shape[0], : image.shape[1]]
        return image / 2 + (10 * (y % 8) + (x % 8))[..., None].astype("float32")

    image = smooth(150, 211)
    by_tiles = np.concatenate(list(blended(network(pattern, **options), image)))
    assert np.abs(by_tiles - pattern(image)).max() < 1e-3


def test_tiles_that_disagree_fade_into_each_other(monkeypatch):
    monkeypatch.setattr(tiling, "TILE", 64)
    seen = []

    def brightness_of_its_own(image):
        seen.append(len(seen))
        return np.full_like(image, 200.0 * (len(seen) % 2))

    rows = np.concatenate(list(blended(network(brightness_of_its_own), smooth(64, 96))))
    assert len(seen) == 2
    # They share 32 pixels, of which the middle 16 blend: 200 / 16 a step.
    assert 12 < np.abs(np.diff(rows, axis=1)).max() < 12.6
    assert (rows[:, :40] == 200).all() and (rows[:, 56:] == 0).all()


def test_srgan_by_tiles_is_srgan_of_the_whole():
    model = create("srgan", adversarial_weight=0).deployed()["generator"]
    image = np.random.default_rng(0).integers(0, 256, (8, 192, 3), dtype="uint8")

    def run(batch):
        # Values of some -3 to 3 as pixels of 37 to 217: none is clipped.
        return np.asarray(model(batch / 255, training=False)) * 30 + 127

    def srgan(width):
        taken = card.Tensor("image", "image", (1, 8, width, 3), "float32")
        return Network(
            "srgan", card.Interface("", (taken,), (card.Tensor("image", "image", (1, 32, 4 * width, 3), ""),), 4), run
        )

    tiles = np.concatenate(list(blended(srgan(128), image)))
    whole = paint(srgan(192), image)
    assert whole.min() > 5
    assert whole.max() < 250
    assert np.abs(tiles - whole).max() / 30 < 1e-3


def test_memory_is_for_a_row_of_tiles_not_for_the_picture(monkeypatch):
    monkeypatch.setattr(tiling, "TILE", 64)
    first = next(blended(identity(), smooth(1000, 80)))
    assert len(first) < 64
    assert all(len(strip) <= 64 for strip in strips(identity(), smooth(1000, 80)))


def test_a_network_that_sees_a_picture_whole_is_run_once_or_in_tiles_if_asked():
    seen, told = [], []
    whole = network(lambda image: seen.append(image) or image, size=(32, 32), any_size="whole")
    image = smooth(70, 100)

    resized = painted(whole, image, progress=lambda *at: told.append(at))
    assert (len(seen), told) == (1, [(1, 1)])
    assert resized.shape == image.shape
    assert seen[0].shape == (32, 32, 3)
    assert not (resized == image).all()

    assert (painted(whole, image, tiles=True, progress=lambda *at: told.append(at)) == image).all()
    assert told[1:] == [(done, len(seen) - 1) for done in range(1, len(seen))]


def test_what_is_out_of_range_is_clipped_and_no_number_is_black():
    values = np.array([-900, 300, np.nan, np.inf, 7.6, 12], "float32").reshape(1, 2, 3)
    image = np.zeros((1, 2, 3), "uint8")
    found = painted(network(lambda _: values, size=(1, 2)), image)
    assert found.ravel().tolist() == [0, 255, 0, 255, 8, 12]


def test_a_network_that_paints_another_size_than_it_should_is_named():
    with pytest.raises(ModelError, match="made: paints 40x40 of 40x40, where scale 2 is given"):
        painted(network(lambda image: image, scale=2), smooth(40, 40))


def test_values_go_in_and_come_out_as_the_card_says():
    taken = card.Tensor("image", "image", (1, 2, 2, 1), "float32", mean=127.5, std=127.5)
    given = card.Tensor("image", "image", (1, 2, 2, 1), "float32", mean=0.0, std=255.0)
    seen = []
    scaled = Network(
        "scaled", card.Interface("", (taken,), (given,)), lambda batch: seen.append(batch) or (batch + 1) / 2
    )
    image = np.array([0, 51, 204, 255], "uint8").reshape(2, 2, 1)
    assert (painted(scaled, image) == image).all()
    assert seen[0].ravel().tolist() == pytest.approx([-1, -0.6, 0.6, 1])
    assert seen[0].dtype == np.float32


def test_a_network_of_bytes_gets_bytes():
    taken = card.Tensor("image", "image", (1, 2, 2, 1), "uint8")
    image = np.arange(4, dtype="uint8").reshape(2, 2, 1)
    network = Network("bytes", card.Interface("", (taken,), (taken,)), lambda batch: 255 - batch)
    assert network.call(image[None]).dtype == np.uint8
    assert (painted(network, image) == 255 - image).all()
