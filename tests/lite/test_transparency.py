"""Transparent parts of pictures."""

import numpy as np
import pytest
from lite.networks import identity, network, smooth
from PIL import Image, ImageDraw

from ganzoo.lite import tiling
from ganzoo.lite.painting import paint_file


def bilinear(scale=2):
    """Enlarges without ringing, which over each backdrop would be another."""

    def run(image):
        height, width = image.shape[:2]
        channels = [Image.fromarray(channel) for channel in np.moveaxis(image, 2, 0)]
        size = (width * scale, height * scale)
        return np.stack([np.asarray(one.resize(size, Image.Resampling.BILINEAR)) for one in channels], 2)

    return network(run, scale=scale)


def nearest(scale=2, channels=3):
    return network(lambda image: image.repeat(scale, 0).repeat(scale, 1), scale=scale, channels=channels)


def over(image: Image.Image, grey: int) -> np.ndarray:
    backdrop = Image.new("RGBA", image.size, (grey, grey, grey, 255))
    return np.asarray(Image.alpha_composite(backdrop, image.convert("RGBA")).convert("RGB")).astype(int)


def half():
    return Image.new("RGBA", (64, 64), (255, 0, 0, 128))


def hard():
    image = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((9, 9, 50, 50), fill=(30, 90, 220, 255))
    return image


def soft():
    y, x = np.mgrid[:64, :64]
    alpha = np.clip((26 - np.hypot(y - 32, x - 32)) * 25 + 128, 0, 255).astype("uint8")
    return Image.fromarray(np.dstack([np.broadcast_to(np.uint8([200, 60, 20]), (64, 64, 3)), alpha]))


