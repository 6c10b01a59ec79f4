"""Every mode that is taken, by the values that it must have; others are refused by name."""

import io
import struct
import zlib

import numpy as np
import pytest
from lite.networks import smooth
from PIL import Image, ImageCms

from ganzoo.data.images import image_size, read_image
from ganzoo.lite.errors import RunError, UsageError
from ganzoo.lite.modes import MODES
from ganzoo.lite.pixels import open_picture, picture

WHITE = (255, 255, 255)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(data, zlib.crc32(kind)))


def png(colour_type, depth, row, key=None, after=b""):
    """A PNG of one row of two pixels."""
    head = struct.pack(">IIBBBBB", 2, 1, depth, colour_type, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"tRNS", key) if key else b"", chunk(b"IDAT", zlib.compress(b"\0" + row))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + after + chunk(b"IEND", b"")


def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def two(mode, first, second):
    image = Image.new(mode, (2, 1), first)
    image.putpixel((1, 0), second)
    return image


def tiff(values):
    return saved(Image.fromarray(np.array([values])), "TIFF")


def paletted(**options):
    image = two("P", 0, 1)
    image.putpalette([10, 20, 30, 40, 50, 60])
    return saved(image, "PNG", **options)


def paletted_with_alpha():
    image = two("PA", (0, 0), (1, 255))
    image.putpalette([10, 20, 30, 40, 50, 60])
    return image


