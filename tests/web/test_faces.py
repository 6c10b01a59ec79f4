"""The tab for faces in a real browser: what it paints of a network in two parts is what Python paints of it."""

import functools
import json
import shutil

import keras
import numpy as np
import pytest
import small
from pages import build, check_downloads, check_shows, enter, find, open_page, resize, settle, wait
from selenium.webdriver.common.by import By
from servers import Quiet, serving

import ganzoo
from ganzoo.generators import inference, mixing
from ganzoo.lite import runner
from ganzoo.lite.network import draw, made

SIZE, LENGTH, LAYERS = 32, 12, 8
NAMES = ["smile", "pc1", "hat"]
VECTORS = np.random.default_rng(4).normal(scale=0.6, size=(3, LENGTH))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A `.keras` file of a small StyleGAN2 whose mapping has a mean, and whose directions differ."""
    keras.utils.set_random_seed(8)
    gan = small.create("stylegan2", image_size=SIZE, latent_dim=LENGTH, base_filters=4, max_filters=8)
    gan.train_step(small.batch(gan, count=4))
    path = tmp_path_factory.mktemp("run") / "generator.keras"
    gan.save(path)
    return path


@pytest.fixture(scope="module")
def faces(trained):
    """An export of it, with directions."""
    folder = trained.parent / "faces"
    ganzoo.export(trained, folder, formats=["tflite"], quantize=["none"], measure=False)
    write_directions(folder)
    return folder


def write_directions(folder, **changes):
    kinds = ["label", "principal", "label"]
    directions = [
        {"name": name, "kind": kind, "vector": vector.tolist()}
        for name, kind, vector in zip(NAMES, kinds, VECTORS, strict=True)
    ]
    document = {"format": 1, "length": LENGTH, "directions": directions, **changes}
    (folder / "directions.json").write_text(json.dumps(document), "utf-8")


@pytest.fixture(scope="module")
def site(sources, faces, tmp_path_factory):
    """The address of a server that has the page: of one with directions, and of the same without."""
    root = tmp_path_factory.mktemp("site")
    plain = root / "exports" / "plain"
    shutil.copytree(faces, plain, ignore=shutil.ignore_patterns("directions.json"))
    built = build(sources, root / "faces", faces, plain)
    assert built.returncode == 0, built.stderr
    with serving(functools.partial(Quiet, directory=root)) as server:
        yield f"http://127.0.0.1:{server.server_port}/"


class Painter:
    """Paints by the exported parts alone, with what is done between them written out."""

    def __init__(self, folder):
        self.mapping, self.synthesis = (
            runner.open_tflite(folder / f"{name}_float32.tflite", 1) for name in ("mapping", "synthesis")
        )

    def code(self, seed):
        (code,) = np.concatenate(list(made(self.mapping, draw(self.mapping, seed, 1))))
        return code

    def paint(self, *codes, crossing=LAYERS, psi=1.0, amounts=(0, 0, 0)):
        edit = np.asarray(amounts) @ VECTORS
        styles = [psi * codes[0 if layer < crossing else 1] + edit for layer in range(LAYERS)]
        name = self.synthesis.interface.input.name
        (picture,) = np.concatenate(list(made(self.synthesis, {name: np.stack(styles)[None].astype("float32")})))
        return picture


@pytest.fixture(scope="module")
def painter(faces):
    return Painter(faces)


def open_faces(browser, site):
    open_page(browser, f"{site}faces/#faces")


def slide(browser, name, amount):
    """Moves the slider of a direction, by its name."""
    places = [row.find_element(By.TAG_NAME, "span").get_attribute("title") for row in rows(browser)]
    row = rows(browser)[places.index(name)]
    script = "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input', { bubbles: true }))"
    browser.execute_script(script, row.find_element(By.TAG_NAME, "input"), amount)


def rows(browser):
    return browser.find_elements(By.CSS_SELECTOR, "#directions .direction")


def change(browser, place, value):
    """Moves a slider and lets it go."""
    enter(browser, place, value)
    browser.execute_script("arguments[0].dispatchEvent(new Event('change'))", find(browser, place))


def test_a_face_is_that_of_its_seed_and_a_random_one_shows_its_seed(browser, site, trained):
    open_faces(browser, site)
    check_shows(browser, inference.sample(trained, 1, 1)[0], "#face")
    assert find(browser, "#face-where").text == "Face 1"
    enter(browser, "#seed-face", 31)
    check_shows(browser, inference.sample(trained, 1, 31)[0], "#face")
    find(browser, "#faces .shuffle").click()
    seed = int(find(browser, "#seed-face").get_attribute("value"))
    assert seed != 31
    check_shows(browser, inference.sample(trained, 1, seed)[0], "#face")
    assert find(browser, "#face-where").text == f"Face {seed}"


def test_truncation_goes_towards_the_mean_of_codes_and_the_stops_follow(browser, site, trained):
    open_faces(browser, site)
    third = "#faces .stops button:nth-child(3) canvas"
    check_shows(browser, inference.sample(trained, 1, 3)[0], third)
    change(browser, "#psi", 0.4)
    check_shows(browser, inference.sample(trained, 1, 1, truncation=0.4)[0], "#face")
    check_shows(browser, inference.sample(trained, 1, 3, truncation=0.4)[0], third)
    assert find(browser, "#psi-said").text == "0.40"


def test_the_walk_is_along_the_straight_line_between_codes(browser, site, trained):
    open_faces(browser, site)
    enter(browser, "#walk-faces", 130)
    check_shows(browser, inference.interpolate(trained, 11, [2, 3])[3], "#face")
    assert find(browser, "#face-where").text == "Between faces 2 and 3"
    find(browser, "#faces .stops button:nth-child(4)").click()
    check_shows(browser, inference.sample(trained, 1, 4)[0], "#face")


def test_directions_are_added_by_their_amounts_whatever_the_truncation_until_they_are_reset(browser, site, painter):
    open_faces(browser, site)
    code = painter.code(1)
    slide(browser, "hat", 1.5)
    check_shows(browser, painter.paint(code, amounts=(0, 0, 1.5)), "#face")
    slide(browser, "pc1", -2.3)
    check_shows(browser, painter.paint(code, amounts=(0, -2.3, 1.5)), "#face")
    enter(browser, "#psi", 0.3)
    check_shows(browser, painter.paint(code, psi=0.3, amounts=(0, -2.3, 1.5)), "#face")
    enter(browser, "#psi", 0)
    check_shows(browser, painter.paint(code, psi=0.0, amounts=(0, -2.3, 1.5)), "#face")
    said = [row.find_element(By.TAG_NAME, "output").get_attribute("textContent") for row in rows(browser)]
    assert said == ["0", "+1.5", "−2.3"]
    find(browser, "#reset").click()
    check_shows(browser, painter.paint(code, psi=0.0), "#face")
    assert not find(browser, "#reset").is_enabled()


def test_directions_are_named_in_the_order_of_their_file_those_without_a_label_apart(browser, site):
    open_faces(browser, site)
    wait(lambda: rows(browser))
    names = [row.find_element(By.TAG_NAME, "span").get_attribute("textContent") for row in rows(browser)]
    assert names == ["smile", "hat", "pc1"]
    assert [row.is_displayed() for row in rows(browser)] == [True, True, False]
    for slider in browser.find_elements(By.CSS_SELECTOR, "#directions input"):
        found = [slider.get_attribute(key) for key in ("min", "max", "step", "value")]
        assert found == ["-3", "3", "0.1", "0"]


def test_two_are_mixed_with_the_coarse_styles_of_the_one_and_the_fine_ones_of_the_other(
    browser, site, trained, painter
):
    opened = inference.open_network(trained)
    open_faces(browser, site)
    enter(browser, "#seed-other", 57)
    find(browser, "#mix").click()
    (mixed,) = np.concatenate(list(inference.made(opened, mixing.crossed(opened, [1], [57]))))
    check_shows(browser, mixed, "#face")
    for place, seed in (("#face-one", 1), ("#face-other", 57)):
        check_shows(browser, inference.sample(trained, 1, seed)[0], place)

    codes = painter.code(1), painter.code(57)
    for crossing, words in ((6, "The 6 coarsest of 8 styles are of A, the finer ones of B"), (0, "All is of B")):
        enter(browser, "#crossing", crossing)
        check_shows(browser, painter.paint(*codes, crossing=crossing), "#face")
        assert find(browser, "#mix-said").text == words
    enter(browser, "#crossing", 3)
    enter(browser, "#psi", 0.6)
    slide(browser, "smile", -1.2)
    check_shows(browser, painter.paint(*codes, crossing=3, psi=0.6, amounts=(-1.2, 0, 0)), "#face")

    # Any other B; and A goes along where one walks.
    find(browser, "#another").click()
    seed = int(find(browser, "#seed-other").get_attribute("value"))
    enter(browser, "#walk-faces", 50)
    middle = (codes[0] + painter.code(2)) / 2
    expected = painter.paint(middle, painter.code(seed), crossing=3, psi=0.6, amounts=(-1.2, 0, 0))
    check_shows(browser, expected, "#face")
    check_shows(browser, painter.paint(middle, psi=0.6), "#face-one")
    find(browser, "#mix").click()
    check_shows(browser, painter.paint(middle, psi=0.6, amounts=(-1.2, 0, 0)), "#face")


def test_what_is_shown_is_downloaded(browser, site, trained, tmp_path):
    open_faces(browser, site)
    enter(browser, "#seed-face", 12)
    check_shows(browser, inference.sample(trained, 1, 12)[0], "#face")
    check_downloads(browser, "#save-face", tmp_path / "face_12.png", "#face")


def test_a_network_without_directions_has_none_of_those_of_another(browser, site, painter):
    open_faces(browser, site)
    code = painter.code(1)
    slide(browser, "smile", 2)
    check_shows(browser, painter.paint(code, amounts=(2, 0, 0)), "#face")
    find(browser, "#models option:nth-child(2)").click()
    wait(lambda: "plain runs on" in find(browser, "#state").text)
    check_shows(browser, painter.paint(code), "#face")
    assert rows(browser) == []
    assert not find(browser, "#reset").is_displayed()
    find(browser, "#models option:nth-child(1)").click()
    wait(lambda: len(rows(browser)) == 3)


def test_a_phone_keeps_the_face_in_sight_down_to_the_last_slider(browser, site):
    resize(browser, 390, 844)
    open_faces(browser, site)
    for place in ("#face", "#seed-face", "#save-face", "#walk-faces", "#psi", "#faces [data-number='0']"):
        box = bounds(browser, place)
        assert box["top"] >= 0 and box["bottom"] <= 844, place
    find(browser, "#mix").click()
    find(browser, "#others summary").click()
    top = bounds(browser, "#face")["top"]
    browser.execute_script("scrollTo(0, document.body.scrollHeight)")
    settle(browser)
    assert browser.execute_script("return scrollY") > top
    assert 0 <= bounds(browser, "#face")["top"] < top


def bounds(browser, place):
    return browser.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect()", place)


def test_a_phone_shows_it_without_scrolling_sideways(browser, site):
    resize(browser, 320, 640)
    open_faces(browser, site)
    find(browser, "#mix").click()
    find(browser, "#others summary").click()
    assert browser.execute_script("return document.documentElement.scrollWidth") == 320


def alone(folder):
    (folder / "mapping_float32.tflite").unlink()


def of_another_step(folder):
    document = json.loads((folder / "card.json").read_text("utf-8"))
    document["files"]["mapping_float32.tflite"]["provenance"]["step"] = 5
    (folder / "card.json").write_text(json.dumps(document), "utf-8")


def of_another_length(folder):
    document = json.loads((folder / "card.json").read_text("utf-8"))
    document["files"]["mapping_float32.tflite"]["outputs"][0]["shape"] = [1, 16]
    (folder / "card.json").write_text(json.dumps(document), "utf-8")


def directions_of_another_network(folder):
    write_directions(folder, length=16)


def directions_of_a_later_version(folder):
    write_directions(folder, format=2)


def direction_without_a_vector(folder):
    write_directions(folder, directions=[{"name": "smile", "kind": "label"}])


def directions_cut_short(folder):
    place = folder / "directions.json"
    place.write_text(place.read_text("utf-8")[:100], "utf-8")


@pytest.mark.parametrize(
    "spoil, words",
    [
        (alone, "synthesis_float32.tflite is a part of a network; give a folder with its other part"),
        (of_another_step, "mapping_float32.tflite and synthesis_float32.tflite are not of the same step of a run"),
        (of_another_length, "mapping_float32.tflite gives codes of 16 numbers, and synthesis_float32.tflite takes 12"),
        (directions_of_another_network, "directions.json: directions of 16 numbers, where codes have 12"),
        (directions_of_a_later_version, "directions.json: format 2; this page reads 1"),
        (direction_without_a_vector, "directions.json: no file of directions"),
        (directions_cut_short, "directions.json: no file of directions"),
    ],
)
def test_a_build_refuses_parts_and_directions_that_do_not_belong_together(sources, faces, tmp_path, spoil, words):
    folder = tmp_path / "faces"
    shutil.copytree(faces, folder)
    spoil(folder)
    built = build(sources, tmp_path / "page", folder)
    assert (built.returncode, built.stderr.count("\n")) == (2, 1)
    assert words in built.stderr
    assert not (tmp_path / "page").exists()


def also_as(folder, name, precision):
    """Has the card say that a file is there in another precision, too."""
    document = json.loads((folder / "card.json").read_text("utf-8"))
    entry = document["files"][f"{name}_float32.tflite"]
    document["files"][f"{name}_{precision}.tflite"] = {**entry, "quantization": precision}
    (folder / "card.json").write_text(json.dumps(document), "utf-8")
    shutil.copy(folder / f"{name}_float32.tflite", folder / f"{name}_{precision}.tflite")


def files_of(sources, folder, page):
    """The files that processors are given of both parts."""
    built = build(sources, page, folder)
    assert built.returncode == 0, built.stderr
    (model,) = json.loads((page / "models.json").read_text("utf-8"))["models"]
    return [part["files"]["wasm"] for part in model["parts"]]


def test_processors_paint_in_float32_rather_than_the_slower_float16_and_codes_are_not_rounded_to_8_bits(
    sources, faces, tmp_path
):
    folder = tmp_path / "faces"
    shutil.copytree(faces, folder)
    for name, precision in (("mapping", "dynamic"), ("synthesis", "float16")):
        also_as(folder, name, precision)
    expected = ["mapping_float32.tflite", "synthesis_float32.tflite"]
    assert files_of(sources, folder, tmp_path / "one") == expected
    also_as(folder, "synthesis", "dynamic")
    assert files_of(sources, folder, tmp_path / "two") == ["mapping_float32.tflite", "synthesis_dynamic.tflite"]


def test_the_whole_of_what_is_there_in_parts_is_not_offered_as_another_network(browser, site):
    open_faces(browser, site)
    assert [option.text for option in browser.find_elements(By.CSS_SELECTOR, "#models option")] == ["faces", "plain"]
    find(browser, "#tab-new").click()
    assert "No network" in find(browser, "#new").text
