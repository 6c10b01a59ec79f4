"""Clips from real .wav files: their values, which part of them, and what is refused."""

import struct
import wave
from types import SimpleNamespace

import numpy as np
import pytest
from batches import opened

from ganzoo.config.recipe import DataConfig
from ganzoo.data.fields import Clip, Image, Label, Stream
from ganzoo.data.pipeline import open_pipeline
from ganzoo.data.sound import read_clip
from ganzoo.errors import RunError, UsageError

CLIPS = (Stream(clip=Clip()),)


def write(path, values, *, width=2, channels=1, rate=8000):
    """A PCM file of whole numbers, as bytes put together by hand."""
    path.parent.mkdir(parents=True, exist_ok=True)
    signed = b"".join(int(value).to_bytes(4, "little", signed=True)[:width] for value in np.ravel(values))
    data = bytes(byte ^ 0x80 for byte in signed) if width == 1 else signed
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(channels)
        sound.setsampwidth(width)
        sound.setframerate(rate)
        sound.writeframes(data)
    return path


def clips(folder, *, length=8, rate=8000, batch=CLIPS, batch_size=4, split="train", **sizes):
    return opened(
        batch,
        DataConfig(source=f"folder:{folder}"),
        batch_size=batch_size,
        split=split,
        clip_length=length,
        sample_rate=rate,
        **sizes,
    )


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_goes_from_minus_one_to_just_below_one(tmp_path, width):
    top = 2 ** (8 * width - 1)
    file = write(tmp_path / "a.wav", [-top, -top // 2, 0, top // 2, top - 1], width=width)
    clip = read_clip(file, 0, 5)
    assert clip.dtype == np.float32 and clip.shape == (5, 1)
    np.testing.assert_allclose(clip[:, 0], [-1, -0.5, 0, 0.5, 1 - 1 / top], rtol=1e-7)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_channels_are_mixed_to_their_mean(tmp_path, width):
    full = 2 ** (8 * width - 2)
    file = write(tmp_path / "a.wav", [[full, 0], [full, full], [-full, full]], width=width, channels=2)
    np.testing.assert_allclose(read_clip(file, 0, 3)[:, 0], [0.25, 0.5, 0])


def test_a_visit_hears_any_part_and_fixed_the_first(tmp_path):
    write(tmp_path / "a.wav", np.arange(12) * 256)
    pipeline = clips(tmp_path, length=8, batch_size=64)
    assert (pipeline.shapes, pipeline.dtypes) == ({"clip": (64, 8, 1)}, {"clip": "float32"})
    heard = np.rint(pipeline.batch(0)["clip"][..., 0] * 128).astype(int)
    assert (np.diff(heard, axis=1) == 1).all() and set(heard[:, 0]) == set(range(5))
    np.testing.assert_array_equal(pipeline.fixed(1)["clip"][0, :, 0] * 128, np.arange(8))
    again = clips(tmp_path, length=8, batch_size=64)
    np.testing.assert_array_equal(again.batch(3)["clip"], pipeline.batch(3)["clip"])


def test_a_short_file_is_filled_up_with_silence(tmp_path):
    write(tmp_path / "a.wav", [16384] * 3)
    assert clips(tmp_path, length=6).batch(0)["clip"][0, :, 0].tolist() == [0.5, 0.5, 0.5, 0, 0, 0]


def test_clips_have_labels_by_their_folders(tmp_path):
    for place, name in enumerate(("drum", "flute")):
        write(tmp_path / name / "a.wav", [(place + 1) * 8192] * 8)
    batch = clips(tmp_path, batch=(Stream(clip=Clip(), label=Label()),), classes=2).batch(0)
    assert batch["label"].tolist() == [int(value * 4) - 1 for value in batch["clip"][:, 0, 0]]


def test_another_rate_than_the_config_s_names_both(tmp_path):
    write(tmp_path / "a.wav", [0] * 9)
    write(tmp_path / "b.wav", [0] * 9, rate=44100)
    with pytest.raises(UsageError, match="1 of 2 clips have another rate than model.sample_rate, 8000, .*b.wav, of 44"):
        clips(tmp_path)


def test_what_is_no_pcm_or_ends_early_is_left_out_and_told(tmp_path):
    write(tmp_path / "a.wav", [0] * 9)
    whole = write(tmp_path / "b.wav", [0] * 900).read_bytes()
    (tmp_path / "b.wav").write_bytes(whole[:300])
    floats = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 44, b"WAVE", b"fmt ", 16, 3, 1, 8000, 32000, 4, 32, b"data", 8)
    (tmp_path / "c.wav").write_bytes(floats + bytes(8))
    write(tmp_path / "d.wav", [])
    wide = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 46, b"WAVE", b"fmt ", 16, 1, 1, 8000, 40000, 5, 40, b"data", 10)
    (tmp_path / "f.wav").write_bytes(wide + bytes(10))
    (tmp_path / "e.mp3").write_bytes(b"")
    with pytest.warns(UserWarning, match="5 unreadable, left out"):
        pipeline = clips(tmp_path)
    assert len(pipeline) == 1
    reasons = {name.rpartition("/")[2]: reason for name, reason in pipeline.skipped}
    assert "it ends early" in reasons["b.wav"] and "convert it to PCM" in reasons["c.wav"]
    assert "its values have 40 bits, and 8, 16, 24 and 32 are read); convert" in reasons["f.wav"]
    assert "no sound" in reasons["d.wav"] and reasons["e.mp3"] == ".mp3 is not read; convert it to WAV"


