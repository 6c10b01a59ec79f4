"""Labels of folders, of a CSV, of tfds and of the embedded sets: the right number beside the right picture."""

import csv
from importlib import resources

import numpy as np
import pytest
import tensorflow_datasets as tfds
from batches import CUT_OUT, FEW_LABELS, LABELLED, ONE, TWO, opened
from made_images import coordinates, pixels, save, truncate

from ganzoo.backends.jax.feeding import ThreadedBatches
from ganzoo.config.recipe import DataConfig
from ganzoo.data.fields import Crop, Image, Label, Smaller, Stream
from ganzoo.data.opening import of_source
from ganzoo.errors import UsageError


def labelled(source, *, batch=LABELLED, classes=2, split="train", seed=0, batch_size=4, labels_per_class=None, **data):
    data = DataConfig(source=source if ":" in str(source) else f"folder:{source}", **data)
    sizes = {"classes": classes, "labels_per_class": labels_per_class}
    return opened(batch, data, split=split, seed=seed, batch_size=batch_size, **sizes)


def seen(pipeline, steps=6, key="image"):
    """The label that came with each picture, by its number."""
    found = {}
    for step in range(steps):
        batch = pipeline.batch(step)
        for number, label in zip(pixels(batch[key])[:, 0, 0, 2].tolist(), batch["label"].tolist(), strict=True):
            assert found.setdefault(number, label) == label, "another label at another visit"
    return found


@pytest.fixture
def animals(numbered, tmp_path):
    """dogs/ with pictures 50 to 54, and cats/ with 0 to 6."""
    numbered("animals/dogs", 5, first=50)
    numbered("animals/cats/young", 3)
    numbered("animals/cats", 4, first=3)
    return tmp_path / "animals"


def written(folder, *rows, head="file,label"):
    (folder / "labels.csv").write_text("\n".join([head, *rows]), "utf-8")
    return folder


def test_a_class_is_the_folder_that_a_picture_lies_in_and_its_number_the_folder_s_place(animals):
    pipeline = labelled(animals, load_size=16, flip=True)
    assert pipeline.names == {"label": ("cats", "dogs")}
    assert seen(pipeline) == {number: int(number >= 50) for number in (*range(7), *range(50, 55))}


def test_labels_stay_whole_numbers_in_every_way_that_batches_are_had(animals):
    from ganzoo.backends.tensorflow.feeding import as_dataset

    pipeline = labelled(animals)
    assert pipeline.shapes["label"] == (4,) and pipeline.dtypes == {"image": "float32", "label": "int32"}
    (served,) = as_dataset(pipeline, 3, 4).as_numpy_iterator()
    halves = [pipeline.part(3, half, 2)["label"] for half in range(2)]
    for labels in (served["label"], ThreadedBatches(pipeline, 3, 4)[0]["label"], np.concatenate(halves)):
        assert (labels.dtype, labels.tolist()) == (np.int32, pipeline.batch(3)["label"].tolist())
    fixed = pipeline.fixed(12)["label"]
    assert fixed.dtype == np.int32 and fixed.tolist() == [0] * 7 + [1] * 5


def test_a_picture_that_takes_a_broken_one_s_place_brings_its_own_label(numbered, tmp_path):
    numbered("set/a", 1)
    numbered("set/c", 1, first=60)
    (tmp_path / "set/b").mkdir()
    truncate(save(tmp_path / "set/b/0.jpg", np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)))
    pipeline = labelled(tmp_path / "set", classes=3)
    with pytest.warns(UserWarning, match="the next one is used"):
        assert seen(pipeline) == {0: 0, 60: 2}


