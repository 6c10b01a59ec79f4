"""The two errors that users see as one line, and what they quote: those of the runner, which ganzoo shares."""

from ganzoo.lite.errors import LONGEST, RunError, UsageError, near_miss, nearest, printable, quoted, reason

__all__ = ["LONGEST", "RunError", "UsageError", "near_miss", "nearest", "printable", "quoted", "reason"]
