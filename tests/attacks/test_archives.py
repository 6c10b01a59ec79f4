"""Archives that can't be unpacked: a line for each, and nothing is left of them."""

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile

import pytest
from PIL import Image
from servers import serving_files

from ganzoo.data.archive import fetch_archive
from ganzoo.errors import RunError


def png() -> bytes:
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).save(file, "PNG")
    return file.getvalue()


def zipped(name: str = "set/0.png", compression: int = zipfile.ZIP_STORED) -> bytearray:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr(name, png())
    return bytearray(file.getvalue())


def changed(archive: bytearray, *, method: int | None = None, flag: int = 0) -> bytes:
    """A zip whose two headers say another method of compression, or have another flag."""
    for signature, at_flag, at_method in ((b"PK\3\4", 6, 8), (b"PK\1\2", 8, 10)):
        start = archive.index(signature)
        archive[start + at_flag] |= flag
        if method is not None:
            archive[start + at_method : start + at_method + 2] = struct.pack("<H", method)
    return bytes(archive)


def damaged(archive: bytes) -> bytes:
    middle = len(archive) // 3
    return archive[:middle] + bytes(byte ^ 0xA5 for byte in archive[middle : middle + 40]) + archive[middle + 40 :]


def tarred(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", mode: str = "w", **headers) -> bytes:
    content = png()
    member = tarfile.TarInfo(name)
    member.type, member.linkname, member.size, member.pax_headers = kind, link, len(content), headers
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:
        archive.addfile(tarfile.TarInfo("set/first.png"), io.BytesIO())
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


HOSTILE = {
    "encrypted": (changed(zipped(), flag=1), "encrypted"),
    "deflate64": (changed(zipped(), method=9), "compression method is not supported"),
    "a method that is none": (changed(zipped(), method=99), "compression method is not supported"),
    "corrupt": (damaged(zipped()), "CRC"),
    "corrupt deflate": (damaged(zipped(compression=zipfile.ZIP_DEFLATED)), ""),
    "corrupt bz2": (damaged(zipped(compression=zipfile.ZIP_BZIP2)), ""),
    "corrupt lzma": (damaged(zipped(compression=zipfile.ZIP_LZMA)), ""),
    "a zip that is cut": (bytes(zipped()[:-30]), "no archive; allowed are zip and tar"),
    "gz that is cut": (tarred("set/0.png", mode="w:gz")[:2000], "ended before"),
    "xz that is cut": (tarred("set/0.png", mode="w:xz")[:2000], "ended before"),
    "corrupt xz": (damaged(tarred("set/0.png", mode="w:xz")), ""),
    "gz of no tar": (gzip.compress(b"hello" * 100), "no archive"),
    "nothing": (b"", "no archive"),
    "a hard link to nothing": (tarred("set/1.png", tarfile.LNKTYPE, "none"), "holds a link, 'set/1.png'"),
    "a link to nothing": (tarred("set/1.png", tarfile.SYMTYPE, "none"), "holds a link, 'set/1.png'"),
    "a pipe": (tarred("set/1.png", tarfile.FIFOTYPE), "holds a device"),
    "1,500 folders in a tar": (tarred("d/" * 1500 + "0.png"), "more than 100 folders deep"),
    "1,500 folders in a zip": (bytes(zipped("d/" * 1500 + "0.png")), "more than 100 folders deep"),
    "a name that is too long": (tarred("n" * 300 + ".png"), "too long"),
    "a file where a folder is": (tarred("set"), "irectory"),
    "no name": (tarred(""), "irectory"),
    "a sparse map that is none": (tarred("x", **{"GNU.sparse.map": "a,b"}), "can't be unpacked"),
    "a control character": (tarred("../\x1b[31m.png"), r"'\.\./\\x1b\[31m\.png', outside"),
}


@pytest.mark.parametrize(("content", "told"), HOSTILE.values(), ids=HOSTILE)
def test_an_archive_that_can_not_be_unpacked_is_answered_in_a_line(tmp_path, monkeypatch, content, told):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "x.bin").write_bytes(content)
    with pytest.raises(RunError, match=rf"x\.bin: .*{told}") as raised:
        fetch_archive(f"file://{tmp_path}/x.bin", hashlib.sha256(content).hexdigest())
    assert len(str(raised.value)) < 1000 and str(raised.value).isprintable()
    assert not list((tmp_path / "cache/archives").iterdir())


def test_a_download_that_can_not_be_unpacked_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_CACHE", str(tmp_path / "cache"))
    (tmp_path / "served").mkdir()
    for content, _ in (HOSTILE["encrypted"], HOSTILE["a pipe"]):
        (tmp_path / "served/x.bin").write_bytes(content)
        with serving_files(tmp_path / "served") as server, pytest.raises(RunError, match="unpacked|refused"):
            fetch_archive(f"{server.address}/x.bin", hashlib.sha256(content).hexdigest())
        assert not list((tmp_path / "cache/downloads").iterdir())