@pytest.mark.parametrize("place", ["", "train"])
def test_a_csv_beside_the_pictures_or_above_their_split_comes_before_folders(numbered, tmp_path, place):
    numbered("set/train/mixed", 4)
    below = "" if place else "train/"
    rows = [f"{below}mixed/{n}.png,{'odd' if n % 2 else 'even'},{n}" for n in range(4)]
    written(tmp_path / "set" / place, *rows, head="file,label,hat")
    assert seen(labelled(tmp_path / "set")) == {0: 0, 1: 1, 2: 0, 3: 1}
    assert labelled(tmp_path / "set", classes=4, label="hat").names["label"] == tuple("0123")


@pytest.mark.parametrize(
    ("rows", "head", "label", "message"),
    [
        (["0.png,a", "9.png,b"], "file,label", None, r"labels.csv: row 3 names '9.png', and there is no such file"),
        (["0.png,a", f"{'9' * 300}.png,b"], "file,label", None, "labels.csv: row 3 names '9.*there is no such file"),
        (["0.png,a"], "file,label", None, "labels.csv: misses 1 of 2 images, the first is 1.png; add a row"),
        (["0.png,a", "1.png"], "file,label", None, "labels.csv: row 3 has no label; fill it in"),
        (["0.png,a", "1.png,a", "0.png,b"], "file,label", None, "row 4 names '0.png' again, with another label"),
        (["0.png,a", "1.png,b"], "name,label", None, "labels.csv: has no column file, only name, label"),
        (["0.png,a", "1.png,b"], "file,hat", None, "data.label: .*labels.csv has no column 'label'; allowed: hat"),
        (["0.png,a", "1.png,b"], "file,hat", "het", "data.label: .*has no column 'het'; did you mean 'hat'"),
        (["1.png,b"], "0.png,a", None, "labels.csv: has no head, its first line is '0.png,a'; add file,label above it"),
        (["1.png;b"], "0.png;a", None, "labels.csv: has no head, its first line is '0.png;a'; add file;label above it"),
    ],
)
def test_a_csv_that_does_not_fit_is_told_in_a_line(numbered, rows, head, label, message):
    with pytest.raises(UsageError, match=message) as error:
        labelled(written(numbered("set", 2), *rows, head=head), label=label)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("separator", "head"),
    [(",", "File, Label "), (";", "LABEL;number;file"), ("\t", "file\tlabel"), (";", '"file";"Label"')],
)
def test_a_csv_of_a_spreadsheet_is_read_whatever_its_separator_and_the_case_of_its_head(numbered, separator, head):
    folder = numbered("set", 2)
    columns = [name.strip('" ').lower() for name in head.split(separator)]
    values = [{"file": f"{n}.png", "label": "a, b" if n else "c", "number": str(n)} for n in range(2)]
    rows = [separator.join(f'"{row[name]}"' for name in columns) for row in values]
    (folder / "labels.csv").write_bytes("\r\n".join([head, *rows, ""]).encode("utf-8-sig"))
    pipeline = labelled(folder)
    assert seen(pipeline) == {0: 1, 1: 0} and pipeline.names == {"label": ("a, b", "c")}


def test_a_column_called_exactly_so_comes_before_one_that_differs_in_case(numbered):
    folder = written(numbered("set", 2), "0.png,x,a", "1.png,x,b", head="file,Label,label")
    assert labelled(folder).names == {"label": ("a", "b")}


def test_a_csv_names_pictures_by_any_path_that_leads_to_them(numbered, tmp_path, monkeypatch):
    folder = numbered("set", 4)
    (tmp_path / "link").symlink_to(folder)
    rows = [f"{folder}/0.png,a", "../set/1.png,b", f"{tmp_path}/link/2.png,a", "./3.png,b"]
    written(folder, *rows)
    monkeypatch.chdir(tmp_path)
    for source in (folder, tmp_path / "link", "folder:set"):
        assert seen(labelled(source)) == {0: 0, 1: 1, 2: 0, 3: 1}
    save(tmp_path / "other/9.png", coordinates(9))
    for outside in ("../other/9.png", f"{tmp_path}/other/9.png"):
        written(folder, *rows, f"{outside},a")
        with pytest.raises(UsageError, match="labels.csv: row 6 names '.*other/9.png', which is not in .*/set; name"):
            labelled(folder)
    written(folder, *rows, f"{folder}/0.png,b")
    with pytest.raises(UsageError, match="row 6 names '.*0.png' again, with another label"):
        labelled(folder)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "latin-1"])
