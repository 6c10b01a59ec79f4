"""`ganzoo.export`: what it writes, what it proves, and that it writes nothing that is not so."""

import dataclasses
import errno
import json

import keras
import numpy as np
import painters
import pytest
import small
import yaml
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

import ganzoo
from ganzoo.config import parsing
from ganzoo.errors import RunError, UsageError
from ganzoo.exporting import convert, interface, proof, publish
from ganzoo.generators import inference, pretrained
from ganzoo.lite import card
from ganzoo.lite.runner import GanzooLite
from ganzoo.recipes import recipes, registry

SIZES = {"srgan": (16, 16)}
"""The sizes of exports, for networks that have none of their own."""


def export(model, out, **options):
    return ganzoo.export(model, out, **{"measure": False, **options})


def contents(folder) -> dict:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


PAINTERS = [
    name
    for name in registry.names()
    if {signature.made for signature in registry.config_class(name).deployed.values()} == {"image"}
]


@pytest.mark.parametrize("name", small.each(PAINTERS, slow=("cyclegan", "srgan", "stylegan2")))
def test_all_that_paint_export_in_the_default_set_with_built_in_operators_and_a_true_card(name, tmp_path):
    # Networks of so few filters are rough in 8 bits.
    report = export(painters.painter(name), tmp_path / "out", size=SIZES.get(name), allow_below=35)

    tflite = {f"generator_{precision}.tflite": precision for precision in ("float32", "float16", "dynamic")}
    # Those of parts are tested in test_parts.py.
    whole = [file for file in report.files if file.startswith("generator_")]
    assert set(whole) == {"generator_savedmodel", *tflite}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {card.NAME, *report.files}
    for file in whole:
        entry = card.read(tmp_path / "out" / file)
        assert entry == report.files[file]
        assert entry["quality"]["examples"] == 16
        assert entry["quality"]["psnr_mean"] >= {"none": 100, "float16": 65, "dynamic": 35}[entry["quantization"]]
    for file, precision in tflite.items():
        path = tmp_path / "out" / file
        assert not [name for name in painters.operators(path) if name.startswith("Flex") or name == "CUSTOM"]
        interface = card.interface(card.read(path), path)
        signature = Interpreter(str(path)).get_signature_runner("serving_default")
        for tensors, details in (
            (interface.inputs, signature.get_input_details()),
            ((interface.output,), signature.get_output_details()),
        ):
            found = {name: tuple(told["shape"]) for name, told in details.items()}
            assert found == {tensor.name: tensor.shape for tensor in tensors}
        inside = painters.metadata(path)
        assert inside["quantization"] == {"float32": "none"}.get(precision, precision)
        assert {key: report.files[file][key] for key in ("inputs", "outputs", "scale", "any_size")} == {
            key: inside[key] for key in ("inputs", "outputs", "scale", "any_size")
        }


def with_norm_in_training_mode(model, interface, values):
    return lambda batch: {"image": model(batch, training=True)}


def with_swapped_channels(model, interface, values):
    return lambda batch: {"image": model(batch, training=False)[..., ::-1]}


def with_values_from_0_to_1(model, interface, values):
    return lambda batch: {"image": (model(batch, training=False) + 1.0) / 2.0}


WRONG_GRAPHS = [
    ("dcgan", "tflite", with_norm_in_training_mode),
    ("dcgan", "savedmodel", with_swapped_channels),
    ("dcgan", "tflite", with_values_from_0_to_1),
    # Its random numbers need more than TFLite's own operators.
    ("pix2pix", "savedmodel", with_norm_in_training_mode),
]


