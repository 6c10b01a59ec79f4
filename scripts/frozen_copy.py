"""A copy of the package as it is committed, and an environment for it, which no change of the checkout touches."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import queue_folder

from ganzoo.errors import RunError, UsageError

EXTRAS = "metrics"
"""The package's extra with what measures a run while it trains, and the content loss of SRGAN."""


def frozen(folder: queue_folder.Folder, root: Path, python: Path | None, anew: bool, say) -> dict[str, str]:
    """The `commit` of the copy that new runs are trained by, and the `python` that trains them; made where missing.

    Args:
        root: the checkout.
        python: an interpreter that has all that the package needs, with its commands beside it; None: the one of
            earlier, or a virtual environment that is made for it.
        anew: take what the checkout now has committed.

    Raises:
        UsageError: when the interpreter has no ganzoo, or there is no checkout.
        RunError: when the environment can't be made.
    """
    lock = queue_folder.wait_for_lock(folder.lock("frozen"))
    try:
        earlier = queue_folder.read(folder.frozen)
        if earlier and not anew and python is None:
            return earlier
        commit = _copy(folder, root, say) if anew or not earlier else earlier["commit"]
        own = folder.environment / "bin/python"
        chosen = python.absolute() if python else Path(earlier.get("python", own))
        if chosen == own:
            _install(folder, commit, say)
        elif not chosen.with_name("ganzoo").is_file():
            raise UsageError(f"--environment {chosen}: no command ganzoo beside it; give a Python that has the package")
        found = {"commit": commit, "python": str(chosen)}
        queue_folder.write(folder.frozen, found)
        return found
    finally:
        os.close(lock)


def environment(folder: queue_folder.Folder, commit: str) -> dict[str, str]:
    """The variables of a process in which `ganzoo` is that of the copy, before any that is installed."""
    # Ways to other modules might lead to the checkout.
    return {**os.environ, "PYTHONPATH": str(folder.copy(commit))}


def head(root: Path) -> str:
    """The commit of a checkout, as cards have it. Raises UsageError when there is none."""
    return _git(root, "rev-parse", "--short", "HEAD").decode().strip()


def _copy(folder: queue_folder.Folder, root: Path, say) -> str:
    commit = head(root)
    if _git(root, "status", "--porcelain", "--untracked-files=no"):
        say(f"{root}: has changes that are not committed, which the copy is without")
    target = folder.copy(commit)
    if not target.exists():
        beside = folder.copies / f".{commit}.part"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-C", str(beside)], input=_git(root, "archive", commit), check=True)
        _link_packages(beside)
        beside.rename(target)
    say(f"{target}: what trains new runs")
    return commit


def _link_packages(copy: Path) -> None:
    """Makes a source tree importable as it is: packages whose folders lie elsewhere are linked to their places."""
    setup = configparser.ConfigParser()
    setup.read(copy / "setup.cfg", "utf-8")
    for line in setup["options"].get("package_dir", "").splitlines():
        package, _, place = map(str.strip, line.partition("="))
        if package and not package.startswith("#"):
            link = copy / package.replace(".", "/")
            link.symlink_to(os.path.relpath(copy / place, link.parent))


def _install(folder: queue_folder.Folder, commit: str, say) -> None:
    """Gives the environment all that a copy needs; what is there already stays as it is."""
    say(f"{folder.environment}: installing what the package needs, which takes minutes the first time")
    python = folder.environment / "bin/python"
    commands = [
        *([] if python.exists() else [[sys.executable, "-m", "venv", str(folder.environment)]]),
        [str(python), "-m", "pip", "install", "--quiet", f"{folder.copy(commit)}[{EXTRAS}]"],
    ]
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            why = ((done.stderr or done.stdout).strip() or f"status {done.returncode}").splitlines()[-1]
            raise RunError(f"{folder.environment}: not made: {why}; --environment PYTHON takes one that is there")


def _git(root: Path, *words: str) -> bytes:
    try:
        done = subprocess.run(["git", "-C", str(root), *words], capture_output=True)
    except FileNotFoundError:
        raise UsageError("git is not installed; it copies the package out of the checkout") from None
    if done.returncode:
        raise UsageError(f"{root}: no checkout that git can read: {done.stderr.decode().strip()}")
    return done.stdout
