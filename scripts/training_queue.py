"""Trains generators in the background, one after the other, each to its end, and says how far they are.

    python scripts/training_queue.py                                what pretrained.yaml has under `queue`
    python scripts/training_queue.py dcgan/emoji --cores 1          these; started twice, two train side by side
    python scripts/training_queue.py --status                       a line for each run

It trains at the lowest priority, from a frozen copy of the package, in a folder outside of the checkout. Ctrl-C and
SIGTERM end it, with the step at hand saved; started again, however it ended, it goes on from there. docs/pretrained.md
has the rest.
"""

import contextlib
import ctypes
import datetime
import functools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import frozen_copy
import make_pretrained as plans
import queue_folder
import queue_status
from queue_folder import Folder

from ganzoo.errors import RunError, UsageError

LOOK_AGAIN = 1.0
"""Seconds after which a run that another queue trains is looked at again."""
STOPPED = 130
"""The exit status of `ganzoo train` after SIGTERM, and of a queue."""
DIES_WITH_PARENT = 1
"""PR_SET_PDEATHSIG, the option of Linux's prctl by which a process gets a signal when the one that began it ends."""


@dataclass(frozen=True)
class Training:
    """One run of a generator."""

    generator: str
    run: str
    """The name of its directory."""


@click.command(help=__doc__.split("\n")[0])
@click.argument("names", nargs=-1)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=plans.ROOT.parent / "ganzoo-queue",
    help="Where copy, environment, data and runs are.  [default: ganzoo-queue beside the checkout]",
)
@click.option(
    "--nice", type=click.IntRange(0, 19), default=19, show_default=True, help="19 gives way to all other work."
)
@click.option("--cores", type=click.IntRange(min=1), help="Train on so many cores, which no other queue has.")
@click.option(
    "--environment",
    metavar="PYTHON",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Train with this Python, which has the package.  [default: an environment in the folder, made at first]",
)
@click.option(
    "--refreeze",
    type=click.Choice(["new", "all"]),
    help="Take what the checkout now has committed: for runs that have not begun, or for those that have, too.",
)
@click.option("--status", is_flag=True, help="Only say how far the runs are.")
@click.option("--json", "as_json", is_flag=True, help="With --status: print JSON and nothing else.")
def main(names, folder, nice, cores, environment, refreeze, status, as_json):
    names = names or [entry["name"] for entry in queued()]
    for name in names:
        if name not in plans.PLAN["generators"]:
            raise click.UsageError(f"no generator {name!r}; there are {', '.join(plans.PLAN['generators'])}")
    folder = Folder(folder.absolute())
    try:
        if status:
            rows = [status_of(training, folder) for training in trainings(names)]
            click.echo(json.dumps(rows, indent=2)) if as_json else queue_status.show(rows)
        else:
            os.nice(nice)
            sys.exit(train(names, folder, cores, environment, refreeze))
    except (RunError, UsageError) as error:
        raise click.ClickException(str(error)) from None


def queued() -> list[dict]:
    """The entries of pretrained.yaml's queue: `name`, and perhaps `hours`."""
    return [{"name": entry} if isinstance(entry, str) else entry for entry in plans.PLAN.get("queue", [])]


def trainings(names: Iterable[str]) -> list[Training]:
    """The runs of some generators, and of those whose runs they take up, in the order in which they are trained."""
    return list(dict.fromkeys(training for name in names for training in chain(name)))


def chain(name: str) -> Iterator[Training]:
    """The runs of a generator, each of which the next ones need."""
    plan = plans.PLAN["generators"][name]
    for earlier in plans.predecessors(plan):
        yield from chain(earlier)
    for run in plans.trainings(plan, plans.USUAL):
        yield Training(name, plans.USUAL.fill(run).removeprefix(f"{plans.USUAL.runs}/"))


def status_of(training: Training, folder: Folder) -> dict:
    hours = {entry["name"]: entry.get("hours") for entry in queued()}
    # What is budgeted is the run that is published.
    is_main = f"{{runs}}/{training.run}" == plans.run_of(plans.PLAN["generators"][training.generator])
    budget = hours.get(training.generator) if is_main else None
    command = plans.USUAL.fill(command_of(training, plans.USUAL))
    return queue_status.row(folder, training.generator, training.run, command, budget)


