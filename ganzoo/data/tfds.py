"""Data sets of TensorFlow Datasets: `tfds:NAME`, e.g. `tfds:fashion_mnist` or `tfds:cycle_gan/horse2zebra`.

Domains are image features of an example, or splits. By default: the only image feature; `hr` for super-resolution; the
splits trainA and trainB (testA, testB) for unpaired tasks. The data set lies where
tensorflow-datasets keeps it ($TFDS_DATA_DIR).
"""

import contextlib
import io
import os
import sys
import threading

from ganzoo.config import DataConfig, nearest
from ganzoo.data.images import image_size, read_image
from ganzoo.data.sources import SETS_OF_TASK, ImageSet, Source, arrow, check_domain_count, near_miss
from ganzoo.errors import RunError, UsageError, quoted
from ganzoo.quiet import import_tensorflow

SPLITS = {"train": (), "test": ("test", "validation", "valid", "val")}


def open_source(data: DataConfig, task: str, split: str) -> Source:
    """The images of a data set, which is downloaded and prepared if it is not there yet.

    Raises:
        UsageError: for an unknown name or domain, or where tensorflow-datasets or TensorFlow is not installed.
        RunError: when it can't be downloaded or prepared.
    """
    builder = _prepared_builder(data.source.partition(":")[2])
    features, splits = _image_features(builder), list(builder.info.splits)
    domains = data.domains or _usual_domains(task, features, splits)
    check_domain_count(domains, task, f"data.domains of {data.source}, which has {', '.join(features)}")
    places = [_place(domain, split, features, splits, data.source) for domain in domains]
    names_of_splits = {name for name, _ in places}
    if task == "paired" and len(names_of_splits) > 1:
        raise UsageError(
            f"{data.source}: task paired needs two image features of an example, found {', '.join(features)}"
        )
    records = {name: _encoded_images(builder, name, features) for name in names_of_splits}
    sets = tuple(_image_set(records[name], name, feature) for name, feature in places)
    missing = split == "test" and any(name.startswith("train") and name not in domains for name in names_of_splits)
    return Source(sets, f"{data.source} ({arrow(domains, task)})", split, in_training=missing)


def _prepared_builder(name: str):
    try:
        import_tensorflow()
        import tensorflow_datasets as tfds
    except ImportError as error:
        raise UsageError(
            f"data.source: tfds:{name} needs tensorflow-datasets and TensorFlow ({error}); pip install them"
        ) from None
    try:
        data_dir = os.environ.get("TFDS_DATA_DIR")
        builder = tfds.builder(name, data_dir=data_dir)
        if not builder.is_prepared():
            # Of the formats, this one has random access.
            builder = tfds.builder(name, data_dir=data_dir, file_format="array_record")
    except tfds.core.DatasetNotFoundError:
        short = name.partition("/")[0].partition(":")[0]
        raise UsageError(f"data.source: no data set tfds:{name}{near_miss(short, tfds.list_builders())}") from None
    except (ValueError, AssertionError) as error:  # unknown config or version
        raise UsageError(f"data.source: tfds:{name}: {_short(error)}") from None
    try:
        with contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare()
    except Exception as error:  # network, disk, manual downloads, and whatever the data set's own code raises
        raise RunError(
            f"tfds:{name} can't be downloaded and prepared ({_short(error)}); check the network, or "
            f"prepare it elsewhere and point TFDS_DATA_DIR at it"
        ) from error
    return builder


def _image_features(builder) -> list[str]:
    import tensorflow_datasets as tfds

    features = builder.info.features
    names = [name for name, feature in sorted(features.items()) if type(feature) is tfds.features.Image]
    if not names:
        raise UsageError(f"data.source: tfds:{builder.name} has no images, only {', '.join(features)}")
    return names


def _usual_domains(task: str, features: list[str], splits: list[str]) -> list[str]:
    """The order of the features means nothing, so that two of them must be named."""
    if SETS_OF_TASK[task] == 2:
        return ["A", "B"] if len(features) == 1 and {"trainA", "trainB"} <= set(splits) else []
    return ["hr"] if task == "super_resolution" and "hr" in features else features


def _place(domain: str, split: str, features: list[str], splits: list[str], where: str) -> tuple[str, str]:
    """The (split, feature) that a domain means: a feature, a letter as in trainA, or a split."""
    letter = "" if domain in features else domain
    feature = domain if domain in features else features[0]
    for name in (*SPLITS[split], "train"):
        if name + letter in splits:
            return name + letter, feature
    if domain in splits:
        return domain, feature
    raise UsageError(f"data.domains: {where} has no images {quoted(domain)}{nearest(domain, [*features, *splits])}")


def _encoded_images(builder, split: str, features: list[str]):
    """Examples by position: dicts of encoded images. Read as needed, or once into memory for formats without access."""
    import tensorflow_datasets as tfds

    decoders = {feature: tfds.decode.SkipDecoding() for feature in features}
    if builder.info.file_format == tfds.core.FileFormat.ARRAY_RECORD:
        return builder.as_data_source(split=split, decoders=decoders)
    dataset = builder.as_dataset(
        split=split, decoders=tfds.decode.PartialDecoding(dict.fromkeys(features, True), decoders)
    )
    return list(dataset.as_numpy_iterator())


def _image_set(records, split: str, feature: str) -> ImageSet:
    lock = threading.Lock()

    def file(index):
        with lock:
            return io.BytesIO(records[index][feature])

    def name(index):
        return f"{split} example {index} ({feature})"

    return ImageSet(
        [name(index) for index in range(len(records))],
        lambda index: read_image(file(index), name=name(index)),
        lambda index: image_size(file(index), name=name(index)),
    )


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
