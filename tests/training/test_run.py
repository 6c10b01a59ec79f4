"""Runs of small networks on the embedded images, from the first step to the last, and from wherever they stopped."""

import dataclasses
import functools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import small
import warm
import yaml
from PIL import Image

from ganzoo.architectures.dcgan import DCGAN
from ganzoo.config.parsing import parse_recipe
from ganzoo.config.recipe import DataConfig
from ganzoo.errors import RunError, UsageError
from ganzoo.generators import pretrained
from ganzoo.recipes import registry
from ganzoo.training import callbacks, checkpoints, loop, train

CHANGES = {
    "dcgan": {
        "base_filters": 2,
        "augmentation": ["translation"],
        "ema_decay": 0.9,
        "schedule": {"kind": "linear", "start": 1, "end": 9},
    },
    "cyclegan": {"base_filters": 2, "identity_weight": 0, "pool_size": 2},
}
"""Settings of what draws random numbers, remembers, or depends on the step."""
MARK = "0123456789abcdef" * 2
"""The mark of a process that is no more, in the names of what it had been writing."""


def recipe(name: str = "dcgan", steps: int = 5, training: dict | None = None, **model):
    document = {
        "architecture": name,
        "model": {**small.config(name), **CHANGES.get(name, {}), **model},
        "data": {"source": "embedded:emoji", "flip": True},
        "training": {
            "steps": steps,
            "batch_size": 2,
            "sample_count": 4,
            "sample_every": 2,
            "log_every": 2,
            "checkpoint_every": 2,
            **(training or {}),
        },
    }
    return parse_recipe(document, registry.config_class(name), name)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A DCGAN that was trained for five steps: the GAN and its run directory, which no test changes."""
    directory = tmp_path_factory.mktemp("finished") / "run"
    return train(recipe(), directory), directory


@pytest.fixture
def copied(finished, tmp_path):
    return Path(shutil.copytree(finished[1], tmp_path / "run"))


def metrics(directory):
    """The lines without what depends on the clock."""
    clock = ("time", "images_per_second")
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [{name: value for name, value in line.items() if name not in clock} for line in lines]


def arrays(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files if name != "note"}


def names(directory):
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file())


def test_a_run_writes_all_of_its_directory_and_nothing_else(finished):
    _, directory = finished
    found = [name for name in names(directory) if not name.startswith("tensorboard/events")]
    assert found == [
        ".lock",
        *(f"checkpoints/step_000000{step}.npz" for step in (0, 2, 4, 5)),
        "config.yaml",
        "generator.keras",
        "metrics.jsonl",
        "report.html",
        *(f"samples/step_000000{step}.png" for step in (0, 2, 4, 5)),
    ]
    assert list((directory / "tensorboard").iterdir())


def test_the_last_step_writes_a_line_a_sample_a_checkpoint_and_the_generator(finished):
    gan, directory = finished
    assert [line["step"] for line in metrics(directory)] == [2, 4, 5]
    terms = {"discriminator_real", "discriminator_fake", "generator_adversarial"}
    assert all(set(line) == {"step", "nonfinite", "health", "findings"} | terms for line in metrics(directory))
    assert "sample_diversity" in metrics(directory)[-1]["health"]
    saved = arrays(directory / "checkpoints" / "step_0000005.npz")
    assert small.equal(saved, small.arrays(gan)) == []
    # The average, which is what DCGAN deploys here.
    written = pretrained.load(directory).get_weights()
    assert same(written, gan.deployed()["generator"].get_weights())
    assert not same(written, gan.generator.get_weights())


def same(first: list, second: list) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_samples_show_what_the_networks_paint_at_that_step(finished):
    gan, directory = finished
    with Image.open(directory / "samples" / "step_0000005.png") as picture:
        last = np.asarray(picture)
    painted = np.asarray(gan.samples({"image": np.zeros((4, 32, 32, 3))})["sample"])
    expected = np.clip(np.rint((painted + 1) * 127.5), 0, 255)
    np.testing.assert_array_equal(last[4:36, 4:36], expected[0])
    np.testing.assert_array_equal(last[40:72, 40:72], expected[3])


def test_config_says_all_that_ran(finished):
    document = yaml.safe_load((finished[1] / "config.yaml").read_text("utf-8"))
    assert document["versions"]["keras"] == keras.__version__
    assert document["run"].pop("machine")
    assert document["run"].pop("threads") == len(os.sched_getaffinity(0))
    data = {"place": "embedded:emoji", "images": 1454, "digest": document["run"]["data"]["digest"]}
    assert document["run"] == {"data": data, "strategy": "auto", "init": None, "backend": "tensorflow", "replicas": 1}
    assert document["model"]["precision"] == "float32"
    assert document["training"]["jit_compile"] is False
    assert document["training"]["seed"] == 0
    assert parse_recipe(document, registry.config_class("dcgan"), "again") == recipe()


def check_same_end(resumed: Path, uninterrupted: Path, step: int):
    end = f"step_{step:07d}"
    expected = arrays(uninterrupted / "checkpoints" / f"{end}.npz")
    assert small.equal(arrays(resumed / "checkpoints" / f"{end}.npz"), expected) == []
    first, second = (directory / "samples" / f"{end}.png" for directory in (resumed, uninterrupted))
    assert first.read_bytes() == second.read_bytes()
    by_step = {line["step"]: line for line in metrics(resumed) if "rollback" not in line}
    assert all(by_step[line["step"]] == line for line in metrics(uninterrupted) if "rollback" not in line)
    # From which step it went back may differ: a run that is to end looks there as well.
    first, second = (
        [(line["step"], line["rollback"]["number"]) for line in rollbacks(directory)]
        for directory in (resumed, uninterrupted)
    )
    assert first == second
    steps = [line["step"] for line in metrics(resumed) if "rollback" not in line]
    assert steps == sorted(set(steps))


def rollbacks(directory):
    return [line for line in metrics(directory) if "rollback" in line]


@pytest.fixture(scope="module")
def resumed(tmp_path_factory):
    """As `finished`, but it stopped at step 3, and then a process was killed before it came to the next."""
    directory = tmp_path_factory.mktemp("resumed") / "run"
    train(recipe(), directory, steps=3)
    assert names(directory / "checkpoints") == [f"step_000000{step}.npz" for step in (0, 2, 3)]
    for name in ("checkpoints/.step_0000006.npz", "samples/.step_0000006.png", ".generator.keras"):
        (directory / name).with_suffix(f".part-{MARK}{Path(name).suffix}").write_bytes(b"half")
    return train(recipe(), directory), directory


def test_a_run_that_stopped_and_went_on_ends_as_one_that_did_not_stop_dcgan(finished, resumed):
    gan, directory = resumed
    assert int(gan.step) == 5
    check_same_end(directory, finished[1], 5)


def test_what_a_killed_process_was_writing_is_cleared_away(resumed):
    assert not [name for name in names(resumed[1]) if ".part" in name]


@pytest.mark.parametrize("end", [-40, None])
def test_a_line_of_metrics_that_a_machine_lost_is_there_again_when_the_run_goes_on(finished, copied, end):
    expected = metrics(copied)
    lines = (copied / "metrics.jsonl").read_text("utf-8").splitlines()
    # Cut off within its last line, or without it altogether.
    torn = "\n".join(lines)[:end] if end else "\n".join(lines[:-1])
    (copied / "metrics.jsonl").write_text(torn, "utf-8")
    train(recipe(), copied)
    assert metrics(copied) == expected


@pytest.mark.slow  # test_kill.py has the same on two replicas.
def test_a_run_that_stopped_and_went_on_ends_as_one_that_did_not_stop_cyclegan(tmp_path):
    train(recipe("cyclegan", 4), tmp_path / "whole")
    train(recipe("cyclegan", 2), tmp_path / "parts")
    # Two steps of two fill pools of two and swap: the pool and its count must have been saved.
    train(recipe("cyclegan", 4), tmp_path / "parts")
    check_same_end(tmp_path / "parts", tmp_path / "whole", 4)
    assert {"generator_ab.keras", "generator_ba.keras"} <= set(names(tmp_path / "parts"))


def test_a_run_at_its_end_is_left_as_it_is(copied, capsys):
    before = {name: (copied / name).read_bytes() for name in names(copied)}
    gan = train(recipe(), copied)
    assert int(gan.step) == 5
    assert "already at step 5; give a larger --steps" in capsys.readouterr().err
    assert {name: (copied / name).read_bytes() for name in names(copied)} == before


def test_damaged_checkpoints_are_named_and_the_run_goes_on_from_the_one_before(finished, copied, capsys):
    folder = copied / "checkpoints"
    truncated, flipped = folder / "step_0000005.npz", folder / "step_0000004.npz"
    truncated.write_bytes(truncated.read_bytes()[:-100])
    content = bytearray(flipped.read_bytes())
    content[len(content) // 2] ^= 1
    flipped.write_bytes(content)
    train(recipe(), copied)
    said = capsys.readouterr().err
    for path in (truncated, flipped):
        assert f"{path.with_suffix('.damaged')}: damaged, passed over" in said
    assert "going on from step 2" in said
    # What was damaged was written anew.
    assert checkpoints.restore_newest(checkpoints.list_checkpoints(folder), finished[0].state())[1] == []
    check_same_end(copied, finished[1], 5)


def untouched(directory):
    return {name: (directory / name).read_bytes() for name in names(directory)}


def test_a_run_of_another_recipe_is_refused_and_stays_as_it_is(copied):
    before = untouched(copied)
    with pytest.raises(UsageError, match=r"model.latent_dim \(8 there, 9 now\); use another --run-dir"):
        train(recipe(latent_dim=9), copied)
    assert untouched(copied) == before


@pytest.mark.parametrize("fresh", [False, True])
def test_a_directory_that_is_no_run_is_refused_and_stays_as_it_is(tmp_path, fresh):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "holiday.jpg").write_bytes(b"precious")
    with pytest.raises(UsageError, match="photos: not empty, and no run; give another --run-dir"):
        train(recipe(), tmp_path / "photos", fresh=fresh)
    assert untouched(tmp_path) == {"photos/holiday.jpg": b"precious"}


def plan(capsys, *arguments, **options) -> str:
    """Returns what a dry run prints."""
    train(*arguments, **options, dry_run=True)
    return capsys.readouterr().out


def test_what_is_left_of_a_run_that_was_killed_before_it_began_is_no_obstacle(tmp_path, capsys):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    (tmp_path / "run" / f".config.part-{MARK}.yaml").write_text("archit")
    assert "a new run" in plan(capsys, recipe(), tmp_path / "run")


def test_a_file_is_refused_as_run_directory(tmp_path):
    (tmp_path / "file").write_bytes(b"precious")
    with pytest.raises(UsageError, match="file: a file; give a directory as --run-dir"):
        train(recipe(), tmp_path / "file")
    assert untouched(tmp_path) == {"file": b"precious"}


def test_fresh_moves_the_run_aside_and_begins_anew(copied, capsys):
    before = untouched(copied)
    gan = train(recipe(latent_dim=9), copied, steps=1, fresh=True)
    assert int(gan.step) == 1
    (aside,) = [path for path in copied.parent.iterdir() if path != copied]
    assert untouched(aside) == before
    assert f"the run that was there is now in {aside}" in capsys.readouterr().err
    assert names(copied / "checkpoints") == ["step_0000000.npz", "step_0000001.npz"]
    assert [line["step"] for line in metrics(copied)] == [1]


def test_a_plan_checks_everything_and_writes_nothing(finished, tmp_path, capsys):
    text = plan(capsys, recipe(), tmp_path / "new", steps=7)
    assert not (tmp_path / "new").exists()
    gan, directory = finished
    parameters = {name: f"{network.count_params():,}" for name, network in gan.networks().items()}
    assert f"generator {parameters['generator']}, discriminator {parameters['discriminator']}" in text
    assert "discriminator (discriminator), then generator (generator)" in text
    assert "to 7, batches of 2" in text
    assert "a new run" in text
    before = untouched(directory)
    assert "goes on from step 5" in plan(capsys, recipe(), directory)
    assert untouched(directory) == before
    with pytest.raises(UsageError, match="model.latent_dim"):
        plan(capsys, recipe(latent_dim=9), directory)


def test_init_takes_the_generator_of_another_run_and_its_average(finished):
    _, directory = finished
    weights = pretrained.load(directory).get_weights()
    gan = loop.build(recipe(training={"seed": 5}), "single", str(directory))
    for network in (gan.networks()["generator"], gan.deployed()["generator"]):
        assert same(network.get_weights(), weights)
    assert int(gan.step) == 0


def test_srgan_starts_from_an_srresnet(tmp_path):
    srresnet = small.create("srgan", adversarial_weight=0, seed=3)
    srresnet.generator.save(tmp_path / "srresnet.keras")
    gan = loop.build(recipe("srgan"), "single", str(tmp_path / "srresnet.keras"))
    assert same(gan.generator.get_weights(), srresnet.generator.get_weights())


def test_init_of_a_cyclegan_takes_each_direction_from_its_own_file(tmp_path):
    other = small.create("cyclegan", **CHANGES["cyclegan"], seed=3)
    for name, network in other.deployed().items():
        network.save(tmp_path / f"{name}.keras")
    gan = loop.build(recipe("cyclegan"), "single", str(tmp_path))
    for name in gan.deployed_names:
        assert same(gan.networks()[name].get_weights(), other.networks()[name].get_weights())
    with pytest.raises(UsageError, match="give a run directory, with generator_ab and generator_ba"):
        loop.build(recipe("cyclegan"), "single", str(tmp_path / "generator_ab.keras"))


def test_init_of_another_architecture_is_named_as_that(tmp_path):
    with pytest.raises(UsageError, match=r"--init pix2pix/emoji: is of pix2pix, and this recipe of dcgan") as error:
        train(recipe(), tmp_path / "run", init="pix2pix/emoji")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def test_init_of_a_run_takes_its_discriminator_too_unless_that_has_another_shape(finished):
    gan, directory = finished
    begun = loop.build(recipe(), "single", str(directory))
    assert same(begun.networks()["discriminator"].get_weights(), gan.networks()["discriminator"].get_weights())
    normed = {"discriminator_norm": "none"}
    other, fresh = (loop.build(recipe(**normed), "single", init) for init in (str(directory), None))
    assert same(other.generator.get_weights(), begun.generator.get_weights())
    assert same(other.networks()["discriminator"].get_weights(), fresh.networks()["discriminator"].get_weights())


def test_init_of_a_run_whose_newest_checkpoint_is_broken_takes_the_discriminator_of_the_one_before(copied):
    *_, before, newest = sorted((copied / "checkpoints").glob("step_*.npz"))
    newest.write_bytes(newest.read_bytes()[:2000])
    found = loop.build(recipe(), "single", str(copied)).networks()["discriminator"]
    with np.load(before) as arrays:
        first = min(name for name in arrays if name.startswith("networks/discriminator/"))
        np.testing.assert_array_equal(found.weights[0].numpy(), arrays[first])


def test_init_of_another_shape_is_refused_before_anything_is_written(finished, tmp_path):
    with pytest.raises(UsageError, match="--init .*: its generator has .* arrays that don't fit") as error:
        train(recipe(base_filters=3), tmp_path / "run", init=str(finished[1]))
    assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists()


def settings(**values):
    return [part for name, value in values.items() for part in ("--set", f"{name.replace('__', '.')}={value}")]


def test_sigterm_saves_and_the_same_command_goes_on(ganzoo, tmp_path):
    arguments = [
        *("train", "dcgan", "--run-dir", tmp_path / "run"),
        *settings(model__image_size=32, model__base_filters=2, model__latent_dim=4, model__augmentation="[]"),
        *settings(training__batch_size=2, training__sample_count=4, training__log_every=1),
    ]
    process = warm.Started(arguments, tmp_path, os.environ, tmp_path / "out", tmp_path / "err")
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "run" / "metrics.jsonl").exists():
            assert process.poll() is None, (tmp_path / "err").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        status, said = process.wait(60), (tmp_path / "err").read_text()
    finally:
        process.kill()
    assert status == 130, said
    stopped = metrics(tmp_path / "run")[-1]["step"]
    assert 1 <= stopped < 6000
    assert "SIGTERM: stopping after this step" in said
    assert f"stopped and saved at step {stopped:,}; the same command goes on from there" in said
    assert f"step_{stopped:07d}.npz" in names(tmp_path / "run" / "checkpoints")
    assert f"samples/step_{stopped:07d}.png" in names(tmp_path / "run")
    assert "generator.keras" in names(tmp_path / "run")

    again = ganzoo(*arguments, "--steps", stopped + 2)
    assert again.returncode == 0, again.stderr
    assert f"going on from step {stopped:,}" in again.stderr
    assert [line["step"] for line in metrics(tmp_path / "run")] == list(range(1, stopped + 3))


@pytest.mark.parametrize(("asked", "expected"), [(50, 25), (64, 4), (1, 1), (4, 4), (1000, 25)])
def test_steps_at_a_time_are_no_more_than_tensorflow_traces(asked, expected):
    training = {"steps_per_execution": asked, "log_every": 100, "sample_every": 500, "checkpoint_every": 1000}
    run = SimpleNamespace(recipe=recipe(steps=2000, training=training), last_step=2000)
    assert loop._steps_per_execution(run, first_step=0) == expected


class FullDisk:
    """A disk of its own for the run directory, which can be full.

    Where mounting is not allowed, a limit on the size of a file is as good: the checkpoint is the largest.
    """

    def __init__(self, path: Path):
        self.path = path
        path.mkdir()
        mounting = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", path]
        self.mounted = os.geteuid() == 0 and subprocess.run(mounting, capture_output=True).returncode == 0
        self.reason = "No space left on device" if self.mounted else "File too large"

    def limit(self, checkpoint: Path | None):
        """Lets no second checkpoint of this size be written; None: as before."""
        if self.mounted:
            status = os.statvfs(self.path)
            used = (status.f_blocks - status.f_bfree) * status.f_frsize
            size = used + checkpoint.stat().st_size // 2 if checkpoint else 64 * 2**20
            subprocess.run(["mount", "-o", f"remount,size={size}", self.path], check=True)
        else:
            soft = checkpoint.stat().st_size // 2 if checkpoint else resource.RLIM_INFINITY
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))

    def close(self):
        if self.mounted:
            subprocess.run(["umount", self.path], check=True)
        else:
            self.limit(None)


def test_a_full_disk_is_one_line_and_the_checkpoint_of_before_stays_whole(tmp_path):
    disk = FullDisk(tmp_path / "disk")
    directory = disk.path / "run"
    try:
        train(recipe(base_filters=16), directory, steps=1)
        first, checkpoint = checkpoints.list_checkpoints(directory / "checkpoints")
        content = checkpoint.read_bytes()
        disk.limit(checkpoint)
        with pytest.raises(RunError) as error:
            train(recipe(base_filters=16), directory, steps=2)
        assert str(error.value).startswith(str(directory))
        assert disk.reason in str(error.value)
        assert "the same command goes on from the last checkpoint" in str(error.value)
        assert "\n" not in str(error.value)
        assert names(directory / "checkpoints") == [first.name, checkpoint.name]
        assert checkpoint.read_bytes() == content
        assert not [name for name in names(directory) if "part" in name]
        pretrained.load(directory)
        disk.limit(None)
        assert int(train(recipe(base_filters=16), directory, steps=2).step) == 2
    finally:
        disk.close()


def on_photos(folder, count=6, **training):
    """A recipe for images in a folder, which is made, and nothing of it kept in memory."""
    folder.mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    settings = recipe(steps=2000, training={"sample_every": 4, "checkpoint_every": 1000, **training})
    return dataclasses.replace(settings, data=DataConfig(source=f"folder:{folder}", cache_gib=0))


@pytest.mark.parametrize("together", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_data_that_goes_away_in_the_middle_of_a_run_costs_no_step(tmp_path, monkeypatch, capsys, together):
    photos, draw = tmp_path / "photos", callbacks.Samples.draw
    settings = on_photos(photos, steps_per_execution=together, log_every=2)

    def draw_and_lose(samples, step):
        draw(samples, step)
        if step == 4:
            photos.rename(tmp_path / "unplugged")

    monkeypatch.setattr(callbacks.Samples, "draw", draw_and_lose)
    with pytest.raises(RunError, match="no such file.*it was there when the data was opened"):
        train(settings, tmp_path / "run")
    (saved,) = [name for name in names(tmp_path / "run" / "checkpoints") if name != "step_0000000.npz"]
    step = int(saved[5:12])
    assert step >= 4
    assert f"saved at step {step}; the same command goes on from there" in capsys.readouterr().err
    monkeypatch.undo()
    (tmp_path / "unplugged").rename(photos)
    train(settings, tmp_path / "whole", steps=step + 1)
    train(settings, tmp_path / "run", steps=step + 1)
    check_same_end(tmp_path / "run", tmp_path / "whole", step + 1)


def test_a_run_that_goes_on_with_other_images_says_so(tmp_path, capsys):
    photos = tmp_path / "photos"
    settings = on_photos(photos)
    train(settings, tmp_path / "run", steps=2)
    (photos / "5.png").unlink()
    assert "6 images then, 5 now" in plan(capsys, settings, tmp_path / "run", steps=3)
    capsys.readouterr()
    train(settings, tmp_path / "run", steps=3)
    assert "other data: 6 images then, 5 now" in capsys.readouterr().err


@pytest.fixture
def poison(monkeypatch):
    """Makes the generator's loss NaN in the step that leads to `step`, in the first `times` courses of a run."""

    def poisoned(step, times):
        loss = DCGAN.generator_loss

        def generator_loss(self, batch, outputs):
            struck = keras.ops.logical_and(self.step == step - 1, self.rollbacks < times)
            terms = loss(self, batch, outputs)
            return {name: term * keras.ops.where(struck, np.nan, 1.0) for name, term in terms.items()}

        monkeypatch.setattr(DCGAN, "generator_loss", generator_loss)

    return poisoned