def train(names: Sequence[str], folder: Folder, cores: int | None, python: Path | None, refreeze: str | None) -> int:
    """Trains all that is not at its end yet. Returns the exit status."""
    folder.path.mkdir(parents=True, exist_ok=True)
    if cores:
        take_cores(folder, cores)
    found = frozen_copy.frozen(folder, plans.ROOT, python, refreeze is not None, say)
    # A folder can be brought to where there is no git.
    with contextlib.suppress(UsageError):
        if found["commit"] != frozen_copy.head(plans.ROOT):
            say(f"new runs are trained by {found['commit']}; --refreeze new takes what is committed now")
    # All commands run here, so that they have the words that cards have.
    os.chdir(folder.path)
    os.environ.update(frozen_copy.environment(folder, found["commit"]))
    places = replace(plans.USUAL, root=folder.copy(found["commit"]), python=Path(found["python"]))
    if refreeze == "all":
        take_along(trainings(names), folder, found["commit"], places)
    return Queue(folder, places, found["commit"]).train(names)


def take_cores(folder: Folder, count: int) -> None:
    """Keeps this process, and those that it begins, on some cores that no other queue has.

    Raises:
        UsageError: when there are not so many.
    """
    # The locks are held until the process ends.
    cores, taken = sorted(os.sched_getaffinity(0), reverse=True), []
    for core in cores:
        if len(taken) < count and queue_folder.try_lock(folder.lock(f"core-{core}")) is not None:
            taken.append(core)
    if len(taken) < count:
        raise UsageError(f"--cores {count}: {len(taken)} of {len(cores)} are free; other queues have the others")
    os.sched_setaffinity(0, taken)


def take_along(taken: Sequence[Training], folder: Folder, commit: str, places: plans.Places) -> None:
    """Notes that runs which have begun go on by this commit, and by what pretrained.yaml now says.

    Raises:
        UsageError: when one of them is being trained.
    """
    if busy := [training.run for training in taken if queue_folder.is_locked(folder.lock(training.run))]:
        raise UsageError(f"--refreeze all: {', '.join(busy)} is being trained; stop that first")
    for training in taken:
        record = queue_folder.read(folder.record(training.run))
        if record:
            change = {"command": command_of(training, places), "commits": with_commit(record, commit)}
            queue_folder.write(folder.record(training.run), {**record, **change})


def command_of(training: Training, places: plans.Places) -> str:
    return plans.trainings(plans.PLAN["generators"][training.generator], places)[f"{{runs}}/{training.run}"]


def with_commit(record: Mapping, commit: str) -> list[str]:
    earlier = record.get("commits", [])
    return earlier if earlier[-1:] == [commit] else [*earlier, commit]


