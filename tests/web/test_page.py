"""The page of export/web in a real browser: built from exported networks, drawn on, and compared with the runner."""

import base64
import functools
import hashlib
import json
import shutil
import time

import exported
import keras
import numpy as np
import pytest
import small
import tensorflow as tf
import yaml
from pages import WEB, build, check_downloads, check_shows, enter, find, open_page, pixels, psnr, resize, settle, wait
from PIL import Image
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from servers import Quiet, serving

import ganzoo
from ganzoo.config import parsing
from ganzoo.generators import inference
from ganzoo.lite import latents
from ganzoo.lite import network as networks
from ganzoo.lite.grid import grid
from ganzoo.lite.runner import GanzooLite
from ganzoo.recipes import recipes

SIZES = {"srgan": (32, 32)}
DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Exports of small networks with random weights: {architecture: folder}."""
    folder = tmp_path_factory.mktemp("models")
    for name in ("pix2pix", "srgan", "dcgan"):
        keras.utils.set_random_seed(3)
        generator = small.create(name).deployed()["generator"]
        amplify(generator)
        export(generator, folder / name, size=SIZES.get(name))
        if name == "pix2pix":
            export(run_with_hints(generator, tmp_path_factory.mktemp("run")), folder / "hinted")
    write_classifier(folder / "digits", (28, 28, 1), {"mean": 0.0, "std": 255.0}, len(DIGITS), names=DIGITS)
    write_conditional(folder / "letters", list("abCD"), 80)
    write_conditional(folder / "clothes", ["T-shirt/top", "coat"], 6)
    write_classifier(folder / "photos", (40, 24, 3), {"mean": 127.5, "std": 127.5}, 100)
    return {path.name: path for path in (*folder.iterdir(), WEB.parents[1] / "tests/lite/version_1")}


def write_classifier(folder, shape, scale, count, **named):
    """A linear network of random weights, whose logits for a picture of any kind differ by a few units."""
    folder.mkdir()
    inputs = int(np.prod(shape))
    kernel = np.random.default_rng(5).normal(scale=6 / inputs**0.5, size=(inputs, count)).astype("float32")
    takes = {"shape": [1, *shape], "dtype": "float32", **scale}
    gives = {"name": "classes", "kind": "classes", "shape": [1, count], "dtype": "float32", **named}
    file = exported.write(folder, lambda image: tf.reshape(image, [1, -1]) @ kernel, takes, gives, any_size="whole")
    entry = exported.entry_of(folder, file.name, file) | {"format": "tflite", "quantization": "none"}
    exported.write_card(folder, {file.name: entry})


def write_conditional(folder, names, length):
    """Latents and a class to 8 x 8 pixels, by random weights of each class."""
    folder.mkdir()
    scale = 2 / length**0.5
    kernels = np.random.default_rng(6).normal(scale=scale, size=(len(names), length, 64)).astype("float32")
    label = {"name": "label", "kind": "label", "shape": [1], "dtype": "int32", "names": names}
    noise = {"name": "latents", "kind": "latents", "shape": [1, length], "dtype": "float32"}
    image = {"name": "image", "kind": "image", "shape": [1, 8, 8, 1], "dtype": "float32", "mean": 127.5, "std": 127.5}

    def paint(label, latents):
        return tf.reshape(tf.tanh(tf.matmul(latents, tf.gather(kernels, label)[0])), [1, 8, 8, 1])

    file = exported.write_any(folder, paint, [label, noise], image)
    entry = exported.entry_of(folder, file.name, file) | {"format": "tflite", "quantization": "none"}
    exported.write_card(folder, {file.name: entry})


def export(model, out, **options):
    options |= {"formats": ("tflite",), "quantize": ("dynamic",), "allow_below": 0, "measure": False}
    ganzoo.export(model, out, **options)


def run_with_hints(generator, folder):
    """A run that trained the generator on drawings with dabs of color."""
    generator.save(folder / "generator.keras")
    recipe = recipes.load_recipe("pix2pix", ["data.hints=10", f"model.image_size={generator.input_shape[1]}"])
    (folder / "config.yaml").write_text(yaml.safe_dump(parsing.to_document(recipe)))
    return folder


def amplify(generator):
    """Weights that keep the variance from layer to layer: those of an untrained GAN paint all grey."""
    for layer in generator.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Conv2DTranspose | keras.layers.Dense):
            kernel = layer.kernel.numpy()
            transposed = isinstance(layer, keras.layers.Conv2DTranspose)
            inputs = kernel[:: layer.strides[0], :: layer.strides[1], 0].size if transposed else kernel[..., 0].size
            layer.kernel.assign(kernel / kernel.std() * (3 / inputs) ** 0.5)


@pytest.fixture(scope="module")
def site(sources, models, tmp_path_factory):
    """The address of a server that has the page several times, of various models, in a folder below its root."""
    root = tmp_path_factory.mktemp("site")
    places = {
        "all": ["pix2pix", "srgan", "dcgan"],
        "one": ["dcgan"],
        "hinted": ["hinted"],
        "both": ["hinted", "pix2pix"],
        "old": ["version_1"],
        "classifiers": ["digits", "photos"],
        "named": ["letters", "clothes"],
    }
    for place, names in places.items():
        built = build(sources, root / "some where" / place, *[models[name] for name in names])
        assert built.returncode == 0, built.stderr
    with serving(functools.partial(Quiet, directory=root)) as server:
        yield f"http://127.0.0.1:{server.server_port}/some%20where/"


def check_becomes(browser, place, expected, decibels=30):
    """Soon the canvas shows what is expected."""
    assert expected.std() > 20, "a picture that is all grey proves nothing"

    def shows():
        found = pixels(browser, place)
        return found.shape == expected.shape and psnr(found, expected) >= decibels

    wait(shows)


def check_is_coloured(browser, painter):
    """Soon the drawing that is there is coloured as the runner colours it; gives what was painted."""
    settle(browser)
    expected = painter(pixels(browser, "#drawing"))
    check_becomes(browser, "#coloured", expected)
    return expected


def draw(browser, *points, place="#drawing", release=True):
    """A stroke by mouse through points that are given from -1 to 1."""
    canvas = find(browser, place)
    half = canvas.size["width"] / 2
    first, *others = [(round(x * half), round(y * half)) for x, y in points]
    actions = ActionChains(browser, duration=60).move_to_element_with_offset(canvas, *first).click_and_hold()
    for point in others:
        actions.move_to_element_with_offset(canvas, *point)
    if release:
        actions.release()
    actions.perform()


def runner(models, name):
    (file,) = models[name].glob("*.tflite")
    return GanzooLite(file)


def test_what_is_drawn_is_coloured_as_the_runner_colours_it_stroke_by_stroke(browser, site, models):
    painter = runner(models, "pix2pix")
    open_page(browser, f"{site}all/")
    draw(browser, (-0.6, -0.6), (0.6, -0.5), (0.5, 0.6))
    one = check_is_coloured(browser, painter)
    draw(browser, (-0.7, 0.7), (0.1, 0.1))
    two = check_is_coloured(browser, painter)
    assert psnr(one, two) < 25
    find(browser, "#undo").click()
    check_becomes(browser, "#coloured", one)


def test_keys_draw_as_a_pointer_does(browser, site, models):
    open_page(browser, f"{site}all/")
    canvas = find(browser, "#drawing")
    canvas.send_keys(Keys.ARROW_RIGHT * 5)
    assert pixels(browser, "#drawing").min() == 255
    canvas.send_keys(Keys.SPACE, Keys.ARROW_RIGHT * 10, Keys.ARROW_DOWN * 8, Keys.SPACE, Keys.ARROW_LEFT * 20)
    settle(browser)
    ink = pixels(browser, "#drawing")[..., 0] < 128
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    # From (296, 256) 80 to the right and 64 down, by a pen of 24.
    assert (rows[0], rows[-1], columns[0], columns[-1]) == pytest.approx((244, 331, 284, 387), abs=3)
    check_is_coloured(browser, runner(models, "pix2pix"))


def choose(browser, name):
    """A tool or a color, by what it is called."""
    find(browser, f"label[title='{name}']").click()


def colors(browser, *points):
    """Returns [r, g, b] of the drawing at each of the points, given from -1 to 1, once it is there."""
    settle(browser)
    drawing = pixels(browser, "#drawing")
    return [drawing[round(255.5 * (1 + y)), round(255.5 * (1 + x))].tolist() for x, y in points]


def control(browser, *keys):
    """Keys that are pressed with Ctrl, wherever the focus is."""
    actions = ActionChains(browser).key_down(Keys.CONTROL)
    for key in keys:
        actions.key_down(key)
    for key in reversed(keys):
        actions.key_up(key)
    actions.key_up(Keys.CONTROL).perform()


BLACK, WHITE, RED, GREEN = [0, 0, 0], [255, 255, 255], [0xE0, 0x3E, 0x36], [0x4C, 0xAE, 0x50]


def open_empty_with_hints(browser, site):
    open_page(browser, f"{site}hinted/")
    find(browser, "#clear").click()


def test_a_dab_lies_under_the_lines_in_what_the_network_gets_and_is_undone_redone_and_erased(browser, site, models):
    painter = runner(models, "hinted")
    open_empty_with_hints(browser, site)
    find(browser, "#keep-lines").click()
    line, dab = (0.0, -0.4), (0.0, 0.04)
    draw(browser, (-0.6, -0.4), (0.6, -0.4))
    assert colors(browser, line, dab) == [BLACK, WHITE]
    before = check_is_coloured(browser, painter)

    choose(browser, "Red")
    choose(browser, "Dab")
    draw(browser, (0, -0.5), (0, 0.04))
    assert colors(browser, line, dab, (0, -0.5)) == [BLACK, RED, RED]
    after = check_is_coloured(browser, painter)
    assert psnr(before, after) < 25

    control(browser, "z")
    assert colors(browser, line, dab) == [BLACK, WHITE]
    check_becomes(browser, "#coloured", before)
    control(browser, Keys.SHIFT, "z")
    assert colors(browser, line, dab) == [BLACK, RED]
    check_becomes(browser, "#coloured", after)

    choose(browser, "Eraser")
    draw(browser, (0, -0.55), (0, 0.04))
    assert colors(browser, line, dab) == [WHITE, WHITE]
    find(browser, "#undo").click()
    assert colors(browser, line, dab) == [BLACK, RED]
    find(browser, "#redo").click()
    assert colors(browser, line, dab) == [WHITE, WHITE]
    find(browser, "#undo").click()
    # What was undone is forgotten when something else is drawn.
    choose(browser, "Green")
    draw(browser, (0.5, 0.5))
    assert not find(browser, "#redo").is_enabled()
    assert colors(browser, line, dab, (0.5, 0.5)) == [BLACK, RED, GREEN]


def test_a_later_dab_covers_an_earlier_one_and_no_color_takes_dabs_away_but_no_lines(browser, site):
    open_empty_with_hints(browser, site)
    draw(browser, (-0.6, 0), (0.6, 0))
    choose(browser, "Red")
    draw(browser, (-0.5, 0.1), (0.5, 0.1))
    choose(browser, "Green")
    draw(browser, (0, 0.1), (0.5, 0.1))
    assert colors(browser, (-0.4, 0.1), (0.4, 0.1), (0.4, 0)) == [RED, GREEN, BLACK]
    choose(browser, "No colour: takes dabs away")
    draw(browser, (0.3, 0.1), (0.5, 0))
    assert colors(browser, (-0.4, 0.1), (0.4, 0.1), (0.4, 0)) == [RED, WHITE, BLACK]


def test_lines_stay_sharp_over_what_the_network_paints_until_one_does_without(browser, site, models):
    open_empty_with_hints(browser, site)
    draw(browser, (-0.6, 0), (0.6, 0))
    choose(browser, "Red")
    draw(browser, (0, 0.5))
    settle(browser)
    drawing = pixels(browser, "#drawing")
    painted = runner(models, "hinted")(drawing)
    # Red has no black in it: what is black is a line.
    expected = np.where(drawing[..., :1] < 128, drawing, painted)
    assert psnr(painted, expected) < 30
    check_becomes(browser, "#coloured", expected)
    find(browser, "#keep-lines").click()
    check_becomes(browser, "#coloured", painted)


def test_any_other_color_can_be_dabbed(browser, site):
    open_empty_with_hints(browser, site)
    script = """const well = document.querySelector("[type=color]");
        well.value = "#123456"; well.dispatchEvent(new Event("input", { bubbles: true }));"""
    browser.execute_script(script)
    draw(browser, (0.2, 0.2))
    assert colors(browser, (0.2, 0.2)) == [[0x12, 0x34, 0x56]]


def test_colors_are_chosen_and_dabbed_by_keys(browser, site):
    open_empty_with_hints(browser, site)
    red = find(browser, "label[title='Red'] input")
    red.send_keys(Keys.ARROW_LEFT, Keys.ARROW_RIGHT)
    assert find(browser, "[name=tool]:checked").get_attribute("value") == "dab"
    find(browser, "#drawing").send_keys(Keys.SPACE, Keys.ARROW_RIGHT * 4, Keys.SPACE)
    assert colors(browser, (0, 0), (4 * 8 / 256, 0), (-0.3, 0)) == [RED, RED, WHITE]


def test_a_finger_dabs_and_does_not_scroll(browser, site):
    resize(browser, 390, 500)
    open_empty_with_hints(browser, site)
    choose(browser, "Red")
    browser.execute_script("arguments[0].scrollIntoView({ block: 'center' })", find(browser, "#drawing"))
    box = browser.execute_script("return document.querySelector('#drawing').getBoundingClientRect()")
    middle, half = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), box["height"] / 2
    place = browser.execute_script("return scrollY")
    for kind, y in (("touchStart", 0.5), ("touchMove", 0.2), ("touchMove", -0.3), ("touchEnd", None)):
        points = [] if y is None else [{"x": middle[0], "y": middle[1] + y * half}]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    assert colors(browser, (0, 0.45), (0, 0), (0, -0.25)) == [RED, RED, RED]
    assert browser.execute_script("return scrollY") == place


def test_an_example_comes_with_dabs_which_one_undo_takes_away(browser, site):
    open_page(browser, f"{site}hinted/")
    wait(lambda: is_colored(browser))
    find(browser, "#clear").click()
    find(browser, "#samples button:nth-child(2)").click()
    assert is_colored(browser)
    find(browser, "#undo").click()
    assert not is_colored(browser)
    assert pixels(browser, "#drawing").min() == 0


def is_colored(browser):
    settle(browser)
    return np.ptp(pixels(browser, "#drawing").astype(int), axis=-1).max() > 50


def test_a_network_without_hints_shows_no_palette_and_gets_no_dabs(browser, site, models):
    open_page(browser, f"{site}all/")
    assert not find(browser, "#palette").is_displayed()
    assert pixels(browser, "#drawing").min() == 255
    find(browser, "#samples button:nth-child(2)").click()
    assert not is_colored(browser)

    open_page(browser, f"{site}both/")
    find(browser, "#clear").click()
    draw(browser, (-0.6, 0), (0.6, 0))
    choose(browser, "Red")
    draw(browser, (0, 0.2))
    assert find(browser, "#palette").is_displayed()
    find(browser, "#models option:nth-child(2)").click()
    wait(lambda: "pix2pix runs on" in find(browser, "#state").text)
    assert not find(browser, "#palette").is_displayed()
    assert find(browser, "[name=tool]:checked").get_attribute("value") == "pen"
    assert colors(browser, (0, 0), (0, 0.2)) == [BLACK, WHITE]
    check_is_coloured(browser, runner(models, "pix2pix"))
    # They are there again for a network that takes them.
    find(browser, "#models option:nth-child(1)").click()
    wait(lambda: "hinted runs on" in find(browser, "#state").text)
    assert colors(browser, (0, 0), (0, 0.2)) == [BLACK, RED]


def photographed():
    """A drawing on grey, uneven paper, with a wide cross in pencil."""
    paper = np.tile(np.linspace(170, 190, 300), (200, 1))
    paper[95:105] = paper[:, 145:155] = 60
    return Image.fromarray(paper.astype("uint8"))


def white_on_black():
    return Image.fromarray(255 - np.where(np.asarray(photographed()) > 100, 255, 0).astype("uint8"))


def on_clear():
    picture = Image.new("RGBA", (300, 200))
    picture.paste((0, 0, 0, 255), (0, 95, 300, 105))
    picture.paste((0, 0, 0, 255), (145, 0, 155, 200))
    return picture


@pytest.mark.parametrize("make", [photographed, white_on_black, on_clear])
def test_a_drawing_that_is_opened_becomes_black_lines_on_white(browser, site, tmp_path, make):
    make().save(tmp_path / "mine.png")
    open_empty_with_hints(browser, site)
    find(browser, "#sheet").send_keys(str(tmp_path / "mine.png"))
    # 300 x 200 fills the width, and the rest is paper.
    wait(lambda: colors(browser, (0.8, 0), (0, 0.5)) == [BLACK, BLACK])
    assert colors(browser, (0.8, 0.5), (-0.8, -0.5), (0, 0.8), (0.8, -0.9)) == [WHITE] * 4
    choose(browser, "Red")
    draw(browser, (0.5, 0.02), (0.5, 0.3))
    assert colors(browser, (0.5, 0.3), (0.5, 0)) == [RED, BLACK]


def test_what_has_no_lines_is_said_to_have_none_and_the_drawing_stays(browser, site, tmp_path):
    Image.new("L", (40, 40), 200).save(tmp_path / "blank.png")
    (tmp_path / "text.png").write_text("not a picture")
    open_empty_with_hints(browser, site)
    draw(browser, (-0.6, 0), (0.6, 0))
    find(browser, "#sheet").send_keys(str(tmp_path / "blank.png"))
    wait(lambda: "no lines stand out" in find(browser, "#state").text)
    find(browser, "#sheet").send_keys(str(tmp_path / "text.png"))
    wait(lambda: "text.png can't be read as a picture" in find(browser, "#state").text)
    assert colors(browser, (0, 0)) == [BLACK]


def test_the_colored_picture_is_saved_as_it_is_shown(browser, site, tmp_path):
    open_page(browser, f"{site}hinted/")
    wait(lambda: find(browser, "#colour-time").text)
    check_downloads(browser, "#save-coloured", tmp_path / "coloured.png", "#coloured")


def test_a_phone_shows_drawing_palette_and_what_it_becomes_on_one_screen(browser, site):
    resize(browser, 390, 844)
    open_page(browser, f"{site}hinted/")
    for place in ("#drawing", "#palette", "#coloured", "#tools"):
        box = browser.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect()", place)
        assert box["top"] >= 0 and box["bottom"] <= 844, place


def test_a_picture_larger_than_the_network_is_enlarged_and_saved_as_the_runner_enlarges_it(
    browser, site, models, tmp_path
):
    random = np.random.default_rng(0)
    photo = Image.fromarray(random.integers(0, 256, (9, 13, 3), dtype="uint8")).resize((91, 63))
    photo.save(tmp_path / "photo.png")
    expected = runner(models, "srgan")(np.asarray(photo))
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    open_page(browser, f"{site}all/#enlarge")
    find(browser, "#photo").send_keys(str(tmp_path / "photo.png"))
    check_becomes(browser, "#enlarged", expected, decibels=45)
    wait(lambda: find(browser, "#save-enlarged").is_displayed())
    find(browser, "#save-enlarged").click()
    saved = tmp_path / "enlarged.png"
    wait(saved.exists)
    with Image.open(saved) as image:
        assert np.array_equal(np.asarray(image), pixels(browser, "#enlarged"))


def test_a_photo_of_100_megapixels_is_made_smaller_before_its_pixels_are_looked_at(browser, site, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying, to be turned clockwise
    Image.new("L", (20_000, 5_000), 90).save(tmp_path / "photo.jpg", exif=exif)
    open_page(browser, f"{site}all/#enlarge")
    find(browser, "#photo").send_keys(str(tmp_path / "photo.jpg"))
    said = "2896 × 11585 (made smaller from 5000 × 20000) → 11584 × 46340"
    wait(lambda: find(browser, "#enlarged-size").text == said, seconds=60)
    find(browser, "#stop").click()


def test_a_picture_that_no_browser_has_room_for_is_refused_in_a_line(browser, site, tmp_path):
    Image.new("1", (20_000, 10_000)).save(tmp_path / "photo.png")
    open_page(browser, f"{site}all/#enlarge")
    find(browser, "#photo").send_keys(str(tmp_path / "photo.png"))
    wait(lambda: "photo.png has 200 million pixels; give one of at most 134." in find(browser, "#state").text)


def test_what_is_no_picture_is_said_to_be_none(browser, site, tmp_path):
    (tmp_path / "photo.png").write_text("not a picture")
    open_page(browser, f"{site}all/#enlarge")
    find(browser, "#photo").send_keys(str(tmp_path / "photo.png"))
    wait(lambda: "photo.png can't be read as a picture" in find(browser, "#state").text)


@pytest.mark.parametrize(("place", "name"), [("all", "dcgan"), ("old", "version_1")], ids=["new", "version 1"])
def test_the_slider_walks_along_the_great_circle_between_the_stops(browser, site, models, place, name):
    network = runner(models, name).network
    open_page(browser, f"{site}{place}/#new")
    script = """const done = arguments[0];
        import("./latents.js").then(({ latentsOf }) => done([2, 3].map((stop) => [...latentsOf(1, stop, 8)])))"""
    start, end = np.array(browser.execute_async_script(script), dtype="float32")
    angle = np.arccos(start @ end / np.linalg.norm(start) / np.linalg.norm(end))
    middle = (np.sin(0.7 * angle) * start + np.sin(0.3 * angle) * end) / np.sin(angle)
    points = {network.interface.input.name: np.stack([start, middle]).astype("float32")}
    pictures = np.concatenate(list(networks.made(network, points)))
    assert psnr(*pictures) < 25
    find(browser, "#stops button:nth-child(3)").click()
    check_becomes(browser, "#emoji", pictures[0])
    check_becomes(browser, "#stops button:nth-child(3) canvas", pictures[0])
    find(browser, "#walk").send_keys(Keys.ARROW_RIGHT * 30)
    check_becomes(browser, "#emoji", pictures[1])


def shares(browser):
    """Returns the shares that the bars show, by the names of the classes, from top to bottom; {} of an empty pad."""
    script = """return [...document.querySelectorAll("#bars tr")].map((row) =>
        [row.querySelector("th").textContent, row.querySelector("data").value])"""
    return {name: float(share) for name, share in browser.execute_script(script) if share}


def check_tells(browser, expected):
    """Soon the bars show the shares that the runner gave, the largest of them marked and named."""

    def tells():
        found = shares(browser)
        return found and all(abs(share - expected.get(name, 9)) < 1e-4 for name, share in found.items())

    wait(tells)
    best, share = next(iter(expected.items()))
    rows = [row.text.split("\n") for row in browser.find_elements(By.CSS_SELECTOR, "#bars .best")]
    assert rows == [[best, f"{100 * share:.1f} %"]]
    assert find(browser, "#guess").text == best
    widths = browser.execute_script("""return [...document.querySelectorAll(".bar")].map((bar) =>
        Number(bar.style.getPropertyValue("--share")))""")
    assert widths == list(shares(browser).values())


def sketch(browser, *points, **options):
    draw(browser, *points, place="#sketch", **options)


def seen(browser):
    """What the network was given, once it no longer changes."""
    found = []

    def stays():
        found.append((shares(browser), pixels(browser, "#seen")))
        time.sleep(0.15)
        return len(found) > 1 and found[-1][0] == found[-2][0] != {}

    wait(stays)
    return found[-1][1]


SEVEN = (-0.4, -0.6), (0.5, -0.6), (0.1, 0.1), (-0.1, 0.7)


def test_what_is_drawn_is_told_as_the_runner_tells_it_before_the_pen_is_lifted(browser, site, models):
    classifier = runner(models, "digits")
    open_page(browser, f"{site}classifiers/#classify")
    assert shares(browser) == {}
    sketch(browser, *SEVEN, release=False)
    one = classifier.answer(seen(browser))["classes"]
    check_tells(browser, one)
    assert list(shares(browser)) == DIGITS
    ActionChains(browser).release().perform()
    sketch(browser, (-0.3, 0.1), (0.5, 0.1))
    two = classifier.answer(seen(browser))["classes"]
    check_tells(browser, two)
    assert two != pytest.approx(one, abs=1e-2)
    find(browser, "#sketch-undo").click()
    check_tells(browser, one)


def test_strokes_are_seen_as_mnist_has_its_digits_wherever_and_however_large_one_draws(browser, site):
    open_page(browser, f"{site}classifiers/#classify")
    found = []
    for scale, x, y in ((1, 0, 0), (0.4, -0.5, 0.55)):
        sketch(browser, *[(x + scale * across, y + scale * down) for across, down in SEVEN])
        found.append(seen(browser)[..., 0].astype("float64"))
        find(browser, "#sketch-clear").click()
        wait(lambda: not shares(browser))
    for image in found:
        assert image.shape == (28, 28)
        # White on black, with greys between; 10 to 15 % of it are white, as of MNIST's sevens.
        assert (image.min(), image.max()) == (0, 255)
        assert 0.08 < image.mean() / 255 < 0.15
        assert ((image > 0) & (image < 255)).sum() > 30
        # The larger side is 20 pixels, and the mass in the middle of pixel 14 from 0: so it is in all of MNIST.
        rows, columns = np.flatnonzero(image.max(1) > 12), np.flatnonzero(image.max(0) > 12)
        assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(20, abs=1)
        weights = image / image.sum()
        assert [(weights.sum(1 - axis) @ np.arange(28)) for axis in (0, 1)] == pytest.approx([14, 14], abs=0.1)
    assert np.abs(found[0] - found[1]).mean() < 4


def test_clearing_takes_drawing_bars_and_name_away(browser, site):
    open_page(browser, f"{site}classifiers/#classify")
    sketch(browser, *SEVEN)
    wait(lambda: shares(browser))
    assert pixels(browser, "#sketch").min() == 0
    assert not find(browser, "#sketch-hint").is_displayed()
    find(browser, "#sketch-clear").click()
    wait(lambda: not shares(browser))
    assert pixels(browser, "#sketch").min() == 255
    assert find(browser, "#guess").text == find(browser, "#guess-said").text == ""
    assert browser.find_elements(By.CSS_SELECTOR, "#bars .best") == []
    assert find(browser, "#sketch-hint").is_displayed()
    assert not find(browser, "#sketch-clear").is_enabled()


def drop(browser, path):
    """Drops a file onto the page."""
    script = """const [base64, name] = arguments;
        const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], name));
        document.body.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));"""
    browser.execute_script(script, base64.b64encode(path.read_bytes()).decode(), path.name)


def colored_and_clear():
    """A picture of noise that is larger than networks take, of another shape, and partly clear."""
    noise = np.random.default_rng(1).integers(0, 256, (9, 6, 4), dtype="uint8")
    return Image.fromarray(noise).resize((60, 90), Image.Resampling.NEAREST)


def test_a_picture_that_is_dropped_is_told_as_the_runner_tells_it_until_one_draws(browser, site, models, tmp_path):
    colored_and_clear().save(tmp_path / "mine.png")
    open_page(browser, f"{site}classifiers/#classify")
    sketch(browser, (-0.5, 0), (0.5, 0))
    drop(browser, tmp_path / "mine.png")
    check_tells(browser, runner(models, "digits").answer(colored_and_clear())["classes"])
    assert not find(browser, "#sketch-hint").is_displayed()
    sketch(browser, *SEVEN)
    wait(lambda: pixels(browser, "#seen").min() == 0)
    check_tells(browser, runner(models, "digits").answer(seen(browser))["classes"])


def test_of_many_classes_the_ten_largest_are_told_in_order(browser, site, models, tmp_path):
    colored_and_clear().save(tmp_path / "mine.png")
    open_page(browser, f"{site}classifiers/#classify")
    find(browser, "#picture").send_keys(str(tmp_path / "mine.png"))
    wait(lambda: shares(browser))
    find(browser, "#models option:nth-child(2)").click()
    wait(lambda: "photos model runs on" in find(browser, "#state").text)
    expected = runner(models, "photos").answer(colored_and_clear())["classes"]
    check_tells(browser, expected)
    assert list(shares(browser)) == list(expected)[:10]
    assert "10 largest of 100" in find(browser, "#more-classes").text
    # A network of colors sees a drawing as it is, where it is, black on white.
    sketch(browser, (-0.9, -0.9), (-0.9, 0.9))
    wait(lambda: pixels(browser, "#seen").max() == 255)
    image = seen(browser)
    assert image.shape == (40, 24, 3)
    assert (image[20, 1].max(), image[20, 5:].min()) == (0, 255)
    check_tells(browser, runner(models, "photos").answer(image)["classes"])


def test_the_latents_of_a_seed_are_those_that_the_runner_draws(browser, site):
    script = """const [seed, index, length, done] = arguments;
        import("./latents.js").then(({ latentsOf }) => done([...latentsOf(seed, index, length)]))"""
    browser.get(f"{site}named/")
    for seed, index, length in ((0, 0, 4), (1, 6, 100), (999_999, 2, 81), (7, 0, 100_000)):
        found = np.array(browser.execute_async_script(script, seed, index, length), "float32")
        expected = latents.draw(seed, index + 1, length)[index]
        # Beyond 3.65 they are of a logarithm, which browsers round better than C's float32.
        np.testing.assert_allclose(found, expected, rtol=1e-6)
        assert np.array_equal(found[np.abs(expected) < 3.65], expected[np.abs(expected) < 3.65])


def side_by_side(letters):
    return np.concatenate(list(letters), axis=1)


def open_named(browser, site, name="letters"):
    open_page(browser, f"{site}named/#named")
    if name == "clothes":
        find(browser, "#models option:nth-child(2)").click()
        wait(lambda: "clothes model runs on" in find(browser, "#state").text)


def test_a_word_is_painted_as_the_runner_spells_it_in_the_font_of_the_seed(browser, site, models):
    letters = runner(models, "letters")
    open_named(browser, site)
    find(browser, "#text").clear()
    find(browser, "#text").send_keys("BaccD")
    check_shows(browser, side_by_side(letters.sample(1, 1, texts=["baCCD"])))
    assert find(browser, "#text-said").text == ""
    enter(browser, "#seed-named", 31)
    check_shows(browser, side_by_side(letters.sample(1, 31, texts=["baCCD"])))
    find(browser, "#named .stops button:nth-child(4)").click()
    check_shows(browser, side_by_side(letters.sample(1, 34, texts=["baCCD"])))
    assert find(browser, "#painted-where").text == "Font 34"
    for place, seed in ((1, 31), (7, 37)):
        check_shows(
            browser, letters.sample(1, seed, classes=["b"])[0], f"#named .stops button:nth-child({place}) canvas"
        )
    before = find(browser, "#seed-named").get_attribute("value")
    find(browser, "#named .shuffle").click()
    seed = int(find(browser, "#seed-named").get_attribute("value"))
    assert seed != int(before)
    check_shows(browser, side_by_side(letters.sample(1, seed + 3, texts=["baCCD"])))


def test_fonts_go_along_the_great_circle_and_wildness_is_truncation_as_in_generate(browser, site, models):
    (file,) = models["letters"].glob("*.tflite")
    open_named(browser, site)
    enter(browser, "#text", "d")
    enter(browser, "#walk-named", 130)
    check_shows(browser, inference.interpolate(file, 11, [2, 3], classes=["D"])[3])
    assert find(browser, "#painted-where").text == "Between fonts 2 and 3"
    enter(browser, "#wild", 50)
    check_shows(browser, inference.interpolate(file, 11, [2, 3], truncation=0.5, classes=["D"])[3])
    stop = inference.sample(file, 1, 4, truncation=0.5, classes=["D"])[0]
    check_shows(browser, stop, "#named .stops button:nth-child(4) canvas")


def test_signs_that_are_no_letters_are_told_and_their_places_stay_empty(browser, site, models):
    a, b = (runner(models, "letters").sample(1, 1, classes=[name])[0] for name in "ab")
    white = np.full_like(a, 255)
    open_named(browser, site)
    enter(browser, "#text", "a1é b<")
    check_shows(browser, side_by_side([a, white, white, white, b, white]))
    assert find(browser, "#text-said").text == "Left empty: “1”, “é”, “<”. This network knows a, b, C, D."
    enter(browser, "#text", "77")
    wait(lambda: not find(browser, "#save-painted").is_enabled())
    assert pixels(browser, "#painted").min() == 255
    enter(browser, "#text", "ab")
    check_shows(browser, side_by_side([a, b]))
    assert find(browser, "#text-said").text == ""


def test_a_letter_with_an_accent_is_painted_as_the_runner_paints_it(browser, site, models):
    letters = side_by_side(runner(models, "letters").sample(1, 1, texts=["\u00e7\u00c2b"]))
    assert np.array_equal(letters, side_by_side(runner(models, "letters").sample(1, 1, texts=["Cab"])))
    open_named(browser, site)
    enter(browser, "#text", "\u00e7\u00c2b")
    check_shows(browser, letters)
    assert find(browser, "#text-said").text == ""


def test_a_long_text_goes_on_in_a_second_line_and_is_downloaded_whole(browser, site, models, tmp_path):
    one, two = (side_by_side(runner(models, "letters").sample(1, 5, texts=[text])) for text in ("abC  ", "DabCDabC"))
    white = np.full((8, 24, 1), 255, "uint8")
    open_named(browser, site)
    enter(browser, "#seed-named", 5)
    enter(browser, "#text", "abc dabcdabc")
    check_shows(browser, np.concatenate([np.concatenate([one, white], axis=1), two]))
    check_downloads(browser, "#save-painted", tmp_path / "abc_dabcdabc_font_5.png", "#painted")


def test_of_classes_that_are_words_the_chosen_one_is_shown_as_the_grid_of_generate(browser, site, models):
    clothes = runner(models, "clothes")
    open_named(browser, site, "clothes")
    assert not find(browser, "#text").is_displayed()
    assert [chip.text for chip in browser.find_elements(By.CSS_SELECTOR, "#classes label")] == ["T-shirt/top", "coat"]
    check_shows(browser, np.asarray(grid(clothes.sample(16, 1, classes=["T-shirt/top"]))))
    find(browser, "#classes label:nth-child(2)").click()
    check_shows(browser, np.asarray(grid(clothes.sample(16, 1, classes=["coat"]))))
    find(browser, "#named .stops button:nth-child(3)").click()
    check_shows(browser, np.asarray(grid(clothes.sample(16, 3, classes=["coat"]))))
    assert find(browser, "#painted-where").text == "Set 3"
    find(browser, "#models option:nth-child(1)").click()
    check_shows(browser, side_by_side(runner(models, "letters").sample(1, 3, texts=[" a    "])))


def test_what_was_painted_is_kept_until_there_is_much_else_but_no_failure_is(browser, site):
    script = """const done = arguments[0];
        import("./painter.js").then(async ({ remembering }) => {
            const asked = [];
            const make = remembering(async (request) => {
                asked.push(request.label);
                if (request.label === 9) throw new Error("it failed");
                return request.label;
            }, 2);
            const given = [];
            for (const label of [1, 2, 1, 3, 1, 2, 9, 9]) given.push(await make({ label }).catch(() => "failed"));
            done([asked, given]);
        })"""
    browser.get(f"{site}named/")
    asked, given = browser.execute_async_script(script)
    assert given == [1, 2, 1, 3, 1, 2, "failed", "failed"]
    assert asked == [1, 2, 3, 2, 9, 9]


def test_a_phone_shows_the_word_its_sliders_and_the_download_on_one_screen(browser, site):
    resize(browser, 390, 844)
    open_named(browser, site)
    for place in ("#text", "#painted", "#walk-named", "#wild", "#save-painted"):
        box = browser.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect()", place)
        assert box["top"] >= 0 and box["bottom"] <= 844, place


def test_the_chosen_tab_is_in_sight_where_the_tabs_are_wider_than_the_screen(browser, site):
    resize(browser, 240, 640)
    open_page(browser, f"{site}classifiers/#classify")
    for place in ("#tab-classify", "#tab-colour"):
        browser.execute_script("arguments[0].click()", find(browser, place))
        box = browser.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect()", place)
        assert box["left"] >= 0 and box["right"] <= 240, place


def test_a_phone_shows_what_is_drawn_and_all_bars_on_one_screen(browser, site):
    resize(browser, 390, 844)
    open_page(browser, f"{site}classifiers/#classify")
    for place in ("#sketch", "#guess-said", ".bars", "#sketch-clear"):
        box = browser.execute_script("return document.querySelector(arguments[0]).getBoundingClientRect()", place)
        assert box["top"] >= 0 and box["bottom"] <= 844, place


@pytest.mark.parametrize("place", ["all/", "hinted/", "classifiers/#classify", "named/#named"])
def test_a_phone_shows_every_panel_without_scrolling_sideways(browser, site, place):
    resize(browser, 320, 640)
    open_page(browser, f"{site}{place}")
    tabs = browser.find_elements(By.CSS_SELECTOR, "[role=tab]")
    for tab in tabs:
        tab.click()
        assert find(browser, f"#{tab.get_attribute('aria-controls')}").is_displayed()
        width = browser.execute_script("return document.documentElement.scrollWidth")
        assert width == 320, tab.text


def test_what_has_a_network_is_shown_first_and_what_has_none_says_how_to_get_one(browser, site):
    open_page(browser, f"{site}one/")
    assert find(browser, "#emoji").is_displayed()
    find(browser, "#tab-colour").click()
    wait(lambda: "ganzoo export runs/pix2pix_avatars" in find(browser, "#colour").text)
    assert not find(browser, "#drawing").is_displayed()


def damaged_file(folder):
    with (folder / "generator_dynamic.tflite").open("ab") as file:
        file.write(b"more")


def integer_inputs(folder):
    card = folder / "card.json"
    card.write_text(card.read_text("utf-8").replace('"float32"', '"uint8"'), "utf-8")


def no_card(folder):
    (folder / "card.json").unlink()


def another_card(folder):
    (folder / "card.json").write_text('{"card_version": 1, "files": {"generator_dynamic.tflite": {}}}', "utf-8")


def empty_card(folder):
    (folder / "card.json").write_text("null", "utf-8")


def card_that_leads_to_the_page(folder):
    """From models/exported/ of a page `../../page.js` is the page's own script."""
    script = folder.parent.parent / "page.js"
    script.write_text("alert()", "utf-8")
    document = json.loads((folder / "card.json").read_text("utf-8"))
    (entry, *_) = document["files"].values()
    entry["sha256"] = hashlib.sha256(script.read_bytes()).hexdigest()
    document["files"] = {"../../page.js": entry}
    (folder / "card.json").write_text(json.dumps(document), "utf-8")


