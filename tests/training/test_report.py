"""The page of a run, as a reader has it: in a browser, on a desk and on a phone, while the run goes on and after it."""

import configparser
import itertools
import json
import math
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

import ganzoo
from ganzoo.errors import UsageError
from ganzoo.training import doctor, report
from ganzoo.training.run_directory import RunDirectory

EVIL = "<script>document.title = 'taken'</script><img src=http://evil.invalid/x>"
FINDING = {"name": "generator collapsed", "since": 300, "evidence": "The diversity is 0.04.", "advice": "Use hinge."}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if not path]
    assert not missing, f"{' and '.join(missing)} missing: install Debian's packages chromium and chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    profile = tmp_path_factory.mktemp("profile")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={profile}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(programs["chromedriver"]))
    yield driver
    driver.quit()


@pytest.fixture
def directory(tmp_path):
    """A run directory that was just made: a recipe, and nothing else."""
    directory = RunDirectory(tmp_path / "a run")
    (directory.path / "samples").mkdir(parents=True)
    write_config(directory)
    return directory


def write_config(directory, source="embedded:emoji", steps=500, **training):
    document = {
        "architecture": "dcgan",
        "model": {"image_size": 32, "augmentation": ["color"]},
        "data": {"source": source, "domains": ["flat"]},
        "training": {"steps": steps, "seed": 7, "log_every": 100, "sample_every": 100, **training},
        "run": {"strategy": "mirrored", "init": None, "replicas": 2},
        "versions": {"python": "3.11.7", "keras": "3.15.1"},
    }
    directory.config.write_text(yaml.safe_dump(document), "utf-8")


def line(step, findings=(), health=None, **terms):
    terms = {"discriminator_real": 0.4, "generator_adversarial": 2.0, **terms}
    health = {"generator_gradient_norm": 0.8, "sample_diversity": 0.9, **(health or {})}
    return {
        "step": step,
        "time": 1.7e9 + step,
        "images_per_second": 61.2,
        **terms,
        "nonfinite": 0,
        "health": health,
        "findings": list(findings),
    }


def write_lines(directory, *lines, cut=""):
    directory.metrics.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + cut, "utf-8")


def color(step):
    """A color for each step that survives WebP: its hue turns with the step."""
    return tuple(round(127.5 + 100 * math.cos(step / 100 + turn)) for turn in (0, 2.1, 4.2))


def write_samples(directory, *steps, size=(64, 64)):
    for step in steps:
        Image.new("RGB", size, color(step)).save(directory.sample(step))


def open_page(browser, directory, width=1280):
    report.write(directory)
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    browser.get_log("browser"), browser.get_log("performance")
    browser.get(directory.report.as_uri())
    # A busy browser gives back a page that it has not read to its end.
    WebDriverWait(browser, 60).until(lambda _: browser.execute_script("return document.readyState") == "complete")


def text(browser, place="body"):
    return browser.find_element(By.CSS_SELECTOR, place).text


def shown(browser):
    """(step in words, step by the visible picture's color) of the samples; exactly one picture is visible."""
    (picture,) = [image for image in browser.find_elements(By.CSS_SELECTOR, ".samples img") if image.is_displayed()]
    pixel = browser.execute_script(
        """const canvas = document.createElement("canvas").getContext("2d");
           canvas.drawImage(arguments[0], 0, 0);
           return [...canvas.getImageData(20, 20, 1, 1).data].slice(0, 3);""",
        picture,
    )
    return text(browser, ".slider label"), pixel


def check_shows(browser, step):
    words, pixel = shown(browser)
    assert words == f"Step {step:,}"
    assert pixel == pytest.approx(color(step), abs=6)


def test_keyboard_and_script_move_the_slider_through_the_samples_in_order(browser, directory):
    steps = (0, 90, 200, 1000)
    write_samples(directory, *steps)
    open_page(browser, directory)
    slider = browser.find_element(By.CSS_SELECTOR, "input[type=range]")
    check_shows(browser, 1000)
    slider.send_keys(Keys.ARROW_LEFT)
    check_shows(browser, 200)
    slider.send_keys(Keys.HOME)
    check_shows(browser, 0)
    slider.send_keys(Keys.ARROW_RIGHT)
    check_shows(browser, 90)
    assert slider.get_attribute("aria-valuetext") == "step 90"
    browser.execute_script("arguments[0].value = 2; arguments[0].dispatchEvent(new Event('input'))", slider)
    check_shows(browser, 200)