@pytest.mark.parametrize("backdrop", [0, 128, 255])
@pytest.mark.parametrize("image", [half, hard, soft])
@pytest.mark.parametrize("enlarger", [nearest, bilinear])
def test_an_enlarged_picture_looks_over_any_backdrop_as_if_it_had_lain_there_before(
    tmp_path, backdrop, image, enlarger
):
    image().save(tmp_path / "in.png")
    paint_file(enlarger(), tmp_path / "in.png", tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as painted:
        found = over(painted, backdrop)
    before = over(image(), backdrop).astype("float32")
    expected = np.clip(enlarger().call(before[None])[0], 0, 255)
    assert np.abs(found - expected).max() <= 3


def test_half_a_red_stays_half_a_red(tmp_path):
    half().save(tmp_path / "in.png")
    paint_file(nearest(), tmp_path / "in.png", tmp_path / "out.png")
    assert Image.open(tmp_path / "out.png").getcolors() == [(128 * 128, (255, 0, 0, 128))]


def test_what_is_opaque_or_clear_all_around_stays_so_whatever_the_network_makes_of_white_and_black(tmp_path):
    hard().save(tmp_path / "in.png")
    paint_file(
        network(lambda image: np.clip(image, 4, 250).repeat(2, 0).repeat(2, 1), scale=2),
        tmp_path / "in.png",
        tmp_path / "out.png",
    )
    alpha = np.asarray(Image.open(tmp_path / "out.png"))[..., 3]
    assert (alpha[56, 56], alpha[2, 2]) == (255, 0)


def test_alpha_is_enlarged_in_the_same_strips_as_the_colours(tmp_path, monkeypatch):
    soft().resize((90, 150)).save(tmp_path / "in.png")
    paint_file(nearest(), tmp_path / "in.png", tmp_path / "whole.png")
    monkeypatch.setattr(tiling, "TILE", 128)
    monkeypatch.setattr(tiling, "STRIP", 50)
    paint_file(nearest(), tmp_path / "in.png", tmp_path / "tiles.png")
    whole, tiles = (np.asarray(Image.open(tmp_path / name)).astype(int) for name in ("whole.png", "tiles.png"))
    assert np.abs(whole[..., 3] - tiles[..., 3]).max() <= 1


def test_a_grey_enlarger_keeps_alpha_as_well(tmp_path):
    Image.new("LA", (40, 40), (60, 128)).save(tmp_path / "in.png")
    paint_file(nearest(channels=1), tmp_path / "in.png", tmp_path / "out.png")
    painted = Image.open(tmp_path / "out.png")
    assert (painted.mode, painted.size) == ("LA", (80, 80))
    level, alpha = painted.getpixel((9, 9))
    assert (alpha, abs(level - 60) <= 1) == (128, True)


def drawing():
    """Black lines on nothing."""
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    ImageDraw.Draw(image).rectangle((5, 5, 30, 30), outline=(0, 0, 0, 255))
    return image


def palette():
    """The same, as a palette with alpha."""
    image = Image.new("P", (40, 40), 0)
    image.putpalette([9, 9, 9, 0, 0, 0])
    ImageDraw.Draw(image).rectangle((5, 5, 30, 30), outline=1)
    return image


def yellow():
    """Paints what is white yellow, as a network fills line art."""
    return network(lambda image: image * np.float32([1, 0.8, 0.2]))


@pytest.mark.parametrize("image", [drawing, palette])
def test_line_art_on_nothing_is_painted_all_over_and_that_is_told(tmp_path, image):
    options = {"transparency": b"\x00\xff"} if image is palette else {}
    image().save(tmp_path / "in.png", **options)
    told = paint_file(yellow(), tmp_path / "in.png", tmp_path / "out.png")
    painted = Image.open(tmp_path / "out.png")
    assert (painted.mode, painted.getpixel((9, 9)), painted.getpixel((5, 5))) == ("RGB", (255, 204, 51), (0, 0, 0))
    assert len(told) == 1
    assert "--keep-alpha" in told[0]


@pytest.mark.parametrize("image", [drawing, palette])
def test_line_art_is_cut_out_again_if_asked(tmp_path, image):
    options = {"transparency": b"\x00\xff"} if image is palette else {}
    image().save(tmp_path / "in.png", **options)
    assert paint_file(yellow(), tmp_path / "in.png", tmp_path / "out.png", keep_alpha=True) == []
    painted = Image.open(tmp_path / "out.png")
    assert [painted.getpixel(place) for place in ((9, 9), (5, 5))] == [(255, 204, 51, 0), (0, 0, 0, 255)]


def test_transparency_that_a_format_can_not_hold_is_white_and_that_is_told(tmp_path):
    hard().save(tmp_path / "in.png")
    (told,) = paint_file(nearest(), tmp_path / "in.png", tmp_path / "out.jpg")
    assert Image.open(tmp_path / "out.jpg").getpixel((2, 2)) == (255, 255, 255)
    assert "JPEG" in told


def test_a_picture_that_hides_nothing_is_opaque_and_nothing_is_told(tmp_path):
    Image.fromarray(smooth(40, 40)).convert("RGBA").save(tmp_path / "in.png")
    for network_ in (identity(), nearest()):
        assert paint_file(network_, tmp_path / "in.png", tmp_path / "out.png") == []
        assert Image.open(tmp_path / "out.png").mode == "RGB"


def test_what_is_cut_out_again_is_not_blended_twice(tmp_path):
    soft().save(tmp_path / "in.png")
    paint_file(identity(), tmp_path / "in.png", tmp_path / "out.png", keep_alpha=True)
    with Image.open(tmp_path / "out.png") as painted:
        for grey in (0, 128, 255):
            assert np.abs(over(painted, grey) - over(soft(), grey)).max() <= 3


def sharpening():
    """Makes edges steeper, as generators do and filters don't."""
    return network(lambda image: (255 * (image / 255) ** 1.3).repeat(2, 0).repeat(2, 1), scale=2)


@pytest.mark.parametrize("backdrop", [0, 255])
def test_a_network_that_is_no_filter_is_off_no_more_over_one_backdrop_than_over_another(tmp_path, backdrop):
    soft().save(tmp_path / "in.png")
    paint_file(sharpening(), tmp_path / "in.png", tmp_path / "out.png")
    with Image.open(tmp_path / "out.png") as painted:
        found = over(painted, backdrop)
    expected = sharpening().call(over(soft(), backdrop).astype("float32")[None])[0]
    assert np.abs(found - expected).max() <= 13
