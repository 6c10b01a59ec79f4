"""The command `ganzoo` in a process that can't import TensorFlow: `jax_runs.py MOMENT ARGUMENT…`.

MOMENT is "never", or the name of a signal and the end of a path: this process sends itself the signal when it is about
to rename that file to the name that it is to have, as "SIGKILL .step_0000004.part.npz", the writer's mark left out.
"""

import os
import re
import signal
import sys

MARK = re.compile(r"\.part-[0-9a-f]{32}")


class Block:
    """Lets no import of TensorFlow by."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("tensorflow", "tensorflow_datasets"):
            raise ModuleNotFoundError(f"blocked: {name}", name=name)


def signal_at(moment: str) -> None:
    kind, _, place = moment.partition(" ")

    def watch(event, arguments):
        if event == "os.rename" and MARK.sub(".part", str(arguments[0])).endswith(place):
            os.kill(os.getpid(), signal.Signals[kind])

    sys.addaudithook(watch)


def main(moment: str, *arguments: str) -> None:
    sys.meta_path.insert(0, Block())
    if moment != "never":
        signal_at(moment)
    sys.argv = ["ganzoo", *arguments]
    from ganzoo.cli import main

    main()


if __name__ == "__main__":
    main(*sys.argv[1:])
