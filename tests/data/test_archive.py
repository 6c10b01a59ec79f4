import hashlib
import io
import tarfile
import zipfile

import numpy as np
import pytest
from batches import ONE
from made_images import coordinates
from PIL import Image
from servers import serving_files

from ganzoo.config.recipe import DataConfig
from ganzoo.data.opening import open_source
from ganzoo.errors import RunError, UsageError
from ganzoo.files.downloads import CHUNK


@pytest.fixture
def server(tmp_path):
    (tmp_path / "served").mkdir()
    with serving_files(tmp_path / "served") as server:
        yield server


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def png(number):
    buffer = io.BytesIO()
    Image.fromarray(coordinates(number)).save(buffer, "PNG")
    return buffer.getvalue()


def zipped(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def tarred(path, files):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


IMAGES = {f"set/{number}.png": png(number) for number in range(3)}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def photos(address, digest):
    images = open_source(DataConfig(source=f"url:{address}#sha256={digest}"), ONE).sets[0]
    return [int(images.read(index)[0, 0, 2]) for index in range(len(images))]


@pytest.mark.parametrize(("pack", "name"), [(zipped, "set.zip"), (tarred, "set.tar.gz")])
def test_an_archive_is_fetched_once_and_read_as_a_folder(server, cache, pack, name):
    digest = sha256(pack(server.folder / name, IMAGES))
    for _ in range(2):
        assert photos(f"{server.address}/{name}", digest) == [0, 1, 2]
    assert server.ranges == [None]
    assert not list((cache / "downloads").iterdir())  # nothing is kept twice


@pytest.fixture
def large(server):
    """An archive of several chunks."""
    noise = np.random.default_rng(0).bytes(8 * CHUNK)
    return zipped(server.folder / "set.zip", {**IMAGES, "set/noise.bin": noise})


def test_a_cut_download_goes_on_where_it_stopped(server, large):
    server.cuts = [3 * CHUNK, 2 * CHUNK]
    assert photos(f"{server.address}/set.zip", sha256(large)) == [0, 1, 2]
    assert server.ranges == [None, f"bytes={3 * CHUNK}-", f"bytes={5 * CHUNK}-"]


def test_a_download_that_fails_is_gone_on_with_by_the_next_run(server, large):
    server.cuts = [2 * CHUNK, 0]
    with pytest.raises(RunError, match=f"failed after {2 * CHUNK:,} bytes.*it goes on there"):
        photos(f"{server.address}/set.zip", sha256(large))
    assert photos(f"{server.address}/set.zip", sha256(large)) == [0, 1, 2]
    assert server.ranges[-1] == f"bytes={2 * CHUNK}-"


def test_a_server_without_ranges_does_not_make_a_doubled_file(server, large):
    server.cuts, server.knows_ranges = [2 * CHUNK], False
    assert photos(f"{server.address}/set.zip", sha256(large)) == [0, 1, 2]


def test_the_rest_of_a_longer_file_that_was_replaced_is_thrown_away(server, large):
    digest, content = sha256(large), large.read_bytes()
    large.write_bytes(content * 2)
    server.cuts = [12 * CHUNK, 0]
    with pytest.raises(RunError, match="download failed"):
        photos(f"{server.address}/set.zip", digest)
    large.write_bytes(content)
    assert photos(f"{server.address}/set.zip", digest) == [0, 1, 2]


def test_another_content_is_refused_and_removed(server, cache):
    file = zipped(server.folder / "set.zip", IMAGES)
    with pytest.raises(RunError, match=f"its sha256 is {sha256(file)}, expected {'0' * 64}"):
        photos(f"{server.address}/set.zip", "0" * 64)
    assert not list((cache / "downloads").iterdir()) and not (cache / "archives").exists()


def test_an_address_without_checksum_is_told_the_one_to_add(server):
    file = zipped(server.folder / "set.zip", IMAGES)
    with pytest.raises(UsageError, match=f"#sha256={sha256(file)}: add that"):
        open_source(DataConfig(source=f"url:{server.address}/set.zip"), ONE)
    with pytest.raises(UsageError, match="found #sha256=abc .*64 hexadecimal digits"):
        open_source(DataConfig(source=f"url:{server.address}/set.zip#sha256=abc"), ONE)


def test_a_local_archive_is_read_and_left_where_it_is(tmp_path):
    file = zipped(tmp_path / "my set.zip", IMAGES)
    assert photos(file.as_uri(), sha256(file)) == [0, 1, 2]
    assert file.exists()


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_an_archive_can_not_write_outside_its_folder(tmp_path, pack):
    file = pack(tmp_path / "evil", {**IMAGES, "../../escaped.png": png(9)})
    with pytest.raises(RunError, match="escaped.png.*refused"):
        photos(file.as_uri(), sha256(file))
    assert not list(tmp_path.rglob("escaped.png")) and not list((tmp_path / "cache/archives").iterdir())


@pytest.mark.parametrize("name", ["/tmp/escaped.png", "set\\..\\..\\escaped.png", "C:/escaped.png", "C:escaped.png"])
def test_an_archive_can_not_write_outside_its_folder_on_any_system(tmp_path, name):
    file = zipped(tmp_path / "evil", {**IMAGES, name: png(9)})
    with pytest.raises(RunError, match=r"escaped\.png.*outside its own folder"):
        photos(file.as_uri(), sha256(file))


def linked(path, kind, target, through):
    """A tar with a link, and a file that lies behind it."""
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("set/link")
        link.type, link.linkname = kind, target
        archive.addfile(link)
        content = tarfile.TarInfo(through)
        content.size = 5
        archive.addfile(content, io.BytesIO(b"evil!"))
    return path


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_no_file_is_written_through_a_link_of_an_archive(tmp_path, kind):
    (tmp_path / "home").mkdir()
    precious = tmp_path / "home/precious.txt"
    precious.write_text("mine")
    target, through = (
        (str(precious.parent), "set/link/precious.txt")
        if kind == tarfile.SYMTYPE
        else (
            str(precious),
            "set/link",
        )
    )
    file = linked(tmp_path / "evil.tar", kind, target, through)
    with pytest.raises(RunError, match="a link, 'set/link'"):
        photos(file.as_uri(), sha256(file))
    assert precious.read_text() == "mine"


def test_links_are_refused_also_where_pythons_filter_of_tar_files_lets_them_out(tmp_path):
    # CVE-2025-4517: once a path is too long for realpath, the rest of it is not looked at.
    (tmp_path / "home").mkdir()
    (tmp_path / "home/precious.txt").write_text("mine")
    long, path = "d" * 247, ""
    with tarfile.open(tmp_path / "evil.tar", "w") as archive:

        def add(name, kind, target=""):
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = kind, target
            archive.addfile(entry)

        for letter in "abcdefghijklmnop":
            add(f"{path}{long}", tarfile.DIRTYPE)
            add(f"{path}{letter}", tarfile.SYMTYPE, long)
            path += f"{letter}/"
        add(f"{path}{'l' * 254}", tarfile.SYMTYPE, "../" * 16)
        add("escape", tarfile.SYMTYPE, f"{path}{'l' * 254}/../../../../home")
        content = tarfile.TarInfo("escape/precious.txt")
        content.size = 5
        archive.addfile(content, io.BytesIO(b"evil!"))
    file = tmp_path / "evil.tar"
    with pytest.raises(RunError, match="a link, 'a'"):
        photos(file.as_uri(), sha256(file))
    assert (tmp_path / "home/precious.txt").read_text() == "mine"


def test_what_can_not_be_fetched_is_said_in_one_line(server, tmp_path):
    gone = f"{server.address}/gone.zip"
    with pytest.raises(RunError, match="the server answered 404"):
        photos(gone, "0" * 64)
    server.shutdown()
    server.server_close()
    with pytest.raises(RunError, match="download failed after 0 bytes") as error:
        photos(gone, "0" * 64)
    assert "\n" not in str(error.value)
    with pytest.raises(UsageError, match="no file"):
        photos((tmp_path / "gone.zip").as_uri(), "0" * 64)
    with pytest.raises(UsageError, match="allowed are https"):
        photos("ftp://host/set.zip", "0" * 64)
