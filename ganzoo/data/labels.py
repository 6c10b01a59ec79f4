"""Finds the labels of files in folders, in labels.csv or by the folder each lies in, and their captions."""

import csv
import io
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from ganzoo.data.media import Medium, holds_any
from ganzoo.data.sources import NoSuchLabel
from ganzoo.errors import UsageError, nearest, quoted

CSV = "labels.csv"
FILE, LABEL = "file", "label"
"""Columns of the CSV. `data.label` may name another column of labels."""
SEPARATORS = (",", ";", "\t")
"""Separators of columns: which one a spreadsheet writes depends on the country."""


def labels_of(files: Sequence[Path], folder: Path, top: Path, column: str | None, medium: Medium) -> list[str]:
    """Returns the name of each file's class.

    The names come from the labels.csv in `folder`, or in the nearest folder above it up to `top`, with paths relative
    to that file. Without a labels.csv the class is the sub folder of `folder` that holds the file.

    Raises:
        UsageError: when a file has no label, or the CSV names a missing file.
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
        raise NoSuchLabel(
            f"{folder}: {len(lonely)} of {len(paths)} {medium.noun} have no label, the first is {lonely[0]}; looked "
            f"for sub folders, one for each class, and for {CSV} with the columns {FILE} and {LABEL}"
        )
    classes = [path[0] for path in paths]
    _warn_of_empty_folders(folder, set(classes), medium)
    return classes


def _warn_of_empty_folders(folder: Path, classes: set[str], medium: Medium) -> None:
    names = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith((".", "__"))
    )
    empty = [name for name in names if name not in classes and not holds_any(folder / name, medium)]
    if empty:
        shown = ", ".join(empty[:5]) + (", …" if len(empty) > 5 else "")
        warnings.warn(f"{folder}: no {medium.noun} in {shown}: no class is made of that", stacklevel=2)


def _from_csv(files: Sequence[Path], place: Path, column: str | None, medium: Medium) -> list[str]:
    table, labels = place / CSV, {}
    for number, (name, label) in _rows(table, column, medium):
        if not name or not label:
            raise UsageError(f"{table}: row {number} has no {column or LABEL if name else FILE}; fill it in")
        path = name.replace("\\", "/")
        # Unlike this, Path.is_file raises for a name that is too long.
        if not os.path.isfile(place / path):
            raise UsageError(f"{table}: row {number} names {quoted(name)}, and there is no such file; put it right")
        inside = _inside(place, path)
        if inside is None:
            raise UsageError(
                f"{table}: row {number} names {quoted(name)}, which is not in {place}; name files that are in it"
            )
        if labels.setdefault(inside, label) != label:
            raise UsageError(f"{table}: row {number} names {quoted(name)} again, with another label; remove one")
    names = [file.relative_to(place).as_posix() for file in files]
    missing = [name for name in names if name not in labels]
    if missing:
        raise UsageError(
            f"{table}: misses {len(missing)} of {len(names)} {medium.noun}, the first is {missing[0]}; add a row "
            "for each"
        )
    return [labels[name] for name in names]


def _inside(place: Path, path: str) -> str | None:
    """Returns the path of a file relative to a folder, also through links; None for a file that lies elsewhere."""
    folder, name = os.path.split(os.path.abspath(place / path))
    # Links are resolved only if needed, and never that of the file itself: a picture may be a link.
    for real in (os.path.abspath, os.path.realpath):
        found, top = PurePath(real(folder), name), real(place)
        if found.is_relative_to(top):
            return found.relative_to(top).as_posix()
    return None


def _rows(table: Path, column: str | None, medium: Medium) -> Iterator[tuple[int, tuple[str, str]]]:
    """Yields (row number, (file, label)) of all rows but the head and empty ones."""
    text = _text(table)
    if "\0" in text:
        raise UsageError(f"{table}: is in UTF-16, or no text; save it as UTF-8")
    lines = list(io.StringIO(text, newline=""))
    try:
        separator = _separator(lines[0] if lines else "")
        head, *rows = list(csv.reader(lines, delimiter=separator)) or [[]]
    except csv.Error as error:
        raise UsageError(f"{table}: can't be read as CSV ({error}); put it right") from None
    file = _column(head, FILE)
    if file is None:
        if any(cell.strip().lower().endswith(medium.extensions) for cell in head):
            raise UsageError(
                f"{table}: has no head, its first line is {quoted(separator.join(head))}; add "
                f"{FILE}{separator}{column or LABEL} above it"
            )
        raise UsageError(f"{table}: has no column {FILE}, only {', '.join(head) or 'none'}; name it so")
    label = _column(head, column or LABEL)
    if label is None:
        others = [name for place, name in enumerate(head) if place != file]
        raise NoSuchLabel(
            f"data.label: {table} has no column {quoted(column or LABEL)}{nearest(column, others)}", others
        )
    for number, row in enumerate(filter(None, rows), 2):
        yield number, tuple(row[place].strip() if place < len(row) else "" for place in (file, label))


def _separator(head: str) -> str:
    """Returns the separator that yields the column of files, or else the most frequent one."""
    with_files = (one for one in SEPARATORS if _column(next(csv.reader([head], delimiter=one), []), FILE) is not None)
    return next(with_files, max(SEPARATORS, key=head.count))


def _column(head: Sequence[str], name: str) -> int | None:
    """Returns the index of a column by its name, whatever the case and the spaces around it; None if there is none."""
    if name in head:
        return head.index(name)
    plain = [other.strip().casefold() for other in head]
    return plain.index(name.strip().casefold()) if name.strip().casefold() in plain else None


def captions_of(files: Sequence[Path], medium: Medium, where: str) -> list[str]:
    """Reads the .txt file beside each file. Raises UsageError when one is missing or is not text."""
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
    """Reads a text file. Raises UsageError when it can't be read or is not in UTF-8."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: can't be read as text in UTF-8 ({error}); save it as UTF-8") from None
