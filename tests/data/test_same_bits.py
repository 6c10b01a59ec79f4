"""The pipeline gives the bits that it gave before batches were declared by fields."""

import hashlib

import numpy as np
import pytest
from batches import CUT_OUT, ONE, PAIR, TWO, opened
from made_images import save

from ganzoo.config.recipe import DataConfig

JITTER = {"load_size": 18, "flip": True}
DRAWN = {"domains": ("ink", "outlined"), "hints": 6, "recolor": True, "redraw": True, "load_size": 36, "flip": True}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Noise: in A and B as two sets, and in one."""
    root = tmp_path_factory.mktemp("noise")
    for name, count, width, height, first in (("one", 7, 24, 20, 0), ("A", 5, 24, 20, 100), ("B", 8, 20, 26, 200)):
        for number in range(count):
            rng = np.random.Generator(np.random.Philox(first + number))
            save(root / name / f"{number}.png", rng.integers(0, 256, (height, width, 3), np.uint8))
    return root


def digest(batches) -> str:
    found = hashlib.sha256()
    for batch in batches:
        for key, values in batch.items():
            found.update(f"{key} {values.dtype} {values.shape}".encode() + np.ascontiguousarray(values).tobytes())
    return found.hexdigest()[:16]


@pytest.mark.parametrize(
    ("batch", "source", "data", "sizes", "bits", "fingerprint"),
    [
        (ONE, "folder:{}/one", JITTER, {"channels": 1}, "6a6b6599b8a9d384", "f288a442d8c86ca0"),
        (PAIR, "embedded:emoji", DRAWN, {"image_size": 32}, "63fc18fcc96d63fa", "853a5f32a024c79d"),
        (TWO, "folder:{}", {**JITTER, "resize": "squash"}, {}, "24bda7be342d61b7", "2b043a99a7ed7dd8"),
        (CUT_OUT, "folder:{}/one", {"flip": True}, {"image_size": 8}, "4deb56ee36da9fe4", "f288a442d8c86ca0"),
    ],
)
def test_batches_and_fingerprints_are_bitwise_what_they_were(folder, batch, source, data, sizes, bits, fingerprint):
    pipeline = opened(batch, DataConfig(source=source.format(folder), **data), seed=3, **sizes)
    asked = [pipeline.batch(0), pipeline.batch(5), pipeline.part(3, 1, 2), pipeline.fixed(4)]
    assert digest([*asked, pipeline.reordered(2).batch(1)]) == bits
    assert pipeline.fingerprint()["digest"] == fingerprint


@pytest.mark.parametrize(
    ("batch", "source", "split", "described", "fingerprint"),
    [
        (ONE, "emoji", "train", "1,454 images from embedded:emoji (flat)", "43c14429adfc23f5"),
        (TWO, "emoji", "test", "134 and 134 images from embedded:emoji (flat <-> 3d)", "b2075f6818fa9fba"),
        (CUT_OUT, "emoji", "train", "1,436 images from embedded:emoji (3d)", "e0b64ed105be8db0"),
        (ONE, "avatars", "train", "10,000 images from embedded:avatars (colour)", "95f3942edce8cbde"),
        (PAIR, "avatars", "test", "2,000 pairs from embedded:avatars (ink -> colour)", "5abb4d3ca1fe9de7"),
        (TWO, "avatars", "test", "2,000 and 2,000 images from embedded:avatars (colour <-> ink)", "5abb4d3ca1fe9de7"),
        (ONE, "letters", "train", "10,712 images from embedded:letters (gray)", "d499e89f107c88a1"),
    ],
)
def test_embedded_sets_are_taken_and_recorded_as_they_were(batch, source, split, described, fingerprint):
    pipeline = opened(batch, DataConfig(source=f"embedded:{source}"), split=split, image_size=64)
    assert pipeline.description == f"{described}, {split} split, 64x64"
    assert pipeline.fingerprint()["digest"] == fingerprint