def takes_more(folder, **tensor):
    document = json.loads((folder / "card.json").read_text("utf-8"))
    (entry,) = document["files"].values()
    entry["inputs"].append({"dtype": "int32", **tensor})
    (folder / "card.json").write_text(json.dumps(document), "utf-8")


def text(folder):
    takes_more(folder, name="tokens", kind="tokens", shape=[1, 4], names=["", "red"])


def classes_without_names(folder):
    takes_more(folder, name="label", kind="label", shape=[1], names=None)


def names_of_more_classes(folder):
    document = json.loads((folder / "card.json").read_text("utf-8"))
    (entry,) = document["files"].values()
    entry["outputs"] = [
        {"name": "classes", "kind": "classes", "shape": [1, 3], "dtype": "float32", "names": ["a", "b"]}
    ]
    (folder / "card.json").write_text(json.dumps(document), "utf-8")


def later_card(folder):
    document = json.loads((folder / "card.json").read_text("utf-8"))
    (folder / "card.json").write_text(json.dumps({**document, "card_version": 3}), "utf-8")


@pytest.mark.parametrize(
    "spoil, words",
    [
        (card_that_leads_to_the_page, "not the card of an exported model"),
        (another_card, "not the card of an exported model"),
        (empty_card, "not the card of an exported model"),
        (damaged_file, "generator_dynamic.tflite: not the file that its card.json describes"),
        (integer_inputs, "no .tflite file of a fixed size with float inputs"),
        (no_card, "no card.json in it"),
        (text, "is of latents and tokens -> image; the page runs image -> image, latents -> image, label and latents"),
        (classes_without_names, "has no names of its classes to choose from"),
        (names_of_more_classes, "not the card of an exported model"),
        (later_card, "card version 3; this page reads 1 and 2"),
    ],
)
def test_a_build_refuses_what_the_page_could_not_run(sources, models, tmp_path, spoil, words):
    folder = tmp_path / "exported"
    shutil.copytree(models["dcgan"], folder)
    spoil(folder)
    built = build(sources, tmp_path / "page", folder)
    assert (built.returncode, built.stderr.count("\n")) == (2, 1)
    assert words in built.stderr
    assert not (tmp_path / "page").exists()


def test_a_build_does_not_delete_the_models_that_it_is_built_of(sources, models, tmp_path):
    page = tmp_path / "page"
    assert build(sources, page, models["dcgan"]).returncode == 0
    shutil.copytree(models["dcgan"], page / "mine")
    built = build(sources, page, page / "mine")
    assert (built.returncode, built.stderr.count("\n")) == (2, 1)
    assert (page / "mine" / "card.json").exists()