def test_a_file_that_goes_away_ends_the_run_with_its_name(tmp_path):
    file = write(tmp_path / "a.wav", [0] * 9)
    pipeline = clips(tmp_path)
    file.unlink()
    with pytest.raises(RunError, match="a.wav: can't be read as a .wav file.*it was there when"):
        pipeline.batch(0)


def test_the_split_picks_its_folder_of_clips(tmp_path):
    for name in "ab":
        write(tmp_path / f"train/{name}.wav", [8192] * 8)
    write(tmp_path / "test/a.wav", [16384] * 8)
    assert clips(tmp_path, split="test").batch(0)["clip"][0, 0, 0] == 0.5
    assert clips(tmp_path).description == f"2 clips from folder:{tmp_path}, train split, 8 values"


@pytest.mark.parametrize("source", ["embedded:avatars", "embedded:emoji", "tfds:fashion_mnist"])
def test_sources_of_pictures_say_that_they_have_no_sound(source):
    with pytest.raises(UsageError, match=rf"{source}: has no sound; a batch of clip needs folder:PATH"):
        opened(CLIPS, DataConfig(source=source), clip_length=8, sample_rate=8000)


def test_a_folder_of_pictures_has_no_clips_and_a_batch_has_not_both(numbered):
    folder = numbered("photos", 2)
    with pytest.raises(UsageError, match="photos: no clips; looked for .wav"):
        clips(folder)
    with pytest.raises(UsageError, match="a batch of clip, image has both pictures and clips; no source has"):
        clips(folder, batch=(Stream(clip=Clip()), Stream(image=Image())))


@pytest.mark.parametrize("data", [{"flip": True}, {"load_size": 20}])
def test_settings_of_pictures_are_refused_for_clips(tmp_path, data):
    write(tmp_path / "a.wav", [0] * 9)
    config = SimpleNamespace(batch=CLIPS, clip_length=8, sample_rate=8000)
    with pytest.raises(UsageError, match=rf"data.{next(iter(data))}: is for pictures; found a batch of clip; remove"):
        open_pipeline(config, DataConfig(source=f"folder:{tmp_path}", **data), batch_size=1, seed=0)
    (only,) = open_pipeline(config, DataConfig(source=f"folder:{tmp_path}"), batch_size=1, seed=0).fixed(1)["clip"]
    assert only.shape == (8, 1), "a config of sound has no image_size"