class Queue:
    """A process that trains runs, one at a time.

    Args:
        folder: in which it runs.
        places: where its programs are.
        commit: of the copy that trains new runs.
    """

    def __init__(self, folder: Folder, places: plans.Places, commit: str):
        self.folder, self.places, self.commit = folder, places, commit
        self.stopping = False
        self.process: subprocess.Popen | None = None
        self.failed: dict[str, str] = {}
        """Why runs failed that are not tried again by this process."""

    def train(self, names: Sequence[str]) -> int:
        """Trains generators to their ends, all but those that fail. Returns the exit status."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.stop)
        waiting = None
        while not self.stopping:
            busy = [run for run in (self.train_chain(name) for name in names) if run]
            if not busy or self.stopping:
                break
            if busy != waiting:
                say(f"another queue trains {', '.join(dict.fromkeys(busy))}; waiting for it")
            waiting = busy
            while not self.stopping and all(queue_folder.is_locked(self.folder.lock(run)) for run in busy):
                time.sleep(LOOK_AGAIN)
        if self.stopping:
            say("stopped; the same command goes on from there")
            return STOPPED
        return 1 if self.failed else 0

    def stop(self, number, frame) -> None:
        """Ends the training at hand after its step, and then the queue."""
        self.stopping = True
        if self.process is not None:
            self.process.terminate()

    def train_chain(self, name: str) -> str | None:
        """Trains what a generator needs, and it, as far as that can be done. Returns the run that another trains."""
        for training in chain(name):
            if self.stopping or training.run in self.failed:
                return None
            if self.is_done(training):
                continue
            lock = self.take(training.run)
            if lock is None:
                return training.run
            try:
                # Another may have trained it to its end since.
                if not self.is_done(training):
                    self.train_one(training, lock)
            finally:
                os.close(lock)
            if not self.is_done(training):
                return None
        return None

    def take(self, run: str) -> int | None:
        """The lock of a run; None where another queue has it. What a killed one left behind has time to save."""
        path = self.folder.lock(run)
        while (lock := queue_folder.try_lock(path)) is None:
            if self.stopping or queue_folder.is_owner_alive(path):
                break
            time.sleep(LOOK_AGAIN)
        return lock

    def is_done(self, training: Training) -> bool:
        return queue_folder.is_done(self.folder, training.run)

    def train_one(self, training: Training, lock: int) -> None:
        """Trains a run to its end, or until it fails or is stopped."""
        try:
            record = self.begin(training)
        except RunError as error:
            if not self.stopping:
                self.fail(training, {"generator": training.generator}, str(error))
            return
        before = -1
        while not self.stopping:
            status = self.run(training, record, lock)
            steps = queue_folder.steps_of(self.folder.run(training.run))
            if status == 0:
                queue_folder.write(self.folder.record(training.run), {**record, "trained": record["command"]})
                say(f"{training.generator}: {training.run} is at its end, step {steps:,}")
                return
            if self.stopping:
                return
            why = self.last_line(training, status)
            # Killed, as for want of memory: it goes on from its last checkpoint, as long as that takes it further.
            if status > 0 or steps <= before:
                self.fail(training, record, why)
                return
            say(f"{training.generator}: {training.run}: {why}; going on from step {steps:,}")
            before = steps

    def begin(self, training: Training) -> dict:
        """Notes by what a run is trained: as it began, or if it is new, by what there now is, with its data.

        Raises:
            RunError: when its data can't be made.
        """
        path = self.folder.record(training.run)
        record = queue_folder.read(path)
        record.pop("failed", None)
        begun = queue_folder.planned_steps(self.folder.run(training.run)) is not None
        if not (begun and record):
            self.provide(training)
            record = {
                "generator": training.generator,
                "command": command_of(training, self.places),
                # It may have been trained elsewhere before.
                "commits": [*(["unknown"] if begun else []), self.commit],
            }
        queue_folder.write(path, record)
        return record

    def provide(self, training: Training) -> None:
        """Makes the data of a generator where it is missing; of several queues one at a time."""
        lock = queue_folder.wait_for_lock(self.folder.lock("data"))
        try:
            for thing in plans.needed(plans.PLAN["generators"][training.generator]):
                plans.provide(thing, self.places)
        finally:
            os.close(lock)

    def run(self, training: Training, record: Mapping, lock: int) -> int:
        """Runs a training, and returns its exit status; below 0 the signal that killed it."""
        commit, command = record["commits"][-1], record["command"]
        log = self.folder.log(training.run)
        log.parent.mkdir(exist_ok=True)
        say(f"{training.generator}: $ {plans.USUAL.fill(command)}")
        with open(log, "ab") as output:
            now = datetime.datetime.now().astimezone().isoformat(" ", "seconds")
            output.write(f"{now}, commit {commit}: $ {plans.USUAL.fill(command)}\n".encode())
            output.flush()
            self.process = subprocess.Popen(
                plans.words_of(command, self.places),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=frozen_copy.environment(self.folder, commit),
                # It keeps the run's lock when the queue is killed.
                pass_fds=[lock],
                preexec_fn=functools.partial(prepare, os.getpid()),
                # Ctrl-C comes to the queue alone, which passes it on.
                start_new_session=True,
            )
        if self.stopping:
            self.process.terminate()
        status = self.process.wait()
        self.process = None
        return status

    def fail(self, training: Training, record: Mapping, why: str) -> None:
        queue_folder.write(self.folder.record(training.run), {**record, "failed": why})
        self.failed[training.run] = why
        say(f"{training.generator}: {training.run} failed: {why}")

    def last_line(self, training: Training, status: int) -> str:
        """Why a training ended: the signal that killed it, or the last that it said."""
        if status < 0:
            return f"killed by {signal.Signals(-status).name}"
        lines = self.folder.log(training.run).read_text("utf-8", errors="replace").splitlines()
        said = next((line for line in reversed(lines) if line.strip()), "")
        # Where it said nothing, that is the command.
        if re.match(r"\S+ \S+, commit ", said):
            said = f"ended with status {status}"
        return said.strip().removeprefix("Error: ")


def prepare(parent: int) -> None:
    """Has this process, which a queue just began, give way, and end with the queue.

    It is told so by SIGTERM, so that it saves. Where that can't be had, it trains on, and keeps the lock of its run.
    """
    # Linux may share cores out to sessions first, and looks at the niceness of processes only within one.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(os.nice(0)))
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIES_WITH_PARENT, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(STOPPED)


def say(line: str) -> None:
    click.echo(line, err=True)


if __name__ == "__main__":
    main()