def test_a_csv_that_is_not_in_utf_8_says_how_to_save_it(numbered, encoding):
    folder = numbered("set", 1)
    (folder / "labels.csv").write_bytes("file,label\n0.png,ärger\n".encode(encoding))
    with pytest.raises(UsageError, match="labels.csv: .*; save it as UTF-8") as error:
        labelled(folder)
    assert "\n" not in str(error.value)


def test_a_class_folder_without_pictures_is_told(animals):
    for name in ("mice", ".cache"):
        (animals / name).mkdir()
    with pytest.warns(UserWarning, match="animals: no images in mice: no class is made of that") as told:
        assert labelled(animals).names == {"label": ("cats", "dogs")}
    assert len(told) == 1


def test_a_folder_without_labels_says_what_was_looked_for(numbered, animals):
    with pytest.raises(UsageError, match="3 of 3 images have no label, the first is 0.png; .*sub folders.*labels.csv"):
        labelled(numbered("flat", 3))
    save(animals / "stray.png", coordinates(9))
    with pytest.raises(UsageError, match="1 of 13 images have no label, the first is stray.png"):
        labelled(animals)


def test_a_column_asked_for_where_there_is_no_csv_and_a_label_where_none_is_used_are_refused(animals):
    with pytest.raises(UsageError, match="data.label: found 'hat', a column, but .*has no labels.csv"):
        labelled(animals, label="hat")
    with pytest.raises(UsageError, match="data.label: a batch of image has no labels; remove it"):
        labelled(animals, batch=ONE, label="hat")


def test_another_number_of_classes_than_the_config_s_says_what_to_set(animals):
    with pytest.raises(UsageError, match=r"2 classes \(cats, dogs\), and model.classes is 10; set model.classes=2"):
        labelled(animals, classes=10)


def test_test_pictures_have_the_numbers_of_training_and_no_class_that_it_lacks(numbered, tmp_path):
    for name, first in (("train/a", 0), ("train/b", 10), ("test/b", 20)):
        numbered(f"set/{name}", 2, first=first)
    assert seen(labelled(tmp_path / "set", split="test")) == {20: 1, 21: 1}
    numbered("set/test/c", 1)
    with pytest.raises(UsageError, match="c/0.png of the test split has the label 'c', which no example for training"):
        labelled(tmp_path / "set", split="test")


def test_only_so_many_of_each_class_are_labelled_balanced_and_chosen_by_the_seed(numbered, tmp_path):
    numbered("set/many", 40)
    numbered("set/few", 6, first=100)

    def of(seed):
        pipeline = labelled(tmp_path / "set", batch=FEW_LABELS, labels_per_class=3, seed=seed)
        return seen(pipeline, 30, key="labelled"), pipeline

    (chosen, pipeline), (others, _) = of(0), of(1)
    assert sorted(chosen.values()) == [0, 0, 0, 1, 1, 1]
    assert all(label == int(number < 100) for number, label in chosen.items())
    assert chosen == of(0)[0] != others
    assert len(pipeline) == 46, "the unlabelled stream is of all pictures"
    every = {number for step in range(12) for number in pixels(pipeline.batch(step)["image"])[:, 0, 0, 2].tolist()}
    assert len(every) == 46
    with pytest.raises(UsageError, match="model.labels_per_class: found 7, and the class 'few' has 6 examples"):
        labelled(tmp_path / "set", batch=FEW_LABELS, labels_per_class=7)


def test_the_test_split_of_few_labels_has_all_labels(numbered, tmp_path):
    for name in ("train/a", "train/b", "test/a", "test/b"):
        numbered(f"set/{name}", 5)
    pipeline = labelled(tmp_path / "set", batch=FEW_LABELS, labels_per_class=1, split="test")
    assert pipeline.fixed(99)["label"].tolist() == [0] * 5 + [1] * 5


