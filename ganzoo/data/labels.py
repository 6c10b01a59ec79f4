"""What files in folders are labelled as: by labels.csv, or by the folder that each lies in; and their captions."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ganzoo.data.media import Medium
from ganzoo.data.sources import NoSuchLabel
from ganzoo.errors import UsageError, nearest, quoted

CSV = "labels.csv"
FILE, LABEL = "file", "label"
"""Columns of the CSV; `data.label` names another one of labels."""


def labels_of(files: Sequence[Path], folder: Path, top: Path, column: str | None, medium: Medium) -> list[str]:
    """The name of each file's class.

    By labels.csv in `folder`, or above it as far as `top`, whose paths are from where it lies; without one, the folder
    in `folder` that the file lies in.

    Raises:
        UsageError: when some file has no label, or the CSV names a file that is not there.
    """
    for place in (folder, *folder.parents):
        if (place / CSV).is_file():
            return _from_csv(files, place, column, medium)
        if place == top:
            break
    if column:
        raise NoSuchLabel(
            f"data.label: found {quoted(column)}, a column, but {folder} has no {CSV}; add it, or set null"
        )
    paths = [file.relative_to(folder).parts for file in files]
    lonely = [path[0] for path in paths if len(path) == 1]
    if lonely:
        raise UsageError(
            f"{folder}: {len(lonely)} of {len(paths)} {medium.noun} have no label, the first is {lonely[0]}; looked "
            f"for sub folders, one for each class, and for {CSV} with the columns {FILE} and {LABEL}"
        )
    return [path[0] for path in paths]


def _from_csv(files: Sequence[Path], place: Path, column: str | None, medium: Medium) -> list[str]:
    table, labels = place / CSV, {}
    for number, row in enumerate(_rows(table, column), 2):
        name, label = (str(row[key] or "").strip() for key in (FILE, column or LABEL))
        path = PurePosixPath(name.replace("\\", "/")).as_posix()
        if not name or not label:
            raise UsageError(f"{table}: row {number} has no {column or LABEL if name else FILE}; fill it in")
        # Path.is_file raises for a name that is too long.
        if not os.path.isfile(place / path):
            raise UsageError(f"{table}: row {number} names {quoted(name)}, and there is no such file; put it right")
        if labels.setdefault(path, label) != label:
            raise UsageError(f"{table}: row {number} names {quoted(name)} again, with another label; remove one")
    names = [file.relative_to(place).as_posix() for file in files]
    missing = [name for name in names if name not in labels]
    if missing:
        raise UsageError(
            f"{table}: misses {len(missing)} of {len(names)} {medium.noun}, the first is {missing[0]}; add a row "
            "for each"
        )
    return [labels[name] for name in names]


def _rows(table: Path, column: str | None) -> list[dict]:
    try:
        with table.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            rows, columns = list(reader), list(reader.fieldnames or ())
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"{table}: can't be read as CSV in UTF-8 ({error}); put it right") from None
    if FILE not in columns:
        raise UsageError(f"{table}: has no column {FILE}, only {', '.join(columns) or 'none'}; name it so")
    if (column or LABEL) not in columns:
        others = [name for name in columns if name != FILE]
        raise NoSuchLabel(f"data.label: {table} has no column {quoted(column or LABEL)}{nearest(column, others)}")
    return rows


def captions_of(files: Sequence[Path], medium: Medium, where: str) -> list[str]:
    """What is in the .txt file beside each file. Raises UsageError for a file that has none, or one that is no text."""
    texts = [file.with_suffix(".txt") for file in files]
    missing = [(file, text) for file, text in zip(files, texts, strict=True) if not text.is_file()]
    if missing:
        file, text = missing[0]
        raise UsageError(
            f"{where}: {len(missing)} of {len(files)} {medium.noun} have no caption, the first is {file}; looked for "
            f"{text.name} beside it"
        )
    return [_text(text) for text in texts]


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: can't be read as text in UTF-8 ({error}); put it right") from None
