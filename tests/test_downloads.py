"""What is shown of a download, and where it is kept; tests/data/test_archive.py has that it goes on and is verified."""

import hashlib
import os
import pty
import subprocess
import sys

import pytest
from servers import serving_files

from ganzoo.downloads import CHUNK, cache_folder, fetch_file

CONTENT = bytes(range(256)) * (8 * CHUNK // 256)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "served").mkdir()
    (tmp_path / "served/weights.npz").write_bytes(CONTENT)
    with serving_files(tmp_path / "served") as server:
        yield server


def test_one_line_tells_what_is_fetched_though_the_connection_breaks(server, capsys):
    server.cuts = [3 * CHUNK, 2 * CHUNK]
    assert fetch_file(f"{server.address}/weights.npz", SHA256).read_bytes() == CONTENT
    told = capsys.readouterr()
    assert told.err == f"fetching {server.address}/weights.npz (0.1 MB)\n"
    assert told.out == ""


def test_what_is_in_the_cache_is_not_fetched_again(server, capsys):
    fetch_file(f"{server.address}/weights.npz", SHA256)
    capsys.readouterr()
    fetch_file(f"{server.address}/weights.npz", SHA256)
    assert server.ranges == [None]
    assert capsys.readouterr().err == ""


def test_of_two_processes_that_want_a_file_one_downloads_and_both_have_it(server):
    server.pause, server.cuts = 0.5, [3 * CHUNK, 2 * CHUNK]
    program = f"from ganzoo.downloads import fetch_file; fetch_file({server.address + '/weights.npz'!r}, {SHA256!r})"
    both = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert server.ranges == [None, f"bytes={3 * CHUNK}-", f"bytes={5 * CHUNK}-"]


def test_on_a_terminal_a_bar_is_shown_and_goes_away(server):
    program = f"from ganzoo.downloads import fetch_file; fetch_file({server.address + '/weights.npz'!r}, {SHA256!r})"
    ours, its = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    subprocess.run([sys.executable, "-c", program], stdin=subprocess.DEVNULL, stderr=its, env=environment, check=True)
    os.close(its)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "fetching weights.npz" in shown and "131.1" in shown
    assert shown.rstrip().endswith("\x1b[2K")


def test_the_cache_lies_where_the_platform_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.delenv("GANZOO_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "ganzoo"