@pytest.mark.parametrize(("name", "form", "fault"), WRONG_GRAPHS, ids=["training norm", "channels", "range", "dropout"])
def test_the_proof_fails_an_export_that_paints_something_else_and_leaves_nothing(
    name, form, fault, tmp_path, monkeypatch
):
    model = painters.painter(name)
    monkeypatch.setattr(convert, "serving", fault)
    with pytest.raises(RunError, match=r"^nothing exported: generator_\w+(\.tflite)? has -?\d+\.\d dB"):
        export(model, tmp_path / "out", formats=[form], quantize=["none"])
    assert list(tmp_path.iterdir()) == []


def with_input(**changes):
    def spoil(interface):
        return dataclasses.replace(interface, inputs=(dataclasses.replace(interface.input, **changes),))

    return spoil


def with_output(**changes):
    def spoil(interface):
        return dataclasses.replace(interface, outputs=(dataclasses.replace(interface.output, **changes),))

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [with_input(mean=127.5, std=127.5, range=(-1.0, 1.0)), with_output(mean=0.0, std=255.0, range=(0.0, 1.0))],
    ids=["input", "output"],
)
def test_the_proof_fails_a_card_with_another_range_of_values(spoil, tmp_path, monkeypatch):
    right = interface.at_size
    monkeypatch.setattr(interface, "at_size", lambda *given: (right(*given)[0], spoil(right(*given)[1])))
    # SRGAN takes [0, 1] and gives [-1, 1].
    with pytest.raises(RunError, match="^nothing exported: "):
        export(painters.painter("srgan"), tmp_path / "out", formats=["savedmodel"], size="16x16")
    assert list(tmp_path.iterdir()) == []


def test_the_reference_is_the_network_as_it_was_saved_not_the_one_of_another_size(tmp_path, monkeypatch):
    right = interface._rebuilt

    def wrong(*given):
        model = right(*given)
        model.set_weights([1.5 * weight for weight in model.get_weights()])
        return model

    monkeypatch.setattr(interface, "_rebuilt", wrong)
    with pytest.raises(RunError, match="^nothing exported: "):
        export(painters.painter("srgan"), tmp_path / "out", formats=["savedmodel"], size="16x16")


def test_what_was_exported_here_is_not_called_a_strangers_program(tmp_path, monkeypatch, recwarn):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    export(painters.painter("dcgan"), tmp_path / "out", formats=["savedmodel"])
    inference.open_network(tmp_path / "out/generator_savedmodel")
    assert not [warning for warning in recwarn if "is a program" in str(warning.message)]


def test_a_failure_while_the_files_are_moved_leaves_what_was_there(tmp_path, monkeypatch):
    model = painters.painter("dcgan")
    export(model, tmp_path, formats=["savedmodel"])
    before = contents(tmp_path)
    write = publish.write_card

    def full_disk(folder, files):
        if folder == tmp_path:
            raise OSError(errno.ENOSPC, "No space left on device")
        write(folder, files)

    monkeypatch.setattr(publish, "write_card", full_disk)
    with pytest.raises(OSError, match="No space left"):
        export(model, tmp_path, quantize=["none"])
    assert contents(tmp_path) == before
    assert card.read(tmp_path / "generator_savedmodel")


def test_a_failure_leaves_what_was_there_and_allow_below_is_said_in_the_card(tmp_path, monkeypatch):
    model = painters.painter("dcgan")
    first = export(model, tmp_path, formats=["savedmodel"])
    before = contents(tmp_path)
    monkeypatch.setattr(convert, "serving", with_swapped_channels)
    options = {"formats": ["savedmodel"], "allow_below": 30.0}
    with pytest.raises(RunError, match="--allow-below"):
        export(model, tmp_path, **options)
    assert contents(tmp_path) == before

    entry = export(model, tmp_path, **{**options, "allow_below": 1.0}).files["generator_savedmodel"]

    assert not entry["quality"]["passed"]
    assert entry["quality"]["allowed_below"] == 1.0
    assert card.read(tmp_path / "generator_savedmodel") == entry != first.files["generator_savedmodel"]