def test_without_javascript_the_last_sample_and_the_last_values_are_visible(browser, directory):
    write_samples(directory, 0, 100, 200)
    write_lines(directory, line(100), line(200, generator_adversarial=1234.5))
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        open_page(browser, directory)
        (picture,) = [image for image in browser.find_elements(By.CSS_SELECTOR, ".samples img") if image.is_displayed()]
        assert picture.get_attribute("alt") == "Samples at step 200"
        assert not browser.find_element(By.CSS_SELECTOR, ".slider").is_displayed()
        assert "generator adversarial 1234" in text(browser)
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})


def sick_run(directory):
    """All that a page can hold: gaps, zeros, a spike, a rollback, findings, and words that are too long for a phone."""
    lines = [line(step) for step in range(10, 510, 10)]
    terms = dict.fromkeys(["discriminator_real", "generator_adversarial"])
    health = dict.fromkeys(["generator_gradient_norm", "sample_diversity"])
    for index in (3, 4, 20):
        lines[index] = line(lines[index]["step"], health=health, **terms)
    lines[30]["health"]["generator_gradient_norm"] = 0.0
    lines[31]["health"]["generator_gradient_norm"] = 1e30
    lines[-1]["findings"] = [FINDING]
    lines[-1]["health"]["a_key_of_an_architecture_to_come_" + "w" * 90] = 1.0
    back = {"step": 200, "time": 0.0, "rollback": {"number": 1, "from": 260, "reason": "diverging: terms were null"}}
    write_lines(directory, *lines[:20], back, *lines[20:])
    write_samples(directory, *range(0, 501, 50), size=(700, 300))


@pytest.mark.parametrize("width", [360, 1280])
def test_nothing_is_asked_of_a_network_wider_than_the_screen_or_an_error(browser, directory, width):
    write_config(directory, source="folder:/" + "long" * 40)
    sick_run(directory)
    open_page(browser, directory, width)
    browser.execute_script("document.querySelector('details').open = true")
    screen, page = browser.execute_script("return [innerWidth, document.documentElement.scrollWidth]")
    assert page <= screen == width
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
    # The browser's own first page may still be asking for its parts.
    asked = [each["request"]["url"] for each in requests if each["documentURL"] == directory.report.as_uri()]
    assert directory.report.as_uri() in asked
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}


def test_findings_and_rollbacks_are_told_in_words(browser, directory):
    sick_run(directory)
    open_page(browser, directory)
    told = text(browser, "section")
    for words in ("Generator collapsed", "since step 300", FINDING["evidence"], FINDING["advice"]):
        assert words in told
    assert "Went back from step 260 to 200" in told and "terms were null" in told
    assert "Healthy" not in told


def test_a_run_without_findings_is_called_healthy_also_when_it_had_some(browser, directory):
    write_lines(directory, *(line(step) for step in (100, 200, 300)), line(400, [FINDING]), line(500))
    open_page(browser, directory)
    assert "Healthy" in text(browser, "section")
    assert "collapsed" not in text(browser)
    assert "Step 500 of 500, finished" in text(browser)


def test_a_young_run_is_not_called_healthy_but_told_from_when_on_it_can_be(directory):
    write_config(directory, steps=20, log_every=50, sample_every=100)
    write_lines(directory, line(20))
    report.write(directory)
    page = directory.report.read_text("utf-8")
    assert "Healthy" not in page
    assert "From step 250 on there is something to judge it by, which this run of 20 steps does not reach." in page
    assert doctor.examine(directory)["early"].partition(": ")[2][1:] in page


def test_the_page_can_be_had_before_the_first_line_and_of_a_line_that_is_cut(browser, directory):
    open_page(browser, directory)
    assert "Nothing measured yet" in text(browser) and "None drawn yet" in text(browser)
    assert browser.get_log("browser") == []
    write_samples(directory, 0)
    write_lines(directory, line(100), cut='{"step": 200, "gen')
    open_page(browser, directory)
    assert "Step 100 of 500, not at its last step" in text(browser)
    assert "generator adversarial 2" in text(browser)
    assert not browser.find_element(By.CSS_SELECTOR, ".slider").is_displayed()
    assert browser.get_log("browser") == []