def test_a_run_that_diverges_goes_back_and_on_another_course_comes_to_its_end(finished, poison, tmp_path, capsys):
    poison(step=5, times=1)
    settings = recipe(steps=8, training={"rollback_learning_rate": 0.5, "keep_checkpoints": 9})
    gan = train(settings, tmp_path / "whole")
    assert (gan.steps_done, gan.rollback_count, float(gan.rate_scale)) == (8, 1, 0.5)
    assert all(np.isfinite(array).all() for array in small.arrays(gan).values())
    (record,) = rollbacks(tmp_path / "whole")
    # Step 5 is seen at the next line, of step 6; the last checkpoint before it is of step 4.
    assert record["step"] == 4
    assert (record["rollback"]["number"], record["rollback"]["from"]) == (1, 6)
    said = capsys.readouterr().err
    assert "diverging since step 6" in said
    assert "back to step 4 with other random numbers (1 of 2 times)" in said
    assert [line["step"] for line in metrics(tmp_path / "whole")] == [2, 4, 4, 6, 8]
    assert metrics(tmp_path / "whole")[-1]["rollbacks"] == 1
    # Before it the run is as any other.
    expected = arrays(finished[1] / "checkpoints" / "step_0000002.npz")
    assert small.equal(arrays(tmp_path / "whole" / "checkpoints" / "step_0000002.npz"), expected) == []

    # Stopped where the other run has no checkpoint, within the steps that are lost and after them.
    for stop in (5, 7, 8):
        train(settings, tmp_path / "parts", steps=stop)
    check_same_end(tmp_path / "parts", tmp_path / "whole", 8)


