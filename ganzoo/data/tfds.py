"""Opens data sets of TensorFlow Datasets: `tfds:NAME`, e.g. `tfds:fashion_mnist` or `tfds:cycle_gan/horse2zebra`.

A domain is an image feature of an example, or a split. The defaults are the only image feature, `hr` for
super-resolution, and the splits trainA and trainB (testA, testB) for two unrelated sets. A label is a ClassLabel of an
example, a caption its Text. Data sets lie where tensorflow-datasets keeps them ($TFDS_DATA_DIR).
"""

import contextlib
import io
import os
import sys
import threading

from ganzoo.backends.quiet import import_tensorflow
from ganzoo.config.recipe import DataConfig
from ganzoo.data import needs
from ganzoo.data.fields import Crop, Label, Tokens
from ganzoo.data.images import image_size, read_image
from ganzoo.data.needs import Batch
from ganzoo.data.sources import ImageSet, NoSuchLabel, Source, arrow, check_domain_count, check_no_sound
from ganzoo.errors import RunError, UsageError, near_miss, nearest, quoted

_COLUMNS: dict[tuple[str, str, str], list] = {}
SPLITS = {"train": (), "test": ("test", "validation", "valid", "val")}


def open_source(data: DataConfig, batch: Batch, split: str) -> Source:
    """Opens the images of a data set; downloads and prepares it first if it is missing.

    Raises:
        UsageError: for an unknown name, domain or label, or when tensorflow-datasets or TensorFlow is not installed.
        RunError: when it can't be downloaded or prepared.
    """
    check_no_sound(batch, data.source)
    builder = _prepared_builder(data.source.partition(":")[2])
    features, splits = _image_features(builder), list(builder.info.splits)
    label = _label_feature(builder, data) if needs.has(batch, Label) else None
    text = _text_feature(builder) if needs.has(batch, Tokens) else None
    domains = data.domains or _usual_domains(batch, features, splits)
    check_domain_count(domains, batch, f"data.domains of {data.source}, which has {', '.join(features)}")
    places = [_place(domain, split, features, splits, data.source) for domain in domains]
    names_of_splits = dict.fromkeys(name for name, _ in places)
    if len(needs.layout(batch)) == 1 and len(names_of_splits) > 1:
        raise UsageError(
            f"{data.source}: {needs.named(batch)} needs {len(domains)} image features of an example, found "
            f"{', '.join(features)}"
        )
    said = [feature for feature in (label, text) if feature]
    records = {name: _encoded_images(builder, name, features, said) for name in names_of_splits}
    first = places[0][0]
    missing = split == "test" and any(name.startswith("train") and name not in domains for name in names_of_splits)
    return Source(
        tuple(_image_set(records[name], name, feature) for name, feature in places),
        f"{data.source} ({arrow(domains, batch)})",
        split,
        in_training=missing,
        labels=_labels(builder, label, _column(builder, first, label, records[first])) if label else None,
        captions=list(map(_as_text, _column(builder, first, text, records[first]))) if text else None,
    )


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
            # This is the format with random access.
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

    names = _features_of(builder, tfds.features.Image)
    if not names:
        found = ", ".join(sorted(builder.info.features))
        raise UsageError(f"data.source: tfds:{builder.name} has no images, only {found}")
    return names


def _label_feature(builder, data: DataConfig) -> str:
    import tensorflow_datasets as tfds

    names = _features_of(builder, tfds.features.ClassLabel)
    if not names:
        raise NoSuchLabel(f"data.source: {data.source} has no labels, only {', '.join(sorted(builder.info.features))}")
    if data.label in names or (data.label is None and len(names) == 1):
        return data.label or names[0]
    found = f"no label {quoted(data.label)}" if data.label else "several labels"
    raise NoSuchLabel(f"data.label: {data.source} has {found}{nearest(data.label, names)}", names)


def _text_feature(builder) -> str:
    import tensorflow_datasets as tfds

    names = _features_of(builder, tfds.features.Text)
    if len(names) != 1:
        found = f"several texts ({', '.join(names)}), and captions are of one" if names else "no texts for captions"
        raise UsageError(f"data.source: tfds:{builder.name} has {found}; take another data set, or a folder with .txt")
    return names[0]


def _features_of(builder, kind: type) -> list[str]:
    return [name for name, feature in sorted(builder.info.features.items()) if type(feature) is kind]


def _column(builder, split: str, feature: str, examples) -> list:
    """Reads one feature of all examples, once: prepared data doesn't change, and reading it takes long."""
    key = (str(builder.data_path), split, feature)
    if key not in _COLUMNS:
        _COLUMNS[key] = [example[feature] for example in examples]
    return _COLUMNS[key]


def _labels(builder, label: str, numbers: list) -> list[str]:
    """Returns the class name of each example. Raises UsageError for an example that has none, -1."""
    names = builder.info.features[label].names
    if min(numbers, default=0) < 0:
        raise UsageError(f"data.label: example {numbers.index(-1)} of tfds:{builder.name} has no {label}; name another")
    return [names[number] for number in numbers]


def _as_text(value) -> str:
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def _usual_domains(batch: Batch, features: list[str], splits: list[str]) -> list[str]:
    """Returns the domains to take when none are named. Two features must be named, since their order means nothing."""
    layout = needs.layout(batch)
    if sum(layout) == 2:
        return ["A", "B"] if len(features) == 1 and {"trainA", "trainB"} <= set(splits) else []
    return ["hr"] if needs.has(batch, Crop) and "hr" in features else features


def _place(domain: str, split: str, features: list[str], splits: list[str], where: str) -> tuple[str, str]:
    """Returns the (split, feature) that a domain means: a feature, a letter as in trainA, or a split."""
    letter = "" if domain in features else domain
    feature = domain if domain in features else features[0]
    for name in (*SPLITS[split], "train"):
        if name + letter in splits:
            return name + letter, feature
    if domain in splits:
        return domain, feature
    raise UsageError(f"data.domains: {where} has no images {quoted(domain)}{nearest(domain, [*features, *splits])}")


def _encoded_images(builder, split: str, features: list[str], said: list[str]):
    """Returns the examples by position: dicts of encoded images and of the features in `said`.

    They are read on demand, or all at once into memory if the format has no random access.
    """
    import tensorflow_datasets as tfds

    decoders = {feature: tfds.decode.SkipDecoding() for feature in features}
    if builder.info.file_format == tfds.core.FileFormat.ARRAY_RECORD:
        return builder.as_data_source(split=split, decoders=decoders)
    dataset = builder.as_dataset(
        split=split, decoders=tfds.decode.PartialDecoding(dict.fromkeys([*features, *said], True), decoders)
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