GREY16, RGB16 = (
    struct.pack(">HH", 257 * 10, 257 * 200),
    struct.pack(">6H", *(257 * n for n in (10, 20, 30, 40, 50, 60))),
)
GREY, COLOURS = ((10,) * 3, (200,) * 3), ((10, 20, 30), (40, 50, 60))
FILES = {
    "1": (saved(two("1", 0, 255), "PNG"), ((0, 0, 0), WHITE), None),
    "1 with a key": (png(0, 1, b"\x40", b"\0\0"), (WHITE, WHITE), (0, 255)),
    "grey of 2 bits with a key": (png(0, 2, b"\x60", b"\0\1"), (WHITE, (170,) * 3), (0, 255)),
    "grey of 4 bits with a key": (png(0, 4, b"\x1a", b"\0\1"), (WHITE, (170,) * 3), (0, 255)),
    "L": (saved(two("L", 10, 200), "PNG"), GREY, None),
    "L with a key": (saved(two("L", 10, 200), "PNG", transparency=10), (WHITE, (200,) * 3), (0, 255)),
    "LA": (saved(two("LA", (10, 0), (200, 255)), "PNG"), (WHITE, (200,) * 3), (0, 255)),
    "P": (paletted(), COLOURS, None),
    "P with a key": (paletted(transparency=0), (WHITE, COLOURS[1]), (0, 255)),
    "P with alpha": (paletted(transparency=b"\x00\x80"), (WHITE, (147, 152, 157)), (0, 128)),
    "RGB": (saved(two("RGB", *COLOURS), "PNG"), COLOURS, None),
    "RGB with a key": (saved(two("RGB", *COLOURS), "PNG", transparency=COLOURS[0]), (WHITE, COLOURS[1]), (0, 255)),
    "RGB of 16 bits with a key": (png(2, 16, RGB16, RGB16[:6]), (WHITE, COLOURS[1]), (0, 255)),
    "RGBA": (saved(two("RGBA", (0, 0, 0, 0), (40, 50, 60, 255)), "PNG"), (WHITE, COLOURS[1]), (0, 255)),
    "RGBA of 16 bits": (png(6, 16, RGB16[:6] + b"\0\0" + RGB16[6:] + b"\xff\xff"), (WHITE, COLOURS[1]), (0, 255)),
    "CMYK": (saved(two("CMYK", (0, 0, 0, 255), (0, 0, 0, 0)), "TIFF"), ((0, 0, 0), WHITE), None),
    "I;16": (png(0, 16, GREY16), GREY, None),
    "I;16 with a key": (png(0, 16, GREY16, GREY16[:2]), (WHITE, (200,) * 3), (0, 255)),
    "I;16 of a TIFF": (tiff(np.uint16([2570, 51400])), GREY, None),
    "PGM of 16 bits": (b"P5 2 1 65535\n" + GREY16, GREY, None),
    "dark PGM of 16 bits": (b"P5 2 1 65535\n" + struct.pack(">HH", 0, 200), ((0,) * 3, (1,) * 3), None),
    "I of 8 bits": (tiff(np.int32([10, 200])), GREY, None),
    "I of 16 bits": (tiff(np.int32([2570, 51400])), GREY, None),
    "F to 1": (tiff(np.float32([10 / 255, 200 / 255])), GREY, None),
    "F a little beyond 1": (tiff(np.float32([10 / 255, 1.2])), ((10,) * 3, WHITE), None),
    "F to 255": (tiff(np.float32([10, 200])), GREY, None),
    "F with what is no number": (tiff(np.float32([np.nan, 200])), ((0,) * 3, (200,) * 3), None),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_each_mode_has_its_values_for_painting_and_for_training(tmp_path, name):
    data, colours, alpha = FILES[name]
    (tmp_path / "image").write_bytes(data)
    found = open_picture(tmp_path / "image", 3, 3)
    assert found.pixels.tolist() == [[list(colour) for colour in colours]]
    assert (None if found.alpha is None else found.alpha.tolist()) == (alpha and [list(alpha)])
    assert (read_image(tmp_path / "image") == found.pixels).all()


IN_MEMORY = {
    "PA": (paletted_with_alpha(), (WHITE, COLOURS[1])),
    "RGBa": (two("RGBA", (0, 0, 0, 0), (40, 50, 60, 255)).convert("RGBa"), (WHITE, COLOURS[1])),
    "RGBX": (two("RGBX", (10, 20, 30, 0), (40, 50, 60, 9)), COLOURS),
    "YCbCr": (two("YCbCr", (10, 128, 128), (200, 128, 128)), GREY),
    "HSV": (two("HSV", (0, 0, 10), (0, 0, 200)), GREY),
    "LAB": (two("LAB", (0, 128, 128), (255, 128, 128)), ((0, 0, 0), WHITE)),
    "I;16B": (Image.frombytes("I;16B", (2, 1), GREY16), GREY),
    "I;16L": (Image.frombytes("I;16L", (2, 1), GREY16[1::-1] + GREY16[:1:-1]), GREY),
    "I;16N": (Image.frombytes("I;16N", (2, 1), np.uint16([2570, 51400]).tobytes()), GREY),
}


@pytest.mark.parametrize("mode", IN_MEMORY)
def test_a_mode_that_no_file_has_has_its_values(mode):
    image, colours = IN_MEMORY[mode]
    off = np.abs(picture(image, 3, 3).pixels.astype(int) - colours).max()
    # 8 bits of LAB have no black and white of their own.
    assert off <= (1 if mode == "LAB" else 0)


def test_every_mode_that_is_taken_is_tried():
    tried = {Image.open(io.BytesIO(data)).mode for data, _, _ in FILES.values()}
    assert tried | {image.mode for image, _ in IN_MEMORY.values()} >= set(MODES)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (Image.new("La", (2, 1)), "mode La; allowed are 1, L, LA"),
        (Image.fromarray(np.int32([[0, 65536]])), "mode I with values from 0 to 65536; allowed are 0 to 65535"),
        (Image.fromarray(np.int32([[-1, 5]])), "mode I with values from -1 to 5"),
        (Image.fromarray(np.float32([[0, 65535]])), "mode F with values from 0 to 65535; allowed are 0 to 255"),
        (Image.fromarray(np.float32([[0, np.inf]])), "mode F with values from 0 to inf"),
    ],
)
def test_other_modes_and_values_are_refused_by_name(image, words):
    with pytest.raises(ValueError, match=words):
        picture(image, 3, 3)


