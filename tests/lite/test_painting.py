import io

import numpy as np
import pytest
from lite.networks import blur, identity, network, smooth
from PIL import Image, ImageCms

from ganzoo.lite.errors import UsageError
from ganzoo.lite.painting import paint_file
from ganzoo.lite.pixels import UnreadableImage, allow_large

ORIENTATION, MAKER, DETAILS, WIDTH, TAKEN_AT, PLACE = 0x0112, 0x010F, 0x8769, 0xA002, 0x9003, 0x8825


def enlarged(scale=2):
    return network(lambda image: image.repeat(scale, 0).repeat(scale, 1), scale=scale)


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.webp", "out.tif"])
def test_a_picture_is_turned_upright_once_and_keeps_its_exif(tmp_path, name):
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 6, "Maker"
    exif[DETAILS] = {WIDTH: 60, TAKEN_AT: "2020:02:02 20:20:20"}
    exif[PLACE] = {1: "N", 2: (52.0, 30.0, 0.0)}
    lying = np.rot90(smooth(60, 40))
    Image.fromarray(lying).save(tmp_path / "in.png", exif=exif)

    paint_file(enlarged(), tmp_path / "in.png", tmp_path / name)

    with Image.open(tmp_path / name) as painted:
        assert painted.size == (80, 120)
        kept = painted.getexif()
        assert ORIENTATION not in kept
        assert kept[MAKER] == "Maker"
        assert kept.get_ifd(DETAILS)[TAKEN_AT] == "2020:02:02 20:20:20"
        assert kept.get_ifd(DETAILS)[WIDTH] == 80
        assert kept.get_ifd(PLACE)[2] == (52.0, 30.0, 0.0)
        if name == "out.png":
            assert (np.asarray(painted)[::2, ::2] == smooth(60, 40)).all()


def test_broken_exif_is_left_and_does_not_keep_a_picture_from_being_painted(tmp_path):
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in.png", exif=b"Exif\0\0no more of it")
    paint_file(identity(), tmp_path / "in.png", tmp_path / "out.png")
    assert (np.asarray(Image.open(tmp_path / "out.png")) == smooth(40, 40)).all()


def test_how_a_tiff_lies_in_its_file_is_no_exif_of_another(tmp_path):
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in.tif", compression="tiff_lzw", software="mine")
    paint_file(identity(), tmp_path / "in.tif", tmp_path / "out.png")
    assert dict(Image.open(tmp_path / "out.png").getexif()) == {0x0131: "mine"}


@pytest.mark.parametrize(
    ("mode", "space", "kept"), [("RGB", "sRGB", True), ("CMYK", "sRGB", True), ("RGB", "LAB", False)]
)
def test_a_profile_is_kept_where_it_tells_the_colours_that_are_written(tmp_path, mode, space, kept):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile(space)).tobytes()
    Image.new(mode, (40, 40)).save(tmp_path / "in.jpg", icc_profile=profile)
    paint_file(identity(), tmp_path / "in.jpg", tmp_path / "out.png")
    assert (Image.open(tmp_path / "out.png").info.get("icc_profile") == profile) == kept


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_pictures_of_any_mode_are_painted(tmp_path, mode):
    Image.new(mode, (40, 33), 1).save(tmp_path / "in.tif")
    paint_file(identity(), tmp_path / "in.tif", tmp_path / "out.png", keep_alpha=True)
    painted = Image.open(tmp_path / "out.png")
    assert painted.size == (40, 33)
    assert painted.mode == ("RGBA" if mode in ("LA", "RGBA") else "RGB")


def test_a_grey_network_paints_grey(tmp_path):
    Image.new("RGB", (40, 40), (40, 40, 40)).save(tmp_path / "in.png")
    paint_file(identity(channels=1), tmp_path / "in.png", tmp_path / "out.png")
    painted = Image.open(tmp_path / "out.png")
    assert (painted.mode, painted.getpixel((9, 9))) == ("L", 40)


