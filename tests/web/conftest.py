"""The page's sources and a browser. A module of tests has a fixture `site`: the address of its pages."""

import shutil
import subprocess
from urllib.parse import urlsplit

import pytest
from pages import WEB, requests, resize
from selenium import webdriver
from selenium.webdriver.chrome.service import Service


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The page's sources with its runtime, which `npm ci` fetches where it isn't there."""
    if not shutil.which("npm"):
        pytest.skip("npm is missing: install Node 18 or later (Debian's packages nodejs and npm)")
    if (WEB / "node_modules" / "@litertjs" / "core").is_dir():
        return WEB
    root = tmp_path_factory.mktemp("repository")
    copy = root / "export" / "web"
    shutil.copytree(WEB, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    shutil.copy(WEB.parents[1] / "LICENSE", root)
    fetched = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=copy, capture_output=True, text=True)
    if fetched.returncode:
        pytest.skip(f"the page's runtime can't be fetched; run `npm ci` in export/web: {fetched.stderr.strip()[-300:]}")
    return copy


@pytest.fixture(scope="module")
def driver(site, tmp_path_factory):
    """A browser whose pages, as is looked up when it has ended, asked no other host, nor did their workers."""
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if not path]
    assert not missing, f"{' and '.join(missing)} missing: install Debian's packages chromium and chromium-driver"
    options = webdriver.ChromeOptions()
    options.binary_location = programs["chromium"]
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    profile = tmp_path_factory.mktemp("profile")
    places = (f"--user-data-dir={profile}", f"--log-net-log={profile / 'requests'}")
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", *places):
        options.add_argument(argument)
    driver = webdriver.Chrome(options, Service(programs["chromedriver"]))
    yield driver
    driver.quit()
    asked = requests(profile / "requests", "{0.scheme}://{0.netloc}".format(urlsplit(site)))
    assert any(address.endswith(".tflite") for address in asked)
    assert [address for address in asked if not address.startswith((site, "blob:", "data:"))] == []


@pytest.fixture
def browser(driver):
    """A browser of which, at the end, no page has reported an error."""
    driver.get("about:blank")
    driver.get_log("browser")
    resize(driver, 1280)
    yield driver
    errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert errors == []
