"""YAML that others wrote, read without surprises."""

from typing import Any

import yaml

from ganzoo.errors import reason

FASTEST = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast, where it is there; of what is no YAML it says less."""


def read_yaml(text: str, loader: type = yaml.SafeLoader) -> Any:
    """Reads YAML as mappings, lists and plain values.

    Raises:
        ValueError: in a line, for what is no YAML, or says what can't be: a thirteenth month, brackets 3,000 deep.
    """
    try:
        return yaml.load(text, loader)
    except yaml.YAMLError as error:
        mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
        line = f"line {mark.line + 1}: " if mark else ""
        raise ValueError(f"{line}not YAML ({problem or 'unexpected characters'})") from None
    except RecursionError:
        raise ValueError("not YAML that can be read (nested too deep)") from None
    except MemoryError:
        raise
    except Exception as error:  # !!bool x is a KeyError, !!timestamp x an AttributeError, 2001-99-99 a ValueError
        raise ValueError(f"not YAML that can be read ({reason(error)})") from None