def test_values_that_no_picture_has_are_named_with_their_file(tmp_path):
    (tmp_path / "in.tif").write_bytes(tiff(np.int32([0, 70000])))
    for read in (read_image, lambda path: open_picture(path, 3, 3)):
        with pytest.raises(RunError, match=r"in\.tif: can't be read .*0 to 70000"):
            read(tmp_path / "in.tif")


def linear(space: bytes) -> bytes:
    """An ICC profile whose values are the light itself."""
    d50 = b"XYZ \0\0\0\0" + struct.pack(">iii", 63190, 65536, 54061)
    tags = {b"wtpt": d50, b"kTRC": b"curv\0\0\0\0" + struct.pack(">I", 0)}
    place, table, data = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, value in tags.items():
        table += name + struct.pack(">II", place + len(data), len(value))
        data += value
    head = struct.pack(">I4sI4s4s4s", place + len(data), b"lcms", 0x02400000, b"mntr", space, b"XYZ ").ljust(36, b"\0")
    head += b"acsp" + bytes(28) + struct.pack(">iii", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + data


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_picture_is_converted_by_its_profile_which_no_colours_can_keep(tmp_path, mode):
    light = Image.new("L", (9, 9), 55)
    light.convert(mode).save(tmp_path / "in.png", icc_profile=linear(b"GRAY"))
    found = open_picture(tmp_path / "in.png", 3, 3)
    # 55 / 255 of the light of white is, in sRGB, 1.055 * 0.2157 ** (1 / 2.4) - 0.055 of 255.
    assert np.abs(found.pixels.astype(int) - 128).max() <= 1
    assert found.profile is None
    assert np.abs(read_image(tmp_path / "in.png").astype(int) - 128).max() <= 1


def test_a_broken_profile_does_not_keep_a_picture_from_being_read(tmp_path):
    Image.new("L", (9, 9), 55).save(tmp_path / "in.png", icc_profile=b"\0" * 16 + b"GRAY" + b"\0" * 100)
    assert (open_picture(tmp_path / "in.png", 3, 3).pixels == 55).all()


def test_colours_with_a_profile_keep_it_or_are_converted(tmp_path):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.new("RGB", (9, 9), (200, 100, 50)).save(tmp_path / "in.png", icc_profile=srgb)
    assert open_picture(tmp_path / "in.png", 3, 3).profile == srgb
    assert open_picture(tmp_path / "in.png", 3, 1).profile is None
    assert open_picture(tmp_path / "in.png", 1, 1).profile is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_size_that_is_told_is_the_size_that_is_read(tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(smooth(20, 40)).save(tmp_path / "in", kind, exif=exif)
    height, width, _ = read_image(tmp_path / "in").shape
    assert image_size(tmp_path / "in") == (width, height) == ((20, 40) if orientation >= 5 else (40, 20))


def test_a_tiff_that_is_turned_is_turned_once(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(smooth(40, 20))).save(tmp_path / "in.tif", exif=exif)
    assert (read_image(tmp_path / "in.tif") == smooth(40, 20)).all()


def test_a_png_that_tells_its_orientation_after_its_pixels_has_one_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    (tmp_path / "in.png").write_bytes(png(0, 8, b"\x0a\xc8", after=chunk(b"eXIf", exif.tobytes()[6:])))
    assert image_size(tmp_path / "in.png") == (1, 2)
    assert read_image(tmp_path / "in.png").shape == (2, 1, 3)


def test_a_runner_names_a_mode_that_it_refuses(tmp_path):
    import exported

    from ganzoo.lite import GanzooLite

    with pytest.raises(UsageError, match="the image: mode La"):
        GanzooLite(exported.negative(tmp_path))(Image.new("La", (9, 9)))
