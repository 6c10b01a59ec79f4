"""The pages of `docs/` against what there is."""

import re
from pathlib import Path

import pytest
from PIL import Image

from scripts import settings_page

DOCS = Path(__file__).parent.parent / "docs"


def test_the_page_of_settings_is_what_its_script_writes():
    assert (DOCS / "settings.md").read_text("utf-8") == settings_page.page(), "run python scripts/settings_page.py"


def test_no_setting_is_without_a_meaning():
    rows = [row for _, _, table in settings_page.tables() for row in table]
    assert len(rows) > 80
    assert [name for name, *_, meaning in rows if not meaning] == []


def test_the_page_on_fit_runs_as_it_stands(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / "fit.md").read_text("utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning) as told:
        exec("\n".join(blocks), {})
    assert not [warning for warning in told if "fit: " in str(warning.message)]
    assert Image.open("epoch_1.png").size == (4 * 32, 32)
    assert (tmp_path / "generator.keras").exists()