def test_a_directory_that_is_no_run_is_an_error_of_usage_and_gets_no_page(tmp_path):
    with pytest.raises(UsageError, match="no config.yaml"):
        report.write(RunDirectory(tmp_path))
    assert not any(tmp_path.iterdir())


def test_text_of_the_run_stays_text(browser, directory):
    write_config(directory, source=f"folder:{EVIL}")
    finding = {**FINDING, "evidence": EVIL, "advice": f"</script>{EVIL}"}
    write_lines(directory, line(100, [finding], **{f"</script>{EVIL}": 1.0}))
    open_page(browser, directory)
    browser.execute_script("document.querySelector('details').open = true")
    assert text(browser).count(EVIL) == 5  # title, evidence, advice, legend, recipe
    assert browser.title.startswith("dcgan at step 100")
    assert browser.get_log("browser") == []


def charts(browser):
    """The figures by title."""
    figures = browser.find_elements(By.CSS_SELECTOR, ".chart")
    return {text(figure, "h3"): figure for figure in figures}


def places(figure, curve=0):
    """The pieces of a curve, each a list of (percent across, percent from the top)."""
    path = figure.find_elements(By.CSS_SELECTOR, "path.curve")[curve].get_attribute("d")
    return [
        [tuple(map(float, place.split())) for place in re.findall(r"[\d.-]+ [\d.-]+", piece)]
        for piece in path.split("M")[1:]
    ]


def marks(figure):
    return [mark.text for mark in figure.find_elements(By.CSS_SELECTOR, ".value")]


def test_a_log_scale_has_powers_of_ten_zero_at_its_bottom_and_gaps_for_null(browser, directory):
    norms = [0.01, 0.1, None, 1.0, 0.0, 100.0]
    lines = [line(100 * step, health={"generator_gradient_norm": norm}) for step, norm in enumerate(norms, 1)]
    write_lines(directory, *lines)
    open_page(browser, directory)
    figure = charts(browser)["Gradient norms log scale"]
    assert marks(figure) == ["10⁻²", "10⁻¹", "10⁰", "10¹", "10²"]
    first, second = places(figure)
    assert first == [(16.67, 100), (33.33, 75)]
    assert second == [(66.67, 50), (83.33, 100), (100, 0)]


def test_a_linear_scale_holds_zero_and_values_below_it(browser, directory):
    write_lines(directory, line(100, generator_adversarial=-1.0), line(200, generator_adversarial=3.0))
    open_page(browser, directory)
    figure = charts(browser)["Generator losses"]
    assert marks(figure) == ["-1", "0", "1", "2", "3"]
    assert places(figure) == [[(50, 100), (100, 0)]]


@pytest.mark.parametrize("value", [None, 0.0])
def test_a_curve_that_is_nothing_but_null_or_zero_has_its_chart(browser, directory, value):
    health = {"generator_gradient_norm": value, "generator_update_ratio": value, "discriminator_real_accuracy": value}
    write_lines(directory, *[line(step, health=health, generator_adversarial=value) for step in (100, 200)])
    open_page(browser, directory)
    found = charts(browser)
    assert {"Gradient norms log scale", "Update ratios log scale", "Discriminator accuracy"} <= found.keys()
    bottom = [] if value is None else [[(50, 100), (100, 100)]]
    assert places(found["Gradient norms log scale"]) == places(found["Generator losses"]) == bottom
    assert browser.get_log("browser") == []


def test_no_spike_no_dip_and_no_gap_is_thinned_away(browser, directory):
    lines = [line(step, generator_adversarial=2.0) for step in range(1, 5001)]
    lines[1234]["generator_adversarial"] = 8.0
    lines[2345]["generator_adversarial"] = 0.0
    lines[3456]["generator_adversarial"] = None
    write_lines(directory, *lines)
    open_page(browser, directory)
    before, after = places(charts(browser)["Generator losses"])
    assert (24.7, 0) in before and (46.92, 100) in before
    assert before[0][0] == 0.02 and before[-1][0] < 69.14 < after[0][0] and after[-1][0] == 100
    assert len(before) + len(after) <= 400


