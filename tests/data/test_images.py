import numpy as np
import pytest
from made_images import truncate
from PIL import Image

from ganzoo.data.images import image_size, read_image
from ganzoo.errors import RunError
from ganzoo.lite.tiling import resize

RAMP = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)


def saved(tmp_path, image, name="image.png", **options):
    image.save(tmp_path / name, **options)
    return tmp_path / name


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_is_not_painted_black(tmp_path, mode):
    image = Image.new("RGBA", (4, 2), (0, 0, 0, 0))
    image.paste((0, 0, 0, 255), (2, 0, 4, 2))
    image = image.quantize(4) if mode == "P" else image.convert(mode)
    pixels = read_image(saved(tmp_path, image))
    assert pixels.shape == (2, 4, 3)
    assert (pixels[:, :2] == 255).all() and (pixels[:, 2:] == 0).all()


def test_a_grey_image_with_a_transparent_value_is_on_white(tmp_path):
    image = Image.fromarray(np.array([[7, 90]], np.uint8))
    assert read_image(saved(tmp_path, image, transparency=7))[0].tolist() == [[255] * 3, [90] * 3]


@pytest.mark.parametrize("name", ["ramp.png", "ramp.tif", "ramp.pgm"])
def test_16_bit_images_are_scaled_and_not_clipped(tmp_path, name):
    pixels = read_image(saved(tmp_path, Image.fromarray(RAMP), name))
    assert pixels[..., 0].ravel().tolist() == list(range(256))


def test_floats_between_0_and_1_do_not_come_out_black(tmp_path):
    image = Image.fromarray(np.array([[0, 0.5, 1]], np.float32))
    assert read_image(saved(tmp_path, image, "float.tif"), channels=1).ravel().tolist() == [0, 128, 255]


def test_one_bit_images_span_black_to_white(tmp_path):
    image = Image.fromarray(np.array([[True, False]]))
    assert read_image(saved(tmp_path, image), channels=1).ravel().tolist() == [255, 0]


@pytest.mark.parametrize(("mode", "color"), [("CMYK", (0, 255, 255, 0)), ("LAB", (136, 208, 195))])
def test_print_color_spaces_give_red_for_red(tmp_path, mode, color):
    red = read_image(saved(tmp_path, Image.new(mode, (8, 8), color), "red.tif"))[4, 4].astype(int)
    assert red[0] > 245 and red[1:].max() < 15


def test_the_camera_orientation_is_applied(tmp_path):
    image = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, to be turned clockwise
    file = saved(tmp_path, image, exif=exif)
    assert read_image(file)[:, 0].argmax(axis=1).tolist() == [0, 1, 2]
    assert image_size(file) == (1, 3)


def test_luminance_weighs_the_colors_as_eyes_do(tmp_path):
    image = Image.fromarray(np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8))
    assert read_image(saved(tmp_path, image), channels=1).ravel().tolist() == [76, 150, 29]


@pytest.mark.parametrize("name", ["noise.jpg", "noise.png", "noise.webp"])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    file = saved(tmp_path, Image.fromarray(noise), name)
    truncate(file)
    with pytest.raises(RunError, match=name):
        read_image(file)


def test_a_text_file_and_a_missing_file_are_errors_that_name_them(tmp_path):
    (tmp_path / "notes.png").write_text("not an image")
    with pytest.raises(RunError, match="notes.png"):
        read_image(tmp_path / "notes.png")
    with pytest.raises(RunError, match="gone.png.*no such file"):
        image_size(tmp_path / "gone.png")


def test_shrinking_does_not_alias():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    assert abs(resize(stripes, 16, 16).astype(int) - 127)[:, 2:-2].max() <= 2