def test_the_card_keeps_earlier_files_that_are_still_there(tmp_path):
    model = painters.painter("dcgan")
    first = export(model, tmp_path, formats=["tflite"], quantize=["none", "dynamic"], allow_below=40)
    (tmp_path / "generator_dynamic.tflite").unlink()
    second = export(model, tmp_path, formats=["tflite"], quantize=["float16"], allow_below=60)
    files = json.loads((tmp_path / card.NAME).read_text())["files"]
    assert files == {
        "generator_float32.tflite": first.files["generator_float32.tflite"],
        "generator_float16.tflite": second.files["generator_float16.tflite"],
    }


def test_what_a_killed_export_left_is_removed_by_the_next_and_another_that_runs_is_left_alone(tmp_path):
    model = painters.painter("dcgan")
    export(model, tmp_path, formats=["tflite"], quantize=["none"])
    (tmp_path / ".export-1-running").mkdir()
    killed = tmp_path / f".export-{2**22 + 1}-killed"
    killed.mkdir()
    # It died between the moves: the old file is in its folder, a new one in the place, the card of the old.
    (tmp_path / "generator_float32.tflite").rename(killed / ".old-generator_float32.tflite")
    (tmp_path / "generator_float32.tflite").write_text("new")
    export(model, tmp_path, formats=["savedmodel"])
    assert card.read(tmp_path / "generator_float32.tflite")
    assert {path.name for path in tmp_path.iterdir()} == {
        card.NAME,
        "generator_float32.tflite",
        "generator_savedmodel",
        ".export-1-running",
    }


def test_with_uint8_pixels_go_in_and_come_out(tmp_path):
    model = painters.painter("srgan")
    options = {"formats": ["tflite"], "quantize": ["none", "int8"], "size": "16x16", "io": "uint8", "allow_below": 20}
    report = export(model, tmp_path, **options)
    image = np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype="uint8")
    wanted = np.clip(np.rint((np.asarray(model(image[None] / np.float32(255.0)))[0] + 1) * 127.5), 0, 255)
    painted = {name: painters.run(tmp_path / name, image[None])[0] for name in report.files}
    assert {pixels.dtype for pixels in painted.values()} == {np.dtype("uint8")}
    # A value half way between two may be rounded either way.
    assert np.abs(painted["generator_float32_uint8.tflite"] - wanted).max() <= 1
    assert np.abs(painted["generator_int8_uint8.tflite"] - wanted).mean() < 8
    np.testing.assert_array_equal(
        GanzooLite(tmp_path / "generator_int8_uint8.tflite")(image), painted["generator_int8_uint8.tflite"]
    )


def test_srgan_exports_for_any_height_and_width(tmp_path):
    model = painters.painter("srgan", add_enlarged_input=True)
    export(model, tmp_path, quantize=["none", "int8"], size="free", allow_below=30)
    for name in ("generator_savedmodel", "generator_float32.tflite", "generator_int8.tflite"):
        entry = card.read(tmp_path / name)
        assert (entry["inputs"][0]["shape"], entry["outputs"][0]["shape"]) == ([1, None, None, 3], [1, None, None, 3])
        assert entry["multiple"] == 1
    for height, width in ((8, 12), (20, 9)):
        image = np.random.default_rng(1).uniform(0, 1, (1, height, width, 3)).astype("float32")
        wanted = model(image)
        np.testing.assert_allclose(painters.run(tmp_path / "generator_float32.tflite", image), wanted, atol=1e-4)
        assert painters.run(tmp_path / "generator_int8.tflite", image).shape == wanted.shape


def write_images(folder, low: int, high: int):
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(low, high, (64, 64, 3), dtype="uint8")
        Image.fromarray(pixels).save(folder / f"{number}.png")


