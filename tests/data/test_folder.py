import numpy as np
import pytest
from batches import ONE, PAIR, TWO, opened
from made_images import coordinates, save, truncate
from PIL import Image

from ganzoo.config.recipe import DataConfig
from ganzoo.data.opening import open_source
from ganzoo.errors import UsageError


def folder(path, batch, split="train", **data):
    return open_source(DataConfig(source=f"folder:{path}", **data), batch, split)


def numbers(image_set):
    return [int(image_set.read(index)[0, 0, 2]) for index in range(len(image_set))]


def test_photos_are_found_in_sub_folders_in_the_order_people_expect(numbered, tmp_path):
    numbered("photos/b", 11)
    save(tmp_path / "photos/a/later.PNG", coordinates(77))
    (tmp_path / "photos/b/readme.txt").write_text("no image")
    save(tmp_path / "photos/.hidden/thumb.png", coordinates(88))
    assert numbers(folder(tmp_path / "photos", ONE).sets[0]) == [77, *range(11)]


def test_a_linked_folder_is_trained_on_and_a_link_that_leads_back_is_not_followed(numbered, tmp_path):
    numbered("photos", 4)
    numbered("elsewhere", 8, first=50)
    (tmp_path / "photos/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "photos/round").symlink_to(tmp_path / "photos")
    assert sorted(numbers(folder(tmp_path / "photos", ONE).sets[0])) == [0, 1, 2, 3, *range(50, 58)]


def test_a_pair_of_which_one_is_a_turned_tiff_has_one_shape(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, to be turned clockwise
    for side in ("input", "target"):
        (tmp_path / side).mkdir()
    Image.fromarray(np.zeros((20, 40, 3), "uint8")).save(tmp_path / "input/a.tif", exif=exif)
    Image.fromarray(np.zeros((40, 20, 3), "uint8")).save(tmp_path / "target/a.png")
    sets = folder(tmp_path, PAIR).sets
    assert [image_set.size(0) for image_set in sets] == [(20, 40)] * 2
    assert [image_set.read(0).shape for image_set in sets] == [(40, 20, 3)] * 2


def test_relative_paths_and_home_work(numbered, tmp_path, monkeypatch):
    numbered("photos", 2)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert numbers(folder("photos", ONE).sets[0]) == numbers(folder("~/photos", ONE).sets[0]) == [0, 1]


@pytest.mark.parametrize("test_folder", ["test", "val"])
def test_the_split_picks_its_folder(numbered, tmp_path, test_folder):
    numbered("set/train", 2)
    numbered(f"set/{test_folder}", 1, first=50)
    assert numbers(folder(tmp_path / "set", ONE).sets[0]) == [0, 1]
    assert numbers(folder(tmp_path / "set", ONE, "test").sets[0]) == [50]


def test_a_missing_test_split_is_said(numbered, tmp_path):
    numbered("set/train", 2)
    assert "the same images as for training" in folder(tmp_path / "set", ONE, "test").description
    assert "the same images as for training" in folder(tmp_path / "set/train", ONE, "test").description
    assert "the same images as for training" not in folder(tmp_path / "set", ONE).description


@pytest.mark.parametrize("test_folder", ["test", "val"])
def test_test_images_are_not_taken_for_training_images(numbered, tmp_path, test_folder):
    numbered(f"set/{test_folder}", 2)
    assert numbers(folder(tmp_path / "set", ONE, "test").sets[0]) == [0, 1]
    with pytest.raises(UsageError, match=f"has {test_folder}/, which is for testing, and no train/"):
        folder(tmp_path / "set", ONE)
    # Where the folders of two sets are found, it is none of theirs.
    for letter in "AB":
        numbered(f"set/{letter}", 1, first=70)
    assert [numbers(found) for found in folder(tmp_path / "set", TWO).sets] == [[70], [70]]


@pytest.mark.parametrize("side", ["left", "right"])
def test_side_by_side_pairs_are_cut_in_the_middle(tmp_path, side):
    save(tmp_path / "set/pair.png", coordinates(5, 32, 16))
    inputs, targets = folder(tmp_path / "set", PAIR, input_side=side).sets
    left, right = (inputs, targets) if side == "left" else (targets, inputs)
    assert left.read(0)[0, :, 0].tolist() == list(range(16)) and right.read(0)[0, :, 0].tolist() == list(range(16, 32))
    assert left.size(0) == right.size(0) == (16, 16)


def test_single_photos_are_not_taken_for_side_by_side_pairs(numbered, tmp_path):
    numbered("set", 2, 24, 16)
    save(tmp_path / "set/pair.png", coordinates(5, 32, 16))
    with pytest.raises(UsageError, match=r"2 of 3 images .* 0.png \(24x16\).*folder:PATH_A,PATH_B"):
        folder(tmp_path / "set", PAIR)


@pytest.mark.parametrize("names", [("trainA", "trainB"), ("A", "B"), ("input", "target"), ("train/A", "train/B")])
@pytest.mark.parametrize("batch", [PAIR, TWO])
def test_the_usual_folder_names_are_recognised_in_order(numbered, tmp_path, names, batch):
    numbered(f"set/{names[0]}", 2)
    numbered(f"set/{names[1]}", 2, first=50)
    assert [numbers(images) for images in folder(tmp_path / "set", batch).sets] == [[0, 1], [50, 51]]


def test_test_folders_of_a_and_b_are_used_for_testing(numbered, tmp_path):
    for place, name in enumerate(("trainA", "trainB", "testA", "testB")):
        numbered(f"set/{name}", 1, first=place)
    test = folder(tmp_path / "set", TWO, "test")
    assert [numbers(images) for images in test.sets] == [
        [2],
        [3],
    ] and "the same images as for training" not in test.description


def test_two_paths_may_each_have_splits(numbered, tmp_path):
    for place, name in enumerate(("a/train", "a/test", "b/train", "b/test")):
        numbered(name, 1, first=place)
    source = folder(f"{tmp_path}/a,{tmp_path}/b", PAIR, "test")
    assert [numbers(images) for images in source.sets] == [[1], [3]]


def test_a_comma_in_an_existing_path_does_not_cut_it(numbered, tmp_path):
    numbered("cats, dogs", 2)
    assert numbers(folder(tmp_path / "cats, dogs", ONE).sets[0]) == [0, 1]


def test_domains_name_sub_folders(numbered, tmp_path):
    for place, name in enumerate(("roses", "tulips", "daisies")):
        numbered(f"flowers/{name}", 1, first=place)
    source = folder(tmp_path / "flowers", TWO, domains=("tulips", "roses"))
    assert [numbers(images) for images in source.sets] == [[1], [0]]
    with pytest.raises(UsageError, match="did you mean 'tulips'"):
        folder(tmp_path / "flowers", ONE, domains=("tulip",))


def test_pairs_are_matched_by_name_and_not_by_order(tmp_path):
    for name in ("x", "y"):
        save(tmp_path / f"A/{name}.png", coordinates(ord(name)))
        save(tmp_path / f"B/{name}.{'png' if name == 'y' else 'bmp'}", coordinates(ord(name)))
    save(tmp_path / "A/a.png", coordinates(1))
    save(tmp_path / "B/a.webp", coordinates(1))
    inputs, targets = folder(tmp_path, PAIR).sets
    assert [name.split(".")[0] for name in inputs.names] == [name.split(".")[0] for name in targets.names]


def test_files_without_a_partner_are_named_and_counted(numbered, tmp_path):
    numbered("A", 3)
    numbered("B", 1)
    with pytest.raises(UsageError, match=r"2 of 3 in .*A have no partner \(1, 2\); 0 of 1 in .*B have no partner"):
        folder(tmp_path, PAIR)


def test_two_inputs_of_the_same_name_are_refused(numbered, tmp_path):
    numbered("A", 1)
    numbered("B", 1)
    save(tmp_path / "A/0.bmp", coordinates(3))
    with pytest.raises(UsageError, match="0.bmp and 0.png have the same name"):
        folder(tmp_path, PAIR)


def test_broken_files_among_good_ones_are_left_out_and_named(numbered, tmp_path):
    photos = numbered("photos", 3, 64, 64)
    truncate(photos / "1.png")
    (photos / "2.jpg").write_text("no image")
    with pytest.warns(UserWarning, match="2 unreadable, left out"):
        pipeline = opened(ONE, DataConfig(source=f"folder:{photos}"), image_size=64, channels=3, batch_size=2, seed=0)
    assert len(pipeline) == 2
    assert [name for name, _ in pipeline.skipped] == [str(photos / "1.png"), str(photos / "2.jpg")]


def test_a_broken_target_takes_its_input_with_it(numbered, tmp_path):
    numbered("A", 3, 64, 64)
    truncate(numbered("B", 3, 64, 64) / "1.png")
    source = folder(tmp_path, PAIR)
    assert [numbers(images) for images in source.sets] == [[0, 2], [0, 2]] and len(source.skipped) == 1


@pytest.mark.parametrize("batch", [ONE, PAIR])
def test_a_folder_of_broken_files_is_an_error(tmp_path, batch):
    for name in ("A/x.png", "B/x.png"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("no image")
    with pytest.raises(UsageError, match="none of .*x.png"):
        folder(tmp_path, batch)


def test_an_empty_folder_says_which_files_were_looked_for(tmp_path):
    (tmp_path / "notes.txt").write_text("no image")
    with pytest.raises(UsageError, match=r"no images; looked for \.png \.jpg"):
        folder(tmp_path, ONE)


def test_a_mistyped_path_suggests_the_folder_that_exists(numbered, tmp_path):
    numbered("facades/train", 1)
    with pytest.raises(UsageError, match="no 'facedes' in .*did you mean 'facades'"):
        folder(tmp_path / "facedes/train", ONE)
    with pytest.raises(UsageError, match="0.png is a file"):
        folder(tmp_path / "facades/train/0.png", ONE)


def test_one_set_is_not_enough_for_an_unpaired_batch(numbered):
    with pytest.raises(UsageError, match="a batch of a, b needs two sets of images.*folder:PATH_A,PATH_B"):
        folder(numbered("photos", 2), TWO)


def test_two_folders_are_too_many_for_a_batch_with_one_set(numbered):
    with pytest.raises(UsageError, match="a batch of image needs 1 image set"):
        folder(f"{numbered('a', 1)},{numbered('b', 1)}", ONE)


def test_a_large_set_is_still_freed_of_files_that_are_no_images(numbered, monkeypatch):
    monkeypatch.setattr("ganzoo.data.media.MAX_VERIFIED", 2)
    photos = numbered("photos", 3)
    (photos / "9.png").write_text("no image")
    np.testing.assert_array_equal(numbers(folder(photos, ONE).sets[0]), [0, 1, 2])


def test_pairs_called_1_a_and_1_b_find_each_other_and_input_side_right_makes_b_the_input(tmp_path):
    for number in (1, 2):
        save(tmp_path / f"facades/trainA/{number}_A.png", coordinates(number))
        save(tmp_path / f"facades/trainB/{number}_B.png", coordinates(100 + number))
    sides = {"left": [[1, 2], [101, 102]], "right": [[101, 102], [1, 2]]}
    for side, expected in sides.items():
        inputs, targets = folder(tmp_path / "facades", PAIR, input_side=side).sets
        assert [numbers(inputs), numbers(targets)] == expected


def test_pictures_that_cant_be_read_are_told_of_in_a_mixed_folder_and_alone(numbered):
    folder = numbered("photos", 2)
    for name in ("a.HEIC", "sub/b.heic", "c.psd"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"")
    source = open_source(DataConfig(source=f"folder:{folder}"), ONE)
    assert len(source.sets[0]) == 2
    assert sorted(reason for _, reason in source.skipped) == [
        ".heic is not read; convert it to JPEG or PNG",
        ".heic is not read; convert it to JPEG or PNG",
        ".psd is not read; convert it to JPEG or PNG",
    ]
    for number in range(2):
        (folder / f"{number}.png").unlink()
    with pytest.raises(UsageError, match="no images; found 3 .heic .psd, to be converted to JPEG or PNG; looked for"):
        open_source(DataConfig(source=f"folder:{folder}"), ONE)
