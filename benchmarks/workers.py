"""Engines in processes of their own, which answer one request after the other."""

import multiprocessing
import os
import signal
import sys
import traceback

import engines


class Failed(Exception):
    """An engine could not do what it was asked; says why."""


class Worker:
    """An engine that was built in a new process, and waits there to be asked.

    Args:
        engine: a key of `engines.PACKAGES`.
        setting: an `engines.Setting`.
        cores: how many processor cores it may use; None: all.
        verbose: whether what libraries print is shown, and where an error came from.

    Raises:
        Failed: when it can't be built.
    """

    def __init__(self, engine: str, setting: engines.Setting, cores: int | None = None, verbose=False):
        self.engine = engine
        # Nothing of this process may be in the new one: Keras's backend is chosen at its import.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, verbose), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.asked("build", engine, setting, cores)
        except Failed:
            self.stop()
            raise

    def asked(self, request: str, *args):
        """Returns what the engine's method of this name returns.

        Raises:
            Failed: when it raised something, or its process ended.
        """
        try:
            self._pipe.send((request, *args))
            done, answer = self._pipe.recv()
        except (EOFError, OSError):
            raise Failed(self._end()) from None
        if not done:
            raise Failed(answer)
        return answer

    def stop(self) -> None:
        # It ends by itself when the pipe does, unless it is busy.
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _end(self) -> str:
        self._process.join()
        code = self._process.exitcode
        if code == -signal.SIGKILL:
            return "its process was killed, as it is when memory runs out"
        return f"its process ended with status {code}"


def _serve(pipe, verbose) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)
    # Never to standard output, which is for results.
    os.dup2(2 if verbose else quiet, 1)
    if not verbose:
        os.dup2(quiet, 2)
    # Left to the parent, which then ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    engine = None
    while True:
        try:
            request, *args = pipe.recv()
        except EOFError:
            return
        try:
            if request == "build":
                engine, answer = engines.open_engine(*args), None
            else:
                answer = getattr(engine, request)(*args)
            pipe.send((True, answer))
        except Exception as error:
            traceback.print_exc(file=sys.stderr)
            first = str(error).strip().partition("\n")[0]
            pipe.send((False, f"{type(error).__name__}: {first}"))
