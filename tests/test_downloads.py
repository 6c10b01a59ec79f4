"""The display of downloads, and where they are kept; tests/data/test_archive.py has that it goes on and is verified."""

import hashlib
import os
import pty
import subprocess
import sys
import threading

import pytest
from servers import Hostile, serving, serving_files

from ganzoo.errors import RunError, UsageError
from ganzoo.files import downloads
from ganzoo.files.downloads import CHUNK, cache_folder, fetch_file, locked

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
    program = (
        f"from ganzoo.files.downloads import fetch_file; fetch_file({server.address + '/weights.npz'!r}, {SHA256!r})"
    )
    both = [subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    assert server.ranges == [None, f"bytes={3 * CHUNK}-", f"bytes={5 * CHUNK}-"]


def test_a_process_that_waits_for_another_says_what_for(server):
    address = f"{server.address}/weights.npz"
    program = f"from ganzoo.files.downloads import fetch_file; fetch_file({address!r}, {SHA256!r})"
    name = f"{hashlib.sha256(address.encode()).hexdigest()[:16]}-weights.npz"
    with locked(cache_folder() / "downloads" / name):
        waiting = subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)
        told = waiting.stderr.readline()
        assert told.startswith(f"waiting for another process that fetches {name}; it holds ") and told.endswith(
            ".lock\n"
        )
        assert server.ranges == []
    assert waiting.communicate()[1].startswith("fetching ") and waiting.returncode == 0


@pytest.fixture
def hostile(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    with serving(Hostile) as server:
        yield f"http://127.0.0.1:{server.server_port}"


def kept():
    return [file.stat().st_size for file in (cache_folder() / "downloads").iterdir()]


@pytest.mark.parametrize("kind", ["drip_body", "drip_chunks", "drip_headers"])
def test_a_server_that_drips_is_given_up(hostile, monkeypatch, kind):
    monkeypatch.setattr(downloads, "PATIENCE", 0.3)
    with pytest.raises(RunError, match=rf"{kind}: given up after .* fewer than {CHUNK:,} came in 0.3 s; try again"):
        fetch_file(f"{hostile}/{kind}", SHA256)


@pytest.mark.parametrize("kind", ["endless", "endless_chunks"])
def test_a_body_that_does_not_end_is_cut_off_and_removed(hostile, monkeypatch, kind):
    monkeypatch.setattr(downloads, "MOST_UNSTATED", 10 * CHUNK)
    most = {"endless": 10 * CHUNK, "endless_chunks": 100_000}[kind]
    with pytest.raises(RunError, match=f"sends more than {most:,} bytes.* removed"):
        fetch_file(f"{hostile}/{kind}", SHA256)
    assert kept() == []


def test_no_more_is_taken_than_the_manifest_says(hostile):
    with pytest.raises(RunError, match="sends more than 5,000 bytes.* removed"):
        fetch_file(f"{hostile}/endless", SHA256, 5_000)
    with pytest.raises(RunError, match="the server states 100,000 bytes, expected 5,000"):
        fetch_file(f"{hostile}/endless_chunks", SHA256, 5_000)
    assert kept() == []


def test_what_has_no_room_on_the_disk_is_not_begun(hostile):
    with pytest.raises(RunError, match="states 1,152,921,504,606,846,976 bytes, and .* has room for .*GANZOO_CACHE"):
        fetch_file(f"{hostile}/vast", SHA256)
    assert kept() == []


def test_a_range_that_was_not_asked_for_is_blamed_on_the_server(hostile):
    with pytest.raises(RunError, match="the server answered 416"):
        fetch_file(f"{hostile}/no_range", SHA256)


def test_a_connection_that_brings_a_byte_is_not_followed_by_a_million_others(hostile):
    with pytest.raises(RunError, match="a_byte_a_connection: download failed after 0 bytes"):
        fetch_file(f"{hostile}/a_byte_a_connection", SHA256)


def test_a_thread_that_fetched_ends_with_its_download(hostile, server, monkeypatch):
    monkeypatch.setattr(downloads, "MOST_UNSTATED", 10 * CHUNK)
    earlier = {*threading.enumerate()}
    with pytest.raises(RunError, match="more than"):
        fetch_file(f"{hostile}/endless", SHA256)
    with pytest.raises(RunError, match="404"):
        fetch_file(f"{server.address}/none", SHA256)
    for thread in {*threading.enumerate()} - earlier:
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("address", ["http://", "http:///x", "http://a..b/x", "http://a:99999/x", "http://\0/x"])
def test_an_address_that_can_not_be_is_answered_in_a_line(tmp_path, monkeypatch, address):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    with pytest.raises((RunError, UsageError)):
        fetch_file(address, SHA256)


def test_on_a_terminal_a_bar_is_shown_and_goes_away(server):
    program = (
        f"from ganzoo.files.downloads import fetch_file; fetch_file({server.address + '/weights.npz'!r}, {SHA256!r})"
    )
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
