import concurrent.futures
import shutil
import subprocess
import sys
import warnings

import numpy as np
import pytest
from batches import CUT_OUT, ONE, PAIR, TWO, opened
from made_images import coordinates, pixels, save, truncate
from PIL import Image

from ganzoo.config.recipe import DataConfig
from ganzoo.data import media
from ganzoo.data.images import read_image
from ganzoo.errors import RunError, UsageError


def latent(folder, *, batch_size=4, seed=0, image_size=16, channels=3, **data):
    config = DataConfig(source=f"folder:{folder}", **data)
    return opened(ONE, config, image_size=image_size, channels=channels, batch_size=batch_size, seed=seed)


def super_resolution(folder, *, image_size=8, scale=4, channels=3, batch_size=4, **data):
    config = DataConfig(source=f"folder:{folder}", **data)
    return opened(CUT_OUT, config, image_size=image_size, channels=channels, scale=scale, batch_size=batch_size, seed=0)


def pairs(inputs, targets, *, image_size=16, batch_size=8, **data):
    config = DataConfig(source=f"folder:{inputs},{targets}", **data)
    return opened(PAIR, config, image_size=image_size, channels=3, batch_size=batch_size, seed=0)


def numbers(images):
    """Which image of a numbered folder each one is."""
    return pixels(images)[:, 0, 0, 2].tolist()


def corners(images):
    """(x, y) of the top left pixel of each crop, in the image it was cut from."""
    return [tuple(corner) for corner in pixels(images)[:, 0, 0, :2].tolist()]


def truncated_jpeg(path):
    """A file whose header is good and whose end is missing."""
    truncate(save(path, np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)))


def assert_equal(one, other):
    assert one.keys() == other.keys()
    for key in one:
        np.testing.assert_array_equal(one[key], other[key])


def test_importing_the_package_loads_no_tensorflow():
    code = "import sys, ganzoo.data; sys.exit(bool({'tensorflow', 'keras', 'tensorflow_datasets'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("batch_size", [1, 3, 4, 16])
