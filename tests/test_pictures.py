"""Pictures, pixel by pixel."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.generators import pictures


def test_the_range_of_the_networks_becomes_0_to_255_rounded_and_clipped():
    values = np.array([-1, 1, 0.2, -0.6, -1.5, 1.0001, 1e9, np.inf, -np.inf, np.nan], "float32")
    # 127.5 (v + 1): 0.2 is 153, -0.6 is 51.
    assert pictures.to_uint8(values).tolist() == [0, 255, 153, 51, 0, 255, 255, 255, 0, 0]


def test_all_256_levels_come_back_as_they_were():
    levels = np.arange(256, dtype="uint8")
    assert (pictures.to_uint8(levels / np.float32(127.5) - 1) == levels).all()
    assert (pictures.to_uint8(levels) == levels).all()


def test_half_precision_does_not_overflow():
    assert pictures.to_uint8(np.array([1.0, -1.0], "float16")).tolist() == [255, 0]


def numbered(count, height, width, channels, first):
    """Images of one value each: first, first + 1, …"""
    values = np.arange(first, first + count, dtype="uint8")
    return np.broadcast_to(values[:, None, None, None], (count, height, width, channels))


def test_columns_of_an_example_stand_side_by_side_in_their_order():
    picture = np.asarray(pictures.grid({"in": numbered(3, 40, 30, 3, 10), "out": numbered(3, 40, 30, 3, 60)}))
    gap, block = pictures.GAP, 60
    # Two columns of 30 pixels: 3 examples of 60x40 make rows of 1 (a square of about 3 * 40 / 60).
    assert picture.shape == (pictures.TITLE_HEIGHT + 3 * 44, gap + block + gap, 3)
    for row in range(3):
        top = pictures.TITLE_HEIGHT + row * 44
        assert (picture[top : top + 40, gap : gap + 30] == 10 + row).all()
        assert (picture[top : top + 40, gap + 30 : gap + 60] == 60 + row).all()
        assert (picture[top + 40 : top + 44] == pictures.BACKGROUND).all()


def test_pictures_are_enlarged_by_a_whole_factor_where_titles_would_run_into_each_other():
    columns = {"classes": numbered(1, 28, 28, 1, 10), "certainty": numbered(1, 28, 28, 1, 60)}
    picture = np.asarray(pictures.grid(columns))
    # The longer title takes about 54 pixels, which 2 * 28 have.
    assert picture.shape == (pictures.TITLE_HEIGHT + 56 + 4, 4 + 2 * 56 + 4, 3)
    assert (picture[-6, 4:116, 0] == [10] * 56 + [60] * 56).all()
    # Between the titles nothing is written.
    assert (picture[: pictures.TITLE_HEIGHT, 58:60] == pictures.BACKGROUND).all()


def test_sixteen_samples_are_four_by_four_row_by_row():
    picture = np.asarray(pictures.grid({"sample": numbered(16, 8, 8, 3, 0)}))
    assert picture.shape == (4 * 12 + 4, 4 * 12 + 4, 3)
    assert picture[8::12, 8::12, 0].tolist() == [[4 * row + column for column in range(4)] for row in range(4)]
    assert (picture[:4] == pictures.BACKGROUND).all()


def test_a_last_row_that_is_not_full_stays_empty():
    picture = np.asarray(pictures.grid({"sample": numbered(5, 8, 8, 3, 0)}))
    assert picture[8::12, 8::12, 0].tolist() == [[0, 1], [2, 3], [4, pictures.BACKGROUND]]


def test_one_image_is_a_grid_too():
    assert np.asarray(pictures.grid({"sample": numbered(1, 8, 8, 3, 7)}))[4:12, 4:12].tolist() == [[[7] * 3] * 8] * 8


def test_grey_images_become_grey_pictures():
    picture = pictures.grid({"sample": numbered(4, 8, 8, 1, 100)})
    assert picture.mode == "RGB"
    assert picture.getpixel((5, 5)) == (100, 100, 100)


def test_titles_stand_over_the_columns_only_where_there_are_several():
    titled = np.asarray(pictures.grid({"a": numbered(2, 64, 64, 3, 0), "b": numbered(2, 64, 64, 3, 0)}))
    for left in (pictures.GAP, pictures.GAP + 64):
        assert (titled[: pictures.TITLE_HEIGHT, left : left + 64] < 128).any()
    untitled = np.asarray(pictures.grid({"a": numbered(2, 64, 64, 3, 0)}))
    assert (untitled[: pictures.GAP] == pictures.BACKGROUND).all()


def waved(values) -> np.ndarray:
    """A clip as a picture, 41 pixels high, and how dark each is: 0 where the panel is seen, or the white edge."""
    picture = pictures.waveforms(np.asarray(values, "float32")[None, :, None], (41, 62))[0]
    return 244.0 - np.minimum(picture[..., 0], 244)


def test_a_waveform_goes_up_with_its_values_from_left_to_right():
    dark = waved(np.linspace(-0.9, 0.9, 500))
    middles = (dark > 120).argmax(axis=0)[:60]
    assert middles[0] > 35 and middles[-1] < 5 and (np.diff(middles) <= 0).all()


def test_one_loud_value_among_many_is_not_lost():
    values = np.zeros(48_000)
    values[24_010] = 1.0
    dark = waved(values)
    assert (dark[4:18] > 150).any(axis=1).all() and (dark[:15, :29] == 0).all()


def test_a_short_clip_is_a_line_without_gaps():
    dark = waved([0.9, -0.9, 0.9, -0.9])
    assert (dark[5:36] > 100).any(axis=1).all() and (dark[:, :60] > 60).any(axis=0).all()


def test_what_is_no_sound_is_silence_and_what_is_too_loud_stays_in_the_picture():
    assert (waved([np.nan] * 9) == waved([0.0] * 9)).all()
    assert (waved([3.0, -3.0] * 50) == waved([1.0, -1.0] * 50)).all()


def test_waveforms_stand_beside_images_at_their_size_and_are_wide_without():
    clips, images = np.zeros((2, 500, 1), "float32"), numbered(2, 40, 30, 1, 0)
    beside = np.asarray(pictures.grid({"a": clips, "b": images}))
    assert beside.shape[:2] == np.asarray(pictures.grid({"a": images, "b": images})).shape[:2]
    height, width = pictures.WAVEFORM
    alone = pictures.grid({"sound": clips[:1]})
    assert alone.size == (width + 8, height + 8)


def test_columns_of_different_sizes_are_not_put_into_one_grid():
    with pytest.raises(ValueError, match="same shape"):
        pictures.grid({"a": numbered(2, 8, 8, 3, 0), "b": numbered(2, 16, 16, 3, 0)})


@pytest.mark.parametrize("name", ["new/folder/picture.png", "picture.JPG", "picture.webp", "picture", "picture.step"])
def test_save_makes_the_folder_and_leaves_nothing_beside(tmp_path, name):
    picture = pictures.grid({"sample": numbered(1, 8, 8, 3, 7)})
    path = tmp_path / name
    pictures.save(picture, path)
    assert [found.name for found in path.parent.iterdir()] == [path.name]
    with Image.open(path) as read:
        assert read.format == {".JPG": "JPEG", ".webp": "WEBP"}.get(path.suffix, "PNG")
        assert read.size == picture.size


def test_a_save_that_fails_leaves_the_picture_of_before(tmp_path):
    path = tmp_path / "picture.jpg"
    pictures.save(Image.new("RGB", (4, 4)), path)
    before = path.read_bytes()
    with pytest.raises(OSError, match="RGBA"):
        pictures.save(Image.new("RGBA", (4, 4)), path)
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["picture.jpg"]


def test_formats_that_can_only_be_read_are_not_taken_for_writing():
    formats = [pictures.format_of(Path(name)) for name in ("a.png", "a.JPEG", "a.xyz", "a", "a.fits")]
    assert formats == ["PNG", "JPEG", None, None, None]


def test_a_gifs_frames_share_one_palette_and_what_stands_still_does_not_flicker(tmp_path):
    # A gradient that stands still, beside pixels of so many colours that no palette holds them.
    still = np.broadcast_to(np.linspace(0, 255, 64).astype("uint8")[:, None], (64, 64))
    moving = np.random.default_rng(0).integers(0, 256, (12, 64, 32, 3), dtype="uint8")
    images = np.concatenate([np.broadcast_to(still[None, ..., None], (12, 64, 64, 3)), moving], axis=2)
    path = tmp_path / "new" / "x.gif"
    pictures.save_animation(images, path)
    with Image.open(path) as animation:
        found = []
        for index in range(animation.n_frames):
            animation.seek(index)
            found.append(np.asarray(animation.convert("RGB")))
    assert len({frame.tobytes() for frame in np.stack(found)[:, :, :64]}) == 1
    assert len(np.unique(np.stack(found).reshape(-1, 3), axis=0)) <= 256
    assert [left.name for left in path.parent.iterdir()] == ["x.gif"]


@pytest.mark.parametrize(("name", "channels"), [("x.apng", 1), ("x.apng", 3), ("x.gif", 1)])
def test_what_has_room_for_all_its_colours_is_animated_bit_for_bit(tmp_path, name, channels):
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 9, channels), dtype="uint8")
    pictures.save_animation(images, tmp_path / name)
    with Image.open(tmp_path / name) as animation:
        assert animation.n_frames == 3
        for index, image in enumerate(images):
            animation.seek(index)
            assert (np.asarray(animation.convert("RGB")) == image).all()


def test_a_grid_in_jpeg_is_written_in_full_color_and_fine(tmp_path):
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype="uint8"))
    pictures.save(picture, tmp_path / "out.jpg")
    picture.save(tmp_path / "fine.jpg", quality=95, subsampling="4:4:4")
    assert (tmp_path / "out.jpg").read_bytes() == (tmp_path / "fine.jpg").read_bytes()
