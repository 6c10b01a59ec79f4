"""Runs that are killed with SIGKILL, at moments of all kinds, end bitwise where runs that are left alone end."""

import json
import signal
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import small

from ganzoo.generators import pretrained

END = 8
"""The last step; there are checkpoints at 0, 4 and 8, and samples at every third step."""
BETWEEN = "samples/.step_0000006.part.png"


class Runs(NamedTuple):
    """Runs of several architectures, one after the other, in one process."""

    replicas: int
    names: tuple[str, ...]
    kills: list[tuple[str, str]]
    """The run that is killed, and when, in the words of `killed_runs.py`."""


ONE_DEVICE = Runs(
    1,
    ("dcgan", "pix2pix", "srgan"),
    [
        ("dcgan", "rename dcgan/.config.part.yaml"),
        ("dcgan", "write dcgan/checkpoints/.step_0000008.part.npz"),
        ("pix2pix", f"rename pix2pix/{BETWEEN}"),
        ("srgan", f"rename srgan/{BETWEEN}"),
    ],
)
TWO_REPLICAS = Runs(
    2,
    ("cyclegan",),
    [("cyclegan", "write cyclegan/checkpoints/.step_0000008.part.npz")],
)
ONE_DEVICE_OF_THE_OTHERS = Runs(
    1,
    ("cyclegan",),
    [("cyclegan", "rename cyclegan/checkpoints/.step_0000008.part.npz")],
)
TWO_REPLICAS_OF_THE_OTHERS = Runs(
    2,
    ("dcgan", "pix2pix", "srgan"),
    [
        ("dcgan", f"rename dcgan/{BETWEEN}"),
        ("pix2pix", "rename pix2pix/checkpoints/.step_0000008.part.npz"),
        ("srgan", f"rename srgan/{BETWEEN}"),
    ],
)
INTRUDED = ONE_DEVICE.kills[1]
"""While this process trains another one is started on the same directory."""


class Killed:
    """The contents of a run's directory after a kill."""

    def __init__(self, directory: Path):
        found = {small.of_any_writer(path.relative_to(directory)): path for path in directory.rglob("*")}
        self.files = {name: path.stat().st_size for name, path in found.items()}
        self.whole = {name for name, path in found.items() if path.match(".step_*.npz") and is_whole(path)}
        newest = max(directory.glob("checkpoints/step_*.npz"), default=None)
        self.newest = arrays(newest) if newest else {}


def is_whole(path: Path) -> bool:
    """Whether all arrays of a file are there, by their checksums."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as file:
        return file.testzip() is None


class Results(NamedTuple):
    runs: Runs
    alone: Path
    """The folder of the runs that were left alone."""
    killed: Path
    """The folder of those that were killed, and went on to their end."""
    left: dict[str, Killed]
    """The state that the kill at each moment left."""
    refused: list[subprocess.CompletedProcess]
    """The process that came while another was training."""


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(ONE_DEVICE, id="one device", marks=pytest.mark.slow),
        pytest.param(TWO_REPLICAS, id="two replicas", marks=pytest.mark.slow),
        pytest.param(ONE_DEVICE_OF_THE_OTHERS, id="one device of the others", marks=pytest.mark.slow),
        pytest.param(TWO_REPLICAS_OF_THE_OTHERS, id="two replicas of the others", marks=pytest.mark.slow),
    ],
)
def results(request, tmp_path_factory):
    runs, folder = request.param, tmp_path_factory.mktemp("runs")
    found = Results(runs, folder / "alone", folder / "killed", {}, [])
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(act, found) for act in (kill_and_go_on, leave_alone)]:
            done.result()
    return found


def leave_alone(results: Results) -> None:
    finish(start(results.alone, results.runs.replicas, "never", results.runs.names), 0)


def kill_and_go_on(results: Results) -> None:
    replicas, remaining, kills = results.runs
    for name, moment in kills:
        process = start(results.killed, replicas, moment, remaining)
        if (name, moment) == INTRUDED:
            results.refused.append(intrude(process, results.killed / name))
        finish(process, -signal.SIGKILL)
        results.left[moment] = Killed(results.killed / name)
        remaining = remaining[remaining.index(name) :]
    finish(start(results.killed, replicas, "never", remaining), 0)


def start(place: Path, replicas: int, moment: str, names) -> subprocess.Popen:
    script = Path(__file__).with_name("killed_runs.py")
    place.mkdir(exist_ok=True)
    with open(place / "said.txt", "a") as said:
        arguments = [sys.executable, script, place, str(replicas), moment, *names]
        return subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def finish(process: subprocess.Popen, status: int) -> None:
    try:
        found = process.wait(timeout=1800)
    finally:
        process.kill()
    place, moment = process.args[2], process.args[4]
    assert found == status, f"{moment}: {(place / 'said.txt').read_text()[-2000:]}"


def intrude(process: subprocess.Popen, directory: Path) -> subprocess.CompletedProcess:
    """Tries to train in the directory of a process that is held still meanwhile, so that it can't end before."""
    while not (directory / "config.yaml").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGSTOP)
    try:
        command = Path(sys.executable).with_name("ganzoo")
        arguments = [command, "train", directory / "config.yaml", "--run-dir", directory]
        return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    finally:
        process.send_signal(signal.SIGCONT)


def arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return {name: file[name] for name in file.files if name != "note"}


def metrics(directory: Path) -> list[dict]:
    """The lines without what depends on the clock."""
    lines = [json.loads(line) for line in (directory / "metrics.jsonl").read_text("utf-8").splitlines()]
    return [{name: line[name] for name in line if name not in ("time", "images_per_second")} for line in lines]


def names(directory: Path) -> list[str]:
    found = [str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()]
    # TensorBoard has a file for each process.
    return sorted(name for name in found if not name.startswith("tensorboard/"))


def test_killed_runs_end_bitwise_where_runs_left_alone_end(results, subtests):
    for name in results.runs.names:
        with subtests.test(name):
            check_same_end(results.alone / name, results.killed / name)


def check_same_end(alone: Path, killed: Path) -> None:
    assert names(killed) == names(alone)
    last = f"checkpoints/step_{END:07d}.npz"
    assert small.equal(arrays(killed / last), arrays(alone / last)) == []
    assert metrics(killed) == metrics(alone)
    assert [line["step"] for line in metrics(killed)] == list(range(1, END + 1))
    for sample in alone.glob("samples/*.png"):
        assert (killed / "samples" / sample.name).read_bytes() == sample.read_bytes(), sample.name
    for network in alone.glob("*.keras"):
        painted, expected = (pretrained.load(place / network.name).get_weights() for place in (killed, alone))
        assert all(a.tobytes() == b.tobytes() for a, b in zip(painted, expected, strict=True)), network.name


def test_the_kills_came_when_they_should(results):
    assert len(results.left) == len(results.runs.kills)
    for moment, found in results.left.items():
        action, place = moment.split()
        unfinished = place.partition("/")[2]
        assert unfinished in found.files
        assert unfinished.replace("/.", "/").replace(".part", "") not in found.files
        if "checkpoints" in unfinished:
            # Notes differ in length, so that a size does not tell what is whole.
            assert (unfinished in found.whole) == (action == "rename")
            share = found.files[unfinished] / found.files["checkpoints/step_0000004.npz"]
            assert action == "rename" or 0 < share < 1


def test_what_was_killed_had_a_past_to_remember(results):
    newest = {moment.split()[1].partition("/")[0]: found.newest for moment, found in results.left.items()}
    assert all(found["run/000/step"] == 4 for found in newest.values())
    if "pix2pix" in newest:
        generator = {key: value for key, value in newest["pix2pix"].items() if key.startswith("optimizers/generator/")}
        scales = [value for key, value in generator.items() if key.endswith("dynamic_scale")]
        assert len(scales) == (results.runs.replicas == 1)
        assert all(0 < scale < 2**15 for scale in scales)
        assert max(value for key, value in generator.items() if key.endswith("/iteration")) > 0
    if "cyclegan" in newest:
        pools = [value for key, value in newest["cyclegan"].items() if "pool" in key and "count" in key]
        assert pools == [4, 4]
    for name in {"dcgan", "cyclegan"} & newest.keys():
        assert any(key.startswith("averages/") for key in newest[name])


def test_a_second_process_is_refused_and_the_first_goes_on(results):
    # That it goes on to the same end is seen above: it trains what is killed and compared there.
    if INTRUDED not in results.runs.kills:
        assert results.refused == []
        return
    (refused,) = results.refused
    assert refused.returncode == 2
    (line,) = refused.stderr.splitlines()
    assert "dcgan: another process is training there; wait for it, stop it, or give another --run-dir" in line
