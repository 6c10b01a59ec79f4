"""The forms of values in the files of a run, which are checked when these are read: users edit them."""

from typing import Annotated

import pydantic

Step = Annotated[int, pydantic.Field(ge=0, lt=1 << 53)]
FORM = pydantic.ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


def problem(error: pydantic.ValidationError) -> str:
    """The first thing that is wrong, in a line."""
    problem = error.errors(include_url=False, include_input=False)[0]
    place = " ".join(".".join(map(str, problem["loc"])).split())
    return f"{place or 'it'}: {problem['msg'][0].lower()}{problem['msg'][1:]}"
