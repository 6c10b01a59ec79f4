"""What tests of the page of export/web do with a browser: find, wait, look."""

import base64
import io
import json
import subprocess
import time
from pathlib import Path

import numpy as np
from PIL import Image
from selenium.webdriver.common.by import By

WEB = Path(__file__).parents[1] / "export" / "web"


def build(sources, out, *folders):
    options = [part for folder in folders for part in ("--models", folder)]
    return subprocess.run(["node", "build.js", *options, "--out", out], cwd=sources, capture_output=True, text=True)


def requests(log, origin):
    """The addresses that pages and workers of an origin asked for, from the browser's log of its network."""
    events = json.loads(log.read_text("utf-8"))["events"]
    parameters = [event.get("params", {}) for event in events]
    return {p["url"] for p in parameters if "url" in p and p.get("initiator") == origin}


def resize(driver, width, height=1000):
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def find(browser, place):
    return browser.find_element(By.CSS_SELECTOR, place)


def wait(condition, seconds=20):
    """The first true value of `condition()`."""
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)
    return value


def open_page(browser, address):
    browser.get(address)
    wait(lambda: "runs on" in find(browser, "#state").text)


def pixels(browser, place):
    """Returns the pixels of a canvas, uint8 (H, W, 3)."""
    address = browser.execute_script("return document.querySelector(arguments[0]).toDataURL()", place)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))).convert("RGB"))


def check_downloads(browser, button, saved, place):
    """A button writes the picture of a canvas into a file of this path."""
    allowed = {"behavior": "allow", "downloadPath": str(saved.parent)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", allowed)
    find(browser, button).click()
    wait(saved.exists)
    with Image.open(saved) as image:
        assert np.array_equal(np.asarray(image.convert("RGB")), pixels(browser, place))


def psnr(image, other):
    error = np.mean((image.astype("float64") - other) ** 2)
    return 99.0 if error == 0 else 10 * np.log10(255**2 / error)


def settle(browser):
    """Lets the page draw what it was just told."""
    browser.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")


def enter(browser, place, value):
    """Fills in a field, or moves a slider."""
    script = """const [field, value] = arguments; field.value = value;
        field.dispatchEvent(new Event("input", { bubbles: true }))"""
    browser.execute_script(script, find(browser, place), value)


def check_shows(browser, expected, place="#painted"):
    """Soon a canvas shows the pixels of the runner, but for 1 level of rounding."""
    expected = np.broadcast_to(expected, (*expected.shape[:2], 3)).astype(int)
    assert expected.std() > 20, "a picture that is all grey proves nothing"

    def shows():
        found = pixels(browser, place)
        return found.shape == expected.shape and np.abs(found - expected).max() <= 1

    wait(shows)
