"""The two errors that users see as one line: those of the runner, which ganzoo shares."""

from ganzoo.lite.errors import RunError, UsageError

__all__ = ["RunError", "UsageError"]