def test_a_label_that_changes_changes_the_fingerprint(numbered):
    folder = numbered("set", 2)
    before = labelled(written(folder, "0.png,a", "1.png,b")).fingerprint()
    after = labelled(written(folder, "0.png,b", "1.png,a")).fingerprint()
    assert before["digest"] != after["digest"] and before["images"] == 2


def test_pictures_cut_out_and_their_smaller_ones_have_labels_too(numbered, tmp_path):
    batch = (Stream(low=Smaller(of="high"), high=Crop(), label=Label()),)
    numbered("set/a", 2, 40, 30)
    numbered("set/b", 2, 40, 30, first=100)
    pipeline = labelled(tmp_path / "set", batch=batch)
    assert [pipeline.shapes[key][1:] for key in ("low", "high", "label")] == [(4, 4, 3), (16, 16, 3), ()]
    assert seen(pipeline, key="high") == {0: 0, 1: 0, 100: 1, 101: 1}


def test_data_in_place_of_other_keeps_the_label_that_it_has_too_and_else_takes_its_usual_one(numbered, animals):
    hats = written(numbered("hats", 2), "0.png,a,x", "1.png,b,y", head="file,label,hat")
    bare = written(numbered("bare", 2), "0.png,a", "1.png,b")
    trained = DataConfig(source="embedded:avatars", label="hat", flip=True)
    for source, label in ((hats, "hat"), (bare, None), (animals, None)):
        assert of_source(trained, f"folder:{source}", LABELLED) == DataConfig(
            source=f"folder:{source}", label=label, flip=True
        )
    back = of_source(DataConfig(source=f"folder:{hats}", label="hat"), "embedded:avatars", LABELLED)
    assert back.label == "hat"
    with pytest.raises(UsageError, match="no folder .*nowhere"):
        of_source(trained, f"folder:{animals / 'nowhere'}", LABELLED)


def avatars():
    text = (resources.files("ganzoo.data") / "avatars" / "labels.csv").read_text("utf-8")
    return {row["name"]: row for row in csv.DictReader(text.splitlines())}


def test_avatars_are_labelled_by_the_column_that_is_named():
    pipeline = labelled("embedded:avatars", classes=5, label="hat")
    assert pipeline.names["label"] == ("hatBeanie", "hatHip", "hijab", "none", "turban")
    rows, places = avatars(), range(0, 10_000, 500)
    labels = pipeline.fixed(20)["label"]
    expected = [rows[pipeline.files[place]]["hat"] for place in places]
    assert [pipeline.names["label"][label] for label in labels] == expected


@pytest.mark.parametrize(
    ("source", "label", "message"),
    [
        ("embedded:avatars", None, "data.label: .*several labels; allowed: head, face, glasses"),
        ("embedded:avatars", "hats", "data.label: .*no label 'hats'; did you mean 'hat'"),
        ("embedded:letters", "hat", "data.label: embedded:letters has no label 'hat'; allowed: letter"),
        ("embedded:emoji", None, "embedded:emoji has no labels; take embedded:avatars or embedded:letters"),
    ],
)
def test_embedded_sets_say_which_labels_there_are(source, label, message):
    with pytest.raises(UsageError, match=message):
        labelled(source, label=label)


