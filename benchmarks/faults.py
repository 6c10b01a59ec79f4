"""That no run is lost: one that is killed again and again ends bitwise where one that is left alone ends.

    python benchmarks/faults.py                           dcgan at its default recipe's size, killed 20 times
    python benchmarks/faults.py cyclegan --kills 40 --seed 1 --set model.pool_size=10

Trains some hundred steps with `ganzoo train`; then does so again, kills the process with SIGKILL at random moments, and
gives the same command again each time. Two in five kills are aimed into checkpoint writes, by watching for the file
being written; two in five come at a random time after the first step, and one in five before it. It prints what each
kill met and cost, then compares all arrays of all checkpoints, samples, networks and lines of metrics, bit by bit. Exit
status 1: something differs, or the run came to its end before the last kill.
"""

import io
import json
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import click
import h5py
import numpy as np
from rich.console import Console
from rich.live import Live
from rich.table import Table

NAMES = ("dcgan", "pix2pix", "cyclegan", "srgan")
AIMS = ("write", "training", "write", "start-up", "training")
"""The targets of kills; five kills have one of each of these, in random order."""


@click.command()
@click.argument("recipe", default="dcgan", type=click.Choice(NAMES))
@click.option("--kills", default=20, show_default=True)
@click.option("--every", default=4, help="Steps from one checkpoint to the next.", show_default=True)
@click.option("--seed", default=0, help="Of the moments.", show_default=True)
@click.option("--set", "overrides", multiple=True, help="As in `ganzoo train`.")
@click.option("--folder", type=click.Path(path_type=Path), help="Where the two runs are kept.  [default: nowhere]")
def main(recipe, kills, every, seed, overrides, folder):
    with tempfile.TemporaryDirectory() as temporary:
        folder = folder or Path(temporary)
        alone, killed = folder / f"{recipe}-alone", folder / f"{recipe}-killed"
        if alone.exists() or killed.exists():
            raise click.UsageError(f"{folder}: there are runs from before; give another --folder")
        # So many that there are some left for the last kill, even if all come late.
        steps = 2 * kills * every
        command = train_command(recipe, steps, every, overrides)
        pace = leave_alone(command, alone, steps)
        Killer(command, killed, random.Random(seed), pace, every).kill_and_go_on(kills)
        differing = differences(alone, killed)
        for difference in differing:
            print(f"\ndiffers: {difference}", end="")
        if differing:
            sys.exit(1)
        print(f"\n{kills} kills; at step {steps} bitwise equal: {counts(alone)}")


def train_command(recipe: str, steps: int, every: int, overrides) -> list[str]:
    settings = {
        "steps": steps,
        "checkpoint_every": every,
        "sample_every": 10,
        "log_every": 1,
        # By the clock there would be other checkpoints in every run.
        "checkpoint_minutes": 0,
    }
    assignments = [*(f"training.{key}={value}" for key, value in settings.items()), *overrides]
    ganzoo = str(Path(sys.executable).with_name("ganzoo"))
    return [ganzoo, "train", recipe, *(f"--set={assignment}" for assignment in assignments)]


