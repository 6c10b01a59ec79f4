import io

import numpy as np
import pytest
from lite.networks import smooth
from PIL import Image, ImageCms

from ganzoo.lite import png


def written(image, strip, **options):
    file = io.BytesIO()
    rows = (image[first : first + strip] for first in range(0, len(image), strip))
    png.write(file, rows, image.shape[1], image.shape[0], image.shape[2], **options)
    return file


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (2, "LA"), (3, "RGB"), (4, "RGBA")])
@pytest.mark.parametrize("strip", [1, 70, 200])
def test_what_is_written_in_strips_reads_as_it_was(channels, mode, strip):
    image = smooth(150, 33, channels)
    image[40:60] = np.random.default_rng(0).integers(0, 256, (20, 33, channels))
    with Image.open(written(image, strip)) as read:
        assert read.mode == mode
        assert (np.asarray(read).reshape(image.shape) == image).all()


def test_profile_and_exif_are_read_back():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    with Image.open(written(smooth(5, 5), 5, profile=profile, exif=exif.tobytes())) as read:
        read.load()
        assert read.info["icc_profile"] == profile
        assert dict(read.getexif()) == {0x010F: "Maker"}


def test_a_smooth_picture_gets_as_small_as_pillow_makes_it():
    image = smooth(300, 400)
    by_pillow = io.BytesIO()
    Image.fromarray(image).save(by_pillow, "PNG")
    assert len(written(image, 128).getvalue()) < 1.2 * len(by_pillow.getvalue())