@pytest.mark.slow
def test_a_run_that_diverges_again_and_again_stops_and_says_why(poison, tmp_path):
    poison(step=5, times=99)
    with pytest.raises(
        RunError, match=r"stopped at step 6: the run diverges \(.*\), and has gone back 2 times"
    ) as error:
        train(recipe(steps=8), tmp_path / "run")
    assert "\n" not in str(error.value)
    assert len(rollbacks(tmp_path / "run")) == 2
    assert names(tmp_path / "run" / "checkpoints") == [f"step_000000{step}.npz" for step in (0, 2, 4)]
    assert metrics(tmp_path / "run")[-1]["findings"][0]["name"] == "diverging"
    # The same command comes to the same end.
    with pytest.raises(RunError, match="stopped at step 6"):
        train(recipe(steps=8), tmp_path / "run")


def test_without_rollbacks_a_state_that_is_lost_stops_the_run(poison, tmp_path):
    poison(step=5, times=99)
    with pytest.raises(RunError, match="and has gone back 0 times"):
        train(recipe(steps=8, training={"rollback": 0}), tmp_path / "run")
    assert rollbacks(tmp_path / "run") == []
    assert "step_0000004.npz" in names(tmp_path / "run" / "checkpoints")


@pytest.mark.slow
def test_the_best_checkpoint_is_kept_with_its_networks_through_kills_and_rollbacks(tmp_path, poison):
    best = {"best_metric": "sample_diversity", "best_is": "highest", "keep_checkpoints": 1, "checkpoint_every": 1}
    for steps in (3, 7):
        train(recipe(steps=steps, training=best), tmp_path / "run")
    folder = tmp_path / "run" / "checkpoints"
    lines = {
        line["step"]: line["health"]["sample_diversity"] for line in metrics(tmp_path / "run") if line["step"] % 2 == 0
    }
    (network,) = (folder / "best").iterdir()
    step = int(network.stem[-7:])
    assert lines[step] == max(lines.values())
    assert checkpoints.best(folder, "highest sample_diversity").stem == f"step_{step:07d}"
    poison(step=6, times=1)
    train(recipe(steps=9, training=best), tmp_path / "gone back")
    steps = {checkpoints.step_of(path) for path in checkpoints.list_checkpoints(tmp_path / "gone back" / "checkpoints")}
    found = [int(path.stem[-7:]) for path in (tmp_path / "gone back" / "checkpoints" / "best").iterdir()]
    assert set(found) <= steps