def test_int8_has_the_ranges_of_the_images_it_was_calibrated_on_and_convolutions_in_int8(tmp_path):
    model = painters.painter("srgan")
    write_images(tmp_path / "dark", 0, 64)
    write_images(tmp_path / "bright", 0, 256)
    scales = {}
    for kind in ("dark", "bright"):
        report = export(
            model,
            tmp_path / f"out_{kind}",
            formats=["tflite"],
            quantize=["int8"],
            size="16x16",
            calibration=f"folder:{tmp_path / kind}",
            allow_below=20,
        )
        (name,) = report.files
        details = Interpreter(str(tmp_path / f"out_{kind}" / name)).get_tensor_details()
        kinds = {details["dtype"] for details in details if len(details["shape"]) == 4 and details["shape"][0] > 1}
        assert kinds == {np.int8}
        # What the first convolution sees.
        taken = (d for d in details if tuple(d["shape"]) == (1, 16, 16, 3) and d["dtype"] == np.int8)
        scales[kind] = next(taken)["quantization"][0]
    # Their values go up to 64 and to 256.
    assert scales["dark"] == pytest.approx(scales["bright"] / 4, rel=0.1)


@pytest.mark.slow
def test_a_run_with_two_generators_exports_both_and_is_proven_on_its_own_data(tmp_path):
    run, images = tmp_path / "run", tmp_path / "images"
    images.mkdir()
    write_images(images / "A", 0, 256)
    write_images(images / "B", 0, 256)
    run.mkdir()
    for network in ("generator_ab", "generator_ba"):
        painters.painter("cyclegan", network).save(run / f"{network}.keras")
    recipe = recipes.load_recipe("cyclegan", [f"data.source=folder:{images}", "data.domains=[]", "model.image_size=64"])
    (run / "config.yaml").write_text(yaml.safe_dump(parsing.to_document(recipe)))

    said = []
    report = export(run, tmp_path / "out", formats=["savedmodel"], direction="both", say=said.append)

    assert not any("--direction" in line for line in said)
    export(run, tmp_path / "one", formats=["savedmodel"], direction="ba", say=said.append)
    assert "--network generator_ab exports another" in said[-1]
    assert set(report.files) == {"generator_ab_savedmodel", "generator_ba_savedmodel"}
    # All that the folder has.
    assert {entry["quality"]["examples"] for entry in report.files.values()} == {4}

    # So is the best of its checkpoints; and a config of something else makes no run.
    best = run / "checkpoints/best/generator_ab_step_0000001.keras"
    best.parent.mkdir(parents=True)
    (run / "generator_ab.keras").rename(best)
    assert pretrained.find(best).recipe.data.source == f"folder:{images}"
    (run / "config.yaml").write_text("theme: dark\n")
    assert pretrained.find(best).recipe is None


@pytest.mark.slow
def test_the_card_of_a_run_with_hints_says_how_many_and_that_of_a_model_without_a_run_promises_none(tmp_path):
    model = painters.painter("pix2pix")
    run = tmp_path / "run"
    run.mkdir()
    model.save(run / "generator.keras")
    recipe = recipes.load_recipe("pix2pix", ["data.hints=7", "model.image_size=64"])
    (run / "config.yaml").write_text(yaml.safe_dump(parsing.to_document(recipe)))
    for source, hints in ((run, 7), (model, 0)):
        out = tmp_path / f"out_{hints}"
        (name,) = export(source, out, formats=["tflite"], quantize=["none"]).files
        assert card.interface(card.read(out / name), out / name).hints == hints
        assert painters.metadata(out / name)["hints"] == hints


def test_files_that_were_not_exported_and_those_of_another_model_keep_their_place(tmp_path):
    mine = tmp_path / "generator_savedmodel"
    mine.mkdir()
    (mine / "notes.txt").write_text("mine")
    model = painters.painter("dcgan")
    with pytest.raises(UsageError, match="generator_savedmodel: no card says that this was exported"):
        export(model, tmp_path, formats=["savedmodel"])
    assert contents(tmp_path) == {"notes.txt": b"mine"}
    export(model, tmp_path / "out", formats=["savedmodel"])
    another = keras.Model(model.inputs, model.outputs, name="dcgan_another")
    with pytest.raises(UsageError, match="holds generator_savedmodel of dcgan_.*, and this is dcgan_another"):
        export(another, tmp_path / "out", formats=["tflite"], quantize=["none"])


