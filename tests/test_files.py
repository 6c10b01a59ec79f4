"""Files that several processes write at once, beside which a link lies, or which were never finished."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zoos

from ganzoo.files.atomic import remove_unfinished, replacing

PROCESSES = 8
ROUNDS = 40
WRITE = f"""
import sys, pathlib
from ganzoo.files.atomic import replacing
path, content = pathlib.Path(sys.argv[1]), sys.argv[2] * 100_000
for _ in range({ROUNDS}):
    with replacing(path) as beside:
        beside.write_text(content)
"""
LOAD = f"""
import os, sys
from ganzoo.generators import zoo
for number in range({ROUNDS}):
    # A cache in which nothing is yet.
    os.environ["GANZOO_CACHE"] = f"{{sys.argv[1]}}/{{number}}"
    path = zoo.find("dcgan/tiny", "generator.npz")
    assert path.with_name("config.yaml").read_bytes() == zoo.config("dcgan/tiny").read_bytes()
"""
PLANT = """
import os, sys, pathlib
from ganzoo.files.atomic import replacing
path, other = map(pathlib.Path, sys.argv[1:])

def plant(event, arguments):
    if event == "open" and ".part" in str(arguments[0]) and not os.path.lexists(arguments[0]):
        os.symlink(other, arguments[0])

sys.addaudithook(plant)
with replacing(path) as beside:
    beside.write_text("new")
"""


def at_once(script: str, *arguments, **environment) -> None:
    """Runs as many processes, each with its number as the last argument; none may fail."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments), str(number)],
            env={**os.environ, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    failures = [process.communicate()[1][-500:] for process in processes]
    assert [process.returncode for process in processes] == [0] * PROCESSES, failures


def test_processes_that_write_one_file_do_not_take_each_others_away(tmp_path):
    at_once(WRITE, tmp_path / "file.txt")
    content = (tmp_path / "file.txt").read_text()
    assert (len(content), len(set(content))) == (100_000, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["file.txt"]


def test_processes_that_load_one_name_for_the_first_time_all_get_it(tmp_path):
    zoos.add(tmp_path / "zoo", "dcgan/tiny", "dcgan")
    served = tmp_path / "served"
    served.mkdir()
    zoos.write_manifest(tmp_path / "zoo", {"dcgan/tiny/generator.npz": (served / "generator.npz").as_uri()})
    (tmp_path / "zoo/dcgan/tiny/generator.npz").rename(served / "generator.npz")
    at_once(LOAD, tmp_path / "cache", GANZOO_WEIGHTS=str(tmp_path / "zoo"))


def test_a_link_that_lies_where_a_file_is_written_leads_nowhere(tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("precious")
    (tmp_path / ".file.part.txt").symlink_to(other)
    with replacing(tmp_path / "file.txt") as beside:
        beside.write_text("new")
    assert (tmp_path / "file.txt").read_text() == "new"
    assert other.read_text() == "precious"


def test_a_link_that_is_planted_at_the_very_moment_leads_nowhere(tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("precious")
    arguments = [sys.executable, "-c", PLANT, tmp_path / "file.txt", other]
    refused = subprocess.run(arguments, capture_output=True, text=True)
    assert "FileExistsError" in refused.stderr
    assert other.read_text() == "precious"


@pytest.mark.parametrize("name", [".notes.part.1.txt", ".notes.part-2.txt", "a.part-0.txt", ".part-0"])
def test_a_users_own_file_is_not_taken_for_one_that_was_never_finished(tmp_path, name):
    (tmp_path / name).write_text("precious")
    remove_unfinished([tmp_path])
    assert (tmp_path / name).read_text() == "precious"


def test_what_a_killed_process_left_is_removed_where_it_is_looked_for_alone(tmp_path):
    left = []
    for place in (tmp_path / "a.txt", tmp_path / "noend", tmp_path / "below" / ("long" * 60 + ".png")):
        with replacing(place) as beside:
            left.append(Path(beside))
            beside.write_text("whole")
    for path in left:
        path.write_text("half")
    remove_unfinished([tmp_path, tmp_path / "not there"])
    assert [path.exists() for path in left] == [False, False, True]
    remove_unfinished([tmp_path / "below"])
    assert not left[-1].exists()


def test_what_is_written_may_be_read_by_whom_the_umask_lets(tmp_path):
    before = os.umask(0o027)
    try:
        with replacing(tmp_path / "file.txt") as beside:
            beside.write_text("new")
    finally:
        os.umask(before)
    assert (tmp_path / "file.txt").stat().st_mode & 0o777 == 0o640


CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *found) {
    int (*real)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
    int status = real(clock, found);
    if (clock == CLOCK_REALTIME) found->tv_sec = SECONDS;
    return status;
}
"""


@pytest.mark.skipif(not (sys.platform == "linux" and shutil.which("cc")), reason="another clock needs a C compiler")
@pytest.mark.parametrize(("seconds", "year"), [(86_400, 1970), (4_500_000_000, 2112)])
def test_a_clock_that_no_archive_can_be_dated_by_is_told_before_anything_is_written(ganzoo, tmp_path, seconds, year):
    (tmp_path / "clock.c").write_text(CLOCK.replace("SECONDS", str(seconds)))
    library = tmp_path / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "clock.c", "-ldl"], check=True)
    refused = ganzoo("train", "dcgan_emoji", "--run-dir", "run", LD_PRELOAD=str(library))
    assert refused.returncode == 1
    assert f"Error: the clock of this machine shows the year {year}" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not (tmp_path / "run").exists()