@pytest.mark.parametrize("name", ["out.png", "out.jpg", "out.tif"])
def test_the_resolution_is_kept(tmp_path, name):
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in.jpg", dpi=(300, 150))
    paint_file(enlarged(), tmp_path / "in.jpg", tmp_path / name)
    assert [round(float(number)) for number in Image.open(tmp_path / name).info["dpi"]] == [300, 150]


def test_a_jpeg_is_written_in_full_colour_and_fine(tmp_path):
    colours = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype="uint8")
    Image.fromarray(colours).save(tmp_path / "in.png")
    paint_file(identity(), tmp_path / "in.png", tmp_path / "out.jpg")
    Image.fromarray(colours).save(tmp_path / "fine.jpg", quality=95, subsampling="4:4:4")
    painted, fine = (np.asarray(Image.open(tmp_path / name)) for name in ("out.jpg", "fine.jpg"))
    assert (painted == fine).all()


@pytest.mark.parametrize("suffix", [".gif", ".apng", ".webp", ".tif"])
def test_frames_that_are_left_out_are_told(tmp_path, suffix):
    frames = [Image.new("RGB", (40, 40), (number * 80, 0, 0)) for number in range(3)]
    kind = {".apng": "PNG"}.get(suffix)
    frames[0].save(tmp_path / f"in{suffix}", kind, save_all=True, append_images=frames[1:])
    told = paint_file(identity(), tmp_path / f"in{suffix}", tmp_path / "out.png")
    assert told == ["the first of 3 frames"]


def test_a_picture_that_may_be_made_to_fill_the_memory_is_refused_until_it_is_allowed(tmp_path, monkeypatch):
    Image.new("1", (300, 100)).save(tmp_path / "in.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    with pytest.raises(UnreadableImage, match=r"in\.png: has more than 20,000 pixels.*--large takes it"):
        paint_file(identity(), tmp_path / "in.png", tmp_path / "out.png")
    allow_large()
    paint_file(identity(), tmp_path / "in.png", tmp_path / "out.png")
    assert Image.open(tmp_path / "out.png").size == (300, 100)


@pytest.mark.parametrize("length", [250, 251])
def test_a_name_may_be_as_long_as_the_system_allows(tmp_path, length):
    name = "x" * length + ".png"
    Image.fromarray(smooth(40, 40)).save(tmp_path / "in.png")
    paint_file(identity(), tmp_path / "in.png", tmp_path / name)
    assert (np.asarray(Image.open(tmp_path / name)) == smooth(40, 40)).all()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_picture_that_is_broken_is_named_and_leaves_nothing(tmp_path):
    file = io.BytesIO()
    Image.fromarray(smooth(90, 90)).save(file, "PNG")
    (tmp_path / "in.png").write_bytes(file.getvalue()[:2000])
    with pytest.raises(UnreadableImage, match=r"in\.png: can't be read as an image"):
        paint_file(identity(), tmp_path / "in.png", tmp_path / "new/out.png")
    assert [path.name for path in tmp_path.iterdir()] == ["in.png"]


def test_a_failure_while_painting_leaves_what_was_there(tmp_path):
    def fail(image):
        raise KeyboardInterrupt

    Image.new("RGB", (40, 40)).save(tmp_path / "in.png")
    (tmp_path / "out.png").write_text("before")
    with pytest.raises(KeyboardInterrupt):
        paint_file(network(fail), tmp_path / "in.png", tmp_path / "out.png")
    assert (tmp_path / "out.png").read_text() == "before"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_format_without_room_is_refused_before_anything_is_painted(tmp_path):
    def fail(image):
        raise AssertionError

    Image.new("L", (9000, 1)).save(tmp_path / "in.png")
    with pytest.raises(UsageError, match=r"out\.webp: WEBP has no room for 18000x2.*\.png"):
        paint_file(network(fail, scale=2), tmp_path / "in.png", tmp_path / "out.webp")


def test_a_network_of_other_channels_is_named(tmp_path):
    Image.new("L", (9, 9)).save(tmp_path / "in.png")
    with pytest.raises(UsageError, match="made: takes images of 5 channels"):
        paint_file(blur(channels=5), tmp_path / "in.png", tmp_path / "out.png")
