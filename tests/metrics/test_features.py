import dataclasses
import weakref

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from ganzoo.data.images import read_image
from ganzoo.errors import RunError, UsageError
from ganzoo.metrics import features as features_module
from ganzoo.metrics.features import decoded, extract, reference
from ganzoo.metrics.networks import BATCH, open_feature_network


@pytest.fixture(scope="module")
def colours():
    """Features are the mean colour of an image, resized to 4x4."""
    image = keras.Input((4, 4, 3))
    return open_feature_network(keras.Model(image, layers.GlobalAveragePooling2D()(image), name="colours"))


@pytest.fixture(scope="module")
def sizeless():
    image = keras.Input((None, None, 3))
    return open_feature_network(keras.Model(image, layers.GlobalAveragePooling2D()(image)))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


def plain(count, size=4):
    """Images of one colour each, and their features."""
    drawn = np.random.default_rng(3).integers(0, 256, (count, 3), np.uint8)
    return [np.full((size, size, 3), colour, np.uint8) for colour in drawn], drawn / 127.5 - 1


def test_statistics_halves_and_kept_features_are_those_of_the_images_in_their_order(colours, monkeypatch):
    monkeypatch.setattr(features_module, "KEPT", 1000)
    count = features_module.BLOCK + BATCH + 7
    images, expected = plain(count)
    images[0] = images[0].repeat(500, 0).repeat(500, 1)  # takes longer than those after it
    found = extract(colours, iter(images))
    assert (found.count, *[half.count for half in found.halves]) == (count, (count + 1) // 2, count // 2)
    for statistics, part in zip((found.whole, *found.halves), (expected, expected[::2], expected[1::2]), strict=True):
        np.testing.assert_allclose(statistics.mean, part.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(statistics.covariance, np.cov(part.T), atol=1e-6)
    assert found.kept.shape == (1000, 3)
    np.testing.assert_allclose(found.kept, expected[:1000], atol=1e-6)


def test_images_are_let_go_as_soon_as_they_have_been_run(colours):
    count, released, alive = 40 * BATCH, [], []

    def images():
        for number in range(count):
            image = np.zeros((4, 4, 3), np.uint8)
            weakref.finalize(image, released.append, number)
            alive.append(number + 1 - len(released))
            yield image

    extract(colours, images())
    assert len(alive) == count and max(alive) < count / 4


def test_images_of_several_sizes_need_a_network_of_one_size(colours, sizeless):
    images = [image for size in (4, 6) for image in plain(3, size)[0]]
    np.testing.assert_allclose(extract(colours, images).kept, np.tile(plain(3)[1], (2, 1)), atol=1e-6)
    with pytest.raises(UsageError, match=r"images of \(4, 4\) and \(6, 6\)"):
        extract(sizeless, images)


def test_no_image_and_one_that_is_none_are_errors_that_name_it(colours, tmp_path):
    with pytest.raises(UsageError, match="no images"):
        extract(colours, [])
    images = plain(3)[0]
    for wrong in (images[0] / 255, images[0][..., 0], np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)):
        with pytest.raises(UsageError, match=f"image 2: {wrong.dtype} .*allowed is uint8"):
            extract(colours, [*images[:2], wrong])
    files = [tmp_path / f"{number}.png" for number in range(3)]
    for file, image in zip(files, images, strict=True):
        Image.fromarray(image).save(file)
    files[1].write_bytes(files[1].read_bytes()[:40])
    with pytest.raises(RunError, match=r"1\.png: can't be read as an image"):
        extract(colours, decoded(lambda number: read_image(files[number]), 3))


def counted(network):
    """The network, and a list that grows with each run."""
    runs = []

    def run(batch):
        runs.append(len(batch))
        return network.run(batch)

    return dataclasses.replace(network, run=run), runs


def same(first, second):
    return (
        np.array_equal(first.kept, second.kept)
        and np.array_equal(first.whole.scatter, second.whole.scatter)
        and all(np.array_equal(one.mean, two.mean) for one, two in zip(first.halves, second.halves, strict=True))
    )


def test_a_reference_set_is_run_once_and_again_when_an_image_or_the_network_is_another(colours):
    network, runs = counted(colours)
    images = plain(5)[0]
    first = reference(network, images.__getitem__, 5)
    assert same(reference(network, images.__getitem__, 5), first) and runs == [5]
    images[3] = images[3].copy()
    images[3][0, 0, 0] ^= 128
    assert not same(reference(network, images.__getitem__, 5), first)
    # The same bytes in another shape.
    images[4] = images[4].reshape(2, 8, 3)
    reference(network, images.__getitem__, 5)
    reference(dataclasses.replace(network, sha256="0" * 64), images.__getitem__, 5)
    reference(network, images.__getitem__, 4)
    assert runs == [5, 5, 5, 5, 4]


def test_a_broken_file_in_the_cache_is_computed_anew(colours, cache):
    network, runs = counted(colours)
    images = plain(5)[0]
    first = reference(network, images.__getitem__, 5)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    for content in (b"", whole[: len(whole) // 2], whole.replace(b"kept.npy", b"left.npy")):
        file.write_bytes(content)
        assert same(reference(network, images.__getitem__, 5), first)
        assert file.read_bytes() == whole
    assert runs == [5] * 4


def test_a_cache_that_can_not_be_written_is_no_failure(colours, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "file"))
    assert reference(colours, plain(5)[0].__getitem__, 5).count == 5