def test_an_epoch_neither_drops_nor_repeats_an_example(numbered, batch_size):
    pipeline = latent(numbered("photos", 10), batch_size=batch_size)
    seen = np.concatenate([numbers(pipeline.batch(step)["image"]) for step in range(40)])
    for epoch in range(len(seen) // 10):
        assert sorted(seen[10 * epoch : 10 * epoch + 10]) == list(range(10))


def test_epochs_do_not_repeat_each_other_s_order(numbered):
    pipeline = latent(numbered("photos", 10), batch_size=10)
    assert numbers(pipeline.batch(0)["image"]) != numbers(pipeline.batch(1)["image"])


def test_a_visit_does_not_repeat_the_last_epoch_s_crop_and_flip(numbered):
    pipeline = latent(numbered("photos", 1, 64, 64), batch_size=1, load_size=64, flip=True)
    visits = [pixels(pipeline.batch(step)["image"]) for step in range(64)]
    assert len({corners_of.tobytes() for corners_of in visits}) > 50
    mirrored = [visit[0, 0, 0, 0] > visit[0, 0, -1, 0] for visit in visits]
    assert 16 < sum(mirrored) < 48


def test_jitter_reaches_all_edges_and_nothing_beyond(numbered):
    pipeline = latent(numbered("photos", 1, 19, 18), batch_size=64, load_size=18)
    assert {x for x, _ in corners(pipeline.batch(0)["image"])} == set(range(4))
    assert {y for _, y in corners(pipeline.batch(0)["image"])} == set(range(3))


def test_nothing_is_mirrored_unless_asked_for(numbered):
    images = pixels(latent(numbered("photos", 3), batch_size=32).batch(0)["image"])
    assert (images[:, 0, 0, 0] == 0).all()


def test_a_resumed_run_sees_the_batches_it_would_have_seen(numbered):
    folder = numbered("photos", 5, 20, 20)
    data = {"load_size": 20, "flip": True}
    straight = latent(folder, **data)
    expected = [straight.batch(step) for step in range(6)]
    resumed = latent(folder, **data)
    for step in (4, 5, 0, 3):
        assert_equal(resumed.batch(step), expected[step])
    assert (latent(folder, seed=1, **data).batch(4)["image"] != expected[4]["image"]).any()


def test_two_threads_get_what_one_gets(numbered):
    folder = numbered("photos", 7, 20, 20)
    alone, shared = (latent(folder, load_size=20, flip=True) for _ in range(2))
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        batches = list(threads.map(shared.batch, range(32)))
    for step, batch in enumerate(batches):
        assert_equal(batch, alone.batch(step))


def test_both_images_of_a_pair_get_the_same_crop_and_flip(numbered):
    inputs = numbered("inputs", 8, 24, 20)
    pipeline = pairs(inputs, shutil.copytree(inputs, inputs.parent / "targets"), load_size=20, flip=True)
    batch = pipeline.batch(0)
    np.testing.assert_array_equal(batch["input"], batch["target"])
    assert len(set(corners(batch["input"]))) > 3


def test_a_target_of_another_resolution_is_brought_to_the_input_s(numbered):
    pipeline = pairs(numbered("inputs", 3, 24, 20), numbered("targets", 3, 48, 40), load_size=20)
    batch = pipeline.batch(0)
    assert batch["input"].shape == batch["target"].shape == (8, 16, 16, 3)
    assert numbers(batch["input"]) == numbers(batch["target"])


def test_a_pair_of_unequal_shapes_is_refused(numbered):
    with pytest.raises(UsageError, match=r"0.png \(24x20\) and 0.png \(20x24\)"):
        pairs(numbered("inputs", 3, 24, 20), numbered("targets", 3, 20, 24))


def test_the_two_sets_of_an_unpaired_batch_do_not_go_in_step(numbered):
    config = DataConfig(source=f"folder:{numbered('a', 12)},{numbered('b', 9)}")
    pipeline = opened(TWO, config, image_size=16, channels=3, batch_size=9, seed=0)
    assert len(pipeline) == 12
    a, b = (np.concatenate([numbers(pipeline.batch(step)[key]) for step in range(4)]) for key in "ab")
    assert sorted(a[:12]) == list(range(12)) and sorted(b[:9]) == list(range(9))
    assert len(set((a - b).tolist())) > 4


def test_black_is_minus_one_and_white_is_one(tmp_path):
    half = np.zeros((16, 16, 3), np.uint8)
    half[:, 8:] = 255
    save(tmp_path / "half.png", half)
    image = latent(tmp_path).batch(0)["image"]
    assert image.dtype == np.float32 and (image[:, :, :8] == -1).all() and (image[:, :, 8:] == 1).all()
    low = super_resolution(tmp_path, image_size=16).fixed(1)["low"]
    assert low.dtype == np.float32 and (low[:, :, 0] == 0).all() and (low[:, :, -1] == 1).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_low_resolution_is_pillow_s_bicubic_of_the_very_crop(tmp_path, channels):
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    batch = super_resolution(save(tmp_path / "noise.png", noise).parent, channels=channels, flip=True).batch(3)
    for low, high in zip(batch["low"], pixels(batch["high"]), strict=True):
        image = Image.fromarray(high if channels == 3 else high[..., 0])
        expected = np.asarray(image.resize((2, 2), Image.Resampling.BICUBIC), np.float32).reshape(2, 2, channels) / 255
        np.testing.assert_array_equal(low, expected)


def test_super_resolution_crops_and_does_not_resize(numbered):
    high = pixels(super_resolution(numbered("photos", 2, 40, 30)).batch(0)["high"]).astype(int)
    assert (np.diff(high[..., 0], axis=2) == 1).all() and (np.diff(high[..., 1], axis=1) == 1).all()


def test_images_too_small_for_the_crop_are_named_before_training(numbered, tmp_path):
    numbered("photos", 3)
    save(tmp_path / "photos" / "10.png", coordinates(0, 40, 7))
    with pytest.raises(UsageError, match=r"1 of 4 images .* 10.png \(40x7\).*model.image_size"):
        super_resolution(tmp_path / "photos")


def test_a_wide_image_keeps_its_proportions(numbered):
    image = pixels(latent(numbered("photos", 1, 32, 16)).batch(0)["image"])[0]
    assert image[0, :, 0].tolist() == list(range(8, 24))


@pytest.fixture
def postcard(tmp_path):
    """A folder with one picture of 320x240, whose red is x and whose green is y, as shares of 255."""
    y, x = np.mgrid[:240, :320]
    save(tmp_path / "0.png", np.stack([x * 255 / 319, y * 255 / 239, 0 * x], axis=-1).round().astype(np.uint8))
    return tmp_path


@pytest.mark.parametrize(("resize", "left", "right"), [("crop", 255 / 8, 255 * 7 / 8), ("squash", 0, 255)])
@pytest.mark.parametrize("ask", [lambda opened: opened.batch(0), lambda opened: opened.fixed(1)])
def test_a_picture_of_another_shape_is_cropped_or_squashed_as_is_asked_for(postcard, resize, left, right, ask):
    image = pixels(ask(latent(postcard, image_size=64, resize=resize, batch_size=1))["image"])[0]
    across, down = np.tile([left, right], (64, 1)), np.tile([0, 255], (64, 1))
    np.testing.assert_allclose(image[:, [0, -1], 0], across, atol=3)
    np.testing.assert_allclose(image[[0, -1], :, 1].T, down, atol=3)


def test_a_squashed_picture_is_pillow_s_to_the_bit_and_has_no_room_for_jitter_beyond_load_size(postcard):
    whole = np.asarray(Image.open(postcard / "0.png").resize((70, 70), Image.Resampling.BICUBIC))
    opened = latent(postcard, image_size=64, load_size=70, resize="squash", batch_size=1)
    places = {
        (top, left)
        for step in range(200)
        for top in range(7)
        for left in range(7)
        if np.array_equal(pixels(opened.batch(step)["image"])[0], whole[top : top + 64, left : left + 64])
    }
    assert len(places) > 40 and {place for corner in places for place in corner} == set(range(7))


def test_one_channel_is_luminance(tmp_path):
    save(tmp_path / "red.png", np.full((16, 16, 3), (255, 0, 0), np.uint8))
    image = latent(tmp_path, channels=1).batch(0)["image"]
    assert image.shape == (4, 16, 16, 1) and (pixels(image) == 76).all()


def test_sample_grids_show_the_same_unaugmented_examples_from_all_over_the_set(numbered):
    pipeline = latent(numbered("photos", 10, 20, 20), load_size=20, flip=True)
    fixed = pipeline.fixed(5)
    np.testing.assert_allclose(numbers(fixed["image"]), [0, 2, 4, 6, 8])
    assert (np.diff(pixels(fixed["image"])[:, 8, :, 0].astype(int)) > 0).all()
    pipeline.batch(0)
    assert_equal(pipeline.fixed(5), fixed)
    assert len(pipeline.fixed(99)["image"]) == 10


def test_sample_grids_of_super_resolution_show_the_middle(numbered):
    assert corners(super_resolution(numbered("photos", 1, 40, 30)).fixed(1)["high"]) == [(16, 11)]


def test_a_file_that_breaks_in_decoding_is_replaced_and_named(numbered):
    folder = numbered("photos", 3)
    (folder / "1.png").unlink()
    truncated_jpeg(folder / "1.jpg")
    pipeline = latent(folder, batch_size=3)
    assert pipeline.skipped == []
    with pytest.warns(UserWarning, match="1.jpg"):
        batch = pipeline.batch(0)
    assert sorted(numbers(batch["image"])) == [0, 2, 2]
    assert [name for name, _ in pipeline.skipped] == [str(folder / "1.jpg")]
    with warnings.catch_warnings(action="error"):
        pipeline.batch(1)


def test_a_set_of_which_nothing_can_be_decoded_is_an_error(tmp_path):
    truncated_jpeg(tmp_path / "0.jpg")
    with pytest.raises(RunError, match="none of 1 images.*0.jpg"):
        latent(tmp_path).batch(0)


def test_what_the_cache_holds_is_not_read_again_and_what_it_may_not_hold_is(numbered):
    folder = numbered("photos", 4)
    image_bytes = 16 * 16 * 3
    roomy, tight = latent(folder), latent(folder, cache_gib=2.5 * image_bytes / 2**30)
    assert_equal(roomy.batch(0), tight.batch(0))
    for file in folder.iterdir():
        save(file, np.full((16, 16, 3), 99, np.uint8))
    assert 99 not in numbers(roomy.batch(1)["image"])
    assert numbers(tight.batch(1)["image"]).count(99) == 2


@pytest.mark.parametrize(
    ("batch", "arguments", "data", "message"),
    [
        (ONE, {"channels": 4}, {}, "model.channels: found 4; allowed are 3"),
        (ONE, {}, {"load_size": 8}, "data.load_size: found 8, smaller than model.image_size 16"),
        (CUT_OUT, {}, {"load_size": 32}, "remove load_size"),
        (CUT_OUT, {}, {"resize": "squash"}, "data.resize: .*found squash, allowed is crop"),
        (CUT_OUT, {"scale": 3}, {}, "multiple of the scale, 3"),
        (ONE, {"split": "tets"}, {}, "did you mean 'test'"),
        (ONE, {}, {"source": "foldr:x"}, "allowed are embedded:NAME.*did you mean 'folder'"),
        (ONE, {}, {"source": "photos"}, "did you mean 'folder:photos'"),
    ],
)
def test_what_can_not_be_done_is_refused_in_one_line_that_says_what_can(numbered, batch, arguments, data, message):
    config = DataConfig(**{"source": f"folder:{numbered('photos', 2)}"} | data)
    with pytest.raises(UsageError, match=message) as error:
        opened(batch, config, **{"image_size": 16, "channels": 3, "batch_size": 1, "seed": 0} | arguments)
    assert "\n" not in str(error.value)


def test_the_description_counts_what_there_is(numbered):
    folder = numbered("photos", 2)
    assert latent(folder).description == f"2 images from folder:{folder}, train split, 16x16"


def test_a_disk_that_went_away_is_told_at_the_first_file_not_after_all(numbered):
    folder = numbered("photos", 50)
    pipeline = latent(folder)
    folder.rename(folder.with_name("gone"))
    with warnings.catch_warnings(), pytest.raises(RunError, match="no such file.*it was there when"):
        warnings.simplefilter("error")
        pipeline.batch(0)
    assert pipeline.skipped == []


def test_files_that_all_became_unreadable_are_looked_at_once_each(numbered, monkeypatch):
    folder, looked_at = numbered("photos", 50), []
    pipeline = latent(folder)
    for file in folder.iterdir():
        file.write_bytes(b"")
    monkeypatch.setattr(media, "read_image", lambda file: looked_at.append(file) or read_image(file))
    with pytest.raises(RunError, match="none of 50 images can be decoded"):
        pipeline.batch(0)
    assert len(looked_at) == 50


def test_the_fingerprint_of_data_goes_with_names_and_sizes_of_files_not_with_their_place(numbered):
    folder = numbered("photos", 3)
    before = latent(folder).fingerprint()
    folder = folder.rename(folder.with_name("moved"))
    assert latent(folder).fingerprint() == before
    assert before["images"] == 3
    (folder / "0.png").rename(folder / "9.png")
    renamed = latent(folder).fingerprint()
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes() + b"0")
    assert len({before["digest"], renamed["digest"], latent(folder).fingerprint()["digest"]}) == 3