def test_pointing_at_a_chart_shows_the_values_of_the_nearest_line(browser, directory):
    write_lines(directory, *[line(step, generator_adversarial=step / 100) for step in (100, 200, 300, 400)])
    open_page(browser, directory)
    figure = charts(browser)["Generator losses"]
    assert text(figure, ".legend") == "generator adversarial 4"
    area = figure.find_element(By.CSS_SELECTOR, ".area")
    ActionChains(browser).move_to_element(area).perform()
    assert text(figure, ".legend") == "generator adversarial 2"
    assert figure.find_element(By.CSS_SELECTOR, ".cursor").get_attribute("data-step") == "step 200"
    ActionChains(browser).move_to_element(browser.find_element(By.TAG_NAME, "h1")).perform()
    assert text(figure, ".legend") == "generator adversarial 4"


def test_each_rollback_has_a_line_where_the_run_went_back_to(browser, directory):
    backs = [
        {"step": step, "time": 0.0, "rollback": {"number": number, "from": 390, "reason": "diverging"}}
        for number, step in ((1, 100), (2, 400))
    ]
    write_lines(directory, line(100), backs[0], line(200), backs[1])
    open_page(browser, directory)
    for figure in charts(browser).values():
        drawn = [line.get_attribute("d") for line in figure.find_elements(By.CSS_SELECTOR, "path.rollback")]
        assert drawn == ["M25 0V100", "M100 0V100"]


def test_of_many_samples_forty_are_kept_first_and_last_among_them_in_a_light_page(browser, directory):
    noise = np.random.default_rng(0).integers(0, 256, (500, 500, 3), "uint8")
    Image.fromarray(noise).save(directory.sample(0))
    for step in range(1, 59):
        directory.sample(step).hardlink_to(directory.sample(0))
    write_samples(directory, 59, size=(3000, 300))
    open_page(browser, directory)
    pictures = browser.find_elements(By.CSS_SELECTOR, ".samples img")
    # A busy browser may not have decoded it yet.
    decode = "const [picture, done] = arguments; picture.decode().then(() => done(picture.naturalWidth), done)"
    assert browser.execute_async_script(decode, pictures[-1]) == 1024
    steps = [int(picture.get_attribute("data-step")) for picture in pictures]
    assert len(steps) == 40 and steps[0] == 0 and steps[-1] == 59
    assert {after - before for before, after in itertools.pairwise(steps)} == {1, 2}
    assert directory.report.stat().st_size < 6e6


def test_a_sample_is_encoded_as_the_newest_and_once_more_whatever_comes_after_it(directory):
    write_samples(directory, 0, 100, size=(500, 300))
    report.write(directory)
    for step in (200, 300):
        before = report._webp.cache_info().misses
        write_samples(directory, step, size=(500, 300))
        report.write(directory)
        assert report._webp.cache_info().misses - before == 2


def test_the_commands_of_the_page_are_the_run_s(browser, directory):
    open_page(browser, directory)
    config, again = directory.config, f"{directory.path}-again"
    commands = [shlex.split(each.text) for each in browser.find_elements(By.CSS_SELECTOR, "#reproduce + ol pre")]
    assert commands == [
        ["ganzoo", "train", str(config), "--run-dir", again, "--strategy", "mirrored"],
        ["ganzoo", "train", str(config), "--run-dir", str(directory.path)],
        ["ganzoo", "generate", str(directory.path), "--out", "painted.png"],
        ["ganzoo", "doctor", str(directory.path)],
    ]
    assert "seed 7" in text(browser) and "3.15.1" in text(browser)


def test_the_report_takes_no_tensorflow():
    program = "import sys, ganzoo.training.report; print({'keras', 'tensorflow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_template_is_in_the_wheel():
    setup = configparser.ConfigParser()
    setup.read(Path(ganzoo.__file__).parents[1] / "setup.cfg")
    assert "report.html.jinja" in setup["options.package_data"]["ganzoo.training"].split()
