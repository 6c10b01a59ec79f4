import numpy as np
import pytest
import tensorflow_datasets as tfds
from batches import CUT_OUT, ONE, PAIR, TWO

from ganzoo.config.recipe import DataConfig
from ganzoo.data.opening import open_source
from ganzoo.errors import RunError, UsageError

COLORS = {
    "train": (1, 2, 3, 4),
    "test": (11, 12),
    "trainA": (21, 22),
    "trainB": (31, 32, 33),
    "testA": (41,),
    "testB": (51,),
}


def prepare(folder, name, features, splits, file_format):
    """Writes a data set of 8x8 images, whose colour tells split and feature, as tensorflow-datasets keeps them."""

    class Prepared(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            images = {feature: tfds.features.Image(shape=(8, 8, 3)) for feature in features}
            return tfds.core.DatasetInfo(
                builder=self,
                features=tfds.features.FeaturesDict(images | {"label": tfds.features.ClassLabel(num_classes=2)}),
            )

        def _split_generators(self, _):
            return {split: self._generate_examples(COLORS[split]) for split in splits}

        def _generate_examples(self, colors):
            for color in colors:
                images = {
                    feature: np.full((8, 8, 3), color + 100 * place, np.uint8) for place, feature in enumerate(features)
                }
                yield color, images | {"label": 0}

    Prepared.name = name
    Prepared(data_dir=folder, file_format=file_format).download_and_prepare()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    with tfds.core.registered.skip_registration():
        prepare(folder, "photos", ["image"], ["train", "test"], "array_record")
        prepare(folder, "photos_in_tfrecords", ["image"], ["train", "test"], "tfrecord")
        prepare(folder, "horses", ["image"], ["trainA", "trainB", "testA", "testB"], "array_record")
        prepare(folder, "two_sizes", ["lr", "hr"], ["train"], "array_record")
    return folder


@pytest.fixture(autouse=True)
def environment(data_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(data_dir))


def open_tfds(name, batch, split="train", **data):
    return open_source(DataConfig(source=f"tfds:{name}", **data), batch, split)


def colors(image_set):
    return sorted(int(image_set.read(index)[4, 4, 0]) for index in range(len(image_set)))


@pytest.mark.parametrize("name", ["photos", "photos_in_tfrecords"])
def test_the_images_of_the_split_are_read_from_either_format(name):
    assert colors(open_tfds(name, ONE).sets[0]) == [1, 2, 3, 4]
    test = open_tfds(name, ONE, "test")
    assert colors(test.sets[0]) == [11, 12] and test.sets[0].size(0) == (8, 8)
    assert test.description == f"tfds:{name} (image), test split"


def test_cyclegan_s_splits_are_the_two_sets():
    assert [colors(images) for images in open_tfds("horses", TWO).sets] == [[21, 22], [31, 32, 33]]
    assert [colors(images) for images in open_tfds("horses", TWO, "test").sets] == [[41], [51]]
    assert colors(open_tfds("horses", ONE, domains=("trainB",)).sets[0]) == [31, 32, 33]


def test_pairs_come_from_two_features_of_the_same_example():
    inputs, targets = open_tfds("two_sizes", PAIR, domains=("hr", "lr")).sets
    for index in range(4):
        assert inputs.read(index)[0, 0, 0] == targets.read(index)[0, 0, 0] + 100
    with pytest.raises(UsageError, match="needs 2 image features"):
        open_tfds("horses", PAIR)


def test_super_resolution_takes_the_high_resolution_and_says_that_there_is_no_test_split():
    source = open_tfds("two_sizes", CUT_OUT, "test")
    assert colors(source.sets[0]) == [101, 102, 103, 104] and "the same images as for training" in source.description


@pytest.mark.parametrize(
    ("name", "batch", "data", "message"),
    [
        ("fashion_mnst", ONE, {}, "no data set tfds:fashion_mnst; did you mean 'fashion_mnist'"),
        ("photos", ONE, {"domains": ("imge",)}, "no images 'imge'; did you mean 'image'"),
        ("photos", TWO, {}, "which has image: a batch of a, b needs 2 image sets, found none"),
        ("two_sizes", PAIR, {}, "which has hr, lr: a batch of input, target needs 2 image sets, found none"),
        ("two_sizes", ONE, {}, "needs 1 image set, found hr, lr"),
    ],
)
def test_unknown_names_are_refused_in_one_line(name, batch, data, message):
    with pytest.raises(UsageError, match=message) as error:
        open_tfds(name, batch, **data)
    assert "\n" not in str(error.value)


def test_a_data_set_that_can_not_be_downloaded_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    # ImageNet must be downloaded by hand, so this fails with or without a network.
    with pytest.raises(RunError, match="can't be downloaded and prepared.*TFDS_DATA_DIR") as error:
        open_tfds("imagenet2012", ONE)
    assert "\n" not in str(error.value)
