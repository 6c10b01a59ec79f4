"""The files state_*.pth were written by PyTorch 2.15: torch.save of the tensors that `expected` rebuilds."""

import io
import os
import pickle
import shutil
import subprocess
import sys
import types
import unittest.mock
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ganzoo.errors import RunError
from ganzoo.metrics.torch_file import read_tensors

FILES = [Path(__file__).with_name(name) for name in ("state_zip.pth", "state_legacy.pth")]
both_formats = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


def expected():
    base = np.arange(24, dtype=np.float32).reshape(4, 6) / 8
    return {
        "whole": base,
        "transposed": base.T,
        "part": base[1:3, 2:5],
        "every_second": base[:, ::2],
        "halves": np.arange(3, dtype=np.float16) / np.float16(2),
        "doubles": np.arange(3) / 3,
        "steps": np.array(2**40 + 1),
        "parameter": np.array([-1.5], np.float32),
        "empty": np.zeros((0, 3), np.float32),
    }


@both_formats
def test_views_strides_and_all_types_are_read_as_pytorch_meant_them(file):
    tensors = read_tensors(file)
    assert list(tensors) == list(expected())
    for name, array in expected().items():
        assert tensors[name].dtype == array.dtype
        np.testing.assert_array_equal(tensors[name], array)


class Evil:
    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


def zipped(path, pickled):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)


def bare(path, pickled):
    path.write_bytes(pickled)


@pytest.mark.parametrize("write", [zipped, bare])
def test_a_file_that_would_run_a_command_runs_nothing_and_is_refused(tmp_path, write):
    pickled = pickle.dumps({"weight": Evil(tmp_path / "ran")}, protocol=2)
    write(tmp_path / "evil.pth", pickled)
    with pytest.raises(RunError, match=r"evil.pth: .*asks for (posix|nt).system, which is refused"):
        read_tensors(tmp_path / "evil.pth")
    assert not (tmp_path / "ran").exists()
    pickle.loads(pickled)  # it would have run
    assert (tmp_path / "ran").exists()


def test_a_tensor_that_leads_out_of_its_storage_is_refused(tmp_path):
    """Otherwise it would show what else is in memory."""
    with zipfile.ZipFile(FILES[0]) as whole, zipfile.ZipFile(tmp_path / "out.pth", "w") as changed:
        for name in whole.namelist():
            # The offset of "part", 8, of which 2 x 3 with strides 6 and 1 reach up to 16 of 24.
            content = whole.read(name)
            changed.writestr(name, content.replace(b"K\x08", b"K\x10") if name.endswith("data.pkl") else content)
    with pytest.raises(RunError, match=r"out.pth: can't be read"):
        read_tensors(tmp_path / "out.pth")


class Raw:
    """Pickled as the call of a function of torch."""

    def __init__(self, *arguments):
        self.arguments = arguments


class TorchPickler(pickle.Pickler):
    def persistent_id(self, found):
        return ("storage", *found) if isinstance(found, list) else None

    def reducer_override(self, found):
        return (torch_function, found.arguments) if isinstance(found, Raw) else NotImplemented


def torch_function():
    raise AssertionError("never called")


torch_function.__module__, torch_function.__qualname__ = "torch._utils", "_rebuild_tensor_v2"


def torch_zip(path, tensor, content):
    """As torch.save writes {"weight": tensor}, whatever the tensor says of itself."""
    buffer = io.BytesIO()
    modules = {"torch": types.ModuleType("torch"), "torch._utils": types.ModuleType("torch._utils")}
    modules["torch._utils"]._rebuild_tensor_v2 = torch_function
    with unittest.mock.patch.dict(sys.modules, modules):
        TorchPickler(buffer, protocol=2).dump({"weight": tensor})
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        archive.writestr("archive/data/0", content)
    return path


FLOATS = ["<f4", "0", "cpu", 4]


def test_a_tensor_written_by_hand_is_read(tmp_path):
    content = np.arange(4, dtype=np.float32).tobytes()
    file = torch_zip(tmp_path / "file.pth", Raw(FLOATS, 1, (3,), (1,)), content)
    assert read_tensors(file)["weight"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "tensor",
    [
        Raw(["|O8", "0", "cpu", 4], 0, (2,), (1,)),
        Raw(["V", "0", "cpu", 4], 0, (2,), (1,)),
        Raw("no storage", 0, (2,), (1,)),
        Raw(FLOATS, -1, (2,), (1,)),
        Raw(FLOATS, 0.5, (2,), (1,)),
        Raw(FLOATS, 0, (-2, -2), (1, 1)),
        Raw(FLOATS, 0, (True, 2), (1, 1)),
        Raw(FLOATS, 2, (2,), (-1,)),
        Raw(FLOATS, 0, (2**70,), (0,)),
        Raw(FLOATS, 0, (2,), (2**62,)),
        Raw(FLOATS, 2**62, (1,), (1,)),
        Raw(FLOATS, 0, [2], [1]),
    ],
)
def test_a_storage_of_pointers_and_shapes_that_lead_elsewhere_are_refused(tmp_path, tensor):
    file = torch_zip(tmp_path / "file.pth", tensor, bytes(range(16)))
    with pytest.raises(RunError, match=r"file.pth: can't be read as PyTorch weights \("):
        read_tensors(file)


FUZZ = """
import sys
from pathlib import Path
import numpy as np
from ganzoo.errors import RunError
from ganzoo.metrics.torch_file import read_tensors
files, target, rng = [Path(name).read_bytes() for name in sys.argv[2:]], Path(sys.argv[1]), np.random.default_rng(0)
read = 0
for number in range(2000):
    content = bytearray(files[number % len(files)])
    for place in rng.integers(len(content), size=rng.integers(1, 5)):
        content[place] = rng.choice([0, 0xFF, content[place] ^ 1, rng.integers(256)])
    target.write_bytes(content)
    try:
        # Whole, so that a pointer to nowhere would be followed.
        read += all(array.tolist() is not None for array in read_tensors(target).values())
    except RunError:
        pass
print(read)
"""


def test_no_mutation_of_a_file_crashes(tmp_path):
    # In a process of its own: what is tested for is its death.
    command = [sys.executable, "-c", FUZZ, str(tmp_path / "file.pth"), *map(str, FILES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert 0 < int(done.stdout) < 2000


@both_formats
def test_a_cut_file_is_an_error_in_one_line(tmp_path, file):
    content = file.read_bytes()
    for length in (0, len(content) // 2, len(content) - 5):
        (tmp_path / "cut.pth").write_bytes(content[:length])
        with pytest.raises(RunError, match=r"cut.pth: can't be read as PyTorch weights \(") as error:
            read_tensors(tmp_path / "cut.pth")
        assert "\n" not in str(error.value)


def test_what_is_no_state_dict_is_refused_by_what_it_is(tmp_path):
    shutil.copy(__file__, tmp_path / "text.pth")
    zipped(tmp_path / "list.pth", pickle.dumps([1, 2]))
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.png", b"")
    for name, message in {
        "text.pth": "can't be read",
        "list.pth": "no dictionary of tensors",
        "photos.zip": "not of torch.save",
        "gone.pth": "no such file",
    }.items():
        with pytest.raises(RunError, match=f"{name}: .*{message}"):
            read_tensors(tmp_path / name)
