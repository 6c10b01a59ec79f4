"""The two errors that users see as one line. Each says what was found, where, what is allowed and what to do."""


class UsageError(ValueError):
    """What was asked for can't be done as asked: a wrong name, key, value or file. Exit status 2."""


class RunError(RuntimeError):
    """Something failed while running: a full disk, a lost network, a broken file. Exit status 1."""


def reason(error: Exception) -> str:
    """What another library says is wrong, in a line."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    return str(error).strip().partition("\n")[0] or type(error).__name__
