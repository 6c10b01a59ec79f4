import functools
import hashlib

import pytest
from servers import Quiet, serving

from ganzoo.errors import UsageError
from ganzoo.metrics.weights import WeightsFile, find, on_disk

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "there.pth").write_bytes(CONTENT)
    with serving(functools.partial(Quiet, directory=folder)) as server:
        yield server


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "networks"


def described(server, name="there.pth", sha256=SHA256):
    return WeightsFile("kept.pth", f"http://127.0.0.1:{server.server_port}/{name}", sha256, "MIT")


def test_a_file_is_fetched_once_and_kept_under_its_name(server, folder):
    assert find(described(server)) == folder / "kept.pth"
    (server.RequestHandlerClass.keywords["directory"] / "there.pth").unlink()
    assert find(described(server)).read_bytes() == CONTENT


def test_a_file_of_another_content_is_refused_with_both_sums(server, folder):
    folder.mkdir(parents=True)
    (folder / "kept.pth").write_bytes(CONTENT + b".")
    found = hashlib.sha256(CONTENT + b".").hexdigest()
    with pytest.raises(UsageError, match=rf"kept\.pth: its sha256 is {found}, expected {SHA256}; .*/there\.pth$"):
        find(described(server))


def test_a_download_of_another_content_is_not_kept(server, folder):
    with pytest.raises(UsageError, match=f"its sha256 is {SHA256}, expected {'0' * 64}"):
        find(described(server, sha256="0" * 64))
    assert not (folder / "kept.pth").exists()


def test_where_nothing_can_be_fetched_the_user_is_told_what_to_put_where(server, folder):
    with pytest.raises(UsageError) as error:
        find(described(server, "gone.pth"))
    message = str(error.value)
    assert "/gone.pth: the server answered 404" in message and "\n" not in message
    assert message.endswith(f"or put the file at {folder / 'kept.pth'} yourself")
    folder.mkdir(parents=True)
    (folder / "kept.pth").write_bytes(CONTENT)
    assert find(described(server, "gone.pth")) == folder / "kept.pth"


def test_what_is_not_whole_on_disk_is_not_counted_as_there_and_nothing_is_fetched_to_see(server, folder):
    assert on_disk(described(server)) is None
    assert not folder.exists()
    find(described(server))
    assert on_disk(described(server)) == folder / "kept.pth"
    (folder / "kept.pth").write_bytes(CONTENT[:-1])
    assert on_disk(described(server)) is None