REFUSED = [
    ("dcgan", {"formats": ["savedmodel"], "quantize": ["int8"]}, "int8: is of TFLite"),
    ("pix2pix", {"size": "96x64"}, "96x64; heights and widths are multiples of 64, as 64x64"),
    ("cyclegan", {"size": "66x64"}, "66x64; heights and widths are multiples of 4, as 64x64"),
    ("pix2pix", {"size": "free"}, "has no free size; give one such as 64x64"),
    ("dcgan", {"size": "64x64"}, "leave it out"),
    ("dcgan", {"size": "64"}, "'64'; give height and width"),
    ("dcgan", {"size": (0, 64)}, r"\(0, 64\); give height and width"),
    ("dcgan", {"quantize": ["int4"]}, "quantize 'int4' is unknown; did you mean 'int8'"),
    ("dcgan", {"formats": []}, "format: none given; allowed are savedmodel, tflite"),
    ("dcgan", {"io": "int8"}, "io 'int8' is unknown; did you mean 'uint8'"),
    ("dcgan", {"allow_below": float("nan")}, "allow_below: found nan"),
    ("pix2pix", {"calibration": "fold:x"}, "fold:x"),
    ("dcgan", {"calibration": "embedded:emoji"}, "needs no images; leave it out"),
]


@pytest.mark.parametrize(("name", "options", "told"), REFUSED, ids=lambda value: str(value))
def test_what_can_not_be_exported_is_told_in_a_line_and_nothing_is_written(name, options, told, tmp_path):
    gan = small.create(name)
    with pytest.raises(UsageError, match=told) as raised:
        export(gan.deployed()[gan.deployed_names[0]], tmp_path / "out", **options)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_model_of_no_known_architecture_needs_a_source_of_images(tmp_path):
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Conv2D(3, 3, padding="same")(image), name="stranger")
    with pytest.raises(UsageError, match="stranger: .*--calibration"):
        export(model, tmp_path / "out", formats=["savedmodel"])
    write_images(tmp_path / "images", 0, 256)
    report = export(model, tmp_path / "out", formats=["savedmodel"], calibration=f"folder:{tmp_path / 'images'}")
    assert report.files["generator_savedmodel"]["inputs"][0]["range"] == [-1.0, 1.0]


def test_a_precision_that_was_not_asked_for_and_falls_short_is_left_out_and_told(tmp_path, monkeypatch):
    model = painters.painter("dcgan")
    # Of an earlier training, perhaps: beside new ones it would be taken for one of them.
    export(model, tmp_path / "out", formats=["tflite"], quantize=["dynamic"], allow_below=40)
    monkeypatch.setitem(proof.FLOORS, "dynamic", 200.0)
    with pytest.warns(UserWarning, match="generator_dynamic.tflite: left out, for .* --allow-below"):
        files = export(model, tmp_path / "out", formats=["tflite"]).files
    there = ["generator_float32.tflite", "generator_float16.tflite"]
    assert list(files) == there
    assert sorted(contents(tmp_path / "out")) == sorted(["card.json", *there])
    assert sorted(json.loads((tmp_path / "out/card.json").read_text())["files"]) == sorted(there)
    # By name it is all or nothing, and what is not rounded is never left out.
    with pytest.raises(RunError, match="^nothing exported: generator_dynamic"):
        export(model, tmp_path / "named", formats=["tflite"], quantize=["none", "dynamic"])
    monkeypatch.setitem(proof.FLOORS, "none", 1000.0)
    with pytest.raises(RunError, match="^nothing exported: generator_float32"):
        export(model, tmp_path / "wrong", formats=["tflite"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]