def start(command, directory: Path) -> subprocess.Popen:
    directory.parent.mkdir(parents=True, exist_ok=True)
    with open(directory.with_suffix(".log"), "a") as log:
        return subprocess.Popen([*command, f"--run-dir={directory}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)


def finish(process: subprocess.Popen, directory: Path) -> None:
    if process.wait():
        sys.exit(f"ended with status {process.returncode}: {directory.with_suffix('.log').read_text()[-2000:]}")


class Pace(NamedTuple):
    """How long a run that is left alone takes, in seconds."""

    before: float
    """To the first step."""
    step: float
    """For a step, with its share of all that is written."""
    write: float
    """For the file of a checkpoint."""


def leave_alone(command, directory: Path, steps: int) -> Pace:
    began = time.time()
    process, writes = start(command, directory), []
    while process.poll() is None:
        watch(process, lambda: writing(directory))
        seen = time.monotonic()
        watch(process, lambda: not writing(directory))
        writes.append(time.monotonic() - seen)
    finish(process, directory)
    first = lines(directory)[0]["time"]
    return Pace(first - began, (time.time() - first) / steps, statistics.median(writes))


class Killer:
    """Kills a run and gives its command again."""

    def __init__(self, command, directory: Path, random, pace: Pace, every: int):
        self.command, self.directory, self.random, self.pace, self.every = command, directory, random, pace, every

    def kill_and_go_on(self, kills: int) -> None:
        table = Table("kill", "aimed at", "step", "in the middle of", "goes on from", "steps lost", box=None)
        with Live(table, console=Console(width=100), auto_refresh=False) as live:
            for number, aim in enumerate(self.aims(kills), 1):
                reached, doing, left = self.kill(aim)
                table.add_row(str(number), aim, str(reached), doing, str(left), str(reached - left))
                live.refresh()
        finish(start(self.command, self.directory), self.directory)

    def aims(self, kills: int) -> list[str]:
        rounds = [self.random.sample(AIMS, len(AIMS)) for _ in range(-(-kills // len(AIMS)))]
        return [aim for some in rounds for aim in some][:kills]

    def kill(self, aim: str) -> tuple[int, str, int]:
        """The step that one process reached, what it was doing when it was killed, and the newest checkpoint's step."""
        began, resumed = time.time(), newest(self.directory)
        process = start(self.command, self.directory)
        try:
            self.wait(process, aim, began)
        finally:
            process.send_signal(signal.SIGKILL)
        if process.wait() != -signal.SIGKILL:
            sys.exit(f"the run ended, with status {process.returncode}, before the last kill")
        done = steps_since(began, self.directory)
        return max(done, default=resumed), self.doing(began, bool(done)), newest(self.directory)

    def wait(self, process, aim: str, began: float) -> None:
        """Returns when it is time for a kill, or the process ended."""
        if aim == "start-up":
            sleep(process, self.random.uniform(0, self.pace.before))
            return
        watch(process, lambda: steps_since(began, self.directory), 0.02)
        if aim == "training":
            sleep(process, self.random.uniform(0, 2.5 * self.every * self.pace.step))
            return
        for _ in range(self.random.randint(0, 2)):
            watch(process, lambda: writing(self.directory))
            watch(process, lambda: not writing(self.directory))
        watch(process, lambda: writing(self.directory))
        sleep(process, self.random.uniform(0, self.pace.write))

    def doing(self, began: float, trained: bool) -> str:
        # A process that did not come far has left what the one before had left.
        unfinished = [path.name for path in self.directory.rglob(".*.part-*") if path.stat().st_mtime >= began]
        if unfinished:
            return f"writing {', '.join(re.sub(r'.part-[0-9a-f]+', '', name[1:]) for name in unfinished)}"
        return "training" if trained else "starting up"


def watch(process: subprocess.Popen, happened: Callable, interval: float = 0.0005) -> None:
    """Returns when something has happened, or the process ended; looks every so many seconds."""
    while process.poll() is None and not happened():
        time.sleep(interval)


def sleep(process: subprocess.Popen, seconds: float) -> None:
    end = time.monotonic() + seconds
    watch(process, lambda: time.monotonic() >= end)


def writing(directory: Path) -> bool:
    """Whether a checkpoint is being written."""
    return any((directory / "checkpoints").glob(".step_*.part-*.npz"))


def steps_since(began: float, directory: Path) -> list[int]:
    """The steps that were done since then."""
    return [line["step"] for line in lines(directory) if line["time"] >= began]


def newest(directory: Path) -> int:
    """The step of the newest whole checkpoint; 0 where there is none yet."""
    return max((int(path.stem[5:]) for path in directory.glob("checkpoints/step_*.npz")), default=0)


def lines(directory: Path) -> list[dict]:
    """The lines of metrics that are whole."""
    path = directory / "metrics.jsonl"
    texts = path.read_text("utf-8").split("\n")[:-1] if path.exists() else []
    return [json.loads(text) for text in texts]


def differences(alone: Path, killed: Path) -> list[str]:
    """Returns what differs between two run directories, but for the clock and for records of each process."""
    first, second = results(alone), results(killed)
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def results(directory: Path) -> dict[str, bytes]:
    """All that a run leaves, as bytes by name."""
    found = {}
    for path in directory.rglob("*"):
        name = str(path.relative_to(directory))
        if path.suffix == ".npz":
            found |= {f"{name}: {key}": value for key, value in arrays(path).items()}
        elif path.suffix == ".keras":
            found |= {f"{name}: {key}": value for key, value in weights(path).items()}
        elif path.suffix == ".png":
            found[name] = path.read_bytes()
        elif path.is_file() and "tensorboard" not in name:
            found[name] = b"there"
    for number, line in enumerate(lines(directory), 1):
        kept = {key: value for key, value in line.items() if key not in ("time", "images_per_second")}
        found[f"metrics.jsonl, line {number}"] = json.dumps(kept).encode()
    return found


def arrays(path: Path) -> dict[str, bytes]:
    with np.load(path) as file:
        return {name: file[name].tobytes() for name in file.files}


def weights(path: Path) -> dict[str, bytes]:
    found = {}

    def take(name, node):
        if isinstance(node, h5py.Dataset):
            found[name] = node[()].tobytes()

    with zipfile.ZipFile(path) as archive, h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
        file.visititems(take)
    return found


def counts(directory: Path) -> str:
    """Returns what was compared, in numbers."""
    names = results(directory)
    checkpoints, networks = ({name for name in names if f"{kind}:" in name} for kind in (".npz", ".keras"))
    samples = [name for name in names if name.endswith(".png")]
    return (
        f"{len(checkpoints)} arrays of {len({name.partition(':')[0] for name in checkpoints})} checkpoints, "
        f"{len(networks)} of the generators, {len(samples)} samples, {len(lines(directory))} lines of metrics"
    )


if __name__ == "__main__":
    main()