ONE_DEVICE = """
import sys
sys.path[:0] = sys.argv[2:4]
from test_run import recipe
from ganzoo.training import train
train(recipe(), sys.argv[1], steps=int(sys.argv[4]))
"""
TWO_REPLICAS = """
import sys, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})  # Takes longer than these few steps.
sys.path[:0] = sys.argv[2:]
from test_run import recipe
from ganzoo.training import train
train(recipe(), sys.argv[1], steps=6, strategy="mirrored")
"""


@pytest.mark.slow
def test_a_run_that_goes_on_with_other_threads_says_so(copied):
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    command, processors = [sys.executable, "-c", ONE_DEVICE, str(copied), *paths], os.sched_getaffinity(0)
    ways = [
        (processors, {"TF_NUM_INTRAOP_THREADS": "7"}, f"moved: threads ({len(processors)} then, 7 now)."),
        ({min(processors)}, {}, "moved: threads (7 then, 1 now)."),
    ]
    for steps, (allowed, environment, words) in enumerate(ways, 6):
        done = subprocess.run(
            [*command, str(steps)],
            capture_output=True,
            text=True,
            timeout=300,
            env={**os.environ, **environment},
            preexec_fn=functools.partial(os.sched_setaffinity, 0, allowed),
        )
        assert done.returncode == 0, done.stderr
        assert words in done.stderr


@pytest.mark.slow
def test_a_run_goes_on_on_two_replicas_and_back_and_says_what_is_no_longer_bitwise(copied, capsys):
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    command = [sys.executable, "-c", TWO_REPLICAS, str(copied), *paths]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "moved: replicas (1 then, 2 now)." in done.stderr
    assert "no longer bitwise what it would have been" in done.stderr

    gan = train(recipe(), copied, steps=7)
    assert gan.steps_done == 7
    assert "moved: replicas (2 then, 1 now)." in capsys.readouterr().err
    assert names(copied / "checkpoints")[-2:] == ["step_0000006.npz", "step_0000007.npz"]
    # Where it is now is what the next part of it is compared with.
    assert yaml.safe_load((copied / "config.yaml").read_text("utf-8"))["run"]["replicas"] == 1