@pytest.fixture(scope="module")
def tfds_dir(tmp_path_factory):
    """Pictures whose value is their number; `parity` of tfds names its classes backwards, `size` is a second label."""

    class Prepared(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")
        labels = ("parity",)

        def _info(self):
            labels = {name: tfds.features.ClassLabel(names=["odd", "even"]) for name in self.labels}
            image = tfds.features.Image(shape=(16, 16, 3))
            features = {"image": image, "caption": tfds.features.Text(), **labels}
            return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

        def _split_generators(self, _):
            return {"train": self._generate_examples(range(6)), "test": self._generate_examples(range(20, 23))}

        def _generate_examples(self, numbers):
            for number in numbers:
                labels = dict.fromkeys(self.labels, "odd" if number % 2 else "even")
                yield number, {"image": coordinates(number), "caption": f"Number {number}", **labels}

    folder = tmp_path_factory.mktemp("tfds")
    with tfds.core.registered.skip_registration():
        for name, file_format, labels in (
            ("numbers", "array_record", ("parity",)),
            ("numbers_in_tfrecords", "tfrecord", ("parity",)),
            ("two_labels", "array_record", ("parity", "size")),
            ("no_labels", "array_record", ()),
        ):
            builder = type("Named", (Prepared,), {"name": name, "labels": labels})
            builder(data_dir=folder, file_format=file_format).download_and_prepare()
    return folder


@pytest.mark.parametrize("name", ["numbers", "numbers_in_tfrecords"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_class_labels_of_tfds_come_with_their_pictures_from_either_format(tfds_dir, monkeypatch, name, split):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_dir))
    pipeline = labelled(f"tfds:{name}", split=split)
    assert pipeline.names["label"] == ("even", "odd")
    numbers = range(6) if split == "train" else range(20, 23)
    assert seen(pipeline) == {number: number % 2 for number in numbers}


def test_tfds_says_which_labels_there_are(tfds_dir, monkeypatch):
    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_dir))
    with pytest.raises(UsageError, match="data.label: tfds:two_labels has several labels; allowed: parity, size"):
        labelled("tfds:two_labels")
    assert labelled("tfds:two_labels", label="size").names["label"] == ("even", "odd")
    with pytest.raises(UsageError, match="tfds:no_labels has no labels, only caption, image"):
        labelled("tfds:no_labels")


def test_captions_of_tfds_are_its_text(tfds_dir, monkeypatch):
    from batches import CAPTIONED

    monkeypatch.setenv("TFDS_DATA_DIR", str(tfds_dir))
    for name in ("numbers", "numbers_in_tfrecords"):
        data = DataConfig(source=f"tfds:{name}")
        pipeline = opened(CAPTIONED, data, caption_length=2, vocabulary=8)
        assert pipeline.names["tokens"] == ("", *"012345", "number")
        batch = pipeline.batch(0)
        for number, tokens in zip(pixels(batch["image"])[:, 0, 0, 2].tolist(), batch["tokens"], strict=True):
            assert tokens.tolist() == [7, number + 1]


def test_two_domains_are_refused_where_there_are_labels_and_every_stream_is_of_the_one_set(animals):
    batch = (Stream(a=Image(), label=Label()), Stream(b=Image()))
    with pytest.raises(UsageError, match="a batch of a, label, b needs 1 image set, found cats, dogs"):
        labelled(animals, batch=batch, domains=("cats", "dogs"))
    with pytest.raises(UsageError, match="a batch of a, label, b needs 1 image set, found .*/cats, .*/dogs"):
        labelled(f"{animals}/cats,{animals}/dogs", batch=batch)
    found = labelled(animals, batch=batch).fixed(12)
    np.testing.assert_array_equal(found["a"], found["b"])


def test_a_batch_that_no_source_can_have_is_refused_in_words(animals):
    with pytest.raises(UsageError, match="a batch of image, label has a stream without a picture or a clip"):
        labelled(animals, batch=(Stream(image=Image()), Stream(label=Label())))
    with pytest.raises(UsageError, match="a batch of nothing"):
        labelled(animals, batch=())


@pytest.mark.parametrize("batch", [ONE, TWO, CUT_OUT])
def test_without_labels_nothing_is_named(numbered, batch):
    source = f"{numbered('a', 2, 20, 20)},{numbered('b', 2, 20, 20)}" if batch is TWO else numbered("a", 2, 20, 20)
    assert opened(batch, DataConfig(source=f"folder:{source}")).names == {}
